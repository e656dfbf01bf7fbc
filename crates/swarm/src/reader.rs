//! Reads bytes of a torrent, as they come.

use std::future::Future;
use std::io::{self, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tokio::sync::{mpsc, oneshot};

use crate::layout::Layout;
use crate::pieces::TorrentFiles;
use crate::schedule::{Class, ReaderId};
use crate::torrent::{Granted, Life, StorageFailure, ToTorrent, Torrent};

/// Bytes of the disk that are read at a time.
const READ_BYTES: u64 = 256 * 1024;
/// How often a piece may be given up between the answer that it is here and the read of it.
const MAX_TRIES: usize = 8;

/// Why a read ended without bytes. Travels inside [`io::Error`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadEnd {
    /// The torrent was stopped.
    #[error("the torrent does not take part any more")]
    Stopped,
    /// Transfers are paused and the bytes are not here; the reader can be read on after they go on.
    #[error("transfers are paused")]
    Paused,
    /// The bytes are not here, and the reader is one that has nothing fetched.
    #[error("these bytes are not here")]
    NotHere,
    /// Its pieces can't be kept or read.
    #[error("{0}")]
    Storage(StorageFailure),
}

impl ReadEnd {
    /// The reason inside an error of [`Reader`], if it is one of these.
    pub fn from_io(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Stopped => io::ErrorKind::NotFound,
            Self::Paused | Self::NotHere => io::ErrorKind::Other,
            Self::Storage(failure) => failure.kind,
        };
        io::Error::new(kind, self)
    }
}

/// A place in the bytes of a torrent. What it is about to read is fetched first, in the order of its class.
///
/// A read waits until its bytes are here and right; it has no time-out. Only verified bytes are read. Dropping the reader
/// releases what was fetched ahead for it at once.
pub struct Reader {
    /// `None` for one that has nothing fetched.
    id: Option<ReaderId>,
    layout: Layout,
    files: TorrentFiles,
    inbox: mpsc::Sender<ToTorrent>,
    /// Of the torrent.
    bytes: Range<u64>,
    position: u64,
    /// What follows at `position`.
    buffer: Bytes,
    /// Everything from `position` to here lies on the disk.
    on_disk_until: u64,
    reading: Option<Reading>,
    /// Keeps the torrent from ending.
    _life: Arc<Life>,
}

type Reading = Pin<Box<dyn Future<Output = io::Result<Chunk>> + Send>>;

#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    on_disk_until: u64,
}

impl Torrent {
    /// Opens a reader of these bytes of the torrent; a range beyond its end is cut. Does not wait for a transfer.
    ///
    /// # Errors
    /// [`ReadEnd::Stopped`].
    pub async fn open_reader(&self, bytes: Range<u64>, class: Class) -> Result<Reader, ReadEnd> {
        let end = bytes.end.min(self.spec.layout.total_bytes());
        let bytes = bytes.start.min(end)..end;
        let (answer, opened) = oneshot::channel();
        let open = ToTorrent::OpenReader { bytes: bytes.clone(), class, answer };
        self.inbox.send(open).await.map_err(|_| ReadEnd::Stopped)?;
        let id = opened.await.map_err(|_| ReadEnd::Stopped)?;
        Ok(self.reader(Some(id), bytes))
    }

    /// A reader that has nothing fetched: it reads what is here, and fails with [`ReadEnd::NotHere`] at what is not. It keeps no
    /// piece from being given up.
    pub fn reader_of_what_is_here(&self, bytes: Range<u64>) -> Reader {
        let end = bytes.end.min(self.spec.layout.total_bytes());
        self.reader(None, bytes.start.min(end)..end)
    }

    fn reader(&self, id: Option<ReaderId>, bytes: Range<u64>) -> Reader {
        Reader {
            id,
            layout: self.spec.layout,
            files: self.files.clone(),
            inbox: self.inbox.clone(),
            position: bytes.start,
            bytes,
            buffer: Bytes::new(),
            on_disk_until: 0,
            reading: None,
            _life: Arc::clone(&self.life),
        }
    }
}

impl Reader {
    /// How many bytes there are from its first to its last.
    pub fn len_bytes(&self) -> u64 {
        self.bytes.end - self.bytes.start
    }

