//! The way on which requests leave this computer: it can be changed at any time.
//!
//! Through a proxy nothing is looked up and connected to here but the proxy itself: names are resolved over there. So a name
//! can't be judged by its addresses; names that mean this computer or its network are refused by what they are called.
//!
//! Through a chosen interface names are looked up by ourselves ([`Lookup`]), and connections are tied to it. Only this computer
//! itself is reached without: a search service, or a proxy, that runs here.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use freshet_model::{AddressPolicy, Proxy, ProxyKind};
use reqwest::ClientBuilder;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::watch;
use url::{Host, Url};

use crate::client::{BuildError, builder};
use crate::fetch::Clients;
use crate::host::{JudgingResolver, check_host};
use crate::interface::Interface;
use crate::lookup::Lookup;
use crate::route::{Route, is_name_of_here};
use crate::{FetchError, HostError};

/// See the module. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Exit {
    policy: AddressPolicy,
    finish: fn(ClientBuilder) -> ClientBuilder,
    now: Arc<watch::Sender<Arc<Open>>>,
}

/// The clients of one way out.
#[derive(Debug)]
pub(crate) struct Open {
    /// For every hop after a public one: a public server must not send us into the private network.
    global: reqwest::Client,
    /// For the first hop, and hops after a private one.
    first: reqwest::Client,
    /// For what runs on this computer, where the others can't reach it.
    here: Option<reqwest::Client>,
    /// The system knows no certificates, so nobody can show who they are.
    trusts_nobody: bool,
    route: Route,
    lookup: Lookup,
}

/// A way out that somebody uses, and hears of it when there is another one.
#[derive(Debug, Clone)]
pub struct WayOut {
    open: Arc<Open>,
    changes: watch::Receiver<Arc<Open>>,
}

impl Exit {
    /// Straight at first. `finish` adds what a kind of client needs.
    pub(crate) fn new(
        policy: AddressPolicy,
        finish: fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, BuildError> {
        let open = Open::new(policy, finish, Route::default())?;
        Ok(Self { policy, finish, now: Arc::new(watch::Sender::new(Arc::new(open))) })
    }

    pub(crate) fn policy(&self) -> AddressPolicy {
        self.policy
    }

    pub(crate) fn set_route(&self, route: &Route) -> Result<(), BuildError> {
        if self.now.borrow().route != *route {
            let open = Open::new(self.policy, self.finish, route.clone())?;
            self.now.send_replace(Arc::new(open));
        }
        Ok(())
    }

    pub(crate) fn take(&self) -> WayOut {
        let mut changes = self.now.subscribe();
        let open = Arc::clone(&changes.borrow_and_update());
        WayOut { open, changes }
    }
}

impl Open {
    fn new(
        policy: AddressPolicy,
        finish: fn(ClientBuilder) -> ClientBuilder,
        route: Route,
    ) -> Result<Self, BuildError> {
        let lookup = Lookup::new(route.interface.as_ref());
        let proxy = route.proxy.as_ref();
        let is_proxy_here = proxy.is_some_and(|proxy| is_name_of_here(&proxy.host));
        let interface = route.interface.as_ref().filter(|_| !is_proxy_here);
        // Everything but TLS works without certificates of the system, so their lack must not keep the program from starting.
        let trusts_nobody = finish(builder()).build().is_err();
        let build = |builder: ClientBuilder| {
            let builder = finish(builder);
            let builder = if trusts_nobody { builder.tls_certs_only([]) } else { builder };
            builder.build().map_err(|error| BuildError(error.to_string()))
        };
        let build_for = |policy| {
            let lookup = lookup.clone();
            let builder = match proxy {
                None => builder().dns_resolver(JudgingResolver { policy, lookup }),
                Some(proxy) => {
                    let through = through(proxy).map_err(|error| BuildError(error.to_string()))?;
                    let lookup = if is_proxy_here { Lookup::System } else { lookup };
                    builder().proxy(through).dns_resolver(OnlyProxy { host: proxy.host.clone(), lookup })
                }
            };
            build(tied(builder, interface))
        };
        let global = build_for(AddressPolicy::GlobalOnly)?;
        let (first, here) = match policy {
            AddressPolicy::GlobalOnly => (global.clone(), None),
            AddressPolicy::PrivateToo => {
                let is_needed = proxy.is_none() && interface.is_some();
                let here = is_needed.then(|| build(builder().dns_resolver(OnlyHere))).transpose()?;
                (build_for(policy)?, here)
            }
        };
        Ok(Self { global, first, here, trusts_nobody, route, lookup })
    }

    pub(crate) fn clients<'a>(&'a self, policy: AddressPolicy, trusted: Option<&'a Url>) -> Clients<'a> {
        Clients { policy, trusted, open: self }
    }

    /// Whether names are looked up by somebody else, and answers come from there.
    pub(crate) fn has_proxy(&self) -> bool {
        self.route.proxy.is_some()
    }

    pub(crate) fn trusts_nobody(&self) -> bool {
        self.trusts_nobody
    }

    pub(crate) fn lookup(&self) -> &Lookup {
        &self.lookup
    }

