//! Which subtitle files of a torrent belong to a film, and what their names tell.

use crate::{FileEntry, MediaKind, SubtitleForm, SubtitleSource, SubtitleTrack};

/// More than a list could show.
const MAX_FILES: usize = 100;
const MAX_TITLE_CHARS: usize = 80;

/// Folders in which releases keep the subtitles of their only film.
const FOLDERS: [&str; 5] = ["subs", "sub", "subtitles", "субтитры", "субтитри"];

/// Code, and what else it is called in names of files.
const LANGUAGES: &[(&str, &[&str])] = &[
    ("ar", &["ara", "arabic"]),
    ("bg", &["bul", "bulgarian"]),
    ("ca", &["cat", "catalan"]),
    ("cs", &["cze", "ces", "czech"]),
    ("da", &["dan", "danish"]),
    ("de", &["ger", "deu", "german", "deutsch"]),
    ("el", &["gre", "ell", "greek"]),
    ("en", &["eng", "english"]),
    ("es", &["spa", "spanish", "español", "castellano", "latino"]),
    ("et", &["est", "estonian"]),
    ("fa", &["per", "fas", "persian", "farsi"]),
    ("fi", &["fin", "finnish"]),
    ("fr", &["fre", "fra", "french", "français"]),
    ("he", &["heb", "hebrew"]),
    ("hi", &["hin", "hindi"]),
    ("hr", &["hrv", "croatian"]),
    ("hu", &["hun", "hungarian"]),
    ("id", &["ind", "indonesian"]),
    ("it", &["ita", "italian", "italiano"]),
    ("ja", &["jpn", "jap", "japanese", "jp"]),
    ("kk", &["kaz", "kazakh"]),
    ("ko", &["kor", "korean"]),
    ("lt", &["lit", "lithuanian"]),
    ("lv", &["lav", "latvian"]),
    ("ms", &["may", "msa", "malay"]),
    ("nl", &["dut", "nld", "dutch"]),
    ("no", &["nor", "nob", "norwegian"]),
    ("pl", &["pol", "polish", "polski"]),
    ("pt", &["por", "portuguese", "português"]),
    ("ro", &["rum", "ron", "romanian"]),
    ("ru", &["rus", "russian", "русские", "русский", "рус"]),
    ("sk", &["slo", "slk", "slovak"]),
    ("sl", &["slv", "slovenian"]),
    ("sr", &["srp", "serbian"]),
    ("sv", &["swe", "swedish"]),
    ("th", &["tha", "thai"]),
    ("tr", &["tur", "turkish"]),
    ("uk", &["ukr", "ukrainian", "українські", "укр"]),
    ("vi", &["vie", "vietnamese"]),
    ("zh", &["chi", "zho", "chinese", "chs", "cht"]),
];

