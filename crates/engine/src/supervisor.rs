//! Looks after the active torrents: failures, selection, idle ones, speeds.

use std::sync::{Arc, Weak};
use std::time::Duration;

use librqbit::ManagedTorrentState;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::active::ActiveTorrent;
use crate::engine::{Engine, Inner};
use crate::phase::{Failure, Phase};
use crate::stats;

const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// While a reader has nobody to get bytes from.
const URGENT_POLL_INTERVAL: Duration = Duration::from_millis(100);
const STATS_INTERVAL: Duration = Duration::from_millis(950);

/// Runs until the engine is gone.
pub(crate) async fn run(engine: Weak<Inner>, changed: Arc<Notify>) {
    let mut pause = Duration::ZERO;
    let mut stats_due = Instant::now();
    loop {
        tokio::select! {
            () = sleep(pause) => {}
            () = changed.notified() => {}
        }
        let Some(inner) = engine.upgrade() else { return };
        let is_stats_due = Instant::now() >= stats_due;
        if is_stats_due {
            stats_due = Instant::now() + STATS_INTERVAL;
        }
        let tasks = inner.tasks.clone();
        // A round of its own: what breaks it does not end the supervision of all torrents.
        let looked = tasks.run("look after torrents".to_owned(), round(inner, is_stats_due)).await;
        let is_urgent = looked.unwrap_or_else(|error| {
            tracing::warn!(%error, "a look at the torrents ended early");
            false
        });
        pause = if is_urgent { URGENT_POLL_INTERVAL } else { POLL_INTERVAL };
    }
}

/// Gives whether the next one should be soon.
async fn round(inner: Arc<Inner>, is_stats_due: bool) -> bool {
    let mut is_urgent = false;
    let torrents = inner.all();
    for torrent in &torrents {
        notice_failure(torrent);
        inner.select_files(torrent).await;
        is_urgent |= inner.keep_connected(torrent).await;
        deactivate_if_idle(&inner, torrent);
    }
    if is_stats_due {
        publish_stats(&inner, &torrents);
    }
    is_urgent
}

fn notice_failure(torrent: &ActiveTorrent) {
    let failure = torrent.handle.with_state(|state| match state {
        ManagedTorrentState::Error(error) => Some(Failure::from_chain(error)),
        _ => None,
    });
    if let Some(failure) = failure {
        if !torrent.is_failed() {
            tracing::warn!(info_hash = %torrent.info_hash, %failure, "torrent failed");
        }
        torrent.publish(Phase::Failed(failure));
    }
}

fn deactivate_if_idle(inner: &Arc<Inner>, torrent: &Arc<ActiveTorrent>) {
    if !torrent.close_if_idle(inner.idle_timeout()) {
        return;
    }
    let engine = Engine { inner: Arc::clone(inner) };
    let info_hash = torrent.info_hash;
    drop(inner.tasks.spawn(format!("close idle {info_hash}"), async move {
        if let Err(error) = engine.deactivate(info_hash, false).await {
            tracing::warn!(%info_hash, %error, "idle torrent not deactivated cleanly");
        }
        engine.inner.tell_idle(info_hash);
    }));
}

fn publish_stats(inner: &Inner, torrents: &[Arc<ActiveTorrent>]) {
    let now: Vec<_> = torrents.iter().map(|torrent| stats::of(torrent)).collect();
    inner.stats.send_if_modified(|current| {
        let has_news = !now.is_empty() || !current.is_empty();
        if has_news {
            *current = Arc::new(now);
        }
        has_news
    });
}
