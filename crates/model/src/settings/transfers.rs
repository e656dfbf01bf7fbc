//! How torrents are transferred: whom we speak to, and in which way.

use serde::{Deserialize, Serialize};

use super::group::settings_group;

/// When the line is spared: then only what somebody watches is fetched, and nothing is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SpareLine {
    /// While the system says that the line costs by the byte.
    #[default]
    WhenMetered,
    Always,
    Never,
}

impl SpareLine {
    /// Whether a line is spared that does or does not cost by the byte.
    pub fn spares(self, is_metered: bool) -> bool {
        match self {
            Self::WhenMetered => is_metered,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

settings_group! {
    /// What may be used to find peers and to speak to them. It holds for all torrents together.
    pub struct TransferSettings / TransferPatch {
        /// Whether peers without encryption are left alone; otherwise it is only preferred.
        pub encryption_required: bool = false,
        pub tcp_enabled: bool = true,
        pub utp_enabled: bool = true,
        pub dht_enabled: bool = true,
        /// Whether peers tell each other, and us, of more peers.
        pub pex_enabled: bool = true,
        /// Whether peers in the local network are looked for.
        pub lsd_enabled: bool = true,
        /// Whether the router is asked to let peers through to us.
        pub port_mapping_enabled: bool = true,
        /// Whether anything is given to others. Who gives nothing gets less.
        pub uploads_enabled: bool = true,
        /// When to fetch only what is watched, and to give nothing.
        pub spare_line: SpareLine = SpareLine::WhenMetered,
        /// Peers that are spoken to at the same time.
        pub max_connections: u32 = 300,
        /// A torrent that is kept and complete is offered until so many bytes were sent for each of its own; 0: no limit.
        pub seed_ratio_limit: f64 = 0.0,
        /// And for so long at most, counted while it is offered; 0: no limit.
        pub seed_time_limit_secs: u64 = 0,
        /// A file of addresses that nobody speaks to: PeerGuardian's way of writing, eMule's, or a network in each line. It is read
        /// again when it changes; empty: none.
        pub blocklist_path: String = String::new(),
        /// Through whom everything goes that leaves this computer for the internet, as of [`crate::Proxy`]; empty: nobody. What can't
        /// go through it does not go: there is no DHT, no uTP, no tracker over UDP then, and nobody can call us.
        pub proxy_url: String = String::new(),
        /// The network interface (`tun0`, `wg0` ...) through which alone everything goes that leaves this computer for the internet;
        /// empty: any. While it is not there, nothing goes.
        pub network_interface: String = String::new(),
        /// Where peers reach us; 0: any free port.
        pub peer_port: u16 = 0,
    }
}

impl TransferSettings {
    /// Each takes a file descriptor.
    pub const MAX_CONNECTIONS: u32 = 5000;

    pub(super) fn is_bounded(&self) -> bool {
        (1..=Self::MAX_CONNECTIONS).contains(&self.max_connections)
    }

    /// The longest name that an interface can have: `IFNAMSIZ` without the zero at its end.
    #[cfg(target_os = "linux")]
    pub const MAX_INTERFACE_BYTES: usize = 15;
    /// The longest name that an interface can have: elsewhere they are words for people, such as "Local Area Connection 2".
    #[cfg(not(target_os = "linux"))]
    pub const MAX_INTERFACE_BYTES: usize = 256;

    /// Whether the interface has a name that an interface can have.
    pub(super) fn has_sound_interface(&self) -> bool {
        let name = &self.network_interface;
        name.len() <= Self::MAX_INTERFACE_BYTES && name.trim() == name && !name.chars().any(char::is_control)
    }

    /// Whether the ratio is a number that something can be compared with.
    pub(super) fn has_sound_ratio(&self) -> bool {
        self.seed_ratio_limit.is_finite() && self.seed_ratio_limit >= 0.0
    }
}
