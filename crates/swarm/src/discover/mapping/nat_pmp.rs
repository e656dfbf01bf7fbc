//! PCP and NAT-PMP, which a router's default address is asked in.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use crab_nat::{
    GATEWAY_PORT, InternetProtocol, MappingFailure, PortMapping, PortMappingOptions, PortMappingType,
    TimeoutConfig,
};

use freshet_web::Route;

use super::super::addresses::is_private;
use super::super::sockets::{self, Family};
use super::MappingProtocol;

/// Doubled at every repetition: about 4 s in all for a router that says nothing.
const TIMEOUTS: TimeoutConfig =
    TimeoutConfig { initial_timeout: Duration::from_millis(250), max_retries: 3, max_retry_timeout: None };

#[derive(Debug, thiserror::Error)]
pub(super) enum NatPmpError {
    #[error("the router's address is not known")]
    NoGateway,
    #[error("there is no way to the router")]
    Io(#[from] std::io::Error),
    #[error("there is no port to map")]
    NoPort,
    #[error(transparent)]
    Failed(#[from] MappingFailure),
}

/// TCP, and UDP where the router gave it too.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    tcp: PortMapping,
    udp: Option<PortMapping>,
}

/// Maps a port of ours, the same outside if the router likes.
pub(super) async fn map(port: u16, life: Duration) -> Result<Lease, NatPmpError> {
    let port = NonZeroU16::new(port).ok_or(NatPmpError::NoPort)?;
    map_at(gateway().ok_or(NatPmpError::NoGateway)?, port, life).await
}

async fn map_at(gateway: Ipv4Addr, port: NonZeroU16, life: Duration) -> Result<Lease, NatPmpError> {
    let client = own_ip_towards(gateway).await?;
    let options = |external_port| PortMappingOptions {
        external_port: Some(external_port),
        lifetime_seconds: u32::try_from(life.as_secs()).ok(),
        timeout_config: Some(TIMEOUTS),
    };
    let gateway = IpAddr::V4(gateway);
    let tcp = PortMapping::new(gateway.into(), client, InternetProtocol::Tcp, port, options(port)).await?;
    let beside = options(tcp.external_port());
    let udp = PortMapping::new(gateway.into(), client, InternetProtocol::Udp, port, beside).await;
    let udp = udp.inspect_err(|error| tracing::debug!(%error, "the router maps TCP only")).ok();
    Ok(Lease { tcp, udp })
}

impl Lease {
    pub(super) async fn renew(mut self) -> Result<Self, NatPmpError> {
        self.tcp.renew().await?;
        if let Some(udp) = &mut self.udp
            && let Err(error) = udp.renew().await
        {
            tracing::debug!(%error, "the router did not renew UDP");
        }
        Ok(self)
    }

    pub(super) async fn give_back(self) {
        for mapping in [Some(self.tcp), self.udp].into_iter().flatten() {
            if let Err((error, _)) = mapping.try_drop().await {
                tracing::debug!(%error, "the router did not take the port back");
            }
        }
    }

    pub(super) fn protocol(&self) -> MappingProtocol {
        match self.tcp.mapping_type() {
            PortMappingType::NatPmp => MappingProtocol::NatPmp,
            PortMappingType::Pcp { .. } => MappingProtocol::Pcp,
        }
    }

    pub(super) fn external_port(&self) -> u16 {
        self.tcp.external_port().get()
    }

