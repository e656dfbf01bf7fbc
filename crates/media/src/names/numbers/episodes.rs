//! Numbers of episodes that stand alone: in words, in brackets, behind a dash.

use super::super::tokens::{Shape, Tokens};
use super::super::words::{is_episode, is_episode_count};
use super::{
    Context, Found, LAST_EPISODE, YEARS, digits, episode_number, is_beside, is_tight_to, marked_number,
    past_total, range_from,
};

/// "Episode 5", "серии 1-8 из 8", "5 серия", "8 серий", "e05".
pub(super) fn episode_words(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
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
    // "4 серии из 4" are all of them.
    let is_all = tokens.word(next + 1) == "из" && tokens.number(next + 2) == Some(first) && first > 1;
    if first == last && (is_episode_count(word) || is_all) {
        found(1, last, next + 1)
    } else {
        found(first, last, next + 1)
    }
}

/// "1 of 6", "01-12 из 12" and "1of6".
pub(super) fn of_all(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
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
pub(super) fn broadcast(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
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
pub(super) fn unnumbered(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
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
pub(super) fn special(tokens: &Tokens<'_>, at: usize, context: Context) -> Option<Found> {
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
pub(super) fn in_brackets(tokens: &Tokens<'_>, at: usize, context: Context) -> Option<Found> {
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
pub(super) fn after_dash(tokens: &Tokens<'_>, at: usize, context: Context) -> Option<Found> {
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
    let before = before.trim_start_matches(['!', '?', ')', ']', '.', '~', '♪', '☆', '★']);
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
pub(super) fn in_front(tokens: &Tokens<'_>, at: usize, context: Context) -> Option<Found> {
    let number = tokens.number(at).filter(|_| context.is_video && at == context.first)?;
    let word = tokens.word(at);
    let is_it = (2..=3).contains(&word.len())
        && word.starts_with('0')
        && number > 0
        && tokens.list[at].group.is_none();
    is_it.then(|| Found { next: at + 1, episodes: Some((number, number)), ..Found::default() })
}
