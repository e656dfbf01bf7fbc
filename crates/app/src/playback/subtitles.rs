//! Subtitles of a playback: which there are, and their words as the page asks for them, one window of time after another.
//!
//! Nothing is read that nobody asked for, and the page asks for no more than a few windows ahead of the film: a subtitle
//! never makes the swarm fetch a film early.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use data_encoding::BASE64;
use freshet_media::Probe;
use freshet_media::index::{Container, ContainerIndex, SubtitleIndexTrack};
use freshet_media::subtitles::{
    MAX_TEXT_FILE_BYTES, SubtitleBlock, SubtitleReader, TimedFormat, by_page_clock, converted_cues, decode,
    event_line, script_cues, text_cue, timed_cues,
};
use freshet_model::{
    ErrorCode, FileEntry, FileIndex, InfoHash, OpenedSubtitles, SubtitleCue, SubtitleForm, SubtitleSource,
    SubtitleTrack, SubtitleWindow, TrackKind, WireError, subtitle_files,
};
use tokio::io::AsyncReadExt as _;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::{PlaybackId, Reads, unknown_playback};
use crate::args::{SubtitleOpen, SubtitleRead, SubtitleWindowAsk};
use crate::error::Coded as _;
use crate::{App, OpenFile};

mod parts;

pub use parts::SubtitlePart;

/// How long a window of subtitles may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(60);
/// No window that a page asks for is longer.
const MAX_WINDOW_SECS: f64 = 300.0;
/// How long something is shown that does not say it.
const UNTOLD_SECS: f64 = 4.0;
/// Places that may be a little late for a window; the one before them is not.
const KNOWN_PLACES: usize = 64;
/// A film of a day has fewer clusters.
const MAX_PASSED: usize = 100_000;
/// Tracks that are read at the same time: two are shown.
const MAX_AT_ONCE: usize = 4;

/// What a playback remembers of its subtitles.
#[derive(Debug, Clone, Default)]
pub(super) struct SubtitleState {
    index: Arc<OnceCell<Option<Arc<ContainerIndex>>>>,
    /// The newest question about each track; an older one is not worth an answer.
    asked: Arc<Mutex<HashMap<SubtitleSource, CancellationToken>>>,
    /// Where clusters stand in a film without an index, as far as somebody has passed them.
    passed: Arc<Mutex<BTreeMap<Duration, u64>>>,
}

/// What there is to know of a playback to read its subtitles.
#[derive(Debug, Clone)]
struct Film {
    info_hash: InfoHash,
    file_index: FileIndex,
    probe: Arc<Probe>,
    state: SubtitleState,
}

/// The tracks of a film that can be shown.
pub(super) fn listed(probe: &Probe, files: &[FileEntry], film: &FileEntry) -> Vec<SubtitleTrack> {
    let embedded = probe.streams.iter().filter_map(freshet_media::Stream::subtitle_track);
    embedded.chain(subtitle_files(files, film)).collect()
}

impl SubtitleState {
    /// The last places that were passed before that moment.
    fn passed_before(&self, time: Duration) -> Vec<(Duration, u64)> {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.range(..=time).rev().take(KNOWN_PLACES).map(|(time, byte)| (*time, *byte)).collect()
    }

    fn pass(&self, places: Vec<(Duration, u64)>) {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if passed.len() < MAX_PASSED {
            passed.extend(places);
        }
    }

    /// A token for a new question about a track; the one before it ends.
    fn ask(&self, source: SubtitleSource) -> Result<CancellationToken, WireError> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|_, token| !token.is_cancelled());
        if let Some(older) = asked.remove(&source) {
            older.cancel();
        }
        if asked.len() >= MAX_AT_ONCE {
            return Err(WireError::new(ErrorCode::Busy, "so many subtitles can't be read at the same time"));
        }
        let token = CancellationToken::new();
        asked.insert(source, token.clone());
        Ok(token)
    }
}

impl App {
    fn film_of(&self, id: &PlaybackId) -> Result<Film, WireError> {
        let table = self.inner.playbacks.table();
        let playback = table.open.get(id).ok_or_else(unknown_playback)?;
        Ok(Film {
            info_hash: playback.info_hash,
            file_index: playback.file_index,
            probe: playback.probe.clone().ok_or_else(unknown_playback)?,
            state: playback.subtitles.clone(),
        })
    }

