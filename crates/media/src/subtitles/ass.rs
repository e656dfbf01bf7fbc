//! Scripts of (Advanced) SubStation Alpha: their events as cues, for where the script can't be drawn, and events from a
//! film as lines of a script.

use std::collections::HashMap;
use std::fmt::Write as _;

use freshet_model::SubtitleCue;

use super::limits::{MAX_ALL_CHARS, MAX_CUES, MAX_SECS, MAX_STYLES};
use super::marks::{Look, Words};

/// What stands before the events of a script, and a script altogether, are no longer.
pub const MAX_SCRIPT_BYTES: usize = 10 * 1024 * 1024;
/// A line of drawings can be long; it is no text.
const MAX_TEXT_BYTES: usize = 64 * 1024;
const MAX_FIELDS: usize = 40;

/// The fields of an event as Matroska has them, behind its two numbers.
const EVENT_FIELDS: [&str; 10] =
    ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"];

#[derive(Debug, Clone, Copy, Default)]
struct Style {
    look: Look,
    alignment: u32,
}

/// The events of a script, in its order, as far as they are text.
pub fn script_cues(script: &str) -> Vec<SubtitleCue> {
    let mut styles: HashMap<String, Style> = HashMap::new();
    let mut style_fields: Vec<String> = Vec::new();
    let mut event_fields: Vec<String> = EVENT_FIELDS.iter().map(|field| (*field).to_owned()).collect();
    let mut section = String::new();
    let mut is_old = false;
    let mut cues = Vec::new();
    let mut chars = 0;
    for line in script.split(['\n', '\r']) {
        let line = line.trim_start_matches('\u{feff}').trim_start();
        if line.starts_with('[') {
            section = line.trim_end().chars().take(40).collect::<String>().to_ascii_lowercase();
            is_old |= section == "[v4 styles]";
            continue;
        }
        let Some((key, rest)) = line.split_once(':') else { continue };
        let rest = rest.trim_start();
        match (section.as_str(), key.trim()) {
            ("[v4+ styles]" | "[v4 styles]", "Format") => style_fields = fields(rest),
            ("[v4+ styles]" | "[v4 styles]", "Style") if styles.len() < MAX_STYLES => {
                let (name, style) = style(rest, &style_fields, is_old);
                styles.insert(name, style);
            }
            ("[events]", "Format") => event_fields = fields(rest),
            ("[events]", "Dialogue") => {
                if cues.len() >= MAX_CUES || chars >= MAX_ALL_CHARS {
                    break;
                }
                if let Some((cue, count)) = event(rest, &event_fields, &styles) {
                    chars += count;
                    cues.push(cue);
                }
            }
            _ => {}
        }
    }
    cues
}

fn fields(line: &str) -> Vec<String> {
    line.split(',').take(MAX_FIELDS).map(|field| field.trim().to_ascii_lowercase()).collect()
}

fn style(line: &str, fields: &[String], is_old: bool) -> (String, Style) {
    let values: Vec<&str> = line.split(',').take(MAX_FIELDS).map(str::trim).collect();
    let value = |name: &str| {
        let at = fields.iter().position(|field| field == name)?;
        values.get(at).copied()
    };
    let is_on = |name: &str| value(name).is_some_and(|value| value != "0");
    let look = Look { is_italic: is_on("italic"), is_bold: is_on("bold"), is_underlined: is_on("underline") };
    let number = value("alignment").and_then(|value| value.parse().ok()).unwrap_or(2);
    let alignment = match number {
        // Version 4 counts from the bottom, and adds 4 for the top and 8 for the middle.
        5..=7 if is_old => number + 2,
        9..=11 if is_old => number - 5,
        _ => number,
    };
    let name = value("name").unwrap_or_default().trim_start_matches('*').to_owned();
    (name, Style { look, alignment })
}

fn event(line: &str, fields: &[String], styles: &HashMap<String, Style>) -> Option<(SubtitleCue, usize)> {
    // The text is the last field and may have commas in it.
    let values: Vec<&str> = line.splitn(fields.len().max(1), ',').collect();
    let value = |name: &str| {
        let at = fields.iter().position(|field| field == name)?;
        values.get(at).copied()
    };
    let (start_secs, end_secs) = (seconds(value("start")?)?, seconds(value("end")?)?);
    if end_secs <= start_secs {
        return None;
    }
    let style = value("style").and_then(|name| styles.get(name.trim().trim_start_matches('*')));
    let text = value("text")?;
    words(text, style.copied().unwrap_or_default(), start_secs, end_secs)
}

fn words(text: &str, style: Style, start_secs: f64, end_secs: f64) -> Option<(SubtitleCue, usize)> {
    let mut words = Words { look: style.look, ..Words::default() };
    words.place_by_style(style.alignment);
    let mut rest = text.get(..MAX_TEXT_BYTES).unwrap_or(text);
    let mut is_drawing = false;
    while let Some(c) = rest.chars().next() {
        if words.is_full() {
            break;
        }
        if c == '{'
            && let Some(end) = rest.find('}')
        {
            if let Some(begins) = words.override_block(&rest[1..end], style.look) {
                is_drawing = begins;
            }
            rest = &rest[end + 1..];
            continue;
        }
        let (shown, bytes) = match rest.as_bytes() {
            [b'\\', b'N' | b'n', ..] => ('\n', 2),
            [b'\\', b'h', ..] => ('\u{a0}', 2),
            _ => (c, c.len_utf8()),
        };
        if !is_drawing {
            words.push(shown);
        }
        rest = &rest[bytes..];
    }
    let chars = words.chars();
    Some((words.into_cue(start_secs, end_secs)?, chars))
}

