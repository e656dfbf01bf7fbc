//! From one episode to the next.

use std::time::Duration;

use freshet_model::InfoHash;
use serde_json::{Value, json};

use crate::common::{PATIENCE, World};
use crate::pictures::make_clip;

/// Not more than this is fetched of what comes next, beside its index.
const MAX_NEXT_BYTES: u64 = 40_000_000;
const MIB: u64 = 1 << 20;

/// Adds a film of so many seconds, 6 MB each, as a torrent of its own.
async fn add(world: &World, name: &str, secs: usize) -> InfoHash {
    let clip = world.folder.path().join(name);
    make_clip(&clip, &vec!["blue"; secs]);
    let torrent = world.seeder.seed(&clip, None).await.unwrap();
    world.add(&torrent).await
}

async fn open(world: &World, hash: InfoHash) -> Value {
    let args =
        json!({"info_hash": hash.to_string(), "playable_types": ["video/mp4; codecs=\"avc1.42C01E\""]});
    world.rpc("playback_open", args).await.json()
}

fn have_bytes(world: &World, record: &freshet_model::TorrentRecord) -> u64 {
    world.app.pieces(record).have_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_episode_is_found_in_another_torrent_and_is_the_only_one_that_the_player_may_open() {
    let world = World::start().await;
    let first = add(&world, "Show.Name.S01E01.mkv", 1).await;
    let other = add(&world, "Another.Show.S01E02.mkv", 1).await;
    let second = add(&world, "show name - s01e02 - 720p.mkv", 1).await;

    let ticket = open(&world, first).await;
    assert_eq!(
        (&ticket["next_file"]["info_hash"], &ticket["next_file"]["file_index"]),
        (&json!(second.to_string()), &json!(0)),
        "{ticket}"
    );
    assert_eq!(open(&world, second).await["next_file"], Value::Null);
    let go_on = async |hash: InfoHash| {
        let args = json!({
            "playback_id": ticket["playback_id"],
            "info_hash": hash.to_string(),
            "file_index": 0,
        });
        world.rpc("playback_go_on", args).await.status
    };
    assert_eq!(go_on(other).await, 404);
    assert_eq!(go_on(second).await, 200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_beginning_of_the_next_episode_comes_when_the_present_one_is_safe() {
    let world = World::start().await;
    let first = add(&world, "Show.S01E01.mkv", 3).await;
    let second = add(&world, "Show.S01E02.mkv", 12).await;
    world.rpc("settings_update", json!({"download_limit_bytes_per_sec": 8 * MIB})).await;
    let ticket = open(&world, first).await;
    assert_eq!(ticket["next_file"]["info_hash"], json!(second.to_string()), "{ticket}");
    let (first, second) =
        (world.app.torrent(first).await.unwrap().unwrap(), world.app.torrent(second).await.unwrap().unwrap());
    let watching = async {
        let args = json!({"playback_id": ticket["playback_id"], "kind": "playing", "position_secs": 0.0});
        loop {
            world.rpc("playback_report", args.clone()).await;
            // In this order: what was missing a moment ago was missing when the other one was looked at.
            let next = have_bytes(&world, &second);
            if have_bytes(&world, &first) < first.total_bytes {
                assert_eq!(next, 0, "the film that plays lacks something");
            } else if next >= MAX_NEXT_BYTES {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, watching).await.expect("the beginning of the next episode comes");

    // It plays at 6 MB a second: ten seconds are more than what may be fetched.
    let most = MAX_NEXT_BYTES + 4 * MIB;
    assert!(have_bytes(&world, &second) <= most && second.total_bytes > most + 20 * MIB);
    world
        .rpc(
            "playback_report",
            json!({"playback_id": ticket["playback_id"], "kind": "closed", "position_secs": 0.0}),
        )
        .await;
    world.end().await;
}
