//! One playback: opened by a player page, delivered from a position on, followed by its reports.
//!
//! Position and viewed mark are decided here, not by the page: it only says where it stands. A crashed page loses what
//! happened since its last stored report, at most [`rules::SAVE_POSITION_EVERY`].

mod delivery;
mod index;
mod map;
mod moments;
mod next;
mod outlook;
mod pictures;
mod prefetch;
mod progress;
mod subtitles;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use freshet_media::Probe;
use freshet_model::{
    ErrorCode, FileIndex, InfoHash, MediaRun, PlaybackId, PlaybackReport, PlaybackTicket, PlayerTarget,
    ReportKind, TrackInfo, WireError, next_up_at_secs, rules, sound_files,
};
use tracing::{info, warn};

pub use delivery::{MediaPart, MediaPartError};
pub(crate) use map::map;
pub(crate) use next::go_on;
pub(crate) use outlook::outlook;
pub(crate) use pictures::Pictures;
pub use subtitles::SubtitlePart;
pub(crate) use subtitles::{open_subtitles, read_own_subtitles, subtitle_window};

use crate::args::{PlaybackOpen, PlaybackStart};
use crate::error::Coded as _;
use crate::library::not_found;
use crate::posters::Occasion;
use crate::{App, OpenFile, clock};
use progress::{Progress, Step};

/// How long the beginning of a file may take to arrive before the page is told.
const PROBE_TIMEOUT: Duration = Duration::from_secs(120);
/// While a film plays, the frame for its poster may come.
const LOOK_FOR_POSTER_EVERY: Duration = Duration::from_secs(60);
/// Pages that vanish without a word leave a playback behind; the oldest goes first.
const KEPT_PLAYBACKS: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Playbacks(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    open: HashMap<PlaybackId, Playback>,
    order: VecDeque<PlaybackId>,
    replaced: VecDeque<String>,
}

#[derive(Debug)]
struct Playback {
    info_hash: InfoHash,
    file_index: FileIndex,
    playable_types: Vec<String>,
    /// Known once the file was probed.
    probe: Option<Arc<Probe>>,
    /// Tracks in files beside it.
    sounds: Vec<(FileIndex, TrackInfo)>,
    progress: Progress,
    reads: Reads,
    run: Option<delivery::RunningRun>,
    moments: moments::Moments,
    subtitles: subtitles::SubtitleState,
    supply: outlook::Supply,
    poster_looked_for_at: Option<Instant>,
    /// What goes on after it.
    next: Option<(InfoHash, FileIndex)>,
    /// Its beginning is here, or on its way.
    is_next_fetched: bool,
}

impl Playback {
    fn new(info_hash: InfoHash, file_index: FileIndex, reads: Reads) -> Self {
        Self {
            info_hash,
            file_index,
            playable_types: Vec::new(),
            probe: None,
            sounds: Vec::new(),
            progress: Progress::default(),
            reads,
            run: None,
            moments: moments::Moments::default(),
            subtitles: subtitles::SubtitleState::default(),
            supply: outlook::Supply::default(),
            poster_looked_for_at: None,
            next: None,
            is_next_fetched: false,
        }
    }
}

/// What the programs get that read the file of a playback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Somebody watches.
    All,
    /// It is only looked into.
    Look,
    /// Nothing is fetched for them.
    WhatIsHere,
}

impl Playbacks {
    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, id: PlaybackId, playback: Playback) {
        let mut table = self.table();
        if table.order.len() >= KEPT_PLAYBACKS
            && let Some(oldest) = table.order.pop_front()
        {
            table.open.remove(&oldest);
        }
        table.order.push_back(id.clone());
        table.open.insert(id, playback);
    }

    fn remove(&self, id: &PlaybackId) {
        let mut table = self.table();
        table.open.remove(id);
        table.order.retain(|known| known != id);
    }
}

impl App {
    /// Opens the file of a playback for `ffprobe` and `ffmpeg`, which read it through our own server.
    ///
    /// # Errors
    /// The playback is unknown, or as [`App::open_file`].
    pub async fn open_playback_file(&self, id: &PlaybackId) -> Result<OpenFile, WireError> {
        let (info_hash, file_index, reads) = {
            let table = self.inner.playbacks.table();
            let playback = table.open.get(id).ok_or_else(unknown_playback)?;
            (playback.info_hash, playback.file_index, playback.reads)
        };
        match reads {
            Reads::All => self.open_file(info_hash, file_index).await,
            Reads::Look => self.peek_file(info_hash, file_index).await,
            Reads::WhatIsHere => self.open_what_is_here(info_hash, file_index).await,
        }
    }

    /// The same for sound that lies beside the film of a playback.
    ///
    /// # Errors
    /// [`ErrorCode::NoSuchFile`] if that file is no sound of it; else as above.
    pub async fn open_playback_sound(
        &self,
        id: &PlaybackId,
        file_index: FileIndex,
    ) -> Result<OpenFile, WireError> {
        let info_hash = {
            let table = self.inner.playbacks.table();
            let playback = table.open.get(id).ok_or_else(unknown_playback)?;
            if !playback.sounds.iter().any(|(index, _)| *index == file_index) {
                return Err(WireError::new(ErrorCode::NoSuchFile, "this file is no sound of the film"));
            }
            playback.info_hash
        };
        self.open_file(info_hash, file_index).await
    }

