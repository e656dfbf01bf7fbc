//! What is known of one peer: what it has, what it was asked, how fast it is.

use std::collections::VecDeque;
use std::time::Duration;

use super::Config;
use super::bursts::Bursts;
use super::trust::Standing;
use crate::bitfield::Bitfield;
use crate::layout::{BLOCK_BYTES, Block, PieceIndex};

/// The rate is that of about the last so many seconds in which the peer was asked for something.
const RATE_MEMORY_SECS: f64 = 1.5;
/// A rate over less than this says nothing yet.
const MIN_MEASURED_SECS: f64 = 0.02;
const MIN_RATE: f64 = 512.0;
const MAX_RATE: f64 = 1e9;
const MIN_ROUND_TRIP: Duration = Duration::from_micros(200);
const MAX_ROUND_TRIP: Duration = Duration::from_secs(2);
/// How many cancelled blocks are remembered: they may have been on their way.
const KEPT_CANCELLED: usize = 512;
/// Pieces that may be asked of a peer that chokes us.
const MAX_ALLOWED: usize = 64;
/// A peer that rejects requests is left alone for so long.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);
/// A peer that was to send something, and sends nothing for so long, is asked for nothing more.
const SILENT_SECS: f64 = 1.0;
const SILENT_BLOCKS: f64 = 8.0;
/// A peer that is near needs no long queue.
const MIN_SLACK: Duration = Duration::from_millis(15);
/// A peer that owes something, and is asked for nothing, is tried again with what is not needed before this.
const MAX_OWED_SECS: f64 = 3.0;
/// Bursts further apart than this are bridged only if they come again and again.
const MAX_UNEVEN_SECS: f64 = 0.1;
const UNEVEN_MEMORY_SECS: f64 = 2.0;
/// A request that is cancelled after so many times what a block usually takes counts as not answered.
const OWES_AFTER_BLOCKS: f64 = 3.0;

#[derive(Debug, Clone, Copy)]
pub(super) struct Flight {
    pub(super) block: Block,
    pub(super) asked_at: Duration,
    /// It was asked for before, and cancelled: when it comes says nothing of the way.
    is_again: bool,
}

/// How a peer does at a moment, in seconds from then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// What one block takes: longer the longer it has sent nothing while it was asked.
    pub(super) secs_per_block: f64,
    /// When the first block that is on its way could begin to come; negative if it has begun. What is late is likely to
    /// take as long again.
    pub(super) begins_in_secs: f64,
    pub(super) round_trip_secs: f64,
    /// It seems to send nothing any more.
    pub(super) is_silent: bool,
}

impl Pace {
    /// When a block could begin to come that is asked for now, after so many others.
    pub(super) fn free_in_secs(&self, in_flight: usize) -> f64 {
        (self.begins_in_secs + in_flight as f64 * self.secs_per_block).max(self.round_trip_secs)
    }
}

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) has: Bitfield,
    is_choking: bool,
    standing: Standing,
    /// In the order in which they were asked.
    pub(super) flights: VecDeque<Flight>,
    pub(super) max_requests: usize,
    pub(super) min_requests: usize,
    allowed: Vec<PieceIndex>,
    cancelled: VecDeque<Block>,
    round_trip: Duration,
    /// Decaying sums: bytes that came, and seconds in which the peer had something to send.
    bytes: f64,
    secs: f64,
    guess: f64,
    first_requests: usize,
    slack: Duration,
    /// When the last block came, or when the first of an empty queue could have come.
    progress_at: Duration,
    /// By how much its blocks came late lately after it had sent all it was asked for: some send a little at a time.
    uneven_secs: f64,
    bursts: Bursts,
    /// It was asked for something that was then cancelled, for it sent nothing for longer than usual; nothing came since.
    owes: bool,
    refused_until: Duration,
}

impl Peer {
    pub(super) fn new(pieces: u32, round_trip: Duration, config: &Config) -> Self {
        Self {
            has: Bitfield::new(pieces),
            is_choking: true,
            standing: Standing::Newcomer,
            flights: VecDeque::new(),
            max_requests: config.max_requests,
            min_requests: 0,
            allowed: Vec::new(),
            cancelled: VecDeque::new(),
            round_trip: round_trip.clamp(MIN_ROUND_TRIP, MAX_ROUND_TRIP),
            bytes: 0.0,
            secs: 0.0,
            guess: config.first_guess_bytes_per_sec,
            first_requests: config.first_requests,
            slack: config.queue_slack,
            progress_at: Duration::ZERO,
            uneven_secs: 0.0,
            bursts: Bursts::default(),
            owes: false,
            refused_until: Duration::ZERO,
        }
    }

    /// What it owed it will not send.
    pub(super) fn choke(&mut self) {
        self.is_choking = true;
        self.owes = false;
    }

    pub(super) fn unchoke(&mut self) {
        self.is_choking = false;
    }

    pub(super) fn allow(&mut self, piece: PieceIndex) {
        if self.allowed.len() < MAX_ALLOWED && !self.allowed.contains(&piece) {
            self.allowed.push(piece);
        }
    }

