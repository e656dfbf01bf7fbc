//! The command line: TorrServer's where it has a meaning here, and what is our own.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use freshet_app::AppConfig;
use freshet_model::{AddressPolicy, NetworkPatch, SettingsPatch, TransferPatch};
use freshet_server::{Accounts, LanAddresses, PortChoice, ServerOptions};

use crate::import_command::ImportArgs;
use crate::play_command::PlayArgs;

/// Shown below the flags.
const COMPARED: &str = "\
TorrServer's flags and what they do here:
  -p, --port            the same
  -i, --ip              the same, but an address of the network also wants a password (--password-file, or the UI)
  -d, --path            the same
  -t, --torrentsdir     the same, but files that were taken in are moved to its folder \"added\", not deleted
      --torrentaddr     the same (only its port counts)
  -a, --httpauth        the same, with the password of the UI, or users and passwords from accs.db in the data folder
      --ssl, --sslport, --sslcert, --sslkey
                        the same
      --webdav          the same, behind the password
  -u, --ui              the same: opens the page in a browser
  -k, --dontkill        taken and without effect: signals end freshetd in good order
  -l, --logpath, -w, --weblogpath
                        taken and without effect: logs are in the data folder
  -4, --pubipv4, -6, --pubipv6
                        taken and without effect: peers learn our address from their own connections
  -r, --rdb             not taken: nothing here is read-only
      --proxyurl        the same, for http:// and socks5://; TCP goes through it, and nothing past it
      --proxymode       taken; whatever it says, everything goes through the proxy
  -m, --maxsize; -s, --searchwa; --force-https; -T, --tg; -f, --fuse
                        not taken

Settings that a flag changes stay changed; the switches of the UI show them.";

/// Plays torrents while they download: TorrServer's HTTP API and a library in the browser, without a window.
#[derive(Debug, Parser)]
#[command(name = "freshetd", version, after_help = COMPARED)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Port to listen on; without it 8090, or the next free one
    #[arg(short, long)]
    port: Option<u16>,
    /// Address to listen on, may be given several times. This computer's own (127.0.0.1, the default, or ::1); one of the
    /// network opens the door to it, 0.0.0.0 on all addresses in private networks
    #[arg(short, long, value_name = "ADDRESS")]
    ip: Vec<IpAddr>,
    /// Opens the door to the local network, for devices with the password or a token
    #[arg(long)]
    lan: bool,
    /// Sets the password of the local network to the first line of a file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Lets every user of this computer in, not only the one it runs as
    #[arg(long)]
    trust_local_users: bool,
    /// Folder for library, pieces and logs
    #[arg(short = 'd', long = "path", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Folder whose .torrent files are taken into the library
    #[arg(short = 't', long = "torrentsdir", value_name = "DIR")]
    watch_dir: Option<PathBuf>,
    /// Port for other peers; without it the one of the settings
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "PORT")]
    peer_port: u16,
    #[arg(long = "torrentaddr", value_name = "[ADDRESS]:PORT", hide = true, conflicts_with = "peer_port")]
    peer_address: Option<String>,
    /// Wants the password on this computer too
    #[arg(short = 'a', long = "httpauth")]
    password_everywhere: bool,
    /// Speaks HTTPS too, with a certificate of its own if none is given
    #[arg(long = "ssl")]
    https: bool,
    /// Port for HTTPS; without it 8091
    #[arg(long = "sslport", value_name = "PORT")]
    https_port: Option<u16>,
    /// Certificate chain, PEM
    #[arg(long = "sslcert", value_name = "FILE", requires = "https_key")]
    https_cert: Option<String>,
    /// Its key, PEM
    #[arg(long = "sslkey", value_name = "FILE", requires = "https_cert")]
    https_key: Option<String>,
    /// Leads everything that leaves for the internet through a proxy
    #[arg(long = "proxyurl", value_name = "URL")]
    proxy_url: Option<String>,
    /// Leaves this computer by one network interface alone, such as that of a VPN
    #[arg(long = "interface", value_name = "NAME")]
    network_interface: Option<String>,
    /// Shows the library as a read-only folder under /dav
    #[arg(long)]
    webdav: bool,
    /// Opens the page in a browser
    #[arg(short = 'u', long = "ui")]
    pub(crate) open_page: bool,
    /// Look for peers with trackers only: no distributed hash table, no local discovery, no port in the router
    #[arg(long)]
    no_dht: bool,
    /// Allow peers, trackers and links in private networks and on this computer
    #[arg(long)]
    allow_private_networks: bool,
    /// What to log
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log: LogLevel,
    /// Folder with the pages of the interface
    #[arg(long = "pages", value_name = "DIR")]
    ui_dir: Option<PathBuf>,
    #[command(flatten)]
    without_effect: WithoutEffect,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Play(PlayArgs),
    Import(ImportArgs),
}

