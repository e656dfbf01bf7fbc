//! Which files of subtitles and sound of a torrent belong to a film, and what their names tell.

use crate::{
    FileEntry, FileIndex, MediaKind, SubtitleForm, SubtitleSource, SubtitleTrack, TrackInfo, TrackKind,
};

/// More than a list could show.
const MAX_FILES: usize = 100;
const MAX_TITLE_CHARS: usize = 80;

/// Folders in which releases keep the subtitles of their only film.
const FOLDERS: [&str; 5] = ["subs", "sub", "subtitles", "субтитры", "субтитри"];

/// Words in the names of folders with other sound for their films.
const SOUND_FOLDERS: [&str; 10] =
    ["audio", "sound", "sounds", "dub", "dubs", "voice", "voices", "звук", "озвучка", "аудио"];
/// What is hardly ever a song.
const FILM_SOUNDS: [&str; 6] = ["mka", "ac3", "eac3", "dts", "dtshd", "aac"];
/// Sound in a file of its own has numbers from here on: no container has so many streams.
const FIRST_SOUND_FILE: u32 = 1 << 24;

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
    let is_only_film = is_only_film(files, film);
    let belongs = |file: &FileEntry| -> Option<String> {
        if let Some(rest) = behind_name(file, film) {
            return Some(rest.to_owned());
        }
        let inside = inside(file, film)?;
        let is_for_subtitles = inside.split('/').any(|part| FOLDERS.contains(&part.to_lowercase().as_str()));
        let is_named = inside.split('/').any(|part| part == stem(film.name()));
        let is_taken = is_named || (is_only_film && (inside.is_empty() || is_for_subtitles));
        is_taken.then(|| stem(file.name()).to_owned())
    };
    let tracks = files.iter().filter(|file| file.kind == MediaKind::Subtitle).filter_map(|file| {
        let (form, format) = form_of(file.name())?;
        let words = belongs(file)?;
        Some(track(file, form, format, &words))
    });
    tracks.take(MAX_FILES).collect()
}

/// The sound of a film that lies in files of their own, in the order of the torrent.
///
/// Files that are called as the film is, with something behind it; those in a folder that is called so; and, where the folder of
/// the film has no other film, those in a folder for sound, and beside the film what is hardly a song.
pub fn sound_files(files: &[FileEntry], film: &FileEntry) -> Vec<(FileIndex, TrackInfo)> {
    if film.kind != MediaKind::Video {
        return Vec::new();
    }
    let is_only_film = is_only_film(files, film);
    let belongs = |file: &FileEntry, extension: &str| -> Option<String> {
        let inside = inside(file, film);
        // Who speaks often stands on the folder.
        let folder = inside.unwrap_or_default();
        if let Some(rest) = behind_name(file, film) {
            return Some(format!("{folder} {rest}"));
        }
        inside?;
        let is_named = folder.split('/').any(|part| part == stem(film.name()));
        let is_for_sound = words(folder).any(|word| SOUND_FOLDERS.contains(&word.to_lowercase().as_str()));
        let is_beside = folder.is_empty() && FILM_SOUNDS.contains(&extension);
        let is_taken = is_named || (is_only_film && (is_beside || is_for_sound));
        is_taken.then(|| format!("{} {}", folder.replace(stem(film.name()), ""), stem(file.name())))
    };
    let tracks = files.iter().filter(|file| file.kind == MediaKind::Audio).filter_map(|file| {
        let extension = file.name().rsplit_once('.')?.1.to_ascii_lowercase();
        let said = told(&belongs(file, &extension)?);
        let track = TrackInfo {
            stream_index: FIRST_SOUND_FILE.checked_add(file.index.0)?,
            kind: TrackKind::Audio,
            codec: extension,
            mime_codec: None,
            language: said.language,
            title: said.title,
            file_path: None,
        };
        Some((file.index, track))
    });
    tracks.take(MAX_FILES).collect()
}

