//! The search for the peers of one torrent.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use freshet_model::{AddressPolicy, InfoHash, is_global, limits};
use freshet_web::Route;
use futures::Stream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::DropGuard;
use url::Url;

use super::{Discovery, addresses};

/// Addresses that wait to be taken; what is found beyond that is found again later.
pub(super) const MAX_WAITING_ADDRESSES: usize = 2048;

/// Which torrent is looked for, and where.
#[derive(Debug, Clone)]
pub struct SearchSpec {
    pub info_hash: InfoHash,
    /// As the torrent or the magnet gives them (BEP 12). At most [`limits::MAX_TRACKERS`] are asked, each once.
    pub trackers: Vec<Vec<Url>>,
    /// Only the torrent's own trackers are asked then (BEP 27).
    pub is_private: bool,
    /// Trackers that are asked besides, each a tier of its own; not for a private torrent.
    pub extra_trackers: Vec<Url>,
}

/// What trackers are told of a transfer, since this search began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub uploaded_bytes: u64,
    pub downloaded_bytes: u64,
    /// Anything but 0 while the size is unknown: 0 makes us a seeder.
    pub left_bytes: u64,
}

/// Who named an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// By its number in [`Search::status`].
    Tracker(usize),
    Dht,
    /// Local discovery (BEP 14).
    Lsd,
    /// Another peer (BEP 11). No search gives it; it is here because [`super::addresses`] judges it.
    Pex,
}

/// An address that may be dialled. The same one can be found again, also by another source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub address: SocketAddr,
    pub from: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackerState {
    NotAsked,
    Asking,
    /// The last announce was answered.
    Working,
    /// The last announce was not; [`TrackerStatus::error`] says why.
    Failed,
}

/// What is known of one tracker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackerStatus {
    /// May hold a person's passkey.
    pub url: Url,
    pub state: TrackerState,
    pub seeders: Option<u32>,
    pub leechers: Option<u32>,
    /// The earliest time of the next announce; another tracker of the tier may be asked instead. None while it is asked.
    pub next_announce: Option<std::time::Instant>,
    pub error: Option<String>,
    /// The tracker's own words, if it answered that it does not serve us; a stranger's text without line ends.
    pub refusal: Option<String>,
}

/// Why no tracker names anybody, in the words of the first that refuses; `None` while one may still answer.
pub fn refusal(trackers: &[TrackerStatus]) -> Option<&str> {
    let has_failed = |tracker: &TrackerStatus| tracker.state == TrackerState::Failed;
    let words = trackers.iter().find_map(|tracker| tracker.refusal.as_deref());
    words.filter(|_| trackers.iter().all(has_failed))
}

/// What the owner of a search wants from its announcer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    /// How often an announce was asked for.
    pub(super) announces: u64,
    pub(super) is_completed: bool,
    pub(super) stop_by: Option<Instant>,
}

/// A running search: a stream of addresses that may be dialled. It has no end while it is not stopped.
///
/// Dropping it ends its tasks without waiting, and without telling trackers.
#[derive(Debug)]
pub struct Search {
    pub(super) found: mpsc::Receiver<Found>,
    pub(super) status: watch::Receiver<Vec<TrackerStatus>>,
    pub(super) wishes: watch::Sender<Wishes>,
    pub(super) announcer: JoinHandle<()>,
    pub(super) cancel: DropGuard,
    /// Keeps running what the search needs.
    pub(super) _discovery: Discovery,
}

impl Search {
    /// The next address; none once [`super::Discovery::shutdown`] ended the search. Loses nothing when it is dropped.
    pub async fn recv(&mut self) -> Option<Found> {
        self.found.recv().await
    }

    /// All trackers of the torrent that can be asked, and how it went; the numbers never change.
    pub fn status(&self) -> watch::Receiver<Vec<TrackerStatus>> {
        self.status.clone()
    }

