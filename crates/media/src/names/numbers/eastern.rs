//! "第05集", "第二季", "제5화".

use super::super::tokens::Tokens;
use super::{Found, LAST_EPISODE, Range, range_from};

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
pub(super) fn eastern(tokens: &Tokens<'_>, at: usize) -> Option<Found> {
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
