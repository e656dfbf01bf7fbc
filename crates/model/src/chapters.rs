//! Chapters of a film, and what follows from them for a person who watches: what can be skipped, and what comes next.

use serde::{Deserialize, Serialize};

/// What a chapter is for, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ChapterKind {
    Part,
    Intro,
    Credits,
}

/// A stretch of a file with a name of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Chapter {
    pub start_secs: f64,
    pub end_secs: f64,
    pub title: Option<String>,
    pub kind: ChapterKind,
}

impl ChapterKind {
    /// By the names that films give these chapters, in English, Russian and Japanese releases.
    pub fn from_title(title: &str) -> Self {
        let title = title.trim().to_lowercase();
        let is = |names: &[&str]| names.contains(&title.as_str());
        let has = |parts: &[&str]| parts.iter().any(|part| title.contains(part));
        if is(&["op", "intro"]) || has(&["opening", "intro ", "заставка", "опенинг"]) {
            Self::Intro
        } else if is(&["ed", "end", "outro"]) || has(&["credits", "ending", "титры", "эндинг"]) {
            // "Opening credits" was caught above.
            Self::Credits
        } else {
            Self::Part
        }
    }
}

/// Shorter films are clips: nothing is offered at their end.
const NEXT_UP_MIN_SECS: f64 = 10.0 * 60.0;
/// Credits begin in the last part of a film; a chapter called so before that is something else.
const CREDITS_FROM_FRACTION: f64 = 0.5;

/// From when on the next file is offered: where the credits begin, else 30, 35 or 40 s before the end.
pub fn next_up_at_secs(duration_secs: Option<f64>, chapters: &[Chapter]) -> Option<f64> {
    let duration = duration_secs.filter(|duration| *duration >= NEXT_UP_MIN_SECS)?;
    let credits = chapters.iter().find(|chapter| {
        chapter.kind == ChapterKind::Credits
            && chapter.start_secs >= duration * CREDITS_FROM_FRACTION
            && chapter.start_secs < duration
    });
    let before_end = match duration / 60.0 {
        minutes if minutes < 40.0 => 30.0,
        minutes if minutes < 50.0 => 35.0,
        _ => 40.0,
    };
    Some(credits.map_or(duration - before_end, |chapter| chapter.start_secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_chapter_is_for() {
        let table = [
            ("Opening", ChapterKind::Intro),
            ("OP", ChapterKind::Intro),
            ("Opening Credits", ChapterKind::Intro),
            ("Заставка", ChapterKind::Intro),
            ("End Credits", ChapterKind::Credits),
            ("ED", ChapterKind::Credits),
            ("Титры", ChapterKind::Credits),
            ("Chapter 3", ChapterKind::Part),
            ("The operation", ChapterKind::Part),
        ];
        for (title, kind) in table {
            assert_eq!(ChapterKind::from_title(title), kind, "{title}");
        }
    }

    #[test]
    fn the_next_file_is_offered_at_the_credits_or_shortly_before_the_end() {
        let credits =
            |start_secs| Chapter { start_secs, end_secs: 1400.0, title: None, kind: ChapterKind::Credits };
        assert_eq!(next_up_at_secs(None, &[]), None);
        assert_eq!(next_up_at_secs(Some(599.0), &[]), None);
        assert_eq!(next_up_at_secs(Some(1400.0), &[]), Some(1370.0));
        assert_eq!(next_up_at_secs(Some(2700.0), &[]), Some(2665.0));
        assert_eq!(next_up_at_secs(Some(3000.0), &[]), Some(2960.0));
        assert_eq!(next_up_at_secs(Some(1400.0), &[credits(1310.0)]), Some(1310.0));
        assert_eq!(next_up_at_secs(Some(1400.0), &[credits(10.0)]), Some(1370.0), "not at the beginning");
    }
}
