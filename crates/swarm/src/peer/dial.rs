//! From an address to a peer with whom hands were shaken (BEP 3).
//!
//! TCP is tried first, uTP too when that is slow or fails; the first to shake hands wins. Over each, a peer that hangs up
//! on a handshake in the clear is called again with an encrypted one.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freshet_model::InfoHash;
use freshet_web::Route;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::linger::Linger;
use super::network::{Manners, NetworkSettings, Transport};
use super::utp::UtpSocket;
use super::{Connection, Duplex, Greeted, PeerError, Way, Who, through};
use crate::mse::{self, CryptoProvide, Policy, Secrets};
use crate::wire::{HANDSHAKE_BYTES, Handshake, Reserved};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(8);
/// A host that refuses TCP is near enough to answer over uTP by then, if it does at all.
const UTP_TIMEOUT_AFTER_REFUSAL: Duration = Duration::from_secs(2);
/// uTP waits for TCP so long.
const TCP_HEAD_START: Duration = Duration::from_secs(1);

/// What all connections of this program have in common. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    peer_id: [u8; 20],
    utp: Mutex<Option<UtpSocket>>,
    settings: Mutex<NetworkSettings>,
    manners: Mutex<Manners>,
    exit: Mutex<Exit>,
    linger: Linger,
}

/// The way out of this computer.
#[derive(Debug, Clone, Default)]
pub(super) struct Exit {
    route: Arc<Route>,
    /// There is another way now, and nothing may go by this one any more.
    pub(super) rerouted: CancellationToken,
}

/// How far the attempt over TCP is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Connected,
    Ended,
}

/// In what the first words are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tongue {
    Clear,
    Encrypted(CryptoProvide),
}

impl Dialer {
    pub(crate) fn new(peer_id: [u8; 20], settings: NetworkSettings, utp: Option<UtpSocket>) -> Self {
        let (utp, settings, manners) = (Mutex::new(utp), Mutex::new(settings), Mutex::default());
        let (exit, linger) = (Mutex::default(), Linger::new());
        Self { shared: Arc::new(Shared { peer_id, utp, settings, manners, exit, linger }) }
    }

    /// On which way peers are called from now on. All connections by the old way end.
    pub(crate) fn set_route(&self, route: &Route) {
        let mut exit = self.shared.exit.lock().unwrap_or_else(PoisonError::into_inner);
        if *exit.route != *route {
            let old = std::mem::take(&mut *exit);
            exit.route = Arc::new(route.clone());
            old.rerouted.cancel();
        }
    }

    pub(crate) fn route(&self) -> Arc<Route> {
        self.exit().route
    }

    /// Cancelled when there is another way than that of now.
    pub(crate) fn rerouted(&self) -> CancellationToken {
        self.exit().rerouted
    }

    /// A connection by this way, which ends as that wants it.
    pub(crate) fn carry(&self, stream: TcpStream, route: &Route) -> Box<dyn Duplex> {
        match &route.interface {
            Some(_) => Box::new(self.shared.linger.carry(stream)),
            None => Box::new(stream),
        }
    }

    /// Waits for the last moment of all connections that were closed. For the end of the program.
    pub(crate) async fn ended(&self) {
        self.shared.linger.ended().await;
    }

