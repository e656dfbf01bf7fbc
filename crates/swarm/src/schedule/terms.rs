//! What the scheduler is told, and what it answers with.

use std::time::Duration;

use crate::layout::{Block, PieceIndex};

/// A connected peer. Numbers are never used twice within one scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

/// What the scheduler may be told differently.
#[derive(Debug, Clone)]
pub struct Config {
    /// How long a block waits in a peer's queue beyond its way there and back. Short, so that a seek finds short queues;
    /// long enough that a peer never runs dry between two looks.
    pub queue_slack: Duration,
    /// What is assumed of a peer that has not sent anything yet.
    pub first_guess_bytes_per_sec: f64,
    /// What a peer that has not sent anything yet is asked for at most.
    pub first_requests: usize,
    /// What any peer is asked for at most, unless it says less.
    pub max_requests: usize,
    /// Blocks that are needed this soon are asked again elsewhere when they will be late.
    pub hedge_horizon: Duration,
    /// Blocks that came twice, of all that came. With 0 no block is asked for twice.
    pub max_duplicate_share: f64,
    /// Parts of pieces that nobody waits for any more are kept up to this, in case somebody comes back.
    pub max_idle_partial_bytes: u64,
    /// How many pieces that nobody waits for are under way at a time.
    pub max_rest_pieces: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue_slack: Duration::from_millis(50),
            first_guess_bytes_per_sec: 600e3,
            first_requests: 8,
            max_requests: 500,
            hedge_horizon: Duration::from_secs(4),
            max_duplicate_share: 0.05,
            max_idle_partial_bytes: 8 << 20,
            max_rest_pieces: 12,
        }
    }
}

/// What to do. In order: a cancel may make room for a request after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Request {
        peer: PeerId,
        block: Block,
    },
    Cancel {
        peer: PeerId,
        block: Block,
    },
    /// The blocks of this piece that came are no longer counted: their bytes can go.
    Forget(PieceIndex),
}

/// What a block was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is a new one, to be kept. With `true` it was the last of its piece, which waits for its check now.
    Stored(bool),
    /// It is here already, or its piece is.
    Duplicate,
    /// It was asked for once, and nobody wants it any more.
    Unwanted,
    /// It was never asked for.
    Unasked,
}

/// How a piece stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceState {
    Missing,
    /// Some of its blocks are here or on their way.
    Partial,
    /// All blocks are here, and its hash is being compared.
    Checking,
    /// It is here, and right.
    Have,
}

/// Counters since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    pub received_bytes: u64,
    pub duplicate_bytes: u64,
    /// Came for a place that nobody reads any more.
    pub unwanted_bytes: u64,
    pub hedges: u64,
    /// The second peer was first.
    pub hedges_won: u64,
}
