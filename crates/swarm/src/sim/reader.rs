//! Who reads: a player with a buffer, or somebody who takes all that there is.

use super::secs;
use crate::layout::{Layout, PieceIndex};
use crate::schedule::{Class, Demand, ReaderId};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ReaderSpec {
    pub(super) class: Class,
    pub(super) start_byte: u64,
    pub(super) end_byte: u64,
    /// What it says that it needs.
    pub(super) bytes_per_sec: f64,
    pub(super) window_bytes: u64,
    /// Seconds of play that it keeps in its own buffer; `None` takes everything at once.
    pub(super) buffer_secs: Option<f64>,
}

/// A player starts when it has so much, and starts again after a stall.
const START_SECS: f64 = 2.0;

#[derive(Debug)]
pub(super) struct Reader {
    pub(super) id: ReaderId,
    pub(super) spec: ReaderSpec,
    pub(super) is_gone: bool,
    /// The first byte that it does not have yet.
    pub(super) at_byte: u64,
    /// After its start, or its last seek.
    pub(super) stalls: u32,
    pub(super) stalled_secs: f64,
    pub(super) started_after_secs: Option<f64>,
    pub(super) taken_bytes: u64,
    played_byte: f64,
    is_playing: bool,
    placed_us: u64,
    stepped_us: u64,
    told: Option<u64>,
}

impl Reader {
    pub(super) fn new(id: u64, spec: ReaderSpec, now_us: u64) -> Self {
        Self {
            id: ReaderId(id),
            spec,
            is_gone: false,
            at_byte: spec.start_byte,
            stalls: 0,
            stalled_secs: 0.0,
            started_after_secs: None,
            taken_bytes: 0,
            played_byte: spec.start_byte as f64,
            is_playing: false,
            placed_us: now_us,
            stepped_us: now_us,
            told: None,
        }
    }

    pub(super) fn is_player(&self) -> bool {
        self.spec.buffer_secs.is_some()
    }

    pub(super) fn seek(&mut self, byte: u64, now_us: u64) {
        let spec = ReaderSpec { start_byte: byte, ..self.spec };
        *self = Self { taken_bytes: self.taken_bytes, ..Self::new(self.id.0, spec, now_us) };
    }

    /// Plays until now and takes what is there; gives its new demand, if it has one.
    pub(super) fn step(
        &mut self,
        now_us: u64,
        layout: &Layout,
        has: impl Fn(PieceIndex) -> bool,
    ) -> Option<Demand> {
        let rate = self.spec.bytes_per_sec;
        let passed_secs = secs(now_us - self.stepped_us);
        self.stepped_us = now_us;
        if self.is_playing {
            self.played_byte += passed_secs * rate;
            if self.played_byte >= self.at_byte as f64 && self.at_byte < self.spec.end_byte {
                self.played_byte = self.at_byte as f64;
                self.is_playing = false;
                self.stalls += 1;
            }
        } else if self.started_after_secs.is_some() {
            self.stalled_secs += passed_secs;
        }
        let most = match self.spec.buffer_secs {
            Some(buffer_secs) => ((self.played_byte + buffer_secs * rate) as u64).min(self.spec.end_byte),
            None => self.spec.end_byte,
        };
        let from = self.at_byte;
        while self.at_byte < most && has(layout.piece_at(self.at_byte)) {
            let piece = layout.piece_at(self.at_byte);
            self.at_byte = (layout.start_of(piece) + u64::from(layout.bytes_of(piece))).min(most);
        }
        self.taken_bytes += self.at_byte - from;
        let is_ready =
            self.at_byte as f64 - self.played_byte >= START_SECS * rate || self.at_byte == self.spec.end_byte;
        if self.is_player() && !self.is_playing && is_ready {
            self.is_playing = true;
            self.started_after_secs.get_or_insert(secs(now_us - self.placed_us));
        }
        if self.told == Some(self.at_byte) {
            return None;
        }
        self.told = Some(self.at_byte);
        Some(Demand {
            class: self.spec.class,
            start_byte: self.at_byte,
            window_bytes: self.spec.window_bytes.min(self.spec.end_byte - self.at_byte),
            bytes_per_sec: rate,
        })
    }
}