    /// Where the next read starts, from its first byte.
    pub fn position(&self) -> u64 {
        self.position - self.bytes.start
    }

    fn next_chunk(&self) -> Reading {
        Box::pin(next_chunk(
            self.id,
            self.position,
            self.bytes.end,
            self.on_disk_until,
            self.layout,
            self.files.clone(),
            self.inbox.clone(),
        ))
    }
}

async fn next_chunk(
    id: Option<ReaderId>,
    at: u64,
    end: u64,
    mut on_disk_until: u64,
    layout: Layout,
    files: TorrentFiles,
    inbox: mpsc::Sender<ToTorrent>,
) -> io::Result<Chunk> {
    let mut last_error = None;
    for _ in 0..MAX_TRIES {
        if on_disk_until <= at {
            let (answer, granted) = oneshot::channel();
            let stopped = |_| ReadEnd::Stopped.into_io();
            let ask = match id {
                Some(reader) => ToTorrent::Read { reader, at, answer },
                None => ToTorrent::ReadWhatIsHere { at, end, answer },
            };
            inbox.send(ask).await.map_err(|_| stopped(()))?;
            match granted.await.map_err(|_| stopped(()))? {
                Granted::Memory { piece, data } => {
                    let offset = at - layout.start_of(piece);
                    let mut bytes = data.from(u32::try_from(offset).unwrap_or(u32::MAX));
                    bytes.truncate(usize::try_from(end - at).unwrap_or(usize::MAX));
                    return Ok(Chunk { bytes, on_disk_until: 0 });
                }
                Granted::Disk { until } => on_disk_until = until.min(end),
                Granted::NotHere => return Err(ReadEnd::NotHere.into_io()),
                Granted::Paused => return Err(ReadEnd::Paused.into_io()),
                Granted::Failed(failure) => return Err(ReadEnd::Storage(failure).into_io()),
            }
        }
        let count = (on_disk_until.saturating_sub(at)).min(READ_BYTES) as usize;
        let files = files.clone();
        // Not in there: allocators keep what each of many threads has freed.
        let mut buf = vec![0; count];
        let read = tokio::task::spawn_blocking(move || files.read(at, &mut buf).map(|()| Bytes::from(buf)));
        match read.await.map_err(io::Error::other)? {
            Ok(bytes) => return Ok(Chunk { bytes, on_disk_until }),
            // It was given up since: it is asked for again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                on_disk_until = 0;
                last_error = Some(error);
            }
            Err(error) => return Err(ReadEnd::Storage(error.into()).into_io()),
        }
    }
    let error = last_error.unwrap_or_else(|| io::ErrorKind::NotFound.into());
    Err(ReadEnd::Storage(error.into()).into_io())
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.position >= this.bytes.end || buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if this.buffer.is_empty() {
            if this.reading.is_none() {
                this.reading = Some(this.next_chunk());
            }
            let Some(reading) = &mut this.reading else { return Poll::Pending };
            let chunk = ready!(reading.as_mut().poll(cx));
            this.reading = None;
            let chunk = chunk?;
            this.buffer = chunk.bytes;
            this.on_disk_until = chunk.on_disk_until;
        }
        let count = this.buffer.len().min(buf.remaining());
        buf.put_slice(&this.buffer[..count]);
        this.buffer.advance(count);
        this.position += count as u64;
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Reader {
    fn start_seek(mut self: Pin<&mut Self>, target: SeekFrom) -> io::Result<()> {
        let length = self.len_bytes();
        let target = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position().checked_add_signed(by),
        };
        let target = target.filter(|target| *target <= length).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the position is outside of the file")
        })?;
        let target = self.bytes.start + target;
        if target != self.position {
            let skip = target.checked_sub(self.position).and_then(|skip| usize::try_from(skip).ok());
            match skip.filter(|skip| *skip <= self.buffer.len()) {
                Some(skip) => self.buffer.advance(skip),
                None => self.buffer.clear(),
            }
            self.position = target;
            self.reading = None;
            self.on_disk_until = 0;
        }
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.position()))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let close = ToTorrent::CloseReader(id);
        if let Err(mpsc::error::TrySendError::Full(close)) = self.inbox.try_send(close)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let inbox = self.inbox.clone();
            runtime.spawn(async move { inbox.send(close).await });
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("bytes", &self.bytes)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
