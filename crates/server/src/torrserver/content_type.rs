//! Media types as TorrServer names them: televisions choose their decoder by these very words.

/// The `Content-Type` of a file, by its extension alone: looking into the file would cost a read from the swarm.
pub(crate) fn of(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref().unwrap_or_default() {
        "mkv" | "mpv" => "video/x-matroska",
        "mp4" | "m4v" => "video/mp4",
        "avi" => "video/avi",
        "ts" | "m2ts" | "mts" | "mpeg" | "mpg" | "mpe" => "video/mpeg",
        "mov" | "qt" => "video/x-quicktime",
        "webm" => "video/webm",
        "ogv" => "video/ogg",
        "vob" => "video/x-ms-vob",
        "wmv" => "video/x-ms-wmv",
        "flv" => "video/x-flv",
        "3gp" => "video/3gpp",
        "fli" => "video/fli",
        "dv" | "dif" => "video/dv",
        "rmvb" => "application/vnd.rn-realmedia-vbr",
        "mp3" | "mp2" | "mpga" | "m4a" => "audio/mpeg",
        "flac" => "audio/flac",
        "ogg" | "oga" | "spx" => "audio/ogg",
        "opus" => "audio/opus",
        "wav" => "audio/x-wav",
        "ape" => "audio/x-ape",
        "aac" => "audio/x-aac",
        "ac3" => "audio/ac3",
        "dts" => "audio/vnd.dts",
        "mka" => "audio/x-matroska",
        "dsf" | "dff" | "dsd" => "audio/dsd",
        "weba" => "audio/weba",
        "srt" => "text/srt; charset=utf-8",
        "vtt" => "text/vtt; charset=utf-8",
        "smi" => "text/smi; charset=utf-8",
        "ssa" | "ass" => "text/x-ssa; charset=utf-8",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "bmp" => "image/bmp",
        // Everything else is data. Names of strangers decide here, so nothing may become a page of ours (HTML, SVG, scripts).
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_names_the_type_and_nothing_becomes_a_page() {
        let table = [
            ("Film/Film.MKV", "video/x-matroska"),
            ("a.avi", "video/avi"),
            ("a.m2ts", "video/mpeg"),
            ("a.m4a", "audio/mpeg"),
            ("a.ru.srt", "text/srt; charset=utf-8"),
            ("index.html", "application/octet-stream"),
            ("a.svg", "application/octet-stream"),
            ("a.js", "application/octet-stream"),
            ("a.mp4/readme", "application/octet-stream"),
            ("", "application/octet-stream"),
        ];
        for (path, expected) in table {
            assert_eq!(of(path), expected, "{path}");
        }
    }
}