    /// An address of a file for a program that only looks into it, for as long as the value lives.
    pub(crate) fn look(&self, info_hash: InfoHash, file_index: FileIndex, reads: Reads) -> Look {
        let id = PlaybackId(random_token());
        self.inner.playbacks.insert(id.clone(), Playback::new(info_hash, file_index, reads));
        Look { app: self.clone(), id }
    }

    /// A playback of the same file for another player, which tells its own position. Known probe and all, it is as if opened anew.
    ///
    /// # Errors
    /// The playback is unknown.
    pub(crate) fn playback_for_another(
        &self,
        id: &PlaybackId,
    ) -> Result<(PlaybackId, InfoHash, FileIndex), WireError> {
        let (info_hash, file_index, probe) = {
            let table = self.inner.playbacks.table();
            let playback = table.open.get(id).ok_or_else(unknown_playback)?;
            (playback.info_hash, playback.file_index, playback.probe.clone())
        };
        let id = PlaybackId(random_token());
        let playback = Playback { probe, ..Playback::new(info_hash, file_index, Reads::All) };
        self.inner.playbacks.insert(id.clone(), playback);
        Ok((id, info_hash, file_index))
    }

    pub(crate) fn forget_playback(&self, id: &PlaybackId) {
        self.inner.playbacks.remove(id);
    }

    /// The player is gone without a last word: stores where it stood, and gives it. `None` if nothing of this was open.
    pub async fn playback_lost(&self, target: PlayerTarget) -> Option<(FileIndex, f64)> {
        let lost = {
            let mut table = self.inner.playbacks.table();
            let is_it = |playback: &Playback| {
                playback.info_hash == target.info_hash
                    && target.file_index.is_none_or(|index| playback.file_index == index)
                    && playback.progress.position_secs().is_some()
            };
            let id = table.order.iter().rev().find(|id| table.open.get(id).is_some_and(is_it)).cloned()?;
            table.order.retain(|known| *known != id);
            table.open.remove(&id)?
        };
        let step = lost.progress.rest();
        if let Err(error) = self.store_step(lost.info_hash, lost.file_index, step).await {
            warn!(%error, "the position of a lost playback could not be stored");
        }
        Some((lost.file_index, lost.progress.position_secs()?))
    }

    /// Ends every playback of a torrent, as when it leaves the library.
    pub(crate) fn end_playbacks_of(&self, info_hash: InfoHash) {
        self.inner.playbacks.table().open.retain(|_, playback| playback.info_hash != info_hash);
    }

    async fn store_step(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
        step: Step,
    ) -> Result<(), WireError> {
        let store = &self.inner.store;
        let stored = match step {
            Step::Nothing => return Ok(()),
            Step::Position { position_secs, duration_secs } => {
                store.put_position(info_hash, file_index, position_secs, duration_secs, clock::now_ms()).await
            }
            Step::Viewed => store.count_play(info_hash, file_index, clock::now_ms()).await,
        };
        stored.map(drop).map_err(|error| error.wire())
    }

    /// Stores where each playback stands, as when the program ends under it, and closes it.
    pub(crate) async fn close_playbacks(&self) {
        let open: Vec<Playback> =
            self.inner.playbacks.table().open.drain().map(|(_, playback)| playback).collect();
        for playback in open {
            let step = playback.progress.rest();
            if let Err(error) = self.store_step(playback.info_hash, playback.file_index, step).await {
                warn!(%error, "the position of a playback could not be stored");
            }
        }
    }

    pub(crate) fn input_url(&self, id: &PlaybackId) -> Result<String, WireError> {
        self.server_address(&file_path(id))
    }

    fn server_address(&self, path: &str) -> Result<String, WireError> {
        let server = self.inner.server_url.get().ok_or_else(|| {
            WireError::new(ErrorCode::Internal, "the player needs the HTTP server, and it is not running")
        })?;
        Ok(format!("{server}{path}"))
    }
}

fn file_path(id: &PlaybackId) -> String {
    format!("/media/{}/file", id.0)
}

/// See [`App::look`].
pub(crate) struct Look {
    app: App,
    id: PlaybackId,
}

impl Look {
    pub(crate) fn input_url(&self) -> Result<String, WireError> {
        self.app.input_url(&self.id)
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.app.inner.playbacks.remove(&self.id);
    }
}

fn unknown_playback() -> WireError {
    WireError::new(ErrorCode::NotFound, "this playback has ended")
}

fn random_token() -> String {
    format!("{:032x}", rand::random::<u128>())
}

