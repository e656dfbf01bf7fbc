//! Under which names we are asked: the defense against foreign names that were made to point here (DNS rebinding).
//!
//! A page keeps its origin while its name is pointed at our address, so the browser sends it here as its own server. It can't
//! change the name in `Host`, though, and that name is none of ours.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::{self, HeaderValue};
use axum::http::uri::{Authority, Uri};

use super::connection::{Connection, Door};

/// How we may be called besides our addresses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    /// What the person wrote down (`films.example`, or with a port), for a proxy or a name in the router.
    pub(crate) allowed: &'a [String],
    /// The name of this computer; on the network we are also `<name>.local`.
    pub(crate) hostname: &'a str,
}

/// Which kind of name was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// A loopback address or `localhost`, asked on a loopback address.
    Loopback,
    /// The address that was connected to, or this computer's name.
    Address,
    /// One of the allowed names. A proxy may stand in front, so this is never taken for this computer.
    Allowed,
}

/// The one host of a request, if it is ours.
pub(crate) fn judge(
    connection: &Connection,
    names: Names<'_>,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<Named> {
    let hosts = headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes);
    let [host] = hosts.collect::<Vec<_>>()[..] else { return None };
    let named = named(connection, names, host)?;
    // The absolute form of a request target overrules the Host field, so it is held to the same list.
    match uri.authority() {
        Some(authority) => self::named(connection, names, authority.as_str().as_bytes()),
        None => Some(named),
    }
}

/// How `host:port` names us, if it does.
pub(crate) fn named(connection: &Connection, names: Names<'_>, text: &[u8]) -> Option<Named> {
    let text = std::str::from_utf8(text).ok().filter(|text| !text.contains('@'))?;
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let port = match authority.as_str().strip_prefix(host)? {
        "" => None,
        port => Some(
            port.strip_prefix(':')
                .filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?
                .parse::<u16>()
                .ok()?,
        ),
    };
    let effective_port = port.unwrap_or(if connection.is_https { 443 } else { 80 });
    let is_loopback = connection.local.ip().is_loopback();
    if effective_port == connection.local.port() {
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match literal.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
            Ok(ip) if ip.is_loopback() && is_loopback => return Some(Named::Loopback),
            Ok(ip) if ip == connection.local.ip().to_canonical() => return Some(Named::Address),
            _ => {}
        }
        if host.eq_ignore_ascii_case("localhost") && is_loopback {
            return Some(Named::Loopback);
        }
        if connection.door == Door::Network && is_hostname(host, names.hostname) {
            return Some(Named::Address);
        }
    }
    names.allowed.iter().any(|allowed| is_allowed(allowed, host, port)).then_some(Named::Allowed)
}

/// The name of this computer, bare or in the domain of mDNS (RFC 6762). Nobody outside of the link can make them point
/// somewhere.
fn is_hostname(host: &str, hostname: &str) -> bool {
    if hostname.is_empty() {
        return false;
    }
    let bare = match host.len().checked_sub(".local".len()) {
        Some(at) if host.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(".local")) => &host[..at],
        _ => host,
    };
    bare.eq_ignore_ascii_case(hostname)
}

