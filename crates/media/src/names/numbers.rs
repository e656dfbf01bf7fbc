//! The ways in which people number seasons and episodes, and write the day of one.

use super::tokens::{Shape, Tokens};
use super::words::{cardinal, is_episode, is_episode_count, is_season, ordinal};

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
    let found = day(tokens, at)
        .or_else(|| season_and_episode(tokens, at))
        .or_else(|| crossed(tokens, at, context))
        .or_else(|| season_words(tokens, at))
        .or_else(|| episode_words(tokens, at))
        .or_else(|| eastern(tokens, at))
        .or_else(|| of_all(tokens, at))
        .or_else(|| broadcast(tokens, at))
        .or_else(|| unnumbered(tokens, at))
        .or_else(|| special(tokens, at, context))
        .or_else(|| in_brackets(tokens, at, context))
        .or_else(|| in_front(tokens, at, context))
        .or_else(|| after_dash(tokens, at, context))?;
    let is_known =
        |range: Option<Range>| range.is_none_or(|(first, last)| first <= last && last <= LAST_EPISODE);
    if !is_known(found.seasons) || !is_known(found.episodes) {
        return None;
    }
    let start = if found.start == 0 { start } else { found.start };
    Some(Found { start, ..found })
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
fn day(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
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

fn season_and_episode(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
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
    } else if is_near && is_episode(tokens.word(next)) {
        if let Some(episodes) = episode_words(tokens, next) {
            (found.next, found.episodes) = (episodes.next, episodes.episodes);
        }
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
fn crossed(tokens: &Tokens<'_>, at: usize, context: Context) -> Option<Found> {
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
fn season_words(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
    let mut found = if is_season(tokens.word(at)) {
        season_after(tokens, at)?
    } else if let Some(rest) = tokens.word(at).strip_prefix("season").filter(|rest| rest.len() <= 2) {
        let season = rest.parse().ok()?;
        Found { next: at + 1, seasons: Some((season, season)), ..Found::default() }
    } else {
        season_before(tokens, at)?
    };
    let is_near =
        |place: usize| tokens.before(place).len() <= 4 && !tokens.before(place).contains(['|', '/']);
    if is_near(found.next) {
        if let Some(episodes) = episode_words(tokens, found.next).or_else(|| of_all(tokens, found.next)) {
            (found.next, found.episodes) = (episodes.next, episodes.episodes);
        }
    }
    Some(found)
}

/// Whether a word and the number behind it belong to each other.
fn is_beside(between: &str) -> bool {
    between.len() <= 3
        && !between.contains(['(', ')', '[', ']', '/', ','])
        && !matches!(between, " - " | "_-_" | " – ")
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
        if is_tight_to(tokens.before(next)) {
            if let Some(other) = tokens.number(next).filter(|other| (first..=LAST_SEASON).contains(other)) {
                (last, next) = (other, next + 2);
            }
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

/// "Episode 5", "серии 1-8 из 8", "5 серия", "8 серий", "e05".
fn episode_words(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
    let word = tokens.word(at);
    let found = |first, last, next| {
        Some(Found { next: past_total(tokens, next), episodes: Some((first, last)), ..Found::default() })
    };
    if let Some(number) = marked_number(word).filter(|_| word.len() >= 3) {
        let (mut last, mut next) = (number, at + 1);
        while let Some(other) = marked_number(tokens.word(next)).or_else(|| episode_number(tokens.word(next)))
        {
            let between = tokens.before(next);
            if !(is_tight_to(between) && (last + 1..=LAST_EPISODE).contains(&other)) {
                break;
            }
            (last, next) = (other, next + 1);
        }
        return found(number, last, next);
    }
    if is_episode(word) {
        let between = tokens.before(at + 1);
        if !is_beside(between) {
            return None;
        }
        let first = tokens.number(at + 1).or_else(|| episode_number(tokens.word(at + 1)))?;
        let (last, next) = range_from(tokens, at + 1, first, LAST_EPISODE);
        // "Star Wars: Episode 5" is a film.
        let is_film = first <= 9
            && tokens.word(at + 1).len() == 1
            && matches!(at.checked_sub(1).map(|before| tokens.word(before)), Some("wars" | "войны"));
        if is_film {
            return None;
        }
        if first == last && is_episode_count(word) && between.contains(':') {
            return found(1, last, next);
        }
        return found(first, last, next);
    }
    if let Some(rest) = word.strip_prefix("cap").or_else(|| word.strip_prefix("capitulo")) {
        let number = if rest.is_empty() { tokens.word(at + 1) } else { rest };
        let next = if rest.is_empty() { at + 2 } else { at + 1 };
        if (3..=4).contains(&number.len()) {
            let both: u32 = number.parse().ok()?;
            let mut found = Found { next, seasons: Some((both / 100, both / 100)), ..Found::default() };
            let other = tokens
                .number(next)
                .filter(|other| matches!(tokens.before(next), "_" | "-") && other / 100 == both / 100);
            found.episodes = Some((both % 100, other.unwrap_or(both) % 100));
            found.next += usize::from(other.is_some());
            return Some(found);
        }
        return None;
    }
    let first = tokens.number(at).filter(|number| *number <= LAST_EPISODE)?;
    let (last, mut next) = range_from(tokens, at, first, LAST_EPISODE);
    next = past_total(tokens, next);
    if matches!(tokens.word(next), "я" | "ая" | "й" | "ий" | "ый") {
        next += 1;
    }
    let between = tokens.before(next);
    let word = tokens.word(next);
    if between.len() > 2 || between.contains(['(', ')', '[', ']', '/', ',', ':']) || !is_episode(word) {
        return None;
    }
    // "05 Episode 6": the number belongs to what stands before.
    if tokens.number(next + 1).is_some() && !is_episode_count(word) && word.is_ascii() {
        return None;
    }
    if first == last && is_episode_count(word) {
        found(1, last, next + 1)
    } else {
        found(first, last, next + 1)
    }
}

/// "1 of 6", "01-12 из 12" and "1of6".
fn of_all(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
    let word = tokens.word(at);
    if let Some((first, all)) = word.split_once("of") {
        let (first, all) = (first.parse().ok()?, all.parse::<u32>().ok()?);
        return (first <= all).then(|| Found {
            next: at + 1,
            episodes: Some((first, first)),
            ..Found::default()
        });
    }
    let first = tokens.number(at).filter(|number| *number <= LAST_EPISODE && !YEARS.contains(number))?;
    let (last, next) = range_from(tokens, at, first, LAST_EPISODE);
    let past = past_total(tokens, next);
    let all = tokens.word(past.saturating_sub(1));
    let is_all = past > next && !tokens.before(next).contains([')', ']']);
    // "[12 из 12]" has all of them; "03 of 12" is one, and so is "03 из 12".
    let is_count = first == last && tokens.word(next) == "из" && !word.starts_with('0');
    let first = if is_count { 1 } else { first };
    (is_all && (digits(all).0.is_empty() || digits(all).0.parse::<u32>().is_ok_and(|all| all >= last)))
        .then(|| Found { next: past, episodes: Some((first, last)), ..Found::default() })
}

/// "[TV-2]" and "ТВ-2".
fn broadcast(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
    let word = tokens.word(at);
    let is_inside = tokens.group_of(at).is_some_and(|group| group.first == at);
    let (season, next) = match word {
        "tv" | "тв" => {
            let number = tokens.number(at + 1).filter(|number| *number <= 20);
            let is_near = matches!(tokens.before(at + 1), "-" | "" | " " | "–");
            match number.filter(|_| is_near) {
                Some(number) if is_inside || tokens.before(at + 1) != " " => (Some(number), at + 2),
                _ if is_inside && tokens.group_of(at)?.last == at + 1 => (None, at + 1),
                _ => return None,
            }
        }
        "tv1" | "tv2" | "tv3" | "tv4" if is_inside => (word[2..].parse().ok(), at + 1),
        _ => return None,
    };
    Some(Found { next, seasons: season.map(|season| (season, season)), ..Found::default() })
}

/// "Complete Series" and the like, which name no number.
fn unnumbered(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
    let is_near = tokens.before(at + 1).len() == 1;
    let words = match (tokens.word(at), tokens.word(at + 1)) {
        ("complete" | "mini" | "tv" | "full" | "entire", "series" | "serie") | ("мини", "сериал")
            if is_near =>
        {
            2
        }
        ("ova" | "ona" | "oad", _) if tokens.written(at).starts_with('O') => 1,
        ("miniseries" | "минисериал" | "телесериал" | "мультсериал", _) => 1,
        _ => return None,
    };
    (at > 0).then(|| Found { next: at + words, ..Found::default() })
}

/// "- Special 1", "SP02".
fn special(tokens: &Tokens<'_>, at: usize, context: Context) -> Option<Found> {
    let word = tokens.word(at);
    let (number, next) = match word {
        "special" | "спешл" | "спецвыпуск" if tokens.before(at + 1) == " " => {
            let is_set_off = tokens.before(at).contains('-') || context.is_group_first;
            (tokens.number(at + 1).filter(|_| is_set_off)?, at + 2)
        }
        _ => (word.strip_prefix("sp").filter(|rest| rest.len() == 2)?.parse().ok()?, at + 1),
    };
    let is_it = at > context.first && number < 100;
    is_it.then(|| Found { next, seasons: Some((0, 0)), episodes: Some((number, number)), ..Found::default() })
}

/// "[05]", "[01-12]", "(01-28)".
fn in_brackets(tokens: &Tokens<'_>, at: usize, context: Context) -> Option<Found> {
    let group = tokens.group_of(at).filter(|group| group.first == at && at > context.first)?;
    let word = tokens.word(at);
    let first = episode_number(word).filter(|number| !YEARS.contains(number))?;
    let (last, mut next) = range_from(tokens, at, first, LAST_EPISODE);
    if matches!(tokens.word(next), "end" | "fin" | "batch" | "complete" | "合集" | "全集" | "完") {
        next += 1;
    }
    if next != group.last {
        return None;
    }
    let is_single = first == last;
    let is_it = match group.shape {
        Shape::Square => !is_single || word.len() >= 2 && !matches!(first, 360 | 480 | 576 | 720 | 1080),
        Shape::Round => !is_single || word.starts_with('0') && word.len() <= 3,
    };
    is_it.then(|| Found { next, episodes: Some((first, last)), ..Found::default() })
}

/// " - 05", "#05", and after somebody's name also " 05 [".
fn after_dash(tokens: &Tokens<'_>, at: usize, context: Context) -> Option<Found> {
    if at <= context.first || tokens.list[at].group.is_some() {
        return None;
    }
    let (before, word) = (tokens.before(at), tokens.word(at));
    let first = episode_number(word).filter(|number| !(YEARS.contains(number) && word.len() == 4))?;
    let (last, next) = range_from(tokens, at, first, LAST_EPISODE);
    let after = tokens.before(next);
    let is_end = next >= tokens.len() || after.contains(['[', '(', '【']);
    let is_before_title = after.contains(" - ") || after.contains("_-_");
    let is_year_next = tokens.number(next).is_some_and(|year| YEARS.contains(&year));
    let is_last_word = is_end || matches!(tokens.word(next), "end" | "fin" | "final" | "raw" | "vostfr");
    let before = before.trim_start_matches(['!', '?', ')', '.', '~', '♪', '☆', '★']);
    let is_dashed = matches!(before, " - " | "_-_" | " – " | " — " | ".-.");
    let is_it = if before.ends_with('#') {
        true
    } else if is_dashed {
        word.len() >= 2 && (is_last_word || is_before_title || context.is_group_first)
    } else {
        // "[Group] Series 05 [720p]"
        let is_subtitled = matches!(tokens.word(next), "vostfr" | "raw");
        let is_padded =
            word.starts_with('0') && (next < tokens.len() && after.contains(['[', '(']) || last > first);
        (context.is_group_first || is_subtitled || is_padded)
            && word.len() >= 2
            && (is_last_word || is_padded)
            && !(is_year_next && word.len() == 4)
            && matches!(before, " " | "_" | ".")
    };
    is_it.then(|| Found { next, episodes: Some((first, last)), ..Found::default() })
}

/// "05 - Title.mkv" and "05.mkv".
fn in_front(tokens: &Tokens<'_>, at: usize, context: Context) -> Option<Found> {
    let number = tokens.number(at).filter(|_| context.is_video && at == context.first)?;
    let word = tokens.word(at);
    let is_it = (2..=3).contains(&word.len())
        && word.starts_with('0')
        && number > 0
        && tokens.list[at].group.is_none();
    is_it.then(|| Found { next: at + 1, episodes: Some((number, number)), ..Found::default() })
}

fn eastern_number(text: &str) -> Option<u32> {
    let value =
        |c: char| "〇一二三四五六七八九".chars().position(|digit| digit == c).map(|value| value as u32);
    let mut sum = 0;
    let mut digit = None;
    for c in text.chars() {
        if c == '十' {
            sum += digit.unwrap_or(1) * 10;
            digit = Some(0);
        } else {
            digit = Some(value(c)?);
        }
    }
    Some(sum + digit?)
}

/// "第05集", "第一季", "全30集", "5話", "제5화".
fn eastern(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
    let make = |unit: char, range: Range, next: usize, start: usize| {
        let mut found = Found { next, start, ..Found::default() };
        match unit {
            '季' | '期' | '部' | '기' => found.seasons = Some(range),
            '集' | '话' | '話' | '回' | '화' | '회' => found.episodes = Some(range),
            _ => return None,
        }
        Some(found)
    };
    let word = tokens.word(at);
    // The number is in digits: a word of its own.
    if let Some(first) = tokens.number(at) {
        let (last, next) = range_from(tokens, at, first, LAST_EPISODE);
        if !tokens.is_glued(next) {
            return None;
        }
        let unit = tokens.word(next).chars().next()?;
        let front =
            at.checked_sub(1).filter(|_| tokens.is_glued(at)).map_or("", |before| tokens.word(before));
        let sign = front.chars().next_back().filter(|c| matches!(c, '第' | '全' | '제' | '共'));
        let is_all = matches!(sign, Some('全' | '共'));
        let start = tokens.list[at].start - sign.map_or(0, char::len_utf8);
        return make(unit, if is_all { (1, last) } else { (first, last) }, next + 1, start);
    }
    let (from, _) = word.match_indices('第').next()?;
    let rest = &word[from + '第'.len_utf8()..];
    let (unit_at, unit) =
        rest.char_indices().find(|(_, c)| matches!(c, '季' | '期' | '部' | '集' | '话' | '話' | '回'))?;
    let number = eastern_number(&rest[..unit_at])?;
    make(unit, (number, number), at + 1, tokens.list[at].start + from)
}
