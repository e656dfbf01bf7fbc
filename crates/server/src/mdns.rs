//! mDNS: apps written for TorrServer find us by `_torrserver._tcp`, browsers of services by `_http._tcp`.
//!
//! The responder is a thread of the library; this task tells it what is true now, and takes everything back when the
//! settings or the addresses say so. Nothing is announced on an address that was not given.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use freshet_app::App;
use freshet_model::Settings;
use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::identity;
use crate::torrserver::echo;

/// The responder could not start, for want of a socket or a thread.
const RETRY: Duration = Duration::from_secs(60);
/// For saying goodbye; others forget us after two minutes anyway.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// What has to be announced.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    name: String,
    http_port: u16,
    https_port: Option<u16>,
    addresses: BTreeSet<IpAddr>,
}

impl Wanted {
    /// `None`: nothing. An announcement has one port, so only addresses with the first one's are in it.
    fn of(settings: &Settings, lan: &[SocketAddr]) -> Option<Self> {
        let network = &settings.network;
        if !(network.lan_enabled && network.mdns_enabled) {
            return None;
        }
        let http_port = lan.first()?.port();
        let addresses =
            lan.iter().filter(|address| address.port() == http_port).map(SocketAddr::ip).collect();
        Some(Self {
            name: identity::friendly_name(settings),
            http_port,
            https_port: network.https_enabled.then_some(network.https_port),
            addresses,
        })
    }

    /// The services, under a host name of our own: the computer's belongs to its system.
    fn services(&self, uuid: &str) -> mdns_sd::Result<Vec<ServiceInfo>> {
        let host = format!("freshet-{}.local.", uuid.split('-').next().unwrap_or_default());
        let mut properties = vec![("version", echo::VERSION.to_owned()), ("path", "/".to_owned())];
        if let Some(port) = self.https_port {
            properties.push(("https", port.to_string()));
        }
        let https = self.https_port.map(|port| ("_https._tcp.local.", port));
        let services = [("_torrserver._tcp.local.", self.http_port), ("_http._tcp.local.", self.http_port)];
        let addresses: Vec<IpAddr> = self.addresses.iter().copied().collect();
        let service = |(kind, port): (&str, u16)| {
            let mut service =
                ServiceInfo::new(kind, &self.name, &host, &addresses[..], port, &properties[..])?;
            service.set_interfaces(addresses.iter().copied().map(IfKind::Addr).collect());
            Ok(service)
        };
        services.into_iter().chain(https).map(service).collect()
    }
}

/// Announces what settings and addresses say until it is told to stop.
pub(crate) async fn run(app: App, mut lan: watch::Receiver<Arc<[SocketAddr]>>, stop: CancellationToken) {
    let uuid = identity::device_uuid(std::path::Path::new(&app.info().data_dir));
    let mut settings = app.watch_settings();
    while !stop.is_cancelled() {
        let wanted = Wanted::of(&settings.borrow_and_update(), &lan.borrow_and_update());
        let responder = match wanted.as_ref().map(|wanted| Responder::start(wanted, &uuid)) {
            None => None,
            Some(Ok(responder)) => Some(responder),
            Some(Err(error)) => {
                tracing::warn!(%error, retry_secs = RETRY.as_secs(), "mDNS can't be announced now");
                None
            }
        };
        let has_failed = wanted.is_some() && responder.is_none();
        loop {
            let change = tokio::select! {
                () = stop.cancelled() => break,
                change = settings.changed() => change,
                change = lan.changed() => change,
                () = tokio::time::sleep(RETRY), if has_failed => break,
            };
            if change.is_err() {
                stop.cancelled().await;
                break;
            }
            if Wanted::of(&settings.borrow_and_update(), &lan.borrow_and_update()) != wanted {
                break;
            }
        }
        if let Some(responder) = responder {
            responder.stop().await;
        }
    }
}

/// The library's thread with our services.
struct Responder {
    daemon: ServiceDaemon,
    names: Vec<String>,
}

impl Responder {
    fn start(wanted: &Wanted, uuid: &str) -> mdns_sd::Result<Self> {
        let services = wanted.services(uuid)?;
        let responder = Self { daemon: ServiceDaemon::new()?, names: Vec::new() };
        responder.register(wanted, services)
    }

    fn register(mut self, wanted: &Wanted, services: Vec<ServiceInfo>) -> mdns_sd::Result<Self> {
        self.daemon.disable_interface(vec![IfKind::All, IfKind::LoopbackV4, IfKind::LoopbackV6])?;
        let addresses: Vec<IfKind> = wanted.addresses.iter().copied().map(IfKind::Addr).collect();
        self.daemon.enable_interface(addresses)?;
        for service in services {
            self.names.push(service.get_fullname().to_owned());
            self.daemon.register(service)?;
        }
        tracing::info!(name = %wanted.name, addresses = ?wanted.addresses, "announced by mDNS");
        Ok(self)
    }

    /// Takes the announcements back and ends the thread.
    async fn stop(mut self) {
        let goodbye = async {
            for name in std::mem::take(&mut self.names) {
                if let Ok(done) = self.daemon.unregister(&name) {
                    let _ = done.recv_async().await;
                }
            }
            if let Ok(done) = self.daemon.shutdown() {
                let _ = done.recv_async().await;
            }
        };
        if tokio::time::timeout(GOODBYE_TIMEOUT, goodbye).await.is_err() {
            tracing::warn!("mDNS did not say goodbye in time");
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        // Also when registering has failed half way; a second call does no harm.
        let _ = self.daemon.shutdown();
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::NetworkSettings;

    use super::*;

    #[test]
    fn nothing_is_announced_unless_the_network_is_let_in() {
        let settings = |lan_enabled, mdns_enabled| Settings {
            network: NetworkSettings { lan_enabled, mdns_enabled, ..NetworkSettings::default() },
            ..Settings::default()
        };
        let lan = ["192.168.7.5:8090".parse().unwrap(), "[fd00::5]:8090".parse().unwrap()];

        assert_eq!(Wanted::of(&settings(false, true), &lan), None);
        assert_eq!(Wanted::of(&settings(true, false), &lan), None);
        assert_eq!(Wanted::of(&settings(true, true), &[]), None);
        let wanted = Wanted::of(&settings(true, true), &lan).unwrap();
        assert_eq!((wanted.http_port, wanted.https_port, wanted.addresses.len()), (8090, None, 2));
    }

    #[test]
    fn https_is_announced_with_its_port() {
        let wanted = Wanted {
            name: "Den (a.b)".to_owned(),
            http_port: 8090,
            https_port: Some(8443),
            addresses: BTreeSet::from(["192.168.7.5".parse().unwrap()]),
        };

        let services = wanted.services("0a1b2c3d-0000").unwrap();

        let seen: Vec<_> = services
            .iter()
            .map(|service| {
                (
                    service.get_type(),
                    service.get_port(),
                    service.get_property_val_str("https"),
                    service.get_hostname(),
                )
            })
            .collect();
        let host = "freshet-0a1b2c3d.local.";
        assert_eq!(
            seen,
            [
                ("_torrserver._tcp.local.", 8090, Some("8443"), host),
                ("_http._tcp.local.", 8090, Some("8443"), host),
                ("_https._tcp.local.", 8443, Some("8443"), host),
            ]
        );
        assert_eq!(services[0].get_property_val_str("version"), Some("MatriX.145"));
        assert_eq!(services[0].get_property_val_str("path"), Some("/"));
    }
}
