//! Peers that look only now and then at what they were asked for, and send all of it at once.
//!
//! transmission looks every half second, unless more was asked for than it has sent. The rate of such a peer is that of our
//! own questions: it sends the more the more it is asked for, until its line is busy all the time.

use std::time::Duration;

/// Blocks that come with shorter pauses between them are of one burst.
const BURST_PAUSE_SECS: f64 = 0.02;
/// Fewer blocks are no burst.
const MIN_BURST_BLOCKS: u32 = 4;
/// A peer whose pauses are so many times longer than its bursts has nothing to do most of the time.
const IDLE_RATIO: f64 = 3.0;
/// By how much more a peer is asked for that sent all in one burst.
const GROWTH: f64 = 1.5;
/// Each block makes what is wanted so much less, so that it is found out again in time what a peer needs.
const FADING: f64 = 0.998;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    began_at: Duration,
    pause_secs: f64,
    blocks: u32,
    wanted_blocks: f64,
}

impl Bursts {
    /// A block came so many seconds after the one before, or after it could have come. What is still awaited was asked for
    /// at this time or later.
    pub(super) fn arrived(&mut self, now: Duration, since_secs: f64, awaited_since: Option<Duration>) {
        self.wanted_blocks *= FADING;
        if since_secs > BURST_PAUSE_SECS {
            (self.began_at, self.pause_secs, self.blocks) = (now, since_secs, 0);
        }
        self.blocks += 1;
        let burst_secs = now.saturating_sub(self.began_at).as_secs_f64();
        // What was asked for while the burst came could not be part of it.
        let is_all = awaited_since.is_none_or(|asked_at| asked_at >= self.began_at);
        if is_all && self.blocks >= MIN_BURST_BLOCKS && self.pause_secs > IDLE_RATIO * burst_secs {
            self.wanted_blocks = self.wanted_blocks.max(f64::from(self.blocks) * GROWTH);
        }
    }

    /// So many blocks are to be on their way at least, to keep the peer busy.
    pub(super) fn wanted_blocks(&self) -> usize {
        self.wanted_blocks as usize
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::super::peer::Peer;
    use super::*;
    use crate::layout::{BLOCK_BYTES, Block, PieceIndex};

    #[test]
    fn who_sends_all_in_one_burst_is_asked_for_more_each_time() {
        let mut peer = Peer::new(1000, Duration::from_micros(300), &Config::default());
        let (mut now, mut asked) = (Duration::ZERO, Vec::new());
        for burst in 0..12 {
            let count = peer.room(peer.pace(now), 0) as u32;
            asked.push(count as usize);
            let blocks = (0..count).map(|index| Block { piece: PieceIndex(burst), index });
            blocks.clone().for_each(|block| peer.ask(block, now));
            now += Duration::from_millis(500);
            for block in blocks {
                assert!(peer.arrived(block, BLOCK_BYTES.into(), now));
            }
        }
        assert_eq!(asked[0], Config::default().first_requests);
        assert!(asked.is_sorted(), "{asked:?}");
        assert!(asked[11] > 300, "{asked:?}");
    }

    #[test]
    fn who_sends_evenly_or_has_more_to_send_is_not_asked_for_more() {
        let asked_at = Duration::from_millis(900);
        for (gap_ms, awaited_since) in [(100, None), (1, Some(asked_at))] {
            let mut bursts = Bursts::default();
            let mut now = Duration::from_secs(1);
            for _ in 0..100 {
                bursts.arrived(now, gap_ms as f64 / 1e3, awaited_since);
                now += Duration::from_millis(gap_ms);
            }
            assert_eq!(bursts.wanted_blocks(), 0, "every {gap_ms} ms");
        }
    }

    #[test]
    fn what_is_wanted_fades_while_the_peer_is_busy() {
        let mut bursts = Bursts::default();
        for block in 0..100 {
            let pause_secs = if block == 0 { 0.5 } else { 0.0 };
            bursts.arrived(Duration::from_secs(1), pause_secs, Some(Duration::from_secs(1)));
        }
        assert_eq!(bursts.wanted_blocks(), 150);
        for block in 0..1000 {
            bursts.arrived(Duration::from_millis(1000 + block), 0.001, Some(Duration::ZERO));
        }
        assert!((10..30).contains(&bursts.wanted_blocks()), "{bursts:?}");
    }
}
