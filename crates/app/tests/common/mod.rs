//! The whole application on a temporary folder, without a window and without HTTP, beside a seeder on loopback.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "every test file takes what it needs, and may fail the test"
)]

pub(crate) mod site;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use freshet_app::{App, AppConfig, Caller, EventStream, dispatch};
use freshet_engine::testing::{SeededTorrent, Seeder, SeederOptions, pattern};
use freshet_model::{AddressPolicy, AppEvent, Snapshot, WireError};
use serde_json::Value;
use tempfile::TempDir;

/// Guards against hanging only.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not end in {PATIENCE:?}"))
}

pub(crate) fn config(folder: &Path) -> AppConfig {
    AppConfig { enable_dht: false, addresses: AddressPolicy::PrivateToo, ..AppConfig::new(folder) }
}

pub(crate) async fn start(folder: &Path) -> App {
    soon("the start", App::start(config(folder))).await.unwrap()
}

pub(crate) async fn shutdown(app: App) {
    soon("the shutdown", app.shutdown(Duration::from_secs(10))).await;
}

/// A folder with files of the given names and sizes, and somebody who seeds it.
pub(crate) struct Swarm {
    pub(crate) seeder: Seeder,
    pub(crate) torrent: SeededTorrent,
    pub(crate) folder: TempDir,
}

impl Swarm {
    pub(crate) async fn seed(files: &[(&str, usize)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pack = folder.path().join("Pack");
        for (number, (name, length)) in files.iter().enumerate() {
            let path = pack.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, pattern(number as u64, *length)).unwrap();
        }
        let seeder = Seeder::start(SeederOptions::default()).await.unwrap();
        let torrent = soon("seeding", seeder.seed(&pack, None)).await.unwrap();
        Self { seeder, torrent, folder }
    }

    pub(crate) fn content(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join("Pack").join(name)).unwrap()
    }
}

pub(crate) async fn call(app: &App, name: &str, args: Value) -> Result<Value, WireError> {
    soon(name, dispatch(app, Caller::MainWindow, name, args)).await
}

/// The stream's first event, which has to be a snapshot.
pub(crate) async fn snapshot(events: &mut EventStream) -> Snapshot {
    match soon("the first event", events.next()).await {
        Some(AppEvent::Snapshot(snapshot)) => *snapshot,
        other => panic!("not a snapshot: {other:?}"),
    }
}

/// The first event that `pick` takes.
pub(crate) async fn event<T>(events: &mut EventStream, mut pick: impl FnMut(&AppEvent) -> Option<T>) -> T {
    soon("an event", async {
        loop {
            let event = events.next().await.expect("the stream goes on");
            if let Some(found) = pick(&event) {
                return found;
            }
        }
    })
    .await
}
