//! The system packages that Freshet needs, under the names of three package managers, each with its reason.

/// What a set of packages is for; a command asks for the union of its purposes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// Compiling the headless crates.
    Build,
    /// Playing films that the page cannot take as they are.
    Play,
    /// Compiling and starting the window.
    Desktop,
    /// The Rust tests that talk to other programs.
    RustTests,
    /// The UI driven in a browser.
    BrowserTests,
    /// The real window, driven on a virtual screen.
    WindowTests,
    /// What the server is measured against.
    Benchmarks,
    /// Drawing the icons again.
    Icons,
    /// Making the package for Debian and Ubuntu.
    Packages,
    /// Trying that package.
    PackageChecks,
}

/// One thing to have, however the system calls it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Package {
    pub(crate) purpose: Purpose,
    pub(crate) why: &'static str,
    /// Debian and Ubuntu; alternatives are separated by `|`, the first that the system knows is taken.
    pub(crate) apt: &'static str,
    /// Fedora; a path asks for whatever package holds that file.
    pub(crate) dnf: &'static str,
    /// Arch.
    pub(crate) pacman: &'static str,
    /// Programs on the search path of which any makes the package unnecessary.
    pub(crate) programs: &'static [&'static str],
    /// Whether Freshet works without it, less well.
    pub(crate) optional: bool,
}

const fn package(
    purpose: Purpose,
    why: &'static str,
    [apt, dnf, pacman]: [&'static str; 3],
    programs: &'static [&'static str],
) -> Package {
    Package { purpose, why, apt, dnf, pacman, programs, optional: false }
}

const fn optional(purpose: Purpose, why: &'static str, [apt, dnf, pacman]: [&'static str; 3]) -> Package {
    Package { purpose, why, apt, dnf, pacman, programs: &[], optional: true }
}

use Purpose::{
    Benchmarks, BrowserTests, Build, Desktop, Icons, PackageChecks, Packages, Play, RustTests, WindowTests,
};

