//! UDP trackers (BEP 15), with the rest of their link (BEP 41).
//!
//! All torrents share one socket for each family: a tracker may bind a connection id to the port it was given to, and an
//! id is good for a minute, whichever torrent asks.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use freshet_model::AddressPolicy;
use freshet_web::{Route, WayOut};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::super::sockets::{self, Family};
use super::{AnnounceError, Answer, Event, Question, compact_v4, compact_v6, reason};

const PROTOCOL: u64 = 0x0417_2710_1980;
const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const ERROR: u32 = 3;
/// BEP 15 waits 15 s, 30 s and so on; but a person waits with us.
const WAITS: [Duration; 3] = [Duration::from_secs(3), Duration::from_secs(6), Duration::from_secs(12)];
/// For how long we use a connection id (BEP 15).
const CONNECTION_LIFETIME: Duration = Duration::from_secs(60);
/// How long an answer over one family is held back for the answer over the other one.
const OTHER_FAMILY_WAIT: Duration = Duration::from_secs(2);
/// After the system refused to receive; it can fail again at once.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(200);
const MAX_DATAGRAM_BYTES: usize = 65_535;
const MAX_WAITING: usize = 512;
const MAX_CONNECTIONS: usize = 1024;
const OPTION_URL_DATA: u8 = 2;

/// Asks UDP trackers. Cheap to clone; its sockets close with the token that it was made with, or when there is another way out.
#[derive(Debug, Clone)]
pub(in super::super) struct UdpTrackers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    doors: Mutex<Doors>,
    connections: Mutex<HashMap<SocketAddr, Connection>>,
    waits: [Duration; 3],
    tasks: TaskTracker,
    cancel: CancellationToken,
}

/// The sockets of one way out.
#[derive(Debug)]
struct Doors {
    route: Route,
    v4: Option<Arc<Door>>,
    v6: Option<Arc<Door>>,
    /// Closes them.
    cancel: CancellationToken,
}

#[derive(Debug, Clone, Copy)]
struct Connection {
    id: [u8; 8],
    given_at: Instant,
}

/// One socket, and who waits for an answer there.
#[derive(Debug)]
struct Door {
    socket: UdpSocket,
    waiting: Mutex<HashMap<u32, Waiting>>,
    waits: [Duration; 3],
}

#[derive(Debug)]
struct Waiting {
    from: SocketAddr,
    answer: oneshot::Sender<Vec<u8>>,
}

impl UdpTrackers {
    /// The tasks that read the sockets belong to `tasks`, and end with `cancel`.
    pub(in super::super) fn new(tasks: TaskTracker, cancel: CancellationToken) -> Self {
        Self::with_waits(WAITS, tasks, cancel)
    }

    fn with_waits(waits: [Duration; 3], tasks: TaskTracker, cancel: CancellationToken) -> Self {
        let doors = Doors { route: Route::default(), v4: None, v6: None, cancel: cancel.child_token() };
        let shared = Shared { doors: Mutex::new(doors), connections: Mutex::default(), waits, tasks, cancel };
        Self { shared: Arc::new(shared) }
    }

