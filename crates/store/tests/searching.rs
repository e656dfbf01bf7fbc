//! Pages of the library: what is found, in which order, and that it is what was acknowledged.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod common;

use common::{FILE, Place, bare, file, hash};
use freshet_model::TorrentRecord;
use freshet_store::{ListOrder, ListPage, ListQuery, OpenReport, Store, TorrentChange};
use rusqlite::Connection;

fn query(text: &str) -> ListQuery {
    ListQuery { text: text.to_owned(), limit: 100, ..ListQuery::default() }
}

fn titles(page: &ListPage) -> Vec<&str> {
    page.torrents.iter().map(|listed| listed.torrent.title.as_str()).collect()
}

async fn with_films(place: &Place) -> Store {
    let store = place.open();
    let films = [
        ("Amélie", "Le.Fabuleux.Destin.2001", "movie", "Amelie/Film.mkv"),
        ("Война и мир", "War.and.Peace.1966", "movie", "Part 1/voyna.mkv"),
        ("The Show", "The.Show.S01.1080p", "tv", "The.Show.S01E02.The_Destiny.mkv"),
        ("another", "x", "tv", "Show/readme.txt"),
    ];
    for (n, (title, name, category, path)) in (0..).zip(films) {
        let torrent = TorrentRecord {
            title: title.to_owned(),
            name: name.to_owned(),
            category: category.to_owned(),
            files: vec![file(0, path)],
            ..bare(n)
        };
        store.add_torrent(torrent).await.unwrap();
    }
    store
}

#[tokio::test]
async fn words_are_found_by_their_beginning_in_titles_names_and_paths() {
    let place = Place::new();
    let store = with_films(&place).await;
    let table: &[(&str, &[&str])] = &[
        ("amelie", &["Amélie"]),
        ("AMÉL", &["Amélie"]),
        ("destin", &["The Show", "Amélie"]),
        ("война", &["Война и мир"]),
        ("ВОЙ ми", &["Война и мир"]),
        ("s01e02", &["The Show"]),
        ("show", &["another", "The Show"]),
        ("show tv", &[]),
        ("show.s01", &["The Show"]),
        ("how", &[]),
        ("\" OR title:x NEAR(", &[]),
        ("*", &["another", "The Show", "Война и мир", "Amélie"]),
    ];
    for (text, expected) in table {
        let page = store.list(query(text)).await.unwrap();
        assert_eq!(titles(&page), *expected, "{text}");
        assert_eq!(page.total as usize, expected.len(), "{text}");
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn orders_categories_and_pages() {
    let place = Place::new();
    let store = with_films(&place).await;
    store.change_torrent(hash(1), TorrentChange::Opened { at_secs: 50 }).await.unwrap();
    store.change_torrent(hash(2), TorrentChange::Opened { at_secs: 40 }).await.unwrap();
    let marks = store.count_play(hash(1), FILE, 7).await.unwrap();
    let sorted = async |order, text: &str| store.list(ListQuery { order, ..query(text) }).await.unwrap();

    let opened = sorted(ListOrder::LastOpened, "").await;
    assert_eq!(titles(&opened), ["Война и мир", "The Show", "another", "Amélie"]);
    assert_eq!(opened.torrents[0].marks, *marks);
    assert_eq!(opened.revision, store.snapshot().await.unwrap().revision);
    assert_eq!(titles(&sorted(ListOrder::Title, "").await), ["Amélie", "another", "The Show", "Война и мир"]);
    let by_match = sorted(ListOrder::Match, "show").await;
    assert_eq!(titles(&by_match), ["The Show", "another"], "the title counts more than a folder");

    let tv = ListQuery { category: Some("tv".to_owned()), ..query("") };
    assert_eq!(titles(&store.list(tv).await.unwrap()), ["another", "The Show"]);
    let second_page = store.list(ListQuery { offset: 1, limit: 2, ..query("") }).await.unwrap();
    assert_eq!((titles(&second_page), second_page.total), (vec!["The Show", "Война и мир"], 4));
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_search_follows_every_change() {
    let place = Place::new();
    let store = with_films(&place).await;
    let described = TorrentChange::Described {
        title: Some("Renamed".to_owned()),
        category: None,
        poster: None,
        data: None,
    };

    store.change_torrent(hash(0), described).await.unwrap();
    assert_eq!(titles(&store.list(query("renamed")).await.unwrap()), ["Renamed"]);
    assert_eq!(store.list(query("amélie film")).await.unwrap().total, 1, "the path still has it");
    assert_eq!(store.list(query("amélie destin")).await.unwrap().total, 1);
    store.remove_torrent(hash(0)).await.unwrap();
    for gone in ["renamed", "fabuleux", "film"] {
        assert_eq!(store.list(query(gone)).await.unwrap().total, 0, "{gone}");
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_damaged_search_index_is_made_anew_and_nothing_is_lost() {
    let place = Place::new();
    let store = with_films(&place).await;
    let before = store.snapshot().await.unwrap();
    store.close().await.unwrap();
    let damage = Connection::open(place.database()).unwrap();
    damage
        .execute("UPDATE torrent_words_data SET block = zeroblob(length(block)) WHERE id > 10", [])
        .unwrap();
    damage.close().unwrap();

    let (store, report) = Store::open(place.options()).unwrap();

    assert_eq!(report, OpenReport { search_was_rebuilt: true, ..OpenReport::default() });
    assert_eq!(store.snapshot().await.unwrap(), before);
    assert_eq!(titles(&store.list(query("destin")).await.unwrap()), ["The Show", "Amélie"]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_quick_search_finds_the_same_in_the_same_order() {
    let place = Place::new();
    let store = with_films(&place).await;
    for text in ["destin", "show", "война", "s01e02", "show tv"] {
        let page = store.list(ListQuery { order: ListOrder::Match, ..query(text) }).await.unwrap();
        let listed: Vec<_> = page.torrents.iter().map(|listed| listed.torrent.info_hash).collect();
        assert_eq!(store.find(text.to_owned(), 100).await.unwrap(), listed, "{text}");
    }
    assert_eq!(
        store.find("show".to_owned(), 1).await.unwrap(),
        [hash(2)],
        "its title has the word, and its files"
    );
    assert_eq!(store.find(" * ".to_owned(), 100).await.unwrap(), []);
}
