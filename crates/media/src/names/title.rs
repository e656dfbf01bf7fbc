//! What is left for the title, and how it is written.

use super::ReleaseKind;
use super::facts::is_name;
use super::tokens::{Group, Shape, Tokens, is_cyrillic, is_eastern, opens};
use super::words::Word;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopKind {
    /// Of a season, an episode, a day. Another title may follow: "Тьма (1 сезон) / Dark".
    Number,
    Year,
    Tech,
    Tag,
}

/// Where no title goes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    pub start: usize,
    /// Past what it says.
    pub end: usize,
    pub kind: StopKind,
}

/// What stands before the title.
#[derive(Debug, Default)]
pub(super) struct Front {
    /// The first word and the first byte of the title.
    pub first: usize,
    pub start: usize,
    pub group: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Titles {
    pub title: String,
    pub original: Option<String>,
}

/// Passes over "[Group]", "【Group】", "★10月新番★" and "www.site.example - ".
pub(super) fn front(tokens: &Tokens<'_>, words: &[Option<Word>]) -> Front {
    let text = tokens.text;
    let mut front = Front::default();
    for (index, group) in tokens.groups.iter().enumerate() {
        let is_next = text[front.start..group.start]
            .trim_matches(|c: char| c.is_whitespace() || c == '_' || c == '.')
            .is_empty();
        if !is_next || group.shape != Shape::Square {
            break;
        }
        // What stands in brackets alone has its title in them too.
        let is_rest = text[group.end..].trim().is_empty();
        let is_first = front.group.is_none();
        let inside = &text[group.start..group.end];
        let inside =
            inside.trim_matches(|c: char| opens(c).is_some() || matches!(c, ']' | '】' | '}' | '］'));
        if is_rest || !is_first && is_name(tokens, words, index) && title_is_in_brackets(tokens, index) {
            break;
        }
        if is_first && is_name(tokens, words, index) && !is_site(inside) {
            front.group = Some(clean_group(tokens, group));
        }
        (front.start, front.first) = (group.end, group.last);
    }
    let rest = &text[front.start..];
    let trimmed = rest.trim_start_matches([' ', '_', '-', '.']);
    if let Some(after) = trimmed.strip_prefix('★').and_then(|after| after.split_once('★')) {
        front.start = text.len() - after.1.len();
        if let Some(group) = tokens.groups.iter().find(|group| group.start >= front.start) {
            front.start = front.start.max(group.start);
        }
    } else if let Some((_, after)) = trimmed.split_once(" - ").filter(|(site, _)| is_site(site)) {
        front.start = text.len() - after.len();
    }
    front.first = tokens.list.iter().position(|token| token.start >= front.start).unwrap_or(tokens.len());
    front
}

/// Whether nothing but brackets comes from this one on, or next to nothing.
fn title_is_in_brackets(tokens: &Tokens<'_>, index: usize) -> bool {
    let group = &tokens.groups[index];
    let next = tokens.text[group.end..].trim_start_matches([' ', '_', '.']);
    next.is_empty() || next.starts_with(['[', '【'])
}

fn is_site(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let has_ending =
        [".com", ".org", ".net", ".info", ".ru", ".to", ".me", ".tv", ".cc", ".li", ".mx", ".lt", ".is"]
            .iter()
            .any(|ending| text.ends_with(ending));
    text.contains("www.") || has_ending && !text.contains(char::is_whitespace)
}

fn clean_group(tokens: &Tokens<'_>, group: &Group) -> String {
    let (first, last) =
        (tokens.list.get(group.first), group.last.checked_sub(1).and_then(|last| tokens.list.get(last)));
    match (first, last) {
        (Some(first), Some(last)) => tokens.text[first.start..last.end].to_owned(),
        _ => String::new(),
    }
}

/// "-GROUP" at the end.
pub(super) fn group_at_end(tokens: &Tokens<'_>, words: &[Option<Word>]) -> Option<String> {
    let last = tokens.len().checked_sub(1)?;
    let is_it =
        tokens.before(last) == "-" && words[last].is_none() && tokens.list[last].group.is_none() && last > 2;
    is_it.then(|| tokens.written(last).to_owned())
}

/// The titles from the front on, each up to its stop.
pub(super) fn titles(tokens: &Tokens<'_>, stops: &[Stop], front: &Front, kind: ReleaseKind) -> Titles {
    let text = tokens.text;
    let style = Style { kind, is_hyphenated: is_hyphenated(text) };
    let mut found: Vec<String> = Vec::new();
    let segments = segments(tokens, front.start);
    let is_several = segments.len() > 1;
    for (from, to) in segments {
        // The title itself stands in brackets.
        if tokens.groups.iter().any(|group| group.shape == Shape::Square && group.start == from) {
            break;
        }
        let from = from + leading_genre(tokens, from, to, kind);
        let stop = stops.iter().find(|stop| (from..to).contains(&stop.start));
        let end = end_of(tokens, from, stop.map_or(to, |stop| stop.start), is_several);
        let mut cleaned = clean(&text[from..end], style);
        // "Friends The Complete First Season"
        if stop.is_some_and(|stop| stop.kind == StopKind::Tag) && cleaned.to_lowercase().ends_with(" the") {
            cleaned.truncate(cleaned.len() - " the".len());
            cleaned.truncate(cleaned.trim_end_matches(is_around).len());
        }
        // "Kimi no Na wa. (2016)"
        let raw = text[from..end].trim_end();
        let dots = raw.len() - raw.trim_end_matches('.').len();
        let is_before_bracket = text[end..].starts_with(['(', '[']) || end == to;
        if dots > 0 && is_before_bracket && raw.contains(' ') && !cleaned.ends_with('.') {
            cleaned.push_str(&raw[raw.len() - dots..]);
        }
        if !cleaned.is_empty() && found.last() != Some(&cleaned) {
            found.push(cleaned);
        }
        if stop.is_some_and(|stop| stop.kind != StopKind::Number) || found.len() == 2 {
            break;
        }
    }
    if found.is_empty() {
        found.extend(in_brackets(tokens, stops, front, style));
    }
    if found.is_empty() {
        found.extend(after_number(tokens, stops, front, style));
    }
    if let (Some(both), 1) = (found.first(), found.len())
        && kind != ReleaseKind::Music
        && let Some((title, original)) = eastern_and_latin(both)
    {
        found = vec![title.to_owned(), original.to_owned()];
    }
    let mut found = found.into_iter();
    Titles { title: found.next().unwrap_or_default(), original: found.next() }
}

/// "卧虎藏龙 Crouching Tiger" is two titles.
fn eastern_and_latin(both: &str) -> Option<(&str, &str)> {
    let at = both.find(|c: char| c.is_ascii_alphabetic())?;
    let (title, original) = (both[..at].trim_end(), &both[at..]);
    let is_split = title.len() < at && title.chars().any(is_eastern) && !original.chars().any(is_eastern);
    (is_split && original.len() >= 4).then_some((title, original))
}

/// Splits at the slashes that stand outside of brackets.
fn segments(tokens: &Tokens<'_>, from: usize) -> Vec<(usize, usize)> {
    let text = tokens.text;
    let mut all = Vec::new();
    let mut start = from;
    for (at, sign) in text.match_indices(['/', '|', '／', '\\']) {
        let is_inside = tokens.groups.iter().any(|group| (group.start..group.end).contains(&at));
        if at < start || is_inside {
            continue;
        }
        let (before, after) = (&text[start..at], &text[at + sign.len()..]);
        let is_spaced = before.ends_with([' ', ']', ')']) || after.starts_with(' ');
        let (left, right) = (before.chars().next_back(), after.chars().next());
        let is_foreign = left.zip(right).is_some_and(|(left, right)| {
            is_cyrillic(left) != is_cyrillic(right) && left.is_alphabetic() && right.is_alphabetic()
        });
        if is_spaced || is_foreign || sign == "／" {
            all.push((start, at));
            start = at + sign.len();
        }
    }
    all.push((start, text.len()));
    all
}

/// Bytes of "(Progressive Rock) [CD] " before music.
fn leading_genre(tokens: &Tokens<'_>, from: usize, to: usize, kind: ReleaseKind) -> usize {
    if kind != ReleaseKind::Music {
        return 0;
    }
    let mut at = from;
    for group in &tokens.groups {
        let is_next = group.start >= at && tokens.text[at..group.start].trim().is_empty();
        if is_next && group.end < to && tokens.text[group.end..].starts_with(' ') {
            at = group.end;
        }
    }
    at - from
}

/// Where the title ends that goes at most to `end`.
fn end_of(tokens: &Tokens<'_>, from: usize, end: usize, is_several: bool) -> usize {
    let text = tokens.text;
    let stop = end;
    let is_here = |group: &&Group| group.start >= from && group.start < stop;
    let is_behind = |group: &Group| !text[from..group.start].trim_matches(is_around).is_empty();
    // Where something in a bracket is no title, nothing in it is; and in square ones there is none behind a title.
    let other = tokens
        .groups
        .iter()
        .filter(is_here)
        .find(|group| stop < group.end || group.shape == Shape::Square && is_behind(group));
    let mut end = other.map_or(end, |group| group.start);
    let is_before_square = text[end..].starts_with('[');
    for group in tokens.groups.iter().rev() {
        if group.start < from || group.end > end {
            continue;
        }
        let is_last = text[group.end..end].trim().is_empty();
        let is_director = is_several || is_before_square || text[group.start..group.end].contains(" / ");
        if is_last && is_behind(group) && (is_director || group.first == group.last) {
            end = group.start;
        }
    }
    end
}

/// The second bracket that has words of a title, or the only one; what comes first is somebody's name.
fn in_brackets(tokens: &Tokens<'_>, stops: &[Stop], front: &Front, style: Style) -> Vec<String> {
    let mut texts = tokens.groups.iter().filter(|group| group.shape == Shape::Square).filter_map(|group| {
        let (first, last) = (tokens.list.get(group.first)?, tokens.list.get(group.last.checked_sub(1)?)?);
        let stop = stops.iter().find(|stop| (group.start..group.end).contains(&stop.start));
        let inside = tokens.text.get(first.start..stop.map_or(last.end, |stop| stop.start))?;
        // The time of year, and from where it comes.
        let is_title = group.start >= front.start && !inside.contains("新番") && !inside.contains("国漫");
        (is_title && !inside.trim().is_empty()).then_some(inside)
    });
    let first = texts.next();
    let inside = if front.group.is_none() { texts.next().or(first) } else { first };
    let parts = inside.into_iter().flat_map(|inside| inside.split('/'));
    parts.map(|part| clean(part, style)).filter(|part| !part.is_empty()).take(2).collect()
}

/// "05 - Title": what follows the number.
fn after_number(tokens: &Tokens<'_>, stops: &[Stop], front: &Front, style: Style) -> Option<String> {
    let first = stops.iter().find(|stop| stop.kind == StopKind::Number)?;
    let at = tokens.list.iter().position(|token| token.start >= first.end)?;
    let from = tokens.list[at.max(front.first)].start;
    let end = stops.iter().find(|stop| stop.start > first.start).map_or(tokens.text.len(), |stop| stop.start);
    (from < end)
        .then(|| clean(&tokens.text[from..end_of(tokens, from, end, false)], style))
        .filter(|title| !title.is_empty())
}

fn is_around(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '-' | '_'
                | '.'
                | ','
                | ':'
                | ';'
                | '~'
                | '|'
                | '/'
                | '\\'
                | '+'
                | '★'
                | '《'
                | '》'
                | '–'
                | '—'
                | '・'
                | '='
                | '*'
                | '【'
                | '】'
                | '['
                | ']'
                | '{'
                | '}'
        )
}

