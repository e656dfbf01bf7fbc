//! Who sent bad data, and who is no longer spoken to.
//!
//! Only whole pieces have hashes (BEP 3), so a piece that fails does not tell which of its blocks is bad. [`Blame`]
//! remembers what each peer sent, until the piece comes right and shows who had lied. [`Bans`] keeps the liars out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use freshet_model::{InfoHash, is_global};
use sha1::{Digest, Sha1};

use crate::blocklist::Blocklist;
use crate::layout::PieceIndex;

/// How many bans are kept; the ones that would end first give way.
const MAX_BANS: usize = 4096;

/// How many blocks of failed pieces are remembered, about 60 bytes each: four pieces of the largest kind.
const MAX_REMEMBERED_BLOCKS: usize = 64 * 1024;

/// Whom a ban hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum BanKey {
    /// Whoever speaks from there. Of IPv6 the first 64 bits, as whoever has one address there has them all.
    Host(IpAddr),
    /// One program only: behind a private or loopback address other people's good peers can live (a tunnel, a test, a
    /// computer next door). A liar that calls us from there comes back with another port; that is the price.
    Program(SocketAddr),
    /// One address of a torrent's files on a web server, by a digest. Peers can live on the same computer, and other
    /// torrents' files on the same server.
    WebSeed([u8; 20]),
}

impl BanKey {
    pub(crate) fn of_web_seed(info_hash: InfoHash, url: &str) -> Self {
        Self::WebSeed(Sha1::new().chain_update(info_hash.as_bytes()).chain_update(url).finalize().into())
    }
}

impl From<SocketAddr> for BanKey {
    fn from(address: SocketAddr) -> Self {
        let ip = address.ip().to_canonical();
        match ip {
            _ if !is_global(ip) => Self::Program(SocketAddr::new(ip, address.port())),
            IpAddr::V4(_) => Self::Host(ip),
            IpAddr::V6(ip) => Self::Host(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into()),
        }
    }
}

/// Who may not connect: for a time, or by the person's list. Bounded. Times count from some start, the same one for all calls.
#[derive(Debug, Clone)]
pub(crate) struct Bans {
    blocklist: Arc<Blocklist>,
    lasts: Duration,
    ends: HashMap<BanKey, Duration>,
    by_end: BTreeSet<(Duration, BanKey)>,
}

impl Bans {
    /// Each ban lasts this long.
    pub(crate) fn new(lasts: Duration) -> Self {
        Self { blocklist: Arc::default(), lasts, ends: HashMap::new(), by_end: BTreeSet::new() }
    }

    /// Takes the place of the list before it.
    pub(crate) fn set_blocklist(&mut self, blocklist: Arc<Blocklist>) {
        self.blocklist = blocklist;
    }

    /// Starts now, again if there was one.
    pub(crate) fn ban(&mut self, now: Duration, key: BanKey) {
        self.forget_ended(now);
        let end = now.saturating_add(self.lasts);
        if let Some(earlier_end) = self.ends.insert(key, end) {
            self.by_end.remove(&(earlier_end, key));
        }
        self.by_end.insert((end, key));
        while self.ends.len() > MAX_BANS {
            self.forget_first();
        }
    }

    pub(crate) fn is_banned(&self, now: Duration, address: SocketAddr) -> bool {
        self.blocklist.blocks(address.ip()) || self.is_key_banned(now, BanKey::from(address))
    }

    pub(crate) fn is_key_banned(&self, now: Duration, key: BanKey) -> bool {
        self.ends.get(&key).is_some_and(|&end| now < end)
    }

    /// How many there are, ended ones among them until the next ban.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn forget_ended(&mut self, now: Duration) {
        while self.by_end.first().is_some_and(|&(end, _)| end <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, key)) = self.by_end.pop_first() {
            self.ends.remove(&key);
        }
    }
}

/// The SHA-1 of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockDigest([u8; 20]);

impl BlockDigest {
    /// Takes some 20 µs for a block: not for an async task that has many to do.
    pub(crate) fn of(block: &[u8]) -> Self {
        Self(Sha1::digest(block).into())
    }
}

/// One block of a piece that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentBlock<P> {
    pub(crate) sender: P,
    pub(crate) digest: BlockDigest,
}