    /// What the container says, asked once for each playback.
    async fn index_of(&self, film: &Film) -> Result<Option<Arc<ContainerIndex>>, WireError> {
        let found = film.state.index.get_or_try_init(|| async {
            let index = Box::pin(self.container_index(film.info_hash, film.file_index)).await?;
            Ok(index.ok().map(Arc::new))
        });
        found.await.cloned()
    }

    /// A file of the torrent, if it is one of subtitles and no larger than that.
    async fn subtitle_file(
        &self,
        film: &Film,
        file_index: FileIndex,
        max_bytes: u64,
    ) -> Result<(FileEntry, Vec<u8>), WireError> {
        let OpenFile { mut reader, file, record } =
            self.open_subtitle_file(film.info_hash, file_index).await?;
        let film_file = record.file(film.file_index).ok_or_else(unknown_playback)?;
        let source = SubtitleSource::File { file_index };
        if !subtitle_files(&record.files, film_file).iter().any(|track| track.source == source) {
            return Err(WireError::new(ErrorCode::NoSuchFile, "this file is no subtitle of the film"));
        }
        if file.length_bytes > max_bytes {
            return Err(WireError::new(ErrorCode::UnreadableMedia, "this file is too large for subtitles"));
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await.map_err(|error| crate::error::read_failed(&error))?;
        Ok((file, bytes))
    }
}

/// Ends a question when a newer one comes, or when it takes too long.
async fn while_asked<T>(
    film: &Film,
    source: SubtitleSource,
    answer: impl Future<Output = Result<T, WireError>> + Unpin,
) -> Result<T, WireError> {
    let token = film.state.ask(source)?;
    let _done = token.clone().drop_guard();
    let timed = tokio::time::timeout(TIMEOUT, answer);
    match token.run_until_cancelled(timed).await {
        Some(Ok(answer)) => answer,
        Some(Err(_)) => Err(WireError::new(ErrorCode::Stalled, "the subtitles did not arrive in time")),
        None => Err(WireError::new(ErrorCode::Cancelled, "a newer question has taken its place")),
    }
}

pub(crate) async fn open_subtitles(app: &App, args: SubtitleOpen) -> Result<OpenedSubtitles, WireError> {
    let film = app.film_of(&args.playback_id)?;
    match args.source {
        SubtitleSource::File { file_index } => {
            let read = async {
                let (file, bytes) = app.subtitle_file(&film, file_index, MAX_TEXT_FILE_BYTES).await?;
                let language = file_language(app, &film, file_index).await;
                let read = read_text(file.name().to_owned(), bytes, args.charset, language).await?;
                with_fonts(app, &film, read).await
            };
            while_asked(&film, args.source, Box::pin(read)).await
        }
        SubtitleSource::Embedded { stream_index } => {
            let form = form_of(&film, stream_index)?;
            if form != SubtitleForm::Ass {
                return Ok(OpenedSubtitles::default());
            }
            let read = async {
                let index = app.index_of(&film).await?;
                let track = index.as_deref().and_then(|index| track_of(&film, index, stream_index));
                let script = track.map(|track| script_head(&track.private));
                with_fonts(app, &film, OpenedSubtitles { script, ..OpenedSubtitles::default() }).await
            };
            while_asked(&film, args.source, Box::pin(read)).await
        }
    }
}

async fn with_fonts(app: &App, film: &Film, mut read: OpenedSubtitles) -> Result<OpenedSubtitles, WireError> {
    if read.script.is_some() {
        // Without them the script is drawn with ours.
        let index = app.index_of(film).await.ok().flatten();
        read.fonts = index.map(|index| parts::fonts(&index)).unwrap_or_default();
    }
    Ok(read)
}

/// What the name of a file says of its language helps to guess how it is written.
async fn file_language(app: &App, film: &Film, file_index: FileIndex) -> Option<String> {
    let record = app.torrent(film.info_hash).await.ok()??;
    let tracks = subtitle_files(&record.files, record.file(film.file_index)?);
    let source = SubtitleSource::File { file_index };
    tracks.into_iter().find(|track| track.source == source)?.language
}

/// A script of a film says nothing of its events until they come.
fn script_head(private: &[u8]) -> String {
    let mut head = String::from_utf8_lossy(private).replace('\0', "");
    if !head.to_ascii_lowercase().contains("[events]") {
        head.push_str(
            "\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
        );
    }
    head.push('\n');
    head
}

pub(crate) async fn read_own_subtitles(app: &App, args: SubtitleRead) -> Result<OpenedSubtitles, WireError> {
    let film = app.film_of(&args.playback_id)?;
    let too_large = || WireError::new(ErrorCode::UnreadableMedia, "this file is too large for subtitles");
    if args.base64.len() as u64 > MAX_TEXT_FILE_BYTES / 3 * 4 + 8 {
        return Err(too_large());
    }
    let bytes = BASE64
        .decode(args.base64.as_bytes())
        .map_err(|_| WireError::new(ErrorCode::BadRequest, "the content of the file is not base64"))?;
    if bytes.len() as u64 > MAX_TEXT_FILE_BYTES {
        return Err(too_large());
    }
    let name = args.name.chars().take(255).collect();
    let read = read_text(name, bytes, args.charset, None).await?;
    with_fonts(app, &film, read).await
}

/// Parsing some megabytes takes a moment: on a thread that nobody waits on.
async fn read_text(
    name: String,
    bytes: Vec<u8>,
    charset: Option<String>,
    language: Option<String>,
) -> Result<OpenedSubtitles, WireError> {
    let read = tokio::task::spawn_blocking(move || {
        let (text, charset) = decode(&bytes, charset.as_deref(), language.as_deref());
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let is_script = matches!(extension.as_deref(), Some("ass" | "ssa"));
        let cues = if is_script { script_cues(&text) } else { timed_cues(&text, TimedFormat::of(&text)) };
        OpenedSubtitles {
            is_whole: true,
            cues: by_page_clock(cues, 0.0),
            script: is_script.then_some(text),
            charset: Some(charset.to_owned()),
            fonts: Vec::new(),
        }
    });
    read.await.map_err(|_| WireError::new(ErrorCode::Internal, "the subtitles could not be read"))
}

pub(crate) async fn subtitle_window(app: &App, args: SubtitleWindowAsk) -> Result<SubtitleWindow, WireError> {
    let film = app.film_of(&args.playback_id)?;
    let SubtitleSource::Embedded { stream_index } = args.source else {
        return Err(WireError::new(ErrorCode::BadRequest, "a file of subtitles is read as a whole"));
    };
    let form = form_of(&film, stream_index)?;
    let window = Window::new(args.from_secs, args.to_secs, film.probe.start_secs)?;
    let read = async {
        if let Some(found) = film_blocks(app, &film, stream_index, &window).await? {
            return Ok(match form {
                SubtitleForm::Text => text_window(&found, film.probe.start_secs),
                SubtitleForm::Ass => script_window(&found, film.probe.start_secs),
                SubtitleForm::Pgs => SubtitleWindow::default(),
            });
        }
        let look = app.look(film.info_hash, film.file_index, Reads::Look);
        let url = look.input_url()?;
        let (from, to) = (window.from.as_secs_f64(), window.to.as_secs_f64());
        let cues = converted_cues(app.tools()?, &url, stream_index, from, to, TIMEOUT).await;
        drop(look);
        let cues = by_page_clock(cues.map_err(|error| error.wire())?, film.probe.start_secs);
        Ok(SubtitleWindow { cues, events: Vec::new() })
    };
    while_asked(&film, args.source, Box::pin(read)).await
}

/// A window of time, by the clock of the file.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: Duration,
    to: Duration,
}

