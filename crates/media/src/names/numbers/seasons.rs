//! "S01E02", "1x05", "Season 1", "1 сезон".

use super::super::tokens::Tokens;
use super::super::words::{cardinal, is_episode, is_season, ordinal};
use super::episodes::{episode_words, of_all};
use super::{
    Context, Found, LAST_EPISODE, LAST_SEASON, Range, YEARS, digits, episode_number, is_beside, is_tight_to,
    is_to, marked_number, past_total, range_from,
};

/// "s01e02", whole or its front part: season, episodes, and what is left of the word.
fn sxxeyy(word: &str) -> Option<(u32, Option<Range>)> {
    let spanish = || word.strip_prefix('t').filter(|rest| rest.len() == 5 && rest.as_bytes()[2] == b'e');
    let (season, mut rest) = digits(word.strip_prefix('s').or_else(spanish)?);
    if !(1..=4).contains(&season.len()) {
        return None;
    }
    let season: u32 = season.parse().ok()?;
    if rest.is_empty() {
        return (season <= LAST_SEASON || YEARS.contains(&season)).then_some((season, None));
    }
    let mut range: Option<Range> = None;
    while let Some(after) = rest.strip_prefix("ep").or_else(|| rest.strip_prefix('e')) {
        let (number, past) = digits(after);
        if !(1..=4).contains(&number.len()) {
            break;
        }
        let number = number.parse().ok()?;
        range = Some((range.map_or(number, |(first, _)| first), number));
        rest = past;
    }
    let is_whole = rest.is_empty() || episode_number(&format!("1{rest}")).is_some() || rest.starts_with("of");
    (is_whole && range.is_some()).then_some((season, range))
}

pub(super) fn season_and_episode(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
    let word = tokens.word(at);
    if let Some(found) = temporada(tokens, at) {
        return Some(found);
    }
    let (season, range, start) = match sxxeyy(word) {
        Some((season, range)) => (season, range, 0),
        None => {
            // Glued to the title: "ShowS01E05".
            let from = word.match_indices('s').map(|(place, _)| place).find(|place| {
                *place > 1
                    && sxxeyy(&word[*place..]).is_some_and(|(_, range)| range.is_some())
                    && word.len() - place >= 6
            })?;
            let (season, range) = sxxeyy(&word[from..])?;
            (season, range, tokens.list[at].start + from)
        }
    };
    let mut found =
        Found { next: at + 1, start, seasons: Some((season, season)), episodes: range, day: None };
    if range.is_none() {
        // "S1" is a title as well, and so is "S4C".
        if tokens.list[at].len() > 3 && season <= LAST_SEASON
            || at == 0 && tokens.len() > 1 && tokens.list[at].len() < 3
        {
            return None;
        }
        pack(tokens, &mut found, season);
    }
    if let Some((first, last)) = found.episodes {
        more_episodes(tokens, &mut found, first, last, season);
    }
    found.next = past_total(tokens, found.next);
    Some(found)
}

/// "T22 Capítulo 4", "T1 E5".
fn temporada(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
    let season = tokens.word(at).strip_prefix('t').filter(|rest| rest.len() <= 2)?.parse().ok()?;
    if !is_beside(tokens.before(at + 1)) {
        return None;
    }
    let one = |number| Found { next: at + 2, episodes: Some((number, number)), ..Found::default() };
    let episodes = episode_words(tokens, at + 1).or_else(|| marked_number(tokens.word(at + 1)).map(one))?;
    Some(Found { seasons: Some((season, season)), ..episodes })
}

