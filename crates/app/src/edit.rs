//! What a person says of torrents of the library: title, category, kept or not, seen or not.

use freshet_model::{ErrorCode, MediaKind, TorrentSummary, WireError};
use freshet_store::TorrentChange;

use crate::args::{TorrentEdit, ViewedSetAll};
use crate::error::Coded as _;
use crate::library::not_found;
use crate::{App, Description};

const MAX_TITLE_CHARS: usize = 300;
const MAX_CATEGORY_CHARS: usize = 60;

pub(crate) async fn edit(app: &App, args: TorrentEdit) -> Result<TorrentSummary, WireError> {
    let info_hash = args.info_hash;
    let title = args.title.map(|title| one_line(&title, MAX_TITLE_CHARS)).transpose()?;
    let category = args.category.map(|category| one_line(&category, MAX_CATEGORY_CHARS)).transpose()?;
    if let Some(title) = title {
        let change = TorrentChange::Named { title };
        let changed = app.inner.store.change_torrent(info_hash, change).await;
        changed.map_err(|error| error.wire())?.ok_or_else(|| not_found(info_hash))?;
    }
    if let Some(category) = category {
        let description = Description { category: Some(category), ..Description::default() };
        app.describe(info_hash, description).await?.ok_or_else(|| not_found(info_hash))?;
    }
    if let Some(is_kept) = args.is_kept {
        app.keep(info_hash, is_kept).await?.ok_or_else(|| not_found(info_hash))?;
    }
    let record = app.torrent(info_hash).await?.ok_or_else(|| not_found(info_hash))?;
    app.summary(&record).await
}

pub(crate) async fn set_viewed_all(app: &App, args: ViewedSetAll) -> Result<(), WireError> {
    let record = app.torrent(args.info_hash).await?.ok_or_else(|| not_found(args.info_hash))?;
    let marks = app.marks(args.info_hash).await?;
    let has_video = record.files.iter().any(|file| file.kind == MediaKind::Video);
    let kind = if has_video { MediaKind::Video } else { MediaKind::Audio };
    for file in record.files.iter().filter(|file| file.kind == kind) {
        let is_viewed = marks.get(file.index).is_some_and(|mark| mark.viewed);
        if is_viewed != args.viewed {
            app.set_viewed(args.info_hash, file.index, args.viewed).await?;
        }
    }
    Ok(())
}

/// The text without spaces around it.
fn one_line(text: &str, max_chars: usize) -> Result<String, WireError> {
    let text = text.trim();
    if text.chars().count() > max_chars || text.chars().any(char::is_control) {
        let message = format!("a title or category is one line of at most {max_chars} characters");
        return Err(WireError::new(ErrorCode::BadRequest, message));
    }
    Ok(text.to_owned())
}
