//! Who is connected, and what all of them are told.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::task::Task;
use super::timeline::Happening;
use super::upload;
use super::web::WebName;
use super::{PeerSource, ToTorrent};
use crate::ban::BanKey;
use crate::discover::addresses::is_private;
use crate::layout::PieceIndex;
use crate::peer::{Acquainted, COMMANDS, Greeted, Link, PeerError, PexExchange, Way, Who, introduction};
use crate::rate::Meter;
use crate::report::PeerFailure;
use crate::schedule::{Action, PeerId};
use crate::wire::{ExtendedHandshake, Handshake, Message, encode_dont_have};

/// Connections of one torrent.
const MAX_PEERS: usize = 60;
/// Attempts to connect that one torrent makes at a time.
const MAX_DIALING: usize = 20;
/// Pieces that an adopted peer is told of one by one; with more it is better called again, to send it a bitfield.
const MAX_HAVES_AT_ONCE: u32 = 512;

/// A connected peer.
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) who: Who,
    /// It is a web seed: its address says nothing then.
    pub(super) web: Option<WebName>,
    pub(super) commands: mpsc::Sender<Message>,
    pub(super) supports_fast: bool,
    pub(super) is_seed: bool,
    /// How often it has said what it has, all at once.
    pub(super) tellings: u32,
    pub(super) has_count: u32,
    pub(super) is_choking: bool,
    pub(super) is_interested: bool,
    pub(super) am_interested: bool,
    pub(super) extensions: ExtendedHandshake,
    pub(super) pex: PexExchange,
    /// Pieces of the info dictionary that it was sent.
    pub(super) metadata_given: u32,
    pub(super) queue: upload::Queue,
    pub(super) unasked: u32,
    pub(super) down: Meter,
    pub(super) up: Meter,
    /// When it sent its last block, or was asked after having sent all.
    pub(super) heard_at: Duration,
}

impl Peer {
    /// One that has said nothing yet.
    pub(super) fn new(who: Who, commands: mpsc::Sender<Message>, now: Duration) -> Self {
        Self {
            address: who.address,
            who,
            web: None,
            commands,
            supports_fast: who.handshake.reserved.supports_fast(),
            is_seed: false,
            tellings: 0,
            has_count: 0,
            is_choking: true,
            is_interested: false,
            am_interested: false,
            extensions: ExtendedHandshake::default(),
            pex: PexExchange::default(),
            metadata_given: 0,
            queue: upload::Queue::default(),
            unasked: 0,
            down: Meter::new(now),
            up: Meter::new(now),
            heard_at: now,
        }
    }

    pub(super) fn key(&self) -> BanKey {
        self.web.as_ref().map_or_else(|| BanKey::from(self.address), |web| web.key)
    }
}

impl Task {
    pub(super) fn add_addresses(&mut self, addresses: Vec<SocketAddr>, source: PeerSource) {
        if self.spec.is_private && matches!(source, PeerSource::Dht | PeerSource::Pex | PeerSource::Lsd) {
            return;
        }
        let now = self.now();
        for address in addresses {
            // What local discovery may name is judged where it is heard; the rest of the local network stays closed.
            let is_neighbour = source == PeerSource::Lsd && is_private(address.ip());
            if (is_neighbour || (self.context.accepts)(address)) && !self.is_banned(address) {
                self.book.add(address, source, now);
            }
        }
    }

    /// What was in vain long ago is tried as if for the first time.
    pub(super) fn begin_anew(&mut self, now: Duration) {
        self.book.begin_anew(now);
        self.begin_web_seeds_anew(now);
        self.calls_in_vain = 0;
    }

    fn is_banned(&self, address: SocketAddr) -> bool {
        let now = self.now();
        let bans = self.context.bans.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        bans.is_banned(now, address)
    }

    /// Lets go of those who may not be spoken to any more.
    pub(super) fn judge_peers(&mut self) {
        let banned = |(id, peer): (&PeerId, &Peer)| {
            (peer.web.is_none() && self.is_banned(peer.address)).then_some(*id)
        };
        let gone: Vec<PeerId> = self.peers.iter().filter_map(banned).collect();
        for id in gone {
            self.drop_peer(id);
        }
    }

    pub(super) fn is_key_banned(&self, key: BanKey) -> bool {
        let now = self.now();
        let bans = self.context.bans.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        bans.is_key_banned(now, key)
    }

    /// Calls peers, as many as are wanted.
    pub(super) fn dial(&mut self, now: Duration) {
        let dialing = self.book.dialing();
        if self.is_paused || self.keeping.retired.is_some() || !self.book.is_ready(now) {
            self.half_open.ask(dialing);
            return;
        }
        let free = self.places().saturating_sub(self.wire_peers() + dialing);
        let may_dial = self.half_open.ask(MAX_DIALING).saturating_sub(dialing);
        for address in self.book.take(free.min(may_dial), now) {
            // It may have been blocked since it was named.
            if self.is_banned(address) {
                self.book.lost(address, now);
                continue;
            }
            let dialer = self.context.dialer.clone();
            let info_hash = self.spec.info_hash;
            let inbox = self.inbox.clone();
            self.context.tasks.spawn(async move {
                // A torrent that has ended needs no peer.
                tokio::select! {
                    greeted = dialer.dial(address, info_hash) => {
                        let _ = inbox.send(ToTorrent::Dialed(address, greeted)).await;
                    }
                    () = inbox.closed() => {}
                }
            });
        }
    }

