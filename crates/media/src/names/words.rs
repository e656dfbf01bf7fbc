//! The words of releases that are no part of a title.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Source;

/// What a word says wherever it stands after the first, or, for those that are words of titles too ([`Word::Tag`]), where
/// nothing but such words follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Lines(u32),
    Source(Source),
    /// How the picture of a film is coded, and how its tone.
    Codec,
    Sound,
    Hdr,
    /// How music is coded.
    Music,
    Book,
    Program,
    Tag,
    TagSource(Source),
    TagMusic,
    TagProgram,
    /// A tag only in capitals, or before another one.
    Common,
    /// A tag that stands before the number of a season too.
    Whole,
}

impl Word {
    pub(super) fn is_tag(self) -> bool {
        matches!(
            self,
            Self::Tag | Self::TagSource(_) | Self::TagMusic | Self::TagProgram | Self::Common | Self::Whole
        )
    }
}

#[rustfmt::skip]
const LISTS: &[(Word, &[&str])] = &[
    (Word::Lines(4320), &["4320p"]),
    (Word::Lines(2160), &["2160p", "4k", "uhd", "2160"]),
    (Word::Lines(1440), &["1440p"]),
    (Word::Lines(1080), &["1080p", "1080i", "fullhd", "fhd"]),
    (Word::Lines(720), &["720p", "720i"]),
    (Word::Lines(576), &["576p", "576i"]),
    (Word::Lines(540), &["540p"]),
    (Word::Lines(480), &["480p", "480i"]),
    (Word::Lines(360), &["360p"]),
    (Word::Source(Source::BluRay), &["bluray", "bdrip", "brrip", "bdremux", "bdmv", "uhdrip", "uhdbdrip", "bdrips", "uhdremux"]),
    (Word::Source(Source::Web), &["webrip", "webdl", "webdlrip", "webhd", "webhdrip", "hdrip", "iptvrip", "vodrip"]),
    (Word::Source(Source::Hdtv), &["hdtv", "hdtvrip", "pdtv", "tvrip", "satrip", "dsr", "dsrip", "dvb", "dvbrip", "dthrip", "ahdtv", "uhdtv"]),
    (Word::Source(Source::Dvd), &["dvdrip", "dvd5", "dvd9", "dvdr", "dvdremux", "dvdrips", "hddvd"]),
    (Word::Source(Source::Vhs), &["vhsrip"]),
    (Word::Source(Source::Screener), &["dvdscr", "dvdscreener", "screener", "webscr", "bdscr"]),
    (Word::Source(Source::Cam), &["camrip", "hdcam", "telesync", "hdts", "telecine", "hdtc", "tsrip", "camrips"]),
    (Word::Codec, &["x264", "x265", "h264", "h265", "hevc", "avc", "av1", "xvid", "divx", "x266", "vp9", "mpeg2", "mpeg4", "vc1",
        "10bit", "10bits", "8bit", "hi10p", "hi10", "60fps", "remux", "ma10p"]),
    (Word::Sound, &["aac", "aac2", "ac3", "eac3", "dts", "ddp", "ddp5", "ddp2", "dd5", "dd2", "truehd", "atmos", "dtshd", "ddpa5",
        "dda5", "aac5", "dvo", "mvo", "avo"]),
    (Word::Hdr, &["hdr", "hdr10", "hdr10plus", "hdr10p", "dovi", "hlg"]),
    (Word::Music, &["flac", "mp3", "alac", "wavpack", "lossless", "kbps", "дискография", "discography", "320kbps", "256kbps",
        "192kbps", "128kbps", "24bit", "16bit", "sacd", "96khz", "192khz", "44khz", "48khz", "khz"]),
    (Word::TagMusic, &["ape", "vinyl", "dsd", "dsf", "v0", "саундтрек", "soundtrack", "ost", "lossy"]),
    (Word::Book, &["аудиокнига", "аудиокниги", "аудиоспектакль", "audiobook", "audiobooks", "unabridged", "m4b", "читает", "чтец", "epub",
        "fb2", "djvu", "pdf", "mobi", "azw3", "hörbuch", "cbr", "cbz", "audiolivre", "audiolibro"]),
    (Word::Program, &["fitgirl", "keygen", "amd64", "x86_64", "arm64", "nsw", "ps4", "ps5", "skidrow", "macos", "xatab", "nsp",
        "i386", "x64", "x86", "win64", "multilingual"]),
    (Word::TagProgram, &["repack", "gog", "portable", "crack", "cracked", "iso", "codex", "reloaded"]),
    (Word::TagSource(Source::BluRay), &["bd", "blu", "bdr", "brip", "ray"]),
    (Word::TagSource(Source::Web), &["web", "nf", "amzn", "dsnp", "hmax", "atvp", "hulu", "pcok", "itunes", "webd"]),
    (Word::TagSource(Source::Dvd), &["dvd"]),
    (Word::TagSource(Source::Hdtv), &["tv"]),
    (Word::TagSource(Source::Vhs), &["vhs"]),
    (Word::TagSource(Source::Cam), &["cam", "ts", "tc"]),
    (Word::TagSource(Source::Screener), &["scr"]),
    (Word::Tag, &["multi", "multi3", "french", "truefrench", "vostfr", "vff", "vfi", "vfq", "vf2", "vf", "german", "dl", "ml", "italian", "ita",
        "eng", "english", "rus", "russian", "ukr", "ukrainian", "spanish", "latino", "castellano", "dubbed", "subbed",
        "korsub", "nordic", "swedish", "danish", "norwegian", "finnish", "dutch", "polish", "hindi", "tamil", "telugu", "japanese",
        "korean", "chinese", "czech", "hungarian", "turkish", "portuguese", "brazilian", "esub", "esubs", "subs", "sub", "dub",
        "extended", "unrated", "uncut", "directors", "director's", "cut", "remastered", "proper", "rerip",
        "imax", "criterion", "3d", "matte", "hybrid", "edition",
        "readnfo", "hq", "dv", "rip", "sdr", "hsbs", "hou", "sbs", "ac", "ntsc", "pal", "fs", "ws", "restored",
        "batch", "bonus", "jpn", "jap", "kor", "chs", "cht", "rus", "лицензия",
        "cr", "legendado", "dublado", "doblada", "subtitulada", "ger", "fre", "esp", "spa", "ru",
        "dubbing", "lektor", "napisy", "censored", "uncensored", "r5", "colorized", "r3", "convert",
        "complet", "doku", "cd", "cds", "sdtv", "dublaj", "dublado", "mkv", "mp4", "avi", "upscale", "upscaled"]),
    (Word::Common, &["it", "max", "un", "de", "en", "fr", "pl", "tr", "half", "line", "open", "real", "final", "special", "ultimate", "version", "ai", "ma",
        "dc", "se", "hd", "internal", "limited", "anniversary", "festival", "retail", "theatrical", "audio", "dual", "sp", "collection"]),
    (Word::Whole, &["complete", "integrale", "intégrale", "komplett", "completa", "completo", "полный", "box", "boxset", "pack"]),
];