    /// Somebody waits for bytes, and there are no peers: asks the trackers again, at most every 30 s. What comes sooner is
    /// done when that time is over.
    pub fn announce_now(&self) {
        self.wishes.send_modify(|wishes| wishes.announces = wishes.announces.wrapping_add(1));
    }

    /// All bytes are here, which was not so when the search began: trackers hear it, once.
    pub fn completed(&self) {
        self.wishes.send_modify(|wishes| wishes.is_completed = true);
    }

    /// Ends the search and tells the trackers that know us, waiting for them until the deadline.
    pub async fn stop(mut self, deadline: Instant) {
        self.found.close();
        self.wishes.send_modify(|wishes| wishes.stop_by = Some(deadline));
        if timeout_at(deadline, &mut self.announcer).await.is_err() {
            tracing::debug!("the trackers were not told in time");
        }
        drop(self.cancel);
    }
}

impl Stream for Search {
    type Item = Found;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Found>> {
        self.found.poll_recv(context)
    }
}

/// Where the sources of one search put what they found.
#[derive(Debug, Clone)]
pub(super) struct Outlet {
    pub(super) found: mpsc::Sender<Found>,
    pub(super) policy: AddressPolicy,
    pub(super) listen_port: watch::Receiver<Option<u16>>,
    /// Addresses of this computer.
    pub(super) own_ips: std::sync::Arc<[IpAddr]>,
}

impl Outlet {
    /// Passes an address on if it may be dialled and there is room; waits for nobody.
    pub(super) fn offer(&self, address: SocketAddr, from: Source) -> bool {
        let address = addresses::canonical(address);
        addresses::acceptable(address, from, self.policy)
            && !addresses::is_own(address, *self.listen_port.borrow(), &self.own_ips)
            && self.found.try_send(Found { address, from }).is_ok()
    }

    /// The same for a list; of those that may be dialled, the first `max`. Gives how many were passed on.
    pub(super) fn offer_all(&self, addresses: &[SocketAddr], from: Source, max: usize) -> usize {
        addresses.iter().filter(|address| self.offer(**address, from)).take(max).count()
    }

    /// A public address of ours that a tracker may hear of: one of the interface that all goes through, and none beside a proxy.
    pub(super) fn own_v6(&self, route: &Route) -> Option<Ipv6Addr> {
        let own_ips = match &route.interface {
            _ if route.proxy.is_some() => &[],
            Some(interface) => interface.addresses(),
            None => &*self.own_ips,
        };
        own_ips.iter().filter(|ip| is_global(**ip)).find_map(|ip| match ip {
            IpAddr::V4(_) => None,
            IpAddr::V6(ip) => Some(*ip),
        })
    }
}

/// The trackers that are asked, in tiers: of schemes that we speak, each once, and not more than anybody needs.
pub(super) fn tiers(spec: &SearchSpec) -> Vec<Vec<Url>> {
    let extra = if spec.is_private { &[][..] } else { &spec.extra_trackers };
    let all = spec.trackers.iter().map(Vec::as_slice).chain(extra.iter().map(std::slice::from_ref));
    let mut kept: Vec<Url> = Vec::new();
    all.map(|tier| {
        let first = kept.len();
        for url in tier {
            if is_askable(url) && kept.len() < limits::MAX_TRACKERS && !kept.contains(url) {
                kept.push(url.clone());
            }
        }
        kept[first..].to_vec()
    })
    .filter(|tier| !tier.is_empty())
    .collect()
}