fn is_allowed(allowed: &str, host: &str, port: Option<u16>) -> bool {
    match allowed.rsplit_once(':').and_then(|(name, digits)| Some((name, digits.parse::<u16>().ok()?))) {
        Some((name, wanted)) => name.eq_ignore_ascii_case(host) && port == Some(wanted),
        None => allowed.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(door: Door, local: &str) -> Connection {
        let peer = "127.0.0.1:5".parse().unwrap();
        Connection::new(door, peer, local.parse().unwrap(), false)
    }

    fn names(allowed: &[String]) -> Names<'_> {
        Names { allowed, hostname: "den" }
    }

    #[test]
    fn on_our_own_door_only_loopback_with_our_port_is_us() {
        let own = connection(Door::Own, "127.0.0.1:8090");
        for host in ["127.0.0.1:8090", "localhost:8090", "LOCALHOST:8090", "[::1]:8090", "127.1.2.3:8090"] {
            assert_eq!(named(&own, names(&[]), host.as_bytes()), Some(Named::Loopback), "{host}");
        }
        for host in [
            "",
            "127.0.0.1",
            "127.0.0.1:8091",
            "127.0.0.1:",
            "127.0.0.1:+8090",
            "127.0.0.1:08090x",
            "localhost.:8090",
            "localhost.evil.example:8090",
            "evil.example:8090",
            "127.0.0.1.evil.example:8090",
            "user@127.0.0.1:8090",
            "127.0.0.1:8090@evil.example",
            "0.0.0.0:8090",
            "[::]:8090",
            "192.168.1.5:8090",
            "2130706433:8090",
            "127.0.0.1:8090/",
            "127.0.0.1:8090, evil.example",
            " 127.0.0.1:8090",
            "den:8090",
            "den.local:8090",
        ] {
            assert_eq!(named(&own, names(&[]), host.as_bytes()), None, "{host}");
        }
        assert_eq!(named(&own, names(&[]), "127.0.0.1:8090\u{e9}".as_bytes()), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_but_our_address_is_a_host(
            text in "(localhost|127\\.0\\.0\\.1|\\[::1\\]|[a-z0-9.@:\\[\\]%/-]{0,12})(:8090|[a-z0-9.@:/-]{0,12})?"
        ) {
            let is_own = named(&connection(Door::Own, "127.0.0.1:8090"), names(&[]), text.as_bytes()).is_some();
            let (host, port) = text.rsplit_once(':').unwrap_or((&text, ""));
            let is_known =
                matches!(host, "localhost" | "[::1]") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
            proptest::prop_assert!(!is_own || (is_known && port.parse() == Ok(8090_u16)), "{}", text);
        }
    }

    #[test]
    fn the_absolute_form_of_a_target_is_held_to_the_same_list() {
        let own = connection(Door::Own, "127.0.0.1:8090");
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("127.0.0.1:8090"))]);
        let ask = |uri: &str| judge(&own, names(&[]), &uri.parse().unwrap(), &headers);

        assert_eq!(ask("http://localhost:8090/echo"), Some(Named::Loopback));
        assert_eq!(ask("http://evil.example:8090/echo"), None);
        assert_eq!(ask("http://u@127.0.0.1:8090/echo"), None);
        assert_eq!(judge(&own, names(&[]), &Uri::from_static("/"), &HeaderMap::new()), None);
    }

    #[test]
    fn on_the_network_we_are_the_address_that_was_asked_and_our_name() {
        let network = connection(Door::Network, "192.168.1.5:8090");
        for host in ["192.168.1.5:8090", "den:8090", "DEN.local:8090"] {
            assert_eq!(named(&network, names(&[]), host.as_bytes()), Some(Named::Address), "{host}");
        }
        for host in [
            "127.0.0.1:8090",
            "localhost:8090",
            "192.168.1.6:8090",
            "192.168.1.5",
            "den.local.:8090",
            "den.example:8090",
            ".local:8090",
            "local:8090",
        ] {
            assert_eq!(named(&network, names(&[]), host.as_bytes()), None, "{host}");
        }
        let nameless = Names { allowed: &[], hostname: "" };
        assert_eq!(named(&network, nameless, b".local:8090"), None);
    }

    #[test]
    fn a_name_that_was_written_down_is_known_and_never_taken_for_this_computer() {
        let allowed = ["films.example".to_owned(), "torrserver.lan:8090".to_owned()];
        let own = connection(Door::Own, "127.0.0.1:8090");
        for host in ["films.example", "Films.Example:443", "films.example:8090", "torrserver.lan:8090"] {
            assert_eq!(named(&own, names(&allowed), host.as_bytes()), Some(Named::Allowed), "{host}");
        }
        for host in ["torrserver.lan", "torrserver.lan:80", "x.films.example", "films.example.evil.example"] {
            assert_eq!(named(&own, names(&allowed), host.as_bytes()), None, "{host}");
        }
    }

    #[test]
    fn the_default_port_may_be_left_out() {
        let plain = connection(Door::Own, "127.0.0.1:80");
        assert_eq!(named(&plain, names(&[]), b"localhost"), Some(Named::Loopback));
        let https = Connection { is_https: true, ..connection(Door::Own, "127.0.0.1:443") };
        assert_eq!(named(&https, names(&[]), b"localhost"), Some(Named::Loopback));
        assert_eq!(named(&plain, names(&[]), b"localhost:443"), None);
    }
}
