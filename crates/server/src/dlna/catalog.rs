//! What a television sees of the library at one moment: the torrents that can be shown, by category.
//!
//! It is kept beside the library while DLNA is on, from the event stream that windows use too, so that a list of thousands
//! of torrents is answered from memory and opens none of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use freshet_app::EventStream;
use freshet_model::{AppEvent, InfoHash, TorrentState, TorrentSummary};
use futures::FutureExt as _;
use tokio::sync::watch;

use super::object::CategoryKey;

/// A torrent that has details, as a list names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) info_hash: InfoHash,
    pub(super) title: String,
    pub(super) category: CategoryKey,
    added_at_secs: u64,
}

/// A state of the library that does not change any more.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// Grows with each change.
    pub(super) update_id: u32,
    /// Newest first.
    rows: Vec<Arc<Row>>,
    /// By title.
    categories: BTreeMap<CategoryKey, Vec<Arc<Row>>>,
    places: HashMap<InfoHash, usize>,
}

impl Catalog {
    fn new(update_id: u32, known: &HashMap<InfoHash, Arc<Row>>) -> Self {
        let mut rows: Vec<Arc<Row>> = known.values().cloned().collect();
        rows.sort_unstable_by_key(|row| (std::cmp::Reverse(row.added_at_secs), row.info_hash));
        let places = rows.iter().enumerate().map(|(place, row)| (row.info_hash, place)).collect();
        let mut by_title: Vec<(String, Arc<Row>)> =
            rows.iter().map(|row| (row.title.to_lowercase(), Arc::clone(row))).collect();
        by_title.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut categories: BTreeMap<CategoryKey, Vec<Arc<Row>>> = BTreeMap::new();
        for (_, row) in by_title {
            categories.entry(row.category.clone()).or_default().push(row);
        }
        Self { update_id, rows, categories, places }
    }

    pub(super) fn all(&self) -> &[Arc<Row>] {
        &self.rows
    }

    /// The torrents of a category; empty if there is no such category.
    pub(super) fn of(&self, category: &CategoryKey) -> &[Arc<Row>] {
        self.categories.get(category).map_or(&[], Vec::as_slice)
    }

    pub(super) fn torrent(&self, info_hash: InfoHash) -> Option<&Arc<Row>> {
        self.places.get(&info_hash).map(|place| &self.rows[*place])
    }

    /// The categories that hold something: TorrServer's own in its order, then those of the person, then what has none.
    pub(super) fn categories(&self) -> Vec<&CategoryKey> {
        let rank = |key: &CategoryKey| match key.as_str() {
            "movie" => 0,
            "tv" => 1,
            "music" => 2,
            "other" => 3,
            "" => 5,
            _ => 4,
        };
        let mut keys: Vec<&CategoryKey> = self.categories.keys().collect();
        keys.sort_by_key(|key| rank(key));
        keys
    }
}

/// Keeps the catalog as the library is, until the stream ends.
pub(super) async fn follow(mut events: EventStream, catalog: watch::Sender<Arc<Catalog>>) {
    let mut rows: HashMap<InfoHash, Arc<Row>> = HashMap::new();
    while let Some(event) = events.next().await {
        let mut has_changed = apply(&mut rows, event);
        // What is there already is taken in as one change: a person who adds hundreds of torrents makes few lists.
        while let Some(Some(event)) = events.next().now_or_never() {
            has_changed |= apply(&mut rows, event);
        }
        if has_changed {
            let update_id = catalog.borrow().update_id.wrapping_add(1);
            catalog.send_replace(Arc::new(Catalog::new(update_id, &rows)));
        }
    }
}

/// Whether the event changed what a television sees.
fn apply(rows: &mut HashMap<InfoHash, Arc<Row>>, event: AppEvent) -> bool {
    match event {
        AppEvent::Snapshot(snapshot) => {
            *rows = snapshot.torrents.iter().filter_map(row).map(|row| (row.info_hash, row)).collect();
            true
        }
        AppEvent::TorrentChanged { torrent, .. } => match row(&torrent) {
            Some(row) => {
                let is_new = rows.get(&row.info_hash) != Some(&row);
                rows.insert(row.info_hash, row);
                is_new
            }
            None => rows.remove(&torrent.info_hash).is_some(),
        },
        AppEvent::TorrentRemoved { info_hash, .. } => rows.remove(&info_hash).is_some(),
        AppEvent::MarksChanged { .. }
        | AppEvent::SettingsChanged { .. }
        | AppEvent::AccessChanged { .. }
        | AppEvent::NetworkChanged { .. }
        | AppEvent::ViewersChanged { .. }
        | AppEvent::StatsChanged { .. }
        | AppEvent::NoticesChanged { .. }
        | AppEvent::LinkOffersChanged { .. }
        | AppEvent::PlayerTargetChanged { .. }
        | AppEvent::PosterChanged { .. }
        | AppEvent::TransfersPaused { .. } => false,
    }
}

/// `None` for a torrent without details: there is nothing in it to open yet.
fn row(torrent: &TorrentSummary) -> Option<Arc<Row>> {
    (torrent.state == TorrentState::Ready).then(|| {
        Arc::new(Row {
            info_hash: torrent.info_hash,
            title: torrent.title.clone(),
            category: CategoryKey::of(&torrent.category),
            added_at_secs: torrent.added_at_secs,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(torrents: &[(u8, &str, &str)]) -> HashMap<InfoHash, Arc<Row>> {
        let row = |(number, title, category): &(u8, &str, &str)| Row {
            info_hash: InfoHash::new([*number; 20]),
            title: (*title).to_owned(),
            category: CategoryKey::of(category),
            added_at_secs: u64::from(*number),
        };
        torrents.iter().map(row).map(|row| (row.info_hash, Arc::new(row))).collect()
    }

    fn titles(rows: &[Arc<Row>]) -> Vec<&str> {
        rows.iter().map(|row| row.title.as_str()).collect()
    }

    #[test]
    fn categories_stand_in_their_order_and_torrents_in_theirs() {
        let catalog = Catalog::new(
            3,
            &rows(&[
                (1, "b", "TV"),
                (2, "A", "tv"),
                (3, "x", ""),
                (4, "y", "zoo"),
                (5, "z", "movie"),
                (6, "q", "art"),
            ]),
        );

        let keys: Vec<_> = catalog.categories().iter().map(|key| key.as_str().to_owned()).collect();
        assert_eq!(keys, ["movie", "tv", "art", "zoo", ""]);
        assert_eq!(titles(catalog.of(&CategoryKey::of("tv"))), ["A", "b"]);
        assert_eq!(titles(catalog.all()), ["q", "z", "y", "x", "A", "b"]);
        assert_eq!(catalog.torrent(InfoHash::new([4; 20])).unwrap().title, "y");
        assert!(catalog.of(&CategoryKey::of("none")).is_empty());
    }
}
