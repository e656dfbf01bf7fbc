//! What other devices may do here.

use super::group::settings_group;

settings_group! {
    /// The doors to the local network. All of them are shut until somebody opens them; the password and the tokens of
    /// devices are no settings: they never leave the store.
    pub struct NetworkSettings / NetworkPatch {
        /// Whether devices of the local network are answered at all, with the password or a token.
        pub lan_enabled: bool = false,
        /// Names besides our addresses under which we are reached (a reverse proxy, a name in the router).
        pub allowed_hosts: Vec<String> = Vec::new(),
        /// Whether the known homes of the Lampa page may use TorrServer's interface.
        pub allow_lampa: bool = false,
        /// Other pages that may, by origin (`https://page.example`).
        pub allowed_origins: Vec<String> = Vec::new(),
        /// Addresses or networks (`192.168.1.0/24`) that alone are answered; empty: all. Loopback always is.
        pub allowed_addresses: Vec<String> = Vec::new(),
        /// Addresses or networks that are never answered.
        pub denied_addresses: Vec<String> = Vec::new(),
        /// Whether players without password or token may play what is in the library, as TorrServer lets them.
        pub open_streams: bool = false,
        /// Whether we are also reached by HTTPS.
        pub https_enabled: bool = false,
        pub https_port: u16 = 8091,
        /// A certificate chain and its key, PEM; empty: one that we make ourselves.
        pub https_cert_path: String = String::new(),
        pub https_key_path: String = String::new(),
        /// Whether televisions find the library by DLNA. They know no password.
        pub dlna_enabled: bool = false,
        /// Whether we announce ourselves by mDNS while the local network is let in.
        pub mdns_enabled: bool = true,
        /// Whether the library is a read-only folder under `/dav`.
        pub webdav_enabled: bool = false,
        /// What televisions and other devices call us; empty: a name of our own.
        pub friendly_name: String = String::new(),
    }
}
