//! Looking for torrents at the search services that a person wrote down.
//!
//! Services are asked side by side and none waits for another: one that hangs or fails costs its own results and is named.
//! The links they give may lead to a service of this computer, where nothing else is fetched from; so it is remembered which
//! links came from which service, and only these are fetched there.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use freshet_model::{ErrorCode, Indexer, InfoHash, Magnet, TorrentSource, WireError};
use freshet_web::TorrentLink;
use freshet_web::torznab::{TorznabItem, api_address, is_same_server};
use futures::future::join_all;
use tracing::{debug, info};
use url::Url;

use crate::args::{IndexerTest, Search, SearchAnswer, SearchFailure, SearchResult};
use crate::error::Coded as _;
use crate::{App, about};

/// For one service, from the question to the last byte of its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
const MAX_QUERY_CHARS: usize = 300;
const MAX_RESULTS: usize = 2000;
/// Links of results that are remembered; the oldest are forgotten first.
const REMEMBERED_LINKS: usize = 4 * MAX_RESULTS;

/// Which links came from which service: link, address of the service.
#[derive(Debug, Default)]
pub(crate) struct OfferedLinks(Mutex<Offers>);

#[derive(Debug, Default)]
struct Offers {
    services: HashMap<Url, Url>,
    order: VecDeque<Url>,
}

impl OfferedLinks {
    /// The address of the service that gave this very link.
    fn service_of(&self, link: &Url) -> Option<Url> {
        self.lock().services.get(link).cloned()
    }