    /// Whether it would send a block of this piece if it was asked.
    pub(super) fn serves(&self, piece: PieceIndex) -> bool {
        self.has.get(piece) && (!self.is_choking || self.allowed.contains(&piece))
    }

    /// Whether it would send anything at all.
    pub(super) fn is_open(&self) -> bool {
        !self.is_choking || !self.allowed.is_empty()
    }

    pub(super) fn may_serve(&self, now: Duration) -> bool {
        self.is_open() && now >= self.refused_until
    }

    pub(super) fn round_trip(&self) -> Duration {
        self.round_trip
    }

    pub(super) fn measured_rate(&self) -> Option<f64> {
        (self.secs >= MIN_MEASURED_SECS).then(|| (self.bytes / self.secs).clamp(MIN_RATE, MAX_RATE))
    }

    /// Seconds that one block takes it usually; a guess before the first one.
    fn usual_secs_per_block(&self) -> f64 {
        f64::from(BLOCK_BYTES) / self.measured_rate().unwrap_or(self.guess)
    }

    /// How it does now.
    pub(super) fn pace(&self, now: Duration) -> Pace {
        let usual_secs = self.usual_secs_per_block();
        let is_awaited = self.owes || !self.flights.is_empty();
        let since = if is_awaited { now.saturating_sub(self.progress_at) } else { Duration::ZERO };
        let silent_secs = since.as_secs_f64();
        let most_secs = if self.flights.is_empty() { MAX_OWED_SECS } else { f64::MAX };
        let overdue_secs = (silent_secs - usual_secs).clamp(0.0, most_secs);
        let round_trip_secs = self.round_trip.as_secs_f64();
        let begins_in_secs = match self.flights.front() {
            Some(first) => {
                let begins_at = self.progress_at.max(first.asked_at + self.round_trip);
                begins_at.as_secs_f64() - now.as_secs_f64()
            }
            None => round_trip_secs + self.bursts.pause_secs(),
        };
        Pace {
            secs_per_block: usual_secs.max(overdue_secs),
            begins_in_secs: begins_in_secs.max(-usual_secs) + overdue_secs,
            round_trip_secs,
            is_silent: silent_secs > (SILENT_BLOCKS * usual_secs).max(SILENT_SECS),
        }
    }

    /// When each block that is on its way should come, in seconds from now.
    pub(super) fn arrivals(&self, now: Duration) -> impl Iterator<Item = (Block, f64)> {
        let pace = self.pace(now);
        let mut free_in_secs = pace.begins_in_secs;
        self.flights.iter().map(move |flight| {
            let earliest_secs = (flight.asked_at + self.round_trip).as_secs_f64() - now.as_secs_f64();
            free_in_secs = free_in_secs.max(earliest_secs) + pace.secs_per_block;
            (flight.block, free_in_secs)
        })
    }

    /// How many more blocks it can be asked for now; `extra` more than keeps it busy. While nobody waits for any of them (`is_idle`)
    /// the queue is no longer than the way: who comes then finds it short.
    pub(super) fn room(&self, pace: Pace, extra: usize, is_idle: bool) -> usize {
        if pace.is_silent {
            // One block, to see when it is back.
            return usize::from(self.flights.is_empty());
        }
        let depth = match self.measured_rate() {
            Some(rate) if is_idle => (rate * pace.round_trip_secs / f64::from(BLOCK_BYTES)) as usize + 1,
            Some(rate) => {
                let slack = self.slack.min(self.round_trip.max(MIN_SLACK)).as_secs_f64();
                let secs = pace.round_trip_secs + slack + self.uneven_secs;
                ((rate * secs / f64::from(BLOCK_BYTES)) as usize + 1).max(self.bursts.wanted_blocks())
            }
            None => self.first_requests,
        };
        (depth.max(self.min_requests) + extra).min(self.max_requests).saturating_sub(self.flights.len())
    }

    pub(super) fn standing(&self) -> Standing {
        self.standing
    }

    /// It was part of a right piece.
    pub(super) fn prove(&mut self) {
        self.standing = Standing::Proven;
    }

    /// It was part of a wrong piece, and may share others with so many unproven ones.
    pub(super) fn accuse(&mut self, company: usize) {
        self.standing = Standing::Suspect { company };
    }

    pub(super) fn ask(&mut self, block: Block, now: Duration) {
        if self.flights.is_empty() && !self.owes {
            self.progress_at = now + self.round_trip;
        }
        let is_again = self.cancelled.contains(&block);
        self.flights.push_back(Flight { block, asked_at: now, is_again });
    }

