//! What `ffprobe` says of a file, in the shape in which media servers pass it on: every field is there, a missing one as
//! zero or empty.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::probe::{MAX_STREAMS, ask};
use crate::{ProbeError, Tools};

/// A file with all its streams, as `ffprobe` names things.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Description {
    pub streams: Vec<DescribedStream>,
    pub format: DescribedFormat,
}

/// Numbers that are texts here are texts in `ffprobe`'s answer: it does not trust JSON with their size.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DescribedFormat {
    pub filename: String,
    pub nb_streams: i64,
    pub nb_programs: i64,
    pub format_name: String,
    pub format_long_name: String,
    pub start_time: Number,
    pub duration: Number,
    pub size: String,
    pub bit_rate: String,
    pub probe_score: i64,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DescribedStream {
    pub index: u32,
    pub id: String,
    pub codec_name: String,
    pub codec_long_name: String,
    pub codec_type: String,
    pub codec_time_base: String,
    pub codec_tag_string: String,
    pub codec_tag: String,
    pub r_frame_rate: String,
    pub avg_frame_rate: String,
    pub time_base: String,
    pub start_pts: i64,
    pub start_time: String,
    pub duration_ts: i64,
    pub duration: String,
    pub bit_rate: String,
    pub bits_per_raw_sample: String,
    pub nb_frames: String,
    pub disposition: BTreeMap<String, i64>,
    pub tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub profile: String,
    pub width: i64,
    pub height: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub has_b_frames: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sample_aspect_ratio: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_aspect_ratio: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pix_fmt: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub level: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub color_range: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub color_space: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub color_transfer: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub color_primaries: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sample_fmt: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sample_rate: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub channels: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub channel_layout: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub bits_per_sample: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// A number as a text; a missing one is `0`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Number(pub String);

impl Default for Number {
    fn default() -> Self {
        Self("0".to_owned())
    }
}

impl Description {
    /// Length in seconds, if the file tells it.
    pub fn duration_secs(&self) -> Option<f64> {
        self.format.duration.0.parse().ok().filter(|secs: &f64| secs.is_finite() && *secs > 0.0)
    }
}

/// Asks `ffprobe` for everything that stands in the file at `input_url`, an address on loopback.
///
/// Waits for as much of the file as that needs, at most `time_out`. Dropping the future ends the child. The file's own name
/// is not told to `ffprobe`: [`DescribedFormat::filename`] is the address.
///
/// # Errors
/// [`ProbeError`].
pub async fn describe(tools: &Tools, input_url: &str, time_out: Duration) -> Result<Description, ProbeError> {
    parse(&ask(tools, input_url, time_out).await?)
}

fn parse(answer: &[u8]) -> Result<Description, ProbeError> {
    let mut description: Description = serde_json::from_slice(answer).map_err(ProbeError::Answer)?;
    description.streams.truncate(MAX_STREAMS);
    if description.streams.is_empty() {
        return Err(ProbeError::Unreadable("it has no streams".to_owned()));
    }
    Ok(description)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_zero_and_what_is_unknown_is_left_out() {
        let answer =
            br#"{"programs":[],"streams":[{"index":0,"codec_name":"aac","codec_type":"audio","channels":2,
            "sample_rate":"48000","new_field":7,"disposition":{"default":1},"tags":{"language":"rus"}}],
            "format":{"filename":"http://127.0.0.1/x","nb_streams":1,"duration":"61.500000"}}"#;

        let text = serde_json::to_string(&parse(answer).unwrap()).unwrap();

        assert_eq!(
            text,
            concat!(
                r#"{"streams":[{"index":0,"id":"","codec_name":"aac","codec_long_name":"","codec_type":"audio","#,
                r#""codec_time_base":"","codec_tag_string":"","codec_tag":"","r_frame_rate":"","avg_frame_rate":"","#,
                r#""time_base":"","start_pts":0,"start_time":"","duration_ts":0,"duration":"","bit_rate":"","#,
                r#""bits_per_raw_sample":"","nb_frames":"","disposition":{"default":1},"tags":{"language":"rus"},"#,
                r#""width":0,"height":0,"sample_rate":"48000","channels":2}],"#,
                r#""format":{"filename":"http://127.0.0.1/x","nb_streams":1,"nb_programs":0,"format_name":"","#,
                r#""format_long_name":"","start_time":"0","duration":"61.500000","size":"","bit_rate":"","#,
                r#""probe_score":0,"tags":{}}}"#
            )
        );
        assert_eq!(parse(answer).unwrap().duration_secs(), Some(61.5));
    }

    #[test]
    fn what_is_no_description_is_an_error() {
        assert!(matches!(parse(br#"{"streams":[]}"#), Err(ProbeError::Unreadable(_))));
        for answer in [&b""[..], b"<html>", br#"{"streams":[{"index":-1}]}"#, br#"{"streams":{}}"#] {
            assert!(matches!(parse(answer), Err(ProbeError::Answer(_))));
        }
        assert_eq!(Description::default().duration_secs(), None);
    }
}
