//! What each change does, and that it is seen at once, after a restart, and by listeners.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod common;

use common::{FILE, Place, bare, file, full, hash};
use freshet_model::{
    AccessChange, AccessError, AddedFrom, DeviceId, ErrorCode, FileIndex, FileMark, Revision, SettingsError,
    SettingsPatch, StoreChange, Theme, TorrentMarks, TorrentRecord, TorrentState, WireError,
};
use freshet_store::{ChangeAccessError, StoreEvents, TorrentChange, UpdateSettingsError};

async fn next(events: &mut StoreEvents) -> (Revision, StoreChange) {
    let event = events.next().await.unwrap().unwrap();
    (event.revision, event.change)
}

#[tokio::test]
async fn what_was_added_is_read_back_from_cache_list_and_disk() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.torrent(hash(1)).await.unwrap(), None);

    let added = store.add_torrent(full(1)).await.unwrap();

    assert!(added.is_new);
    assert_eq!(*added.record, full(1));
    assert_eq!(store.torrent(hash(1)).await.unwrap().as_deref(), Some(&full(1)));
    assert_eq!(*store.torrents().await.unwrap()[0], full(1));
    store.close().await.unwrap();

    let store = place.open();
    assert_eq!(store.torrent(hash(1)).await.unwrap().as_deref(), Some(&full(1)));
    store.close().await.unwrap();
}

