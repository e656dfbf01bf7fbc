//! What `ffprobe` says of a file.

use std::time::Duration;

use freshet_model::{
    Chapter, ChapterKind, SubtitleForm, SubtitleSource, SubtitleTrack, TrackInfo, TrackKind,
};
use serde::Deserialize;

use crate::Tools;
use crate::text::shown;
use crate::tools::{Said, said_by};

/// No honest file describes itself in more.
const MAX_OUTPUT_BYTES: u64 = 4 * 1024 * 1024;
pub(crate) const MAX_STREAMS: usize = 256;
const MAX_CHAPTERS: usize = 256;

/// A file as far as its header tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    pub duration_secs: Option<f64>,
    /// Where the file's own clock starts; players show this as zero.
    pub start_secs: f64,
    pub streams: Vec<Stream>,
    /// By the clock that players show, in order.
    pub chapters: Vec<Chapter>,
}

/// One stream inside a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    pub index: u32,
    pub kind: TrackKind,
    /// `ffprobe`'s name, such as `h264`.
    pub codec: String,
    pub profile: String,
    pub level: i32,
    pub bits: u32,
    pub channels: u32,
    /// When the stream begins, by the file's own clock.
    pub start_secs: f64,
    /// In what its times are counted; `None` if a tick is no whole part of a second.
    pub ticks_per_sec: Option<u32>,
    pub language: Option<String>,
    pub title: Option<String>,
    pub is_default: bool,
    pub is_forced: bool,
    pub is_for_hearing_impaired: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error("ffprobe could not be started")]
    Start(#[source] std::io::Error),
    #[error("the beginning of the file did not arrive within {0:?}")]
    TimedOut(Duration),
    #[error("the file is not media that can be read: {0}")]
    Unreadable(String),
    #[error("ffprobe's answer could not be read")]
    Answer(#[source] serde_json::Error),
}

/// Asks `ffprobe` what stands in the file at `input_url`, an address on loopback.
///
/// Waits for as much of the file as that needs, at most `time_out`. Dropping the future ends the child.
///
/// # Errors
/// [`ProbeError`].
pub async fn probe(tools: &Tools, input_url: &str, time_out: Duration) -> Result<Probe, ProbeError> {
    parse(&ask(tools, input_url, time_out).await?)
}

/// The answer of `ffprobe` as it came.
pub(crate) async fn ask(tools: &Tools, input_url: &str, time_out: Duration) -> Result<Vec<u8>, ProbeError> {
    let mut command = tools.ffprobe();
    command.args([
        "-print_format",
        "json",
        "-show_format",
        "-show_streams",
        "-show_chapters",
        "-i",
        input_url,
    ]);
    let child = tools.spawn(&mut command, input_url).map_err(ProbeError::Start)?;
    let said = tokio::time::timeout(time_out, said_by(child, MAX_OUTPUT_BYTES)).await;
    let Said { status, out, err } = said.map_err(|_| ProbeError::TimedOut(time_out))?;
    if !status.is_ok_and(|status| status.success()) {
        let complaint = String::from_utf8_lossy(&err);
        let last = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
        return Err(ProbeError::Unreadable(last.replace(input_url, "the file")));
    }
    Ok(out)
}

fn seconds(text: Option<&str>) -> Option<f64> {
    text?.parse().ok().filter(|secs: &f64| secs.is_finite())
}

fn parse(answer: &[u8]) -> Result<Probe, ProbeError> {
    let answer: Answer = serde_json::from_slice(answer).map_err(ProbeError::Answer)?;
    let streams: Vec<Stream> =
        answer.streams.into_iter().take(MAX_STREAMS).filter_map(AnswerStream::read).collect();
    if !streams.iter().any(|stream| stream.kind != TrackKind::Subtitle) {
        return Err(ProbeError::Unreadable("it has neither picture nor sound".to_owned()));
    }
    let start_secs = seconds(answer.format.start_time.as_deref()).unwrap_or(0.0).max(0.0);
    let mut chapters: Vec<Chapter> = answer
        .chapters
        .into_iter()
        .take(MAX_CHAPTERS)
        .filter_map(|chapter| chapter.read(start_secs))
        .collect();
    chapters.sort_by(|a, b| a.start_secs.total_cmp(&b.start_secs));
    Ok(Probe {
        duration_secs: seconds(answer.format.duration.as_deref()).filter(|duration| *duration > 0.0),
        start_secs,
        streams,
        chapters,
    })
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    streams: Vec<AnswerStream>,
    #[serde(default)]
    chapters: Vec<AnswerChapter>,
    #[serde(default)]
    format: AnswerFormat,
}

#[derive(Deserialize, Default)]
struct AnswerFormat {
    duration: Option<String>,
    start_time: Option<String>,
}

#[derive(Deserialize)]
struct AnswerStream {
    index: u32,
    #[serde(default)]
    codec_type: String,
    #[serde(default)]
    codec_name: String,
    #[serde(default)]
    profile: String,
    #[serde(default)]
    level: i32,
    #[serde(default)]
    pix_fmt: String,
    #[serde(default)]
    channels: u32,
    start_time: Option<String>,
    #[serde(default)]
    time_base: String,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
    #[serde(default)]
    default: u8,
    #[serde(default)]
    forced: u8,
    #[serde(default)]
    hearing_impaired: u8,
}

#[derive(Deserialize, Default)]
struct Tags {
    language: Option<String>,
    title: Option<String>,
}

#[derive(Deserialize)]
struct AnswerChapter {
    start_time: Option<String>,
    end_time: Option<String>,
    #[serde(default)]
    tags: Tags,
}

impl AnswerChapter {
    fn read(self, file_start_secs: f64) -> Option<Chapter> {
        let start_secs = (seconds(self.start_time.as_deref())? - file_start_secs).max(0.0);
        let end_secs = seconds(self.end_time.as_deref())? - file_start_secs;
        let title = self.tags.title.as_deref().and_then(shown);
        let kind = title.as_deref().map_or(ChapterKind::Part, ChapterKind::from_title);
        (end_secs > start_secs).then_some(Chapter { start_secs, end_secs, title, kind })
    }
}

impl AnswerStream {
    fn read(self) -> Option<Stream> {
        let kind = match self.codec_type.as_str() {
            // A cover picture is no film.
            "video" if self.disposition.attached_pic == 0 => TrackKind::Video,
            "audio" => TrackKind::Audio,
            "subtitle" => TrackKind::Subtitle,
            _ => return None,
        };
        let bits = if self.pix_fmt.contains("12") {
            12
        } else if self.pix_fmt.contains("p10") {
            10
        } else {
            8
        };
        Some(Stream {
            index: self.index,
            kind,
            codec: self.codec_name,
            profile: self.profile,
            level: self.level,
            bits,
            channels: self.channels,
            start_secs: seconds(self.start_time.as_deref()).unwrap_or(0.0),
            ticks_per_sec: self.time_base.strip_prefix("1/").and_then(|ticks| ticks.parse().ok()),
            language: self.tags.language.as_deref().and_then(shown),
            title: self.tags.title.as_deref().and_then(shown),
            is_default: self.disposition.default != 0,
            is_forced: self.disposition.forced != 0,
            is_for_hearing_impaired: self.disposition.hearing_impaired != 0,
        })
    }
}

impl Stream {
    /// The stream as the player page lists it.
    pub fn track_info(&self) -> TrackInfo {
        TrackInfo {
            stream_index: self.index,
            kind: self.kind,
            codec: self.codec.clone(),
            mime_codec: self.mime_codec(),
            language: self.language.clone(),
            title: self.title.clone(),
            file_path: None,
        }
    }

    /// The stream as a person can choose it, if it is one of subtitles that can be shown.
    pub fn subtitle_track(&self) -> Option<SubtitleTrack> {
        if self.kind != TrackKind::Subtitle {
            return None;
        }
        let (form, format) = match self.codec.as_str() {
            "subrip" | "srt" => (SubtitleForm::Text, "srt"),
            "webvtt" => (SubtitleForm::Text, "vtt"),
            "mov_text" => (SubtitleForm::Text, "tx3g"),
            "ass" | "ssa" => (SubtitleForm::Ass, "ass"),
            "hdmv_pgs_subtitle" => (SubtitleForm::Pgs, "pgs"),
            _ => return None,
        };
        Some(SubtitleTrack {
            source: SubtitleSource::Embedded { stream_index: self.index },
            form,
            format: format.to_owned(),
            language: self.language.clone(),
            title: self.title.clone(),
            is_default: self.is_default,
            is_forced: self.is_forced,
            is_for_hearing_impaired: self.is_for_hearing_impaired,
        })
    }

    /// The name of the codec in a media source (RFC 6381), where one exists in MP4.
    pub fn mime_codec(&self) -> Option<String> {
        let level = u8::try_from(self.level).unwrap_or(0);
        Some(match self.codec.as_str() {
            "h264" => {
                let (profile, constraints) = match self.profile.as_str() {
                    "Baseline" => (0x42, 0x00),
                    "Constrained Baseline" => (0x42, 0xe0),
                    "Main" => (0x4d, 0x40),
                    "High 10" | "High 10 Intra" => (0x6e, 0x00),
                    "High 4:2:2" | "High 4:2:2 Intra" => (0x7a, 0x00),
                    "High 4:4:4 Predictive" => (0xf4, 0x00),
                    _ => (0x64, 0x00),
                };
                format!("avc1.{profile:02x}{constraints:02x}{:02x}", if level == 0 { 40 } else { level })
            }
            "hevc" => {
                let profile = if self.bits > 8 { "2.4" } else { "1.6" };
                format!("hvc1.{profile}.L{}.B0", if level == 0 { 120 } else { level })
            }
            "av1" => format!("av01.0.{:02}M.{:02}", if level == 0 { 8 } else { level }, self.bits),
            "vp9" => {
                let profile = if self.bits > 8 { 2 } else { 0 };
                format!("vp09.{profile:02}.{:02}.{:02}", if level == 0 { 41 } else { level }, self.bits)
            }
            "aac" => "mp4a.40.2".to_owned(),
            "ac3" => "ac-3".to_owned(),
            "eac3" => "ec-3".to_owned(),
            "opus" => "opus".to_owned(),
            "flac" => "flac".to_owned(),
            "mp3" => "mp4a.6b".to_owned(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_answer() {
        let answer = br#"{"streams":[
            {"index":0,"codec_type":"video","codec_name":"mjpeg","disposition":{"attached_pic":1}},
            {"index":1,"codec_type":"video","codec_name":"h264","profile":"High","level":31,"pix_fmt":"yuv420p","start_time":"1.483"},
            {"index":2,"codec_type":"audio","codec_name":"ac3","channels":6,"tags":{"language":"rus","title":"a\u0007b"}},
            {"index":3,"codec_type":"data","codec_name":"bin"}],
            "format":{"duration":"61.5","start_time":"1.4"}}"#;

        let probe = parse(answer).unwrap();

        assert_eq!((probe.duration_secs, probe.start_secs), (Some(61.5), 1.4));
        let kinds: Vec<_> = probe.streams.iter().map(|s| (s.index, s.kind)).collect();
        assert_eq!(kinds, [(1, TrackKind::Video), (2, TrackKind::Audio)]);
        assert_eq!(probe.streams[0].mime_codec().as_deref(), Some("avc1.64001f"));
        assert_eq!(probe.streams[0].start_secs, 1.483);
        assert_eq!(probe.streams[1].title.as_deref(), Some("ab"));
    }

    #[test]
    fn reads_chapters_by_the_clock_that_players_show() {
        let answer = br#"{"streams":[{"index":0,"codec_type":"video"}],"chapters":[
            {"start_time":"91.4","end_time":"300.0","tags":{"title":"The river"}},
            {"start_time":"1.4","end_time":"91.4","tags":{"title":"Opening"}},
            {"start_time":"50.0","end_time":"50.0"},
            {"start_time":"nan","end_time":"60.0"}],
            "format":{"duration":"300","start_time":"1.4"}}"#;

        let chapters = parse(answer).unwrap().chapters;

        let seen: Vec<_> = chapters.iter().map(|c| (c.start_secs, c.kind, c.title.as_deref())).collect();
        assert_eq!(
            seen,
            [(0.0, ChapterKind::Intro, Some("Opening")), (90.0, ChapterKind::Part, Some("The river"))]
        );
    }

    #[test]
    fn what_has_no_picture_and_no_sound_is_not_media() {
        assert!(matches!(parse(br#"{"streams":[],"format":{}}"#), Err(ProbeError::Unreadable(_))));
        assert!(matches!(parse(b"<html>"), Err(ProbeError::Answer(_))));
        let nan = br#"{"streams":[{"index":0,"codec_type":"audio"}],"format":{"duration":"nan","start_time":"-5"}}"#;
        let probe = parse(nan).unwrap();
        assert_eq!((probe.duration_secs, probe.start_secs), (None, 0.0));
    }

    #[test]
    fn names_codecs_as_browsers_do() {
        let stream = |codec: &str, profile: &str, level, bits| Stream {
            index: 0,
            kind: TrackKind::Video,
            codec: codec.to_owned(),
            profile: profile.to_owned(),
            level,
            bits,
            channels: 0,
            start_secs: 0.0,
            ticks_per_sec: Some(1000),
            language: None,
            title: None,
            is_default: false,
            is_forced: false,
            is_for_hearing_impaired: false,
        };
        let table = [
            (stream("h264", "Constrained Baseline", 30, 8), Some("avc1.42e01e")),
            (stream("h264", "High 10", 50, 10), Some("avc1.6e0032")),
            (stream("hevc", "Main 10", 120, 10), Some("hvc1.2.4.L120.B0")),
            (stream("av1", "Main", 8, 8), Some("av01.0.08M.08")),
            (stream("vp9", "Profile 0", -99, 8), Some("vp09.00.41.08")),
            (stream("mpeg2video", "Main", 8, 8), None),
        ];
        for (stream, name) in table {
            assert_eq!(stream.mime_codec().as_deref(), name, "{stream:?}");
        }
    }
}