/// `0:01:02.34`
fn seconds(text: &str) -> Option<f64> {
    let mut parts = text.trim().split(':');
    let (hours, minutes, secs) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || secs.starts_with(['+', '-']) || secs.len() > 20 {
        return None;
    }
    let (hours, minutes): (u32, u32) = (hours.trim().parse().ok()?, minutes.parse().ok()?);
    let secs: f64 = secs.parse().ok()?;
    let all = f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0 + secs;
    (all.is_finite() && (0.0..=MAX_SECS).contains(&all)).then_some(all)
}

fn clock(secs: f64) -> String {
    let hundredths = (secs.clamp(0.0, MAX_SECS) * 100.0).round() as u64;
    let (secs, part) = (hundredths / 100, hundredths % 100);
    format!("{}:{:02}:{:02}.{part:02}", secs / 3600, secs / 60 % 60, secs % 60)
}

/// What a block of a Matroska film holds (`ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text`), as a line of a
/// script that has these moments. `None` if it is no such thing.
pub fn event_line(block: &str, start_secs: f64, end_secs: f64) -> Option<String> {
    let mut parts = block.splitn(3, ',');
    let (_order, layer, rest) = (parts.next()?, parts.next()?, parts.next()?);
    if rest.bytes().filter(|byte| *byte == b',').count() < 6 {
        return None;
    }
    let mut line = String::from("Dialogue: ");
    let layer: i32 = layer.trim().parse().unwrap_or(0);
    let _ = write!(line, "{layer},{},{},", clock(start_secs), clock(end_secs));
    // A line of its own would be another event, or another section.
    line.extend(rest.chars().map(|c| if c == '\n' || c == '\r' || c == '\0' { ' ' } else { c }));
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshet_model::{CueHeight, CueSide};

    const HEAD: &str = "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n\
        Format: Name, Fontname, Fontsize, Bold, Italic, Underline, Alignment\n\
        Style: Default,Arial,20,0,0,0,2\nStyle: Sign,http://evil.example/font,20,-1,0,0,7\n\n\
        [Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n";

    #[test]
    fn events_become_cues_with_their_styles() {
        let script = format!(
            "{HEAD}Dialogue: 0,0:00:01.50,0:00:03.00,Default,,0,0,0,,One, two\\N{{\\i1}}three{{\\i0}}\r\n\
             Comment: 0,0:00:01.00,0:00:03.00,Default,,0,0,0,,hidden\n\
             Dialogue: 0,0:00:04.00,0:00:05.00,Sign,,0,0,0,,{{\\pos(1,2)\\fnx}}Shop{{\\p1}}m 0 0 l 1 1{{\\p0}}!\n\
             Dialogue: 0,0:00:06.00,0:00:05.00,Sign,,0,0,0,,backwards\n\
             Dialogue: 0,0:00:06.00,0:00:07.00,Nobody,,0,0,0,,{{\\an5\\b1}}mid{{\\r}}dle\n"
        );
        let cues = script_cues(&script);
        let texts: Vec<String> =
            cues.iter().map(|cue| cue.runs.iter().map(|run| run.text.as_str()).collect()).collect();
        assert_eq!(texts, ["One, two\nthree", "Shop!", "middle"]);
        assert_eq!((cues[0].start_secs, cues[0].end_secs), (1.5, 3.0));
        assert!(cues[0].runs[1].is_italic && cues[1].runs[0].is_bold && !cues[2].runs[1].is_bold);
        assert_eq!((cues[1].height, cues[1].side), (CueHeight::Top, CueSide::Left));
        assert_eq!((cues[2].height, cues[2].side), (CueHeight::Middle, CueSide::Center));
    }

    #[test]
    fn a_block_of_a_film_becomes_one_line_whatever_is_in_it() {
        let line =
            event_line("7,0,Default,,0,0,0,,Hello,\nworld\r\n[Fonts]\nfontname: x", 61.234, 3723.5).unwrap();
        assert_eq!(
            line,
            "Dialogue: 0,0:01:01.23,1:02:03.50,Default,,0,0,0,,Hello, world  [Fonts] fontname: x"
        );
        assert_eq!(script_cues(&format!("{HEAD}{line}")).len(), 1);
        for block in ["", "1,2", "1,0,Default,,0,0", ",,,"] {
            assert_eq!(event_line(block, 0.0, 1.0), None, "{block}");
        }
    }

    #[test]
    fn odd_scripts_are_read_as_far_as_they_go() {
        for script in [
            "",
            "[Events]\nFormat: \nDialogue: x",
            "[Events]\nFormat: Text\nDialogue: x",
            "[Events]\nDialogue: 0,0:00:nan,0:00:inf,,,,,,,x",
            "[Events]\nDialogue: 0,-1:00:00.00,0:00:01.00,,,,,,,x",
            "[V4+ Styles]\nStyle: a\n[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,a,,,,,,{\\an0\\an99\\i\\b\\u\\r{",
        ] {
            assert!(script_cues(script).len() <= 1, "{script}");
        }
        let many = format!("{HEAD}{}", "Dialogue: 0,0:00:01.00,0:00:02.00,,,,,,,x\n".repeat(MAX_CUES + 9));
        assert_eq!(script_cues(&many).len(), MAX_CUES);
    }
}
