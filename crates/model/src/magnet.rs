//! Magnet links (BEP 9), read by ourselves so that nothing unchecked reaches the engine.

use std::net::SocketAddr;

use data_encoding::HEXLOWER;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use crate::{InfoHash, ParseInfoHashError, limits, metainfo};

/// A checked magnet link: only what we understand is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Magnet {
    pub info_hash: InfoHash,
    /// `dn`, cleaned of control and direction characters.
    pub display_name: Option<String>,
    /// `tr`: http, https and udp only, without repetitions, at most [`limits::MAX_TRACKERS`].
    pub trackers: Vec<Url>,
    /// `x.pe`: peers named by address, at most [`limits::MAX_MAGNET_PEERS`]. Not yet judged by an address policy.
    pub peers: Vec<SocketAddr>,
    /// `ws`: where the files are on the web (BEP 19), as [`crate::Metainfo::web_seeds`].
    pub web_seeds: Vec<Url>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MagnetError {
    #[error("not a magnet link")]
    NotMagnet,
    #[error("the magnet link is longer than {} bytes", limits::MAX_MAGNET_BYTES)]
    TooLong,
    #[error("the magnet link names no torrent (no xt=urn:btih:)")]
    NoInfoHash,
    #[error("the magnet link has a wrong info hash: {0}")]
    InfoHash(#[from] ParseInfoHashError),
    #[error("the magnet link names two different torrents")]
    TwoInfoHashes,
    #[error("the magnet link is for BitTorrent version 2 only")]
    V2Only,
}

impl Magnet {
    /// A magnet with nothing but its info hash.
    pub fn bare(info_hash: InfoHash) -> Self {
        Self { info_hash, display_name: None, trackers: Vec::new(), peers: Vec::new(), web_seeds: Vec::new() }
    }

    /// Reads a magnet link. Parameters that we don't know (among them `so`, `as`) are dropped.
    ///
    /// # Errors
    /// [`MagnetError`], which names what is wrong.
    pub fn parse(text: &str) -> Result<Self, MagnetError> {
        if text.len() > limits::MAX_MAGNET_BYTES {
            return Err(MagnetError::TooLong);
        }
        let query = text
            .get(..8)
            .filter(|scheme| scheme.eq_ignore_ascii_case("magnet:?"))
            .map(|_| &text[8..])
            .ok_or(MagnetError::NotMagnet)?;

        let mut info_hash = None;
        let mut has_v2 = false;
        let mut magnet = Self::bare(InfoHash::new([0; 20]));
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decode(value);
            // "xt.1=", "tr.2=": numbered forms of the same parameters.
            let key = key.to_ascii_lowercase();
            let name = key
                .split_once('.')
                .filter(|(_, n)| n.bytes().all(|b| b.is_ascii_digit()))
                .map_or(&*key, |(k, _)| k);
            match name {
                "xt" => {
                    let value_lower = value.to_ascii_lowercase();
                    if let Some(hash) = value_lower.strip_prefix("urn:btih:") {
                        let hash = hash.parse()?;
                        if info_hash.is_some_and(|known| known != hash) {
                            return Err(MagnetError::TwoInfoHashes);
                        }
                        info_hash = Some(hash);
                    } else if value_lower.starts_with("urn:btmh:") {
                        has_v2 = true;
                    }
                }
                "dn" => magnet.display_name = metainfo::clean_name(&value).filter(|name| !name.is_empty()),
                "tr" => metainfo::push_tracker(&mut magnet.trackers, &value),
                "ws" => metainfo::push_web_seed(&mut magnet.web_seeds, &value),
                "x.pe" => {
                    if let Ok(peer) = value.parse()
                        && magnet.peers.len() < limits::MAX_MAGNET_PEERS
                        && !magnet.peers.contains(&peer)
                    {
                        magnet.peers.push(peer);
                    }
                }
                _ => {}
            }
        }
        match info_hash {
            Some(info_hash) => Ok(Self { info_hash, ..magnet }),
            None if has_v2 => Err(MagnetError::V2Only),
            None => Err(MagnetError::NoInfoHash),
        }
    }

    /// The magnet as a link that every client reads: info hash, name, trackers and web seeds; peers stay with us.
    pub fn to_uri(&self) -> String {
        let mut uri = format!("magnet:?xt=urn:btih:{}", HEXLOWER.encode(self.info_hash.as_bytes()));
        let mut push = |key: &str, value: &str| {
            uri.push_str(key);
            uri.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        };
        if let Some(name) = &self.display_name {
            push("&dn=", name);
        }
        for tracker in &self.trackers {
            push("&tr=", tracker.as_str());
        }
        for seed in &self.web_seeds {
            push("&ws=", seed.as_str());
        }
        uri
    }
}

