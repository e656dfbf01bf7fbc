//! The doors: listeners on this computer's own address and, while the switch says so, on its addresses in private networks.
//!
//! The door to the network is one listener for each address and never one for all of them: what is opened is the local
//! network, not whatever else this computer is connected to, and each listener knows by which address it is asked.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use freshet_app::App;
use freshet_model::{Access, NetworkProblem, NetworkSettings, NetworkStatus, Settings};
use if_addrs::IfAddr;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::LanAddresses;
use crate::guard::Door;
use crate::serve::{self, Listening, Places, Stops};
use crate::tls::{self, Tls};

/// Addresses come and go with cables and sleep; nobody has to wait longer than this for a new one.
const LOOK_EVERY: Duration = Duration::from_secs(10);
const BIND_RETRIES: u32 = 20;
const BIND_RETRY_AFTER: Duration = Duration::from_millis(25);

/// Keeps the doors as settings and access say.
pub(crate) struct DoorKeeper {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) stops: Stops,
    pub(crate) tasks: TaskTracker,
    pub(crate) places: Places,
    pub(crate) lan: LanAddresses,
    pub(crate) lan_always: bool,
    pub(crate) trusts_local_users: bool,
    /// There are users with passwords of their own, so nobody is let in without one.
    pub(crate) has_accounts: bool,
    pub(crate) hostname: String,
    /// The port of the own door, and of the door to the network.
    pub(crate) port: u16,
    /// The addresses of the open door to the network, for whoever announces them.
    pub(crate) open: watch::Sender<Arc<[SocketAddr]>>,
}

/// What should be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Wanted {
    address: SocketAddr,
    is_https: bool,
    is_own: bool,
}

impl DoorKeeper {
    /// Runs until the server stops; the doors close with it.
    pub(crate) async fn run(self) {
        let mut settings = self.app.watch_settings();
        let mut access = self.app.watch_access();
        let stop = self.stops.graceful.clone();
        let mut open: HashMap<Wanted, CancellationToken> = HashMap::new();
        let mut let_in = access.borrow_and_update().clone();
        let mut before = settings.borrow().clone();
        let mut last_tls: Option<(tls::Source, Tls)> = None;
        loop {
            let now = settings.borrow_and_update().clone();
            let access_now = access.borrow_and_update().clone();
            if is_taken_away(&let_in, &access_now) || is_narrowed(&before.network, &now.network) {
                // Whoever came in by an old password or a token that is gone has to show the new one.
                close_all(&mut open, |wanted| !wanted.is_own);
            }
            let_in = access_now;
            before = now.clone();
            self.adjust(&mut open, &mut last_tls, &now, &let_in).await;
            tokio::select! {
                () = stop.cancelled() => return close_all(&mut open, |_| true),
                changed = settings.changed() => if changed.is_err() { return },
                changed = access.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn adjust(
        &self,
        open: &mut HashMap<Wanted, CancellationToken>,
        last_tls: &mut Option<(tls::Source, Tls)>,
        settings: &Settings,
        access: &Access,
    ) {
        let network = &settings.network;
        let mut status = NetworkStatus::default();
        let mut lan = Vec::new();
        if network.lan_enabled || self.lan_always {
            if access.password_hash.is_none() && !self.has_accounts {
                status.problem = Some(NetworkProblem::NoPassword);
            } else {
                lan = self.lan.list();
                if lan.is_empty() {
                    status.problem = Some(NetworkProblem::NoAddress);
                }
            }
        }
        let mut wanted: Vec<Wanted> = lan
            .iter()
            .map(|ip| Wanted { address: SocketAddr::new(*ip, self.port), is_https: false, is_own: false })
            .collect();
        let mut acceptor = None;
        if network.https_enabled {
            let source = tls::Source::of(network, &self.app.tls_dir(), &self.hostname);
            let known = last_tls.as_ref().filter(|(known, _)| *known == source);
            let loaded = match known {
                Some((_, tls)) => Ok(tls.clone()),
                None => tls::load(source.clone()).await,
            };
            match loaded {
                Ok(tls) => {
                    if known.is_none() {
                        close_all(open, |wanted| wanted.is_https);
                    }
                    status.certificate_sha256 = Some(tls.fingerprint().to_owned());
                    let own = IpAddr::from(std::net::Ipv4Addr::LOCALHOST);
                    let https = |ip: IpAddr, is_own| Wanted {
                        address: SocketAddr::new(ip, network.https_port),
                        is_https: true,
                        is_own,
                    };
                    wanted.push(https(own, true));
                    wanted.extend(lan.iter().map(|ip| https(*ip, false)));
                    acceptor = Some(tls.acceptor());
                    *last_tls = Some((source, tls));
                }
                Err(error) => {
                    status.problem = Some(NetworkProblem::Certificate { reason: error.to_string() });
                    *last_tls = None;
                }
            }
        }

        close_all(open, |known| !wanted.contains(known));
        for door in wanted {
            if let Entry::Vacant(place) = open.entry(door) {
                match self.open(door, acceptor.clone()).await {
                    Ok(cancel) => {
                        place.insert(cancel);
                    }
                    Err(error) => {
                        tracing::warn!(address = %door.address, %error, "a door could not be opened");
                        status.problem.get_or_insert(NetworkProblem::Listen {
                            address: door.address.to_string(),
                            reason: error.to_string(),
                        });
                        continue;
                    }
                }
            }
            if !door.is_own {
                let list = if door.is_https { &mut status.https_urls } else { &mut status.urls };
                let scheme = if door.is_https { "https" } else { "http" };
                list.push(format!("{scheme}://{}", door.address));
            }
        }
        let mut addresses: Vec<SocketAddr> =
            open.keys().filter(|door| !door.is_own && !door.is_https).map(|door| door.address).collect();
        addresses.sort();
        self.open.send_if_modified(|known| {
            let is_news = **known != *addresses;
            if is_news {
                *known = addresses.into();
            }
            is_news
        });
        self.app.set_network_status(status).await;
    }

    async fn open(
        &self,
        door: Wanted,
        acceptor: Option<tokio_rustls::TlsAcceptor>,
    ) -> io::Result<CancellationToken> {
        let listener = bind(door.address).await?;
        tracing::info!(address = %door.address, https = door.is_https, "a door is open");
        let cancel = self.stops.at_once.child_token();
        let listening = Listening {
            door: if door.is_own { Door::Own } else { Door::Network },
            trusts_local_users: self.trusts_local_users,
            tls: acceptor.filter(|_| door.is_https),
            stops: Stops { graceful: self.stops.graceful.clone(), at_once: cancel.clone() },
            places: self.places.clone(),
        };
        self.tasks.spawn(serve::accept(listener, self.router.clone(), listening, self.tasks.clone()));
        Ok(cancel)
    }
}

/// A door that was shut a moment ago frees its address when its task has ended, which is not yet.
async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    for _ in 0..BIND_RETRIES {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(BIND_RETRY_AFTER).await;
            }
            bound => return bound,
        }
    }
    TcpListener::bind(address).await
}

