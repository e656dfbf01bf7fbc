//! The web seeds of a torrent: when they take part, and when they are left alone.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::ToTorrent;
use super::peers::Peer;
use super::task::Task;
use crate::ban::BanKey;
use crate::bitfield::Bitfield;
use crate::peer::{COMMANDS, Transport, Way, Who};
use crate::schedule::PeerId;
use crate::webseed::{self, MAX_WEB_SEEDS, Source, WebSeeds};
use crate::wire::{Handshake, Reserved};

/// Pauses after failures that follow one another without a right piece in between; then it is given up.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(2),
    Duration::from_secs(8),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(300),
];
/// What is assumed of the way to a server before it has answered: a connection has to be made first.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(300);
/// So much it is asked for at a time if it is to be: few long questions are better than many short ones.
const MIN_REQUESTS: usize = 32;

/// How a web seed among the peers is called.
#[derive(Debug, Clone)]
pub(super) struct WebName {
    pub(super) key: BanKey,
    /// Its address without secrets.
    pub(super) shown: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// May take part from then on.
    Idle(Duration),
    Joined(PeerId),
    /// It lied, or failed too often.
    Out,
}

/// One web seed of the torrent.
#[derive(Debug)]
pub(super) struct Seat {
    source: Arc<Source>,
    name: WebName,
    standing: Standing,
    failures: usize,
}

impl Seat {
    fn failed(&mut self, now: Duration) {
        self.standing = match PAUSES.get(self.failures) {
            Some(pause) => Standing::Idle(now.saturating_add(*pause)),
            None => Standing::Out,
        };
        self.failures += 1;
    }
}

impl Task {
    pub(super) fn add_web_seeds(&mut self, seeds: WebSeeds) {
        let now = self.now();
        for source in seeds.sources(self.spec.layout, &self.spec.files) {
            let is_known = self.web.iter().any(|seat| seat.source.url == source.url);
            if is_known || self.web.len() >= MAX_WEB_SEEDS {
                continue;
            }
            let key = BanKey::of_web_seed(self.spec.info_hash, source.url.as_str());
            let name = WebName { key, shown: source.shown() };
            let source = Arc::new(source);
            self.web.push(Seat { source, name, standing: Standing::Idle(now), failures: 0 });
        }
    }

    /// Lets those take part that may.
    pub(super) fn join_web_seeds(&mut self, now: Duration) {
        if self.web.is_empty() || self.is_paused || self.is_complete() {
            return;
        }
        for place in 0..self.web.len() {
            if !matches!(self.web[place].standing, Standing::Idle(from) if from <= now) {
                continue;
            }
            self.web[place].standing = if self.is_key_banned(self.web[place].name.key) {
                Standing::Out
            } else {
                Standing::Joined(self.join_web_seed(place, now))
            };
        }
    }

    fn join_web_seed(&mut self, place: usize, now: Duration) -> PeerId {
        let id = self.next_id();
        let (commands, queue) = mpsc::channel(COMMANDS);
        let link = self.link(id, queue);
        let inbox = self.inbox.clone();
        let source = Arc::clone(&self.web[place].source);
        self.context.tasks.spawn(async move {
            let end = webseed::run(source, link).await;
            let _ = inbox.send(ToTorrent::Ended(id, end)).await;
        });
        let handshake = Handshake {
            info_hash: self.spec.info_hash,
            peer_id: *b"-WEBSEED------------",
            reserved: Reserved::default(),
        };
        let who = Who {
            address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            handshake,
            way: Way::Outgoing,
            transport: Transport::Tcp,
            is_encrypted: false,
            round_trip: FIRST_ROUND_TRIP,
        };
        let mut peer = Peer::new(who, commands, now);
        peer.web = Some(self.web[place].name.clone());
        peer.is_choking = false;
        self.peers.insert(id, peer);
        self.record_joined(id);
        self.record_flip(id, false);
        self.scheduler.peer_joined(id, FIRST_ROUND_TRIP);
        self.scheduler.peer_takes_runs_of(id, MIN_REQUESTS);
        self.scheduler.peer_has_all_of(id, Bitfield::full(self.spec.layout.pieces()));
        self.scheduler.peer_unchoked(id);
        self.has_changed(id);
        id
    }

    /// It is not among the peers any more.
    pub(super) fn web_seed_left(&mut self, id: PeerId, now: Duration) {
        if let Some(seat) = self.seat_of(id) {
            seat.failed(now);
        }
    }

    /// It sent something right.
    pub(super) fn web_seed_was_good(&mut self, id: PeerId) {
        if let Some(seat) = self.seat_of(id) {
            seat.failures = 0;
        }
    }

    fn seat_of(&mut self, id: PeerId) -> Option<&mut Seat> {
        self.web.iter_mut().find(|seat| seat.standing == Standing::Joined(id))
    }

    /// Those who were given up are tried again, but for liars.
    pub(super) fn begin_web_seeds_anew(&mut self, now: Duration) {
        for seat in self.web.iter_mut().filter(|seat| !matches!(seat.standing, Standing::Joined(_))) {
            seat.standing = Standing::Idle(now);
            seat.failures = 0;
        }
    }

    /// How many peers are connected that are no web seeds.
    pub(super) fn wire_peers(&self) -> usize {
        self.peers.values().filter(|peer| peer.web.is_none()).count()
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::{AddressPolicy, InfoHash};
    use freshet_web::RangeClient;

    use super::*;
    use crate::layout::Layout;
    use crate::pieces::FileSpan;

    #[test]
    fn who_fails_waits_longer_each_time_and_is_given_up() {
        let url = "http://a.example/film";
        let seeds = WebSeeds {
            urls: vec![url.parse().unwrap()],
            paths: ["film".to_owned()].into(),
            is_single_file: true,
            client: RangeClient::new(AddressPolicy::GlobalOnly).unwrap(),
        };
        let files = [FileSpan { length_bytes: 100, is_padding: false }].into();
        let source = seeds.sources(Layout::new(16 * 1024, 100).unwrap(), &files).remove(0);
        let key = BanKey::of_web_seed(InfoHash::new([1; 20]), url);
        let name = WebName { key, shown: source.shown() };
        let standing = Standing::Idle(Duration::ZERO);
        let mut seat = Seat { source: Arc::new(source), name, standing, failures: 0 };

        let now = Duration::from_secs(1000);
        for pause in PAUSES {
            seat.failed(now);
            assert_eq!(seat.standing, Standing::Idle(now + pause));
        }
        seat.failed(now);
        assert_eq!(seat.standing, Standing::Out);
    }

    #[test]
    fn a_ban_hits_one_address_of_one_torrent() {
        let key = |torrent, url| BanKey::of_web_seed(InfoHash::new([torrent; 20]), url);

        assert_eq!(key(1, "http://192.0.2.1/a"), key(1, "http://192.0.2.1/a"));
        assert_ne!(key(1, "http://192.0.2.1/a"), key(1, "http://192.0.2.1/b"));
        assert_ne!(key(1, "http://192.0.2.1/a"), key(2, "http://192.0.2.1/a"));
        assert_ne!(key(1, "http://192.0.2.1/a"), BanKey::from(SocketAddr::from(([192, 0, 2, 1], 80))));
    }
}
