//! Puts the info dictionary of a magnet link together from what several peers send at once (BEP 9).
//!
//! A piece of it has no hash of its own: only the whole can be checked. So the peers that say the same length first share
//! one draft; if that comes out wrong, nobody knows who lied, and from then on each of them makes a draft of its own.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use freshet_model::InfoHash;
use sha1::{Digest, Sha1};

use super::metadata::METADATA_PIECE_BYTES;

/// A longer info dictionary is not asked for. A torrent file has the same ceiling.
pub const MAX_METADATA_BYTES: u32 = 10 * 1024 * 1024;
/// A piece that has not come by then is asked of a second peer too: it is small, and somebody waits.
pub const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// A peer that has not sent a piece by then is no longer counted on, and does not hold up others that are.
pub const LATE_AFTER: Duration = Duration::from_secs(4);
/// A piece that has not come by then is no longer waited for.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// A peer that refused is left alone for so long: it has nothing, or we asked too much.
pub const REFUSED_FOR: Duration = Duration::from_secs(10);

/// More pieces are not asked of one peer at a time: some clients refuse whoever asks for many.
const MAX_IN_FLIGHT: usize = 2;
/// So many peers with the same length make a draft of their own at a time.
const MAX_OWN_DRAFTS: usize = 4;
/// So many drafts may stay when the peers that made them are gone.
const MAX_LEFT_DRAFTS: usize = 4;
/// What all drafts hold together; beyond that, the one that the fewest peers stand for starts again.
const MAX_HELD_BYTES: usize = 32 * 1024 * 1024;

/// What a piece brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// More pieces are needed.
    More,
    /// The info dictionary, whose SHA-1 is the info hash. Whether it makes sense is for `Metainfo` to say.
    Done(Bytes),
    /// Who sent something wrong, in ascending order. One alone surely lied, and is asked no more; of several, at least one
    /// did.
    Wrong { peers: Vec<u64> },
}

/// Collects one info dictionary. Peers are numbers that the caller gives, each to one connection.
///
/// It holds at most 32 MiB, whatever they send; how many peers there are is for the caller to bound.
#[derive(Debug)]
pub struct Assembly {
    info_hash: InfoHash,
    peers: HashMap<u64, Peer>,
    drafts: Vec<Draft>,
    /// Lengths for which a shared draft came out wrong.
    distrusted: Vec<u32>,
    is_done: bool,
}

#[derive(Debug)]
struct Peer {
    total_bytes: u32,
    in_flight: Vec<Asked>,
    refused_at: Option<Instant>,
    is_liar: bool,
    /// How it answered, as far as it was asked.
    manner: Manner,
}

/// Who answers better is not held up by what others were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Manner {
    Silent,
    Unknown,
    Answers,
}

impl Peer {
    fn manner(&self, now: Instant) -> Manner {
        if self.is_late(now) { Manner::Silent } else { self.manner }
    }

    fn is_late(&self, now: Instant) -> bool {
        self.in_flight.iter().any(|asked| now.duration_since(asked.at) >= LATE_AFTER)
    }
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    piece: u32,
    at: Instant,
}

impl Assembly {
    pub fn new(info_hash: InfoHash) -> Self {
        Self { info_hash, peers: HashMap::new(), drafts: Vec::new(), distrusted: Vec::new(), is_done: false }
    }

    /// The peer says that it has the info dictionary, and how long that is. Gives whether we take it: not if that is 0 or
    /// more than [`MAX_METADATA_BYTES`], and not from a liar.
    pub fn peer_offers(&mut self, peer: u64, total_bytes: u32) -> bool {
        let known = self.peers.get(&peer);
        if total_bytes == 0 || total_bytes > MAX_METADATA_BYTES || known.is_some_and(|known| known.is_liar) {
            return false;
        }
        if known.is_none_or(|known| known.total_bytes != total_bytes) {
            self.peer_left(peer);
            let offer = Peer {
                total_bytes,
                in_flight: Vec::new(),
                refused_at: None,
                is_liar: false,
                manner: Manner::Unknown,
            };
            self.peers.insert(peer, offer);
        }
        true
    }