    pub(super) fn life(&self) -> Duration {
        Duration::from_secs(self.tcp.lifetime().into())
    }
}

/// The system's default route where it shows one, else the first address of our private network.
fn gateway() -> Option<Ipv4Addr> {
    if cfg!(target_os = "linux") {
        default_route(&std::fs::read_to_string("/proc/net/route").ok()?)
    } else {
        if_addrs::get_if_addrs().ok()?.into_iter().find_map(|interface| match interface.addr {
            if_addrs::IfAddr::V4(own) if is_private(own.ip.into()) && !own.is_link_local() => {
                Some(Ipv4Addr::from_bits((own.ip.to_bits() & own.netmask.to_bits()) + 1))
            }
            if_addrs::IfAddr::V4(_) | if_addrs::IfAddr::V6(_) => None,
        })
    }
}

/// Reads the kernel's table: name, destination, gateway, flags and so on, addresses as numbers of this machine.
fn default_route(table: &str) -> Option<Ipv4Addr> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let destination = u32::from_str_radix(fields.next()?, 16).ok()?;
        let gateway = u32::from_str_radix(fields.next()?, 16).ok()?;
        (destination == 0 && gateway != 0).then(|| Ipv4Addr::from(gateway.to_ne_bytes()))
    })
}

/// The address that the router sees us at. Sends nothing.
async fn own_ip_towards(gateway: Ipv4Addr) -> Result<IpAddr, std::io::Error> {
    let socket = sockets::udp(Family::V4, &Route::default())?;
    socket.connect(SocketAddr::from((gateway, GATEWAY_PORT))).await?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_is_read_from_the_kernels_table() {
        let of = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
        let table = format!(
            "Iface\tDestination\tGateway\tFlags\nvpn\t{}\t{}\t0001\nbroken\neth0\t00000000\t{}\t0003\n",
            of([10, 0, 0, 0]),
            of([0, 0, 0, 0]),
            of([192, 168, 1, 1])
        );
        assert_eq!(default_route(&table), Some(Ipv4Addr::new(192, 168, 1, 1)));
        assert_eq!(default_route("Iface\tDestination\tGateway\n"), None);
        assert_eq!(default_route(""), None);
    }

    #[tokio::test]
    async fn port_0_is_never_mapped() {
        assert!(matches!(map(0, Duration::from_secs(60)).await, Err(NatPmpError::NoPort)));
    }

    /// The protocol has one port, so the router gets an address of loopback that nobody else listens at.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_router_that_knows_nat_pmp_only_maps_both_protocols_and_takes_them_back() {
        let address = Ipv4Addr::new(127, 83, 11, 5);
        let router = tokio::net::UdpSocket::bind((address, GATEWAY_PORT)).await.unwrap();
        let (tell, mut told) = tokio::sync::mpsc::channel(16);
        let serving = async {
            let mut asked = [0; 1100];
            loop {
                let (count, from) = router.recv_from(&mut asked).await.unwrap();
                let answer = match asked[..count] {
                    // PCP: the version is not known here.
                    [2, ..] => vec![0, 0x80, 0, 1, 0, 0, 0, 9],
                    [0, action, _, _, p, q, _, _, a, b, c, d] => {
                        tell.send((action, u32::from_be_bytes([a, b, c, d]))).await.unwrap();
                        let external = if [a, b, c, d] == [0; 4] { [0, 0] } else { [0x1b, 0x59] };
                        let head = [0, 0x80 | action, 0, 0, 0, 0, 0, 9, p, q];
                        [&head[..], &external, &[a, b, c, d]].concat()
                    }
                    _ => panic!("{:?}", &asked[..count]),
                };
                router.send_to(&answer, from).await.unwrap();
            }
        };
        let mapping = async {
            let port = NonZeroU16::new(7000).unwrap();
            let lease = map_at(address, port, Duration::from_secs(600)).await.unwrap();
            let expected = (MappingProtocol::NatPmp, 7001, Duration::from_secs(600));
            assert_eq!((lease.protocol(), lease.external_port(), lease.life()), expected);
            lease.renew().await.unwrap().give_back().await;
        };

        tokio::select! {
            () = mapping => {}
            () = serving => {}
        }

        let mut all = Vec::new();
        while let Ok(one) = told.try_recv() {
            all.push(one);
        }
        // UDP is 1, TCP is 2; a life of 0 gives back.
        assert_eq!(all, [(2, 600), (1, 600), (2, 600), (1, 600), (2, 0), (1, 0)]);
    }
}
