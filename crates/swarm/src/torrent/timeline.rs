//! What happened to a torrent, for who looks why it is slow.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::schedule::{Class, ReaderId};

/// What is remembered; the oldest goes.
const MAX_EVENTS: usize = 512;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineEvent {
    /// Since the torrent was started.
    pub at: Duration,
    pub what: Happening,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// So many connections that gave the metadata were offered to the torrent.
    Adopted {
        peers: u32,
    },
    FirstPeer(SocketAddr),
    FirstUnchoke(SocketAddr),
    FirstBlock(SocketAddr),
    /// The first piece that was right.
    FirstPiece,
    ReaderOpened {
        reader: ReaderId,
        class: Class,
        /// Of the torrent, as the end is.
        from_byte: u64,
        end_byte: u64,
    },
    /// The reader went to another byte of the torrent.
    Seek {
        reader: ReaderId,
        to_byte: u64,
    },
    /// The reader has waited for a while already.
    Dry {
        reader: ReaderId,
    },
    /// The reader got its first bytes after it was opened, went elsewhere or was dry.
    Served {
        reader: ReaderId,
        waited: Duration,
    },
    ReaderClosed {
        reader: ReaderId,
    },
    /// A peer that had sent to us does not any more.
    Choked(SocketAddr),
    /// Since the last look so many blocks were asked of a second peer.
    Hedges(u64),
    Banned(SocketAddr),
    /// A piece was right and could not be written.
    WriteFailed,
}

impl Happening {
    fn is_of_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Timeline {
    begun_at: Duration,
    events: VecDeque<TimelineEvent>,
    firsts: Vec<Happening>,
}

impl Timeline {
    pub(super) fn new(now: Duration) -> Self {
        Self { begun_at: now, events: VecDeque::new(), firsts: Vec::new() }
    }

    pub(super) fn begun_at(&self) -> Duration {
        self.begun_at
    }

    pub(super) fn note(&mut self, now: Duration, what: Happening) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(TimelineEvent { at: now.saturating_sub(self.begun_at), what });
    }

    /// Only the first of its kind is noted.
    pub(super) fn note_first(&mut self, now: Duration, what: Happening) {
        if !self.firsts.iter().any(|first| first.is_of_kind(&what)) {
            self.firsts.push(what);
            self.note(now, what);
        }
    }

    pub(super) fn events(&self) -> Vec<TimelineEvent> {
        self.events.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_and_a_first_is_noted_once() {
        let start = Duration::from_secs(5);
        let mut timeline = Timeline::new(start);
        let peers = [1, 2].map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        for peer in peers {
            timeline.note_first(start, Happening::FirstPeer(peer));
        }
        let first = TimelineEvent { at: Duration::ZERO, what: Happening::FirstPeer(peers[0]) };
        assert_eq!(timeline.events(), [first]);

        for second in 0..MAX_EVENTS as u64 {
            timeline.note(start + Duration::from_secs(second), Happening::Hedges(second));
        }
        let events = timeline.events();
        assert_eq!(events.len(), MAX_EVENTS);
        assert_eq!(events[0], TimelineEvent { at: Duration::ZERO, what: Happening::Hedges(0) });
        timeline.note_first(start, Happening::FirstPeer(peers[1]));
        assert_eq!(timeline.events(), events, "it is not the first though the first is gone");
    }
}