/// What peers sent for the pieces of one torrent that failed, until these come right. Bounded.
///
/// `P` names a sender for as long as it can be banned, also after its connection is gone: a [`BanKey`], say.
#[derive(Debug, Clone)]
pub(crate) struct Blame<P> {
    pieces: BTreeMap<PieceIndex, Vec<FailedTry<P>>>,
    /// For each sender in `pieces`, in how many failed tries it took part.
    suspicion: HashMap<P, u32>,
    blocks: usize,
    max_blocks: usize,
    tries: u64,
}

/// One try that failed, its blocks in the order of the piece.
#[derive(Debug, Clone)]
struct FailedTry<P> {
    number: u64,
    blocks: Vec<SentBlock<P>>,
    /// Each once.
    senders: Vec<P>,
}

impl<P: Copy + Eq + Hash> Blame<P> {
    pub(crate) fn new() -> Self {
        Self::with_room_for(MAX_REMEMBERED_BLOCKS)
    }

    fn with_room_for(max_blocks: usize) -> Self {
        Self { pieces: BTreeMap::new(), suspicion: HashMap::new(), blocks: 0, max_blocks, tries: 0 }
    }

    /// The piece, of these blocks in its order, has a wrong hash. Returns whom to ban at once: the one that sent it all.
    ///
    /// If there were several, none is judged yet. What they sent is remembered; the oldest tries give way when it gets
    /// too much, and are then never judged.
    pub(crate) fn piece_failed(&mut self, piece: PieceIndex, blocks: Vec<SentBlock<P>>) -> Option<P> {
        let mut senders: Vec<P> = Vec::new();
        for block in &blocks {
            // A piece has few senders; to look through them costs less than to hash them.
            if !senders.contains(&block.sender) {
                senders.push(block.sender);
            }
        }
        if let [only] = senders[..] {
            return Some(only);
        }
        if blocks.is_empty() || blocks.len() > self.max_blocks {
            return None;
        }
        for &sender in &senders {
            *self.suspicion.entry(sender).or_default() += 1;
        }
        self.blocks += blocks.len();
        self.tries += 1;
        self.pieces.entry(piece).or_default().push(FailedTry { number: self.tries, blocks, senders });
        while self.blocks > self.max_blocks {
            self.forget_oldest();
        }
        None
    }

    /// Whether [`piece_verified`](Self::piece_verified) wants the digests of this piece.
    pub(crate) fn is_open(&self, piece: PieceIndex) -> bool {
        self.pieces.contains_key(&piece)
    }

    /// The piece came right, with these blocks in its order. Returns whom to ban: all that had sent another block. The
    /// others that took part are cleared.
    pub(crate) fn piece_verified(&mut self, piece: PieceIndex, right: &[BlockDigest]) -> Vec<P> {
        let mut liars = Vec::new();
        for failed in self.pieces.remove(&piece).unwrap_or_default() {
            for (sent, right) in failed.blocks.iter().zip(right) {
                if sent.digest != *right && !liars.contains(&sent.sender) {
                    liars.push(sent.sender);
                }
            }
            self.release(&failed);
        }
        liars
    }

    /// The piece is no longer wanted, so it will not be known who lied.
    #[cfg(test)]
    pub(crate) fn forget(&mut self, piece: PieceIndex) {
        for failed in self.pieces.remove(&piece).unwrap_or_default() {
            self.release(&failed);
        }
    }

    /// In how many failed tries that are not judged yet this peer took part. To find a liar soon, have a failed piece
    /// sent again by one peer alone, the least suspect one.
    #[cfg(test)]
    pub(crate) fn suspicion(&self, peer: P) -> u32 {
        self.suspicion.get(&peer).copied().unwrap_or(0)
    }

    fn forget_oldest(&mut self) {
        // A piece's first try is its oldest. There are few pieces here: all together have at most `max_blocks` blocks.
        let oldest = self.pieces.iter().min_by_key(|(_, tries)| tries.first().map(|failed| failed.number));
        let Some(piece) = oldest.map(|(&piece, _)| piece) else { return };
        let Some(tries) = self.pieces.get_mut(&piece) else { return };
        let failed = tries.remove(0);
        if tries.is_empty() {
            self.pieces.remove(&piece);
        }
        self.release(&failed);
    }

    /// Takes the counts of a try back.
    fn release(&mut self, failed: &FailedTry<P>) {
        self.blocks -= failed.blocks.len();
        for sender in &failed.senders {
            if let Some(count) = self.suspicion.get_mut(sender) {
                *count -= 1;
                if *count == 0 {
                    self.suspicion.remove(sender);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