/// Query decoding as browsers write it: `+` is a space, bytes that are no UTF-8 become U+FFFD.
fn decode(value: &str) -> String {
    percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    #[test]
    fn keeps_what_it_understands() {
        let link = format!(
            "magnet:?xt=urn:btih:{HEX}&dn=Sintel+%282010%29&tr=udp%3A%2F%2Ftracker.example%3A80&tr=wss%3A%2F%2Fx&tr.1=udp://tracker.example:80&x.pe=127.0.0.1:5000&so=0-99999999999&ws=http%3A%2F%2Fw.example%2Ffilm%2F&ws=ftp://w.example"
        );

        let magnet = Magnet::parse(&link).unwrap();

        assert_eq!(magnet.info_hash.to_string(), HEX);
        assert_eq!(magnet.display_name.as_deref(), Some("Sintel (2010)"));
        assert_eq!(magnet.trackers.iter().map(Url::as_str).collect::<Vec<_>>(), ["udp://tracker.example:80"]);
        assert_eq!(magnet.peers, ["127.0.0.1:5000".parse().unwrap()]);
        assert_eq!(magnet.web_seeds.iter().map(Url::as_str).collect::<Vec<_>>(), ["http://w.example/film/"]);
    }

    #[test]
    fn says_what_is_wrong() {
        let table = [
            ("http://x", MagnetError::NotMagnet),
            ("magnet:?dn=x", MagnetError::NoInfoHash),
            ("magnet:?xt=urn:btih:123", MagnetError::InfoHash(ParseInfoHashError::Length(3))),
            (
                "magnet:?xt=urn:btmh:1220caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e",
                MagnetError::V2Only,
            ),
            (
                "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&xt=urn:btih:18ada5a7a6183aae1e09d831df6748d566095a10",
                MagnetError::TwoInfoHashes,
            ),
        ];
        for (link, error) in table {
            assert_eq!(Magnet::parse(link), Err(error), "{link}");
        }
        let long = format!("magnet:?xt=urn:btih:{HEX}&dn={}", "x".repeat(limits::MAX_MAGNET_BYTES));
        assert_eq!(Magnet::parse(&long), Err(MagnetError::TooLong));
    }

    #[test]
    fn a_hybrid_magnet_is_read_by_its_v1_part() {
        let link = format!("magnet:?xt=urn:btmh:1220aa&xt=urn:btih:{HEX}");

        assert_eq!(Magnet::parse(&link).unwrap().info_hash.to_string(), HEX);
    }

    #[test]
    fn its_own_link_reads_back_the_same() {
        let link = format!(
            "magnet:?xt=urn:btih:{HEX}&dn=%D0%A4%D0%B8%D0%BB%D1%8C%D0%BC%26&tr=http%3A%2F%2Ft.example%2Fa%3Fk%3D1&ws=http://w.example/a%2520b"
        );
        let magnet = Magnet::parse(&link).unwrap();

        assert_eq!(Magnet::parse(&magnet.to_uri()).unwrap(), magnet);
    }

    proptest! {
        #[test]
        fn never_panics(tail in "\\PC{0,80}") {
            let _ = Magnet::parse(&tail);
            let _ = Magnet::parse(&format!("magnet:?{tail}"));
            let _ = Magnet::parse(&format!("magnet:?xt={tail}"));
        }
    }
}