fn folder(file: &FileEntry) -> &str {
    file.path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn is_only_film(files: &[FileEntry], film: &FileEntry) -> bool {
    let is_another = |file: &FileEntry| {
        file.index != film.index && file.kind == MediaKind::Video && folder(file) == folder(film)
    };
    !files.iter().any(is_another)
}

/// What stands behind the name of the film in that of the file, if it begins with it.
fn behind_name<'a>(file: &'a FileEntry, film: &FileEntry) -> Option<&'a str> {
    let rest = stem(file.name()).strip_prefix(stem(film.name()))?;
    (!rest.starts_with(char::is_alphanumeric)).then_some(rest)
}

/// The folders between that of the film and the file; empty beside the film.
fn inside<'a>(file: &'a FileEntry, film: &FileEntry) -> Option<&'a str> {
    let (own, films) = (folder(file), folder(film));
    if films.is_empty() || own == films {
        return Some(own.strip_prefix(films).unwrap_or_default());
    }
    own.strip_prefix(films)?.strip_prefix('/')
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\'')).filter(|word| !word.is_empty())
}

fn language_of(word: &str) -> Option<&'static str> {
    let known = LANGUAGES.iter().find(|(code, names)| *code == word || names.contains(&word));
    known.map(|(code, _)| *code)
}

fn track(file: &FileEntry, form: SubtitleForm, format: String, words: &str) -> SubtitleTrack {
    let said = told(words);
    SubtitleTrack {
        source: SubtitleSource::File { file_index: file.index },
        form,
        format,
        language: said.language,
        title: said.title,
        is_default: said.is_default,
        is_forced: said.is_forced,
        is_for_hearing_impaired: said.is_for_hearing_impaired,
    }
}

#[derive(Default)]
struct Told {
    language: Option<String>,
    title: Option<String>,
    is_default: bool,
    is_forced: bool,
    is_for_hearing_impaired: bool,
}

/// What the words of a name tell.
fn told(text: &str) -> Told {
    let mut track = Told::default();
    let mut title: Vec<&str> = Vec::new();
    for word in words(text) {
        match word.to_lowercase().as_str() {
            "forced" | "форсированные" => track.is_forced = true,
            "default" => track.is_default = true,
            "sdh" | "cc" => track.is_for_hearing_impaired = true,
            // After a language it is the other thing.
            "hi" if track.language.is_some() => track.is_for_hearing_impaired = true,
            lower if SOUND_FOLDERS.contains(&lower) => {}
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

    fn sounds(paths: &[&str]) -> Vec<String> {
        let files = files(paths);
        let tracks = sound_files(&files, &files[0]);
        let told = tracks.iter().map(|(index, track)| {
            assert_eq!(track.stream_index, FIRST_SOUND_FILE + index.0);
            let (language, title) = (track.language.as_deref(), track.title.as_deref());
            format!("{index} {} {} {}", track.codec, language.unwrap_or("-"), title.unwrap_or("-"))
        });
        told.collect()
    }

    #[test]
    fn sound_that_is_called_as_the_film_or_lies_in_a_folder_for_it_belongs_to_it() {
        assert_eq!(
            sounds(&[
                "Show/Show 01.mkv",
                "Show/Show 01.rus.mka",
                "Show/Rus Sound/AniDub/Show 01.mka",
                "Show/Rus Sound/AniDub/Show 02.mka",
                "Show/Show 02.mkv",
                "Show/OST/01 Opening.mp3",
                "Show/Show 01.eng.commentary.AC3",
                "Show/Show 01.jpg",
            ]),
            ["1 mka ru -", "2 mka ru AniDub", "6 ac3 en commentary"]
        );
        assert_eq!(
            sounds(&["film.mkv", "Звук/Гоблин.dts", "dub.ac3", "theme.mp3", "OST/song.flac"]),
            ["1 dts - Гоблин", "2 ac3 - -"]
        );
        assert_eq!(sounds(&["song.mp3", "song.rus.mka"]), [""; 0], "a song has no other sound");
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
