//! What stands for a connection to a web seed.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use super::runs::{self, Cutter};
use super::{Part, Source};
use crate::layout::Block;
use crate::peer::{Link, PeerError, Said};
use crate::wire::Message;

/// Questions that one web seed is asked at a time.
const PARALLEL: usize = 2;
/// Fewer blocks than this wait until the question that is under way is answered.
const SECOND_RUN_BLOCKS: usize = 8;
/// Requests that follow one another come one by one: so long the first waits for the others.
const GATHER: Duration = Duration::from_millis(3);
/// Messages of one look at the queue.
const COMMANDS_AT_ONCE: usize = 256;
const ZEROS: [u8; 16 * 1024] = [0; 16 * 1024];

/// Where blocks go.
struct Sink<Report> {
    reports: mpsc::Sender<Report>,
    wrap: Box<dyn Fn(Said) -> Report + Send + Sync>,
    unheard: Arc<Semaphore>,
    pace: Arc<dyn Fn(u64) -> Duration + Send + Sync>,
}

/// A question that is under way.
struct Run {
    number: u64,
    /// Blocks that have not come, and were not cancelled.
    left: Left,
    abort: AbortHandle,
}

#[derive(Clone)]
struct Left(Arc<Mutex<BTreeSet<Block>>>);

impl Left {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<Block>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Asking<Report> {
    source: Arc<Source>,
    sink: Arc<Sink<Report>>,
    /// In the order in which they were asked for.
    waiting: VecDeque<Block>,
    runs: Vec<Run>,
    next_run: u64,
    tasks: JoinSet<(u64, Result<(), PeerError>)>,
}

/// Asks the web seed for what it is told to, until nobody can tell it any more, or the first failure. Says why it ended.
pub(crate) async fn run<Report: Send + 'static>(source: Arc<Source>, link: Link<Report>) -> PeerError {
    let Link { mut commands, reports, wrap, unheard, pace, pieces: _ } = link;
    let sink = Arc::new(Sink { reports, wrap, unheard, pace });
    let mut asking = Asking {
        source,
        sink,
        waiting: VecDeque::new(),
        runs: Vec::new(),
        next_run: 0,
        tasks: JoinSet::new(),
    };
    let mut heard = Vec::with_capacity(COMMANDS_AT_ONCE);
    let mut begins_at: Option<Instant> = None;
    let end = loop {
        let begin = async {
            match begins_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            count = commands.recv_many(&mut heard, COMMANDS_AT_ONCE) => {
                if count == 0 {
                    break PeerError::NotNeeded;
                }
                heard.drain(..).for_each(|message| asking.hear(&message));
                if !asking.waiting.is_empty() && begins_at.is_none() {
                    begins_at = Some(Instant::now() + GATHER);
                }
            }
            () = begin => {
                begins_at = None;
                asking.begin();
            }
            Some(ended) = asking.tasks.join_next(), if !asking.tasks.is_empty() => match ended {
                Ok((number, Ok(()))) => {
                    asking.runs.retain(|run| run.number != number);
                    asking.begin();
                }
                Ok((_, Err(error))) => break error,
                Err(error) if error.is_cancelled() => asking.begin(),
                Err(_) => break PeerError::Closed,
            },
        }
    };
    asking.tasks.shutdown().await;
    end
}

impl<Report: Send + 'static> Asking<Report> {
    fn hear(&mut self, message: &Message) {
        let layout = &self.source.layout;
        match *message {
            Message::Request { piece, begin, length } => {
                self.waiting.extend(layout.block_at(piece, begin, length));
            }
            Message::Cancel { piece, begin, length } => {
                if let Some(block) = layout.block_at(piece, begin, length) {
                    self.cancel(block);
                }
            }
            // What peers tell one another means nothing to a server.
            _ => {}
        }
    }

    /// An answer of which nothing is wanted any more is not listened to.
    fn cancel(&mut self, block: Block) {
        self.waiting.retain(|waiting| *waiting != block);
        self.runs.retain(|run| {
            let mut left = run.left.lock();
            let is_over = left.remove(&block) && left.is_empty();
            if is_over {
                run.abort.abort();
            }
            !is_over
        });
    }

    fn begin(&mut self) {
        while !self.waiting.is_empty() && self.runs.len() < PARALLEL {
            if !self.runs.is_empty() && self.waiting.len() < SECOND_RUN_BLOCKS {
                return;
            }
            let blocks = runs::take(&mut self.waiting, &self.source.layout);
            let left = Left(Arc::new(Mutex::new(blocks.iter().copied().collect())));
            let number = self.next_run;
            self.next_run += 1;
            let (source, sink) = (Arc::clone(&self.source), Arc::clone(&self.sink));
            let left_of_it = left.clone();
            let abort =
                self.tasks.spawn(async move { (number, fetch(&source, &blocks, &left_of_it, &sink).await) });
            self.runs.push(Run { number, left, abort });
        }
    }
}

/// Fetches blocks that follow one another.
async fn fetch<Report: Send>(
    source: &Source,
    blocks: &[Block],
    left: &Left,
    sink: &Sink<Report>,
) -> Result<(), PeerError> {
    let Some(first) = blocks.first() else { return Ok(()) };
    let mut cutter = Cutter::new(*first, source.layout);
    for part in source.parts(runs::bytes_of(blocks, &source.layout)) {
        match part {
            Part::Zeros(bytes) => {
                let mut missing = bytes;
                while missing > 0 {
                    let zeros = missing.min(ZEROS.len() as u64) as usize;
                    sink.send(cutter.push(&ZEROS[..zeros]), left).await?;
                    missing -= zeros as u64;
                }
            }
            Part::OfFile { file, bytes } => {
                let url = source.url_of(file).ok_or(PeerError::Closed)?;
                let file_bytes = source.files.get(file).map_or(0, |span| span.length_bytes);
                let mut body = source.client.get(&url, bytes, file_bytes).await?;
                while let Some(chunk) = body.next().await? {
                    sink.send(cutter.push(&chunk), left).await?;
                    let mut wait = (sink.pace)(chunk.len() as u64);
                    while !wait.is_zero() {
                        sleep(wait).await;
                        wait = (sink.pace)(0);
                    }
                }
            }
        }
    }
    Ok(())
}

impl<Report: Send> Sink<Report> {
    /// Hands on those blocks that are still wanted.
    async fn send(&self, blocks: Vec<(Block, Bytes)>, left: &Left) -> Result<(), PeerError> {
        let messages: Vec<Message> = {
            let mut left = left.lock();
            let wanted = blocks.into_iter().filter(|(block, _)| left.remove(block));
            let message = |(block, data): (Block, Bytes)| Message::Piece {
                piece: block.piece.0,
                begin: block.begin(),
                data,
            };
            wanted.map(message).collect()
        };
        if messages.is_empty() {
            return Ok(());
        }
        let said = Said::new(messages, &self.unheard).await;
        self.reports.send((self.wrap)(said)).await.map_err(|_| PeerError::NotNeeded)
    }
}
