//! A name is read once through: what is a number, a year, a word of releases; the rest is the title.

use super::numbers::{Context, Found, YEARS, day, numbering};
use super::title::{self, Stop, StopKind};
use super::tokens::{Shape, Tokens};
use super::words::{Ending, Word, is_sport, look_up};
use super::{ReleaseKind, ReleaseName, Source};

/// What the words say, but the title.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub stops: Vec<Stop>,
    numbers: Found,
    is_numbered: bool,
    lines: Option<u32>,
    source: Option<Source>,
    is_hdr: bool,
    is_video: bool,
    is_sound: bool,
    music: bool,
    book: bool,
    program: bool,
}

/// Whether a name says that it is neither of a film nor of music.
pub(super) fn says_other(name: &str) -> bool {
    let tokens = Tokens::of(super::bounded(name));
    let is_other = |at| matches!(look_up(tokens.word(at)), Some(Word::Book | Word::Program));
    is_sport(tokens.word(0)) || (0..tokens.len()).any(is_other)
}

pub(super) fn read(text: &str, ending: Option<Ending>) -> ReleaseName {
    let tokens = Tokens::of(text);
    let words: Vec<Option<Word>> = (0..tokens.len()).map(|at| look_up(tokens.word(at))).collect();
    let front = title::front(&tokens, &words);
    let is_video = ending == Some(Ending::Video);
    let context = Context { is_group_first: front.group.is_some(), first: front.first, is_video };
    let mut facts = Facts::default();
    facts.numbers(&tokens, context);
    facts.words(&tokens, &words, front.first);
    let year = facts.year(&tokens, front.first);
    facts.stops.sort_by_key(|stop| stop.start);
    let kind = facts.kind(&tokens, ending, year, front.first);
    // "Adele - 30" has no episodes, and programs are called by their whole names.
    match kind {
        ReleaseKind::Music => facts.stops.retain(|stop| stop.kind != StopKind::Number),
        ReleaseKind::Other if ending == Some(Ending::Other) && !text.contains(' ') => {
            facts.stops.retain(|stop| stop.kind != StopKind::Tech && stop.kind != StopKind::Tag);
        }
        _ => {}
    }
    let mut titles = title::titles(&tokens, &facts.stops, &front, kind);
    let mut group = front.group;
    // "[REC] (2007)"
    if titles.title.is_empty() {
        titles.title = group.take().unwrap_or_default();
    }
    let numbers = if kind == ReleaseKind::Series { facts.numbers.clone() } else { Found::default() };
    ReleaseName {
        title: titles.title,
        original_title: titles.original,
        year: year.and_then(|year| u16::try_from(year).ok()),
        kind,
        first_season: numbers.seasons.map(|range| range.0),
        last_season: numbers.seasons.map(|range| range.1),
        first_episode: numbers.episodes.map(|range| range.0),
        last_episode: numbers.episodes.map(|range| range.1),
        aired: facts.numbers.day.map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}")),
        resolution: facts.lines,
        source: facts.source,
        is_hdr: facts.is_hdr,
        group: group.or_else(|| title::group_at_end(&tokens, &words)),
    }
}

impl Facts {
    fn stop(&mut self, start: usize, end: usize, kind: StopKind) {
        self.stops.push(Stop { start, end, kind });
    }

    fn numbers(&mut self, tokens: &Tokens<'_>, context: Context) {
        // "[1998.05.21] Album"
        if context.first > 0 {
            self.numbers.day = day(tokens, 0).and_then(|found| found.day);
        }
        let mut at = context.first;
        while at < tokens.len() {
            let Some(found) = numbering(tokens, at, context) else {
                at += 1;
                continue;
            };
            let end = tokens.list[found.next.clamp(at + 1, tokens.len()) - 1].end;
            self.stop(found.start, end, StopKind::Number);
            self.numbers.seasons = self.numbers.seasons.or(found.seasons);
            self.numbers.episodes = self.numbers.episodes.or(found.episodes);
            self.numbers.day = self.numbers.day.or(found.day);
            self.is_numbered = true;
            at = found.next.max(at + 1);
        }
    }