    /// Who asks this host under a policy.
    ///
    /// # Errors
    /// [`FetchError::InterfaceMissing`] if nobody can; [`FetchError::NoAddress`] for an address that can't be asked from the
    /// interface.
    pub(crate) fn client(
        &self,
        policy: AddressPolicy,
        host: &Host<&str>,
    ) -> Result<&reqwest::Client, FetchError> {
        if let (AddressPolicy::PrivateToo, Some(here)) = (policy, &self.here)
            && is_name_of_here(&host.to_string())
        {
            return Ok(here);
        }
        if let Some(interface) = &self.route.interface {
            if !interface.is_there() {
                return Err(FetchError::InterfaceMissing(interface.name().to_owned()));
            }
            let is_askable = match (host, interface.only_web_address()) {
                (_, None) | (Host::Domain(_), Some(_)) => true,
                (Host::Ipv4(_), Some(own)) => own.is_ipv4(),
                (Host::Ipv6(_), Some(own)) => own.is_ipv6(),
            };
            if !is_askable {
                return Err(FetchError::NoAddress(host.to_string()));
            }
        }
        Ok(match policy {
            AddressPolicy::GlobalOnly => &self.global,
            AddressPolicy::PrivateToo => &self.first,
        })
    }
}

impl WayOut {
    pub(crate) fn open(&self) -> Arc<Open> {
        Arc::clone(&self.open)
    }

    pub fn route(&self) -> &Route {
        &self.open.route
    }

    /// The addresses of a host that `policy` allows; never empty. Nothing is to be looked up while there is a proxy. Waits for the
    /// resolver, for [`crate::limits::RESOLVE_TIMEOUT`] at most.
    ///
    /// # Errors
    /// [`HostError::Refused`] if the host has addresses and none may be asked.
    pub async fn addresses(
        &self,
        host: &Host<&str>,
        port: u16,
        policy: AddressPolicy,
    ) -> Result<Vec<SocketAddr>, HostError> {
        check_host(host, port, policy, &self.open.lookup).await
    }

    /// Resolves when this way is not to be used any more.
    pub async fn closed(&mut self) -> FetchError {
        // The way of a client that is gone stays open for those who are on it.
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        FetchError::Rerouted
    }
}

/// With connections that are tied to an interface.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn tied(builder: ClientBuilder, interface: Option<&Interface>) -> ClientBuilder {
    match interface {
        Some(interface) => builder.interface(interface.name()),
        None => builder,
    }
}

/// With connections from an address of an interface. One that is missing has none; then nobody asks for connections.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn tied(builder: ClientBuilder, interface: Option<&Interface>) -> ClientBuilder {
    match interface.and_then(Interface::only_web_address) {
        Some(own) => builder.local_address(own),
        None => builder,
    }
}

fn through(proxy: &Proxy) -> reqwest::Result<reqwest::Proxy> {
    let scheme = match proxy.kind {
        ProxyKind::Socks5 => "socks5h",
        ProxyKind::Http => "http",
    };
    let host = if proxy.host.contains(':') { format!("[{}]", proxy.host) } else { proxy.host.clone() };
    let through = reqwest::Proxy::all(format!("{scheme}://{host}:{}", proxy.port))?;
    Ok(match &proxy.login {
        Some((user, password)) => through.basic_auth(user, password),
        None => through,
    })
}

/// The word of a name that nobody looks up here.
///
/// # Errors
/// [`HostError::Refused`] for one of this computer or its network, if the policy allows only public ones.
pub(crate) fn judge_name(name: &str, policy: AddressPolicy) -> Result<(), HostError> {
    const NEAR: [&str; 6] = ["localhost", "local", "internal", "lan", "home", "arpa"];
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_near = !name.contains('.') || NEAR.contains(&last);
    if policy == AddressPolicy::GlobalOnly && is_near { Err(HostError::Refused) } else { Ok(()) }
}

/// [`judge_name`], and addresses as ever.
pub(crate) fn judge_unresolved(host: &Host<&str>, policy: AddressPolicy) -> Result<(), HostError> {
    let is_allowed = match host {
        Host::Domain(name) => return judge_name(name, policy),
        Host::Ipv4(address) => policy.allows((*address).into()),
        Host::Ipv6(address) => policy.allows((*address).into()),
    };
    if is_allowed { Ok(()) } else { Err(HostError::Refused) }
}

/// Looks up the proxy, and nobody else: a name that would leak fails instead.
#[derive(Debug, Clone)]
struct OnlyProxy {
    host: String,
    lookup: Lookup,
}

impl Resolve for OnlyProxy {
    fn resolve(&self, name: Name) -> Resolving {
        let is_proxy = name.as_str().eq_ignore_ascii_case(&self.host);
        let lookup = self.lookup.clone();
        Box::pin(async move {
            if !is_proxy {
                return Err(HostError::Refused.into());
            }
            // The person named it: wherever it is.
            let addresses =
                crate::host::resolve(name.as_str(), 0, AddressPolicy::PrivateToo, &lookup).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Knows this computer, and nobody else: nothing is sent to look it up.
#[derive(Debug, Clone, Copy)]
struct OnlyHere;

impl Resolve for OnlyHere {
    fn resolve(&self, name: Name) -> Resolving {
        let is_here = is_name_of_here(name.as_str());
        Box::pin(async move {
            if !is_here {
                return Err(HostError::Refused.into());
            }
            let both = [SocketAddr::from((Ipv6Addr::LOCALHOST, 0)), (Ipv4Addr::LOCALHOST, 0).into()];
            Ok(Box::new(both.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_computer_and_its_network_are_refused_unseen() {
        for name in
            ["localhost", "a.LocalHost.", "nas", "printer.local", "router.lan", "1.0.0.127.in-addr.arpa"]
        {
            assert_eq!(judge_name(name, AddressPolicy::GlobalOnly), Err(HostError::Refused), "{name}");
            assert_eq!(judge_name(name, AddressPolicy::PrivateToo), Ok(()), "{name}");
        }
        assert_eq!(judge_name("tracker.example", AddressPolicy::GlobalOnly), Ok(()));
    }
}