    /// The next piece to ask this peer for, which counts as asked from now on. The caller asks until there is none,
    /// whenever something came, and about once a second.
    pub fn next_request(&mut self, peer: u64, now: Instant) -> Option<u32> {
        let known = self.peers.get_mut(&peer)?;
        let asked = known.in_flight.len();
        known.in_flight.retain(|asked| now.duration_since(asked.at) < GIVE_UP_AFTER);
        if known.in_flight.len() < asked {
            known.manner = Manner::Silent;
        }
        let has_refused = known.refused_at.is_some_and(|at| now.duration_since(at) < REFUSED_FOR);
        if self.is_done || known.is_liar || has_refused || known.in_flight.len() >= MAX_IN_FLIGHT {
            return None;
        }
        let draft = self.draft_for(peer, now)?;
        let piece = self.missing_piece(draft, peer, now)?;
        self.peers.get_mut(&peer)?.in_flight.push(Asked { piece, at: now });
        Some(piece)
    }

    /// A piece came. One that was not asked of this peer, or came too late, counts for nothing.
    ///
    /// The last piece has the whole hashed: some 10 ms for the longest.
    pub fn received(&mut self, peer: u64, piece: u32, data: &[u8]) -> Progress {
        let Some(sender) = self.peers.get_mut(&peer) else { return Progress::More };
        let Some(at) = sender.in_flight.iter().position(|asked| asked.piece == piece) else {
            return Progress::More;
        };
        sender.in_flight.swap_remove(at);
        sender.refused_at = None;
        sender.manner = Manner::Answers;
        if data.len() != piece_bytes(sender.total_bytes, piece) {
            return self.caught(peer);
        }
        self.make_room(data.len());
        let Some(draft) = self.existing_draft_for(peer) else { return Progress::More };
        self.drafts[draft].put(piece, peer, data);
        if self.drafts[draft].is_whole() { self.check(draft) } else { Progress::More }
    }

    /// The peer refused to send this piece: it is asked for nothing until [`REFUSED_FOR`] has passed.
    pub fn rejected(&mut self, peer: u64, piece: u32, now: Instant) {
        if let Some(peer) = self.peers.get_mut(&peer)
            && peer.in_flight.iter().any(|asked| asked.piece == piece)
        {
            peer.in_flight.retain(|asked| asked.piece != piece);
            peer.refused_at = Some(now);
        }
    }

    /// The connection is gone. What the peer gave to a shared draft stays.
    pub fn peer_left(&mut self, peer: u64) {
        self.peers.remove(&peer);
        self.drafts.retain(|draft| draft.owner != Some(peer));
        let is_offered = |bytes: u32| self.peers.values().any(|peer| peer.total_bytes == bytes);
        // Else each connection could leave another length behind.
        if self.drafts.len() > MAX_LEFT_DRAFTS {
            self.drafts.retain(|draft| is_offered(draft.total_bytes));
        }
        self.distrusted.retain(|bytes| is_offered(*bytes));
    }

    /// The draft to which this peer adds, if it was begun.
    fn existing_draft_for(&self, peer: u64) -> Option<usize> {
        let total_bytes = self.peers.get(&peer)?.total_bytes;
        let owner = self.distrusted.contains(&total_bytes).then_some(peer);
        self.drafts.iter().position(|draft| draft.total_bytes == total_bytes && draft.owner == owner)
    }

