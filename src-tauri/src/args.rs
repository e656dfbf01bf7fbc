//! The command line; for a double click it is empty.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use freshet_app::{AppConfig, default_data_dir};
use freshet_model::AddressPolicy;
use freshet_server::PortChoice;

const INSTANCE_ID: &str = "org.freshet.app";

/// Open a magnet link, and the film starts.
#[derive(Debug, Clone, Default, clap::Parser)]
#[command(name = "freshet", version)]
pub struct Args {
    /// Magnet links, info hashes, web links or .torrent files to add and play
    pub sources: Vec<String>,
    /// What follows was handed over by another program: ask before a link is added. Desktop entries say so
    #[arg(long)]
    pub handed_over: bool,
    /// Wait in the tray, without a window
    #[arg(long)]
    pub hidden: bool,
    /// Folder for the library, pieces and logs
    #[arg(short = 'd', long = "path", value_name = "DIR")]
    pub path: Option<PathBuf>,
    /// Port for other players and devices; without it 8090 or the next free one
    #[arg(short, long)]
    pub port: Option<u16>,
    /// Port for peers; 0 is any
    #[arg(long, default_value_t = 0)]
    pub peer_port: u16,
    /// Do not use the distributed hash table
    #[arg(long)]
    pub no_dht: bool,
    /// Also ask trackers and peers on this computer and in private networks
    #[arg(long)]
    pub allow_private_networks: bool,
    /// What to log, such as "debug" or "freshet_engine=trace"
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// What plays films, whatever the settings say (Linux)
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub engine: Option<Engine>,
    /// Draw without the graphics card, and play films in the web view: for windows that stay blank
    #[arg(long)]
    pub safe_graphics: bool,
    /// Shows a player page of a running Freshet, and nothing else; Freshet starts itself so
    #[arg(long, value_name = "ADDRESS", hide = true)]
    pub player_window: Option<String>,
}

/// What plays films.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// libmpv where it works, in a process of its own; elsewhere the web view
    Libmpv,
    /// The web view of the player window
    Web,
}

impl Args {
    /// What was asked for on the command line; `None` leaves it to the settings.
    pub(crate) fn chosen_engine(&self) -> Option<Engine> {
        if self.safe_graphics { Some(Engine::Web) } else { self.engine }
    }

    pub(crate) fn data_dir(&self) -> Result<PathBuf, String> {
        let folder = self.path.clone().or_else(default_data_dir);
        folder.ok_or_else(|| "no home folder was found; say where to keep things with --path".to_owned())
    }

    pub(crate) fn app_config(&self, data_dir: PathBuf) -> AppConfig {
        AppConfig {
            peer_port: self.peer_port,
            enable_dht: !self.no_dht,
            addresses: if self.allow_private_networks {
                AddressPolicy::PrivateToo
            } else {
                AddressPolicy::GlobalOnly
            },
            ..AppConfig::new(data_dir)
        }
    }

    pub(crate) fn port_choice(&self) -> PortChoice {
        self.port.map_or(PortChoice::Default, PortChoice::Exact)
    }

    /// What another start has to be told to be of this instance.
    pub(crate) fn instance_arguments(&self, data_dir: &Path) -> Vec<String> {
        if self.path.is_none() {
            return Vec::new();
        }
        let data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
        vec!["--path".to_owned(), data_dir.to_string_lossy().into_owned()]
    }

    /// Under which name this instance is found by a second start: one for each data folder.
    pub(crate) fn instance_id(&self, data_dir: &Path) -> String {
        if self.path.is_none() {
            return INSTANCE_ID.to_owned();
        }
        let mut hasher = DefaultHasher::new();
        std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned()).hash(&mut hasher);
        format!("{INSTANCE_ID}.d{:016x}", hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn what_was_handed_over_is_never_an_option() {
        let parse = |words: &[&str]| Args::try_parse_from(words).unwrap();

        let args = parse(&["freshet", "--handed-over", "--", "--path=/tmp/x", "magnet:?a"]);

        assert_eq!(args.sources, ["--path=/tmp/x", "magnet:?a"]);
        assert!(args.handed_over && args.path.is_none());
        assert!(!parse(&["freshet", "magnet:?a"]).handed_over);
    }

    #[test]
    fn safe_graphics_take_the_web_view() {
        let chosen = |words: &[&str]| Args::try_parse_from(words).unwrap().chosen_engine();

        assert_eq!(chosen(&["freshet"]), None);
        assert_eq!(chosen(&["freshet", "--engine", "libmpv"]), Some(Engine::Libmpv));
        assert_eq!(chosen(&["freshet", "--engine", "libmpv", "--safe-graphics"]), Some(Engine::Web));
    }

    #[test]
    fn each_data_folder_is_an_instance_of_its_own() {
        let parse = |words: &[&str]| Args::try_parse_from(words).unwrap();
        let plain = parse(&["freshet", "magnet:?xt=x"]);
        let here = parse(&["freshet", "-d", "/tmp/a"]);

        assert_eq!(plain.instance_id(Path::new("/any")), INSTANCE_ID);
        assert_eq!(here.instance_id(Path::new("/tmp/a")), here.instance_id(Path::new("/tmp/a")));
        assert_ne!(here.instance_id(Path::new("/tmp/a")), here.instance_id(Path::new("/tmp/b")));
        assert_eq!(plain.sources, ["magnet:?xt=x"]);
    }
}
