//! Network interfaces: which there are, and how a socket is tied to one.
//!
//! Linux ties a socket to a device by its name, macOS by its number. Elsewhere, on Windows, a socket is bound to an address
//! of the interface, and the system sends from there through that interface (the strong host model).

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// An interface that was chosen, and how it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    name: String,
    /// `None`: it is not there, or can't be used.
    state: Option<State>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    /// A new number is a new interface, even under the same name.
    index: Option<u32>,
    /// Without those that lead nowhere (link-local).
    addresses: Vec<IpAddr>,
}

/// An interface that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub addresses: Vec<IpAddr>,
}

/// The interfaces of this computer that lead out of it, by name. Blocks for a moment.
///
/// # Errors
/// Where the system does not tell.
pub fn list() -> io::Result<Vec<Listed>> {
    let mut all: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for entry in if_addrs::get_if_addrs()?.into_iter().filter(|entry| !entry.is_loopback()) {
        let ip = entry.ip();
        all.entry(device(&entry.name).to_owned()).or_default().push(ip);
    }
    Ok(all.into_iter().map(|(name, addresses)| Listed { name, addresses }).collect())
}

/// The device that an address belongs to. On Linux an address can have a label of its own, `eth0:1`.
pub fn device(name: &str) -> &str {
    if cfg!(target_os = "linux") { name.split(':').next().unwrap_or(name) } else { name }
}

impl Interface {
    /// Looks for an interface. Blocks for a moment.
    ///
    /// One counts as missing that is down, has no address to send from, or that the system does not let us use.
    pub fn look(name: &str) -> Self {
        let state = State::look(name).unwrap_or_else(|error| {
            tracing::debug!(name, %error, "the network interface can't be used");
            None
        });
        Self { name: name.to_owned(), state }
    }

    /// One that is not there.
    pub fn missing(name: &str) -> Self {
        Self { name: name.to_owned(), state: None }
    }

