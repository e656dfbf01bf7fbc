//! Marks within the text of a cue: the few tags of SRT and WebVTT, and the overrides of SubStation Alpha. What a mark is
//! becomes a flag of a run or goes; everything else stays text.

use freshet_model::{CueHeight, CueSide, SubtitleCue, TextRun};

use super::limits::{MAX_CUE_CHARS, MAX_CUE_RUNS};

/// How what comes next looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Look {
    pub(super) is_italic: bool,
    pub(super) is_bold: bool,
    pub(super) is_underlined: bool,
}

/// What stands in place of the text of a cue while it is put together.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) runs: Vec<TextRun>,
    pub(super) chars: usize,
    pub(super) look: Look,
    pub(super) height: CueHeight,
    pub(super) side: CueSide,
}

impl Words {
    pub(super) fn push(&mut self, c: char) {
        // Characters that steer the direction of what is around them would do so beyond the cue.
        let is_shown =
            c == '\n' || !(c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
        if !is_shown || self.chars >= MAX_CUE_CHARS {
            return;
        }
        let look = self.look;
        let is_same = self.runs.last().is_some_and(|run| {
            (run.is_italic, run.is_bold, run.is_underlined)
                == (look.is_italic, look.is_bold, look.is_underlined)
        });
        if !is_same {
            if self.runs.len() >= MAX_CUE_RUNS {
                return;
            }
            self.runs.push(TextRun {
                text: String::new(),
                is_italic: look.is_italic,
                is_bold: look.is_bold,
                is_underlined: look.is_underlined,
            });
        }
        if let Some(run) = self.runs.last_mut() {
            run.text.push(c);
            self.chars += 1;
        }
    }

    pub(super) fn chars(&self) -> usize {
        self.chars
    }

    pub(super) fn is_full(&self) -> bool {
        self.chars >= MAX_CUE_CHARS
    }

    /// `None` if nothing can be seen of it.
    pub(super) fn into_cue(mut self, start_secs: f64, end_secs: f64) -> Option<SubtitleCue> {
        if let Some(last) = self.runs.last_mut() {
            last.text.truncate(last.text.trim_end().len());
        }
        if let Some(first) = self.runs.first_mut() {
            first.text = first.text.trim_start().to_owned();
        }
        self.runs.retain(|run| !run.text.is_empty());
        if self.runs.iter().all(|run| run.text.trim().is_empty()) {
            return None;
        }
        Some(SubtitleCue { start_secs, end_secs, runs: self.runs, height: self.height, side: self.side })
    }

    /// `\an1` to `\an9`, as on a block of digits.
    fn place(&mut self, digit: u32) {
        self.height = match digit {
            7..=9 => CueHeight::Top,
            4..=6 => CueHeight::Middle,
            _ => CueHeight::Bottom,
        };
        self.side = match digit % 3 {
            1 => CueSide::Left,
            2 => CueSide::Center,
            _ => CueSide::Right,
        };
    }

    pub(super) fn place_by_style(&mut self, digit: u32) {
        if (1..=9).contains(&digit) {
            self.place(digit);
        }
    }

    /// The inside of `{...}`: of what SubStation Alpha knows, what we show. Gives whether a drawing begins or ends.
    pub(super) fn override_block(&mut self, block: &str, styled: Look) -> Option<bool> {
        let mut is_drawing = None;
        for part in block.split('\\').skip(1) {
            let part = part.trim();
            let number =
                |name: &str| part.strip_prefix(name).and_then(|rest| rest.trim().parse::<u32>().ok());
            if let Some(digit) = number("an").filter(|digit| (1..=9).contains(digit)) {
                self.place(digit);
            } else if let Some(on) = number("i") {
                self.look.is_italic = on != 0;
            } else if let Some(weight) = number("b") {
                self.look.is_bold = weight == 1 || weight >= 600;
            } else if let Some(on) = number("u") {
                self.look.is_underlined = on != 0;
            } else if let Some(scale) = number("p") {
                is_drawing = Some(scale != 0);
            } else if matches!(part, "i" | "b" | "u") || part.starts_with('r') {
                match part {
                    "i" => self.look.is_italic = styled.is_italic,
                    "b" => self.look.is_bold = styled.is_bold,
                    "u" => self.look.is_underlined = styled.is_underlined,
                    _ => self.look = styled,
                }
            }
        }
        is_drawing
    }
}

/// One cue of text as a film holds it, without a time of its own.
pub fn text_cue(text: &str, is_web_vtt: bool, start_secs: f64, end_secs: f64) -> Option<SubtitleCue> {
    if end_secs <= start_secs {
        return None;
    }
    let mut words = Words::default();
    read_tagged(text.trim_end_matches('\0'), is_web_vtt, &mut words);
    words.into_cue(start_secs, end_secs)
}

/// Names of tags that say how text looks or who says it. What they are about beyond our three flags is not shown.
const TAGS: [&str; 13] = ["i", "b", "u", "s", "font", "c", "v", "lang", "ruby", "rt", "span", "em", "strong"];
/// No tag of ours is longer with what stands in it.
const MAX_TAG_BYTES: usize = 300;

/// A tag at the start of `rest`, which begins with `<`: how long it is, and what it does.
pub(super) enum Tag {
    /// Sets or takes away a look.
    Known {
        bytes: usize,
    },
    NoTag,
}

/// Reads the text of an SRT or WebVTT cue into `words`. `drops_unknown`: WebVTT has no tags but its own, and leaves out what
/// looks like one.
pub(super) fn read_tagged(text: &str, drops_unknown: bool, words: &mut Words) {
    let mut rest = text;
    let mut depth = [0_u32; 3];
    while let Some(c) = rest.chars().next() {
        if words.is_full() {
            return;
        }
        match c {
            '<' => {
                if let Tag::Known { bytes } = tag(rest, drops_unknown, &mut depth) {
                    words.look =
                        Look { is_italic: depth[0] > 0, is_bold: depth[1] > 0, is_underlined: depth[2] > 0 };
                    rest = &rest[bytes..];
                    continue;
                }
            }
            '{' => {
                if rest[1..].starts_with('\\')
                    && let Some(end) = rest.bytes().take(MAX_TAG_BYTES).position(|byte| byte == b'}')
                {
                    words.override_block(&rest[1..end], Look::default());
                    depth = [
                        u32::from(words.look.is_italic),
                        u32::from(words.look.is_bold),
                        u32::from(words.look.is_underlined),
                    ];
                    rest = &rest[end + 1..];
                    continue;
                }
            }
            '&' => {
                if let Some((name, c)) = ENTITIES.iter().find(|(name, _)| rest.starts_with(name)) {
                    words.push(*c);
                    rest = &rest[name.len()..];
                    continue;
                }
            }
            _ => {}
        }
        words.push(c);
        rest = &rest[c.len_utf8()..];
    }
}

const ENTITIES: [(&str, char); 7] = [
    ("&amp;", '&'),
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&quot;", '"'),
    ("&nbsp;", '\u{a0}'),
    ("&lrm;", '\u{200e}'),
    ("&rlm;", '\u{200f}'),
];

fn tag(rest: &str, drops_unknown: bool, depth: &mut [u32; 3]) -> Tag {
    let Some(end) = rest.bytes().take(MAX_TAG_BYTES).position(|byte| byte == b'>') else { return Tag::NoTag };
    let inside = &rest[1..end];
    let (is_closing, inside) = inside.strip_prefix('/').map_or((false, inside), |inside| (true, inside));
    let name_end = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
    let name = inside[..name_end].to_ascii_lowercase();
    if !TAGS.contains(&name.as_str()) {
        return if drops_unknown { Tag::Known { bytes: end + 1 } } else { Tag::NoTag };
    }
    let slot = match name.as_str() {
        "i" | "em" => Some(0),
        "b" | "strong" => Some(1),
        "u" => Some(2),
        _ => None,
    };
    if let Some(slot) = slot {
        depth[slot] = if is_closing { depth[slot].saturating_sub(1) } else { depth[slot].saturating_add(1) };
    }
    Tag::Known { bytes: end + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, drops_unknown: bool) -> String {
        let mut words = Words::default();
        read_tagged(text, drops_unknown, &mut words);
        let Some(cue) = words.into_cue(0.0, 1.0) else { return String::new() };
        let run = |run: &TextRun| {
            let marks = [(run.is_italic, 'i'), (run.is_bold, 'b'), (run.is_underlined, 'u')];
            let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
            format!("[{marks}:{}]", run.text)
        };
        cue.runs.iter().map(run).collect()
    }

    #[test]
    fn three_looks_become_flags_and_other_tags_go() {
        assert_eq!(shown("a <i>b <b>c</b></i> d", false), "[:a ][i:b ][ib:c][: d]");
        assert_eq!(shown("<font color=\"#ff0000\">red</font>", false), "[:red]");
        assert_eq!(shown("{\\an8}{\\i1}up{\\i0} down", false), "[i:up][: down]");
        assert_eq!(shown("<v Roger><c.loud>Hi</c> <00:00:01.000>there", true), "[:Hi there]");
        assert_eq!(shown("</i></b>plain", false), "[:plain]");
    }

    #[test]
    fn what_is_no_mark_of_subtitles_stays_text() {
        for text in
            ["I <3 you", "a < b > c", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "{not}"]
        {
            assert_eq!(shown(text, false), format!("[:{text}]"));
        }
        assert_eq!(shown("<script>alert(1)</script>", true), "[:alert(1)]");
        assert_eq!(shown("&lt;b&gt; &amp;amp; &nbsp;&copy;", false), "[:<b> &amp; \u{a0}&copy;]");
    }

    #[test]
    fn nothing_steers_what_is_around_the_cue() {
        assert_eq!(shown("a\u{202e}b\u{2066}\u{7}\u{0}c\u{200f}", false), "[:abc\u{200f}]");
    }

    #[test]
    fn a_cue_has_an_end() {
        let mut words = Words::default();
        read_tagged(&"<i>x</i>y".repeat(10_000), false, &mut words);
        assert!(words.chars() <= MAX_CUE_CHARS);
        let cue = words.into_cue(0.0, 1.0).unwrap();
        assert_eq!(cue.runs.len(), MAX_CUE_RUNS);
        let mut words = Words::default();
        read_tagged(&"<".repeat(1_000_000), false, &mut words);
        assert_eq!(words.chars(), MAX_CUE_CHARS);
    }
}
