//! Bytes of one file, in order, as they arrive; a read never waits without an end.

use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use freshet_swarm::{ReadEnd, Reader};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::ReusableBoxFuture;

use crate::active::{ActiveTorrent, Lease};
use crate::phase::Phase;
use crate::{Failure, ReadError};

/// Reads a file of an active torrent; missing pieces are asked for, first those that follow the position.
///
/// A read waits until the next bytes are here and checked, but never longer than
/// [`crate::EngineLimits::stall_timeout`] without a byte, and it ends at once when the torrent is paused, fails or is
/// removed. These errors are [`ReadError`]s. Seeking beyond the end is an error, to the end is not.
///
/// Dropping it frees its slot and ends its read-ahead. Needs a multi-thread runtime.
pub struct FileReader {
    stream: Reader,
    position: u64,
    length_bytes: u64,
    phase: watch::Receiver<Phase>,
    phase_change: ReusableBoxFuture<'static, (watch::Receiver<Phase>, bool)>,
    stall: Stall,
    /// Dropped after the stream.
    lease: Lease,
    _slot: OwnedSemaphorePermit,
}

struct Stall {
    timeout: Duration,
    timer: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl FileReader {
    pub(crate) fn new(
        stream: Reader,
        torrent: &Arc<ActiveTorrent>,
        length_bytes: u64,
        stall_timeout: Duration,
        lease: Lease,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        let phase = torrent.phase.subscribe();
        Self {
            stream,
            position: 0,
            length_bytes,
            phase_change: ReusableBoxFuture::new(next_phase(phase.clone())),
            phase,
            stall: Stall {
                timeout: stall_timeout,
                timer: Box::pin(tokio::time::sleep(stall_timeout)),
                is_waiting: false,
            },
            lease,
            _slot: slot,
        }
    }

    /// Length of the whole file.
    pub fn len_bytes(&self) -> u64 {
        self.length_bytes
    }

    /// Where the next read starts.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The error that ends this reader, if its torrent has ended.
    fn end(&self) -> Option<ReadError> {
        match &*self.phase.borrow() {
            Phase::Live | Phase::Paused => None,
            Phase::Removed => Some(ReadError::Removed),
            Phase::Failed(failure) => Some(ReadError::Failed(failure.clone())),
        }
    }

    /// Why a read without bytes must not go on waiting; registers to be woken when that changes.
    fn poll_reason_to_stop(&mut self, cx: &mut Context<'_>) -> Poll<ReadError> {
        loop {
            if let Some(end) = self.end() {
                return Poll::Ready(end);
            }
            match self.phase_change.poll(cx) {
                Poll::Pending => break,
                Poll::Ready((_, false)) => return Poll::Ready(ReadError::Removed),
                Poll::Ready((phase, true)) => self.phase_change.set(next_phase(phase)),
            }
        }
        self.stall.poll(cx)
    }
}

impl Stall {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ReadError> {
        if !self.is_waiting {
            self.is_waiting = true;
            self.timer.as_mut().reset(Instant::now() + self.timeout);
        }
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(ReadError::Stalled)
    }
}

fn read_error(error: &io::Error) -> ReadError {
    match ReadEnd::from_io(error) {
        Some(ReadEnd::Stopped) => ReadError::Removed,
        Some(ReadEnd::Paused) => ReadError::Paused,
        Some(ReadEnd::NotHere) => ReadError::NotHere,
        Some(ReadEnd::Storage(failure)) => ReadError::Failed(failure.into()),
        None => ReadError::Failed(Failure::other(error.to_string())),
    }
}

async fn next_phase(mut phase: watch::Receiver<Phase>) -> (watch::Receiver<Phase>, bool) {
    let is_there = phase.changed().await.is_ok();
    (phase, is_there)
}

impl AsyncRead for FileReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(end) = this.end() {
            return Poll::Ready(Err(end.into_io()));
        }
        let filled_before = buf.filled().len();
        let error = match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                this.stall.is_waiting = false;
                this.position += (buf.filled().len() - filled_before) as u64;
                this.lease.set_position(this.position);
                return Poll::Ready(Ok(()));
            }
            // The swarm lets go of a torrent a moment before the engine hears why.
            Poll::Ready(Err(error)) => this.end().unwrap_or_else(|| read_error(&error)),
            Poll::Pending => ready!(this.poll_reason_to_stop(cx)),
        };
        this.stall.is_waiting = false;
        Poll::Ready(Err(error.into_io()))
    }
}

impl AsyncSeek for FileReader {
    fn start_seek(mut self: Pin<&mut Self>, target: SeekFrom) -> io::Result<()> {
        let target = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.length_bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        let target = target.filter(|target| *target <= self.length_bytes).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the position is outside of the file")
        })?;
        self.stall.is_waiting = false;
        self.position = target;
        self.lease.set_position(target);
        Pin::new(&mut self.stream).start_seek(SeekFrom::Start(target))
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let done = ready!(Pin::new(&mut self.stream).poll_complete(cx));
        Poll::Ready(done.map(|_| self.position))
    }
}

impl std::fmt::Debug for FileReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileReader")
            .field("position", &self.position)
            .field("length_bytes", &self.length_bytes)
            .finish_non_exhaustive()
    }
}
