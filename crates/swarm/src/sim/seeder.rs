//! The other side of a connection: its queue, its send buffer, its line, and how it misbehaves.

use std::collections::VecDeque;
use std::ops::Range;

use super::random::Random;
use super::world::{Event, Events};
use super::{MICROS_PER_SEC, micros, secs};
use crate::bitfield::Bitfield;
use crate::layout::{Block, Layout};

/// What is wrong with a peer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Behaviour {
    Honest,
    /// Sends so many blocks, then never another one.
    StallsAfter(u32),
    /// This share of its blocks is wrong.
    Corrupts(f64),
    /// This share of what it is asked for is rejected.
    Rejects(f64),
    /// Closes the connection at this moment.
    DiesAt(u64),
}

/// How a peer is.
#[derive(Debug, Clone)]
pub(super) struct PeerSpec {
    pub(super) up_bytes_per_sec: f64,
    /// Its rate moves between this part of it and all of it, anew every second.
    pub(super) min_rate_factor: f64,
    pub(super) one_way_us: u64,
    pub(super) jitter_us: u64,
    /// What lies in the send buffer can't be cancelled.
    pub(super) send_buffer_secs: f64,
    /// More requests than this are dropped.
    pub(super) max_requests: usize,
    /// What it sends leaves only at multiples of this, as with a limit on its upload.
    pub(super) tick_us: u64,
    /// Starts slowly, as TCP does, and again after a pause.
    pub(super) has_slow_start: bool,
    /// Knows the fast extension: says what it will not send (BEP 6).
    pub(super) is_fast: bool,
    /// `None` is a seed.
    pub(super) has: Option<Bitfield>,
    pub(super) joins_at_us: u64,
    /// After it joined.
    pub(super) unchokes_after_us: u64,
    /// It unchokes for the first time and chokes for the second, over and over.
    pub(super) choke_cycle: Option<(u64, u64)>,
    /// When nothing of it goes through, in ascending order.
    pub(super) silences: Vec<Range<u64>>,
    pub(super) behaviour: Behaviour,
}

impl PeerSpec {
    /// An honest seed, by what is usually told of one.
    pub(super) fn seed(up_mbit_per_sec: f64, round_trip_ms: f64) -> Self {
        Self {
            up_bytes_per_sec: up_mbit_per_sec * 1e6 / 8.0,
            min_rate_factor: 1.0,
            one_way_us: micros(round_trip_ms / 2e3),
            jitter_us: 2_000,
            send_buffer_secs: 0.3,
            max_requests: 250,
            tick_us: 1,
            has_slow_start: false,
            is_fast: true,
            has: None,
            joins_at_us: 0,
            unchokes_after_us: 0,
            choke_cycle: None,
            silences: Vec::new(),
            behaviour: Behaviour::Honest,
        }
    }

    pub(super) fn with(self, behaviour: Behaviour) -> Self {
        Self { behaviour, ..self }
    }

    pub(super) fn lies(&self) -> bool {
        matches!(self.behaviour, Behaviour::Corrupts(_))
    }

    /// Whether what it sends counts as supply.
    pub(super) fn is_honest(&self) -> bool {
        self.behaviour == Behaviour::Honest
    }

    /// The first moment from `at_us` on at which something goes through.
    pub(super) fn awake_at(&self, at_us: u64) -> u64 {
        self.silences.iter().find(|silence| silence.contains(&at_us)).map_or(at_us, |silence| silence.end)
    }

    pub(super) fn rate_at(&self, at_us: u64) -> f64 {
        let second = at_us / 1_000_000;
        let factor = Random::new(second ^ self.one_way_us << 20).between(self.min_rate_factor, 1.0);
        self.up_bytes_per_sec * factor
    }
}

/// What a seeder sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    Block { block: Block, is_right: bool },
    Choke,
    Unchoke,
    Reject(Block),
}

/// What it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Request(Block),
    Cancel(Block),
}

const MIN_BUFFER_BLOCKS: usize = 2;
const FIRST_WINDOW_BYTES: f64 = 14_600.0;
const SLOW_START_AFTER_US: u64 = 1_000_000;

#[derive(Debug)]
pub(super) struct Seeder {
    pub(super) spec: PeerSpec,
    id: usize,
    layout: Layout,
    random: Random,
    queue: VecDeque<Block>,
    /// The first one is on the line.
    buffer: VecDeque<Message>,
    buffered_blocks: usize,
    is_sending: bool,
    is_choking: bool,
    window_bytes: f64,
    /// When the line has taken what it was given; it leaves at the next tick.
    line_free_us: u64,
    sent_at_us: u64,
    arrived_at_us: u64,
    answered: u32,
}

impl Seeder {
    pub(super) fn new(id: usize, spec: PeerSpec, layout: Layout, seed: u64) -> Self {
        Self {
            spec,
            id,
            layout,
            random: Random::new(seed),
            queue: VecDeque::new(),
            buffer: VecDeque::new(),
            buffered_blocks: 0,
            is_sending: false,
            is_choking: true,
            window_bytes: FIRST_WINDOW_BYTES,
            line_free_us: 0,
            sent_at_us: 0,
            arrived_at_us: 0,
            answered: 0,
        }
    }

