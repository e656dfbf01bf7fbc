//! A link that somebody else handed over, and that waits for the person's word.

use serde::{Deserialize, Serialize};

use crate::{InfoHash, TorrentSource};

/// So many addresses of a link are shown.
const MAX_SHOWN_HOSTS: usize = 5;

/// What a link says of itself, as far as that is known without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LinkOffer {
    pub id: u64,
    /// What the link calls it; anybody can write anything there.
    pub name: Option<String>,
    /// `None` for a link to a file: only the file tells.
    pub info_hash: Option<InfoHash>,
    /// Who would be asked first: trackers, or where the file is. At most five; `host_count` is how many there are.
    pub hosts: Vec<String>,
    pub host_count: u32,
    /// It is in the library already.
    pub is_known: bool,
}

impl LinkOffer {
    /// An offer of a link; `None` for a file, which nobody but the person can hand over.
    pub fn of(source: &TorrentSource, id: u64) -> Option<Self> {
        let (name, urls) = match source {
            TorrentSource::Magnet(magnet) => (magnet.display_name.clone(), magnet.trackers.clone()),
            TorrentSource::Torrs(torrs) => {
                let magnet = torrs.magnet();
                (magnet.display_name, magnet.trackers)
            }
            TorrentSource::Web(url) => (None, vec![url.clone()]),
            TorrentSource::TorrentFile(_) => return None,
        };
        let mut hosts: Vec<String> =
            urls.iter().filter_map(|url| url.host_str().map(str::to_owned)).collect();
        hosts.sort();
        hosts.dedup();
        let host_count = u32::try_from(hosts.len()).unwrap_or(u32::MAX);
        hosts.truncate(MAX_SHOWN_HOSTS);
        Some(Self { id, name, info_hash: source.info_hash(), hosts, host_count, is_known: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    #[test]
    fn a_link_is_shown_by_what_it_says_of_itself() {
        let trackers: String = (0..9).map(|n| format!("&tr=udp://t{}.example:80", n / 2 * 2)).collect();
        let source =
            TorrentSource::parse(&format!("magnet:?xt=urn:btih:{HEX}&dn=A%0A%E2%80%AEfilm{trackers}"));

        let offer = LinkOffer::of(&source.unwrap(), 7).unwrap();

        assert_eq!(offer.name.as_deref(), Some("Afilm"), "control and direction characters are gone");
        assert_eq!(offer.info_hash.unwrap().to_string(), HEX);
        assert_eq!((offer.id, offer.host_count), (7, 5));
        assert_eq!(offer.hosts[0], "t0.example");
        let web = TorrentSource::parse("https://user:secret@films.example/a.torrent").unwrap();
        let offer = LinkOffer::of(&web, 0).unwrap();
        assert_eq!((offer.hosts.as_slice(), offer.info_hash), (&["films.example".to_owned()][..], None));
        assert_eq!(LinkOffer::of(&TorrentSource::TorrentFile(vec![]), 0), None);
    }
}