/// What follows the season where no episode is glued to it: "S01-S03", "S01.E05", "S2 - 05".
fn pack(tokens: &Tokens<'_>, found: &mut Found, season: u32) {
    let mut last = season;
    loop {
        let (next, between) = (found.next, tokens.before(found.next));
        let word = tokens.word(next);
        let joined = is_to(between) || matches!(between, "," | ", ");
        let is_in_words = matches!(word, "to" | "по" | "bis") && between.len() == 1;
        let (next, word, between) =
            if is_in_words { (next + 1, tokens.word(next + 1), "-") } else { (next, word, between) };
        let joined = joined || is_in_words;
        let other = word.strip_prefix('s').and_then(|rest| rest.parse::<u32>().ok());
        let other = other.or_else(|| tokens.number(next).filter(|_| is_tight_to(between) && word.len() <= 2));
        match other.filter(|other| joined && (last + 1..=LAST_SEASON).contains(other)) {
            Some(other) => (last, found.next) = (other, next + 1),
            None => break,
        }
    }
    found.seasons = Some((season, last));
    if last != season {
        return;
    }
    let (next, between) = (found.next, tokens.before(found.next));
    let is_near = between.len() <= 4 && !between.contains([')', ']', '/', '|']);
    if let Some(number) = marked_number(tokens.word(next)).filter(|_| is_near) {
        (found.next, found.episodes) = (next + 1, Some((number, number)));
    } else if is_near && is_to(between) && tokens.word(next).len() >= 2 {
        if let Some(number) = episode_number(tokens.word(next)).filter(|number| !YEARS.contains(number)) {
            let (last, past) = range_from(tokens, next, number, LAST_EPISODE);
            (found.next, found.episodes) = (past, Some((number, last)));
        }
    } else if is_near
        && is_episode(tokens.word(next))
        && let Some(episodes) = episode_words(tokens, next)
    {
        (found.next, found.episodes) = (episodes.next, episodes.episodes);
    }
}

/// "S01E01-E03", "S01E01-03", "S01E01.E02" and "S01E01-S01E03".
fn more_episodes(tokens: &Tokens<'_>, found: &mut Found, first: u32, mut last: u32, season: u32) {
    loop {
        let (next, between) = (found.next, tokens.before(found.next));
        let word = tokens.word(next);
        let number = if let Some((other, Some((_, number)))) = sxxeyy(word) {
            (other == season && (is_to(between) || between.len() <= 1)).then_some(number)
        } else if let Some(number) = marked_number(word) {
            (is_to(between) || between.len() <= 1).then_some(number)
        } else {
            let is_of = matches!(tokens.word(next + 1), "из" | "of" | "з");
            let number = tokens.number(next).filter(|_| word.len() <= 4);
            number.filter(|_| is_tight_to(between) || is_to(between) && is_of)
        };
        match number.filter(|number| (last + 1..last + 500).contains(number)) {
            Some(number) => (last, found.next) = (number, next + 1),
            None => break,
        }
    }
    found.episodes = Some((first, last));
}

/// "1x05".
pub(super) fn crossed(tokens: &Tokens<'_>, at: usize, context: Context) -> Option<Found> {
    let parse = |word: &str| -> Option<(u32, u32)> {
        let (season, rest) = digits(word);
        let (number, rest) = digits(rest.strip_prefix(['x', 'х'])?);
        let is_it = (1..=2).contains(&season.len()) && (2..=3).contains(&number.len()) && rest.is_empty();
        is_it.then(|| Some((season.parse().ok()?, number.parse().ok()?)))?
    };
    let word = tokens.word(at);
    // With a Cyrillic cross it is three words.
    let is_cyrillic = tokens.word(at + 1) == "х" && tokens.is_glued(at + 1) && tokens.is_glued(at + 2);
    let (season, first, mut next) = if is_cyrillic {
        let (season, number) = (tokens.number(at)?, tokens.number(at + 2)?);
        (word.len() <= 2 && (2..=3).contains(&tokens.word(at + 2).len())).then_some((
            season,
            number,
            at + 3,
        ))?
    } else {
        let (season, number) = parse(word)?;
        (season, number, at + 1)
    };
    // A film may be called so.
    if at == context.first && tokens.number(next).is_some_and(|year| YEARS.contains(&year)) {
        return None;
    }
    let mut last = first;
    if is_to(tokens.before(next)) {
        let other = parse(tokens.word(next)).filter(|(other, _)| *other == season).map(|(_, number)| number);
        let is_tight = is_tight_to(tokens.before(next));
        let other = other.or_else(|| tokens.number(next).filter(|number| is_tight && *number <= 999));
        if let Some(other) = other.filter(|other| *other > last) {
            (last, next) = (other, next + 1);
        }
    }
    Some(Found {
        next: past_total(tokens, next),
        seasons: Some((season, season)),
        episodes: Some((first, last)),
        ..Found::default()
    })
}

