//! How a file gets into a view: what is copied, what is encoded anew. Decided from the probe, never by waiting for an
//! error: a view that can't decode a sound plays the picture in silence and says nothing.

use freshet_model::{PlaybackMode, TrackKind};

use crate::{Probe, Stream};

/// The types that a page asks its media source about, once. A representative of each kind of stream that can be copied
/// into MP4.
pub const PROBED_TYPES: &[&str] = &[
    "video/mp4; codecs=\"avc1.640028\"",
    "video/mp4; codecs=\"avc1.6e0028\"",
    "video/mp4; codecs=\"hvc1.1.6.L120.B0\"",
    "video/mp4; codecs=\"hvc1.2.4.L120.B0\"",
    "video/mp4; codecs=\"av01.0.08M.08\"",
    "video/mp4; codecs=\"av01.0.08M.10\"",
    "video/mp4; codecs=\"vp09.00.41.08\"",
    "video/mp4; codecs=\"vp09.02.41.10\"",
    "audio/mp4; codecs=\"mp4a.40.2\"",
    "audio/mp4; codecs=\"mp4a.6b\"",
    "audio/mp4; codecs=\"ac-3\"",
    "audio/mp4; codecs=\"ec-3\"",
    "audio/mp4; codecs=\"opus\"",
    "audio/mp4; codecs=\"flac\"",
];

const AAC: &str = "mp4a.40.2";
/// What the encoder is told to make: H.264 High at level 4.0.
const ENCODED_VIDEO: &str = "avc1.640028";

#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub video: Option<(u32, VideoPlan)>,
    /// Not of the file, if the sound comes from another one.
    pub audio: Option<(u32, AudioPlan)>,
    /// What `MediaSource.addSourceBuffer` takes.
    pub mime: String,
    /// How long the sound runs before there is a picture, at the beginning of the file.
    pub lead_secs: f64,
}

