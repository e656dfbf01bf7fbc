//! Peers that look only now and then at what they were asked for, and send all of it at once.
//!
//! transmission looks every half second, unless more was asked for than it has sent. The rate of such a peer is that of our
//! own questions: it sends the more the more it is asked for, until its line is busy all the time.

use std::time::Duration;

/// Blocks that come with shorter pauses between them are of one burst.
const PAUSE_SECS: f64 = 0.1;
/// Longer ones have other reasons.
const MAX_PAUSE_SECS: f64 = 0.5;
/// A peer that pauses for at least such a part of the time in which it sends could send more.
const IDLE_RATIO: f64 = 0.5;
/// By how much more a peer is asked for that sent all in one burst.
const GROWTH: f64 = 1.5;
/// What is wanted fades in about so long, so that it is found out again in time what a peer needs.
const MEMORY_SECS: f64 = 3.0;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    began_at: Duration,
    /// Before the burst; 0 before the first one.
    pause_secs: f64,
    blocks: u32,
    burst_secs: f64,
    /// All that the peer could have known of when the burst began has come.
    was_all: bool,
    wanted_blocks: f64,
}

impl Bursts {
    /// A block came so many seconds after the one before, or after it could have come. What is still awaited was asked for
    /// at this time or later.
    pub(super) fn arrived(&mut self, now: Duration, since_secs: f64, awaited_since: Option<Duration>) {
        self.wanted_blocks *= (-since_secs / MEMORY_SECS).exp();
        if since_secs > PAUSE_SECS {
            // A pause before it and one after it: it sends when it looks. A single one may be a packet that was lost.
            let is_idle = self.pause_secs > 0.0 && since_secs > IDLE_RATIO * self.burst_secs;
            if is_idle && self.was_all {
                self.wanted_blocks = self.wanted_blocks.max((f64::from(self.blocks) * GROWTH).ceil());
            }
            (self.began_at, self.pause_secs, self.blocks) = (now, since_secs, 0);
        }
        self.blocks += 1;
        self.burst_secs = now.saturating_sub(self.began_at).as_secs_f64();
        // What was asked for while the burst came could not be part of it.
        self.was_all = awaited_since.is_none_or(|asked_at| asked_at >= self.began_at);
    }

    /// So many blocks are to be on their way at least, to keep the peer busy.
    pub(super) fn wanted_blocks(&self) -> usize {
        self.wanted_blocks as usize
    }

    /// How long it may be until it looks; 0 if it does not send in bursts.
    pub(super) fn pause_secs(&self) -> f64 {
        if self.wanted_blocks > 1.0 { self.pause_secs.min(MAX_PAUSE_SECS) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::super::peer::Peer;
    use super::*;
    use crate::layout::{BLOCK_BYTES, Block, PieceIndex};

    #[test]
    fn who_sends_all_in_one_burst_is_asked_for_more_and_more() {
        let mut peer = Peer::new(1000, Duration::from_micros(300), &Config::default());
        let (mut now, mut asked) = (Duration::ZERO, Vec::new());
        for burst in 0..24 {
            let count = peer.room(peer.pace(now), 0, false) as u32;
            asked.push(count as usize);
            let blocks = (0..count).map(|index| Block { piece: PieceIndex(burst), index });
            blocks.clone().for_each(|block| peer.ask(block, now));
            now += Duration::from_millis(500);
            for block in blocks {
                assert!(peer.arrived(block, BLOCK_BYTES.into(), now));
            }
        }
        assert_eq!(asked[0], Config::default().first_requests);
        // What a burst teaches holds for the one after the next.
        assert!(asked.iter().step_by(2).is_sorted(), "{asked:?}");
        assert!(asked[22] > 300, "{asked:?}");
    }

    /// Blocks that come in bursts, one each 20 ms, with pauses between; gives what is wanted after each burst.
    fn wanted(bursts_of: u32, pause_ms: u64, is_all: bool) -> Vec<usize> {
        let mut bursts = Bursts::default();
        let mut now = Duration::from_secs(1);
        let mut wanted = Vec::new();
        for _ in 0..10 {
            for block in 0..bursts_of {
                let gap = Duration::from_millis(if block == 0 { pause_ms } else { 20 });
                now += gap;
                bursts.arrived(now, gap.as_secs_f64(), Some(if is_all { now } else { Duration::ZERO }));
            }
            wanted.push(bursts.wanted_blocks());
        }
        wanted
    }

    #[test]
    fn only_who_pauses_again_and_again_with_nothing_to_send_is_asked_for_more() {
        assert!(wanted(10, 400, true)[2..].iter().all(|wanted| *wanted >= 10));
        assert_eq!(wanted(10, 400, true)[0], 0, "one pause says nothing");
        for (what, wanted) in [
            ("it has more to send", wanted(10, 400, false)),
            ("it sends evenly", wanted(10, 20, true)),
            ("it is slow", wanted(1, 90, true)),
            ("it sends for longer than it pauses", wanted(50, 300, true)),
        ] {
            assert_eq!(wanted, [0; 10], "{what}");
        }
    }

    #[test]
    fn what_is_wanted_fades_while_the_peer_is_busy() {
        let mut bursts = Bursts { wanted_blocks: 150.0, ..Bursts::default() };
        for block in 0..1000 {
            bursts.arrived(Duration::from_millis(10 * block), 0.01, Some(Duration::ZERO));
        }
        assert!((1..10).contains(&bursts.wanted_blocks()), "{bursts:?}");
    }
}
