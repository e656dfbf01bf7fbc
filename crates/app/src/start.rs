//! The beginning and the end of the application.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use freshet_engine::{Engine, EngineConfig, EngineLimits, EngineStatus};
use freshet_media::Tools;
use freshet_model::{AddressPolicy, Notice, NoticeKind, TorrentMarks, TorrentRecord, TorrentState};
use freshet_store::{RestoredBackup, Store, StoreOptions};
use freshet_web::WebClient;
use tracing::{error, info};

use crate::blocklist::{ListFile, Look};
use crate::events::EventHub;
use crate::resume::StoredResume;
use crate::settings::transfers_of;
use crate::{App, AppConfig, Inner, Tasks};

/// Why the application can't start. Each is told to the person in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] freshet_store::OpenError),
    #[error("the engine could not start: {0}")]
    Engine(#[from] freshet_engine::StartError),
    #[error(transparent)]
    Web(#[from] freshet_web::BuildError),
    #[error(transparent)]
    Settings(#[from] freshet_store::UpdateSettingsError),
    #[error("opening the database was interrupted")]
    Interrupted,
}

impl StartError {
    /// Whether another instance has the data folder. One that is just ending gives it back within moments.
    pub fn is_folder_in_use(&self) -> bool {
        matches!(self, Self::Store(freshet_store::OpenError::Locked { .. }))
    }
}

impl App {
    /// Opens the store, starts the engine, and goes on with what was unfinished. A taken peer port or a missing `ffmpeg`
    /// is a notice, not a failed start.
    ///
    /// # Errors
    /// [`StartError`]: the data folder can't be used, [`AppConfig::settings`] can't be, or the engine can't run at all.
    pub async fn start(config: AppConfig) -> Result<Self, StartError> {
        let person_web = WebClient::new(AddressPolicy::PrivateToo)?;
        let options = StoreOptions::new(config.database());
        let opening = tokio::task::spawn_blocking(move || Store::open(options));
        let folder = config.posters();
        let loading = tokio::task::spawn_blocking(|| crate::posters::Kept::load(folder));
        let (store, opened) = opening.await.map_err(|_| StartError::Interrupted)??;
        let posters = Arc::new(loading.await.map_err(|_| StartError::Interrupted)?);
        if let Some(patch) = config.settings.clone()
            && let Err(error) = store.update_settings(patch).await
        {
            let _ = store.close().await;
            return Err(error.into());
        }
        let settings = store.settings();
        let transfers = transfers_of(&config, &settings);
        // Before the port for peers is open.
        let mut blocked = ListFile::default();
        let first_look = blocked.look(&transfers.blocklist_path).await;
        let engine = Engine::start(EngineConfig {
            pieces_dir: config.pieces(),
            resume: Some(Arc::new(StoredResume::new(store.clone()))),
            dht_state_path: config.dht_state(),
            enable_discovery: config.enable_dht,
            transfers: transfers.clone(),
            blocklist: if let Look::New(list) = &first_look { Arc::clone(list) } else { Arc::default() },
            routed_too: vec![person_web.clone()],
            addresses: config.addresses,
            download_limit_bytes_per_sec: settings.rate_limits().download,
            upload_limit_bytes_per_sec: settings.rate_limits().upload,
            limits: EngineLimits {
                idle_timeout: Duration::from_secs(settings.idle_timeout_secs.into()),
                ..EngineLimits::default()
            },
        })
        .await;
        let engine = match engine {
            Ok(engine) => engine,
            Err(error) => {
                // Nothing was changed yet; what the close says would hide the reason.
                let _ = store.close().await;
                return Err(error.into());
            }
        };

        let tasks = Tasks::new();
        let abouts = Arc::default();
        let events = EventHub::start(
            store.clone(),
            engine.watch_stats(),
            Arc::clone(&abouts),
            Arc::clone(&posters),
            &tasks,
        );
        let app = Self {
            inner: Arc::new(Inner {
                config,
                store,
                engine,
                tools: Tools::find(),
                tasks,
                events,
                resolving: crate::resolve::Resolving::default(),
                preloads: crate::preload::Preloads::default(),
                activity: crate::activity::Activity::default(),
                abouts,
                listed: crate::library::Listed::default(),
                removals: crate::removal::Removals::default(),
                piece_layouts: crate::pieces::PieceLayouts::default(),
                descriptions: crate::description::Descriptions::default(),
                playbacks: crate::playback::Playbacks::default(),
                pictures: crate::playback::Pictures::default(),
                posters: crate::posters::Posters::new(posters),
                player: crate::player::Player::default(),
                client_plays: crate::viewed::ClientPlays::default(),
                person_web,
                offered_links: crate::search::OfferedLinks::default(),
                offers: crate::offers::Offers::default(),
                server_url: OnceLock::new(),
                shell: OnceLock::new(),
                viewers: Arc::default(),
                passwords: crate::access::Passwords::new(),
            }),
        };
        app.follow_settings(transfers);
        app.follow_blocklist(blocked, first_look);
        app.follow_line();
        app.follow_supply();
        app.follow_interface();
        app.follow_viewers();
        app.hold_to_budget().await;
        app.remember_good_peers();
        app.watch_folder();
        app.sweep_at_start().await;
        app.sweep_temporary();
        app.tell_notices(opened.restored_from_backup).await;
        app.resolve_unfinished();
        app.read_names();
        info!(data_dir = %app.inner.config.data_dir.display(), "started");
        Ok(app)
    }

    /// The tasks of the application, for the hosts' own.
    pub fn tasks(&self) -> &Tasks {
        &self.inner.tasks
    }

    /// Where a host keeps the certificate that it made itself; it may not exist yet.
    pub fn tls_dir(&self) -> std::path::PathBuf {
        self.inner.config.tls()
    }

    /// Tells every window something that a person should know.
    pub async fn add_notice(&self, notice: Notice) {
        self.inner.events.add_notice(notice).await;
    }

    /// Says which port peers have to use instead.
    pub(crate) async fn tell_of_taken_port(&self, status: EngineStatus) {
        if status.wanted_port_taken {
            let subject = status.peer_port.map(|port| port.to_string()).unwrap_or_default();
            self.add_notice(Notice { kind: NoticeKind::PeerPortTaken, subject }).await;
        }
    }

    async fn tell_notices(&self, restored: Option<RestoredBackup>) {
        self.tell_of_taken_port(self.inner.engine.status()).await;
        if self.inner.tools.is_none() {
            self.add_notice(Notice { kind: NoticeKind::FfmpegMissing, subject: "ffmpeg".to_owned() }).await;
        }
        if self.inner.person_web.trusts_nobody() {
            let kind = NoticeKind::CertificatesMissing;
            self.add_notice(Notice { kind, subject: String::new() }).await;
        }
        if let Some(backup) = restored {
            let subject = backup.made_at_secs.to_string();
            self.add_notice(Notice { kind: NoticeKind::DatabaseRestored, subject }).await;
        }
    }

    /// Before a window asks: thousands of names take their time.
    fn read_names(&self) {
        let app = self.clone();
        self.inner.tasks.spawn("names", async move {
            let Ok(records) = app.torrents().await else { return };
            let abouts = Arc::clone(&app.inner.abouts);
            let read = tokio::task::spawn_blocking(move || {
                for record in &records {
                    abouts.of(record);
                }
            });
            if let Err(error) = read.await {
                error!(%error, "names could not be read");
            }
        });
    }

    /// Torrents whose details were still looked for when the program ended last time.
    fn resolve_unfinished(&self) {
        let app = self.clone();
        self.inner.tasks.spawn("resolve unfinished", async move {
            let unfinished = |record: TorrentRecord, _: Option<&TorrentMarks>| {
                (record.state() == TorrentState::Resolving).then_some(record)
            };
            match app.inner.store.snapshot_of(unfinished).await {
                Ok(snapshot) => {
                    for record in snapshot.torrents.iter().flatten() {
                        app.start_resolving(record);
                    }
                }
                Err(error) => error!(%error, "unfinished torrents could not be read"),
            }
        });
    }

    /// Ends everything in order: tasks, transfers, store. What was acknowledged is on the disk before and after.
    ///
    /// Takes at most about twice `deadline`; what misses it is logged by name.
    pub async fn shutdown(&self, deadline: Duration) {
        info!("ending");
        self.close_playbacks().await;
        self.inner.tasks.shutdown(deadline).await;
        self.finish_removals().await;
        self.inner.engine.shutdown(deadline).await;
        self.store_good_peers().await;
        if let Err(error) = self.inner.store.close().await {
            error!(%error, "the store did not close in good order");
        }
    }
}
