//! What was read from a container comes back as it was, or not at all.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod common;

use common::{FILE, Place, full, hash};
use freshet_model::FileIndex;
use rusqlite::Connection;

#[tokio::test]
async fn it_lives_as_long_as_the_torrent_is_in_the_library() {
    let place = Place::new();
    let store = place.open();
    store.add_torrent(full(1)).await.unwrap();
    store.add_torrent(full(2)).await.unwrap();
    assert_eq!(store.container_index(hash(1), FILE).await.unwrap(), None);
    store.put_container_index(hash(1), FILE, vec![1; 9]).await.unwrap();
    store.put_container_index(hash(1), FILE, vec![2; 100_000]).await.unwrap();
    store.put_container_index(hash(1), FileIndex(7), vec![3]).await.unwrap();
    store.put_container_index(hash(2), FILE, vec![4]).await.unwrap();
    store.put_container_index(hash(3), FILE, vec![5]).await.unwrap();
    store.close().await.unwrap();

    let store = place.open();
    assert_eq!(store.container_index(hash(1), FILE).await.unwrap(), Some(vec![2; 100_000]));
    assert_eq!(store.container_index(hash(1), FileIndex(7)).await.unwrap(), Some(vec![3]));
    assert_eq!(store.container_index(hash(3), FILE).await.unwrap(), None, "it is not in the library");
    store.remove_torrent(hash(1)).await.unwrap();
    assert_eq!(store.container_index(hash(1), FILE).await.unwrap(), None);
    assert_eq!(store.container_index(hash(1), FileIndex(7)).await.unwrap(), None);
    assert_eq!(store.container_index(hash(2), FILE).await.unwrap(), Some(vec![4]));
    store.close().await.unwrap();
}

#[tokio::test]
async fn of_many_the_first_go() {
    let place = Place::new();
    let store = place.open();
    store.add_torrent(full(1)).await.unwrap();
    for index in 0..520_u32 {
        store.put_container_index(hash(1), FileIndex(index), index.to_be_bytes().to_vec()).await.unwrap();
    }
    assert_eq!(store.container_index(hash(1), FileIndex(7)).await.unwrap(), None);
    for index in [8, 519_u32] {
        let kept = store.container_index(hash(1), FileIndex(index)).await.unwrap();
        assert_eq!(kept, Some(index.to_be_bytes().to_vec()));
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_changed_bit_costs_that_file_its_index_and_nobody_else() {
    let place = Place::new();
    let store = place.open();
    store.add_torrent(full(1)).await.unwrap();
    store.put_container_index(hash(1), FILE, vec![1, 2, 3]).await.unwrap();
    store.put_container_index(hash(1), FileIndex(1), vec![4]).await.unwrap();
    store.close().await.unwrap();
    let damage = Connection::open(place.database()).unwrap();
    let sql = "UPDATE container_indexes SET data = x'010203FF' WHERE data = x'010203'";
    assert_eq!(damage.execute(sql, []).unwrap(), 1);
    drop(damage);

    let store = place.open();
    assert_eq!(store.container_index(hash(1), FILE).await.unwrap(), None);
    assert_eq!(store.container_index(hash(1), FileIndex(1)).await.unwrap(), Some(vec![4]));
    store.close().await.unwrap();
}
