//! What peers are sent.
//!
//! Blocks are read from the disk on blocking threads, a few at a time for each peer, so that one who asks for much does not
//! fill the memory.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::ToTorrent;
use super::peers::Peer;
use super::task::Task;
use crate::choke::{Change, PeerView, Round};
use crate::layout::{Layout, PieceIndex};
use crate::peer::REQUEST_QUEUE;
use crate::pieces::TorrentFiles;
use crate::rate::Grant;
use crate::schedule::PeerId;
use crate::wire::Message;

/// What a peer may ask for at a time; we say so in the extension handshake.
const MAX_QUEUE: usize = REQUEST_QUEUE as usize;
/// The longest block that is sent (BEP 3: clients close the connection above this).
const MAX_REQUEST_BYTES: u32 = 128 * 1024;
/// Blocks that are read for one peer at a time.
const AT_ONCE: usize = 8;
const CHOKE_INTERVAL: Duration = Duration::from_secs(10);

/// A block as a peer asked for it; it need not be one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(super) piece: u32,
    pub(super) begin: u32,
    pub(super) length: u32,
}

impl Asked {
    /// Whether the torrent has such bytes.
    pub(super) fn is_sound(&self, layout: &Layout) -> bool {
        let end = u64::from(self.begin) + u64::from(self.length);
        self.length > 0
            && self.length <= MAX_REQUEST_BYTES
            && end <= u64::from(layout.bytes_of(PieceIndex(self.piece)))
    }
}

/// What was read; `None` if it is not there any more.
pub(crate) type Loaded = Vec<(Asked, Option<Bytes>)>;

/// The requests of one peer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Asked>,
    pub(super) is_loading: bool,
}

impl Queue {
    /// False if the queue is full.
    pub(super) fn push(&mut self, asked: Asked) -> bool {
        let has_room = self.waiting.len() < MAX_QUEUE;
        if has_room && !self.waiting.contains(&asked) {
            self.waiting.push_back(asked);
        }
        has_room
    }

    pub(super) fn cancel(&mut self, asked: Asked) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| *waiting != asked);
        self.waiting.len() != before
    }

    pub(super) fn take(&mut self, count: usize) -> Vec<Asked> {
        self.waiting.drain(..count.min(self.waiting.len())).collect()
    }

    pub(super) fn clear(&mut self) -> Vec<Asked> {
        self.waiting.drain(..).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// Reads blocks. Blocks the thread.
fn load(asked: Vec<Asked>, files: &TorrentFiles) -> Loaded {
    let layout = files.layout();
    let read = |asked: Asked| {
        let mut buf = vec![0; asked.length as usize];
        let at = layout.start_of(PieceIndex(asked.piece)) + u64::from(asked.begin);
        let is_read = files.read(at, &mut buf).is_ok();
        (asked, is_read.then(|| Bytes::from(buf)))
    };
    asked.into_iter().map(read).collect()
}

impl Task {
    pub(super) fn asked(&mut self, id: PeerId, asked: Asked) {
        let is_here = asked.is_sound(&self.spec.layout) && self.has(PieceIndex(asked.piece));
        let is_unchoked = self.choker.is_unchoked(id.0) && !self.is_paused;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let is_taken = is_here && is_unchoked && peer.queue.push(asked);
        if is_taken {
            self.load(id);
        } else if peer.supports_fast {
            let Asked { piece, begin, length } = asked;
            self.tell(id, Message::Reject { piece, begin, length });
        }
    }

    fn load(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.queue.is_loading || peer.queue.is_empty() {
            return;
        }
        peer.queue.is_loading = true;
        let asked = peer.queue.take(AT_ONCE);
        let bytes = asked.iter().map(|asked| u64::from(asked.length)).sum();
        let files = self.files.clone();
        let inbox = self.inbox.clone();
        let limits = std::sync::Arc::clone(&self.context.limits);
        let epoch = self.context.epoch;
        self.context.tasks.spawn(async move {
            loop {
                let grant = {
                    let mut up = limits.up.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    up.take(epoch.elapsed(), bytes)
                };
                match grant {
                    Grant::Pass => break,
                    Grant::Wait(wait) => tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = inbox.closed() => return,
                    },
                }
            }
            if let Ok(loaded) = tokio::task::spawn_blocking(move || load(asked, &files)).await {
                let _ = inbox.send(ToTorrent::Uploaded(id, loaded)).await;
            }
        });
    }

    pub(super) fn uploaded(&mut self, id: PeerId, loaded: Loaded) {
        let now = self.now();
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.queue.is_loading = false;
        }
        let is_unchoked = self.choker.is_unchoked(id.0);
        for (Asked { piece, begin, length }, data) in loaded {
            let is_here = self.has(PieceIndex(piece));
            let Some(peer) = self.peers.get_mut(&id) else { return };
            match data.filter(|_| is_here && is_unchoked) {
                Some(data) => {
                    peer.up.add(now, data.len() as u64);
                    self.up.add(now, data.len() as u64);
                    self.has_news_to_remember = true;
                    self.tell(id, Message::Piece { piece, begin, data });
                }
                None if peer.supports_fast => self.tell(id, Message::Reject { piece, begin, length }),
                None => {}
            }
        }
        self.load(id);
    }

    pub(super) fn choose_uploads(&mut self, now: Duration) {
        if !self.context.dialer.settings().uploads {
            self.choke_all();
            self.choked_at = None;
            return;
        }
        let is_due = self.choked_at.is_none_or(|at| now.saturating_sub(at) >= CHOKE_INTERVAL);
        if !is_due || self.is_paused {
            return;
        }
        self.choked_at = Some(now);
        let view = |(id, peer): (&PeerId, &Peer)| PeerView {
            key: id.0,
            is_interested: peer.is_interested,
            is_seed: peer.is_seed,
            owes_blocks_for: if self.scheduler.requests_of(*id).next().is_some() {
                now.saturating_sub(peer.heard_at)
            } else {
                Duration::ZERO
            },
            from_peer_bytes_per_sec: peer.down.bytes_per_sec(now),
            to_peer_bytes_per_sec: peer.up.bytes_per_sec(now),
        };
        let mut views: Vec<PeerView> = self.peers.iter().map(view).collect();
        views.sort_unstable_by_key(|view| view.key);
        let has_spare_upload = {
            let mut up = self.context.limits.up.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            up.wait(now).is_zero()
        };
        let round = Round { now, is_seeding: self.is_complete(), has_spare_upload };
        for (key, change) in self.choker.round(round, &views, &mut rand::rng()) {
            self.change_choke(PeerId(key), change);
        }
    }

    fn change_choke(&mut self, id: PeerId, change: Change) {
        match change {
            Change::Unchoke => self.tell(id, Message::Unchoke),
            Change::Choke => {
                let Some(peer) = self.peers.get_mut(&id) else { return };
                let dropped = peer.queue.clear();
                let supports_fast = peer.supports_fast;
                self.tell(id, Message::Choke);
                for Asked { piece, begin, length } in dropped {
                    if supports_fast {
                        self.tell(id, Message::Reject { piece, begin, length });
                    }
                }
            }
        }
    }

    pub(super) fn choke_all(&mut self) {
        let unchoked: Vec<PeerId> =
            self.peers.keys().copied().filter(|id| self.choker.is_unchoked(id.0)).collect();
        for id in unchoked {
            self.change_choke(id, Change::Choke);
        }
        self.choker = crate::choke::Choker::new(crate::choke::Config::default());
    }
}
