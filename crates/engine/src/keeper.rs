//! Keeps a waiting reader connected: when known peers are all gone, they are dialed again soon.
//!
//! Peers that hang up are tried again by the session after pauses that suit a download in the background, not somebody
//! who waits for a picture. Many hang up for a moment only: one that has just given the details of a magnet may refuse
//! a second connection until it has noticed the end of the first. So when nobody is connected while a reader waits,
//! transfers start anew, which dials everybody at once. Readers don't see it: their reads just go on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::active::ActiveTorrent;
use crate::engine::Inner;
use crate::phase::Phase;
use crate::stats;

/// How long nobody is connected before the next dial. The last one repeats as long as a reader waits: trackers are
/// asked again with every dial.
const WAITS: [Duration; 8] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(180),
    Duration::from_secs(300),
];
/// A dial breaks off connections that are being made; they get this much more time than peers that refuse.
const CONNECTING_FACTOR: u32 = 4;
/// A dial that is older than this and has brought bytes was a good one.
const SETTLED: Duration = Duration::from_secs(10);

/// What the keeper has to know about one torrent.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// Readers that wait for bytes at this moment.
    starving: AtomicUsize,
    dialing: Mutex<Dialing>,
}

/// As long as this lives, a reader waits for bytes.
pub(crate) struct Starving(Arc<ActiveTorrent>);

impl Starving {
    pub(crate) fn begin(torrent: &Arc<ActiveTorrent>) -> Self {
        torrent.keeper.starving.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(torrent))
    }
}

