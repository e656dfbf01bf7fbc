//! What is remembered of pieces comes back as it was, or not at all.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod common;

use std::collections::HashSet;

use common::{Place, full, hash};
use rusqlite::Connection;

#[tokio::test]
async fn it_lives_as_long_as_the_pieces_whatever_becomes_of_the_torrent() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.resume(hash(1)).await.unwrap(), None);
    store.add_torrent(full(1)).await.unwrap();
    store.put_resume(hash(1), vec![1; 9]).await.unwrap();
    store.put_resume(hash(1), vec![2; 100_000]).await.unwrap();
    store.put_resume(hash(2), Vec::new()).await.unwrap();
    store.put_resume(hash(3), vec![3]).await.unwrap();
    store.remove_torrent(hash(1)).await.unwrap();
    store.close().await.unwrap();

    let store = place.open();
    assert_eq!(store.resume(hash(1)).await.unwrap(), Some(vec![2; 100_000]));
    assert_eq!(store.resume(hash(2)).await.unwrap(), Some(Vec::new()));
    store.remove_resume(hash(1)).await.unwrap();
    store.keep_resume_of(HashSet::from([hash(1), hash(3)])).await.unwrap();
    assert_eq!(store.resume(hash(1)).await.unwrap(), None);
    assert_eq!(store.resume(hash(2)).await.unwrap(), None);
    assert_eq!(store.resume(hash(3)).await.unwrap(), Some(vec![3]));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_changed_bit_costs_that_torrent_its_memory_and_nobody_else() {
    let place = Place::new();
    let store = place.open();
    store.put_resume(hash(1), vec![1, 2, 3]).await.unwrap();
    store.put_resume(hash(2), vec![4]).await.unwrap();
    store.close().await.unwrap();
    let damage = Connection::open(place.database()).unwrap();
    let changed = damage.execute("UPDATE resume SET data = x'010203FF' WHERE data = x'010203'", []).unwrap();
    assert_eq!(changed, 1);
    drop(damage);

    let store = place.open();
    assert_eq!(store.resume(hash(1)).await.unwrap(), None);
    assert_eq!(store.resume(hash(2)).await.unwrap(), Some(vec![4]));
    store.put_resume(hash(1), vec![5]).await.unwrap();
    assert_eq!(store.resume(hash(1)).await.unwrap(), Some(vec![5]));
    store.close().await.unwrap();
}
