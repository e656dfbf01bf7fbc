//! The players that people have, where they are found, and how each is told where to begin.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// How a player says where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    /// By mpv's socket, whose path is an option.
    MpvIpc,
    /// By the desktop's interface for players (MPRIS), on Linux.
    Mpris,
    /// Not at all.
    Nothing,
}

/// What a player is told when it starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start<'a> {
    /// An address on loopback; it begins with `http://`, so no player takes it for an option.
    pub(super) url: &'a str,
    pub(super) title: &'a str,
    pub(super) position_secs: f64,
    /// Addresses of the film's subtitle files.
    pub(super) subtitles: &'a [String],
    pub(super) ipc_path: Option<&'a str>,
}

pub(super) struct Kind {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    programs: &'static [&'static str],
    flatpak: &'static str,
    /// Below the folders where programs of Windows and macOS lie.
    elsewhere: &'static [&'static str],
    pub(super) tells: Tells,
    arguments: fn(Start<'_>) -> Vec<String>,
}

/// In the order in which they are offered.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        id: "mpv",
        name: "mpv",
        programs: &["mpv"],
        flatpak: "io.mpv.Mpv",
        elsewhere: &["mpv/mpv.exe", "mpv.app/Contents/MacOS/mpv"],
        tells: Tells::MpvIpc,
        arguments: |start| {
            let mut args = vec![
                format!("--start={:.3}", start.position_secs),
                format!("--force-media-title={}", start.title),
                // The window stands there while the first bytes come.
                "--force-window=immediate".to_owned(),
                "--save-position-on-quit=no".to_owned(),
            ];
            args.extend(start.subtitles.iter().map(|url| format!("--sub-file={url}")));
            args.extend(start.ipc_path.map(|path| format!("--input-ipc-server={path}")));
            args
        },
    },
    Kind {
        id: "vlc",
        name: "VLC",
        programs: &["vlc"],
        flatpak: "org.videolan.VLC",
        elsewhere: &["VideoLAN/VLC/vlc.exe", "VLC.app/Contents/MacOS/VLC"],
        tells: Tells::Mpris,
        arguments: |start| {
            let mut args = vec![
                format!("--start-time={:.3}", start.position_secs),
                format!("--meta-title={}", start.title),
                "--no-one-instance".to_owned(),
                "--play-and-exit".to_owned(),
            ];
            if !start.subtitles.is_empty() {
                args.push(format!("--input-slave={}", start.subtitles.join("#")));
            }
            args
        },
    },
    Kind {
        id: "celluloid",
        name: "Celluloid",
        programs: &["celluloid"],
        flatpak: "io.github.celluloid_player.Celluloid",
        elsewhere: &[],
        tells: Tells::Mpris,
        arguments: |start| {
            let mut args = vec![
                "--new-window".to_owned(),
                format!("--mpv-start={:.3}", start.position_secs),
                format!("--mpv-force-media-title={}", start.title),
            ];
            args.extend(start.subtitles.iter().map(|url| format!("--mpv-sub-file={url}")));
            args
        },
    },
    Kind {
        id: "haruna",
        name: "Haruna",
        programs: &["haruna"],
        flatpak: "org.kde.haruna",
        elsewhere: &["Haruna/bin/haruna.exe"],
        tells: Tells::Mpris,
        // It takes an address and nothing else.
        arguments: |_| Vec::new(),
    },
    Kind {
        id: "smplayer",
        name: "SMPlayer",
        programs: &["smplayer"],
        flatpak: "info.smplayer.SMPlayer",
        elsewhere: &["SMPlayer/smplayer.exe"],
        tells: Tells::Mpris,
        arguments: |start| {
            vec![
                "-start".to_owned(),
                whole(start.position_secs),
                "-media-title".to_owned(),
                start.title.to_owned(),
            ]
        },
    },
    Kind {
        id: "iina",
        name: "IINA",
        programs: &["iina", "iina-cli"],
        flatpak: "",
        elsewhere: &["IINA.app/Contents/MacOS/iina-cli"],
        tells: Tells::MpvIpc,
        arguments: |start| {
            let mut args = vec![
                "--no-stdin".to_owned(),
                "--keep-running".to_owned(),
                format!("--mpv-start={:.3}", start.position_secs),
                format!("--mpv-force-media-title={}", start.title),
            ];
            args.extend(start.subtitles.iter().map(|url| format!("--mpv-sub-file={url}")));
            args.extend(start.ipc_path.map(|path| format!("--mpv-input-ipc-server={path}")));
            args
        },
    },
    Kind {
        id: "mpc-hc",
        name: "MPC-HC",
        programs: &[],
        flatpak: "",
        elsewhere: &["MPC-HC/mpc-hc64.exe", "MPC-HC/mpc-hc.exe", "K-Lite Codec Pack/MPC-HC64/mpc-hc64.exe"],
        tells: Tells::Nothing,
        arguments: |start| vec!["/start".to_owned(), whole(start.position_secs * 1000.0)],
    },
    Kind {
        id: "potplayer",
        name: "PotPlayer",
        programs: &[],
        flatpak: "",
        elsewhere: &["DAUM/PotPlayer/PotPlayerMini64.exe", "DAUM/PotPlayer/PotPlayerMini.exe"],
        tells: Tells::Nothing,
        arguments: |start| vec![format!("/seek={}", whole(start.position_secs))],
    },
];