static WORDS: LazyLock<HashMap<&'static str, Word>> =
    LazyLock::new(|| LISTS.iter().flat_map(|(word, list)| list.iter().map(|text| (*text, *word))).collect());

pub(super) fn look_up(lower: &str) -> Option<Word> {
    WORDS.get(lower).copied()
}

/// Words around the number of a season; in the second list those that follow the number alone.
pub(super) fn is_season(word: &str) -> bool {
    matches!(
        word,
        "season"
            | "seasons"
            | "сезон"
            | "сезоны"
            | "сезона"
            | "сезони"
            | "staffel"
            | "staffeln"
            | "saison"
            | "saisons"
            | "temporada"
            | "temporadas"
            | "stagione"
            | "stagioni"
            | "sezon"
            | "seizoen"
            | "säsong"
            | "sesong"
            | "kausi"
            | "сезонов"
            | "시즌"
            | "シーズン"
            | "sæson"
    )
}

pub(super) fn is_episode(word: &str) -> bool {
    matches!(
        word,
        "episode"
            | "episodes"
            | "ep"
            | "eps"
            | "серия"
            | "серии"
            | "серий"
            | "сер"
            | "эпизод"
            | "эпизоды"
            | "эпизода"
            | "эпизодов"
            | "выпуск"
            | "выпуски"
            | "выпусков"
            | "вып"
            | "серія"
            | "серії"
            | "серій"
            | "folge"
            | "folgen"
            | "episodio"
            | "episodios"
            | "episodi"
            | "episódio"
            | "capitulo"
            | "capítulo"
            | "capitulos"
            | "capítulos"
            | "odcinek"
            | "odcinki"
            | "aflevering"
            | "avsnitt"
            | "bölüm"
            | "puntata"
            | "puntate"
            | "épisode"
            | "épisodes"
            | "лекция"
            | "лекции"
    )
}

