//! What every handler gets.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use freshet_app::{App, FileReader};
use freshet_model::{ErrorCode, InfoHash, TorrentRecord, TorrentState, WireError};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::dlna::Dlna;
use crate::guard::{Connection, Door};
use crate::shares::{PerAddress, Share};
use crate::torrserver::torrs::Tokens;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ServerState {
    pub(crate) app: App,
    /// Fires when the server stops: long answers end then.
    pub(crate) stop: CancellationToken,
    /// Fired by whoever may end the program.
    pub(crate) end: CancellationToken,
    pub(crate) links: LinkMemory,
    pub(crate) readers: Readers,
    pub(crate) dlna: Dlna,
    pub(crate) tokens: Tokens,
    /// Whose commands come in here is decided by the door: this one is that of the player window.
    pub(crate) is_film_door: bool,
}

/// Open files of all answers together.
const MAX_READERS: usize = 512;
/// Of these for other devices together, so that this computer always has some.
const MAX_NETWORK_READERS: usize = 448;
/// And for each device of the network.
const MAX_READERS_PER_ADDRESS: usize = 64;

/// Places for answers that read a file. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    all: Arc<Semaphore>,
    network: Arc<Semaphore>,
    per_address: PerAddress,
}

/// A place among the readers; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct ReaderPlace {
    _all: OwnedSemaphorePermit,
    _network: Option<(OwnedSemaphorePermit, Share)>,
}

/// A reader in its place.
#[derive(Debug)]
pub(crate) struct PlacedReader {
    reader: FileReader,
    _place: ReaderPlace,
}

impl PlacedReader {
    pub(crate) fn new(reader: FileReader, place: ReaderPlace) -> Self {
        Self { reader, _place: place }
    }
}

impl AsyncRead for PlacedReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(cx, buf)
    }
}

impl AsyncSeek for PlacedReader {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.reader).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.reader).poll_complete(cx)
    }
}

impl Readers {
    pub(crate) fn new() -> Self {
        Self {
            all: Arc::new(Semaphore::new(MAX_READERS)),
            network: Arc::new(Semaphore::new(MAX_NETWORK_READERS)),
            per_address: PerAddress::new(MAX_READERS_PER_ADDRESS),
        }
    }

    /// `None` if there are as many as there may be, in all or for this device. This computer is only counted in all.
    pub(crate) fn take(&self, connection: &Connection) -> Option<ReaderPlace> {
        let network = match connection.door {
            Door::Own => None,
            Door::Network => {
                let share = self.per_address.take(connection.peer_key())?;
                Some((Arc::clone(&self.network).try_acquire_owned().ok()?, share))
            }
        };
        let all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(ReaderPlace { _all: all, _network: network })
    }
}

/// Which torrent was behind a web link. A player that was given the link asks with it for every range, and the file behind
/// it should be fetched once.
#[derive(Debug, Clone, Default)]
pub(crate) struct LinkMemory(Arc<Mutex<VecDeque<(String, InfoHash)>>>);

impl LinkMemory {
    const MAX_LINKS: usize = 64;

    pub(crate) fn get(&self, link: &str) -> Option<InfoHash> {
        self.lock().iter().find(|(known, _)| known == link).map(|(_, info_hash)| *info_hash)
    }

    pub(crate) fn put(&self, link: String, info_hash: InfoHash) {
        let mut links = self.lock();
        links.retain(|(known, _)| *known != link);
        if links.len() == Self::MAX_LINKS {
            links.pop_front();
        }
        links.push_back((link, info_hash));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(String, InfoHash)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerState {
    pub(crate) fn new(app: App, stop: CancellationToken, end: CancellationToken, dlna: Dlna) -> Self {
        Self {
            app,
            stop,
            end,
            links: LinkMemory::default(),
            readers: Readers::new(),
            dlna,
            tokens: Tokens::default(),
            is_film_door: false,
        }
    }

    /// The same for the door of the player window.
    pub(crate) fn for_film(&self) -> Self {
        Self { is_film_door: true, ..self.clone() }
    }

    /// Waits for something that may take minutes, but not longer than the server runs.
    ///
    /// # Errors
    /// What the future says, or [`ErrorCode::Cancelled`].
    pub(crate) async fn unless_stopped<T>(
        &self,
        wait: impl Future<Output = Result<T, WireError>>,
    ) -> Result<T, WireError> {
        let stopped = || Err(WireError::new(ErrorCode::Cancelled, "the server stops"));
        self.stop.run_until_cancelled(wait).await.unwrap_or_else(stopped)
    }

    /// A torrent of the library. If its details could not be had, they are looked for once more: clients that come back
    /// for a torrent mean it. It stays open a while longer.
    ///
    /// # Errors
    /// The store can't be read.
    pub(crate) async fn torrent(&self, info_hash: InfoHash) -> Result<Option<Arc<TorrentRecord>>, WireError> {
        self.app.touch(info_hash);
        match self.app.torrent(info_hash).await? {
            Some(record) if record.state() == TorrentState::Failed => {
                Ok(Some(self.app.resolve_again(info_hash).await?))
            }
            known => Ok(known),
        }
    }

    /// Waits for the details of a torrent.
    ///
    /// # Errors
    /// They can't be had, or the server stops.
    pub(crate) async fn ready(&self, info_hash: InfoHash) -> Result<Arc<TorrentRecord>, WireError> {
        self.unless_stopped(self.app.wait_until_ready(info_hash)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_devices_leave_readers_to_this_computer() {
        let readers = Readers::new();
        let from = |door, ip: String| {
            let peer = std::net::SocketAddr::new(ip.parse().unwrap(), 5);
            Connection::new(door, peer, "127.0.0.1:8090".parse().unwrap(), false)
        };
        let mut places = Vec::new();
        for device in 0..10 {
            let connection = from(Door::Network, format!("192.168.1.{device}"));
            places.extend(std::iter::from_fn(|| readers.take(&connection)));
        }
        assert_eq!(places.len(), MAX_NETWORK_READERS);
        let own = from(Door::Own, "127.0.0.1".to_owned());
        places.extend(std::iter::from_fn(|| readers.take(&own)));
        assert_eq!(places.len(), MAX_READERS);

        places.truncate(MAX_READERS_PER_ADDRESS - 1);
        let _last = readers.take(&from(Door::Network, "192.168.1.0".to_owned())).expect("one came back");
        assert!(readers.take(&from(Door::Network, "192.168.1.0".to_owned())).is_none(), "no more than 64");
    }

    #[test]
    fn the_oldest_link_is_forgotten_first() {
        let links = LinkMemory::default();
        let hash = |number: usize| InfoHash::new([u8::try_from(number).unwrap(); 20]);
        for number in 0..=LinkMemory::MAX_LINKS {
            links.put(number.to_string(), hash(number));
        }
        links.put("1".to_owned(), hash(99));

        assert_eq!(links.get("0"), None);
        assert_eq!(links.get("1"), Some(hash(99)));
        assert_eq!(links.get("64"), Some(hash(64)));
        assert_eq!(links.lock().len(), LinkMemory::MAX_LINKS);
    }
}
