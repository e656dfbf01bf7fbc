//! SRT and WebVTT: lines with two times, and text below each.

use freshet_model::{CueHeight, CueSide, SubtitleCue};

use super::limits::{MAX_ALL_CHARS, MAX_CUES, MAX_SECS, MAX_TIME_LINE_BYTES};
use super::marks::{Words, read_tagged};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimedFormat {
    Srt,
    /// <https://www.w3.org/TR/webvtt1/>
    WebVtt,
}

impl TimedFormat {
    /// WebVTT says what it is; everything else with times is read as SRT.
    pub fn of(text: &str) -> Self {
        if text.trim_start_matches('\u{feff}').starts_with("WEBVTT") { Self::WebVtt } else { Self::Srt }
    }
}

/// The cues of a file, in its order. Whatever is no cue is left out.
pub fn timed_cues(text: &str, format: TimedFormat) -> Vec<SubtitleCue> {
    let mut cues = Vec::new();
    let mut chars = 0;
    let mut open: Option<Open> = None;
    for line in lines(text) {
        if cues.len() >= MAX_CUES || chars >= MAX_ALL_CHARS {
            return cues;
        }
        if let Some(timing) = timing(line) {
            chars += close(open.take(), true, format, &mut cues);
            open = Some(Open { timing, text: String::new(), is_done: false });
            continue;
        }
        let Some(cue) = &mut open else { continue };
        if cue.is_done || cue.text.len() > super::limits::MAX_CUE_CHARS * 8 {
            continue;
        }
        // In WebVTT an empty line ends the text; in SRT some leave one in the middle of it.
        if format == TimedFormat::WebVtt && line.is_empty() {
            cue.is_done = true;
            continue;
        }
        if !cue.text.is_empty() || !line.is_empty() {
            // A line without an end is cut here, before anything is made of it.
            let cut =
                line.char_indices().nth(super::limits::MAX_CUE_CHARS * 2).map_or(line.len(), |(at, _)| at);
            cue.text.push_str(&line[..cut]);
            cue.text.push('\n');
        }
    }
    close(open, false, format, &mut cues);
    cues
}

#[derive(Debug)]
struct Open {
    timing: Timing,
    text: String,
    is_done: bool,
}

/// Gives how many characters were added.
fn close(open: Option<Open>, is_followed: bool, format: TimedFormat, cues: &mut Vec<SubtitleCue>) -> usize {
    let Some(Open { timing, text, .. }) = open else { return 0 };
    let mut text = text.trim_end();
    if is_followed && format == TimedFormat::Srt {
        // The number of the next cue stands in front of its times, below an empty line.
        let (before, last) = text.rsplit_once('\n').unwrap_or(("", text));
        let is_number =
            !last.is_empty() && last.len() <= 10 && last.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && (before.ends_with('\n') || before.is_empty()) {
            text = before.trim_end();
        }
    }
    let mut words = Words { height: timing.height, side: timing.side, ..Words::default() };
    read_tagged(text, format == TimedFormat::WebVtt, &mut words);
    let chars = words.chars();
    cues.extend(words.into_cue(timing.start_secs, timing.end_secs));
    chars
}

/// Lines by `\n`, `\r\n` or `\r`, without what ends them.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Timing {
    start_secs: f64,
    end_secs: f64,
    height: CueHeight,
    side: CueSide,
}

fn timing(line: &str) -> Option<Timing> {
    if line.len() > MAX_TIME_LINE_BYTES {
        return None;
    }
    let (start, rest) = line.split_once("-->")?;
    let mut words = rest.split_whitespace();
    let start_secs = seconds(start.trim())?;
    let end_secs = seconds(words.next()?)?;
    if end_secs <= start_secs {
        return None;
    }
    let mut timing = Timing { start_secs, end_secs, height: CueHeight::default(), side: CueSide::default() };
    for setting in words {
        match setting.split_once(':') {
            Some(("line", value)) => {
                let value = value.split(',').next().unwrap_or_default();
                let percent = value.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
                let number = value.parse::<f64>().ok();
                timing.height = match (percent, number) {
                    (Some(percent), _) if percent < 35.0 => CueHeight::Top,
                    (Some(percent), _) if percent < 65.0 => CueHeight::Middle,
                    (None, Some(number)) if (0.0..5.0).contains(&number) => CueHeight::Top,
                    _ => CueHeight::Bottom,
                };
            }
            Some(("align", "start" | "left")) => timing.side = CueSide::Left,
            Some(("align", "end" | "right")) => timing.side = CueSide::Right,
            _ => {}
        }
    }
    Some(timing)
}