impl Window {
    fn new(from_secs: f64, to_secs: f64, start_secs: f64) -> Result<Self, WireError> {
        let bad = || WireError::new(ErrorCode::BadRequest, "a window is from one second to a later one");
        let is_good = from_secs >= 0.0 && to_secs > from_secs && to_secs - from_secs <= MAX_WINDOW_SECS;
        if !is_good {
            return Err(bad());
        }
        let file = |secs: f64| Duration::try_from_secs_f64(secs + start_secs).map_err(|_| bad());
        // What is said before the film begins is said at its beginning.
        let from = if from_secs == 0.0 { Duration::ZERO } else { file(from_secs)? };
        Ok(Self { from, to: file(to_secs)? })
    }
}

fn form_of(film: &Film, stream_index: u32) -> Result<SubtitleForm, WireError> {
    let stream = film.probe.streams.iter().find(|stream| stream.index == stream_index);
    let track = stream.and_then(freshet_media::Stream::subtitle_track);
    track
        .map(|track| track.form)
        .ok_or_else(|| WireError::new(ErrorCode::BadRequest, "no such subtitle track"))
}

/// The track of the container that `ffprobe` calls by this number: both count the subtitles in the order of the file.
fn track_of<'a>(film: &Film, index: &'a ContainerIndex, stream_index: u32) -> Option<&'a SubtitleIndexTrack> {
    let mut subtitles = film.probe.streams.iter().filter(|stream| stream.kind == TrackKind::Subtitle);
    let place = subtitles.position(|stream| stream.index == stream_index)?;
    index.subtitles.as_ref()?.tracks.get(place)
}