    /// Remembers a link; one to anybody but the service itself is judged like every other link, and not remembered.
    fn put(&self, link: &Url, service: &Url) {
        if !is_same_server(link, service) {
            return;
        }
        let mut offers = self.lock();
        if offers.services.insert(link.clone(), service.clone()).is_none() {
            offers.order.push_back(link.clone());
        }
        if offers.order.len() > REMEMBERED_LINKS
            && let Some(oldest) = offers.order.pop_front()
        {
            offers.services.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Offers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Asks the search services of the settings, or one of them by its number from 0. Waits for the slowest, for 15 seconds
    /// at most. Services that gave nothing are named in the answer; it is no error if all of them failed.
    ///
    /// # Errors
    /// [`ErrorCode::BadRequest`]: searching is switched off, the query is too long, or there is no such service.
    pub async fn search(&self, query: &str, indexer: Option<u32>) -> Result<SearchAnswer, WireError> {
        let settings = self.settings();
        let bad_request = |text: &str| WireError::new(ErrorCode::BadRequest, text);
        if !settings.search.torznab_enabled {
            return Err(bad_request("searching is switched off"));
        }
        let query = query.trim();
        if query.chars().count() > MAX_QUERY_CHARS {
            return Err(bad_request("the query is longer than 300 characters"));
        }
        let indexers: Vec<(u32, &Indexer)> = (0..).zip(&settings.search.indexers).collect();
        let asked: Vec<(u32, &Indexer)> = indexers
            .into_iter()
            .filter(|(number, _)| indexer.is_none_or(|wanted| wanted == *number))
            .collect();
        if asked.is_empty() && indexer.is_some() {
            return Err(bad_request("there is no search service of this number"));
        }
        let answers = asked.iter().map(|(number, indexer)| async move {
            (*number, *indexer, self.ask_indexer(indexer, query).await)
        });
        let mut answer = SearchAnswer { results: Vec::new(), failures: Vec::new() };
        for (number, indexer, items) in join_all(answers).await {
            match items {
                Ok(items) => {
                    answer.results.extend(items.into_iter().map(|item| result(item, number, indexer)));
                }
                Err(error) => {
                    info!(indexer = name_of(indexer), %error, "a search service gave nothing");
                    answer.failures.push(SearchFailure { indexer: number, name: name_of(indexer), error });
                }
            }
        }
        answer.results = best(answer.results);
        self.remember_links(&answer.results, &settings.search.indexers);
        debug!(results = answer.results.len(), failures = answer.failures.len(), "searched");
        Ok(answer)
    }

    /// Finds out whether a search service works as it is written down.
    ///
    /// # Errors
    /// What is wrong, in words for a person.
    pub async fn test_indexer(&self, indexer: &Indexer) -> Result<(), WireError> {
        let check = self.inner.person_web.torznab_check(indexer);
        match tokio::time::timeout(ANSWER_TIMEOUT, check).await {
            Ok(result) => result.map_err(|error| error.wire()),
            Err(_) => Err(too_slow()),
        }
    }

    async fn ask_indexer(&self, indexer: &Indexer, query: &str) -> Result<Vec<TorznabItem>, WireError> {
        let search = self.inner.person_web.torznab_search(indexer, query);
        match tokio::time::timeout(ANSWER_TIMEOUT, search).await {
            Ok(result) => result.map_err(|error| error.wire()),
            Err(_) => Err(too_slow()),
        }
    }

    fn remember_links(&self, results: &[SearchResult], indexers: &[Indexer]) {
        let services: Vec<Option<Url>> =
            indexers.iter().map(|indexer| api_address(&indexer.url).ok()).collect();
        // Worst first, so that the best are forgotten last.
        for result in results.iter().rev() {
            if let Some(Some(service)) = services.get(result.indexer as usize)
                && let Some(link) = result.link.as_ref().and_then(|link| Url::parse(link).ok())
            {
                self.inner.offered_links.put(&link, service);
            }
        }
    }

    /// What a web link leads to, where it is one that a search service gave; other sources stay as they are.
    ///
    /// # Errors
    /// The service did not give what it had offered.
    pub(crate) async fn fetch_offered(&self, source: TorrentSource) -> Result<TorrentSource, WireError> {
        let TorrentSource::Web(link) = &source else { return Ok(source) };
        let Some(service) = self.inner.offered_links.service_of(link) else { return Ok(source) };
        match self.inner.person_web.get_torrent_of(link, &service).await.map_err(|error| error.wire())? {
            TorrentLink::File(bytes) => Ok(TorrentSource::TorrentFile(bytes)),
            TorrentLink::Magnet(link) => {
                Magnet::parse(&link).map(TorrentSource::Magnet).map_err(|error| error.wire())
            }
        }
    }
}

fn too_slow() -> WireError {
    let secs = ANSWER_TIMEOUT.as_secs();
    WireError::new(ErrorCode::FetchFailed, format!("the search service did not answer within {secs} seconds"))
}

/// What a service is called: as the person named it, else its host, which holds no secret.
fn name_of(indexer: &Indexer) -> String {
    let host = || api_address(&indexer.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    Some(indexer.name.trim().to_owned()).filter(|name| !name.is_empty()).or_else(host).unwrap_or_default()
}

fn result(item: TorznabItem, number: u32, indexer: &Indexer) -> SearchResult {
    let tracker = if item.tracker.is_empty() { name_of(indexer) } else { item.tracker };
    let seeders = item.seeders.unwrap_or(0);
    SearchResult {
        about: about::of_name(&item.title),
        title: item.title,
        size_bytes: item.size_bytes,
        seeders,
        peers: item.peers.unwrap_or(0).max(seeders),
        published_at_secs: item.published_at_secs.and_then(|secs| u64::try_from(secs).ok()),
        tracker,
        category: category(&item.categories),
        info_hash: item.info_hash,
        magnet: item.magnet,
        link: item.link.map(String::from),
        details: item.details.map(String::from),
        imdb_id: item.imdb_id,
        year: item.year,
        indexer: number,
    }
}

/// The first category that has a name, by the thousands of Torznab's list; else the first word of the service.
fn category(categories: &[String]) -> String {
    let name = |category: &String| {
        Some(match category.parse::<u32>().ok()? / 1000 {
            1 => "Console",
            2 => "Movies",
            3 => "Audio",
            4 => "PC",
            5 => "TV",
            6 => "Adult",
            7 => "Books",
            8 => "Other",
            _ => return None,
        })
    };
    let word = || categories.iter().find(|category| category.parse::<u32>().is_err()).cloned();
    categories.iter().find_map(name).map(str::to_owned).or_else(word).unwrap_or_default()
}

/// Each torrent once, from where it has most seeders; those with most seeders first, the newer ones of equals.
fn best(mut results: Vec<SearchResult>) -> Vec<SearchResult> {
    results.sort_by(|a, b| {
        b.seeders
            .cmp(&a.seeders)
            .then(b.published_at_secs.cmp(&a.published_at_secs))
            .then_with(|| a.title.cmp(&b.title))
    });
    let mut hashes = std::collections::HashSet::<InfoHash>::new();
    let mut links = std::collections::HashSet::<String>::new();
    results.retain(|result| match (result.info_hash, &result.link) {
        (Some(info_hash), _) => hashes.insert(info_hash),
        (None, Some(link)) => links.insert(link.clone()),
        (None, None) => false,
    });
    results.truncate(MAX_RESULTS);
    results
}

pub(crate) async fn search(app: &App, args: Search) -> Result<SearchAnswer, WireError> {
    app.search(&args.query, args.indexer).await
}

pub(crate) async fn test(app: &App, args: IndexerTest) -> Result<(), WireError> {
    let indexer = Indexer { name: String::new(), url: args.url, api_key: args.api_key };
    app.test_indexer(&indexer).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(title: &str, seeders: u32, hash: Option<u8>, link: Option<&str>) -> SearchResult {
        let item = TorznabItem {
            title: title.to_owned(),
            seeders: Some(seeders),
            info_hash: hash.map(|byte| InfoHash::new([byte; 20])),
            link: link.map(|link| link.parse().unwrap()),
            ..TorznabItem::default()
        };
        result(item, 0, &Indexer::default())
    }

    #[test]
    fn each_torrent_comes_once_and_the_best_seeded_first() {
        let results = best(vec![
            found("few", 1, Some(1), None),
            found("no hash", 5, None, Some("http://a.example/1")),
            found("many", 9, Some(1), Some("http://a.example/2")),
            found("no hash again", 4, None, Some("http://a.example/1")),
            found("other", 7, Some(2), None),
        ]);

        let titles: Vec<&str> = results.iter().map(|result| result.title.as_str()).collect();
        assert_eq!(titles, ["many", "other", "no hash"]);
    }

    #[test]
    fn a_category_has_a_word() {
        let of = |numbers: &[&str]| category(&numbers.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());

        assert_eq!(of(&["100001", "2040", "5000"]), "Movies");
        assert_eq!(of(&["5070"]), "TV");
        assert_eq!(of(&["100001", "Films"]), "Films");
        assert_eq!(of(&["100001"]), "");
    }

    #[test]
    fn only_links_to_the_service_itself_are_remembered_and_only_so_many() {
        let service: Url = "http://127.0.0.1:9117/api".parse().unwrap();
        let link = |number: usize| format!("http://127.0.0.1:9117/dl?n={number}").parse::<Url>().unwrap();
        let offers = OfferedLinks::default();
        for foreign in ["http://127.0.0.1:9118/dl", "http://localhost:9117/dl", "https://127.0.0.1/dl"] {
            let foreign: Url = foreign.parse().unwrap();
            offers.put(&foreign, &service);
            assert_eq!(offers.service_of(&foreign), None, "{foreign}");
        }
        for number in 0..=REMEMBERED_LINKS {
            offers.put(&link(number), &service);
            offers.put(&link(number), &service);
        }

        assert_eq!(offers.service_of(&link(0)), None);
        assert_eq!(offers.service_of(&link(1)), Some(service.clone()));
        assert_eq!(offers.service_of(&link(REMEMBERED_LINKS)), Some(service));
        assert_eq!(offers.lock().services.len(), REMEMBERED_LINKS);
    }
}
