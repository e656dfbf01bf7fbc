//! Other players of this computer: a film is opened in one of them where it was left, and the position comes back.

mod kinds;
#[cfg(target_os = "linux")]
mod mpris;
mod mpv;

use std::process::Stdio;
use std::time::Duration;

use freshet_model::{
    ErrorCode, FileIndex, PlaybackId, PlaybackReport, ReportKind, SubtitleForm, SubtitleSource,
    TorrentRecord, WireError, subtitle_files,
};
use tokio::process::{Child, Command};
use tracing::{debug, info};

use crate::App;
use crate::args::{ExternalPlayer, ExternalPlayers, Nothing, PlayerOpen};
use crate::playback::{Look, Reads};
use kinds::{KINDS, Kind, Start, Tells};

/// Each is an open address, and those have an end.
const MAX_SUBTITLES: usize = 4;
/// The film's place is asked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// One that hands an address over does so within this, and the other one shows it within that.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(30);
const STARTED_AFTER: Duration = Duration::from_secs(3);

/// Which of them are here.
#[expect(clippy::unused_async, reason = "commands are async")]
pub(crate) async fn list(_: &App, _: Nothing) -> Result<ExternalPlayers, WireError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let (flatpaks, elsewhere) = (kinds::flatpak_folders(), kinds::program_folders());
    let here = KINDS.iter().filter(|kind| kind.find(&path, &flatpaks, &elsewhere).is_some());
    let players = here.map(|kind| ExternalPlayer { id: kind.id.to_owned(), name: kind.name.to_owned() });
    Ok(ExternalPlayers { players: players.collect() })
}

/// Starts one of them with what a playback plays. Where it stands then is followed until it ends.
pub(crate) async fn open(app: &App, args: PlayerOpen) -> Result<(), WireError> {
    if !args.position_secs.is_finite() || args.position_secs < 0.0 {
        return Err(WireError::new(ErrorCode::BadRequest, "a position is a number of seconds from 0 on"));
    }
    let unknown = || WireError::new(ErrorCode::NotFound, "this player is not on this computer");
    let kind = KINDS.iter().find(|kind| kind.id == args.player).ok_or_else(unknown)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = kind.find(&path, &kinds::flatpak_folders(), &kinds::program_folders()).ok_or_else(unknown)?;

    let (id, info_hash, file_index) = app.playback_for_another(&args.playback_id)?;
    let record = app.torrent(info_hash).await?.ok_or_else(|| crate::library::not_found(info_hash))?;
    let url = app.input_url(&id)?;
    let looks: Vec<Look> = subtitles(&record, file_index)
        .into_iter()
        .map(|file| app.look(info_hash, file, Reads::Look))
        .collect();
    let subtitles = looks.iter().map(Look::input_url).collect::<Result<Vec<_>, _>>()?;
    let ipc_path = (kind.tells == Tells::MpvIpc && !found.is_flatpak).then(|| ipc_path(&id));
    let title = title(&record, file_index);
    let start = Start {
        url: &url,
        title: &title,
        position_secs: args.position_secs,
        subtitles: &subtitles,
        ipc_path: ipc_path.as_deref(),
    };
    let spawned = Command::new(&found.program)
        .args(kind.arguments(start))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let child = spawned.map_err(|error| {
        app.forget_playback(&id);
        WireError::new(ErrorCode::Internal, format!("{} could not be started: {error}", kind.name))
    })?;
    info!(player = kind.id, %info_hash, "a film is open in another player");
    let app = app.clone();
    app.clone().inner.tasks.spawn("another player", async move {
        app.follow(kind, child, id, url, ipc_path).await;
        drop(looks);
    });
    Ok(())
}

fn title(record: &TorrentRecord, file_index: FileIndex) -> String {
    let file = record.files.iter().find(|file| file.index == file_index);
    file.map_or_else(|| record.shown_title(), |file| file.name().to_owned())
}

/// The files of text that belong to the film.
fn subtitles(record: &TorrentRecord, file_index: FileIndex) -> Vec<FileIndex> {
    let Some(film) = record.files.iter().find(|file| file.index == file_index) else { return Vec::new() };
    let tracks = subtitle_files(&record.files, film).into_iter();
    let texts = tracks.filter(|track| matches!(track.form, SubtitleForm::Text | SubtitleForm::Ass));
    let files = texts.filter_map(|track| match track.source {
        SubtitleSource::File { file_index } => Some(file_index),
        SubtitleSource::Embedded { .. } => None,
    });
    files.take(MAX_SUBTITLES).collect()
}

