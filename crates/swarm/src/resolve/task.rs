//! Calls peers and asks them until the metadata is whole.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use freshet_model::InfoHash;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::peers::{Heard, Peer};
use super::{Metadata, ResolveError, ResolveProgress, ResolvedPeers};
use crate::ban::BanKey;
use crate::peer::{
    Acquainted, COMMANDS, Connection, Greeted, Link, PeerError, PexExchange, Prelude, Said, Share, Way, Who,
    unheard,
};
use crate::torrent::book::Book;
use crate::torrent::{Context, PeerSource};
use crate::wire::{Assembly, Message};

const MAX_DIALING: usize = 30;
const MAX_PEERS: usize = 60;
/// Batches of messages that wait for us; their senders wait when there are more.
const REPORTS: usize = 32;
const TICK: Duration = Duration::from_millis(500);
/// Who has offered nothing by then makes room for another when there is none.
const OFFERS_BY: Duration = Duration::from_secs(8);
/// Connections that do not stop by then are not handed over.
const HAND_OVER: Duration = Duration::from_millis(500);
/// Addresses that are taken from the caller at a time.
const ADDRESSES_AT_ONCE: usize = 64;

/// What is looked for, and where addresses and callers come from.
pub(crate) struct Request {
    pub(crate) info_hash: InfoHash,
    pub(crate) addresses: mpsc::Receiver<SocketAddr>,
    /// Peers that called us about this torrent.
    pub(crate) callers: mpsc::Receiver<Greeted>,
    pub(crate) progress: watch::Sender<ResolveProgress>,
    pub(crate) stop: CancellationToken,
}

type Report = (u64, Said);
type Ended = (u64, Connection, PeerError);

/// Runs until the metadata is here. Dropping it closes all connections.
pub(crate) async fn run(request: Request, context: Context) -> Result<Metadata, ResolveError> {
    let Request { info_hash, mut addresses, mut callers, progress, stop } = request;
    let (reports, mut heard) = mpsc::channel(REPORTS);
    let mut task = Task {
        info_hash,
        unheard: unheard(),
        connected: context.connected.join(),
        half_open: context.half_open.join(),
        context,
        book: Book::default(),
        assembly: Assembly::new(info_hash),
        peers: HashMap::new(),
        next_peer: 0,
        dials: JoinSet::new(),
        connections: JoinSet::new(),
        reports,
        progress,
    };
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut found = Vec::with_capacity(ADDRESSES_AT_ONCE);
    let mut may_find_more = true;
    let info = loop {
        tokio::select! {
            () = stop.cancelled() => return Err(ResolveError::Stopped),
            count = addresses.recv_many(&mut found, ADDRESSES_AT_ONCE), if may_find_more => {
                may_find_more = count != 0;
                task.add_addresses(found.drain(..), PeerSource::Given);
            }
            Some(greeted) = callers.recv() => task.join(greeted),
            Some(dialed) = task.dials.join_next() => {
                // A panic is that peer's loss.
                if let Ok((address, result)) = dialed {
                    task.dialed(address, result);
                }
            }
            Some(ended) = task.connections.join_next() => {
                if let Ok((id, _, error)) = ended {
                    task.ended(id, &error);
                }
            }
            Some((id, said)) = heard.recv() => {
                if let Some(info) = task.heard(id, &said.messages) {
                    break info;
                }
            }
            _ = ticks.tick() => {
                task.drop_banned();
                task.ask_all();
            }
        }
        task.dial();
        task.publish();
        if !may_find_more && task.is_at_end() {
            return Err(ResolveError::NoPeers);
        }
    };
    let asked = task.progress.borrow().asked;
    let addresses = task.book.addresses().collect();
    let peers = ResolvedPeers(task.hand_over(heard).await);
    Ok(Metadata { info, peers, asked, addresses })
}

struct Task {
    info_hash: InfoHash,
    context: Context,
    unheard: Arc<Semaphore>,
    connected: Share,
    half_open: Share,
    book: Book,
    assembly: Assembly,
    peers: HashMap<u64, Peer>,
    next_peer: u64,
    dials: JoinSet<(SocketAddr, Result<Greeted, PeerError>)>,
    connections: JoinSet<Ended>,
    reports: mpsc::Sender<Report>,
    progress: watch::Sender<ResolveProgress>,
}

impl Task {
    fn now(&self) -> Duration {
        self.context.epoch.elapsed()
    }

    fn is_banned(&self, address: SocketAddr) -> bool {
        let bans = self.context.bans.lock().unwrap_or_else(PoisonError::into_inner);
        bans.is_banned(self.context.epoch.elapsed(), address)
    }