    /// Asks a tracker over each family that it has an address in. One answer is enough.
    pub(super) async fn announce(
        &self,
        tracker: &Url,
        question: &Question,
        policy: AddressPolicy,
        way: &WayOut,
    ) -> Result<Answer, AnnounceError> {
        let (Some(host), Some(port)) = (tracker.host_str(), tracker.port()) else {
            return Err(AnnounceError::Scheme);
        };
        // The host of a link of this scheme is not parsed by `Url`: a number would pass as a name.
        let host = url::Host::parse(host).map_err(|_| AnnounceError::Scheme)?;
        let host = match &host {
            url::Host::Domain(name) => url::Host::Domain(name.as_str()),
            url::Host::Ipv4(address) => url::Host::Ipv4(*address),
            url::Host::Ipv6(address) => url::Host::Ipv6(*address),
        };
        let addresses = way.addresses(&host, port, policy).await?;
        let first_of = |family| addresses.iter().copied().find(|address| Family::of(*address) == family);
        let both = [first_of(Family::V4), first_of(Family::V6)];
        let mut asking: FuturesUnordered<_> =
            both.into_iter().flatten().map(|address| self.ask(address, tracker, question, way)).collect();

        let mut failure = AnnounceError::TimedOut;
        while let Some(outcome) = asking.next().await {
            match outcome {
                Ok(mut answer) => {
                    if let Ok(Some(Ok(other))) = timeout(OTHER_FAMILY_WAIT, asking.next()).await {
                        answer.peers.extend(other.peers);
                    }
                    return Ok(answer);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn ask(
        &self,
        address: SocketAddr,
        tracker: &Url,
        question: &Question,
        way: &WayOut,
    ) -> Result<Answer, AnnounceError> {
        let door = self.shared.door(Family::of(address), way.route())?;
        let connection = match self.shared.known(address) {
            Some(id) => id,
            None => {
                let answer = door.ask(address, CONNECT, &PROTOCOL.to_be_bytes(), &[]).await?;
                let id = answer.first_chunk::<8>().copied().ok_or(AnnounceError::Answer)?;
                self.shared.remember(address, id);
                id
            }
        };
        let answer = door.ask(address, ANNOUNCE, &connection, &fields(tracker, question)).await;
        let body = answer.inspect_err(|_| {
            // It may be the id that the tracker does not know any more.
            lock(&self.shared.connections).remove(&address);
        })?;
        read_answer(&body, Family::of(address))
    }
}

impl Shared {
    /// Opens the socket on first use. Where there is another way out since, those of the old way are closed.
    fn door(&self, family: Family, route: &Route) -> Result<Arc<Door>, AnnounceError> {
        let mut doors = lock(&self.doors);
        if doors.route != *route {
            doors.cancel.cancel();
            let cancel = self.cancel.child_token();
            *doors = Doors { route: route.clone(), v4: None, v6: None, cancel };
            // A tracker gave them to the address that it saw.
            lock(&self.connections).clear();
        }
        let cancel = doors.cancel.clone();
        let place = match family {
            Family::V4 => &mut doors.v4,
            Family::V6 => &mut doors.v6,
        };
        if let Some(door) = place {
            return Ok(Arc::clone(door));
        }
        let socket = sockets::udp(family, route)?;
        let door = Arc::new(Door { socket, waiting: Mutex::default(), waits: self.waits });
        *place = Some(Arc::clone(&door));
        let reader = Arc::clone(&door);
        drop(self.tasks.spawn(async move { cancel.run_until_cancelled(reader.read()).await }));
        Ok(door)
    }

    fn known(&self, address: SocketAddr) -> Option<[u8; 8]> {
        let connection = lock(&self.connections).get(&address).copied()?;
        (connection.given_at.elapsed() < CONNECTION_LIFETIME).then_some(connection.id)
    }

    fn remember(&self, address: SocketAddr, id: [u8; 8]) {
        let mut connections = lock(&self.connections);
        if connections.len() >= MAX_CONNECTIONS {
            connections.retain(|_, connection| connection.given_at.elapsed() < CONNECTION_LIFETIME);
        }
        if connections.len() < MAX_CONNECTIONS {
            connections.insert(address, Connection { id, given_at: Instant::now() });
        }
    }
}

impl Door {
    /// One question with its repetitions; gives the answer without action and transaction.
    async fn ask(
        &self,
        address: SocketAddr,
        action: u32,
        head: &[u8],
        rest: &[u8],
    ) -> Result<Vec<u8>, AnnounceError> {
        for wait in self.waits {
            let (ticket, answer) = self.ticket(address)?;
            let number = ticket.transaction.to_be_bytes();
            let datagram = [head, &action.to_be_bytes(), &number, rest].concat();
            self.socket.send_to(&datagram, address).await?;
            let Ok(Ok(answer)) = timeout(wait, answer).await else { continue };
            let (answered, body) = answer.split_first_chunk::<4>().ok_or(AnnounceError::Answer)?;
            return match u32::from_be_bytes(*answered) {
                answered if answered == action => Ok(body.get(4..).unwrap_or_default().to_vec()),
                ERROR => Err(AnnounceError::Refused(reason(body.get(4..).unwrap_or_default()))),
                _ => Err(AnnounceError::Answer),
            };
        }
        Err(AnnounceError::TimedOut)
    }

    /// A fresh transaction; its place is given back when the ticket is dropped.
    fn ticket(&self, from: SocketAddr) -> Result<(Ticket<'_>, oneshot::Receiver<Vec<u8>>), AnnounceError> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= MAX_WAITING {
            return Err(AnnounceError::Busy);
        }
        let mut transaction = rand::random();
        while waiting.contains_key(&transaction) {
            transaction = rand::random();
        }
        waiting.insert(transaction, Waiting { from, answer });
        Ok((Ticket { door: self, transaction }, answered))
    }

    /// Hands answers to those who wait for them, for ever. What nobody waits for, or somebody else sent, is dropped.
    async fn read(&self) {
        let mut datagram = vec![0; MAX_DATAGRAM_BYTES];
        loop {
            match self.socket.recv_from(&mut datagram).await {
                Ok((count, from)) => self.hand_over(&datagram[..count], from),
                Err(error) => {
                    // Some systems report here that an earlier datagram did not arrive.
                    tracing::debug!(%error, "no answer could be received from UDP trackers");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        }
    }

    fn hand_over(&self, datagram: &[u8], from: SocketAddr) {
        let Some([_, _, _, _, number @ ..]) = datagram.first_chunk::<8>() else { return };
        let transaction = u32::from_be_bytes(*number);
        let mut waiting = lock(&self.waiting);
        if waiting.get(&transaction).is_some_and(|expected| expected.from == from)
            && let Some(expected) = waiting.remove(&transaction)
        {
            // Whoever asked may have given up in this moment.
            let _ = expected.answer.send(datagram.to_vec());
        }
    }
}

struct Ticket<'a> {
    door: &'a Door,
    transaction: u32,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        lock(&self.door.waiting).remove(&self.transaction);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What follows action and transaction.
fn fields(tracker: &Url, question: &Question) -> Vec<u8> {
    let totals = &question.totals;
    let event: u32 = match question.event {
        Event::None => 0,
        Event::Completed => 1,
        Event::Started => 2,
        Event::Stopped => 3,
    };
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(question.info_hash.as_bytes());
    out.extend_from_slice(&question.peer_id);
    for number in [totals.downloaded_bytes, totals.left_bytes, totals.uploaded_bytes] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    // 0 for our address: the tracker sees it.
    for number in [event, 0, question.key, question.wanted_peers()] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(&question.port.to_be_bytes());
    let query = tracker.query().map(|query| format!("?{query}")).unwrap_or_default();
    let rest_of_link = format!("{}{query}", tracker.path());
    if rest_of_link.len() > 1 {
        for part in rest_of_link.as_bytes().chunks(usize::from(u8::MAX)) {
            out.extend_from_slice(&[OPTION_URL_DATA, part.len() as u8]);
            out.extend_from_slice(part);
        }
    }
    out
}

/// Interval, leechers, seeders, and compact peers.
fn read_answer(body: &[u8], family: Family) -> Result<Answer, AnnounceError> {
    let (head, compact) = body.split_first_chunk::<12>().ok_or(AnnounceError::Answer)?;
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *head;
    Ok(Answer {
        peers: match family {
            Family::V4 => compact_v4(compact).collect(),
            Family::V6 => compact_v6(compact).collect(),
        },
        interval: Duration::from_secs(u32::from_be_bytes([a, b, c, d]).into()),
        leechers: Some(u32::from_be_bytes([e, f, g, h])),
        seeders: Some(u32::from_be_bytes([i, j, k, l])),
        ..Answer::default()
    })
}

/// What follows action and transaction, over both families.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz(body: &[u8]) {
    for (family, address_bytes) in [(Family::V4, 6), (Family::V6, 18)] {
        let Ok(answer) = read_answer(body, family) else { continue };
        assert_eq!(answer.peers.len(), (body.len() - 12) / address_bytes);
    }
    let _ = reason(body);
}

#[cfg(test)]
#[path = "udp_tests.rs"]
mod tests;
