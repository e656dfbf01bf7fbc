//! What the package manager is told about the package.

use crate::failure::{During, Failure, Result};
use crate::scratch::Scratch;
use crate::shell::Shell;

use super::PROGRAMS;
use super::tree::Tree;

pub(crate) const MAINTAINER: &str = "The Freshet developers <maintainers@freshet.invalid>";

/// What runs as a program, is read, or is loaded by the web view: without one of these films do not play. `libwebkit2gtk`
/// only recommends most of them.
const NEEDED: [&str; 7] = [
    // Without any certificate the HTTP client, and with it the program, does not start.
    "ca-certificates",
    "ffmpeg",
    "gstreamer1.0-libav",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    // Without a way to play sound the web view shows no picture either.
    "gstreamer1.0-pulseaudio | gstreamer1.0-alsa",
];

/// Freshet works without these, and says what it then does without: the better player, the tray, the graphics card, the
/// browser that opens links.
const RECOMMENDED: [&str; 4] =
    ["libmpv2 | libmpv1", "libayatana-appindicator3-1 | libappindicator3-1", "gstreamer1.0-gl", "xdg-utils"];

const DESCRIPTION: &str = "\
player for torrents that are still downloading
 Freshet plays torrents while they download: open a magnet link or a .torrent
 file, and the film starts. It remembers what was seen and where it stopped,
 shows subtitles, goes on with the next episode, and says in a sentence why it
 waits when it has to.
 .
 It speaks the HTTP API of TorrServer, so televisions, phones and programs
 written for that find the library; freshetd does the same without a window.
";

/// The version of the package: ours, packed for the first time.
pub(crate) fn package_version(version: &str) -> String {
    // Debian sorts `~` before the end, so that a preliminary version is older than the one that it leads to.
    format!("{}-1", version.replacen('-', "~", 1))
}

/// Which packages hold the libraries that the programs in the tree are linked with.
///
/// # Errors
/// A library belongs to no package.
pub(crate) fn linked_packages(shell: &Shell, tree: &Tree) -> Result<Vec<String>> {
    let scratch = Scratch::new("shlibdeps")?;
    let control = scratch.folder("debian")?.join("control");
    std::fs::write(&control, "Source: freshet\n\nPackage: freshet\nArchitecture: any\n")
        .during(control.display())?;
    let programs = PROGRAMS.map(|program| tree.root().join("usr/bin").join(program));
    let mut command = shell.command(".", "dpkg-shlibdeps", ["-O"]);
    command.args(programs).current_dir(scratch.path());
    let printed = shell.output(command)?;
    let packages = printed.trim().strip_prefix("shlibs:Depends=").unwrap_or_default();
    if packages.is_empty() {
        return Err(Failure::new(format!("dpkg-shlibdeps named no packages: {printed:?}")));
    }
    Ok(packages.split(", ").map(str::to_owned).collect())
}

/// The text of the control file.
pub(crate) fn control(version: &str, architecture: &str, installed_kib: u64, linked: &[String]) -> String {
    let mut depends = linked.to_vec();
    depends.extend(NEEDED.iter().map(|name| (*name).to_owned()));
    depends.sort();
    format!(
        "Package: freshet\nVersion: {}\nArchitecture: {architecture}\nMaintainer: {MAINTAINER}\n\
         Installed-Size: {installed_kib}\nDepends: {}\nRecommends: {}\nSection: video\nPriority: optional\n\
         Description: {DESCRIPTION}",
        package_version(version),
        depends.join(", "),
        RECOMMENDED.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_file_names_what_is_linked_and_what_is_only_started() {
        let text =
            control("0.2.0-beta.1", "amd64", 12, &["libgtk-3-0 (>= 3.24)".to_owned(), "libc6".to_owned()]);

        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(&format!("{name}: ")))
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(field("Version"), "0.2.0~beta.1-1");
        assert_eq!(field("Installed-Size"), "12");
        assert!(field("Depends").starts_with("ca-certificates, ffmpeg, gstreamer1.0-libav, "), "{text}");
        assert!(field("Depends").ends_with(", libc6, libgtk-3-0 (>= 3.24)"), "{text}");
        assert!(field("Recommends").contains("libmpv2"), "a film plays without it: {text}");
        assert!(!field("Depends").contains("appindicator"), "a desktop without tray needs none: {text}");
        assert!(text.ends_with("without a window.\n"), "{text}");
    }
}