    fn add_addresses(&mut self, addresses: impl IntoIterator<Item = SocketAddr>, source: PeerSource) {
        let now = self.now();
        for address in addresses {
            if (self.context.accepts)(address) && !self.is_banned(address) {
                self.book.add(address, source, now);
            }
        }
    }

    fn dial(&mut self) {
        let now = self.now();
        let dialing = self.book.dialing();
        if !self.book.is_ready(now) {
            self.half_open.ask(dialing);
            return;
        }
        let places = self.connected.ask(MAX_PEERS.min(self.peers.len() + self.book.len()));
        if self.peers.len() >= places {
            self.drop_useless();
        }
        let free = places.saturating_sub(self.peers.len() + dialing);
        let may_dial = self.half_open.ask(MAX_DIALING).saturating_sub(dialing);
        for address in self.book.take(free.min(may_dial), now) {
            let dialer = self.context.dialer.clone();
            let info_hash = self.info_hash;
            self.dials.spawn(async move { (address, dialer.dial(address, info_hash).await) });
        }
    }

    /// Somebody who offers nothing goes, if there are others to call.
    fn drop_useless(&mut self) {
        let now = self.now();
        if self.book.next_at().is_none_or(|at| at > now) {
            return;
        }
        let useless = self
            .peers
            .iter()
            .filter(|(_, peer)| !peer.is_offering && peer.joined_at.elapsed() >= OFFERS_BY)
            .min_by_key(|(_, peer)| peer.joined_at)
            .map(|(id, _)| *id);
        if let Some(id) = useless {
            self.drop_peer(id);
        }
    }

    /// The list of blocked addresses may have changed.
    fn drop_banned(&mut self) {
        let banned = self.peers.iter().filter(|(_, peer)| self.is_banned(peer.who.address));
        let banned: Vec<u64> = banned.map(|(id, _)| *id).collect();
        banned.into_iter().for_each(|id| self.dismiss(id));
    }

    fn dialed(&mut self, address: SocketAddr, result: Result<Greeted, PeerError>) {
        match result {
            Ok(greeted) => self.join(greeted),
            Err(error) => {
                tracing::debug!(%address, %error, "a peer could not be asked for metadata");
                let now = self.now();
                match error {
                    PeerError::Ourselves | PeerError::OtherTorrent => self.book.forget(address),
                    _ => self.book.lost(address, now),
                }
            }
        }
    }

    fn join(&mut self, greeted: Greeted) {
        let Greeted { mut connection, who } = greeted;
        let Who { address, handshake, way, .. } = who;
        let now = self.now();
        let is_known = self.peers.values().any(|Peer { who, .. }| {
            who.handshake.peer_id == handshake.peer_id && who.address.ip() == address.ip()
        });
        if is_known || self.is_banned(address) || self.peers.len() >= MAX_PEERS {
            if way == Way::Outgoing {
                self.book.lost(address, now);
            }
            return;
        }
        if way == Way::Outgoing {
            self.book.connected(address);
        }
        let id = self.next_peer;
        self.next_peer += 1;
        let (commands, queue) = mpsc::channel(COMMANDS);
        let link = Link {
            pieces: None,
            commands: queue,
            reports: self.reports.clone(),
            wrap: Box::new(move |said| (id, said)),
            unheard: Arc::clone(&self.unheard),
            pace: Arc::new(|_| Duration::ZERO),
        };
        self.connections.spawn(async move {
            let end = connection.run(link).await;
            (id, connection, end)
        });
        let peer = Peer {
            who,
            commands,
            prelude: Prelude::default(),
            pex: PexExchange::default(),
            joined_at: Instant::now(),
            extension: None,
            is_offering: false,
        };
        let takes_addresses = self.context.dialer.settings().pex;
        let listen_port = *self.context.listen_port.borrow();
        if peer.introduce(listen_port, takes_addresses) {
            self.peers.insert(id, peer);
            self.progress.send_modify(|progress| progress.asked += 1);
        }
    }

    fn ended(&mut self, id: u64, error: &PeerError) {
        if let Some(peer) = self.peers.get(&id) {
            tracing::debug!(address = %peer.who.address, %error, "a connection for metadata ended");
        }
        match error {
            PeerError::Wire(_) => self.dismiss(id),
            _ => self.drop_peer(id),
        }
    }

    /// Lets go of a peer that breaks the protocol, and is not called again.
    fn dismiss(&mut self, id: u64) {
        if let Some(peer) = self.peers.get(&id) {
            self.book.forget(peer.who.address);
        }
        self.drop_peer(id);
    }