    /// The draft to which this peer adds; nothing if enough others make their own.
    fn draft_for(&mut self, peer: u64, now: Instant) -> Option<usize> {
        if let Some(draft) = self.existing_draft_for(peer) {
            return Some(draft);
        }
        let total_bytes = self.peers.get(&peer)?.total_bytes;
        let owner = self.distrusted.contains(&total_bytes).then_some(peer);
        if owner.is_some() {
            let is_rival = |draft: &Draft| draft.total_bytes == total_bytes && draft.owner.is_some();
            if self.drafts.iter().filter(|draft| is_rival(draft)).count() >= MAX_OWN_DRAFTS {
                let stuck =
                    self.drafts.iter().position(|draft| is_rival(draft) && self.is_stuck(draft, now))?;
                self.drafts.swap_remove(stuck);
            }
        }
        self.drafts.push(Draft::new(total_bytes, owner));
        Some(self.drafts.len() - 1)
    }

    /// Whether the owner of this draft adds nothing to it, so that another peer may have its place.
    fn is_stuck(&self, draft: &Draft, now: Instant) -> bool {
        let Some(owner) = draft.owner.and_then(|owner| self.peers.get(&owner)) else { return true };
        owner.refused_at.is_some() || owner.is_late(now)
    }

    /// A piece that nobody was asked for; if there is none, the one that others have kept us waiting for the longest.
    fn missing_piece(&self, draft: usize, peer: u64, now: Instant) -> Option<u32> {
        let draft = &self.drafts[draft];
        let asker = self.peers.get(&peer)?;
        let manner = asker.manner(now);
        let mut waits: HashMap<u32, Wait> = HashMap::new();
        for (_, other) in self.peers.iter().filter(|(id, other)| draft.is_open_to(**id, other.total_bytes)) {
            let is_counted_on = other.manner(now) >= manner;
            for asked in &other.in_flight {
                waits.entry(asked.piece).or_default().add(asked.at, is_counted_on);
            }
        }
        let late = || {
            draft
                .missing()
                .filter(|piece| asker.in_flight.iter().all(|asked| asked.piece != *piece))
                .filter_map(|piece| Some((waits.get(&piece)?, piece)))
                .filter(|(wait, _)| wait.is_over(now))
                .min_by_key(|(wait, piece)| (wait.counted_on.max(wait.others), *piece))
                .map(|(_, piece)| piece)
        };
        draft.missing().find(|piece| !waits.contains_key(piece)).or_else(late)
    }

    /// Hashes a whole draft, which is none afterwards.
    fn check(&mut self, draft: usize) -> Progress {
        let draft = self.drafts.swap_remove(draft);
        let whole = draft.concat();
        if Sha1::digest(&whole)[..] == self.info_hash.as_bytes()[..] {
            self.is_done = true;
            self.drafts.clear();
            return Progress::Done(whole.into());
        }
        let peers = draft.contributors();
        if let [liar] = peers[..] {
            return self.caught(liar);
        }
        self.distrusted.push(draft.total_bytes);
        // What was asked for the shared draft is asked again for the peers' own ones.
        for peer in self.peers.values_mut().filter(|peer| peer.total_bytes == draft.total_bytes) {
            peer.in_flight.clear();
        }
        Progress::Wrong { peers }
    }

    /// This peer surely lied. What it gave is dropped.
    fn caught(&mut self, liar: u64) -> Progress {
        if let Some(peer) = self.peers.get_mut(&liar) {
            peer.is_liar = true;
            peer.in_flight.clear();
        }
        self.drafts.retain(|draft| draft.owner != Some(liar));
        for draft in &mut self.drafts {
            draft.forget(|from| from == liar);
        }
        Progress::Wrong { peers: vec![liar] }
    }

    /// Empties drafts until so many bytes more may be held.
    fn make_room(&mut self, bytes: usize) {
        while self.drafts.iter().map(|draft| draft.held_bytes).sum::<usize>() + bytes > MAX_HELD_BYTES {
            let rank = |draft: &Draft| {
                let stands_for =
                    |(id, peer): (&u64, &Peer)| !peer.is_liar && draft.is_open_to(*id, peer.total_bytes);
                let supporters = self.peers.iter().filter(|peer| stands_for(*peer)).count();
                (supporters, std::cmp::Reverse(draft.held_bytes))
            };
            let held = self.drafts.iter().enumerate().filter(|(_, draft)| draft.held_bytes != 0);
            let Some((weakest, _)) = held.min_by_key(|(_, draft)| rank(draft)) else { return };
            self.drafts[weakest].forget(|_| true);
        }
    }
}