/// `1:02:03,456`, `02:03.456`, and what is nearly that.
fn seconds(text: &str) -> Option<f64> {
    let (clock, fraction) = text.split_once([',', '.']).unwrap_or((text, ""));
    let mut secs = 0_u64;
    let mut count = 0;
    for part in clock.split(':') {
        let part = part.trim();
        if part.is_empty() || part.len() > 4 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        secs = secs * 60 + part.parse::<u64>().ok()?;
        count += 1;
    }
    if !(2..=3).contains(&count) {
        return None;
    }
    let fraction = fraction.trim();
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: f64 = if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().ok()? };
    let secs = secs as f64 + part;
    (secs <= MAX_SECS).then_some(secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let cues = timed_cues(text, TimedFormat::of(text));
        let tell = |cue: &SubtitleCue| {
            let text: String = cue.runs.iter().map(|run| run.text.as_str()).collect();
            format!("{}-{} {text:?}", cue.start_secs, cue.end_secs)
        };
        cues.iter().map(tell).collect()
    }

    #[test]
    fn reads_srt_with_what_people_do_to_it() {
        assert_eq!(
            told(
                "\u{feff}1\r\n00:00:01,500 --> 00:00:03,000\r\nHello\r\nthere\r\n\r\n\
                  2\r\n0:0:4.25-->0:0:5,0  X1:1 Y1:2\r\n\r\nA gap\r\n\r\nand 1984\r\n1984\r\n\r\n\
                  00:00:07,000 --> 00:00:08,000\r\nno number\r\n\r\n10\r\n00:00:09,000 --> 00:00:08,000\r\nbackwards\r\n\
                  11\n01:00:00,000 --> 01:00:01,000\nlast\n12\n"
            ),
            [
                "1.5-3 \"Hello\\nthere\"",
                "4.25-5 \"A gap\\n\\nand 1984\\n1984\"",
                "7-8 \"no number\\n\\n10\\n00:00:09,000 --> 00:00:08,000\\nbackwards\\n11\"",
                "3600-3601 \"last\\n12\"",
            ]
        );
        assert_eq!(
            told("1\r00:00:01,000 --> 00:00:02,000\rold Mac\r\r2\r00:00:03,000 --> 00:00:04,000\rtwo").len(),
            2
        );
    }

    #[test]
    fn reads_webvtt_with_notes_styles_and_settings() {
        let text = "WEBVTT - a film\n\nNOTE 00:01.000\nnothing\n\nSTYLE\n::cue { background: url(http://evil.example/) }\n\n\
            intro\n00:01.000 --> 00:02.000 line:0 align:start position:10%\n<v Anna>Up &amp; left\n\n\
            00:03.000 --> 00:04.000 line:90% align:end\n<b>Down</b>\n\ntail that is no cue\n";
        let cues = timed_cues(text, TimedFormat::of(text));
        let places: Vec<_> = cues.iter().map(|cue| (cue.height, cue.side)).collect();
        assert_eq!(places, [(CueHeight::Top, CueSide::Left), (CueHeight::Bottom, CueSide::Right)]);
        assert_eq!(told(text), ["1-2 \"Up & left\"", "3-4 \"Down\""]);
    }

    #[test]
    fn times_that_are_none_are_text_or_nothing() {
        for time in
            ["", "1", "1:2:3:4", "aa:bb", "-1:00", "00:00:00,1234567890", "99999:00", "1:2:3e5", "٣:٤"]
        {
            assert_eq!(seconds(time), None, "{time}");
        }
        assert_eq!(seconds("999:59:59,999"), Some(3_599_999.999));
        assert_eq!(seconds("9999:00:00"), None);
        assert_eq!(told("00:01 --> 00:02"), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_never_ends_costs_no_more_than_the_ceilings() {
        let cue = "00:00:01,000 --> 00:00:02,000\nx\n\n";
        assert_eq!(timed_cues(&cue.repeat(MAX_CUES + 100), TimedFormat::Srt).len(), MAX_CUES);
        let long = format!("00:00:01,000 --> 00:00:02,000\n{}", "y".repeat(9_000_000));
        let cues = timed_cues(&long, TimedFormat::Srt);
        assert_eq!(cues[0].runs[0].text.len(), super::super::limits::MAX_CUE_CHARS);
        let lines = format!("00:00:01,000 --> 00:00:02,000\n{}", "y\n".repeat(2_000_000));
        assert_eq!(timed_cues(&lines, TimedFormat::Srt).len(), 1);
    }
}
