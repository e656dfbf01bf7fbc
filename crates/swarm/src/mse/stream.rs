//! The connection after the handshake.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::keys::Cipher;

/// So many bytes are encrypted ahead of what the connection takes: a block, its head and some small messages.
const MAX_PENDING_BYTES: usize = 32 * 1024;

/// A connection, in the clear or in RC4, that first gives what came together with the handshake.
///
/// A write in RC4 can leave bytes here that the connection did not take yet, as with a buffered writer: only a flush sees
/// them out. Dropping it drops them, and the connection.
#[derive(Debug)]
pub struct Stream<S> {
    inner: S,
    /// What came with the handshake, decrypted.
    leftover: BytesMut,
    ciphers: Option<Box<Ciphers>>,
}

#[derive(Debug)]
struct Ciphers {
    decrypt: Cipher,
    encrypt: Cipher,
    /// Encrypted once and for all, from `sent` on not yet taken by the connection.
    pending: Vec<u8>,
    sent: usize,
}

impl<S> Stream<S> {
    /// A connection without any encryption, as long as nothing was read from it.
    pub fn plain(inner: S) -> Self {
        Self::plain_after(inner, BytesMut::new())
    }

    pub(super) fn plain_after(inner: S, leftover: BytesMut) -> Self {
        Self { inner, leftover, ciphers: None }
    }

    pub(super) fn rc4_after(inner: S, leftover: BytesMut, decrypt: Cipher, encrypt: Cipher) -> Self {
        let ciphers = Ciphers { decrypt, encrypt, pending: Vec::new(), sent: 0 };
        Self { inner, leftover, ciphers: Some(Box::new(ciphers)) }
    }

    /// Whether what is sent is in RC4; a handshake alone does not count.
    pub fn is_encrypted(&self) -> bool {
        self.ciphers.is_some()
    }

    /// The connection itself, for its address and options. What is read from or written to it is lost to the stream.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl Ciphers {
    /// Takes a part of the data into its own buffer, which must be empty. Gives how much.
    fn take<'a>(&mut self, parts: impl Iterator<Item = &'a [u8]>) -> usize {
        for part in parts {
            let room = MAX_PENDING_BYTES - self.pending.len();
            self.pending.extend_from_slice(&part[..part.len().min(room)]);
        }
        self.encrypt.apply(&mut self.pending);
        self.pending.len()
    }

    fn poll_drain<S: AsyncWrite + Unpin>(
        &mut self,
        inner: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.sent < self.pending.len() {
            let written = ready!(Pin::new(&mut *inner).poll_write(context, &self.pending[self.sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        self.pending.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_write<'a, S: AsyncWrite + Unpin>(
        &mut self,
        inner: &mut S,
        context: &mut Context<'_>,
        parts: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        // Data that waits for room is not taken, because the caller brings it again.
        ready!(self.poll_drain(inner, context))?;
        let taken = self.take(parts);
        match self.poll_drain(inner, context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(taken)),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.leftover.is_empty() {
            let bytes = this.leftover.len().min(buf.remaining());
            buf.put_slice(&this.leftover[..bytes]);
            this.leftover.advance(bytes);
            if this.leftover.is_empty() {
                // Its memory is needed no more.
                this.leftover = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(context, buf))?;
        if let Some(ciphers) = &mut this.ciphers {
            ciphers.decrypt.apply(&mut buf.filled_mut()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match &mut this.ciphers {
            None => Pin::new(&mut this.inner).poll_write(context, data),
            Some(ciphers) => ciphers.poll_write(&mut this.inner, context, std::iter::once(data)),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match &mut this.ciphers {
            None => Pin::new(&mut this.inner).poll_write_vectored(context, parts),
            Some(ciphers) => ciphers.poll_write(&mut this.inner, context, parts.iter().map(|part| &**part)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.ciphers.is_some() || self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(ciphers) = &mut this.ciphers {
            ready!(ciphers.poll_drain(&mut this.inner, context))?;
        }
        Pin::new(&mut this.inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(ciphers) = &mut this.ciphers {
            ready!(ciphers.poll_drain(&mut this.inner, context))?;
        }
        Pin::new(&mut this.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
