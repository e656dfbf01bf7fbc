//! The clock, the queue of events, and what connects seeders, client and readers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::client::Client;
use super::random::Random;
use super::reader::{Reader, ReaderSpec};
use super::seeder::{Ask, Message, PeerSpec, Seeder};
use super::{micros, secs};
use crate::layout::{BLOCK_BYTES, Layout, PieceIndex};
use crate::schedule::{Config, PieceState};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Joins(usize),
    Dies(usize),
    /// Chokes or unchokes.
    Flip(usize),
    AtSeeder(usize, Ask),
    Departed(usize),
    /// At the client's own line, which all peers share.
    AtAccess(usize, Message),
    AtClient(usize, Message),
    Hashed(PieceIndex),
    Timer,
    Tick,
}

#[derive(Debug, Default)]
pub(super) struct Events {
    heap: BinaryHeap<Reverse<(u64, u64, usize)>>,
    /// By number; a heap of events would need an order of them.
    slots: Vec<Event>,
    free: Vec<usize>,
    pushed: u64,
}

impl Events {
    pub(super) fn push(&mut self, at_us: u64, event: Event) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = event;
                slot
            }
            None => {
                self.slots.push(event);
                self.slots.len() - 1
            }
        };
        self.pushed += 1;
        self.heap.push(Reverse((at_us, self.pushed, slot)));
    }

    fn pop(&mut self) -> Option<(u64, Event)> {
        let Reverse((at_us, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        Some((at_us, self.slots[slot]))
    }
}

/// What a world is made of.
#[derive(Debug, Clone)]
pub(super) struct WorldSpec {
    pub(super) piece_bytes: u32,
    pub(super) total_bytes: u64,
    pub(super) peers: Vec<PeerSpec>,
    /// The client's own line.
    pub(super) down_bytes_per_sec: f64,
    pub(super) config: Config,
    pub(super) seed: u64,
}

/// How often players look at their buffer.
const TICK_US: u64 = 20_000;

#[derive(Debug)]
pub(super) struct World {
    pub(super) spec: WorldSpec,
    pub(super) layout: Layout,
    pub(super) now_us: u64,
    pub(super) client: Client,
    pub(super) readers: Vec<Reader>,
    events: Events,
    seeders: Vec<Seeder>,
    random: Random,
    /// When a seeder gets the last thing that it was sent.
    told_at_us: Vec<u64>,
    access_free_us: u64,
}

impl World {
    pub(super) fn new(spec: WorldSpec) -> Self {
        let layout = Layout::new(spec.piece_bytes, spec.total_bytes).unwrap();
        let mut random = Random::new(spec.seed);
        let mut events = Events::default();
        let mut seeders = Vec::new();
        for (id, peer) in spec.peers.iter().enumerate() {
            events.push(peer.joins_at_us, Event::Joins(id));
            if let super::seeder::Behaviour::DiesAt(at_us) = peer.behaviour {
                events.push(at_us, Event::Dies(id));
            }
            seeders.push(Seeder::new(id, peer.clone(), layout, random.next()));
        }
        events.push(TICK_US, Event::Tick);
        Self {
            layout,
            now_us: 0,
            client: Client::new(layout, spec.config.clone(), spec.seed),
            readers: Vec::new(),
            events,
            told_at_us: vec![0; seeders.len()],
            seeders,
            random,
            access_free_us: 0,
            spec,
        }
    }

    /// Gives the reader's place in `readers`.
    pub(super) fn read(&mut self, spec: ReaderSpec) -> usize {
        self.readers.push(Reader::new(self.readers.len() as u64, spec, self.now_us));
        self.pull();
        self.readers.len() - 1
    }

    pub(super) fn seek(&mut self, reader: usize, byte: u64) {
        self.readers[reader].seek(byte, self.now_us);
        self.pull();
    }

    /// The reader goes away.
    pub(super) fn stop(&mut self, reader: usize) {
        self.readers[reader].is_gone = true;
        self.client.scheduler.remove_demand(self.readers[reader].id);
        self.decide();
    }

    pub(super) fn run_for(&mut self, for_secs: f64) {
        self.run_until(for_secs, |_| false);
    }

    /// Lets time pass until something is so; gives after how many seconds, `None` if not within `limit_secs`.
    pub(super) fn run_until(&mut self, limit_secs: f64, is_so: impl Fn(&Self) -> bool) -> Option<f64> {
        let start_us = self.now_us;
        let end_us = start_us + micros(limit_secs);
        loop {
            if is_so(self) {
                return Some(secs(self.now_us - start_us));
            }
            let (at_us, event) = self.events.pop()?;
            if at_us > end_us {
                self.events.push(at_us, event);
                self.now_us = end_us;
                return None;
            }
            self.now_us = at_us;
            self.happen(event);
        }
    }

    pub(super) fn has_bytes(&self, bytes: std::ops::Range<u64>) -> bool {
        self.layout
            .pieces_of(bytes)
            .all(|piece| self.client.scheduler.state(PieceIndex(piece)) == PieceState::Have)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Joins(id) => {
                let seeder = &self.seeders[id];
                let spec = &seeder.spec;
                self.client.joined(id, 2 * spec.one_way_us, spec.max_requests, seeder.has());
                self.events.push(self.now_us + spec.unchokes_after_us, Event::Flip(id));
                self.decide();
            }
            Event::Dies(id) => {
                self.client.left(id);
                self.decide();
            }
            Event::Flip(id) => self.seeders[id].flip(self.now_us, &mut self.events),
            Event::AtSeeder(id, ask) => self.seeders[id].asked(ask, self.now_us, &mut self.events),
            Event::Departed(id) => self.seeders[id].departed(self.now_us, &mut self.events),
            Event::AtAccess(id, message) => {
                let bytes = match message {
                    Message::Block { .. } => f64::from(BLOCK_BYTES),
                    _ => 0.0,
                };
                let free_us = self.access_free_us.max(self.now_us);
                self.access_free_us = free_us + micros(bytes / self.spec.down_bytes_per_sec);
                self.events.push(self.access_free_us, Event::AtClient(id, message));
            }
            Event::AtClient(id, message) => {
                if !self.client.is_connected(id) {
                    return;
                }
                if let Some(piece) = self.client.got(id, message, self.seeders[id].spec.is_fast, self.now_us)
                {
                    let hash_us = 500 + u64::from(self.layout.bytes_of(piece)) / 800;
                    self.events.push(self.now_us + hash_us, Event::Hashed(piece));
                }
                self.decide();
            }
            Event::Hashed(piece) => {
                self.client.hashed(piece, self.now_us);
                self.pull();
                self.decide();
            }
            Event::Timer => {
                if self.client.timer_is_due(self.now_us) {
                    self.decide();
                }
            }
            Event::Tick => {
                self.events.push(self.now_us + TICK_US, Event::Tick);
                if self.readers.iter().any(Reader::is_player) {
                    self.pull();
                }
            }
        }
    }

    /// Readers take what is there, and say where they stand.
    fn pull(&mut self) {
        let mut has_moved = false;
        for reader in self.readers.iter_mut().filter(|reader| !reader.is_gone) {
            let scheduler = &self.client.scheduler;
            let has = |piece| scheduler.state(piece) == PieceState::Have;
            if let Some(demand) = reader.step(self.now_us, &self.layout, has) {
                self.client.scheduler.set_demand(
                    reader.id,
                    demand,
                    std::time::Duration::from_micros(self.now_us),
                );
                has_moved = true;
            }
        }
        if has_moved {
            self.decide();
        }
    }

    pub(super) fn decide(&mut self) {
        for (id, ask) in self.client.decide(self.now_us) {
            let spec = &self.seeders[id].spec;
            let jitter_us = self.random.below(spec.jitter_us + 1);
            let at_us = spec.awake_at(self.now_us + spec.one_way_us + jitter_us).max(self.told_at_us[id]);
            self.told_at_us[id] = at_us;
            self.events.push(at_us, Event::AtSeeder(id, ask));
        }
        if let Some(at_us) = self.client.set_timer(self.now_us) {
            self.events.push(at_us, Event::Timer);
        }
    }
}