    fn words(&mut self, tokens: &Tokens<'_>, words: &[Option<Word>], first: usize) {
        for at in first..tokens.len() {
            let start = tokens.list[at].start;
            let word = words[at].or_else(|| joined(tokens, at));
            let Some(word) = word else { continue };
            let is_tag = word.is_tag();
            if at == first && (is_tag || words.len() > 1 && !matches!(word, Word::Lines(_) | Word::Codec)) {
                continue;
            }
            if is_tag && !is_tag_here(tokens, words, at, word, self) {
                continue;
            }
            let is_alone_4k = tokens.word(at) == "2160" && tokens.word(at + 1) != "р";
            match word {
                Word::Lines(_) if is_alone_4k => continue,
                Word::Lines(lines) => {
                    self.lines = self.lines.or(Some(lines));
                    self.is_video = true;
                }
                Word::Source(source) => {
                    self.source = self.source.or(Some(source));
                    self.is_video = true;
                }
                Word::TagSource(source) => self.source = self.source.or(Some(source)),
                Word::Hdr => (self.is_hdr, self.is_video) = (true, true),
                Word::Codec => self.is_video = true,
                Word::Sound => self.is_sound = true,
                Word::Music | Word::TagMusic => self.music = true,
                Word::Book => self.book = true,
                Word::Program | Word::TagProgram => self.program = true,
                Word::Tag | Word::Common | Word::Whole => {}
            }
            self.stop(start, tokens.list[at].end, if is_tag { StopKind::Tag } else { StopKind::Tech });
        }
    }

    /// The year, which ends the title if it stands behind it.
    fn year(&mut self, tokens: &Tokens<'_>, first: usize) -> Option<u32> {
        if let Some((year, _, _)) = self.numbers.day {
            return Some(year);
        }
        let tech = self
            .stops
            .iter()
            .filter(|stop| stop.kind == StopKind::Tech)
            .map(|stop| stop.start)
            .min()
            .unwrap_or(usize::MAX);
        let numbered = self
            .stops
            .iter()
            .filter(|stop| stop.kind == StopKind::Number)
            .map(|stop| stop.start)
            .min()
            .unwrap_or(usize::MAX);
        let is_year = |at: &usize| {
            let of_word =
                tokens.number(*at).filter(|year| YEARS.contains(year) && tokens.list[*at].len() == 4);
            // "Space: 1999"
            of_word.is_some() && (!tokens.before(*at).contains(':') || tokens.list[*at].group.is_some())
        };
        // "Prince - 1999": what is by somebody may be called so.
        let is_called_so = |at: usize| {
            (self.music || self.book)
                && matches!(tokens.before(at), " - " | " – ")
                && !tokens.after(at).starts_with([',', '-'])
                && !(first + 1..at).any(|other| matches!(tokens.before(other), " - " | " – "))
        };
        let candidates: Vec<usize> = (first..tokens.len()).filter(is_year).collect();
        let candidates: Vec<usize> = candidates.into_iter().filter(|at| !is_called_so(*at)).collect();
        let is_strong = |at: &&usize| {
            tokens.group_of(**at).is_some_and(|group| {
                let is_alone = (group.first..group.last)
                    .all(|place| is_year(&place) || matches!(tokens.word(place), "г" | "гг"));
                group.first == **at
                    && (is_alone || tokens.after(**at).starts_with([',', '-', '–']) && group.last > **at + 1)
            })
        };
        let is_title = |at: usize| at == first && tokens.list[at].group.is_none();
        let start_of = |at: usize| tokens.list[at].start;
        let strong = candidates.iter().find(is_strong).copied();
        let weak = || {
            let ends_title = |at: usize| {
                let after = tokens.after(at);
                let next = tokens.list.get(at + 1).map_or(usize::MAX, |token| token.start);
                at + 1 >= tokens.len()
                    || after.contains(['[', '(', '/', '|', ')', ']', ','])
                    || self.stops.iter().any(|stop| stop.start == next)
                    || is_year(&(at + 1))
            };
            let before = || candidates.iter().copied().filter(|at| start_of(*at) < tech && !is_title(*at));
            let is_in_title = |at: &usize| start_of(*at) < numbered || ends_title(*at);
            // "2017-2020": the first of both.
            let first_of_range = |at: usize| {
                let is_range =
                    at > first && is_year(&(at - 1)) && matches!(tokens.before(at), "-" | "–" | " - ");
                if is_range && !is_title(at - 1) { at - 1 } else { at }
            };
            let last = before().filter(|at| ends_title(*at)).rfind(is_in_title);
            let last = last.or_else(|| before().rfind(is_in_title));
            let last = last.or_else(|| candidates.iter().copied().find(|at| start_of(*at) > tech));
            last.map(first_of_range)
        };
        // "Album - 1987 (1996)": the first is its own.
        let own = strong
            .and_then(|at| at.checked_sub(1))
            .filter(|at| candidates.contains(at) && tokens.before(*at) == " - ");
        let Some(at) = own.or(strong).or_else(weak) else { return self.glued_year(tokens, first) };
        self.stop(start_of(at), tokens.list[at].end, StopKind::Year);
        tokens.number(at)
    }

