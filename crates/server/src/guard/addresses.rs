//! Lists of addresses that are answered, or never are.

use std::net::IpAddr;

use ipnet::IpNet;

/// Whether somebody at `ip` is answered at all. Loopback always is: no list may lock the person out of their own program.
///
/// An entry that makes no sense matches nobody; in the list of the allowed ones it still makes the list one that is not
/// empty, so that a slip of the pen shuts the door and does not open it.
pub(crate) fn is_answered(ip: IpAddr, allowed: &[String], denied: &[String]) -> bool {
    let ip = ip.to_canonical();
    if ip.is_loopback() {
        return true;
    }
    let matches = |list: &[String]| list.iter().filter_map(|entry| parse(entry)).any(|net| net.contains(&ip));
    !matches(denied) && (allowed.is_empty() || matches(allowed))
}

/// An address, a network (`192.168.1.0/24`), or a range as TorrServer's files have them (`192.168.1.1-192.168.1.9` is not
/// one of ours).
fn parse(entry: &str) -> Option<IpNet> {
    let entry = entry.trim();
    entry.parse().ok().or_else(|| Some(IpNet::from(entry.parse::<IpAddr>().ok()?.to_canonical())))
}

#[cfg(test)]
mod tests {
    fn is_answered(ip: &str, allowed: &[&str], denied: &[&str]) -> bool {
        let owned = |list: &[&str]| list.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
        super::is_answered(ip.parse().unwrap(), &owned(allowed), &owned(denied))
    }

    #[test]
    fn lists_hold_addresses_and_networks_of_both_kinds() {
        let allowed = ["192.168.1.0/24", "fd00::/8", "10.0.0.7"];
        for ip in ["192.168.1.200", "::ffff:192.168.1.3", "fd12::1", "10.0.0.7"] {
            assert!(is_answered(ip, &allowed, &[]), "{ip}");
        }
        for ip in ["192.168.2.1", "fe80::1", "10.0.0.8"] {
            assert!(!is_answered(ip, &allowed, &[]), "{ip}");
        }
    }

    #[test]
    fn what_is_denied_is_denied_even_if_it_is_allowed() {
        assert!(!is_answered("192.168.1.3", &["192.168.1.0/24"], &["192.168.1.3"]));
        assert!(is_answered("192.168.1.4", &["192.168.1.0/24"], &["192.168.1.3"]));
        assert!(is_answered("192.168.1.4", &[], &["192.168.1.3"]));
    }

    #[test]
    fn this_computer_is_never_locked_out() {
        assert!(is_answered("127.0.0.1", &["10.0.0.1"], &["127.0.0.0/8"]));
        assert!(is_answered("::1", &["10.0.0.1"], &["::/0"]));
    }

    #[test]
    fn nonsense_among_the_allowed_opens_nothing() {
        assert!(!is_answered("192.168.1.3", &["192.168.1"], &[]));
        assert!(is_answered("192.168.1.3", &[], &["nonsense", ""]));
    }
}
