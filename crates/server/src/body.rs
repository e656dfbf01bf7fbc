//! A file of a torrent as the body of a response.
//!
//! The promise of this module: a body ends only after its last byte. Nothing to send yet means waiting with the connection
//! open, and a failure means cutting it, because players take any clean end for the end of the film.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::{BufMut as _, Bytes, BytesMut};
use freshet_app::ReadError;
use futures::future::BoxFuture;
use futures::stream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeek, AsyncSeekExt as _, ReadBuf, SeekFrom};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Asked for in one read: many small reads make the reader below grow threads.
const CHUNK_BYTES: usize = 256 * 1024;
/// A stalled read has waited long already, but one of a paused torrent fails at once.
const RETRY_AFTER: Duration = Duration::from_millis(300);
/// A player that is paused has filled its own buffers long before.
const REST_AFTER: Duration = Duration::from_secs(60);

/// A piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// What stands between the ranges of a multipart answer.
    Text(Bytes),
    /// Bytes of the file; never empty.
    File(Range<u64>),
}

impl Part {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File(range) => range.end - range.start,
        }
    }
}

/// Whether a failed read may be tried again: the bytes have not arrived, but still can.
fn is_starved(error: &io::Error) -> bool {
    matches!(ReadError::from_io(error), Some(ReadError::Stalled | ReadError::Paused))
}

/// Opens the file anew, after its reader had to rest.
pub(crate) type Reopen<R> = Box<dyn Fn() -> BoxFuture<'static, io::Result<R>> + Send + Sync>;

/// Sends `parts` in order, reading only when the socket takes more.
///
/// A client that takes nothing for [`REST_AFTER`] (a paused player, a slow or vanished one) keeps its connection, but its
/// reader is dropped, and `reopen` gives the next one when it takes something again. Dropping the body drops the reader.
/// `stop` cuts the connection, so that an ending program does not look like the end of the file. Needs a runtime.
pub(crate) fn from_reader<R>(reader: R, reopen: Reopen<R>, parts: Vec<Part>, stop: CancellationToken) -> Body
where
    R: AsyncRead + AsyncSeek + Send + Unpin + 'static,
{
    let slot = Arc::new(Slot::new(reader));
    let mut resting = JoinSet::new();
    resting.spawn(rest(Arc::clone(&slot)));
    let sender =
        Sender { slot, reopen, parts: parts.into_iter(), current: None, position: None, _resting: resting };
    Body::from_stream(stream::try_unfold((sender, stop), |(mut sender, stop)| async move {
        let chunk = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(io::Error::other("the server stops")),
            chunk = sender.next_chunk() => chunk?,
        };
        Ok(chunk.map(|chunk| (chunk, (sender, stop))))
    }))
}

/// Where the reader is while nobody reads.
struct Slot<R>(Mutex<Idle<R>>);

struct Idle<R> {
    reader: Option<R>,
    since: Instant,
}

impl<R> Slot<R> {
    fn new(reader: R) -> Self {
        Self(Mutex::new(Idle { reader: Some(reader), since: Instant::now() }))
    }

    fn lock(&self) -> MutexGuard<'_, Idle<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<R> {
        self.lock().reader.take()
    }

    fn put(&self, reader: R) {
        *self.lock() = Idle { reader: Some(reader), since: Instant::now() };
    }

    /// The reader, if nobody has wanted it for long enough; else when to look again.
    fn take_if_idle(&self) -> Result<R, Instant> {
        let mut idle = self.lock();
        let ends_at = idle.since + REST_AFTER;
        if ends_at <= Instant::now()
            && let Some(reader) = idle.reader.take()
        {
            return Ok(reader);
        }
        Err(ends_at.max(Instant::now() + REST_AFTER / 10))
    }
}

/// Drops the reader whenever it is idle for too long. Ended by the body.
async fn rest<R>(slot: Arc<Slot<R>>) {
    let mut next = Instant::now() + REST_AFTER;
    loop {
        tokio::time::sleep_until(next).await;
        match slot.take_if_idle() {
            Ok(reader) => {
                tracing::debug!("a client takes nothing; its reader rests");
                drop(reader);
                next = Instant::now() + REST_AFTER;
            }
            Err(at) => next = at,
        }
    }
}