    /// "Film2010.1080p"
    fn glued_year(&mut self, tokens: &Tokens<'_>, first: usize) -> Option<u32> {
        let tech = self.stops.iter().find(|stop| stop.kind == StopKind::Tech)?.start;
        let at = (first..tokens.len().saturating_sub(1)).find(|at| tokens.list[at + 1].start == tech)?;
        let word = tokens.word(at);
        let from = word.len().checked_sub(4).filter(|from| *from >= 3 && word.is_char_boundary(*from))?;
        let is_glued = word[..from].chars().all(char::is_alphabetic);
        let year = word[from..].parse().ok().filter(|year| is_glued && YEARS.contains(year))?;
        let token = tokens.list[at];
        self.stop(token.start + from, token.end, StopKind::Year);
        Some(year)
    }

    fn kind(
        &self,
        tokens: &Tokens<'_>,
        ending: Option<Ending>,
        year: Option<u32>,
        first: usize,
    ) -> ReleaseKind {
        let is_film = self.is_video || self.is_sound || self.source.is_some();
        if self.book || ending == Some(Ending::Other) && !is_film || self.program && !is_film && !self.music {
            return ReleaseKind::Other;
        }
        let is_formula = matches!(tokens.word(first), "formula" | "формула") && tokens.word(first + 1) == "1";
        if self.numbers.seasons.is_none() && (is_formula || is_sport(tokens.word(first))) {
            return ReleaseKind::Other;
        }
        if !self.is_video && !self.is_sound && !self.is_numbered && is_scene_music(tokens) {
            return ReleaseKind::Music;
        }
        if ending == Some(Ending::Music)
            || self.music && !self.is_video && !(self.source.is_some() && self.is_numbered)
        {
            return ReleaseKind::Music;
        }
        if self.is_numbered {
            return ReleaseKind::Series;
        }
        if is_film || year.is_some() || ending == Some(Ending::Video) {
            return ReleaseKind::Film;
        }
        ReleaseKind::Other
    }
}

/// "Artist-Album-(CD)-2000-GROUP", without what it is coded in.
fn is_scene_music(tokens: &Tokens<'_>) -> bool {
    let is_medium = |at: usize| {
        matches!(
            tokens.word(at),
            "cd" | "2cd" | "cds" | "cdm" | "cdr" | "vinyl" | "web" | "ep" | "lp" | "sat" | "dab"
        ) && tokens.before(at).starts_with(['-', ')'])
            && tokens.after(at).ends_with('-')
    };
    !tokens.text.contains(' ') && (2..tokens.len()).any(is_medium)
}