/// How a name is written.
#[derive(Debug, Clone, Copy)]
struct Style {
    kind: ReleaseKind,
    /// With hyphens between all of its words.
    is_hyphenated: bool,
}

fn is_hyphenated(text: &str) -> bool {
    !text.contains([' ', '_', '.']) && text.matches('-').count() >= 3
}

/// As a person would write it.
fn clean(raw: &str, style: Style) -> String {
    let trimmed = raw.trim_matches(is_around);
    let trimmed = trimmed.strip_suffix('(').unwrap_or(trimmed).trim_end_matches(is_around);
    let spaces = trimmed.matches(' ').count();
    let dots = joining_dots(trimmed);
    let unders = trimmed.matches('_').count();
    let mut out = String::with_capacity(trimmed.len() + 8);
    if dots > spaces {
        out.push_str(&without_dots(trimmed));
    } else if style.is_hyphenated && style.kind != ReleaseKind::Music {
        out.push_str(&trimmed.replace('-', " "));
    } else if spaces == 0 && unders == 0 && trimmed.matches('+').count() >= 1 {
        out.push_str(&trimmed.replace('+', " "));
    } else {
        out.push_str(trimmed);
        // The last dot of an acronym was trimmed away.
        let rest = &raw[raw.find(trimmed).map_or(raw.len(), |at| at + trimmed.len())..];
        let is_acronym = trimmed.len() >= 3 && trimmed.as_bytes()[trimmed.len() - 2] == b'.';
        if rest.starts_with('.') && is_acronym {
            out.push('.');
        }
    }
    if style.kind == ReleaseKind::Music && spaces == 0 && !trimmed.contains(" - ") {
        out = out.replace('-', " - ");
    }
    // "x86_64"
    let is_whole_name = style.kind == ReleaseKind::Other && trimmed.contains("x86_64");
    let out = if is_whole_name { out } else { out.replace(['_', '\u{a0}'], " ") };
    let words: Vec<&str> = out.split_whitespace().collect();
    words.join(" ")
}