struct Sender<R> {
    slot: Arc<Slot<R>>,
    reopen: Reopen<R>,
    parts: std::vec::IntoIter<Part>,
    /// What is left of the range that is being sent.
    current: Option<Range<u64>>,
    /// Where the reader stands, once that is known.
    position: Option<u64>,
    /// Ends with the body.
    _resting: JoinSet<()>,
}

impl<R: AsyncRead + AsyncSeek + Unpin> Sender<R> {
    async fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        let range = match self.current.take() {
            Some(range) => range,
            None => match self.parts.next() {
                None => return Ok(None),
                Some(Part::Text(text)) => return Ok(Some(text)),
                Some(Part::File(range)) => range,
            },
        };
        let mut reader = match self.slot.take() {
            Some(reader) => reader,
            None => {
                self.position = None;
                self.reopened().await?
            }
        };
        let chunk = self.read(&mut reader, &range).await?;
        self.slot.put(reader);
        let rest = range.start + chunk.len() as u64..range.end;
        self.current = (rest.start < rest.end).then_some(rest);
        Ok(Some(chunk))
    }

    async fn reopened(&self) -> io::Result<R> {
        loop {
            match (self.reopen)().await {
                // All places are taken: the client has waited before, and can wait again.
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                opened => return opened,
            }
        }
    }

    /// The next bytes of `range`: at least one, at most a chunk.
    async fn read(&mut self, reader: &mut R, range: &Range<u64>) -> io::Result<Bytes> {
        let want = usize::try_from(range.end - range.start).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        let mut chunk = BytesMut::with_capacity(want);
        loop {
            match self.try_read(reader, range.start, want, &mut chunk).await {
                Ok(()) => return Ok(chunk.freeze()),
                Err(error) if is_starved(&error) => {
                    tracing::debug!(at = range.start, "nothing arrived for a reader, waiting on");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(error) => {
                    tracing::warn!(at = range.start, %error, "a response was cut");
                    return Err(error);
                }
            }
        }
    }

    async fn try_read(
        &mut self,
        reader: &mut R,
        start: u64,
        want: usize,
        chunk: &mut BytesMut,
    ) -> io::Result<()> {
        if self.position != Some(start) {
            self.position = None;
            reader.seek(SeekFrom::Start(start)).await?;
            self.position = Some(start);
        }
        let read = reader.read_buf(&mut chunk.limit(want)).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position = Some(start + read as u64);
        Ok(())
    }
}

/// As many zero bytes as anybody wants, for speed tests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zeros;

impl AsyncRead for Zeros {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        buf.put_bytes(0, room);
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Zeros {
    fn start_seek(self: Pin<&mut Self>, _: SeekFrom) -> io::Result<()> {
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(0))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use futures::StreamExt as _;
    use http_body_util::BodyExt as _;

    use super::*;

    /// A file of which each byte is its position, and that does what its script says before it reads.
    #[derive(Default)]
    struct Scripted {
        position: u64,
        failures: Vec<ReadError>,
        seeks: Arc<AtomicUsize>,
        drop_flag: DropFlag,
        is_silent: bool,
        end: Option<u64>,
    }

    impl AsyncRead for Scripted {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.is_silent {
                return Poll::Pending;
            }
            if let Some(error) = self.failures.pop() {
                return Poll::Ready(Err(io::Error::other(error)));
            }
            // Short reads, as they come at the ends of pieces.
            for _ in 0..buf.remaining().min(1000) {
                if self.end == Some(self.position) {
                    break;
                }
                buf.put_slice(&[byte_at(self.position)]);
                self.position += 1;
            }
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncSeek for Scripted {
        fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
            let SeekFrom::Start(position) = position else { panic!("seeks are absolute") };
            self.position = position;
            self.seeks.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }

        fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
            Poll::Ready(Ok(self.position))
        }
    }

    #[derive(Default)]
    struct DropFlag(Arc<AtomicBool>);

    impl Drop for DropFlag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    fn byte_at(position: u64) -> u8 {
        (position % 251) as u8
    }

    fn expected(range: Range<u64>) -> Vec<u8> {
        range.map(byte_at).collect()
    }

