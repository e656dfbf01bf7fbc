//! A connection that delivers as badly as a connection may.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads and writes a few bytes at a time, and is not ready every other time.
#[derive(Debug)]
pub(super) struct Dribble<S> {
    inner: S,
    bytes_at_once: usize,
    was_ready: bool,
}

impl<S> Dribble<S> {
    pub(super) fn new(inner: S, bytes_at_once: usize) -> Self {
        Self { inner, bytes_at_once, was_ready: false }
    }

    /// Whether it is ready this time; if not, it will be the next.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.was_ready = !self.was_ready;
        if self.was_ready {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Dribble<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_ready(context));
        let mut few = vec![0; self.bytes_at_once.min(buf.remaining())];
        let mut few = ReadBuf::new(&mut few);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut few))?;
        buf.put_slice(few.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Dribble<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_ready(context));
        let few = data.len().min(self.bytes_at_once);
        Pin::new(&mut self.inner).poll_write(context, &data[..few])
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