#[tokio::test]
async fn outlines_are_the_torrents_without_their_metainfo() {
    let place = Place::new();
    let store = place.open();
    store.add_torrent(full(1)).await.unwrap();
    store.add_torrent(TorrentRecord { is_temporary: true, ..bare(2) }).await.unwrap();

    let (revision, outlines) = store.outlines().await.unwrap();
    assert_eq!(revision, store.revision());

    let bare = TorrentRecord { is_temporary: true, ..bare(2) };
    assert_eq!(outlines, [bare, TorrentRecord { metainfo: Some(Vec::new()), ..full(1) }]);
    assert_eq!(outlines[1].state(), TorrentState::Ready, "it has its details");
    store.remove_torrent(hash(1)).await.unwrap();
    assert!(store.revision() > revision, "what was read before is out of date");
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_temporary_torrent_leaves_unless_somebody_wants_to_keep_it() {
    let place = Place::new();
    let store = place.open();
    let temporary = |n| TorrentRecord { is_temporary: true, ..bare(n) };
    for n in 1..=4 {
        store.add_torrent(temporary(n)).await.unwrap();
    }
    store.add_torrent(bare(5)).await.unwrap();
    // Wanted for the moment again, for good, at hand; and one that was kept is not made temporary.
    assert!(store.add_torrent(temporary(1)).await.unwrap().record.is_temporary);
    assert!(!store.add_torrent(bare(2)).await.unwrap().record.is_temporary);
    let saved = store.change_torrent(hash(3), TorrentChange::Saved).await.unwrap().unwrap();
    let pinned = store.change_torrent(hash(4), TorrentChange::Pinned(true)).await.unwrap().unwrap();
    assert!(!saved.is_temporary && !pinned.is_temporary);
    assert!(!store.add_torrent(temporary(5)).await.unwrap().record.is_temporary);

    let mut removed = Vec::new();
    for n in 1..=6 {
        removed.push(store.remove_if_temporary(hash(n)).await.unwrap());
    }

    assert_eq!(removed, [true, false, false, false, false, false]);
    assert_eq!(store.torrent(hash(1)).await.unwrap(), None);
    store.close().await.unwrap();
    let store = place.open();
    assert_eq!(store.torrents().await.unwrap().len(), 4);
    store.close().await.unwrap();
}

#[tokio::test]
async fn web_servers_of_a_magnet_are_kept_for_as_long_as_its_details_are_not_here() {
    let place = Place::new();
    let store = place.open();
    let seeds = vec!["http://web.example.org/film/".to_owned()];
    store.add_torrent(bare(1)).await.unwrap();
    store.add_torrent(TorrentRecord { web_seeds: seeds.clone(), ..bare(1) }).await.unwrap();
    let others = vec!["http://other.example.org/".to_owned()];
    store.add_torrent(TorrentRecord { web_seeds: others, ..bare(1) }).await.unwrap();
    store.close().await.unwrap();

    let store = place.open();
    assert_eq!(store.torrent(hash(1)).await.unwrap().unwrap().web_seeds, seeds);
    assert_eq!(store.outlines().await.unwrap().1[0].web_seeds, seeds);
    store.close().await.unwrap();
}

#[tokio::test]
async fn peers_that_served_take_the_place_of_the_known_ones() {
    let place = Place::new();
    let store = place.open();
    let (known, good) = ("192.0.2.1:6881".parse().unwrap(), "192.0.2.2:6881".parse().unwrap());
    store.add_torrent(TorrentRecord { peers: vec![known], ..bare(1) }).await.unwrap();

    let served = TorrentChange::Served { peers: vec![good] };
    store.change_torrent(hash(1), served.clone()).await.unwrap();
    assert_eq!(store.change_torrent(hash(2), served).await.unwrap(), None);
    store.close().await.unwrap();

    let store = place.open();
    assert_eq!(store.torrent(hash(1)).await.unwrap().unwrap().peers, [good]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn lists_are_newest_first_and_see_acknowledged_changes() {
    let place = Place::new();
    let store = place.open();
    for n in [2, 3, 1] {
        store.add_torrent(bare(n)).await.unwrap();
    }
    let same_second = TorrentRecord { added_at_secs: bare(3).added_at_secs, ..bare(4) };
    store.add_torrent(same_second).await.unwrap();

    let titles: Vec<String> =
        store.torrents().await.unwrap().iter().map(|torrent| torrent.title.clone()).collect();

    assert_eq!(titles, ["title 4", "title 3", "title 2", "title 1"]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn adding_again_fills_blanks_and_changes_nothing_else() {
    let place = Place::new();
    let store = place.open();
    let first = TorrentRecord { title: "mine".to_owned(), ..TorrentRecord::new(hash(1), 5) };
    store.add_torrent(first).await.unwrap();
    let mut events = store.events();

    let again = store.add_torrent(full(1)).await.unwrap();

    let expected = TorrentRecord {
        title: "mine".to_owned(),
        added_at_secs: 5,
        added_from: AddedFrom::Unknown,
        last_opened_at_secs: None,
        is_pinned: false,
        ..full(1)
    };
    assert!(!again.is_new);
    assert_eq!(*again.record, expected);
    assert_eq!(next(&mut events).await.1, StoreChange::TorrentPut(again.record));

    let other_ids = TorrentRecord {
        category: "tv".to_owned(),
        files: vec![file(0, "Name/Film.mkv")],
        metainfo: Some(vec![9]),
        ..full(1)
    };
    let third = store.add_torrent(other_ids).await.unwrap();
    assert_eq!(*third.record, expected, "nothing was blank");
    store.remove_torrent(hash(1)).await.unwrap();
    assert_eq!(
        next(&mut events).await.1,
        StoreChange::TorrentRemoved(hash(1)),
        "adding the third time was no change"
    );
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_torrent_goes_through_its_life() {
    let place = Place::new();
    let store = place.open();
    let change = |change| store.change_torrent(hash(1), change);
    assert_eq!(change(TorrentChange::Retrying).await.unwrap(), None);
    store.add_torrent(bare(1)).await.unwrap();

    let failed = change(TorrentChange::Failed(WireError::new(ErrorCode::NoDetails, "nobody"))).await.unwrap();
    assert_eq!(failed.unwrap().state(), TorrentState::Failed);
    let retrying = change(TorrentChange::Retrying).await.unwrap();
    assert_eq!(retrying.unwrap().state(), TorrentState::Resolving);

    let resolved = |ids: [u32; 2]| TorrentChange::Resolved {
        name: "Name".to_owned(),
        total_bytes: 7,
        is_single_file: false,
        is_private: true,
        metainfo: vec![1],
        files: (0..)
            .zip(ids)
            .map(|(n, id)| {
                let mut file = file(n, "f");
                file.torrserver_id = id;
                file
            })
            .collect(),
        trackers: vec!["udp://t:1".to_owned()],
    };
    let ready = change(resolved([2, 1])).await.unwrap().unwrap();
    assert_eq!(ready.state(), TorrentState::Ready);
    assert_eq!((ready.name.as_str(), ready.total_bytes, ready.is_private), ("Name", 7, true));
    let frozen = change(resolved([1, 2])).await.unwrap().unwrap();
    assert_eq!(frozen.files.iter().map(|file| file.torrserver_id).collect::<Vec<_>>(), [2, 1]);
    let late = change(TorrentChange::Failed(WireError::new(ErrorCode::NoDetails, "late"))).await.unwrap();
    assert_eq!(late.unwrap().error, None, "a failure that comes after the details means nothing");

    let described = change(TorrentChange::Described {
        title: Some("New".to_owned()),
        category: None,
        poster: Some(String::new()),
        data: Some("d".to_owned()),
    });
    let described = described.await.unwrap().unwrap();
    assert_eq!((described.title.as_str(), described.data.as_str()), ("New", "d"));
    change(TorrentChange::Opened { at_secs: 50 }).await.unwrap();
    let opened = change(TorrentChange::Opened { at_secs: 40 }).await.unwrap().unwrap();
    assert_eq!(opened.last_opened_at_secs, Some(50));
    let pinned = change(TorrentChange::Pinned(true)).await.unwrap().unwrap();
    assert!(!opened.is_pinned && pinned.is_pinned);
    assert_eq!(store.torrent(hash(1)).await.unwrap(), Some(pinned));
    store.close().await.unwrap();
}

#[tokio::test]
async fn absence_is_known_until_the_torrent_comes() {
    let place = Place::new();
    let store = place.open();
    for _ in 0..2 {
        assert_eq!(store.torrent(hash(1)).await.unwrap(), None);
    }
    assert!(!store.remove_torrent(hash(1)).await.unwrap());

    store.add_torrent(bare(1)).await.unwrap();
    assert_eq!(*store.torrent(hash(1)).await.unwrap().unwrap(), bare(1));
    assert!(store.remove_torrent(hash(1)).await.unwrap());
    assert_eq!(store.torrent(hash(1)).await.unwrap(), None);
    store.close().await.unwrap();
}

#[tokio::test]
async fn marks_stay_when_the_torrent_goes_and_are_there_when_it_returns() {
    let place = Place::new();
    let store = place.open();
    store.add_torrent(full(1)).await.unwrap();
    store.set_viewed(hash(1), FileIndex(1), true, 10).await.unwrap();
    let marks = store.put_position(hash(1), FILE, 61.5, Some(100.0), 20).await.unwrap();

    store.remove_torrent(hash(1)).await.unwrap();
    store.close().await.unwrap();
    let store = place.open();
    assert_eq!(store.all_marks().await.unwrap(), [(*marks).clone()]);
    store.add_torrent(full(1)).await.unwrap();

    assert_eq!(store.marks(hash(1)).await.unwrap(), marks);
    assert_eq!(
        marks.marks,
        [
            FileMark {
                position_secs: 61.5,
                duration_secs: Some(100.0),
                updated_at_ms: 20,
                ..FileMark::new(FILE)
            },
            FileMark { viewed: true, updated_at_ms: 10, ..FileMark::new(FileIndex(1)) },
        ]
    );
    store.close().await.unwrap();
}

#[tokio::test]
async fn marks_can_be_forgotten_one_by_one_and_together() {
    let place = Place::new();
    let store = place.open();
    let empty = TorrentMarks { info_hash: hash(1), marks: Vec::new() };
    assert_eq!(*store.marks(hash(1)).await.unwrap(), empty);
    for index in 0..3 {
        store.count_play(hash(1), FileIndex(index), 1).await.unwrap();
    }

    let left = store.remove_marks(hash(1), Some(FileIndex(1))).await.unwrap();
    assert_eq!(left.marks.iter().map(|mark| mark.file_index.0).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(store.marks(hash(1)).await.unwrap(), left);
    assert_eq!(*store.remove_marks(hash(1), None).await.unwrap(), empty);
    assert_eq!(*store.marks(hash(1)).await.unwrap(), empty);
    assert_eq!(store.all_marks().await.unwrap(), []);
    store.close().await.unwrap();
}

#[tokio::test]
async fn an_overtaken_position_is_ignored_also_after_a_restart() {
    let place = Place::new();
    let store = place.open();
    let newest = store.put_position(hash(1), FILE, 50.0, Some(100.0), 1000).await.unwrap();
    assert_eq!(store.put_position(hash(1), FILE, 10.0, None, 999).await.unwrap(), newest);
    store.close().await.unwrap();

    let store = place.open();
    assert_eq!(store.put_position(hash(1), FILE, 20.0, None, 998).await.unwrap(), newest);
    assert_eq!(store.marks(hash(1)).await.unwrap(), newest);
    let later = store.put_position(hash(1), FILE, 5.0, None, 1001).await.unwrap();
    assert_eq!(later.get(FILE).unwrap().position_secs, 5.0);
    assert_eq!(later.get(FILE).unwrap().duration_secs, Some(100.0), "the known duration stays");
    store.close().await.unwrap();
}

#[tokio::test]
async fn settings_are_merged_by_the_owner_and_published() {
    let place = Place::new();
    let store = place.open();
    let mut watch = store.watch_settings();
    let patch = |volume, theme| SettingsPatch { volume, theme, ..SettingsPatch::default() };

    let (a, b) = tokio::join!(
        store.update_settings(patch(Some(0.5), None)),
        store.update_settings(patch(None, Some(Theme::Dark))),
    );
    a.unwrap();
    b.unwrap();

    let both = store.settings();
    assert_eq!((both.volume, both.theme), (0.5, Theme::Dark));
    assert_eq!(*watch.wait_for(|settings| settings.theme == Theme::Dark).await.unwrap(), both);
    let refused = store.update_settings(patch(Some(2.0), Some(Theme::Light))).await;
    assert_eq!(refused, Err(UpdateSettingsError::Invalid(SettingsError::Volume(2.0))));
    assert_eq!(store.settings(), both);
    store.close().await.unwrap();
    let store = place.open();
    assert_eq!(store.settings(), both);
    store.close().await.unwrap();
}

#[tokio::test]
async fn events_are_in_commit_order_and_their_numbers_go_on_after_a_restart() {
    let place = Place::new();
    let store = place.open();
    let mut events = store.events();
    let added = store.add_torrent(bare(1)).await.unwrap();
    let marks = store.set_viewed(hash(1), FILE, true, 1).await.unwrap();
    store.set_viewed(hash(1), FILE, true, 2).await.unwrap();
    let patch = SettingsPatch { is_muted: Some(true), ..SettingsPatch::default() };
    let settings = store.update_settings(patch).await.unwrap();
    store.remove_torrent(hash(1)).await.unwrap();

    let expected = [
        StoreChange::TorrentPut(added.record),
        StoreChange::Marks(marks),
        StoreChange::Settings(settings),
        StoreChange::TorrentRemoved(hash(1)),
    ];
    let mut last = Revision(0);
    for change in expected {
        let event = next(&mut events).await;
        assert!(event.0 > last, "{:?} after {last:?}", event.0);
        assert_eq!(event.1, change);
        last = event.0;
    }
    assert_eq!(store.snapshot().await.unwrap().revision, last);
    store.close().await.unwrap();
    assert!(events.next().await.is_none());

    let store = place.open();
    assert_eq!(store.snapshot().await.unwrap().revision, last);
    let mut events = store.events();
    store.add_torrent(bare(2)).await.unwrap();
    assert!(next(&mut events).await.0 > last);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_listener_that_is_too_slow_is_told_how_much_it_missed() {
    let place = Place::new();
    let store = place.open();
    let mut events = store.events();
    for at_ms in 1..=1030 {
        store.put_position(hash(1), FILE, at_ms as f64, None, at_ms).await.unwrap();
    }

    let lagged = events.next().await.unwrap().unwrap_err();

    assert_eq!(lagged.missed, 6);
    assert_eq!(next(&mut events).await.0, Revision(7));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_snapshot_has_everything_at_one_revision() {
    let place = Place::new();
    let store = place.open();
    store.add_torrent(bare(1)).await.unwrap();
    store.add_torrent(full(2)).await.unwrap();
    let marks = store.count_play(hash(2), FILE, 3).await.unwrap();

    let snapshot = store.snapshot().await.unwrap();

    assert_eq!(snapshot.torrents.iter().map(|t| (**t).clone()).collect::<Vec<_>>(), [full(2), bare(1)]);
    assert_eq!(snapshot.marks, [(*marks).clone()]);
    assert_eq!(snapshot.settings, *store.settings());
    assert_eq!(snapshot.revision, Revision(3));
    let shaped = store.snapshot_of(|torrent, marks| (torrent.title, marks.cloned())).await.unwrap();
    assert_eq!(
        shaped.torrents,
        [("title 2".to_owned(), Some((*marks).clone())), ("title 1".to_owned(), None)]
    );
    assert_eq!((shaped.revision, shaped.marks), (snapshot.revision, snapshot.marks));
    store.close().await.unwrap();
}

#[tokio::test]
async fn who_may_come_in_is_kept_told_and_checked() {
    let place = Place::new();
    let store = place.open();
    let mut events = store.events();
    let add = |name: &str| AccessChange::AddDevice {
        name: name.to_owned(),
        token_digest: format!("digest of {name}"),
        at_secs: 9,
    };

    let (access, device) = store.change_access(add("TV")).await.unwrap();

    assert_eq!(device, Some(DeviceId(1)));
    assert_eq!(store.access(), access);
    let (_, change) = next(&mut events).await;
    assert_eq!(change, StoreChange::Access(access));
    let refused = store.change_access(AccessChange::RemoveDevice(DeviceId(7))).await;
    assert_eq!(refused, Err(ChangeAccessError::Invalid(AccessError::NoSuchDevice)));
    // Changes are made on what is there, not on what somebody saw before.
    let both = tokio::join!(store.change_access(add("A")), store.change_access(add("B")));
    assert_eq!((both.0.unwrap().1, both.1.unwrap().1), (Some(DeviceId(2)), Some(DeviceId(3))));
    let last = store.access();
    store.close().await.unwrap();

    let store = place.open();
    assert_eq!(store.access(), last);
    assert_eq!(store.snapshot().await.unwrap().access, *last);
    store.close().await.unwrap();
}
