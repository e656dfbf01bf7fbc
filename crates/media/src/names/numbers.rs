//! The ways in which people number seasons and episodes, and write the day of one.

mod eastern;
mod episodes;
mod seasons;

use super::tokens::Tokens;
use eastern::eastern;
use episodes::{after_dash, broadcast, episode_words, in_brackets, in_front, of_all, special, unnumbered};
use seasons::{crossed, season_and_episode, season_words};

pub(super) type Range = (u32, u32);

/// What the words from one on say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Past its last word.
    pub next: usize,
    /// Where it begins, in bytes.
    pub start: usize,
    pub seasons: Option<Range>,
    pub episodes: Option<Range>,
    /// Year, month and day.
    pub day: Option<(u32, u32, u32)>,
}

pub(super) const YEARS: std::ops::RangeInclusive<u32> = 1890..=2035;
const LAST_SEASON: u32 = 99;
const LAST_EPISODE: u32 = 9999;

/// What is known beside the words themselves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Context {
    /// Whether somebody's name stands in front, in brackets: then numbers mean episodes sooner.
    pub is_group_first: bool,
    /// The first word that may belong to a title.
    pub first: usize,
    /// Whether it is the name of a film, and not of a folder.
    pub is_video: bool,
}

/// The numbering that begins at this word.
pub(super) fn numbering(tokens: &Tokens<'_>, at: usize, context: Context) -> Option<Found> {
    let start = tokens.list.get(at)?.start;
    // Most words have no digit, and then little can be meant.
    let found = if tokens.word(at).bytes().any(|byte| byte.is_ascii_digit()) {
        day(tokens, at)
            .or_else(|| season_and_episode(tokens, at))
            .or_else(|| crossed(tokens, at, context))
            .or_else(|| in_words(tokens, at, context))
            .or_else(|| of_all(tokens, at))
            .or_else(|| in_brackets(tokens, at, context))
            .or_else(|| in_front(tokens, at, context))
            .or_else(|| after_dash(tokens, at, context))?
    } else {
        in_words(tokens, at, context)?
    };
    let is_known =
        |range: Option<Range>| range.is_none_or(|(first, last)| first <= last && last <= LAST_EPISODE);
    if !is_known(found.seasons) || !is_known(found.episodes) {
        return None;
    }
    let start = if found.start == 0 { start } else { found.start };
    Some(Found { start, ..found })
}

fn in_words(tokens: &Tokens<'_>, at: usize, context: Context) -> Option<Found> {
    season_words(tokens, at)
        .or_else(|| episode_words(tokens, at))
        .or_else(|| eastern(tokens, at))
        .or_else(|| broadcast(tokens, at))
        .or_else(|| unnumbered(tokens, at))
        .or_else(|| special(tokens, at, context))
}

fn digits(word: &str) -> (&str, &str) {
    word.split_at(word.bytes().take_while(u8::is_ascii_digit).count())
}

/// "05", "05v2" and "05end".
fn episode_number(word: &str) -> Option<u32> {
    let (number, rest) = digits(word);
    let is_version = rest.len() == 2 && rest.starts_with('v') && rest.ends_with(|c: char| c.is_ascii_digit());
    let is_number = rest.is_empty() || is_version || matches!(rest, "end" | "fin" | "tv");
    (is_number && (1..=4).contains(&number.len())).then(|| number.parse().ok())?
}

/// "e05", "ep05" and "e05v2".
fn marked_number(word: &str) -> Option<u32> {
    let rest = word.strip_prefix("ep").or_else(|| word.strip_prefix('e'))?;
    episode_number(rest)
}

/// Whether two numbers are joined as from and to.
fn is_to(between: &str) -> bool {
    matches!(between.trim(), "-" | "–" | "—" | "~" | "+" | "&" | "～" | "..")
        || matches!(between, "_-_" | ".-.")
}

fn is_tight_to(between: &str) -> bool {
    matches!(between, "-" | "–" | "—" | "~" | "+" | "&" | "～")
}

/// The rest of "1-8", of "1,2,3" and of "1 to 8" after the word of its first number: its last number and the word past it.
fn range_from(tokens: &Tokens<'_>, at: usize, first: u32, most: u32) -> (u32, usize) {
    let (mut last, mut next) = (first, at + 1);
    while next < tokens.len()
        && tokens.group_of(next).map(|g| g.start) == tokens.group_of(at).map(|g| g.start)
    {
        let between = tokens.before(next);
        let joined = is_to(between) || matches!(between, "," | ", ");
        let number = tokens.number(next).or_else(|| episode_number(tokens.word(next)));
        let (number, past) =
            if matches!(tokens.word(next), "to" | "по" | "bis" | "a" | "à" | "and" | "и" | "до" | "do")
                && matches!(between, " " | "." | "_")
            {
                (tokens.number(next + 1), next + 2)
            } else if joined {
                (number, next + 1)
            } else {
                break;
            };
        let Some(number) = number.filter(|number| (last + 1..=most).contains(number)) else { break };
        (last, next) = (number, past);
    }
    (last, next)
}

/// Passes over "из 10" and "of 10".
fn past_total(tokens: &Tokens<'_>, next: usize) -> usize {
    let is_of = matches!(tokens.word(next), "из" | "of" | "з" | "von" | "de" | "od");
    if is_of && tokens.word(next + 1).starts_with(|c: char| c.is_ascii_digit()) {
        return next + 2;
    }
    if tokens.word(next).strip_prefix("of").is_some_and(|rest| rest.parse::<u32>().is_ok()) {
        return next + 1;
    }
    next
}

/// "2024.03.15", "15.03.2024", "20240315" and "240315".
pub(super) fn day(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
    let is_day = |year: u32, month: u32, day: u32| {
        ((1950..=*YEARS.end()).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day))
            .then_some((year, month, day))
    };
    let number = |place: usize| tokens.number(place);
    let length = |place: usize| tokens.list.get(place).map_or(0, |token| token.len());
    let between = tokens.before(at + 1);
    if matches!(between, "." | "-" | " " | "_") && between == tokens.before(at + 2) && length(at + 1) == 2 {
        let (first, second, third) = (number(at)?, number(at + 1)?, number(at + 2));
        let day = match (length(at), length(at + 2)) {
            (4, 2) => is_day(first, second, third?),
            (2, 4) => is_day(third?, second, first),
            _ => None,
        };
        if day.is_some() {
            return Some(Found { next: at + 3, day, ..Found::default() });
        }
    }
    let all = number(at)?;
    let day = match length(at) {
        8 => is_day(all / 10_000, all / 100 % 100, all % 100),
        6 if at > 0 && (5..=35).contains(&(all / 10_000)) => {
            is_day(2000 + all / 10_000, all / 100 % 100, all % 100)
        }
        _ => None,
    };
    Some(Found { next: at + 1, day: Some(day?), ..Found::default() })
}

/// Whether a word and the number behind it belong to each other.
fn is_beside(between: &str) -> bool {
    between.len() <= 3
        && !between.contains(['(', ')', '[', ']', '/', ','])
        && !matches!(between, " - " | "_-_" | " – ")
}