/// Words that are written in two: "WEB-DL", "Blu-ray", "H.264", "1080 р".
fn joined(tokens: &Tokens<'_>, at: usize) -> Option<Word> {
    let (word, next) = (tokens.word(at), tokens.word(at + 1));
    let is_near = tokens.before(at + 1).len() <= 1;
    if !is_near {
        return None;
    }
    Some(match (word, next) {
        ("h" | "x", "264" | "265") | ("х", "264" | "265") => Word::Codec,
        ("2160", "р") => Word::Lines(2160),
        ("1080", "р") => Word::Lines(1080),
        ("720", "р") => Word::Lines(720),
        ("480", "р") => Word::Lines(480),
        _ => match word {
            "1920x1080" => Word::Lines(1080),
            "1280x720" => Word::Lines(720),
            "3840x2160" => Word::Lines(2160),
            _ => return None,
        },
    })
}

/// Whether a word that is one of titles too is none here: only words of releases follow up to the next that is sure.
fn is_tag_here(tokens: &Tokens<'_>, words: &[Option<Word>], at: usize, word: Word, facts: &Facts) -> bool {
    let start = tokens.list[at].start;
    if facts.stops.iter().any(|stop| stop.start < start) {
        return true;
    }
    let hyphenated = |next: &str| tokens.word(at + 1) == next && tokens.before(at + 1).len() <= 1;
    if matches!(tokens.word(at), "web") && (hyphenated("dl") || hyphenated("dlrip") || hyphenated("rip"))
        || matches!(tokens.word(at), "blu") && hyphenated("ray")
        || matches!(tokens.word(at), "dvd" | "bd" | "tv" | "hd" | "cam" | "sat") && hyphenated("rip")
    {
        return true;
    }
    // The first of what stands in brackets says it of the brackets.
    let opens_group = tokens.group_of(at).is_some_and(|group| group.first == at);
    let written = tokens.written(at);
    let is_loud = written.len() > 1 && written.chars().skip(1).any(char::is_uppercase);
    let is_named =
        matches!(tokens.word(at + 1), "edition" | "version" | "cut" | "matte" | "sbs" | "ou" | "audio");
    if word == Word::Common && !is_loud && !is_named && !opens_group {
        return false;
    }
    // "Special Edition 1979"
    let is_cut = is_named
        && matches!(tokens.word(at), "special" | "directors" | "director's" | "extended" | "unrated");
    let mut next = at + 1;
    while next < tokens.len() {
        let here = tokens.list[next].start;
        if let Some(stop) = facts.stops.iter().find(|stop| stop.start == here) {
            return word == Word::Whole || is_cut || is_loud || opens_group || stop.kind == StopKind::Tech;
        }
        match words[next].or_else(|| joined(tokens, next)) {
            Some(other) if other.is_tag() => next += 1,
            Some(_) => return true,
            None => {
                let is_year = tokens.number(next).is_some_and(|year| YEARS.contains(&year))
                    && tokens.list[next].len() == 4;
                return is_year && (is_loud || opens_group || is_cut)
                    || opens_group && tokens.list[at].group != tokens.list[next].group;
            }
        }
    }
    is_loud || opens_group
}

/// Whether what stands in a bracket may be somebody's name.
pub(super) fn is_name(tokens: &Tokens<'_>, words: &[Option<Word>], group: usize) -> bool {
    let Some(group) = tokens.groups.get(group) else { return false };
    let mut inside = group.first..group.last;
    group.shape == Shape::Square
        && !inside.is_empty()
        && inside.all(|at| {
            words[at].is_none_or(Word::is_tag)
                && tokens.number(at).is_none_or(|number| !YEARS.contains(&number))
        })
}
