//! The end of a connection that is tied to a network interface.
//!
//! What still arrives for a connection that is gone is answered by the system itself, and by its routing table: not through
//! the interface. So such a connection stays a moment after it was closed, until the other end has closed it too.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// Longer than an answer is under way; others close what we have closed.
const LINGER: Duration = Duration::from_secs(3);
/// What is still taken and thrown away. Who sends more is not read any more, and then has to stop.
const MAX_WASTE_BYTES: usize = 1024 * 1024;
/// Connections that linger at a time; others end at once, so that nobody can fill our places by calling and hanging up.
const MAX_LINGERING: usize = 256;

/// Who keeps connections for their last moment. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Linger {
    tasks: TaskTracker,
    places: Arc<Semaphore>,
}

/// A connection that lingers when it is dropped.
#[derive(Debug)]
pub(super) struct Lingering {
    /// Not there only while it is dropped.
    stream: Option<TcpStream>,
    linger: Linger,
}

impl Linger {
    pub(super) fn new() -> Self {
        Self { tasks: TaskTracker::new(), places: Arc::new(Semaphore::new(MAX_LINGERING)) }
    }

    pub(super) fn carry(&self, stream: TcpStream) -> Lingering {
        Lingering { stream: Some(stream), linger: self.clone() }
    }

    /// Waits for those that linger now and from now on, until there are none.
    pub(super) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn see_off(mut stream: TcpStream) {
    // Who is gone already needs nothing more.
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut waste = vec![0; 16 * 1024];
    let mut taken = 0;
    while taken < MAX_WASTE_BYTES {
        match stream.read(&mut waste).await {
            Ok(0) | Err(_) => return,
            Ok(count) => taken += count,
        }
    }
    std::future::pending().await
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let place = Arc::clone(&self.linger.places).try_acquire_owned();
        let runtime = Handle::try_current();
        if let (Some(stream), Ok(place), Ok(runtime)) = (self.stream.take(), place, runtime) {
            let seeing_off = async move {
                let _place = place;
                let _ = timeout(LINGER, see_off(stream)).await;
            };
            self.linger.tasks.spawn_on(seeing_off, &runtime);
        }
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Some(stream) => Pin::new(stream).poll_read(context, into),
            None => Poll::Ready(Err(gone())),
        }
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Some(stream) => Pin::new(stream).poll_write(context, bytes),
            None => Poll::Ready(Err(gone())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Some(stream) => Pin::new(stream).poll_flush(context),
            None => Poll::Ready(Err(gone())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Some(stream) => Pin::new(stream).poll_shutdown(context),
            None => Poll::Ready(Err(gone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn the_other_end_is_heard_out_and_then_nothing_is_left() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let called = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut theirs, _) = listener.accept().await.unwrap();
        let linger = Linger::new();
        let mut ours = linger.carry(called);
        theirs.write_all(b"read").await.unwrap();
        let mut read = [0; 4];
        ours.read_exact(&mut read).await.unwrap();
        ours.write_all(&read).await.unwrap();
        theirs.write_all(b"unread").await.unwrap();
        drop(ours);

        let mut heard = Vec::new();
        timeout(PATIENCE, theirs.read_to_end(&mut heard)).await.unwrap().unwrap();
        assert_eq!(heard, b"read", "it is closed, and not cut");
        theirs.write_all(b"late").await.unwrap();
        assert_eq!(linger.places.available_permits(), MAX_LINGERING - 1);
        drop(theirs);
        timeout(PATIENCE, linger.ended()).await.unwrap();
        assert_eq!(linger.places.available_permits(), MAX_LINGERING);
    }
}
