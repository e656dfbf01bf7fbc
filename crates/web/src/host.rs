//! Names are resolved by ourselves and judged before anything is connected to.

use std::net::{IpAddr, SocketAddr};

use freshet_model::AddressPolicy;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::timeout;
use url::Host;

use crate::limits;
use crate::lookup::Lookup;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    #[error("all addresses of the host are refused by the policy")]
    Refused,
    #[error("the host has no address")]
    NoAddress,
    #[error("the host's address was not found in time")]
    TimedOut,
}

/// The addresses of `host` that `policy` allows; never empty. Waits for the resolver, for [`limits::RESOLVE_TIMEOUT`] at most.
///
/// # Errors
/// [`HostError::Refused`] if the host has addresses and none may be asked.
pub(crate) async fn check_host(
    host: &Host<&str>,
    port: u16,
    policy: AddressPolicy,
    lookup: &Lookup,
) -> Result<Vec<SocketAddr>, HostError> {
    match host {
        Host::Ipv4(address) => judge([SocketAddr::new(IpAddr::V4(*address), port)], policy),
        Host::Ipv6(address) => judge([SocketAddr::new(IpAddr::V6(*address), port)], policy),
        Host::Domain(name) => resolve(name, port, policy, lookup).await,
    }
}

pub(crate) async fn resolve(
    name: &str,
    port: u16,
    policy: AddressPolicy,
    lookup: &Lookup,
) -> Result<Vec<SocketAddr>, HostError> {
    match timeout(limits::RESOLVE_TIMEOUT, lookup.addresses(name, port)).await {
        Err(_) => Err(HostError::TimedOut),
        Ok(Err(error)) => {
            tracing::debug!(host = name, %error, "no address");
            Err(HostError::NoAddress)
        }
        Ok(Ok(addresses)) => judge(addresses, policy),
    }
}

fn judge(
    addresses: impl IntoIterator<Item = SocketAddr>,
    policy: AddressPolicy,
) -> Result<Vec<SocketAddr>, HostError> {
    let mut has_any = false;
    let mut allowed: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        has_any = true;
        if policy.allows(address.ip()) && !allowed.contains(&address) {
            allowed.push(address);
        }
    }
    match (allowed.is_empty(), has_any) {
        (false, _) => Ok(allowed),
        (true, true) => Err(HostError::Refused),
        (true, false) => Err(HostError::NoAddress),
    }
}

/// Gives the HTTP client judged addresses only, so that what was judged is what is connected to.
#[derive(Debug, Clone)]
pub(crate) struct JudgingResolver {
    pub(crate) policy: AddressPolicy,
    pub(crate) lookup: Lookup,
}

impl Resolve for JudgingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { policy, lookup } = self.clone();
        Box::pin(async move {
            let addresses = resolve(name.as_str(), 0, policy, &lookup).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_judged_by_the_policy() {
        let table = [
            ("127.0.0.1", AddressPolicy::GlobalOnly, Err(HostError::Refused)),
            ("[::1]", AddressPolicy::GlobalOnly, Err(HostError::Refused)),
            ("[::ffff:192.168.1.1]", AddressPolicy::GlobalOnly, Err(HostError::Refused)),
            ("169.254.169.254", AddressPolicy::GlobalOnly, Err(HostError::Refused)),
            ("224.0.0.1", AddressPolicy::PrivateToo, Err(HostError::Refused)),
            ("127.0.0.1", AddressPolicy::PrivateToo, Ok(1)),
            ("1.1.1.1", AddressPolicy::GlobalOnly, Ok(1)),
        ];
        for (host, policy, expected) in table {
            let url = url::Url::parse(&format!("http://{host}:80/")).unwrap();
            let found = check_host(&url.host().unwrap(), 80, policy, &Lookup::System).await;
            assert_eq!(found.map(|addresses| addresses.len()), expected, "{host} {policy:?}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_computer_is_refused_like_its_address() {
        let check = async |policy| check_host(&Host::Domain("localhost"), 80, policy, &Lookup::System).await;
        let refused = check(AddressPolicy::GlobalOnly).await;
        assert_eq!(refused, Err(HostError::Refused));

        let allowed = check(AddressPolicy::PrivateToo).await.unwrap();
        assert!(allowed.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
    }

    #[test]
    fn one_refused_address_among_others_is_left_out() {
        let addresses = ["10.0.0.1:80", "1.1.1.1:80"].map(|a| a.parse().unwrap());
        assert_eq!(judge(addresses, AddressPolicy::GlobalOnly), Ok(vec![addresses[1]]));
        assert_eq!(judge([], AddressPolicy::GlobalOnly), Err(HostError::NoAddress));
    }
}