    /// Looks once more; `None` if what was opened before can go on. Blocks for a moment.
    pub fn look_again(&self) -> Option<Self> {
        let now = Self::look(&self.name);
        let goes_on = match (&self.state, &now.state) {
            (None, None) => true,
            (Some(before), Some(now)) => before.goes_on_as(now),
            (Some(_), None) | (None, Some(_)) => false,
        };
        (!goes_on).then_some(now)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn is_there(&self) -> bool {
        self.state.is_some()
    }

    /// Its addresses, without those that lead nowhere.
    pub fn addresses(&self) -> &[IpAddr] {
        self.state.as_ref().map(|state| state.addresses.as_slice()).unwrap_or_default()
    }

    /// The number that the system knows it by.
    pub fn index(&self) -> Option<u32> {
        self.state.as_ref()?.index
    }

    /// The one address that web requests leave from, where they are tied to an address and not to the interface itself.
    pub(crate) fn only_web_address(&self) -> Option<IpAddr> {
        let is_tied_by_address = !cfg!(any(target_os = "linux", target_os = "macos"));
        let own = self.address_like(Ipv4Addr::UNSPECIFIED.into());
        own.or_else(|| self.addresses().first().copied()).filter(|_| is_tied_by_address)
    }

    /// The first of its addresses in the family of this one.
    pub fn address_like(&self, like: IpAddr) -> Option<IpAddr> {
        self.addresses().iter().copied().find(|own| own.is_ipv4() == like.is_ipv4())
    }

    /// Ties a socket that is about to call somebody to this interface.
    pub(crate) fn bind_for_calls(&self, socket: &Socket, to: SocketAddr) -> io::Result<()> {
        let any = match to {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let address = self.prepare(socket, any)?;
        if address.ip().is_unspecified() { Ok(()) } else { socket.bind(&address.into()) }
    }

    /// Ties a socket to this interface, and gives the address that it has to be bound to in place of this one.
    pub(crate) fn prepare(&self, socket: &Socket, address: SocketAddr) -> io::Result<SocketAddr> {
        let Some(state) = &self.state else { return Err(self.error()) };
        state.prepare(&self.name, socket, address)
    }

    fn error(&self) -> io::Error {
        let name = &self.name;
        io::Error::new(io::ErrorKind::NotConnected, format!("the network interface {name} is not there"))
    }
}

impl State {
    fn look(name: &str) -> io::Result<Option<Self>> {
        let entries = if_addrs::get_if_addrs()?;
        let mut own =
            entries.into_iter().filter(|entry| device(&entry.name) == name && entry.is_oper_up()).peekable();
        let index = own.peek().and_then(|entry| entry.index);
        let addresses: Vec<IpAddr> =
            own.filter(|entry| !entry.is_link_local()).map(|entry| entry.ip()).collect();
        let Some(first) = addresses.first() else { return Ok(None) };
        let state = Self { index, addresses: addresses.clone() };
        // Older systems let only their administrator tie a socket to a device.
        let probe = Socket::new(Domain::for_address((*first, 0).into()), Type::DGRAM, Some(Protocol::UDP))?;
        let any = if first.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        state.prepare(name, &probe, any.parse().map_err(io::Error::other)?)?;
        Ok(Some(state))
    }

    /// Whether sockets that were opened before still lead out. More addresses do no harm, unless a family is new.
    fn goes_on_as(&self, now: &Self) -> bool {
        let has = |state: &Self, is_v4: bool| state.addresses.iter().any(|ip| ip.is_ipv4() == is_v4);
        self.index == now.index
            && self.addresses.iter().all(|ip| now.addresses.contains(ip))
            && [true, false].iter().all(|is_v4| has(self, *is_v4) == has(now, *is_v4))
    }

    #[cfg(target_os = "linux")]
    fn prepare(&self, name: &str, socket: &Socket, address: SocketAddr) -> io::Result<SocketAddr> {
        socket.bind_device(Some(name.as_bytes()))?;
        Ok(address)
    }

    #[cfg(target_os = "macos")]
    fn prepare(&self, _: &str, socket: &Socket, address: SocketAddr) -> io::Result<SocketAddr> {
        let index = self.index.and_then(std::num::NonZeroU32::new);
        let index = index.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        match address {
            SocketAddr::V4(_) => socket.bind_device_by_index_v4(Some(index))?,
            SocketAddr::V6(_) => socket.bind_device_by_index_v6(Some(index))?,
        }
        Ok(address)
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    fn prepare(&self, _: &str, _: &Socket, address: SocketAddr) -> io::Result<SocketAddr> {
        if !address.ip().is_unspecified() {
            return Ok(address);
        }
        let own = self.addresses.iter().find(|own| own.is_ipv4() == address.is_ipv4());
        let own = own.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        Ok(SocketAddr::new(*own, address.port()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(index: u32, addresses: &[&str]) -> State {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        State { index: Some(index), addresses }
    }

    #[test]
    fn what_was_opened_goes_on_until_its_addresses_are_gone() {
        let before = state(3, &["10.8.0.2"]);
        let table = [
            (state(3, &["10.8.0.2"]), true),
            (state(3, &["10.8.0.2", "10.8.0.3"]), true),
            (state(4, &["10.8.0.2"]), false),
            (state(3, &["10.8.0.3"]), false),
            (state(3, &["10.8.0.2", "2001:db8::2"]), false),
            (state(3, &[]), false),
        ];
        for (now, expected) in table {
            assert_eq!(before.goes_on_as(&now), expected, "{now:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_address_with_a_label_belongs_to_its_device() {
        assert_eq!((device("eth0:1"), device("eth0")), ("eth0", "eth0"));
    }

    #[test]
    fn loopback_can_be_looked_at_but_is_not_offered() {
        let name = if cfg!(target_os = "macos") { "lo0" } else { "lo" };
        let loopback = Interface::look(name);
        assert_eq!(loopback.is_there(), cfg!(unix));
        assert_eq!(loopback.look_again(), None);
        assert!(list().unwrap().iter().all(|listed| !listed.addresses.iter().any(IpAddr::is_loopback)));

        let missing = Interface::look("no such one");
        assert_eq!((missing.is_there(), missing.addresses(), missing.index()), (false, &[][..], None));
        assert_eq!(missing.look_again(), None);
    }
}