struct Spoken {
    codec: String,
    head: String,
    blocks: Vec<SubtitleBlock>,
}

/// `None` if the film is of another kind than Matroska.
async fn film_blocks(
    app: &App,
    film: &Film,
    stream_index: u32,
    window: &Window,
) -> Result<Option<Spoken>, WireError> {
    let Some(index) = app.index_of(film).await? else { return Ok(None) };
    if index.container == Container::Mp4 {
        return Ok(None);
    }
    let (Some(subtitles), Some(track)) = (&index.subtitles, track_of(film, &index, stream_index)) else {
        return Err(WireError::new(
            ErrorCode::UnreadableMedia,
            "the film does not say where its subtitles stand",
        ));
    };
    let OpenFile { reader, .. } = app.open_subtitle_file(film.info_hash, film.file_index).await?;
    let file_bytes = reader.len_bytes();
    let times = index.time_index.as_ref().ok();
    let reader = SubtitleReader::new(reader, file_bytes, subtitles, times);
    let known = film.state.passed_before(window.from);
    let found = reader.window(track, window.from, window.to, &known).await.map_err(|error| error.wire())?;
    film.state.pass(found.passed);
    let blocks = found.blocks;
    Ok(Some(Spoken { codec: track.codec.clone(), head: script_head(&track.private), blocks }))
}

/// Start and end of a block by the page's clock.
fn span(block: &SubtitleBlock, next: Option<&SubtitleBlock>, start_secs: f64) -> (f64, f64) {
    let start = block.start.as_secs_f64() - start_secs;
    let until_next = next.map_or(UNTOLD_SECS, |next| (next.start - block.start).as_secs_f64());
    let length = block.duration.map_or(until_next.min(UNTOLD_SECS), |duration| duration.as_secs_f64());
    (start.max(0.0), start + length)
}

fn text_window(found: &Spoken, start_secs: f64) -> SubtitleWindow {
    let is_web_vtt = found.codec.contains("WEBVTT");
    let cue = |(at, block): (usize, &SubtitleBlock)| -> Option<SubtitleCue> {
        let (start, end) = span(block, found.blocks.get(at + 1), start_secs);
        text_cue(&String::from_utf8_lossy(&block.data), is_web_vtt, start, end)
    };
    SubtitleWindow { cues: found.blocks.iter().enumerate().filter_map(cue).collect(), events: Vec::new() }
}

fn script_window(found: &Spoken, start_secs: f64) -> SubtitleWindow {
    let line = |(at, block): (usize, &SubtitleBlock)| {
        let (start, end) = span(block, found.blocks.get(at + 1), start_secs);
        event_line(&String::from_utf8_lossy(&block.data), start, end)
    };
    let events: Vec<String> = found.blocks.iter().enumerate().filter_map(line).collect();
    let cues = script_cues(&format!("{}{}", found.head, events.join("\n")));
    SubtitleWindow { cues: by_page_clock(cues, 0.0), events }
}