fn is_askable(url: &Url) -> bool {
    let is_short = url.as_str().len() <= limits::MAX_TRACKER_URL_BYTES;
    is_short && matches!(url.scheme(), "http" | "https" | "udp") && url.has_host()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(texts: &[&str]) -> Vec<Url> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn spec(trackers: Vec<Vec<Url>>, is_private: bool) -> SearchSpec {
        let extra_trackers = urls(&["udp://extra.example:1", "http://a.example/"]);
        SearchSpec { info_hash: InfoHash::new([1; 20]), trackers, is_private, extra_trackers }
    }

    #[test]
    fn every_tracker_that_we_speak_to_stands_in_one_tier() {
        let first = urls(&["http://a.example/", "wss://b.example/", "udp://c.example:1"]);
        let second = urls(&["http://a.example/", "https://d.example/"]);
        let third = urls(&["wss://e.example/"]);

        let tiers = tiers(&spec(vec![first, second, third], false));

        let expected = [
            urls(&["http://a.example/", "udp://c.example:1"]),
            urls(&["https://d.example/"]),
            urls(&["udp://extra.example:1"]),
        ];
        assert_eq!(tiers, expected);
    }

    #[test]
    fn a_private_torrent_has_its_own_trackers_only() {
        let own = urls(&["http://own.example/"]);
        assert_eq!(tiers(&spec(vec![own.clone()], true)), [own]);
    }

    #[test]
    fn nobody_makes_us_ask_more_trackers_than_the_ceiling() {
        let many: Vec<Url> = (0..100).map(|n| format!("http://{n}.example/").parse().unwrap()).collect();
        let tiers = tiers(&spec(vec![many[..50].to_vec(), many[50..].to_vec()], false));
        assert_eq!(tiers.iter().map(Vec::len).collect::<Vec<_>>(), [50, limits::MAX_TRACKERS - 50]);
    }

    #[test]
    fn a_refusal_is_shown_when_no_tracker_can_be_expected_to_serve() {
        let one = |state, refusal: Option<&str>| TrackerStatus {
            url: "http://a.example/".parse().unwrap(),
            state,
            seeders: None,
            leechers: None,
            next_announce: None,
            error: None,
            refusal: refusal.map(str::to_owned),
        };
        let refused = || one(TrackerState::Failed, Some("unregistered"));
        let table = [
            (vec![], None),
            (vec![refused()], Some("unregistered")),
            (vec![one(TrackerState::Failed, None), refused()], Some("unregistered")),
            (vec![one(TrackerState::Failed, None)], None),
            (vec![refused(), one(TrackerState::Asking, None)], None),
            (vec![refused(), one(TrackerState::Working, None)], None),
        ];
        for (trackers, expected) in table {
            assert_eq!(refusal(&trackers), expected, "{trackers:?}");
        }
    }

    #[test]
    fn trackers_hear_of_no_address_beside_the_way_out() {
        let (found, _taken) = mpsc::channel(1);
        let own: Ipv6Addr = "2606:4700::1".parse().unwrap();
        let own_ips = ["192.168.1.2".parse().unwrap(), IpAddr::V6(own)].into();
        let outlet =
            Outlet { found, policy: AddressPolicy::GlobalOnly, listen_port: watch::channel(None).1, own_ips };
        let proxied = Route { proxy: "socks5://192.0.2.1".parse().ok(), interface: None };
        let bound = Route { proxy: None, interface: Some(freshet_web::Interface::look("lo")) };
        assert_eq!(outlet.own_v6(&Route::default()), Some(own));
        assert_eq!(outlet.own_v6(&proxied), None);
        assert_eq!(outlet.own_v6(&bound), None);
    }

    #[test]
    fn an_outlet_passes_on_what_may_be_dialled_until_it_is_full() {
        let (found, mut taken) = mpsc::channel(2);
        let (_port, listen_port) = watch::channel(Some(7000));
        let policy = AddressPolicy::PrivateToo;
        let outlet = Outlet { found, policy, listen_port, own_ips: [].into() };
        let list: Vec<SocketAddr> =
            ["1.1.1.1:0", "127.0.0.1:7000", "[::ffff:1.1.1.1]:5000", "1.1.1.2:5000", "1.1.1.3:5000"]
                .map(|address| address.parse().unwrap())
                .to_vec();

        assert_eq!(outlet.offer_all(&list, Source::Dht, 1), 1);
        assert_eq!(
            taken.try_recv().unwrap(),
            Found { address: "1.1.1.1:5000".parse().unwrap(), from: Source::Dht }
        );
        assert_eq!(outlet.offer_all(&list, Source::Dht, 10), 2);
    }
}