/// Flags of TorrServer in scripts that are older than their move here.
#[derive(Debug, clap::Args)]
struct WithoutEffect {
    #[arg(short = 'k', long = "dontkill", hide = true)]
    dont_kill: bool,
    #[arg(short = 'l', long = "logpath", hide = true)]
    log_path: Option<String>,
    #[arg(short = 'w', long = "weblogpath", hide = true)]
    web_log_path: Option<String>,
    #[arg(short = '4', long = "pubipv4", hide = true)]
    public_ipv4: Option<String>,
    #[arg(short = '6', long = "pubipv6", hide = true)]
    public_ipv6: Option<String>,
    #[arg(long = "proxymode", hide = true)]
    proxy_mode: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The libraries below stay quiet unless everything is wanted.
    pub(crate) fn filter(self) -> Option<&'static str> {
        match self {
            Self::Off => Some("off"),
            Self::Error => Some("error"),
            Self::Warn => Some("warn"),
            Self::Info => None,
            Self::Debug => Some(
                "info,freshetd=debug,freshet_app=debug,freshet_server=debug,freshet_engine=debug,freshet_store=debug",
            ),
            Self::Trace => Some("trace"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum FlagError {
    #[error("this account has no home folder; give a data folder with --path")]
    NoHome,
    #[error("--torrentaddr {0:?} names no port")]
    PeerAddress(String),
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: std::io::Error },
    #[error("{} is no JSON object of users and passwords: {error}", .path.display())]
    Accounts { path: PathBuf, error: serde_json::Error },
}

impl Flags {
    pub(crate) fn data_dir(&self) -> Result<PathBuf, FlagError> {
        self.data_dir.clone().or_else(freshet_app::default_data_dir).ok_or(FlagError::NoHome)
    }

    pub(crate) fn config(&self) -> Result<AppConfig, FlagError> {
        let peer_port = match &self.peer_address {
            None => self.peer_port,
            Some(address) => {
                let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
                port.ok_or_else(|| FlagError::PeerAddress(address.clone()))?
            }
        };
        Ok(AppConfig {
            peer_port,
            enable_dht: !self.no_dht,
            addresses: if self.allow_private_networks {
                AddressPolicy::PrivateToo
            } else {
                AddressPolicy::GlobalOnly
            },
            settings: self.settings(),
            ..AppConfig::new(self.data_dir()?)
        })
    }

    /// How the server listens. Reads `accs.db` if a password is wanted everywhere.
    pub(crate) fn server_options(&self) -> Result<ServerOptions, FlagError> {
        let (own, network): (Vec<IpAddr>, Vec<IpAddr>) = self.ip.iter().partition(|ip| ip.is_loopback());
        let is_everything = network.is_empty() || network.iter().any(IpAddr::is_unspecified);
        let defaults = ServerOptions::default();
        Ok(ServerOptions {
            ip: own.first().copied().unwrap_or(defaults.ip),
            port: self.port.map_or(PortChoice::Default, PortChoice::Exact),
            ui_dir: self.ui_dir.clone(),
            embedded_ui: None,
            lan_always: self.lan || !network.is_empty(),
            lan: if is_everything { LanAddresses::Private } else { LanAddresses::These(network) },
            trusts_local_users: self.trust_local_users,
            password_everywhere: self.password_everywhere,
            accounts: if self.password_everywhere { self.accounts()? } else { defaults.accounts },
        })
    }

    /// TorrServer's file of users and passwords; none is fine, since there is the password of the UI.
    fn accounts(&self) -> Result<Accounts, FlagError> {
        let path = self.data_dir()?.join("accs.db");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Accounts::default()),
            Err(error) => return Err(FlagError::File { path, error }),
        };
        let users: std::collections::BTreeMap<String, String> =
            serde_json::from_str(&text).map_err(|error| FlagError::Accounts { path, error })?;
        Ok(Accounts::new(users.iter().map(|(user, password)| (user.as_str(), password.as_str()))))
    }

    /// The password that the person wrote into a file.
    pub(crate) fn password(&self) -> Result<Option<String>, FlagError> {
        let Some(path) = &self.password_file else { return Ok(None) };
        let text =
            std::fs::read_to_string(path).map_err(|error| FlagError::File { path: path.clone(), error })?;
        Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
    }

    /// What the flags change in the settings; `None` if nothing.
    fn settings(&self) -> Option<SettingsPatch> {
        let switch = |is_on: bool| is_on.then_some(true);
        let network = NetworkPatch {
            https_enabled: switch(self.https),
            https_port: self.https_port,
            https_cert_path: self.https_cert.clone(),
            https_key_path: self.https_key.clone(),
            webdav_enabled: switch(self.webdav),
            ..NetworkPatch::default()
        };
        let transfers = TransferPatch {
            proxy_url: self.proxy_url.clone(),
            network_interface: self.network_interface.clone(),
            ..TransferPatch::default()
        };
        let patch = SettingsPatch {
            transfers: (transfers != TransferPatch::default()).then_some(transfers),
            network: (network != NetworkPatch::default()).then_some(network),
            // Settings outlive the folder in which the command was given.
            watch_dir: self.watch_dir.as_ref().map(|folder| {
                let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
                folder.to_string_lossy().into_owned()
            }),
            ..SettingsPatch::default()
        };
        (patch != SettingsPatch::default()).then_some(patch)
    }

