//! The few words outside the pages: tray, titles of dialogs.

use freshet_model::Language;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) open: &'static str,
    pub(crate) pause_all: &'static str,
    pub(crate) quit: &'static str,
    pub(crate) cannot_start: &'static str,
}

const ENGLISH: Words = Words {
    open: "Open Freshet",
    pause_all: "Pause all transfers",
    quit: "Quit",
    cannot_start: "Freshet can’t start",
};

const RUSSIAN: Words = Words {
    open: "Открыть Freshet",
    pause_all: "Приостановить все передачи",
    quit: "Выход",
    cannot_start: "Freshet не может запуститься",
};

/// The words of a language; "system" is the desktop's, with English for what we don't speak.
pub(crate) fn words(language: Language) -> Words {
    match language {
        Language::En => ENGLISH,
        Language::Ru => RUSSIAN,
        Language::System if sys_locale::get_locale().is_some_and(|name| name.starts_with("ru")) => RUSSIAN,
        Language::System => ENGLISH,
    }
}