fn whole(number: f64) -> String {
    format!("{number:.0}")
}

/// A player that is on this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) program: PathBuf,
    /// It has folders and sockets of its own.
    pub(super) is_flatpak: bool,
}

impl Kind {
    /// `path` is the `PATH` of the environment.
    pub(super) fn find(&self, path: &OsStr, flatpaks: &[PathBuf], elsewhere: &[PathBuf]) -> Option<Found> {
        let suffix = std::env::consts::EXE_SUFFIX;
        let folders: Vec<PathBuf> = std::env::split_paths(path).collect();
        let on_path = folders.iter().flat_map(|folder| {
            self.programs.iter().map(move |program| folder.join(format!("{program}{suffix}")))
        });
        let installed =
            elsewhere.iter().flat_map(|folder| self.elsewhere.iter().map(move |file| folder.join(file)));
        if let Some(program) = on_path.chain(installed).find(|file| file.is_file()) {
            return Some(Found { program, is_flatpak: false });
        }
        let exported =
            flatpaks.iter().filter(|_| !self.flatpak.is_empty()).map(|folder| folder.join(self.flatpak));
        let program = exported.into_iter().find(|file| file.is_file())?;
        Some(Found { program, is_flatpak: true })
    }

    /// The address comes last.
    pub(super) fn arguments(&self, start: Start<'_>) -> Vec<OsString> {
        let mut args: Vec<OsString> = (self.arguments)(start).into_iter().map(OsString::from).collect();
        args.push(start.url.into());
        args
    }
}

/// Where Flatpak puts what starts its programs.
pub(super) fn flatpak_folders() -> Vec<PathBuf> {
    if !cfg!(target_os = "linux") {
        return Vec::new();
    }
    let own = directories::BaseDirs::new().map(|dirs| dirs.data_local_dir().join("flatpak/exports/bin"));
    own.into_iter().chain([PathBuf::from("/var/lib/flatpak/exports/bin")]).collect()
}

/// Where programs lie that are not on the `PATH`.
pub(super) fn program_folders() -> Vec<PathBuf> {
    let from = |names: &[&str]| names.iter().filter_map(std::env::var_os).map(PathBuf::from).collect();
    if cfg!(windows) {
        from(&["ProgramFiles", "ProgramFiles(x86)", "ProgramW6432"])
    } else if cfg!(target_os = "macos") {
        let own = directories::BaseDirs::new().map(|dirs| dirs.home_dir().join("Applications"));
        own.into_iter().chain([PathBuf::from("/Applications")]).collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(id: &str) -> &'static Kind {
        KINDS.iter().find(|kind| kind.id == id).unwrap()
    }

    #[test]
    fn players_are_found_on_the_path_and_among_flatpaks() {
        let folder = tempfile::tempdir().unwrap();
        let (bin, exports) = (folder.path().join("bin"), folder.path().join("exports"));
        for file in
            [bin.join(format!("mpv{}", std::env::consts::EXE_SUFFIX)), exports.join("org.videolan.VLC")]
        {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let find = |id: &str| kind(id).find(bin.as_os_str(), std::slice::from_ref(&exports), &[]);

        assert!(find("mpv").is_some_and(|found| !found.is_flatpak && found.program.starts_with(&bin)));
        assert!(find("vlc").is_some_and(|found| found.is_flatpak && found.program.starts_with(&exports)));
        assert_eq!(find("haruna"), None);
        assert_eq!(find("potplayer"), None);
    }

    #[test]
    fn each_is_told_in_its_own_words_where_to_begin() {
        let start = Start {
            url: "http://127.0.0.1:1/x",
            title: "--A film",
            position_secs: 62.5,
            subtitles: &["http://127.0.0.1:1/a".to_owned(), "http://127.0.0.1:1/b".to_owned()],
            ipc_path: Some("/run/ipc"),
        };
        let table = [
            (
                "mpv",
                "--start=62.500 --force-media-title=--A film --force-window=immediate --save-position-on-quit=no \
                 --sub-file=http://127.0.0.1:1/a --sub-file=http://127.0.0.1:1/b --input-ipc-server=/run/ipc",
            ),
            (
                "vlc",
                "--start-time=62.500 --meta-title=--A film --no-one-instance --play-and-exit \
                 --input-slave=http://127.0.0.1:1/a#http://127.0.0.1:1/b",
            ),
            (
                "celluloid",
                "--new-window --mpv-start=62.500 --mpv-force-media-title=--A film \
                 --mpv-sub-file=http://127.0.0.1:1/a --mpv-sub-file=http://127.0.0.1:1/b",
            ),
            ("haruna", ""),
            ("mpc-hc", "/start 62500"),
            ("potplayer", "/seek=62"),
        ];
        for (id, words) in table {
            let args = kind(id).arguments(start);
            let line = args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ");
            assert_eq!(line, format!("{words} http://127.0.0.1:1/x").trim_start(), "{id}");
        }
    }
}