    /// The flags that were given and do nothing.
    pub(crate) fn without_effect(&self) -> Vec<&'static str> {
        let ignored = &self.without_effect;
        [
            (ignored.dont_kill, "--dontkill"),
            (ignored.log_path.is_some(), "--logpath"),
            (ignored.web_log_path.is_some(), "--weblogpath"),
            (ignored.public_ipv4.is_some(), "--pubipv4"),
            (ignored.public_ipv6.is_some(), "--pubipv6"),
            // All of it goes through the proxy.
            (ignored.proxy_mode.as_deref().is_some_and(|mode| mode != "full"), "--proxymode"),
        ]
        .into_iter()
        .filter_map(|(is_given, name)| is_given.then_some(name))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(arguments: &[&str]) -> Flags {
        Flags::try_parse_from([&["freshetd", "--path", "/nonexistent"], arguments].concat()).unwrap()
    }

    #[test]
    fn the_flags_are_consistent() {
        Flags::command().debug_assert();
    }

    #[test]
    fn addresses_of_the_network_open_the_door_and_loopback_stays_our_own() {
        let options = |arguments: &[&str]| parse(arguments).server_options().unwrap();
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };

        let plain = options(&[]);
        assert_eq!((plain.ip, plain.lan_always, plain.lan), (ip("127.0.0.1"), false, LanAddresses::Private));
        let all = options(&["-i", "0.0.0.0"]);
        assert_eq!((all.ip, all.lan_always, all.lan), (ip("127.0.0.1"), true, LanAddresses::Private));
        let these = options(&["-i", "192.168.1.5", "-i", "::1", "--ip", "10.0.0.2"]);
        assert_eq!((these.ip, these.lan_always), (ip("::1"), true));
        assert_eq!(these.lan, LanAddresses::These(vec![ip("192.168.1.5"), ip("10.0.0.2")]));
        assert!(options(&["--lan"]).lan_always);
    }

    #[test]
    fn torrservers_flags_mean_what_they_meant() {
        let flags = parse(&[
            "-p",
            "9000",
            "--ssl",
            "--sslport",
            "9443",
            "--webdav",
            "-t",
            "/in",
            "-k",
            "-l",
            "/log",
            "-4",
            "1.2.3.4",
            "--torrentaddr",
            ":7000",
            "--proxyurl",
            "socks5://p:1080",
            "--proxymode",
            "tracker",
        ]);

        let patch = flags.settings().unwrap();
        let network = patch.network.unwrap();
        assert_eq!((network.https_enabled, network.https_port), (Some(true), Some(9443)));
        assert_eq!((network.webdav_enabled, patch.watch_dir.as_deref()), (Some(true), Some("/in")));
        assert_eq!(flags.config().unwrap().peer_port, 7000);
        assert_eq!(flags.server_options().unwrap().port, PortChoice::Exact(9000));
        assert_eq!(patch.transfers.unwrap().proxy_url.as_deref(), Some("socks5://p:1080"));
        assert_eq!(flags.without_effect(), ["--dontkill", "--logpath", "--pubipv4", "--proxymode"]);
        assert_eq!(parse(&[]).settings(), None);
    }

    #[test]
    fn what_would_mislead_is_refused() {
        for arguments in [&["-r"][..], &["--maxsize", "5"], &["--fuse", "/m"], &["--sslcert", "/c"]] {
            assert!(Flags::try_parse_from([&["freshetd"], arguments].concat()).is_err(), "{arguments:?}");
        }
        let address = parse(&["--torrentaddr", "nowhere"]).config().unwrap_err().to_string();
        assert_eq!(address, "--torrentaddr \"nowhere\" names no port");
    }

    #[test]
    fn the_table_of_help_names_every_flag_of_torrserver() {
        let help = Flags::command().render_long_help().to_string();
        for flag in [
            "--port",
            "--ip",
            "--path",
            "--torrentsdir",
            "--torrentaddr",
            "--httpauth",
            "--ssl",
            "--sslport",
            "--sslcert",
            "--sslkey",
            "--webdav",
            "--ui",
            "--dontkill",
            "--logpath",
            "--weblogpath",
            "--pubipv4",
            "--pubipv6",
            "--rdb",
            "--maxsize",
            "--searchwa",
            "--force-https",
            "--tg",
            "--fuse",
            "--proxyurl",
            "--proxymode",
        ] {
            assert!(help.contains(flag), "{flag}");
        }
    }
}
