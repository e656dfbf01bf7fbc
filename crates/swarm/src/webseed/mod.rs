//! Servers that have the files of a torrent (BEP 19).
//!
//! A web seed takes part as a peer that has everything and never chokes. In place of a connection it has [`fetch::run`], which
//! hears the same requests and cancels as a peer's connection does, turns them into questions for parts of files, and answers
//! with blocks. Whatever is decided about blocks is decided where it is for all peers.

mod fetch;
mod runs;

use std::ops::Range;
use std::sync::Arc;

use freshet_web::RangeClient;
use url::Url;

use crate::layout::Layout;
use crate::pieces::FileSpan;

pub(crate) use fetch::run;

/// Of one torrent; more are ignored.
pub(crate) const MAX_WEB_SEEDS: usize = 16;
/// Of the address of a file.
const MAX_URL_BYTES: usize = 8192;

/// Where the files of a torrent are.
#[derive(Debug, Clone)]
pub struct WebSeeds {
    /// `url-list` of a `.torrent` or `ws` of a magnet link; all but http and https are ignored, and more than 16.
    pub urls: Vec<Url>,
    /// For each file of the torrent its path, beginning with the torrent's name, percent-encoded.
    pub paths: Arc<[String]>,
    /// Whether the torrent is one file without a folder of its own.
    pub is_single_file: bool,
    /// Judges the addresses.
    pub client: RangeClient,
}

/// One web seed, and what it is asked for.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) url: Url,
    paths: Arc<[String]>,
    is_single_file: bool,
    client: RangeClient,
    layout: Layout,
    files: Arc<[FileSpan]>,
    /// Where each file begins in the torrent.
    starts: Arc<[u64]>,
}

/// Bytes of the torrent that come from one place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Of a padding file: nobody has to be asked.
    Zeros(u64),
    OfFile {
        file: usize,
        bytes: Range<u64>,
    },
}

impl WebSeeds {
    /// Those that can be asked.
    pub(crate) fn sources(self, layout: Layout, files: &Arc<[FileSpan]>) -> Vec<Source> {
        let Self { urls, paths, is_single_file, client } = self;
        if paths.len() != files.len() {
            return Vec::new();
        }
        let starts: Arc<[u64]> = files
            .iter()
            .scan(0_u64, |end, file| {
                let start = *end;
                *end = end.saturating_add(file.length_bytes);
                Some(start)
            })
            .collect();
        let is_spoken = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let urls = urls.into_iter().filter(|url| is_spoken(url) && url.as_str().len() <= MAX_URL_BYTES);
        let source = |url| Source {
            url,
            paths: Arc::clone(&paths),
            is_single_file,
            client: client.clone(),
            layout,
            files: Arc::clone(files),
            starts: Arc::clone(&starts),
        };
        urls.take(MAX_WEB_SEEDS).map(source).collect()
    }
}

impl Source {
    /// Where a file is; `None` if there is no such file, or its address is too long.
    fn url_of(&self, file: usize) -> Option<Url> {
        let path = self.paths.get(file)?;
        let mut url = self.url.clone();
        url.set_fragment(None);
        if !self.is_single_file || url.path().ends_with('/') {
            let folder = url.path().trim_end_matches('/').to_owned();
            url.set_path(&format!("{folder}/{path}"));
        }
        (url.as_str().len() <= MAX_URL_BYTES).then_some(url)
    }

    /// Where these bytes of the torrent come from, in order.
    fn parts(&self, bytes: Range<u64>) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut at = bytes.start;
        let first = self.starts.partition_point(|start| *start <= at).saturating_sub(1);
        for (file, (start, span)) in self.starts.iter().zip(self.files.iter()).enumerate().skip(first) {
            let end = bytes.end.min(start.saturating_add(span.length_bytes));
            if *start >= bytes.end {
                break;
            }
            if at >= end {
                continue;
            }
            parts.push(if span.is_padding {
                Part::Zeros(end - at)
            } else {
                Part::OfFile { file, bytes: at - start..end - start }
            });
            at = end;
        }
        parts
    }

    /// What is shown of its address: no user name, no password, no key.
    pub(crate) fn shown(&self) -> Arc<str> {
        let mut url = self.url.clone();
        // Web addresses have room for all of these.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        url.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::AddressPolicy;

    use super::*;

    fn sources(urls: &[&str], files: &[(u64, bool)], paths: &[&str]) -> Vec<Source> {
        let files: Arc<[FileSpan]> =
            files.iter().map(|&(length_bytes, is_padding)| FileSpan { length_bytes, is_padding }).collect();
        let total = files.iter().map(|file| file.length_bytes).sum();
        let seeds = WebSeeds {
            urls: urls.iter().map(|url| url.parse().unwrap()).collect(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            is_single_file: files.len() == 1,
            client: RangeClient::new(AddressPolicy::GlobalOnly).unwrap(),
        };
        seeds.sources(Layout::new(16 * 1024, total).unwrap(), &files)
    }

    #[test]
    fn a_single_file_is_its_address_or_lies_below_it() {
        let table = [
            ("http://a.example/film.mkv?key=1#x", "http://a.example/film.mkv?key=1"),
            ("http://a.example/", "http://a.example/my%20film%23.mkv"),
            ("http://a.example/pub/?key=1", "http://a.example/pub/my%20film%23.mkv?key=1"),
        ];
        for (base, expected) in table {
            let source = sources(&[base], &[(100, false)], &["my%20film%23.mkv"]);
            assert_eq!(source[0].url_of(0).unwrap().as_str(), expected);
            assert_eq!(source[0].url_of(1), None);
        }
    }

    #[test]
    fn many_files_lie_below_the_address_in_the_folder_of_the_torrent() {
        let files = [(100, false), (200, false)];
        for base in ["https://a.example/pub", "https://a.example/pub/"] {
            let source = sources(&[base], &files, &["name/a", "name/extras/b%25.mkv"]);
            let url = source[0].url_of(1).unwrap();
            assert_eq!(url.as_str(), "https://a.example/pub/name/extras/b%25.mkv");
        }
    }

    #[test]
    fn bytes_are_cut_where_files_end_and_padding_is_nobodys() {
        let files = [(10, false), (0, false), (6, true), (20, false)];
        let source = &sources(&["http://a.example/"], &files, &["n/a", "n/b", "n/pad", "n/c"])[0];

        let of_file = |file, bytes| Part::OfFile { file, bytes };
        assert_eq!(source.parts(3..7), [of_file(0, 3..7)]);
        assert_eq!(source.parts(3..20), [of_file(0, 3..10), Part::Zeros(6), of_file(3, 0..4)]);
        assert_eq!(source.parts(16..36), [of_file(3, 0..20)]);
        assert_eq!(source.parts(12..14), [Part::Zeros(2)]);
    }

    #[test]
    fn only_so_many_web_addresses_are_taken_and_their_secrets_not_shown() {
        let many: Vec<String> = (0..40).map(|n| format!("http://a{n}.example/")).collect();
        let mut urls = vec!["ftp://a.example/", "http://me:secret@a.example/film?key=1"];
        urls.extend(many.iter().map(String::as_str));
        let sources = sources(&urls, &[(100, false)], &["film"]);

        assert_eq!(sources.len(), MAX_WEB_SEEDS);
        assert_eq!(&*sources[0].shown(), "http://a.example/film");
    }
}
