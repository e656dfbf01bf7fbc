//! Texts that strangers wrote, as far as they are shown.

const MAX_CHARS: usize = 200;

/// The text without what cannot be seen, and cut where no list could show it; `None` if nothing is left.
pub(crate) fn shown(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect();
    (!text.trim().is_empty()).then_some(text)
}

/// A language as the file names it (ISO 639 or BCP 47), or `None` if it says that it does not know.
pub(crate) fn language(text: &str) -> Option<String> {
    shown(text).filter(|name| name != "und" && name.len() <= 35)
}