/// A later picture than this is meant: the sound before it belongs to the film.
const MAX_LEAD_SECS: f64 = 1.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoPlan {
    /// As it is. HEVC has to be labeled in the way that views know; the ticks are those of the file's times.
    Copy { is_hevc: bool, ticks_per_sec: Option<u32> },
    /// Encoded as H.264.
    Encode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioPlan {
    /// As it is. What says how to read AAC stands in each of its frames in some containers, and once at the beginning in MP4.
    Copy { is_aac: bool },
    /// Encoded as stereo AAC.
    Encode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no stream that could be played")]
pub struct NothingPlayable;

impl Plan {
    pub fn mode(&self) -> PlaybackMode {
        match self.video {
            Some((_, VideoPlan::Encode)) => PlaybackMode::Transcode,
            Some((_, VideoPlan::Copy { .. })) | None => PlaybackMode::Remux,
        }
    }
}

/// Which sound of a film is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// This stream of the file; the first one if it has no such stream.
    Stream(Option<u32>),
    /// That of a file beside it, see [`crate::RunOptions::sound_url`].
    Beside,
}

/// Chooses for a view that said which of [`PROBED_TYPES`] it plays.
///
/// # Errors
/// [`NothingPlayable`] if there is neither picture nor sound.
pub fn choose(probe: &Probe, playable_types: &[String], sound: Sound) -> Result<Plan, NothingPlayable> {
    let plays = |kind: &str, codec: &str| {
        playable_types.iter().any(|t| *t == format!("{kind}/mp4; codecs=\"{codec}\""))
    };
    let of_kind = |kind| probe.streams.iter().filter(move |stream| stream.kind == kind);

    let video = of_kind(TrackKind::Video).next().map(|stream| {
        let copied =
            stream.mime_codec().filter(|_| representative(stream).is_some_and(|codec| plays("video", codec)));
        match copied {
            Some(codec) => {
                let is_hevc = stream.codec == "hevc";
                (stream.index, VideoPlan::Copy { is_hevc, ticks_per_sec: stream.ticks_per_sec }, codec)
            }
            None => (stream.index, VideoPlan::Encode, ENCODED_VIDEO.to_owned()),
        }
    });
    let heard = match sound {
        Sound::Stream(wanted) => of_kind(TrackKind::Audio)
            .find(|stream| Some(stream.index) == wanted)
            .or_else(|| of_kind(TrackKind::Audio).next()),
        Sound::Beside => None,
    };
    let audio = heard.map(|stream| match stream.mime_codec().filter(|codec| plays("audio", codec)) {
        // Only the plain form of AAC: views disagree over the others.
        Some(codec) if codec != AAC || matches!(stream.profile.as_str(), "LC" | "") => {
            (stream.index, AudioPlan::Copy { is_aac: codec == AAC }, codec)
        }
        _ => (stream.index, AudioPlan::Encode, AAC.to_owned()),
    });

    let codecs: Vec<&str> =
        [video.as_ref().map(|(.., codec)| codec), audio.as_ref().map(|(.., codec)| codec)]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
    if codecs.is_empty() {
        return Err(NothingPlayable);
    }
    let codecs = if sound == Sound::Beside { [&codecs[..], &[AAC]].concat() } else { codecs };
    let starts_at = |index: u32| {
        probe.streams.iter().find(|stream| stream.index == index).map(|stream| stream.start_secs)
    };
    let chosen = [video.as_ref().map(|(index, ..)| *index), audio.as_ref().map(|(index, ..)| *index)];
    let latest = chosen.into_iter().flatten().filter_map(starts_at).fold(probe.start_secs, f64::max);
    let lead_secs = Some(latest - probe.start_secs).filter(|lead| *lead <= MAX_LEAD_SECS).unwrap_or(0.0);
    let container = if video.is_some() { "video/mp4" } else { "audio/mp4" };
    let mime = format!("{container}; codecs=\"{}\"", codecs.join(","));
    Ok(Plan {
        video: video.map(|(index, plan, _)| (index, plan)),
        audio: audio.map(|(index, plan, _)| (index, plan)),
        mime,
        lead_secs,
    })
}

/// The codec in [`PROBED_TYPES`] that answers for this stream.
fn representative(stream: &Stream) -> Option<&'static str> {
    Some(match (stream.codec.as_str(), stream.bits) {
        ("h264", 8) if !stream.profile.contains("4:") => "avc1.640028",
        ("h264", 10) if stream.profile.starts_with("High 10") => "avc1.6e0028",
        ("hevc", 8) => "hvc1.1.6.L120.B0",
        ("hevc", 10) => "hvc1.2.4.L120.B0",
        ("av1", 8) => "av01.0.08M.08",
        ("av1", 10) => "av01.0.08M.10",
        ("vp9", 8) => "vp09.00.41.08",
        ("vp9", 10) => "vp09.02.41.10",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(index: u32, kind: TrackKind, codec: &str) -> Stream {
        Stream {
            index,
            kind,
            codec: codec.to_owned(),
            profile: String::new(),
            level: 40,
            bits: 8,
            channels: 2,
            start_secs: 0.0,
            ticks_per_sec: Some(1000),
            language: None,
            title: None,
            is_default: false,
            is_forced: false,
            is_for_hearing_impaired: false,
        }
    }

    fn probe(streams: Vec<Stream>) -> Probe {
        Probe { duration_secs: Some(60.0), start_secs: 0.0, streams, chapters: Vec::new() }
    }

    /// A view like Chromium without paid codecs' hardware: H.264, VP9, AAC, Opus, FLAC, MP3.
    fn chromium() -> Vec<String> {
        [0, 6, 8, 9, 12, 13].map(|i| PROBED_TYPES[i].to_owned()).to_vec()
    }

    #[test]
    fn copies_what_the_view_plays_and_encodes_only_the_rest() {
        use AudioPlan as A;
        use VideoPlan as V;
        let copy = V::Copy { is_hevc: false, ticks_per_sec: Some(1000) };
        let (aac, other) = (A::Copy { is_aac: true }, A::Copy { is_aac: false });
        let table = [
            ("h264", "aac", copy, aac, "avc1.640028,mp4a.40.2"),
            ("h264", "ac3", copy, A::Encode, "avc1.640028,mp4a.40.2"),
            ("h264", "dts", copy, A::Encode, "avc1.640028,mp4a.40.2"),
            ("vp9", "opus", copy, other, "vp09.00.40.08,opus"),
            ("hevc", "aac", V::Encode, aac, "avc1.640028,mp4a.40.2"),
            ("mpeg4", "mp3", V::Encode, other, "avc1.640028,mp4a.6b"),
        ];
        for (video, audio, video_plan, audio_plan, codecs) in table {
            let probe = probe(vec![stream(0, TrackKind::Video, video), stream(1, TrackKind::Audio, audio)]);

            let plan = choose(&probe, &chromium(), Sound::Stream(None)).unwrap();

            assert_eq!(plan.video, Some((0, video_plan)), "{video}");
            assert_eq!(plan.audio, Some((1, audio_plan)), "{audio}");
            assert_eq!(plan.mime, format!("video/mp4; codecs=\"{codecs}\""));
        }
    }

    #[test]
    fn ten_bit_pictures_are_another_question() {
        let ten_bit =
            Stream { bits: 10, profile: "High 10".to_owned(), ..stream(0, TrackKind::Video, "h264") };

        let plan = choose(&probe(vec![ten_bit]), &chromium(), Sound::Stream(None)).unwrap();

        assert_eq!(plan.mode(), PlaybackMode::Transcode);
    }

    #[test]
    fn a_chosen_track_is_used_and_an_unknown_one_falls_back() {
        let probe = probe(vec![stream(1, TrackKind::Audio, "aac"), stream(2, TrackKind::Audio, "mp3")]);
        let (aac, mp3) = (AudioPlan::Copy { is_aac: true }, AudioPlan::Copy { is_aac: false });

        assert_eq!(choose(&probe, &chromium(), Sound::Stream(Some(2))).unwrap().audio, Some((2, mp3)));
        assert_eq!(choose(&probe, &chromium(), Sound::Stream(Some(9))).unwrap().audio, Some((1, aac)));
        assert_eq!(
            choose(&probe, &chromium(), Sound::Stream(None)).unwrap().mime,
            "audio/mp4; codecs=\"mp4a.40.2\""
        );
    }

    #[test]
    fn a_picture_that_starts_after_its_sound_gives_the_film_a_lead() {
        let late = |start_secs| Stream { start_secs, ..stream(0, TrackKind::Video, "h264") };
        let lead = |video: Stream| {
            let probe = Probe {
                start_secs: 1.0,
                ..probe(vec![video, Stream { start_secs: 1.0, ..stream(1, TrackKind::Audio, "aac") }])
            };
            choose(&probe, &chromium(), Sound::Stream(None)).unwrap().lead_secs
        };

        assert_eq!(lead(late(1.0)), 0.0);
        assert_eq!(lead(late(1.25)), 0.25);
        assert_eq!(lead(late(9.0)), 0.0, "sound alone for so long is part of the film");
    }

    #[test]
    fn subtitles_alone_are_nothing() {
        assert_eq!(
            choose(&probe(vec![stream(0, TrackKind::Subtitle, "srt")]), &[], Sound::Stream(None)),
            Err(NothingPlayable)
        );
    }
}
