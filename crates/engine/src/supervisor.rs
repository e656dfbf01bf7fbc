//! Looks after the active torrents: failures, selection, idle ones, speeds.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::active::ActiveTorrent;
use crate::engine::{Engine, Inner};
use crate::phase::Phase;

const POLL_INTERVAL: Duration = Duration::from_millis(500);
const STATS_INTERVAL: Duration = Duration::from_millis(950);

/// Runs until the engine is gone.
pub(crate) async fn run(engine: Weak<Inner>, changed: Arc<Notify>) {
    let mut stats_due = Instant::now();
    loop {
        tokio::select! {
            () = sleep(POLL_INTERVAL) => {}
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
        if let Err(error) = looked {
            tracing::warn!(%error, "a look at the torrents ended early");
        }
    }
}

async fn round(inner: Arc<Inner>, is_stats_due: bool) {
    let torrents = inner.all();
    for torrent in &torrents {
        notice_failure(torrent);
        inner.select_files(torrent).await;
        deactivate_if_idle(&inner, torrent);
    }
    inner.warm.let_cool();
    if is_stats_due {
        publish_stats(&inner, &torrents);
    }
}

fn notice_failure(torrent: &ActiveTorrent) {
    let failure = torrent.failure();
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
    let mut now: Vec<_> = torrents.iter().map(|torrent| torrent.stats()).collect();
    let is_active = |info_hash| torrents.iter().any(|torrent| torrent.info_hash == info_hash);
    now.extend(inner.resolving.stats().into_iter().filter(|stats| !is_active(stats.info_hash)));
    inner.stats.send_if_modified(|current| {
        let has_news = !now.is_empty() || !current.is_empty();
        if has_news {
            *current = Arc::new(now);
        }
        has_news
    });
}