pub(crate) async fn open(app: &App, args: PlaybackOpen) -> Result<PlaybackTicket, WireError> {
    let record = app.torrent(args.info_hash).await?.ok_or_else(|| not_found(args.info_hash))?;
    let marks = app.marks(args.info_hash).await?;
    let file_index = match args.file_index {
        Some(index) => index,
        None => rules::play_target(&record.files, &marks.marks).map(|file| file.index).ok_or_else(|| {
            let code = if record.metainfo.is_some() { ErrorCode::NoSuchFile } else { ErrorCode::NotReady };
            WireError::new(code, "there is nothing to play in this torrent")
        })?,
    };
    let id = PlaybackId(random_token());
    let playback = Playback {
        playable_types: args.playable_types,
        ..Playback::new(args.info_hash, file_index, Reads::All)
    };
    app.inner.playbacks.insert(id.clone(), playback);

    let opened = probe_file(app, &id, args.info_hash, file_index).await;
    let (file, probe) = opened.inspect_err(|_| app.inner.playbacks.remove(&id))?;

    let settings = app.settings();
    let wishes = &settings.playback;
    let resume_at_secs = marks
        .get(file_index)
        .filter(|_| wishes.resume_enabled)
        .and_then(|mark| rules::resume_position_secs(mark, probe.duration_secs, file.kind, clock::now_ms()));
    let around = app.around(&record, &file).await?;
    let mut sounds = sound_files(&record.files, &file);
    for (index, track) in &mut sounds {
        track.file_path = Some(format!("/media/{}/sound-{index}", id.0));
    }
    let embedded = probe.streams.iter().map(freshet_media::Stream::track_info);
    let tracks = embedded.chain(sounds.iter().map(|(_, track)| track.clone())).collect();
    if let Some(playback) = app.inner.playbacks.table().open.get_mut(&id) {
        playback.sounds = sounds;
        playback.next = around.next.as_ref().map(|next| (next.info_hash, next.file_index));
    }
    app.look_for_poster(args.info_hash, Some(file_index), Occasion::Opened);
    info!(info_hash = %args.info_hash, %file_index, "playback opened");
    Ok(PlaybackTicket {
        info_hash: args.info_hash,
        file_index,
        title: record.shown_title(),
        file_name: file.name().to_owned(),
        duration_secs: probe.duration_secs,
        resume_at_secs: resume_at_secs.unwrap_or(0.0),
        next_up_at_secs: next_up_at_secs(probe.duration_secs, &probe.chapters)
            .filter(|_| wishes.next_enabled),
        chapters: probe.chapters.clone(),
        previous_file: around.previous,
        next_file: around.next,
        tracks,
        subtitles: subtitles::listed(&probe, &record.files, &file),
        file_path: file_path(&id),
        playback_id: id,
    })
}

async fn probe_file(
    app: &App,
    id: &PlaybackId,
    info_hash: InfoHash,
    file_index: FileIndex,
) -> Result<(freshet_model::FileEntry, Arc<Probe>), WireError> {
    let tools = app.tools()?;
    // Errors of the torrent itself are told as such, not as an unreadable film.
    let OpenFile { file, reader, .. } = app.open_file(info_hash, file_index).await?;
    let url = app.input_url(id)?;
    let probe = freshet_media::probe(tools, &url, PROBE_TIMEOUT).await.map_err(|error| error.wire())?;
    drop(reader);
    let probe = Arc::new(probe);
    let mut table = app.inner.playbacks.table();
    let playback = table.open.get_mut(id).ok_or_else(unknown_playback)?;
    playback.moments.set_start(probe.start_secs);
    playback.probe = Some(probe.clone());
    Ok((file, probe))
}

#[expect(clippy::unused_async, reason = "commands are async")]
pub(crate) async fn start(app: &App, args: PlaybackStart) -> Result<MediaRun, WireError> {
    app.start_run(&args.playback_id, args.at_secs, args.audio_stream)
}

pub(crate) async fn report(app: &App, report: PlaybackReport) -> Result<(), WireError> {
    let valid = |secs: f64| secs.is_finite() && secs >= 0.0;
    if !valid(report.position_secs) || report.duration_secs.is_some_and(|secs| !valid(secs)) {
        return Err(WireError::new(ErrorCode::BadRequest, "a position is a number of seconds from 0 on"));
    }
    let (info_hash, file_index, step, looks_for_poster) = {
        let mut table = app.inner.playbacks.table();
        let playback = table.open.get_mut(&report.playback_id).ok_or_else(unknown_playback)?;
        // The file's own header is a better witness of its length than the page.
        let probed = playback.probe.as_ref().and_then(|probe| probe.duration_secs);
        let duration_secs = probed.or(report.duration_secs);
        let step = playback.progress.report(report.kind, report.position_secs, duration_secs, Instant::now());
        let looked = playback.poster_looked_for_at;
        let looks_for_poster = looked.is_none_or(|at| at.elapsed() >= LOOK_FOR_POSTER_EVERY);
        if looks_for_poster {
            playback.poster_looked_for_at = Some(Instant::now());
        }
        (playback.info_hash, playback.file_index, step, looks_for_poster)
    };
    if report.kind == ReportKind::Closed {
        app.inner.playbacks.remove(&report.playback_id);
        app.look_for_poster(info_hash, Some(file_index), Occasion::Closed);
    } else if looks_for_poster {
        app.look_for_poster(info_hash, Some(file_index), Occasion::Plays);
    }
    app.store_step(info_hash, file_index, step).await
}