/// Forms that tell how many there are.
pub(super) fn is_episode_count(word: &str) -> bool {
    matches!(word, "серий" | "эпизодов" | "выпусков" | "episodes" | "серій" | "folgen")
}

/// First names of games that are played before others.
pub(super) fn is_sport(word: &str) -> bool {
    matches!(
        word,
        "ufc"
            | "nba"
            | "nfl"
            | "nhl"
            | "mlb"
            | "epl"
            | "motogp"
            | "formula1"
            | "f1"
            | "uefa"
            | "fifa"
            | "футбол"
            | "хоккей"
            | "чемпионат"
            | "формула"
            | "чм"
            | "кхл"
            | "bellator"
            | "wimbledon"
            | "биатлон"
            | "бокс"
            | "mls"
            | "atp"
            | "laliga"
            | "bundesliga"
            | "wrc"
            | "nascar"
            | "ncaa"
    )
}

pub(super) fn ordinal(word: &str) -> Option<u32> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    if (1..=2).contains(&digits)
        && matches!(&word[digits..], "st" | "nd" | "rd" | "th" | "ª" | "º" | "a" | "e" | "ème" | "°")
    {
        return word[..digits].parse().ok();
    }
    cardinal(word).filter(|_| {
        !matches!(
            word,
            "one" | "two" | "three" | "four" | "five" | "six" | "seven" | "eight" | "nine" | "ten"
        )
    })
}

/// A number in words.
pub(super) fn cardinal(word: &str) -> Option<u32> {
    Some(match word {
        "one" | "first" | "первый" | "erste" | "prima" | "primera" | "première" => 1,
        "two" | "second" | "второй" | "zweite" | "seconda" | "segunda" | "deuxième" => 2,
        "three" | "third" | "третий" | "dritte" | "terza" | "tercera" | "troisième" => 3,
        "four" | "fourth" | "четвёртый" | "четвертый" | "vierte" | "quarta" | "cuarta" => 4,
        "five" | "fifth" | "пятый" | "fünfte" | "quinta" => 5,
        "six" | "sixth" | "шестой" => 6,
        "seven" | "seventh" | "седьмой" => 7,
        "eight" | "eighth" | "восьмой" => 8,
        "nine" | "ninth" | "девятый" => 9,
        "ten" | "tenth" | "десятый" => 10,
        _ => return None,
    })
}

/// Whether a file of this ending is played; what is no ending at all is `None`.
pub(super) fn ending(lower: &str) -> Option<Ending> {
    Some(match lower {
        "mkv" | "mp4" | "avi" | "m4v" | "mov" | "wmv" | "flv" | "webm" | "mpg" | "mpeg" | "ts" | "m2ts"
        | "vob" | "ogm" | "divx" | "rmvb" | "3gp" | "strm" => Ending::Video,
        "mp3" | "flac" | "m4a" | "ogg" | "opus" | "ape" | "wv" | "wav" | "aac" | "alac" | "dsf" | "aiff"
        | "mka" | "wma" => Ending::Music,
        "srt" | "ass" | "ssa" | "sub" | "vtt" | "torrent" | "nfo" | "idx" | "sup" => Ending::Beside,
        "m4b" | "epub" | "fb2" | "pdf" | "djvu" | "mobi" | "iso" | "exe" | "zip" | "rar" | "7z" | "cbr"
        | "cbz" | "dmg" | "apk" | "img" => Ending::Other,
        _ => return None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Video,
    Music,
    /// Subtitles and the like, which are called as the film is.
    Beside,
    Other,
}