    pub(super) fn has(&self) -> Bitfield {
        self.spec.has.clone().unwrap_or_else(|| Bitfield::full(self.layout.pieces()))
    }

    pub(super) fn asked(&mut self, ask: Ask, now_us: u64, events: &mut Events) {
        match ask {
            Ask::Request(block) if self.is_choking || self.is_refused() => {
                if self.spec.is_fast {
                    self.buffer.push_back(Message::Reject(block));
                }
            }
            Ask::Request(block) => self.queue.push_back(block),
            Ask::Cancel(block) => {
                if let Some(place) = self.queue.iter().position(|queued| *queued == block) {
                    self.queue.remove(place);
                    if self.spec.is_fast {
                        self.buffer.push_back(Message::Reject(block));
                    }
                }
            }
        }
        self.send(now_us, events);
    }

    fn is_refused(&mut self) -> bool {
        let rejects = match self.spec.behaviour {
            Behaviour::Rejects(share) => self.random.unit() < share,
            _ => false,
        };
        rejects || self.queue.len() + self.buffered_blocks >= self.spec.max_requests
    }

    /// Chokes if it does not, and the other way round.
    pub(super) fn flip(&mut self, now_us: u64, events: &mut Events) {
        self.is_choking = !self.is_choking;
        self.buffer.push_back(if self.is_choking { Message::Choke } else { Message::Unchoke });
        if self.is_choking {
            let refused = self.queue.drain(..).map(Message::Reject);
            if self.spec.is_fast {
                self.buffer.extend(refused);
            }
        }
        if let Some((open_us, shut_us)) = self.spec.choke_cycle {
            let lasts_us = if self.is_choking { shut_us } else { open_us };
            events.push(now_us + lasts_us, Event::Flip(self.id));
        }
        self.send(now_us, events);
    }

    /// The message on the line has left.
    pub(super) fn departed(&mut self, now_us: u64, events: &mut Events) {
        self.is_sending = false;
        let Some(message) = self.buffer.pop_front() else { return };
        if matches!(message, Message::Block { .. }) {
            self.buffered_blocks -= 1;
        }
        let jitter_us = self.random.below(self.spec.jitter_us + 1);
        let at_us = self.spec.awake_at(now_us + self.spec.one_way_us + jitter_us).max(self.arrived_at_us);
        self.arrived_at_us = at_us;
        events.push(at_us, Event::AtAccess(self.id, message));
        self.send(now_us, events);
    }

    fn send(&mut self, now_us: u64, events: &mut Events) {
        let buffer_bytes = self.spec.send_buffer_secs * self.spec.up_bytes_per_sec;
        let most = ((buffer_bytes / 16_384.0) as usize).max(MIN_BUFFER_BLOCKS);
        while self.buffered_blocks < most
            && let Some(block) = self.queue.pop_front()
        {
            self.answered += 1;
            let is_right = match self.spec.behaviour {
                Behaviour::StallsAfter(blocks) if self.answered > blocks => continue,
                Behaviour::Corrupts(share) => self.random.unit() >= share,
                _ => true,
            };
            self.buffered_blocks += 1;
            self.buffer.push_back(Message::Block { block, is_right });
        }
        if self.is_sending {
            return;
        }
        let Some(message) = self.buffer.front() else { return };
        self.is_sending = true;
        let starts_us = self.spec.awake_at(now_us);
        if now_us > self.sent_at_us || starts_us > now_us {
            // It had nothing to send.
            self.line_free_us = self.line_free_us.max(starts_us);
        }
        let takes_us = match message {
            Message::Block { block, .. } => {
                let bytes = f64::from(self.layout.bytes_of_block(*block));
                micros(bytes / self.rate(bytes, starts_us))
            }
            _ => 0,
        };
        self.line_free_us += takes_us;
        self.sent_at_us = self.line_free_us.next_multiple_of(self.spec.tick_us).max(starts_us);
        events.push(self.sent_at_us, Event::Departed(self.id));
    }

    /// The rate of the line now, with a window that is small at first.
    fn rate(&mut self, bytes: f64, now_us: u64) -> f64 {
        let line = self.spec.rate_at(now_us);
        if !self.spec.has_slow_start {
            return line;
        }
        if now_us.saturating_sub(self.sent_at_us) > SLOW_START_AFTER_US {
            self.window_bytes = FIRST_WINDOW_BYTES;
        }
        let round_trip_secs = secs(2 * self.spec.one_way_us).max(1.0 / MICROS_PER_SEC);
        let allowed = self.window_bytes / round_trip_secs;
        // A block that is larger than the window waits for acknowledgements in its midst.
        self.window_bytes =
            (self.window_bytes + bytes).min(4.0 * line * round_trip_secs + FIRST_WINDOW_BYTES);
        line.min(allowed)
    }
}