pub(crate) const PACKAGES: &[Package] = &[
    package(
        Build,
        "C compiler for SQLite and the TLS library",
        ["build-essential", "gcc", "base-devel"],
        &[],
    ),
    package(Build, "C++ compiler for the TLS library", ["g++", "gcc-c++", "gcc"], &["c++"]),
    package(
        Build,
        "finds the system's libraries",
        ["pkg-config", "pkgconf-pkg-config", "pkgconf"],
        &["pkg-config"],
    ),
    package(
        Play,
        "repacks films for the player page, and makes the demo's clip",
        ["ffmpeg", "/usr/bin/ffmpeg", "ffmpeg"],
        &["ffmpeg"],
    ),
    package(
        Desktop,
        "the web view that draws the windows",
        ["libwebkit2gtk-4.1-dev", "webkit2gtk4.1-devel", "webkit2gtk-4.1"],
        &[],
    ),
    package(
        Desktop,
        "the tray icon",
        ["libayatana-appindicator3-dev", "libayatana-appindicator-gtk3-devel", "libayatana-appindicator"],
        &[],
    ),
    package(Desktop, "icons in the menus", ["librsvg2-dev", "librsvg2-devel", "librsvg"], &[]),
    package(
        Desktop,
        "H.264, AAC and most other codecs of the web view",
        ["gstreamer1.0-libav", "gstreamer1-plugin-libav", "gst-libav"],
        &[],
    ),
    package(
        Desktop,
        "MP4 and Matroska in the web view",
        ["gstreamer1.0-plugins-good", "gstreamer1-plugins-good", "gst-plugins-good"],
        &[],
    ),
    package(
        Desktop,
        "media source buffers of the web view",
        ["gstreamer1.0-plugins-bad", "gstreamer1-plugins-bad-free", "gst-plugins-bad"],
        &[],
    ),
    optional(
        Desktop,
        "video drawn by the graphics card",
        ["gstreamer1.0-gl", "gstreamer1-plugins-base", "gst-plugins-base"],
    ),
    package(
        Desktop,
        "sound of the web view through PulseAudio or PipeWire; without a way to play sound it shows no picture either",
        ["gstreamer1.0-pulseaudio", "gstreamer1-plugins-good", "gst-plugins-good"],
        &[],
    ),
    package(
        Desktop,
        "sound of the web view where there is no sound server",
        ["gstreamer1.0-alsa", "gstreamer1-plugins-base", "gst-plugins-base"],
        &[],
    ),
    package(
        RustTests,
        "a foreign seed for the engine's tests",
        ["transmission-daemon", "transmission-daemon", "transmission-cli"],
        &["transmission-daemon"],
    ),
    package(
        RustTests,
        "another foreign seed for the engine's tests",
        ["qbittorrent-nox", "qbittorrent-nox", "qbittorrent-nox"],
        &["qbittorrent-nox"],
    ),
    package(RustTests, "a foreign client of the WebDAV folder", ["rclone", "rclone", "rclone"], &["rclone"]),
    package(
        RustTests,
        "another foreign client of the WebDAV folder",
        ["cadaver", "cadaver", "cadaver"],
        &["cadaver"],
    ),
    package(RustTests, "what everybody asks HTTP servers with", ["curl", "curl", "curl"], &["curl"]),
    package(RustTests, "a player that tests drive", ["mpv", "mpv", "mpv"], &["mpv"]),
    package(
        RustTests,
        "checks the units in extras/systemd",
        ["systemd", "systemd", "systemd"],
        &["systemd-analyze"],
    ),
    package(RustTests, "a bus to ask of the line", ["dbus", "dbus-daemon", "dbus"], &["dbus-daemon"]),
    package(RustTests, "another downloader", ["wget", "/usr/bin/wget", "wget"], &["wget"]),
    package(RustTests, "a downloader with many connections", ["aria2", "aria2", "aria2"], &["aria2c"]),
    package(RustTests, "another player", ["vlc-bin", "vlc", "vlc"], &["vlc"]),
    package(
        RustTests,
        "what it reads and shows films with",
        ["vlc-plugin-base", "vlc-plugins-base", "vlc-plugins-all"],
        &[],
    ),
    package(RustTests, "small servers that tests start", ["python3", "python3", "python"], &["python3"]),
    package(
        RustTests,
        "a foreign peer that tests drive",
        ["python3-libtorrent", "rb_libtorrent-python3", "libtorrent-rasterbar"],
        &[],
    ),
    package(RustTests, "a place for schemathesis", ["python3-venv", "python3", "python"], &[]),
    package(RustTests, "a network of its own for a test", ["iproute2", "iproute", "iproute2"], &["ip"]),
    package(
        RustTests,
        "a foreign control point for the tests of DLNA",
        ["gir1.2-gupnp-1.6", "gupnp", "gupnp"],
        &[],
    ),
    package(
        RustTests,
        "its strict reader of lists",
        ["gir1.2-gupnp-av-1.0|gir1.2-gupnpav-1.0", "gupnp-av", "gupnp-av"],
        &[],
    ),
    package(RustTests, "its way into Python", ["python3-gi", "python3-gobject", "python-gobject"], &[]),
    package(
        RustTests,
        "a foreign browser for the tests of mDNS",
        ["python3-zeroconf", "python3-zeroconf", "python-zeroconf"],
        &[],
    ),
    package(
        BrowserTests,
        "the browser that the UI is driven in",
        ["chromium|chromium-browser", "chromium", "chromium"],
        &["chromium"],
    ),
    package(RustTests, "plays films below the page", ["libmpv2|libmpv1", "mpv-libs", "mpv"], &[]),
    package(WindowTests, "a virtual screen", ["xvfb", "/usr/bin/Xvfb", "xorg-server-xvfb"], &["Xvfb"]),
    package(
        WindowTests,
        "a sound server that tells what is played",
        ["pulseaudio", "pulseaudio", "pulseaudio"],
        &["pulseaudio"],
    ),
    package(WindowTests, "a window manager for it", ["openbox", "openbox", "openbox"], &["openbox"]),
    package(WindowTests, "a session bus", ["dbus", "dbus-daemon", "dbus"], &["dbus-run-session"]),
    package(WindowTests, "starts a session bus on demand", ["dbus-x11", "dbus-x11", "dbus"], &[]),
    package(
        WindowTests,
        "looks at windows",
        ["x11-utils", "/usr/bin/xwininfo", "xorg-xwininfo"],
        &["xwininfo"],
    ),
    package(
        WindowTests,
        "a tray that a test can look into",
        ["python3-dbus", "python3-dbus", "python-dbus"],
        &[],
    ),
    package(WindowTests, "its main loop", ["python3-gi", "python3-gobject", "python-gobject"], &[]),
    package(
        WindowTests,
        "what a screen reader finds",
        ["gir1.2-atspi-2.0", "at-spi2-core", "at-spi2-core"],
        &[],
    ),
    package(WindowTests, "types and clicks", ["xdotool", "xdotool", "xdotool"], &["xdotool"]),
    package(WindowTests, "a screen of the other kind", ["weston", "weston", "weston"], &["weston"]),
    package(WindowTests, "takes pictures of the screen", ["imagemagick", "ImageMagick", "imagemagick"], &[]),
    package(
        WindowTests,
        "drives the web view inside the window",
        ["webkit2gtk-driver", "/usr/bin/WebKitWebDriver", "webkit2gtk-4.1"],
        &["WebKitWebDriver"],
    ),
    package(
        Benchmarks,
        "another server of large files",
        ["nginx-light|nginx", "nginx", "nginx"],
        &["nginx", "/usr/sbin/nginx"],
    ),
    package(
        Icons,
        "draws pictures from SVG",
        ["librsvg2-bin", "librsvg2-tools", "librsvg"],
        &["rsvg-convert"],
    ),
    package(Icons, "packs icons for Windows", ["icoutils", "icoutils", "icoutils"], &["icotool"]),
    package(Icons, "packs icons for macOS", ["icnsutils", "libicns-utils", "libicns"], &["png2icns"]),
    package(
        Packages,
        "packs, and finds out which libraries are linked",
        ["dpkg-dev", "dpkg-dev", "dpkg"],
        &["dpkg-shlibdeps"],
    ),
    package(
        Packages,
        "takes away what only debuggers read",
        ["binutils", "binutils", "binutils"],
        &["strip"],
    ),
    package(
        Packages,
        "makes manual pages of what the programs say about their flags",
        ["help2man", "help2man", "help2man"],
        &["help2man"],
    ),
    package(
        PackageChecks,
        "knows what Debian expects of a package",
        ["lintian", "lintian", "lintian"],
        &["lintian"],
    ),
    package(
        PackageChecks,
        "makes a system that has nothing else",
        ["debootstrap", "debootstrap", "debootstrap"],
        &["debootstrap", "/usr/sbin/debootstrap"],
    ),
    package(
        PackageChecks,
        "shuts it off from this one",
        ["util-linux", "util-linux", "util-linux"],
        &["unshare"],
    ),
];

/// The packages for these purposes, in the order of the table.
pub(crate) fn wanted(purposes: &[Purpose]) -> Vec<Package> {
    PACKAGES.iter().filter(|package| purposes.contains(&package.purpose)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headless_purposes_never_ask_for_the_web_view() {
        let names: Vec<_> = wanted(&[Build, Play]).iter().map(|package| package.apt).collect();

        assert_eq!(names, ["build-essential", "g++", "pkg-config", "ffmpeg"]);
    }

    #[test]
    fn every_package_has_a_name_in_each_manager_and_a_reason() {
        for package in PACKAGES {
            for name in [package.apt, package.dnf, package.pacman, package.why] {
                assert!(!name.trim().is_empty(), "{package:?}");
            }
        }
    }
}