    /// Notes that a block came; gives whether it is asked for, or was once and then cancelled.
    pub(super) fn arrived(&mut self, block: Block, bytes: u64, now: Duration) -> bool {
        let place = self.flights.iter().position(|flight| flight.block == block);
        if place.is_none() && !self.was_cancelled(block) {
            return false;
        }
        let since = now.saturating_sub(self.progress_at).as_secs_f64();
        // A longer queue helps only who had nothing left to send: what comes late although it was asked for in time was lost on
        // its way, and would be late behind others as well.
        let asked_at = place.and_then(|place| self.flights.get(place)).map(|flight| flight.asked_at);
        let was_idle = asked_at.is_some_and(|asked_at| asked_at + self.round_trip >= self.progress_at);
        let overdue_secs = if was_idle { since - self.usual_secs_per_block() } else { 0.0 };
        self.uneven_secs *= (-since / UNEVEN_MEMORY_SECS).exp();
        self.uneven_secs = self.uneven_secs.max(overdue_secs.min(MAX_UNEVEN_SECS));
        self.observe(bytes as f64, since);
        if let Some(flight) = place.and_then(|place| self.flights.remove(place)) {
            let way = now.saturating_sub(flight.asked_at);
            if flight.is_again {
                // The first request may have brought it.
            } else if way < self.round_trip {
                self.round_trip = way.max(MIN_ROUND_TRIP);
            } else if place == Some(0) && self.flights.is_empty() {
                // Nothing else was in the queue: the whole time was spent on the way.
                self.round_trip = (self.round_trip.mul_f64(0.9) + way.mul_f64(0.1)).min(MAX_ROUND_TRIP);
            }
        }
        self.bursts.arrived(now, since, self.flights.front().map(|flight| flight.asked_at));
        self.progress_at = now;
        self.owes = false;
        true
    }

    fn observe(&mut self, bytes: f64, secs: f64) {
        let kept = (-secs / RATE_MEMORY_SECS).exp();
        self.bytes = self.bytes * kept + bytes;
        self.secs = self.secs * kept + secs;
        // A burst after a pause must not be forgotten at once, nor counted for ever.
        if self.secs > RATE_MEMORY_SECS {
            let scale = RATE_MEMORY_SECS / self.secs;
            self.bytes *= scale;
            self.secs = RATE_MEMORY_SECS;
        }
    }

    /// The block is no longer waited for.
    pub(super) fn take_flight(&mut self, block: Block) -> bool {
        let Some(place) = self.flights.iter().position(|flight| flight.block == block) else { return false };
        self.flights.remove(place);
        true
    }

    /// Takes a request back. If the peer has sent nothing for longer than usual, that counts against its rate.
    pub(super) fn cancel_flight(&mut self, block: Block, now: Duration) -> bool {
        if !self.take_flight(block) {
            return false;
        }
        // What it owes is not forgotten: it may have gone silent.
        self.owes |= now.saturating_sub(self.progress_at).as_secs_f64()
            > OWES_AFTER_BLOCKS * self.usual_secs_per_block();
        self.remember_cancelled(block);
        true
    }

    /// Takes all requests back without telling it: some may be answered yet.
    pub(super) fn drop_flights(&mut self) -> Vec<Block> {
        let blocks: Vec<Block> = self.flights.drain(..).map(|flight| flight.block).collect();
        blocks.iter().for_each(|block| self.remember_cancelled(*block));
        blocks
    }

    fn remember_cancelled(&mut self, block: Block) {
        if self.cancelled.len() == KEPT_CANCELLED {
            self.cancelled.pop_front();
        }
        self.cancelled.push_back(block);
    }

    /// Whether the block was asked for and cancelled; it is forgotten with this.
    fn was_cancelled(&mut self, block: Block) -> bool {
        let place = self.cancelled.iter().position(|cancelled| *cancelled == block);
        place.is_some_and(|place| self.cancelled.remove(place).is_some())
    }

    pub(super) fn refuse(&mut self, now: Duration) {
        self.refused_until = now + REFUSAL_PAUSE;
        self.owes = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_grows_for_who_had_nothing_left_to_send_and_not_for_what_was_lost_on_its_way() {
        let ms = Duration::from_millis;
        let block = |index| Block { piece: PieceIndex(0), index };
        let mut peer = Peer::new(1, ms(50), &Config::default());
        (0..3).for_each(|index| peer.ask(block(index), ms(0)));
        // The last was asked for together with the others.
        for (index, at) in [(0, 60), (1, 80), (2, 400)] {
            assert!(peer.arrived(block(index), BLOCK_BYTES.into(), ms(at)));
        }
        assert!(peer.uneven_secs < 0.02, "{peer:?}");

        peer.ask(block(3), ms(400));
        assert!(peer.arrived(block(3), BLOCK_BYTES.into(), ms(800)));
        assert!(peer.uneven_secs > 0.09, "{peer:?}");
    }

    #[test]
    fn what_was_asked_for_again_says_nothing_of_the_way() {
        let ms = Duration::from_millis;
        let block = Block { piece: PieceIndex(0), index: 0 };
        let mut peer = Peer::new(1, ms(50), &Config::default());
        peer.ask(block, ms(0));
        assert!(peer.cancel_flight(block, ms(40)));
        peer.ask(block, ms(41));
        // The answer to the first request was on its way.
        assert!(peer.arrived(block, BLOCK_BYTES.into(), ms(55)));

        assert_eq!(peer.round_trip(), ms(50));
    }
}
