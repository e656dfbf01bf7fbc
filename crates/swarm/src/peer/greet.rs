//! A peer that called us, until hands were shaken.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use freshet_model::{InfoHash, is_global};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::dial::HANDSHAKE_TIMEOUT;
use super::{Connection, Dialer, Duplex, Greeted, PeerError, Transport, Way, Who};
use crate::mse::{self, Secrets};
use crate::wire::{HANDSHAKE_BYTES, Handshake};

/// Which torrents a caller may ask for.
pub(crate) trait Doors: Sync {
    fn knows(&self, info_hash: InfoHash) -> bool;

    /// The torrent whose [`mse::skey_hash`] this is.
    fn find(&self, skey_hash: &[u8; 20]) -> Option<InfoHash>;
}

/// Peers that have called and not said yet what they want.
const MAX_GREETINGS: usize = 64;
/// Those among them that may call from one address of the internet, so that one host can't keep the others out.
const MAX_GREETINGS_OF_HOST: usize = 8;

/// Counts the peers that are being greeted.
#[derive(Debug, Default)]
pub(crate) struct Greetings {
    by_host: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Greeting {
    all: Arc<Greetings>,
    host: IpAddr,
}

impl Greetings {
    /// Nothing if there are enough.
    pub(crate) fn begin(self: &Arc<Self>, host: IpAddr) -> Option<Greeting> {
        let mut by_host = self.by_host.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, of_host) = (by_host.values().sum::<usize>(), by_host.get(&host).copied().unwrap_or(0));
        if all >= MAX_GREETINGS || (is_global(host) && of_host >= MAX_GREETINGS_OF_HOST) {
            return None;
        }
        by_host.insert(host, of_host + 1);
        drop(by_host);
        Some(Greeting { all: Arc::clone(self), host })
    }
}

impl Drop for Greeting {
    fn drop(&mut self) {
        let mut by_host = self.all.by_host.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_host.get_mut(&self.host) {
            *count -= 1;
            if *count == 0 {
                by_host.remove(&self.host);
            }
        }
    }
}

/// Hears the handshake of a peer, encrypted or not, and answers if its torrent is here.
///
/// # Errors
/// [`PeerError`]. Waits no longer than one time-out.
pub(crate) async fn greet(
    stream: Box<dyn Duplex>,
    transport: Transport,
    address: SocketAddr,
    dialer: &Dialer,
    doors: &impl Doors,
) -> Result<Greeted, PeerError> {
    let begun_at = Instant::now();
    let rerouted = dialer.exit().rerouted;
    let policy = dialer.settings().encryption;
    let greeting = async {
        let secrets = Secrets::draw(&mut rand::rng());
        let accepted = mse::accept(stream, |hash| doors.find(hash), policy, secrets).await?;
        let mut stream = accepted.stream;
        let mut theirs = [0; HANDSHAKE_BYTES];
        stream.read_exact(&mut theirs).await?;
        let theirs = Handshake::decode(&theirs)?;
        if !doors.knows(theirs.info_hash)
            || accepted.info_hash.is_some_and(|info_hash| info_hash != theirs.info_hash)
        {
            return Err(PeerError::OtherTorrent);
        }
        dialer.check(&theirs, theirs.info_hash)?;
        stream.write_all(&dialer.ours(theirs.info_hash).encode()).await?;
        stream.flush().await?;
        Ok((stream, theirs))
    };
    let (stream, handshake) =
        timeout(HANDSHAKE_TIMEOUT, greeting).await.map_err(|_| PeerError::TimedOut)??;
    let is_encrypted = stream.is_encrypted();
    let connection = Connection::new(Box::new(stream)).until(rerouted);
    let (way, round_trip) = (Way::Incoming, begun_at.elapsed());
    let who = Who { address, handshake, way, transport, is_encrypted, round_trip };
    Ok(Greeted { connection, who })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_does_not_keep_the_others_out_and_all_together_have_an_end() {
        let greetings = Arc::new(Greetings::default());
        let begin = |host: [u8; 4]| greetings.begin(IpAddr::from(host));
        let mut held: Vec<Greeting> = (0..20).filter_map(|_| begin([8, 8, 8, 8])).collect();
        assert_eq!(held.len(), MAX_GREETINGS_OF_HOST);
        held.extend((0..20).filter_map(|_| begin([192, 168, 1, 1])));
        assert_eq!(held.len(), MAX_GREETINGS_OF_HOST + 20, "at home many may live behind one address");
        held.extend((0..100).filter_map(|host| begin([1, 1, 1, host])));
        assert_eq!(held.len(), MAX_GREETINGS);

        drop(held);
        assert!(begin([8, 8, 8, 8]).is_some());
        assert!(greetings.by_host.lock().unwrap().is_empty());
    }
}