    pub(super) fn exit(&self) -> Exit {
        self.shared.exit.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn settings(&self) -> NetworkSettings {
        *self.shared.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_settings(&self, settings: NetworkSettings) {
        *self.shared.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    fn utp(&self) -> Option<UtpSocket> {
        self.shared.utp.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The socket for calls over uTP from now on; `None` while there is none.
    pub(crate) fn set_utp(&self, socket: Option<UtpSocket>) {
        *self.shared.utp.lock().unwrap_or_else(PoisonError::into_inner) = socket;
    }

    /// What is known of a peer's wish for encryption, from another peer or from how it answered.
    pub(crate) fn remember(&self, address: SocketAddr, prefers_encryption: bool) {
        let mut manners = self.shared.manners.lock().unwrap_or_else(PoisonError::into_inner);
        manners.set(address, prefers_encryption);
    }

    fn prefers_encryption(&self, address: SocketAddr) -> bool {
        let manners = self.shared.manners.lock().unwrap_or_else(PoisonError::into_inner);
        manners.prefers_encryption(address)
    }

    /// Connects and shakes hands. While there is no way out it waits for one.
    ///
    /// # Errors
    /// [`PeerError`], that of TCP if both fail. Waits no longer than the time-outs of this module, twice.
    pub(crate) async fn dial(&self, address: SocketAddr, info_hash: InfoHash) -> Result<Greeted, PeerError> {
        let exit = self.exit();
        if !exit.route.is_open() {
            exit.rerouted.cancelled().await;
            return Err(PeerError::Rerouted);
        }
        let dialing = self.dial_by(&exit, address, info_hash);
        exit.rerouted.run_until_cancelled(dialing).await.unwrap_or(Err(PeerError::Rerouted))
    }

    async fn dial_by(
        &self,
        exit: &Exit,
        address: SocketAddr,
        info_hash: InfoHash,
    ) -> Result<Greeted, PeerError> {
        let settings = self.settings();
        // A proxy carries no datagrams.
        let has_utp = settings.utp && exit.route.proxy.is_none() && self.utp().is_some();
        match (settings.tcp, has_utp) {
            (true, true) => self.race(exit, address, info_hash).await,
            (true, false) => self.call(exit, Transport::Tcp, address, info_hash, || {}).await,
            (false, true) => self.call(exit, Transport::Utp, address, info_hash, || {}).await,
            (false, false) => Err(PeerError::NoTransport),
        }
    }

    async fn race(
        &self,
        exit: &Exit,
        address: SocketAddr,
        info_hash: InfoHash,
    ) -> Result<Greeted, PeerError> {
        let (stage, mut seen) = watch::channel(Stage::Connecting);
        let tcp = async {
            let is_connected = || {
                stage.send_replace(Stage::Connected);
            };
            let result = self.call(exit, Transport::Tcp, address, info_hash, is_connected).await;
            stage.send_replace(Stage::Ended);
            result
        };
        let utp = async {
            let is_known =
                timeout(TCP_HEAD_START, seen.wait_for(|stage| *stage != Stage::Connecting)).await.is_ok();
            if is_known {
                // Whom TCP reaches is not called twice, unless it hangs up.
                let _ = seen.wait_for(|stage| *stage == Stage::Ended).await;
            }
            self.call(exit, Transport::Utp, address, info_hash, || {}).await
        };
        tokio::pin!(tcp, utp);
        tokio::select! {
            over_tcp = &mut tcp => match over_tcp {
                Err(PeerError::Io(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    let over_utp = timeout(UTP_TIMEOUT_AFTER_REFUSAL, utp).await;
                    over_utp.ok().and_then(Result::ok).ok_or(PeerError::Io(error))
                }
                Err(error) if error.is_about_reach() => utp.await.map_err(|_| error),
                other => other,
            },
            over_utp = &mut utp => match over_utp {
                Ok(greeted) => Ok(greeted),
                Err(_) => tcp.await,
            },
        }
    }

    /// Calls over one transport, in the clear or encrypted, or one after the other. Says when it is connected.
    async fn call(
        &self,
        exit: &Exit,
        transport: Transport,
        address: SocketAddr,
        info_hash: InfoHash,
        is_connected: impl Fn() + Send,
    ) -> Result<Greeted, PeerError> {
        let encryption = self.settings().encryption;
        let tongues = tongues(encryption, self.prefers_encryption(address));
        let mut failure = PeerError::NoTransport;
        for (attempt, tongue) in tongues.iter().enumerate() {
            let begun_at = Instant::now();
            let stream = match self.connect(exit, transport, address).await {
                Ok(stream) => stream,
                Err(error) => {
                    // What went wrong first says more.
                    return Err(if attempt == 0 { error } else { failure });
                }
            };
            is_connected();
            let round_trip = begun_at.elapsed();
            let shaking = timeout(HANDSHAKE_TIMEOUT, self.shake(stream, info_hash, *tongue));
            match shaking.await.unwrap_or(Err(PeerError::TimedOut)) {
                Ok((stream, handshake, is_encrypted)) => {
                    if encryption == Policy::Prefer {
                        self.remember(address, *tongue != Tongue::Clear);
                    }
                    self.check(&handshake, info_hash)?;
                    let way = Way::Outgoing;
                    let who = Who { address, handshake, way, transport, is_encrypted, round_trip };
                    return Ok(Greeted {
                        connection: Connection::new(stream).until(exit.rerouted.clone()),
                        who,
                    });
                }
                Err(PeerError::TimedOut) => {
                    // It may wait for the rest of a key. To try that at once would keep the caller waiting too long.
                    if encryption == Policy::Prefer {
                        self.remember(address, *tongue == Tongue::Clear);
                    }
                    return Err(PeerError::TimedOut);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn connect(
        &self,
        exit: &Exit,
        transport: Transport,
        address: SocketAddr,
    ) -> Result<Box<dyn Duplex>, PeerError> {
        let connecting = async {
            match (transport, self.utp()) {
                (Transport::Tcp, _) if let Some(proxy) = &exit.route.proxy => {
                    Ok(self.carry(through::connect(&exit.route, proxy, address).await?, &exit.route))
                }
                (Transport::Tcp, _) => {
                    let stream = exit.route.connect(address).await?;
                    stream.set_nodelay(true)?;
                    Ok(self.carry(stream, &exit.route))
                }
                (Transport::Utp, Some(utp)) => Ok(Box::new(utp.connect(address).await?) as Box<dyn Duplex>),
                (Transport::Utp, None) => Err(PeerError::NoTransport),
            }
        };
        timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or(Err(PeerError::TimedOut))
    }

    /// Also says whether all that follows is encrypted.
    async fn shake(
        &self,
        mut stream: Box<dyn Duplex>,
        info_hash: InfoHash,
        tongue: Tongue,
    ) -> Result<(Box<dyn Duplex>, Handshake, bool), PeerError> {
        let ours = self.ours(info_hash).encode();
        let mut is_encrypted = false;
        match tongue {
            Tongue::Clear => {
                stream.write_all(&ours).await?;
                stream.flush().await?;
            }
            Tongue::Encrypted(provide) => {
                let secrets = Secrets::draw(&mut rand::rng());
                let encrypted = mse::initiate(stream, info_hash, provide, &ours, secrets).await?;
                is_encrypted = encrypted.is_encrypted();
                stream = Box::new(encrypted);
            }
        }
        let mut theirs = [0; HANDSHAKE_BYTES];
        stream.read_exact(&mut theirs).await?;
        Ok((stream, Handshake::decode(&theirs)?, is_encrypted))
    }

    /// Our half of the handshake.
    pub(super) fn ours(&self, info_hash: InfoHash) -> Handshake {
        let reserved = Reserved::default().with_extended().with_fast();
        Handshake { info_hash, peer_id: self.shared.peer_id, reserved }
    }

    pub(super) fn check(&self, handshake: &Handshake, info_hash: InfoHash) -> Result<(), PeerError> {
        if handshake.info_hash != info_hash {
            return Err(PeerError::OtherTorrent);
        }
        if handshake.peer_id == self.shared.peer_id {
            return Err(PeerError::Ourselves);
        }
        Ok(())
    }
}

/// What is tried, in this order.
fn tongues(policy: Policy, prefers_encryption: bool) -> &'static [Tongue] {
    const EITHER: Tongue = Tongue::Encrypted(CryptoProvide::Either);
    match policy {
        Policy::Off => &[Tongue::Clear],
        Policy::Require => &[Tongue::Encrypted(CryptoProvide::Rc4)],
        Policy::Prefer if prefers_encryption => &[EITHER, Tongue::Clear],
        Policy::Prefer => &[Tongue::Clear, EITHER],
    }
}

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;