/// Whether somebody who was let in must not be any more.
fn is_taken_away(before: &Access, now: &Access) -> bool {
    let is_changed = before.password_hash.is_some() && before.password_hash != now.password_hash;
    is_changed || before.devices.iter().any(|device| !now.devices.contains(device))
}

/// Whether a setting that let somebody in does so no more.
fn is_narrowed(before: &NetworkSettings, now: &NetworkSettings) -> bool {
    (before.dlna_enabled && !now.dlna_enabled)
        || (before.open_streams && !now.open_streams)
        || (before.webdav_enabled && !now.webdav_enabled)
        || before.allowed_addresses != now.allowed_addresses
        || before.denied_addresses != now.denied_addresses
}

/// Closes listeners and what came in through them.
fn close_all(open: &mut HashMap<Wanted, CancellationToken>, is_meant: impl Fn(&Wanted) -> bool) {
    open.retain(|door, cancel| {
        if is_meant(door) {
            tracing::info!(address = %door.address, "a door is shut");
            cancel.cancel();
        }
        !cancel.is_cancelled()
    });
}

/// The addresses of this computer in local networks. A tunnel is none: who is at its other end is not one's neighbor.
pub(crate) fn private_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network addresses of this computer can't be listed");
        Vec::new()
    });
    let is_local = |interface: &if_addrs::Interface| {
        let is_virtual =
            ["docker", "br-", "veth", "virbr", "tun", "tap", "wg", "ppp", "utun", "zt", "tailscale"]
                .iter()
                .any(|start| interface.name.starts_with(start));
        !is_virtual && !interface.is_p2p() && is_private(&interface.addr)
    };
    let mut addresses: Vec<IpAddr> =
        interfaces.iter().filter(|interface| is_local(interface)).map(if_addrs::Interface::ip).collect();
    // The version that everything in a living room speaks comes first.
    addresses.sort_by_key(|ip| (ip.is_ipv6(), *ip));
    addresses.dedup();
    addresses
}

/// Of the private ranges (RFC 1918) or unique local (RFC 4193). Link-local ones need the name of an interface, which no
/// address in a browser has.
fn is_private(address: &IfAddr) -> bool {
    match address.ip() {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::AccessChange;

    use super::*;

    #[test]
    fn only_what_takes_somebodys_way_in_cuts_them_off() {
        let none = Access::default();
        let with = |access: &Access, change| access.with(change).unwrap().0;
        let password = |text: &str| AccessChange::Password(Some(text.to_owned()));
        let add =
            || AccessChange::AddDevice { name: "TV".to_owned(), token_digest: "d".to_owned(), at_secs: 1 };
        let first = with(&none, password("one"));
        let tv = with(&first, add());

        assert!(!is_taken_away(&none, &first), "nobody was in yet");
        assert!(!is_taken_away(&first, &tv), "one more may come");
        assert!(is_taken_away(&tv, &with(&tv, password("two"))));
        assert!(is_taken_away(&tv, &with(&tv, AccessChange::Password(None))));
        let removed = with(&tv, AccessChange::RemoveDevice(tv.devices[0].id));
        assert!(is_taken_away(&tv, &removed));
        assert!(is_taken_away(
            &tv,
            &with(
                &removed,
                AccessChange::AddDevice {
                    name: "TV".to_owned(),
                    token_digest: "other".to_owned(),
                    at_secs: 2,
                }
            )
        ));
    }

    #[test]
    fn a_switch_that_goes_off_cuts_off_whom_it_let_in() {
        let off = NetworkSettings::default();
        let dlna = NetworkSettings { dlna_enabled: true, ..off.clone() };
        let open = NetworkSettings { open_streams: true, ..off.clone() };
        let denied = NetworkSettings { denied_addresses: vec!["192.168.1.7".to_owned()], ..off.clone() };

        assert!(is_narrowed(&dlna, &off) && is_narrowed(&open, &off) && is_narrowed(&off, &denied));
        assert!(!is_narrowed(&off, &dlna) && !is_narrowed(&off, &open) && !is_narrowed(&dlna, &dlna));
    }

    #[test]
    fn every_address_that_is_found_is_private() {
        let is_private = |ip: &IpAddr| match ip {
            IpAddr::V4(ip) => ip.is_private(),
            IpAddr::V6(ip) => ip.is_unique_local(),
        };
        assert!(private_addresses().iter().all(is_private));
    }
}