/// In a folder of this person alone, where there is one.
fn ipc_path(id: &PlaybackId) -> String {
    if cfg!(windows) {
        return format!(r"\\.\pipe\freshet-{}", id.0);
    }
    let own =
        std::env::var_os("XDG_RUNTIME_DIR").map(std::path::PathBuf::from).filter(|folder| folder.is_dir());
    let folder = own.unwrap_or_else(std::env::temp_dir);
    // Sockets have short paths; half of the name is random enough.
    folder.join(format!("freshet-{}", &id.0[..id.0.len().min(16)])).to_string_lossy().into_owned()
}

impl App {
    /// Stores where the film stands, every second, until the player ends.
    async fn follow(
        &self,
        kind: &Kind,
        mut child: Child,
        id: PlaybackId,
        url: String,
        ipc_path: Option<String>,
    ) {
        let began = tokio::time::Instant::now();
        let mut watch = Watch::new(kind.tells, url, ipc_path);
        let mut last = None;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                () = tokio::time::sleep(LOOK_EVERY) => {
                    if let Some(place) = watch.place().await {
                        last = Some(place);
                        self.note_place(&id, ReportKind::Playing, place).await;
                    }
                }
            }
        };
        // Some hand the address to one that runs already, and leave.
        if last.is_none() && began.elapsed() < STARTED_AFTER && status.is_ok_and(|status| status.success()) {
            last = self.follow_elsewhere(&mut watch, &id).await;
        }
        // Who never told anything may still be reading; such a playback goes when there are too many.
        if let Some(place) = last {
            self.note_place(&id, ReportKind::Closed, place).await;
        }
        watch.end();
    }

    /// The same for a player that is no child of ours: until it plays something else.
    async fn follow_elsewhere(&self, watch: &mut Watch, id: &PlaybackId) -> Option<(f64, Option<f64>)> {
        let mut last = None;
        let began = tokio::time::Instant::now();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match watch.place().await {
                Some(place) => {
                    last = Some(place);
                    self.note_place(id, ReportKind::Playing, place).await;
                }
                None if last.is_some() || began.elapsed() > HANDED_OVER_WITHIN => return last,
                None => {}
            }
        }
    }

    async fn note_place(
        &self,
        id: &PlaybackId,
        kind: ReportKind,
        (position_secs, duration_secs): (f64, Option<f64>),
    ) {
        let report = PlaybackReport { playback_id: id.clone(), kind, position_secs, duration_secs };
        if let Err(error) = crate::playback::report(self, report).await {
            debug!(%error, "the position of another player could not be stored");
        }
    }
}

/// The way to the player's word.
struct Watch {
    tells: Tells,
    url: String,
    ipc_path: Option<String>,
    #[cfg(unix)]
    ipc: Option<mpv::Ipc<tokio::net::UnixStream>>,
    #[cfg(windows)]
    ipc: Option<mpv::Ipc<tokio::net::windows::named_pipe::NamedPipeClient>>,
    #[cfg(target_os = "linux")]
    mpris: Option<mpris::Mpris>,
}

impl Watch {
    fn new(tells: Tells, url: String, ipc_path: Option<String>) -> Self {
        Self {
            tells,
            url,
            ipc_path,
            ipc: None,
            #[cfg(target_os = "linux")]
            mpris: None,
        }
    }

    /// Position and length, in seconds; `None` while the player does not tell.
    async fn place(&mut self) -> Option<(f64, Option<f64>)> {
        match self.tells {
            Tells::MpvIpc => self.ask_mpv().await,
            Tells::Mpris => self.ask_desktop().await,
            Tells::Nothing => None,
        }
    }

    async fn ask_mpv(&mut self) -> Option<(f64, Option<f64>)> {
        if self.ipc.is_none() {
            self.ipc = mpv::connect(self.ipc_path.as_deref()?).await.ok();
        }
        let ipc = self.ipc.as_mut()?;
        let asked = async {
            let position = ipc.number("time-pos").await?;
            Ok::<_, std::io::Error>((position, ipc.number("duration").await?))
        };
        match asked.await {
            Ok((position, duration)) => Some((position?.max(0.0), duration.filter(|secs| *secs > 0.0))),
            Err(_) => {
                self.ipc = None;
                None
            }
        }
    }

    #[cfg(target_os = "linux")]
    async fn ask_desktop(&mut self) -> Option<(f64, Option<f64>)> {
        if self.mpris.is_none() {
            self.mpris = mpris::Mpris::connect().await.ok();
        }
        self.mpris.as_mut()?.position(&self.url).await
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_async, clippy::unused_self, reason = "elsewhere it waits")]
    async fn ask_desktop(&mut self) -> Option<(f64, Option<f64>)> {
        None
    }

    fn end(&self) {
        if cfg!(unix)
            && let Some(path) = &self.ipc_path
        {
            let _ = std::fs::remove_file(path);
        }
    }
}
