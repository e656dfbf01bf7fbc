//! The words of the pages, for the few texts outside of them: tray, notifications, dialogs.

use freshet_model::Language;
use serde_json::{Map, Value};

const ENGLISH: &str = include_str!("../../ui/src/lib/i18n/locales/en.json");
const RUSSIAN: &str = include_str!("../../ui/src/lib/i18n/locales/ru.json");

/// The words of one language.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Words {
    table: Map<String, Value>,
    decimal_comma: bool,
}

/// The words of a language; "system" is the desktop's, with English for what we don't speak.
pub(crate) fn words(language: Language) -> Words {
    let is_russian = match language {
        Language::En => false,
        Language::Ru => true,
        Language::System => sys_locale::get_locale().is_some_and(|name| name.starts_with("ru")),
    };
    let text = if is_russian { RUSSIAN } else { ENGLISH };
    // They are part of the program, and a test reads them.
    let table = serde_json::from_str(text).unwrap_or_default();
    Words { table, decimal_comma: is_russian }
}

impl Words {
    /// The text with this key, or the key where there is none.
    pub(crate) fn text(&self, key: &str) -> String {
        self.table.get(key).and_then(Value::as_str).unwrap_or(key).to_owned()
    }

    /// The same with values in the places of their names.
    pub(crate) fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        let text = self.text(key);
        let mut filled = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                filled.push('{');
                rest = after;
                continue;
            };
            match values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => filled.push_str(value),
                None => filled.extend(["{", name, "}"]),
            }
            rest = behind;
        }
        filled.push_str(rest);
        filled
    }

    /// As the pages write rates: `4.1 MB/s`.
    pub(crate) fn rate(&self, bytes_per_sec: u64) -> String {
        const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
        let mut value = bytes_per_sec as f64;
        let mut unit = 0;
        while value >= 999.5 && unit + 1 < UNITS.len() {
            value /= 1000.0;
            unit += 1;
        }
        let digits = usize::from(unit > 0 && value < 99.95);
        let number = format!("{value:.digits$}");
        let number = number.strip_suffix(".0").unwrap_or(&number);
        let number = if self.decimal_comma { number.replace('.', ",") } else { number.to_owned() };
        let amount = format!("{number}\u{a0}{}", self.text(&format!("unit.{}", UNITS[unit])));
        self.fill("unit.perSecond", &[("amount", &amount)])
    }
}

/// `12:40`, `1:02:40`.
pub(crate) fn clock(secs: f64) -> String {
    // Negative times and what is no number are the beginning.
    let whole = secs.max(0.0) as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_that_is_asked_for_is_there_in_both_languages() {
        let sources = [
            include_str!("lib.rs"),
            include_str!("closing.rs"),
            include_str!("notify.rs"),
            include_str!("quit.rs"),
            include_str!("tray_menu.rs"),
        ];
        let mut count = 0;
        for language in [Language::En, Language::Ru] {
            let words = words(language);
            for source in sources {
                let is_key = |text: &&str| {
                    let room = text.split_once('.').map(|(room, _)| room);
                    matches!(room, Some("tray" | "notify" | "closing" | "quit" | "start"))
                        && !text.contains(' ')
                };
                for key in source.split('"').filter(is_key) {
                    assert!(words.table.get(key).is_some_and(Value::is_string), "{language:?} {key}");
                    count += 1;
                }
            }
        }
        assert!(count > 30, "the texts are found: {count}");
    }

    #[test]
    fn values_stand_in_the_places_of_their_names() {
        let words = words(Language::En);

        assert_eq!(words.fill("unit.perSecond", &[("amount", "{x} {amount}")]), "{x} {amount}/s");
        assert_eq!(words.fill("no such {key", &[]), "no such {key");
    }

    #[test]
    fn rates_and_times_look_as_on_the_pages() {
        let english = words(Language::En);
        let rates = [0, 999, 1500, 4_100_000, 123_456_789, 999_700];
        let shown = rates.map(|rate| english.rate(rate).replace('\u{a0}', " "));
        assert_eq!(shown, ["0 B/s", "999 B/s", "1.5 kB/s", "4.1 MB/s", "123 MB/s", "1 MB/s"]);
        assert_eq!(words(Language::Ru).rate(4_100_000), "4,1\u{a0}МБ/с");
        assert_eq!(
            [0.0, 65.9, 3760.0, -5.0, f64::NAN].map(clock),
            ["0:00", "1:05", "1:02:40", "0:00", "0:00"]
        );
    }
}
