//! The watch folder, with a whole `App` on a real folder.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod common;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{PATIENCE, shutdown, start};
use freshet_app::App;
use freshet_model::{AddedFrom, InfoHash, Metainfo, SettingsPatch};
use tempfile::TempDir;

const MAGNET_HASH: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

struct Watched {
    app: App,
    data: TempDir,
    folder: TempDir,
}

impl Watched {
    async fn start() -> Self {
        let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let app = start(data.path()).await;
        Self { app, data, folder }
    }

    /// With the folder chosen.
    async fn start_on() -> Self {
        let world = Self::start().await;
        world.choose(world.folder.path()).await;
        world
    }

    async fn choose(&self, folder: &Path) {
        let watch_dir = Some(folder.to_str().unwrap().to_owned());
        self.app.update_settings(SettingsPatch { watch_dir, ..SettingsPatch::default() }).await.unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    async fn until_there(&self, name: &str) {
        let path = self.path(name);
        until(name, async || path.is_file()).await;
    }

    async fn origin(&self, hash: InfoHash) -> Option<AddedFrom> {
        self.app.torrent(hash).await.unwrap().map(|record| record.added_from)
    }

    /// Waits until a file was put into `added/`, and sees that its torrent is in the library.
    async fn until_added(&self, name: &str, torrent: &[u8]) {
        self.until_there(&format!("added/{name}")).await;
        assert!(!self.path(name).exists());
        assert_eq!(self.origin(hash(torrent)).await, Some(AddedFrom::File), "{name}");
    }

    async fn end(self) {
        shutdown(self.app).await;
        drop(self.data);
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{what}"));
}

/// The `.torrent` of one file of 20 MB.
fn torrent(name: &str) -> Vec<u8> {
    let pieces = "x".repeat(20 * 1221);
    format!(
        "d4:infod6:lengthi20000000e4:name{}:{name}12:piece lengthi16384e6:pieces{}:{pieces}ee",
        name.len(),
        pieces.len()
    )
    .into_bytes()
}

fn hash(torrent: &[u8]) -> InfoHash {
    Metainfo::parse(torrent).unwrap().info_hash
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_there_at_the_start_is_taken_once() {
    let world = Watched::start().await;
    let film = torrent("Film");
    world.put("Film.torrent", &film);
    world.put("link.magnet", format!("magnet:?xt=urn:btih:{MAGNET_HASH}&dn=Link\n").as_bytes());
    world.put("note.txt", b"not ours");

    world.choose(world.folder.path()).await;

    world.until_added("Film.torrent", &film).await;
    world.until_there("added/link.magnet").await;
    assert_eq!(world.origin(MAGNET_HASH.parse().unwrap()).await, Some(AddedFrom::File));
    assert_eq!(fs::read(world.path("added/Film.torrent")).unwrap(), film);
    assert!(world.path("note.txt").is_file());
    // The setting is kept: the next start goes on where this one ends.
    shutdown(world.app).await;
    let next = torrent("Next");
    fs::write(world.folder.path().join("Next.torrent"), &next).unwrap();
    let world = Watched { app: start(world.data.path()).await, ..world };
    world.until_added("Next.torrent", &next).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_slowly_is_taken_when_it_is_whole() {
    let world = Watched::start_on().await;
    let (slow, other) = (torrent("Slow"), torrent("Other"));
    let mut file = fs::File::create(world.path("slow.torrent")).unwrap();
    file.write_all(&slow[..slow.len() / 2]).unwrap();
    file.flush().unwrap();

    // The whole folder was looked at when this one has been taken.
    world.put("other.torrent", &other);
    world.until_added("other.torrent", &other).await;
    assert!(world.path("slow.torrent").is_file());
    assert_eq!(world.origin(hash(&slow)).await, None);

    // It stays open: that it is whole is seen, not told.
    file.write_all(&slow[slow.len() / 2..]).unwrap();
    file.flush().unwrap();
    world.until_added("slow.torrent", &slow).await;
    drop(file);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_gets_its_name_at_the_end_is_taken() {
    let world = Watched::start_on().await;
    let film = torrent("Film");
    world.put("Film.torrent.part", &film);

    fs::rename(world.path("Film.torrent.part"), world.path("Film.TORRENT")).unwrap();

    world.until_added("Film.TORRENT", &film).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_torrent_is_put_aside() {
    let world = Watched::start_on().await;
    world.put("broken.torrent", &torrent("Broken")[..1000]);
    world.put("empty.torrent", b"");
    world.put("web.magnet", b"https://example.org/a.torrent");
    world.put("huge.torrent", &vec![b'x'; 10 * 1024 * 1024 + 1]);

    for name in ["broken.torrent", "empty.torrent", "web.magnet", "huge.torrent"] {
        world.until_there(&format!("failed/{name}")).await;
        assert!(!world.path(name).exists());
    }
    assert!(!world.path("added").exists());
    assert_eq!(world.app.torrents().await.unwrap().len(), 0);
    world.end().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn links_are_left_alone() {
    let world = Watched::start_on().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let (secret, film) = (torrent("Secret"), torrent("Film"));
    fs::write(elsewhere.path().join("secret.torrent"), &secret).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("secret.torrent"), world.path("a.torrent")).unwrap();

    world.put("film.torrent", &film);

    world.until_added("film.torrent", &film).await;
    assert_eq!(world.origin(hash(&secret)).await, None);
    assert!(world.path("a.torrent").is_symlink());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_at_once_are_all_taken() {
    let world = Watched::start_on().await;
    let files: Vec<(String, Vec<u8>)> =
        (0..200).map(|number| (format!("{number}.torrent"), torrent(&format!("Film {number}")))).collect();

    for (name, bytes) in &files {
        world.put(name, bytes);
    }

    for (name, bytes) in &files {
        world.until_added(name, bytes).await;
    }
    assert_eq!(world.app.torrents().await.unwrap().len(), 200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_goes_and_comes_back_is_watched_again() {
    let world = Watched::start_on().await;
    let [first, second, third] = ["First", "Second", "Third"].map(torrent);
    world.put("first.torrent", &first);
    world.until_added("first.torrent", &first).await;

    // At once, so that only the folder's identity tells.
    fs::remove_dir_all(world.folder.path()).unwrap();
    fs::create_dir(world.folder.path()).unwrap();
    world.put("second.torrent", &second);
    world.until_added("second.torrent", &second).await;

    // And by another name in between.
    let away = world.folder.path().with_extension("away");
    fs::rename(world.folder.path(), &away).unwrap();
    fs::write(away.join("third.torrent"), &third).unwrap();
    fs::rename(&away, world.folder.path()).unwrap();
    world.until_added("third.torrent", &third).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_folder_is_watched_from_the_moment_it_is_chosen() {
    let world = Watched::start_on().await;
    let other = tempfile::tempdir().unwrap();
    let (film, left) = (torrent("Film"), torrent("Left"));
    world.choose(other.path()).await;
    // That the old one is left is seen at the new one: one task has one folder.
    fs::write(other.path().join("film.torrent"), &film).unwrap();
    let added = other.path().join("added/film.torrent");
    until("the new folder is watched", async || added.is_file()).await;

    world.put("left.torrent", &left);
    let again = torrent("Again");
    fs::write(other.path().join("again.torrent"), &again).unwrap();
    let added = other.path().join("added/again.torrent");
    until("the new folder is still watched", async || added.is_file()).await;

    assert!(world.path("left.torrent").is_file());
    assert_eq!(world.origin(hash(&left)).await, None);
    world.choose(world.folder.path()).await;
    world.until_added("left.torrent", &left).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_can_not_be_moved_is_taken_once() {
    let world = Watched::start_on().await;
    let (film, other) = (torrent("Film"), torrent("Other"));
    world.put("added", b"a file where the folder should be");
    world.put("film.torrent", &film);
    until("the film is in the library", async || world.origin(hash(&film)).await.is_some()).await;
    world.app.remove(hash(&film), true).await.unwrap();

    world.put("other.torrent", &other);
    until("the other one is in the library", async || world.origin(hash(&other)).await.is_some()).await;

    assert!(world.path("film.torrent").is_file());
    assert_eq!(world.origin(hash(&film)).await, None);
    world.end().await;
}
