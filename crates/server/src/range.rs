//! Which bytes a request asks for (RFC 9110 sections 13 and 14).
//!
//! Pure rules without any I/O: players seek by ranges, so every case of them is tested here and not through a socket.

use std::ops::Range;

/// More ranges than this in one request are not worth a multipart answer: it gets the whole file.
pub(crate) const MAX_RANGES: usize = 16;

/// What of a file is to be sent. Ranges are never empty, lie inside the file and don't overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    Whole,
    One(Range<u64>),
    /// At least two, in the order of the request.
    Several(Vec<Range<u64>>),
}

/// Why a request for ranges gets a 416. The texts are the ones TorrServer's clients know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RangeError {
    #[error("invalid range")]
    Syntax,
    #[error("invalid range: failed to overlap")]
    NoOverlap,
}

/// Reads a `Range` field for a file of `length` bytes.
///
/// A unit other than `bytes` is ignored, as RFC 9110 section 14.2 demands. Too many or overlapping ranges get the whole file.
///
/// # Errors
/// [`RangeError`], which becomes a 416.
pub(crate) fn select(field: Option<&str>, length: u64) -> Result<Selection, RangeError> {
    let Some(field) = field.filter(|field| !field.is_empty()) else { return Ok(Selection::Whole) };
    let (unit, set) = field.split_once('=').ok_or(RangeError::Syntax)?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Ok(Selection::Whole);
    }
    let mut asked = 0;
    let mut ranges = Vec::new();
    for spec in set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty()) {
        asked += 1;
        // Even where there are too many to serve, each one must be well-formed.
        if let Some(range) = resolve(spec, length)?
            && ranges.len() <= MAX_RANGES
        {
            ranges.push(range);
        }
    }
    if asked == 0 || length == 0 {
        return Ok(Selection::Whole);
    }
    Ok(match ranges.len() {
        0 => return Err(RangeError::NoOverlap),
        _ if asked > MAX_RANGES || overlap(&ranges) => Selection::Whole,
        1 => Selection::One(ranges.remove(0)),
        _ => Selection::Several(ranges),
    })
}

/// One `first-last`, `first-` or `-suffix`; `None` if it lies outside the file.
fn resolve(spec: &str, length: u64) -> Result<Option<Range<u64>>, RangeError> {
    let (first, last) = spec.split_once('-').ok_or(RangeError::Syntax)?;
    let (first, last) = (first.trim_matches([' ', '\t']), last.trim_matches([' ', '\t']));
    let range = match (number(first)?, number(last)?) {
        (None, None) => return Err(RangeError::Syntax),
        (None, Some(suffix)) => length.saturating_sub(suffix)..length,
        (Some(first), None) => first..length,
        (Some(first), Some(last)) if last < first => return Err(RangeError::Syntax),
        (Some(first), Some(last)) => first..last.saturating_add(1).min(length),
    };
    Ok((range.start < range.end).then_some(range))
}

/// Digits, however many: a number beyond `u64` is beyond every file too.
fn number(digits: &str) -> Result<Option<u64>, RangeError> {
    if digits.is_empty() {
        return Ok(None);
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RangeError::Syntax);
    }
    Ok(Some(digits.parse().unwrap_or(u64::MAX)))
}

fn overlap(ranges: &[Range<u64>]) -> bool {
    let mut sorted: Vec<&Range<u64>> = ranges.iter().collect();
    sorted.sort_by_key(|range| range.start);
    sorted.windows(2).any(|pair| pair[1].start < pair[0].end)
}

/// The condition fields of a request, as texts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Conditions<'a> {
    pub(crate) if_match: Option<&'a str>,
    pub(crate) if_none_match: Option<&'a str>,
    pub(crate) if_modified_since_secs: Option<u64>,
    pub(crate) if_range: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// Answer; `Range` counts only if `ranges` says so.
    Proceed { ranges: bool },
    /// 304: the client has it already.
    NotModified,
    /// 412: the client means another file.
    Failed,
}