/// Dots that stand for spaces: between two words, but not two numbers.
fn joining_dots(text: &str) -> usize {
    let is_word = |byte: u8| {
        byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'-' | b')' | b'(' | b',' | b'!')
    };
    let joins = |(at, around): &(usize, &[u8])| {
        // "S.H.I.E.L.D."
        let is_word_at =
            |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).is_some_and(|byte| is_word(*byte));
        if !is_word_at(at.checked_sub(1)) && !is_word_at(Some(at + 3)) {
            return false;
        }
        around[1] == b'.'
            && is_word(around[0])
            && is_word(around[2])
            && !(around[0].is_ascii_digit() && around[2].is_ascii_digit())
    };
    text.as_bytes().windows(3).enumerate().filter(joins).count()
}

fn without_dots(text: &str) -> String {
    let parts: Vec<&str> = text.split('.').collect();
    let is_letter = |part: &str| part.chars().count() == 1 && part.chars().all(char::is_uppercase);
    let mut out = String::with_capacity(text.len() + 4);
    for (at, part) in parts.iter().enumerate() {
        let previous = at.checked_sub(1).and_then(|before| parts.get(before)).copied().unwrap_or("");
        let is_run =
            is_letter(part) && (is_letter(previous) || parts.get(at + 1).is_some_and(|next| is_letter(next)));
        let is_decimal = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_run && is_letter(previous)
            || previous.len() == 1
                && is_decimal(previous)
                && is_decimal(part)
                && (part.len() == 2 || *part == "0")
        {
            while out.ends_with(' ') {
                out.pop();
            }
            if is_decimal(part) {
                out.push('.');
            }
        }
        out.push_str(part);
        out.push_str(if is_run { ". " } else { " " });
    }
    out.trim_end().to_owned()
}
