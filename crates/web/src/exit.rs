//! The way on which requests leave this computer: straight, or through a proxy that can be changed at any time.
//!
//! Through a proxy nothing is looked up and connected to here but the proxy itself: names are resolved over there. So a name
//! can't be judged by its addresses; names that mean this computer or its network are refused by what they are called.

use std::sync::Arc;

use freshet_model::{AddressPolicy, Proxy, ProxyKind};
use reqwest::ClientBuilder;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::watch;
use url::{Host, Url};

use crate::client::{BuildError, builder};
use crate::fetch::Clients;
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
    proxy: Option<Proxy>,
}

/// A way out that somebody uses, and hears of it when there is another one.
#[derive(Debug)]
pub(crate) struct Taken {
    open: Arc<Open>,
    changes: watch::Receiver<Arc<Open>>,
}

impl Exit {
    /// Straight at first. `finish` adds what a kind of client needs.
    pub(crate) fn new(
        policy: AddressPolicy,
        finish: fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, BuildError> {
        let open = Open::new(policy, finish, None)?;
        Ok(Self { policy, finish, now: Arc::new(watch::Sender::new(Arc::new(open))) })
    }

    pub(crate) fn policy(&self) -> AddressPolicy {
        self.policy
    }

    pub(crate) fn set_proxy(&self, proxy: Option<Proxy>) -> Result<(), BuildError> {
        if self.now.borrow().proxy != proxy {
            let open = Open::new(self.policy, self.finish, proxy)?;
            self.now.send_replace(Arc::new(open));
        }
        Ok(())
    }

    pub(crate) fn has_proxy(&self) -> bool {
        self.now.borrow().proxy.is_some()
    }

    pub(crate) fn take(&self) -> Taken {
        let mut changes = self.now.subscribe();
        let open = Arc::clone(&changes.borrow_and_update());
        Taken { open, changes }
    }
}

impl Open {
    fn new(
        policy: AddressPolicy,
        finish: fn(ClientBuilder) -> ClientBuilder,
        proxy: Option<Proxy>,
    ) -> Result<Self, BuildError> {
        let build = |policy| {
            let builder = match &proxy {
                None => builder(policy),
                Some(proxy) => {
                    let through = through(proxy).map_err(|error| BuildError(error.to_string()))?;
                    builder(policy).proxy(through).dns_resolver(OnlyProxy(proxy.host.clone()))
                }
            };
            finish(builder).build().map_err(|error| BuildError(error.to_string()))
        };
        let global = build(AddressPolicy::GlobalOnly)?;
        let first = match policy {
            AddressPolicy::GlobalOnly => global.clone(),
            AddressPolicy::PrivateToo => build(policy)?,
        };
        Ok(Self { global, first, proxy })
    }
}

impl Open {
    pub(crate) fn clients<'a>(&'a self, policy: AddressPolicy, trusted: Option<&'a Url>) -> Clients<'a> {
        let Self { global, first, proxy } = self;
        Clients { policy, trusted, global, first, has_proxy: proxy.is_some() }
    }
}

impl Taken {
    pub(crate) fn open(&self) -> Arc<Open> {
        Arc::clone(&self.open)
    }

    /// Resolves when this way is not to be used any more.
    pub(crate) async fn closed(&mut self) -> FetchError {
        // The way of a client that is gone stays open for those who are on it.
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        FetchError::Rerouted
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
struct OnlyProxy(String);

impl Resolve for OnlyProxy {
    fn resolve(&self, name: Name) -> Resolving {
        let is_proxy = name.as_str().eq_ignore_ascii_case(&self.0);
        Box::pin(async move {
            if !is_proxy {
                return Err(HostError::Refused.into());
            }
            // The person named it: wherever it is.
            let addresses = crate::host::resolve(name.as_str(), 0, AddressPolicy::PrivateToo).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
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