    /// Its connection ends by itself when nobody sends any more.
    fn drop_peer(&mut self, id: u64) {
        self.assembly.peer_left(id);
        let now = self.now();
        if let Some(peer) = self.peers.remove(&id) {
            self.book.lost(peer.who.address, now);
        }
    }

    /// Gives the metadata when it is whole.
    fn heard(&mut self, id: u64, messages: &[Message]) -> Option<Bytes> {
        for (at, message) in messages.iter().enumerate() {
            let peer = self.peers.get_mut(&id)?;
            match peer.heard(id, message, &mut self.assembly) {
                Heard::Nothing => {}
                Heard::Pex(message) => {
                    let taken = peer.pex.take(message);
                    for (address, _) in taken.iter().filter(|(_, flags)| flags.prefers_encryption()) {
                        self.context.dialer.remember(*address, true);
                    }
                    self.add_addresses(taken.into_iter().map(|(address, _)| address), PeerSource::Pex);
                }
                Heard::Bad => self.dismiss(id),
                Heard::Wrong(peers) => self.wrong(&peers),
                Heard::Done(info) => {
                    // What came in one packet with the end, such as an unchoke, is not said again.
                    if !messages[at + 1..].iter().all(|message| peer.prelude.heard(message)) {
                        self.dismiss(id);
                    }
                    return Some(info);
                }
            }
        }
        self.ask(id);
        None
    }

    /// One alone surely lied; of several, nobody knows who.
    fn wrong(&mut self, peers: &[u64]) {
        let [liar] = *peers else { return };
        if let Some(peer) = self.peers.get(&liar) {
            tracing::debug!(address = %peer.who.address, "a peer sent wrong metadata and is banned");
            let now = self.context.epoch.elapsed();
            let mut bans = self.context.bans.lock().unwrap_or_else(PoisonError::into_inner);
            bans.ban(now, BanKey::from(peer.who.address));
            self.book.ban(peer.who.address);
        }
        self.drop_peer(liar);
    }

    fn ask(&mut self, id: u64) {
        let is_taking = self.peers.get(&id).is_none_or(|peer| peer.ask(id, &mut self.assembly));
        if !is_taking {
            self.drop_peer(id);
        }
    }

    fn ask_all(&mut self) {
        let all: Vec<u64> = self.peers.keys().copied().collect();
        for id in all {
            self.ask(id);
        }
    }

    fn publish(&self) {
        let known = self.book.len() as u32;
        let connected = self.peers.len() as u32;
        let offering = self.peers.values().filter(|peer| peer.is_offering).count() as u32;
        self.progress.send_if_modified(|progress| {
            let new = ResolveProgress { known, connected, offering, ..*progress };
            std::mem::replace(progress, new) != new
        });
    }

    /// Nobody is connected or called, and no attempt in vain is worth another.
    fn is_at_end(&self) -> bool {
        self.peers.is_empty() && self.book.dialing() == 0 && !self.book.has_hope()
    }

    /// Stops the connections and gives them away.
    async fn hand_over(mut self, mut heard: mpsc::Receiver<Report>) -> Vec<Acquainted> {
        // Without a sender of commands a connection stops, and gives itself back.
        let mut waiting: HashMap<u64, (Who, Prelude)> =
            self.peers.drain().map(|(id, peer)| (id, (peer.who, peer.prelude))).collect();
        let mut done = Vec::new();
        let collecting = async {
            loop {
                tokio::select! {
                    biased;
                    Some((id, said)) = heard.recv() => hear_last(&mut waiting, id, &said.messages),
                    Some(ended) = self.connections.join_next() => {
                        if let Ok((id, connection, PeerError::NotNeeded)) = ended {
                            done.push((id, connection));
                        }
                    }
                    else => return,
                }
                if self.connections.is_empty() {
                    return;
                }
            }
        };
        // Who is late is closed.
        let _ = timeout(HAND_OVER, collecting).await;
        while let Ok((id, said)) = heard.try_recv() {
            hear_last(&mut waiting, id, &said.messages);
        }
        done.into_iter()
            .filter_map(|(id, connection)| {
                let (who, prelude) = waiting.remove(&id)?;
                let greeted = Greeted { connection, who };
                Some(Acquainted { greeted, prelude })
            })
            .collect()
    }
}

/// What came while its connection was stopping.
fn hear_last(waiting: &mut HashMap<u64, (Who, Prelude)>, id: u64, messages: &[Message]) {
    let Some((_, prelude)) = waiting.get_mut(&id) else { return };
    if !messages.iter().all(|message| prelude.heard(message)) {
        waiting.remove(&id);
    }
}