    /// For readers that never rest.
    fn never<R: Send + 'static>() -> Reopen<R> {
        Box::new(|| Box::pin(async { panic!("the reader was opened twice") }))
    }

    async fn collect(body: Body) -> Result<Vec<u8>, axum::Error> {
        Ok(body.collect().await?.to_bytes().to_vec())
    }

    #[tokio::test]
    async fn parts_come_in_order_with_one_seek_for_each_range() {
        let reader = Scripted::default();
        let seeks = reader.seeks.clone();
        let text = |text: &'static str| Part::Text(Bytes::from_static(text.as_bytes()));
        let parts = vec![text("A"), Part::File(5..700_000), text("B"), Part::File(0..1), text("C")];

        let body = from_reader(reader, never(), parts, CancellationToken::new());

        let whole =
            [b"A".to_vec(), expected(5..700_000), b"B".to_vec(), expected(0..1), b"C".to_vec()].concat();
        assert!(collect(body).await.unwrap() == whole);
        assert_eq!(seeks.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_starved_read_is_tried_again_until_it_succeeds() {
        let reader = Scripted {
            failures: [ReadError::Paused, ReadError::Stalled].into_iter().cycle().take(50).collect(),
            ..Scripted::default()
        };

        let body = from_reader(reader, never(), vec![Part::File(3..3000)], CancellationToken::new());

        assert!(collect(body).await.unwrap() == expected(3..3000));
    }

    #[tokio::test]
    async fn a_fatal_error_is_an_error_of_the_body() {
        let reader = Scripted { failures: vec![ReadError::Removed], ..Scripted::default() };

        let body = from_reader(reader, never(), vec![Part::File(0..10)], CancellationToken::new());

        assert!(collect(body).await.is_err());
    }

    #[tokio::test]
    async fn a_file_that_ends_too_early_is_an_error_of_the_body() {
        let reader = Scripted { end: Some(5), ..Scripted::default() };

        let body = from_reader(reader, never(), vec![Part::File(0..10)], CancellationToken::new());

        assert!(collect(body).await.is_err());
    }

    #[tokio::test]
    async fn stopping_cuts_a_body_that_waits() {
        let reader = Scripted { is_silent: true, ..Scripted::default() };
        let stop = CancellationToken::new();
        let mut body = from_reader(reader, never(), vec![Part::File(0..10)], stop.clone()).into_data_stream();

        stop.cancel();

        assert!(body.next().await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_reader_of_a_client_that_takes_nothing_rests_and_comes_back() {
        let first = Scripted::default();
        let is_dropped = first.drop_flag.0.clone();
        let attempts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&attempts);
        let reopen: Reopen<Scripted> = Box::new(move || {
            let attempt = counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                if attempt < 2 { Err(io::ErrorKind::ResourceBusy.into()) } else { Ok(Scripted::default()) }
            })
        });
        let mut body = from_reader(first, reopen, vec![Part::File(0..2_500)], CancellationToken::new())
            .into_data_stream();
        let mut read = body.next().await.unwrap().unwrap().to_vec();

        tokio::time::sleep(REST_AFTER - Duration::from_secs(1)).await;
        assert!(!is_dropped.load(Ordering::SeqCst), "it may still come back");
        read.extend(body.next().await.unwrap().unwrap());
        assert_eq!(attempts.load(Ordering::SeqCst), 0);
        tokio::time::sleep(REST_AFTER * 2).await;
        assert!(is_dropped.load(Ordering::SeqCst));

        while let Some(chunk) = body.next().await {
            read.extend(chunk.unwrap());
        }
        assert!(read == expected(0..2_500));
        assert_eq!(attempts.load(Ordering::SeqCst), 3, "it waited for a place");
    }

    #[tokio::test]
    async fn dropping_the_body_drops_the_reader() {
        let reader = Scripted { is_silent: true, ..Scripted::default() };
        let is_dropped = reader.drop_flag.0.clone();
        let mut body = from_reader(reader, never(), vec![Part::File(0..10)], CancellationToken::new())
            .into_data_stream();
        assert!(futures::poll!(body.next()).is_pending());

        drop(body);

        assert!(is_dropped.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn zeros_are_as_many_as_wanted() {
        let body = from_reader(Zeros, never(), vec![Part::File(7..600_007)], CancellationToken::new());

        assert!(collect(body).await.unwrap() == vec![0; 600_000]);
    }
}