/// How a file of this name is drawn, if it can be.
fn form_of(name: &str) -> Option<(SubtitleForm, String)> {
    let (_, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    let form = match extension.as_str() {
        "srt" | "vtt" => SubtitleForm::Text,
        "ass" | "ssa" => SubtitleForm::Ass,
        "sup" => SubtitleForm::Pgs,
        _ => return None,
    };
    Some((form, extension))
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The subtitle files of a film, in the order of the torrent.
///
/// Those that are called as the film is, with something behind it; those in a folder that is called so; and, where the
/// folder of the film has no other film, those that lie beside it or in a folder for subtitles.
pub fn subtitle_files(files: &[FileEntry], film: &FileEntry) -> Vec<SubtitleTrack> {
    let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let film_folder = folder(&film.path);
    let film_stem = stem(film.name());
    let is_only_film = !files.iter().any(|file| {
        file.index != film.index && file.kind == MediaKind::Video && folder(&file.path) == film_folder
    });
    let belongs = |file: &FileEntry| -> Option<String> {
        if let Some(rest) = stem(file.name()).strip_prefix(film_stem)
            && !rest.starts_with(char::is_alphanumeric)
        {
            return Some(rest.to_owned());
        }
        let own_folder = folder(&file.path);
        let inside = if film_folder.is_empty() {
            own_folder.as_str()
        } else if own_folder == film_folder {
            ""
        } else {
            own_folder.strip_prefix(&film_folder)?.strip_prefix('/')?
        };
        let mut parts = inside.split('/').filter(|part| !part.is_empty()).peekable();
        let is_beside = parts.peek().is_none();
        let is_for_subtitles = inside.split('/').any(|part| FOLDERS.contains(&part.to_lowercase().as_str()));
        let is_named = inside.split('/').any(|part| part == film_stem);
        let is_taken = is_named || (is_only_film && (is_beside || is_for_subtitles));
        is_taken.then(|| stem(file.name()).to_owned())
    };
    let tracks = files.iter().filter(|file| file.kind == MediaKind::Subtitle).filter_map(|file| {
        let (form, format) = form_of(file.name())?;
        let words = belongs(file)?;
        Some(track(file, form, format, &words))
    });
    tracks.take(MAX_FILES).collect()
}

fn language_of(word: &str) -> Option<&'static str> {
    let known = LANGUAGES.iter().find(|(code, names)| *code == word || names.contains(&word));
    known.map(|(code, _)| *code)
}

fn track(file: &FileEntry, form: SubtitleForm, format: String, words: &str) -> SubtitleTrack {
    let mut track = SubtitleTrack {
        source: SubtitleSource::File { file_index: file.index },
        form,
        format,
        language: None,
        title: None,
        is_default: false,
        is_forced: false,
        is_for_hearing_impaired: false,
    };
    let mut title: Vec<&str> = Vec::new();
    let is_border = |c: char| !(c.is_alphanumeric() || c == '\'');
    for word in words.split(is_border).filter(|word| !word.is_empty()) {
        match word.to_lowercase().as_str() {
            "forced" | "форсированные" => track.is_forced = true,
            "default" => track.is_default = true,
            "sdh" | "cc" => track.is_for_hearing_impaired = true,
            // After a language it is the other thing.
            "hi" if track.language.is_some() => track.is_for_hearing_impaired = true,
            lower => match language_of(lower) {
                Some(language) if track.language.is_none() => track.language = Some(language.to_owned()),
                // A region behind its language.
                Some(_) => {}
                None => title.push(word),
            },
        }
    }
    // The number in front of each name says nothing.
    let title: String = title.into_iter().filter(|word| !word.chars().all(|c| c.is_ascii_digit())).fold(
        String::new(),
        |mut all, word| {
            if !all.is_empty() {
                all.push(' ');
            }
            all.push_str(word);
            all
        },
    );
    track.title = (!title.is_empty()).then(|| title.chars().take(MAX_TITLE_CHARS).collect());
    track
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileIndex, media_kind};

    fn files(paths: &[&str]) -> Vec<FileEntry> {
        let entry = |(index, path): (usize, &&str)| FileEntry {
            index: FileIndex(index as u32),
            path: (*path).to_owned(),
            length_bytes: 1,
            kind: media_kind(path),
            torrserver_id: index as u32 + 1,
        };
        paths.iter().enumerate().map(entry).collect()
    }

    fn found(paths: &[&str]) -> Vec<String> {
        let files = files(paths);
        let tracks = subtitle_files(&files, &files[0]);
        let told = tracks.iter().map(|track| {
            let SubtitleSource::File { file_index } = track.source else { panic!("{track:?}") };
            let flags = [
                (track.is_forced, "forced"),
                (track.is_default, "default"),
                (track.is_for_hearing_impaired, "sdh"),
            ];
            let flags: String =
                flags.iter().filter(|(is, _)| *is).map(|(_, name)| format!(" {name}")).collect();
            let (language, title) = (track.language.as_deref(), track.title.as_deref());
            format!("{} {} {}{flags}", file_index.as_usize(), language.unwrap_or("-"), title.unwrap_or("-"))
        });
        told.collect()
    }

    #[test]
    fn files_with_the_films_name_belong_to_it() {
        assert_eq!(
            found(&[
                "Show/Show S01E01.mkv",
                "Show/Show S01E01.srt",
                "Show/Show S01E01.en.srt",
                "Show/Show S01E01.ru.forced.ass",
                "Show/Show S01E01.eng.hi.vtt",
                "Show/Subs/Show S01E01.pt-BR.Studio X.srt",
                "Show/Show S01E010.srt",
                "Show/Show S01E02.srt",
                "Show/Show S01E02.mkv",
                "Show/Show S01E01.idx",
            ]),
            ["1 - -", "2 en -", "3 ru - forced", "4 en - sdh", "5 pt BR Studio X"]
        );
    }

    #[test]
    fn an_only_film_has_what_lies_beside_it_and_in_folders_for_subtitles() {
        assert_eq!(
            found(&[
                "Film/film.2020.mkv",
                "Film/English.srt",
                "Film/Subs/2_Russian_forced.srt",
                "Film/Subs/3_hi.srt",
                "Film/Extras/notes.srt",
                "Other/x.srt"
            ]),
            ["1 en -", "2 ru - forced", "3 hi -"]
        );
        assert_eq!(found(&["film.mkv", "Subs/ru.srt", "a.srt"]), ["1 ru -", "2 - a"]);
    }

    #[test]
    fn a_folder_with_the_films_name_is_its_own() {
        assert_eq!(
            found(&["S/E01.mkv", "S/E02.mkv", "S/Subs/E01/2_English.srt", "S/Subs/E02/2_English.srt"]),
            ["2 en -"]
        );
    }
}