/// "Season 1-3", "Сезон: 1", "2nd Season", "1-3 сезоны", each perhaps with episodes behind.
pub(super) fn season_words(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
    let mut found = if is_season(tokens.word(at)) {
        season_after(tokens, at)?
    } else if let Some(rest) = tokens.word(at).strip_prefix("season").filter(|rest| rest.len() <= 2) {
        let season = rest.parse().ok()?;
        Found { next: at + 1, seasons: Some((season, season)), ..Found::default() }
    } else if tokens.word(at) == "series" && is_series_number(tokens, at + 1) {
        season_after(tokens, at)?
    } else {
        season_before(tokens, at)?
    };
    let is_near =
        |place: usize| tokens.before(place).len() <= 4 && !tokens.before(place).contains(['|', '/']);
    if is_near(found.next)
        && let Some(episodes) = episode_words(tokens, found.next).or_else(|| of_all(tokens, found.next))
    {
        (found.next, found.episodes) = (episodes.next, episodes.episodes);
    }
    Some(found)
}

/// British ones count in series: "Series 3 Episode 2".
fn is_series_number(tokens: &Tokens<'_>, at: usize) -> bool {
    let ends = at + 1 >= tokens.len() || tokens.after(at).contains(['[', '(']);
    let next = tokens.word(at + 1);
    tokens.number(at).is_some()
        && (ends || is_episode(next) || matches!(next, "complete" | "720p" | "1080p" | "dvdrip"))
}

fn season_after(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
    if !is_beside(tokens.before(at + 1)) {
        return None;
    }
    let word = tokens.word(at + 1);
    let (first, after_first) = match tokens.number(at + 1) {
        Some(number) => (number, at + 1),
        None => (cardinal(word).or_else(|| ordinal(word))?, at + 1),
    };
    if first > LAST_SEASON {
        return None;
    }
    let (mut last, mut next) = range_from(tokens, after_first, first, LAST_SEASON);
    // "Season 2 - 24" is an episode.
    if matches!(tokens.before(after_first + 1), " - " | "_-_" | " – ")
        && matches!(tokens.word(at), "season" | "сезон" | "staffel")
    {
        (last, next) = (first, after_first + 1);
    }
    let next = past_total(tokens, next);
    Some(Found { next, seasons: Some((first, last)), ..Found::default() })
}

fn season_before(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
    let word = tokens.word(at);
    let number = tokens.number(at).filter(|number| *number <= LAST_SEASON);
    let first = number.or_else(|| ordinal(word))?;
    let (mut last, mut next) =
        if number.is_some() { range_from(tokens, at, first, LAST_SEASON) } else { (first, at + 1) };
    // "1-й сезон"
    if matches!(tokens.word(next), "й" | "ый" | "ой" | "ий" | "е") {
        next += 1;
        if is_tight_to(tokens.before(next))
            && let Some(other) = tokens.number(next).filter(|other| (first..=LAST_SEASON).contains(other))
        {
            (last, next) = (other, next + 2);
        }
    }
    let between = tokens.before(next);
    let is_near = between.len() <= 2 && !between.contains(['(', ')', '[', ']', '/', ',', ':', '-']);
    let word = tokens.word(next);
    // "Формула 1. Сезон 2024"
    if between.contains('.') && tokens.number(next + 1).is_some_and(|number| number > LAST_SEASON) {
        return None;
    }
    // "72 Seasons" is an album.
    let is_it = is_season(word) && !(word == "seasons" && first == last && number.is_some());
    (is_near && is_it).then(|| Found { next: next + 1, seasons: Some((first, last)), ..Found::default() })
}