/// Since when a piece has been waited for.
#[derive(Debug, Default)]
struct Wait {
    /// The last time that a peer was asked who is counted on, and how many of them were.
    counted_on: Option<Instant>,
    peers: usize,
    /// The first time that another one was asked.
    others: Option<Instant>,
}

impl Wait {
    fn add(&mut self, at: Instant, is_counted_on: bool) {
        if is_counted_on {
            self.counted_on = self.counted_on.max(Some(at));
            self.peers += 1;
        } else {
            self.others = Some(self.others.map_or(at, |first| first.min(at)));
        }
    }

    /// Whether one more peer may be asked.
    fn is_over(&self, now: Instant) -> bool {
        let patience = if self.peers == 1 { AGAIN_AFTER } else { LATE_AFTER };
        let has_waited =
            |since: Option<Instant>, patience| since.is_none_or(|at| now.duration_since(at) >= patience);
        has_waited(self.counted_on, patience) && has_waited(self.others, AGAIN_AFTER)
    }
}

/// What has come of one info dictionary.
#[derive(Debug)]
struct Draft {
    total_bytes: u32,
    /// The only peer that adds to it; `None` if all do that say this length.
    owner: Option<u64>,
    pieces: Vec<Option<Held>>,
    held_bytes: usize,
}

#[derive(Debug)]
struct Held {
    from: u64,
    /// Copied: what came over the wire keeps all the memory alive that it was read into.
    data: Box<[u8]>,
}

impl Draft {
    fn new(total_bytes: u32, owner: Option<u64>) -> Self {
        let pieces = (0..total_bytes.div_ceil(METADATA_PIECE_BYTES)).map(|_| None).collect();
        Self { total_bytes, owner, pieces, held_bytes: 0 }
    }

    fn is_open_to(&self, peer: u64, total_bytes: u32) -> bool {
        self.owner.map_or(self.total_bytes == total_bytes, |owner| owner == peer)
    }

    fn missing(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.pieces).filter(|(_, held)| held.is_none()).map(|(piece, _)| piece)
    }

    fn is_whole(&self) -> bool {
        self.held_bytes == self.total_bytes as usize
    }

    /// Keeps a piece of the right length, unless it came before.
    fn put(&mut self, piece: u32, from: u64, data: &[u8]) {
        if let Some(slot @ None) = self.pieces.get_mut(piece as usize) {
            *slot = Some(Held { from, data: data.into() });
            self.held_bytes += data.len();
        }
    }

    fn forget(&mut self, is_bad: impl Fn(u64) -> bool) {
        for slot in &mut self.pieces {
            if let Some(held) = slot.take_if(|held| is_bad(held.from)) {
                self.held_bytes -= held.data.len();
            }
        }
    }

    fn concat(&self) -> Vec<u8> {
        let mut whole = Vec::with_capacity(self.held_bytes);
        for held in self.pieces.iter().flatten() {
            whole.extend_from_slice(&held.data);
        }
        whole
    }

    fn contributors(&self) -> Vec<u64> {
        let mut peers: Vec<u64> = self.pieces.iter().flatten().map(|held| held.from).collect();
        peers.sort_unstable();
        peers.dedup();
        peers
    }
}

/// Length of a piece of an info dictionary; 0 if there is no such piece.
fn piece_bytes(total_bytes: u32, piece: u32) -> usize {
    let start = piece.saturating_mul(METADATA_PIECE_BYTES);
    total_bytes.saturating_sub(start).min(METADATA_PIECE_BYTES) as usize
}

#[cfg(test)]
#[path = "assembly_tests.rs"]
mod tests;