    /// How many connections this torrent may have, so that others have theirs.
    fn places(&self) -> usize {
        let connected = self.wire_peers();
        let wish = if self.is_paused { connected } else { connected + self.book.len() };
        self.connected.ask(wish.clamp(1, MAX_PEERS))
    }

    /// Lets go of those who are of the least use while other torrents need their places.
    pub(super) fn shed_peers(&mut self, now: Duration) {
        let too_many = self.wire_peers().saturating_sub(self.places());
        if too_many == 0 {
            return;
        }
        let mut by_use: Vec<(bool, bool, u64, PeerId)> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.web.is_none())
            .map(|(id, peer)| {
                let gives = peer.am_interested && !peer.is_choking;
                (gives, peer.is_interested, peer.down.bytes_per_sec(now), *id)
            })
            .collect();
        by_use.sort_unstable();
        for (.., id) in by_use.into_iter().take(too_many) {
            self.drop_peer(id);
        }
    }

    pub(super) fn dialed(&mut self, address: SocketAddr, result: Result<Greeted, PeerError>) {
        match result {
            Ok(greeted) => self.meet(greeted),
            Err(error) => {
                tracing::debug!(%address, %error, "a peer could not be reached");
                let now = self.now();
                match error {
                    PeerError::Ourselves | PeerError::OtherTorrent => self.book.forget(address),
                    _ => self.book.lost(address, now),
                }
            }
        }
    }

    pub(super) fn incoming(&mut self, greeted: Greeted) {
        let wish = self.wire_peers() + 1;
        let has_room = self.connected.ask(wish.min(MAX_PEERS)) >= wish;
        if has_room && !self.is_banned(greeted.who.address) {
            self.meet(greeted);
        }
    }

    /// Takes over peers that were asked for the metadata; what they said meanwhile is heard now.
    pub(super) fn adopt(&mut self, peers: Vec<Acquainted>, actions: &mut Vec<Action>) {
        let now = self.now();
        let pieces = self.spec.layout.pieces();
        self.timeline.note(now, Happening::Adopted { peers: peers.len() as u32 });
        for Acquainted { greeted, prelude } in peers {
            let address = greeted.who.address;
            if greeted.who.way == Way::Outgoing {
                self.book.add(address, PeerSource::Given, now);
            }
            let has_room = self.wire_peers() < self.places() && self.have().count() <= MAX_HAVES_AT_ONCE;
            let Some(said) = has_room.then(|| prelude.replay(pieces)).flatten() else { continue };
            let Some(id) = self.join(greeted) else { continue };
            // It was told that we have nothing.
            let have: Vec<PieceIndex> = self.have().iter_ones().collect();
            for piece in have {
                self.tell(id, Message::Have(piece.0));
            }
            for message in said {
                self.said(id, message, actions);
            }
        }
    }

    /// Takes a peer in, and introduces us.
    fn meet(&mut self, greeted: Greeted) {
        let Who { handshake: Handshake { reserved, .. }, address, .. } = greeted.who;
        if let Some(id) = self.join(greeted) {
            self.introduce(id, reserved.supports_fast(), reserved.supports_extended(), address);
        }
    }

    /// Nothing if it is here already, or banned.
    fn join(&mut self, greeted: Greeted) -> Option<PeerId> {
        let Greeted { mut connection, who } = greeted;
        let Who { address, handshake, way, round_trip, .. } = who;
        let is_known = self.peers.values().any(|peer| {
            peer.who.handshake.peer_id == handshake.peer_id
                && peer.address.ip().to_canonical() == address.ip().to_canonical()
        });
        let now = self.now();
        if is_known || self.keeping.retired.is_some() || self.is_banned(address) {
            if self.peers.values().any(|peer| peer.address == address) {
                self.book.connected(address);
            } else if way == Way::Outgoing {
                self.book.lost(address, now);
            }
            return None;
        }
        if way == Way::Outgoing {
            self.book.connected(address);
        }
        let id = self.next_id();
        let (commands, queue) = mpsc::channel(COMMANDS);
        let link = self.link(id, queue);
        let inbox = self.inbox.clone();
        self.context.tasks.spawn(async move {
            let end = connection.run(link).await;
            let _ = inbox.send(ToTorrent::Ended(id, end)).await;
        });
        self.timeline.note_first(now, Happening::FirstPeer(address));
        self.scheduler.peer_joined(id, round_trip);
        self.peers.insert(id, Peer::new(who, commands, now));
        self.record_joined(id);
        Some(id)
    }

    pub(super) fn next_id(&mut self) -> PeerId {
        let id = PeerId(self.next_peer);
        self.next_peer += 1;
        id
    }

    /// The ends that the task of a peer works with.
    pub(super) fn link(&self, id: PeerId, commands: mpsc::Receiver<Message>) -> Link<ToTorrent> {
        let limits = std::sync::Arc::clone(&self.context.limits);
        let epoch = self.context.epoch;
        Link {
            pieces: Some(self.spec.layout.pieces()),
            commands,
            reports: self.inbox.clone(),
            wrap: Box::new(move |said| ToTorrent::Said(id, said)),
            unheard: std::sync::Arc::clone(&self.unheard),
            pace: std::sync::Arc::new(move |bytes| {
                let mut down = limits.down.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let now = epoch.elapsed();
                down.spend(now, bytes);
                down.wait(now)
            }),
        }
    }

    /// What is said first: what we have, and what we speak.
    fn introduce(&mut self, id: PeerId, supports_fast: bool, supports_extended: bool, address: SocketAddr) {
        // BEP 3 and 6 want this as the first message of all.
        let have = self.have();
        let message = if supports_fast && have.is_all() {
            Some(Message::HaveAll)
        } else if supports_fast && have.is_empty() {
            Some(Message::HaveNone)
        } else if have.is_empty() {
            None
        } else {
            Some(Message::Bitfield(Bytes::copy_from_slice(have.as_wire())))
        };
        if let Some(message) = message {
            self.tell(id, message);
        }
        if supports_extended {
            let info = self.spec.info.as_ref();
            let takes_addresses = self.exchanges_addresses();
            let listen_port = *self.context.listen_port.borrow();
            let message = introduction(listen_port, address.ip(), takes_addresses, info);
            self.tell(id, message);
        }
    }

    pub(super) fn ended(&mut self, id: PeerId, error: &PeerError) {
        if let Some(peer) = self.peers.get(&id) {
            let web_seed = peer.web.as_ref().map(|web| &*web.shown);
            tracing::debug!(address = %peer.address, web_seed, %error, "a connection ended");
        }
        self.record_end(id, error);
        match error {
            PeerError::Wire(_) => self.dismiss(id, "breaks the protocol"),
            _ => self.drop_peer(id),
        }
    }

    /// Lets go of a peer that this torrent does not call again.
    pub(super) fn dismiss(&mut self, id: PeerId, why: &str) {
        if let Some(peer) = self.peers.get(&id) {
            tracing::debug!(address = %peer.address, why, "a peer is sent away");
            self.book.ban(peer.address);
        }
        self.record_failure(id, PeerFailure::BrokeProtocol);
        self.drop_peer(id);
    }

    pub(super) fn drop_peer(&mut self, id: PeerId) {
        let now = self.now();
        self.record_left(id);
        self.scheduler.peer_left(id);
        match self.peers.remove(&id) {
            Some(peer) if peer.web.is_some() => self.web_seed_left(id, now),
            Some(peer) => self.book.lost(peer.address, now),
            None => {}
        }
    }

    /// Sends a message; who does not take what was sent before is let go.
    pub(super) fn tell(&mut self, id: PeerId, message: Message) {
        let Some(peer) = self.peers.get(&id) else { return };
        if peer.commands.try_send(message).is_err() {
            self.drop_peer(id);
        }
    }

    pub(super) fn tell_all_have(&mut self, piece: PieceIndex) {
        let all: Vec<PeerId> =
            self.peers.iter().filter(|(_, peer)| !peer.is_seed).map(|(id, _)| *id).collect();
        for id in all {
            self.tell(id, Message::Have(piece.0));
        }
        if self.is_complete() {
            self.update_interests();
        }
    }

    /// A piece was given up: nobody is to ask for it (BEP 54).
    pub(super) fn tell_all_gone(&mut self, piece: PieceIndex) {
        let all: Vec<(PeerId, u8)> =
            self.peers.iter().filter_map(|(id, peer)| Some((*id, peer.extensions.lt_donthave?))).collect();
        for (id, extension) in all {
            self.tell(id, Message::Extended { id: extension, payload: encode_dont_have(piece.0) });
        }
    }

    pub(super) fn ban(&mut self, key: BanKey) {
        let now = self.now();
        {
            let mut bans = self.context.bans.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            bans.ban(now, key);
        }
        let banned: Vec<PeerId> =
            self.peers.iter().filter(|(_, peer)| peer.key() == key).map(|(id, _)| *id).collect();
        for id in banned {
            if let Some(web) = self.peers.get(&id).and_then(|peer| peer.web.as_ref()) {
                tracing::debug!(url = %web.shown, "a web seed that sent wrong bytes is banned");
            } else if let Some(peer) = self.peers.get(&id) {
                tracing::debug!(address = %peer.address, "a peer that sent wrong bytes is banned");
                self.timeline.note(now, Happening::Banned(peer.address));
                self.book.ban(peer.address);
                self.banned_peers += 1;
            }
            self.record_failure(id, PeerFailure::Lied);
            self.record_left(id);
            self.scheduler.peer_lied(id);
            self.drop_peer(id);
        }
    }
}