impl Drop for Starving {
    fn drop(&mut self) {
        self.0.keeper.starving.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Keeper {
    pub(crate) fn new() -> Self {
        Self { starving: AtomicUsize::new(0), dialing: Mutex::new(Dialing::new(Instant::now())) }
    }

    /// Somebody opened a file, or transfers start: what was in vain long ago is tried as if for the first time.
    pub(crate) fn begin(&self) {
        self.dialing().begin(Instant::now());
    }

    fn dialing(&self) -> MutexGuard<'_, Dialing> {
        self.dialing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a torrent stands with its peers.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    is_starving: bool,
    known: u32,
    connected: u32,
    /// Being connected, or next.
    connecting: u32,
    /// Since the last dial.
    checked_bytes: u64,
}

impl Look {
    fn at(torrent: &ActiveTorrent) -> Self {
        let Some(live) = torrent.handle.live() else { return Self::default() };
        let peers = live.stats_snapshot().peer_stats;
        Self {
            is_starving: torrent.keeper.starving.load(Ordering::Relaxed) > 0,
            known: peers.seen,
            connected: peers.live,
            connecting: peers.connecting + peers.queued,
            checked_bytes: live.get_downloaded_bytes(),
        }
    }
}

/// When to dial again.
#[derive(Debug)]
struct Dialing {
    /// Dials in vain, one after the other.
    attempts: usize,
    dialed_at: Instant,
    /// Since when a reader waits and nobody is connected.
    alone_since: Option<Instant>,
}

impl Dialing {
    fn new(now: Instant) -> Self {
        Self { attempts: 0, dialed_at: now, alone_since: None }
    }

    fn begin(&mut self, now: Instant) {
        if now.duration_since(self.dialed_at) >= SETTLED {
            *self = Self { dialed_at: self.dialed_at, ..Self::new(now) };
        }
    }

    /// Takes note of how things stand; gives whether to dial now.
    fn is_due(&mut self, now: Instant, look: Look) -> bool {
        if look.connected > 0 {
            self.alone_since = None;
            if look.checked_bytes > 0 && now.duration_since(self.dialed_at) >= SETTLED {
                self.attempts = 0;
            }
            return false;
        }
        if !look.is_starving || look.known == 0 {
            self.alone_since = None;
            return false;
        }
        let alone_since = *self.alone_since.get_or_insert(now);
        let mut wait = WAITS[self.attempts.min(WAITS.len() - 1)];
        if look.connecting > 0 {
            wait *= CONNECTING_FACTOR;
        }
        if now.duration_since(alone_since) < wait {
            return false;
        }
        *self = Self { attempts: self.attempts + 1, dialed_at: now, alone_since: Some(now) };
        true
    }
}

impl Inner {
    /// Dials again if that is due. Gives whether a reader is without a connection, so that the next look should be
    /// soon.
    pub(crate) async fn keep_connected(self: &Arc<Self>, torrent: &Arc<ActiveTorrent>) -> bool {
        let is_live = matches!(&*torrent.phase.borrow(), Phase::Live);
        if !is_live || !torrent.has_readers() {
            return false;
        }
        let look = Look::at(torrent);
        let is_due = torrent.keeper.dialing().is_due(Instant::now(), look);
        if is_due {
            let inner = Arc::clone(self);
            let torrent = Arc::clone(torrent);
            let name = format!("dial again {}", torrent.info_hash);
            let dial = async move { inner.dial_again(&torrent).await };
            if let Err(error) = self.tasks.run(name, dial).await {
                tracing::debug!(%error, "not dialed again");
            }
        }
        look.connected == 0
    }

    /// Starts transfers anew with an empty table of peers, unless somebody was faster or wants something else.
    async fn dial_again(&self, torrent: &Arc<ActiveTorrent>) {
        let _turn = self.turns.take(torrent.info_hash).await;
        let is_wanted = !self.is_paused()
            && !torrent.is_failed()
            && self.torrent(torrent.info_hash).is_some_and(|current| Arc::ptr_eq(&current, torrent));
        let is_alone = torrent.handle.live().is_some_and(|live| live.stats_snapshot().peer_stats.live == 0);
        if !is_wanted || !is_alone {
            return;
        }
        // The counters of the session start anew: ours take over what they show now.
        stats::of(torrent);
        tracing::debug!(info_hash = %torrent.info_hash, "nobody is connected: dialing again");
        let dialed = match self.session.pause(&torrent.handle).await {
            Ok(()) => self.session.unpause(&torrent.handle).await,
            Err(error) => Err(error),
        };
        if let Err(error) = dialed {
            tracing::warn!(info_hash = %torrent.info_hash, error = format!("{error:#}"), "not dialed again");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use freshet_model::{AddressPolicy, FileIndex, Metainfo};

    use super::*;
    use crate::{Engine, EngineConfig, EngineLimits, TorrentSpec};

    const ALONE: Look = Look { is_starving: true, known: 1, connected: 0, connecting: 0, checked_bytes: 0 };
    const CONNECTED: Look = Look { connected: 1, ..ALONE };

    /// The seconds, looked at every 100 ms, at which a dial is due.
    fn dials(dialing: &mut Dialing, start: Instant, secs: std::ops::Range<u32>, look: Look) -> Vec<f32> {
        (secs.start * 10..secs.end * 10)
            .filter(|tick| dialing.is_due(start + Duration::from_millis(100) * *tick, look))
            .map(|tick| tick as f32 / 10.0)
            .collect()
    }

    #[test]
    fn waits_grow_while_nobody_answers() {
        let start = Instant::now();
        let mut dialing = Dialing::new(start);

        let at = dials(&mut dialing, start, 0..1200, ALONE);

        assert_eq!(at, [0.5, 1.5, 3.5, 8.5, 23.5, 83.5, 263.5, 563.5, 863.5, 1163.5]);
    }

    #[test]
    fn peers_that_are_being_connected_get_more_time() {
        let start = Instant::now();
        let connecting = Look { connecting: 3, ..ALONE };

        let at = dials(&mut Dialing::new(start), start, 0..40, connecting);

        assert_eq!(at, [2.0, 6.0, 14.0, 34.0]);
    }

    #[test]
    fn nobody_is_dialed_without_need() {
        let start = Instant::now();
        let table = [
            ("nobody waits", Look { is_starving: false, ..ALONE }),
            ("nobody is known", Look { known: 0, ..ALONE }),
            ("somebody is connected", CONNECTED),
        ];
        for (what, look) in table {
            let mut dialing = Dialing::new(start);
            // The time before does not count afterwards.
            assert_eq!(dials(&mut dialing, start, 0..100, look), Vec::<f32>::new(), "{what}");
            assert_eq!(dials(&mut dialing, start, 100..101, ALONE), [100.5], "{what}");
        }
    }

    #[test]
    fn only_a_dial_that_lasted_and_brought_bytes_makes_the_waits_short_again() {
        let start = Instant::now();
        let brought = Look { checked_bytes: 1, ..CONNECTED };
        for (secs, look, next) in [(9, brought, 2.0), (11, brought, 0.5), (11, CONNECTED, 2.0)] {
            let mut dialing = Dialing::new(start);
            assert_eq!(dials(&mut dialing, start, 0..2, ALONE), [0.5, 1.5]);
            assert_eq!(dials(&mut dialing, start, 2..secs + 2, look), Vec::<f32>::new());
            let gone_at = secs + 2;
            let at = dials(&mut dialing, start, gone_at..gone_at + 3, ALONE);
            assert_eq!(at.first(), Some(&(gone_at as f32 + next)), "{secs}");
        }
    }

    #[test]
    fn a_new_reader_does_not_wait_for_what_failed_long_ago() {
        let start = Instant::now();
        let mut dialing = Dialing::new(start);
        dials(&mut dialing, start, 0..100, ALONE);
        dialing.begin(start + Duration::from_secs(100));
        assert_eq!(dials(&mut dialing, start, 100..101, ALONE), [100.5]);

        // But one after the other does not make the waits short.
        dialing.begin(start + Duration::from_secs(101));
        assert_eq!(dials(&mut dialing, start, 101..103, ALONE), [101.5]);
        dialing.begin(start + Duration::from_secs(103));
        assert_eq!(dials(&mut dialing, start, 103..104, ALONE), [103.5]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_dial_and_a_pause_take_turns_and_the_pause_stays() {
        let dir = tempfile::tempdir().unwrap();
        let config = EngineConfig {
            pieces_dir: dir.path().join("pieces"),
            dht_state_path: dir.path().join("dht.json"),
            peer_port: 0,
            enable_dht: false,
            addresses: AddressPolicy::PrivateToo,
            download_limit_bytes_per_sec: 0,
            upload_limit_bytes_per_sec: 0,
            limits: EngineLimits::default(),
        };
        let engine = Engine::start(config).await.unwrap();
        let torrent_file =
            b"d4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";
        let info_hash = Metainfo::parse(torrent_file).unwrap().info_hash;
        let spec = TorrentSpec {
            info_hash,
            torrent_file: Arc::from(&torrent_file[..]),
            trackers: Vec::new(),
            peers: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 9))],
        };
        engine.activate(spec).await.unwrap();
        let _reader = engine.open_file(info_hash, FileIndex(0)).await.unwrap();
        let inner = &engine.inner;
        let torrent = inner.torrent(info_hash).unwrap();
        let mut phase = torrent.phase.subscribe();
        let first = torrent.handle.live().unwrap();

        inner.dial_again(&torrent).await;
        let second = torrent.handle.live().unwrap();
        assert!(!Arc::ptr_eq(&first, &second), "transfers start anew");
        assert!(!phase.has_changed().unwrap(), "readers don't see it");

        let turn = inner.turns.take(info_hash).await;
        {
            let mut late = std::pin::pin!(inner.dial_again(&torrent));
            assert!(futures::poll!(late.as_mut()).is_pending());
            inner.set_is_paused(true);
            drop(turn);
            late.await;
        }
        assert!(Arc::ptr_eq(&second, &torrent.handle.live().unwrap()), "the pause came first");

        engine.set_paused(true).await;
        inner.dial_again(&torrent).await;
        assert!(torrent.handle.live().is_none());
        assert_eq!(*phase.borrow_and_update(), Phase::Paused);
        engine.set_paused(false).await;
        assert!(torrent.handle.live().is_some());
    }
}
