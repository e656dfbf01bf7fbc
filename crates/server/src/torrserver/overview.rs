//! `GET /magnets` and `GET /stat`: lists for people.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse as _};
use freshet_model::{InfoHash, Magnet, TorrentRecord};

use super::{Answer, torrents};
use crate::state::ServerState;
use crate::ui;

pub(crate) async fn magnets(State(state): State<ServerState>) -> Answer {
    let mut html = String::from("<div>");
    for record in torrents::newest_first(&state.app).await? {
        let magnet = escape(&magnet(&record));
        let _ = write!(html, "<p><a href='{magnet}'>{magnet}</a></p>");
    }
    html.push_str("</div>");
    Ok(ui::with_page_headers(Html(html).into_response()))
}

pub(crate) async fn stat(State(state): State<ServerState>) -> Answer {
    let mut text = String::new();
    for record in torrents::newest_first(&state.app).await? {
        let status = torrents::status(&state, &record);
        let title = record.shown_title().replace(char::is_control, " ");
        let _ = writeln!(
            text,
            "{} {title}: {}, {} of {} bytes, {} peers, {} B/s down, {} B/s up",
            status.hash,
            status.stat_string,
            status.loaded_size,
            status.torrent_size,
            status.active_peers,
            status.download_speed,
            status.upload_speed
        );
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

fn magnet(record: &TorrentRecord) -> String {
    let bare: InfoHash = record.info_hash;
    Magnet {
        display_name: Some(record.shown_title()),
        trackers: record.trackers.iter().filter_map(|tracker| tracker.parse().ok()).collect(),
        ..Magnet::bare(bare)
    }
    .to_uri()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_can_not_leave_its_attribute() {
        assert_eq!(escape("a'b\"<&>"), "a&#39;b&#34;&lt;&amp;&gt;");
    }
}
