//! The .deb: a tree of files, packed by dpkg-deb.

use std::path::{Path, PathBuf};

use crate::failure::{During, Result};
use crate::icons;
use crate::scratch::Scratch;
use crate::shell::Shell;

use super::control::{MAINTAINER, control, linked_packages, package_version};
use super::tree::Tree;
use super::{PROGRAMS, Source, licenses, units};

const DOC: &str = "usr/share/doc/freshet";
/// What each program is, in the words that a manual page begins with.
const MANUALS: [(&str, &str); 2] = [
    ("freshet", "play torrents while they download"),
    ("freshetd", "Freshet without a window, for other devices and browsers"),
];

/// Packs the programs into a file in `out`, and gives its path.
///
/// # Errors
/// A program or a tool is missing, or a file cannot be written.
pub(crate) fn pack(shell: &Shell, source: &Source, out: &Path) -> Result<PathBuf> {
    // Another place for each package: where it was arranged must not show in it.
    let scratch = Scratch::new(&format!("deb-{}", out.file_name().unwrap_or_default().to_string_lossy()))?;
    // Help2man and dpkg-deb take the time from here, and neither may speak the language of this machine.
    let shell = &shell
        .with_env("SOURCE_DATE_EPOCH", source.time.to_string())
        .with_env("LC_ALL", "C.UTF-8")
        .with_env("TZ", "UTC");
    let tree = Tree::new(scratch.path().join("root"))?;
    programs(shell, source, &tree)?;
    desktop(shell, source, &tree)?;
    documents(shell, source, &tree)?;
    tree.copy_folder(&shell.path("ui/dist"), "usr/share/freshet/pages")?;
    let unit = shell.path("extras/systemd/freshetd.service");
    let unit = units::packaged(&std::fs::read_to_string(&unit).during(unit.display())?)?;
    tree.write("usr/lib/systemd/user/freshetd.service", &unit)?;
    tree.write("usr/lib/systemd/user/freshetd-folder.service", units::FOLDER_UNIT)?;
    describe(shell, source, &tree)?;
    tree.settle(source.time)?;

    let architecture = architecture(shell)?;
    let file = format!("freshet_{}_{architecture}.deb", package_version(&source.version));
    let package = out.join(file);
    let compression = if source.is_for_test { ["-Zgzip", "-z1"] } else { ["-Zxz", "-z6"] };
    let mut command = shell.command(".", "dpkg-deb", ["--root-owner-group"]);
    command.args(compression).arg("--build").arg(tree.root()).arg(&package);
    shell.run(command)?;
    Ok(package)
}

fn programs(shell: &Shell, source: &Source, tree: &Tree) -> Result<()> {
    for program in PROGRAMS {
        tree.copy(&source.binaries.join(program), &format!("usr/bin/{program}"))?;
        // A release build is stripped; a debug build is ten times as large with what is taken away here.
        let place = tree.root().join("usr/bin").join(program);
        shell.run(shell.command(".", "strip", ["--strip-unneeded".as_ref(), place.as_os_str()]))?;
    }
    for (program, what) in MANUALS {
        let page = tree.place(&format!("usr/share/man/man1/{program}.1"))?;
        let mut command = shell.command(".", "help2man", ["--no-info", "--section=1", "--name", what]);
        command.arg("--output").arg(&page).arg(tree.root().join("usr/bin").join(program));
        shell.run(command)?;
        compress(shell, &page)?;
    }
    Ok(())
}

fn desktop(shell: &Shell, source: &Source, tree: &Tree) -> Result<()> {
    tree.copy(&shell.path("extras/linux/freshet.desktop"), "usr/share/applications/freshet.desktop")?;
    let icons = "usr/share/icons/hicolor";
    for (file, size) in icons::PICTURES {
        tree.copy(&shell.path("icons").join(file), &format!("{icons}/{size}x{size}/apps/freshet.png"))?;
    }
    tree.copy(&shell.path(icons::DRAWING), &format!("{icons}/scalable/apps/freshet.svg"))?;
    let metainfo = shell.path("extras/linux/org.freshet.app.metainfo.xml");
    let text = std::fs::read_to_string(&metainfo).during(metainfo.display())?;
    let text =
        text.replace("@VERSION@", &source.version).replace("@DATE@", &date(shell, source, "+%Y-%m-%d")?);
    tree.write("usr/share/metainfo/org.freshet.app.metainfo.xml", &text)
}