/// Judges the conditions in the order of RFC 9110 section 13.2.2, for a file with a strong `etag` (with its quotes).
pub(crate) fn precondition(conditions: Conditions<'_>, etag: &str, modified_secs: u64) -> Precondition {
    if let Some(wanted) = conditions.if_match
        && !tags(wanted).any(|tag| tag == "*" || tag == etag)
    {
        return Precondition::Failed;
    }
    if let Some(known) = conditions.if_none_match {
        // Weak comparison: a `W/` in front does not matter for "do I have it".
        if tags(known).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag) {
            return Precondition::NotModified;
        }
    } else if conditions.if_modified_since_secs.is_some_and(|since| modified_secs <= since) {
        return Precondition::NotModified;
    }
    // A date in If-Range never matches: a torrent's date is when it was added and says nothing about its bytes.
    Precondition::Proceed { ranges: conditions.if_range.is_none_or(|tag| tag.trim() == etag) }
}

/// The entity tags of a list. Commas inside the quotes belong to the tag.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    list.split(move |char| {
        is_quoted ^= char == '"';
        char == ',' && !is_quoted
    })
    .map(|tag| tag.trim_matches([' ', '\t']))
    .filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(range: Range<u64>) -> Result<Selection, RangeError> {
        Ok(Selection::One(range))
    }

    #[test]
    fn each_form_of_a_range_means_what_the_rfc_says() {
        let several = |ranges: &[Range<u64>]| Ok(Selection::Several(ranges.to_vec()));
        let table = [
            ("bytes=0-0", one(0..1)),
            ("bytes=0-99", one(0..100)),
            ("bytes=10-19", one(10..20)),
            ("bytes=10-", one(10..100)),
            ("bytes=99-", one(99..100)),
            ("bytes=-1", one(99..100)),
            ("bytes=-100", one(0..100)),
            ("bytes=-1000", one(0..100)),
            ("bytes=90-1000", one(90..100)),
            ("bytes=0-99999999999999999999999", one(0..100)),
            ("BYTES = 5-6", one(5..7)),
            ("bytes= 5-6 , ", one(5..7)),
            ("bytes=100-200,5-6", one(5..7)),
            ("bytes=0-0,-1", several(&[0..1, 99..100])),
            ("bytes=50-59, 0-9 ,20-29", several(&[50..60, 0..10, 20..30])),
            ("bytes=0-9,10-19", several(&[0..10, 10..20])),
            ("bytes=0-9,9-19", Ok(Selection::Whole)),
            ("bytes=0-,0-,0-", Ok(Selection::Whole)),
            ("", Ok(Selection::Whole)),
            ("bytes=", Ok(Selection::Whole)),
            ("bytes=,,", Ok(Selection::Whole)),
            ("pieces=1-2", Ok(Selection::Whole)),
            ("bytes=100-", Err(RangeError::NoOverlap)),
            ("bytes=100-100", Err(RangeError::NoOverlap)),
            ("bytes=-0", Err(RangeError::NoOverlap)),
            ("bytes=99999999999999999999999-", Err(RangeError::NoOverlap)),
            ("bytes", Err(RangeError::Syntax)),
            ("bytes=-", Err(RangeError::Syntax)),
            ("bytes=5", Err(RangeError::Syntax)),
            ("bytes=6-5", Err(RangeError::Syntax)),
            ("bytes=a-b", Err(RangeError::Syntax)),
            ("bytes=--5", Err(RangeError::Syntax)),
            ("bytes=+1-5", Err(RangeError::Syntax)),
            ("bytes=0x1-5", Err(RangeError::Syntax)),
            ("bytes=0-5,x", Err(RangeError::Syntax)),
        ];
        for (field, expected) in table {
            assert_eq!(select(Some(field), 100), expected, "{field}");
        }
        assert_eq!(select(None, 100), Ok(Selection::Whole));
    }

    #[test]
    fn an_empty_file_is_always_whole() {
        for field in ["bytes=0-", "bytes=0-0", "bytes=-5"] {
            assert_eq!(select(Some(field), 0), Ok(Selection::Whole), "{field}");
        }
    }

    #[test]
    fn too_many_ranges_get_the_whole_file() {
        let ask = |count: usize| {
            let specs: Vec<String> = (0..count).map(|at| format!("{0}-{0}", at * 2)).collect();
            select(Some(&format!("bytes={}", specs.join(","))), 100_000)
        };

        assert!(matches!(ask(MAX_RANGES), Ok(Selection::Several(ranges)) if ranges.len() == MAX_RANGES));
        assert_eq!(ask(MAX_RANGES + 1), Ok(Selection::Whole));
        assert_eq!(ask(20_000), Ok(Selection::Whole));
    }

    #[test]
    fn conditions_are_judged_in_the_order_of_the_rfc() {
        const TAG: &str = "\"abc\"";
        const ALL: Precondition = Precondition::Proceed { ranges: true };
        const NO_RANGES: Precondition = Precondition::Proceed { ranges: false };
        let empty = Conditions::default();
        let table = [
            (empty, ALL),
            (Conditions { if_range: Some(TAG), ..empty }, ALL),
            (Conditions { if_range: Some("W/\"abc\""), ..empty }, NO_RANGES),
            (Conditions { if_range: Some("\"other\""), ..empty }, NO_RANGES),
            (Conditions { if_range: Some("Tue, 14 Nov 2023 22:13:20 GMT"), ..empty }, NO_RANGES),
            (Conditions { if_none_match: Some(TAG), ..empty }, Precondition::NotModified),
            (Conditions { if_none_match: Some("\"a,b\", W/\"abc\""), ..empty }, Precondition::NotModified),
            (Conditions { if_none_match: Some("*"), ..empty }, Precondition::NotModified),
            (Conditions { if_none_match: Some("\"a\",\"b\""), ..empty }, ALL),
            (Conditions { if_none_match: Some("\"x, \"abc\"\""), ..empty }, ALL),
            (Conditions { if_modified_since_secs: Some(1000), ..empty }, Precondition::NotModified),
            (Conditions { if_modified_since_secs: Some(999), ..empty }, ALL),
            (Conditions { if_none_match: Some("\"x\""), if_modified_since_secs: Some(1000), ..empty }, ALL),
            (Conditions { if_match: Some("\"x\", \"abc\""), ..empty }, ALL),
            (Conditions { if_match: Some("W/\"abc\""), ..empty }, Precondition::Failed),
            (Conditions { if_match: Some("\"x\""), if_none_match: Some(TAG), ..empty }, Precondition::Failed),
        ];
        for (conditions, expected) in table {
            assert_eq!(precondition(conditions, TAG, 1000), expected, "{conditions:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_ranges_inside_the_file_or_an_error(
            field in "(bytes=)?[0-9,\\- a]{0,40}", length in 0_u64..50
        ) {
            let ranges = match select(Some(&field), length) {
                Ok(Selection::One(range)) => vec![range],
                Ok(Selection::Several(ranges)) => {
                    prop_assert!(ranges.len() >= 2 && ranges.len() <= MAX_RANGES);
                    ranges
                }
                Ok(Selection::Whole) | Err(_) => vec![],
            };
            let mut sent = 0;
            for range in &ranges {
                prop_assert!(range.start < range.end && range.end <= length);
                sent += range.end - range.start;
            }
            prop_assert!(sent <= length);
            prop_assert!(!overlap(&ranges));
        }

        #[test]
        fn a_single_range_selects_the_bytes_between_its_ends(first in 0_u64..200, more in 0_u64..200) {
            let last = first + more;
            let expected = if first < 100 { one(first..(last + 1).min(100)) } else { Err(RangeError::NoOverlap) };
            prop_assert_eq!(select(Some(&format!("bytes={first}-{last}")), 100), expected);
        }

        #[test]
        fn no_text_makes_it_panic(field in "\\PC*", length in any::<u64>()) {
            let _ = select(Some(&field), length);
            let _ = precondition(
                Conditions { if_none_match: Some(&field), if_match: Some(&field), ..Conditions::default() },
                "\"abc\"",
                0,
            );
        }
    }
}