fn documents(shell: &Shell, source: &Source, tree: &Tree) -> Result<()> {
    let license = |file: &str| {
        let path = shell.path(file);
        std::fs::read_to_string(&path).during(path.display())
    };
    tree.write(&format!("{DOC}/copyright"), &copyright(&license("LICENSE-MIT")?))?;
    tree.write(&format!("{DOC}/licenses.html"), &licenses::page(shell)?)?;
    tree.copy(&shell.path("extras/mpv/freshet.lua"), &format!("{DOC}/examples/freshet.lua"))?;
    tree.copy(&shell.path("CHANGELOG.md"), &format!("{DOC}/changelog"))?;
    compress(shell, &tree.root().join(DOC).join("changelog"))?;
    let changes = format!(
        "freshet ({}) unstable; urgency=medium\n\n  * Version {}; /{DOC}/changelog.gz tells what is new.\n\n -- {MAINTAINER}  {}\n",
        package_version(&source.version),
        source.version,
        date(shell, source, "-R")?,
    );
    tree.write(&format!("{DOC}/changelog.Debian"), &changes)?;
    compress(shell, &tree.root().join(DOC).join("changelog.Debian"))
}

/// The files that speak about the others.
fn describe(shell: &Shell, source: &Source, tree: &Tree) -> Result<()> {
    let files = tree.files()?;
    let installed_kib = tree.installed_kib()?;
    let mut command = shell.command(".", "md5sum", &files);
    command.current_dir(tree.root());
    let sums = shell.output(command)?;
    let linked = linked_packages(shell, tree)?;
    tree.write("DEBIAN/md5sums", &sums)?;
    tree.write("DEBIAN/control", &control(&source.version, &architecture(shell)?, installed_kib, &linked))
}

fn architecture(shell: &Shell) -> Result<String> {
    let printed = shell.output(shell.command(".", "dpkg", ["--print-architecture"]))?;
    Ok(printed.trim().to_owned())
}

fn date(shell: &Shell, source: &Source, format: &str) -> Result<String> {
    let time = format!("--date=@{}", source.time);
    let printed = shell.output(shell.command(".", "date", ["--utc", &time, format]))?;
    Ok(printed.trim().to_owned())
}

/// Puts a compressed file in the place of the plain one, without its name and time.
fn compress(shell: &Shell, file: &Path) -> Result<()> {
    shell.run(shell.command(".", "gzip", ["-9n".as_ref(), file.as_os_str()]))
}

/// The form that Debian gives to it: who may do what with which files.
fn copyright(mit: &str) -> String {
    let holder =
        mit.lines().find(|line| line.starts_with("Copyright")).unwrap_or("Copyright The Freshet developers");
    let holder = holder.trim_start_matches("Copyright").trim().trim_start_matches("(c)").trim();
    let indented: String = mit
        .lines()
        .skip_while(|line| !line.starts_with("Permission"))
        .map(|line| if line.trim().is_empty() { " .\n".to_owned() } else { format!(" {line}\n") })
        .collect();
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: Freshet\n\
         Comment: The programs hold libraries of others; /{DOC}/licenses.html names them,\n with their licenses.\n\n\
         Files: *\nCopyright: {holder}\nLicense: Expat or Apache-2.0\n\n\
         License: Expat\n{indented}\nLicense: Apache-2.0\n On Debian systems the text of the Apache License 2.0 is in\n \
         /usr/share/common-licenses/Apache-2.0.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copyright_file_has_the_holder_and_the_whole_text() {
        let path = Shell::at_repository_root().path("LICENSE-MIT");
        let text = copyright(&std::fs::read_to_string(path).unwrap());

        let fields = [
            "Copyright: ",
            "License: Expat or Apache-2.0\n",
            "\n Permission is hereby",
            "\n .\n",
            "/common-licenses/Apache-2.0",
        ];
        for words in fields {
            assert!(text.contains(words), "{words:?} is missing in {text}");
        }
        assert!(text.contains("SOFTWARE.\n\nLicense: Apache-2.0\n"), "{text}");
    }
}
