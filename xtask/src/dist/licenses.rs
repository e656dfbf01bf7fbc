//! The page with the licenses of everything that is in the programs: the crates, and what the pages are made of.
//!
//! Which licenses may come in at all is decided by `deny.toml` and `cargo xtask tidy`; this only hands their texts on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::failure::{During, Failure, Result};
use crate::shell::Shell;
use crate::workspace::{DESKTOP, Workspace};

/// How files with a license, or with what it demands to be handed on, begin.
const NAMES: [&str; 6] = ["license", "licence", "copying", "copyright", "notice", "unlicense"];
/// Written by the build of the pages about the scripts that it took in.
const SCRIPTS: &str = "ui/dist/licenses.md";

/// One thing that is in the package: what it is called, under which license, and the texts that came with it.
#[derive(Debug, Eq, PartialEq)]
struct Part {
    name: String,
    license: String,
    texts: Vec<String>,
}

/// The page.
///
/// # Errors
/// A crate cannot be read, or the pages were built without the list of their parts.
pub(crate) fn page(shell: &Shell) -> Result<String> {
    let mut parts = crates(shell)?;
    let scripts = shell.path(SCRIPTS);
    let scripts = std::fs::read_to_string(&scripts).during(scripts.display())?;
    parts.extend(style_packages(shell, &scripts)?);
    Ok(html(&parts, &scripts))
}

fn crates(shell: &Shell) -> Result<Vec<Part>> {
    let workspace = Workspace::with_dependencies(shell)?;
    let linked = workspace.linked_into(&[DESKTOP, "freshet-server"]);
    linked
        .into_iter()
        .filter(|package| package.source().is_some())
        .map(|package| {
            Ok(Part {
                name: format!("{} {}", package.name(), package.version()),
                license: package.license().unwrap_or("see its text").to_owned(),
                texts: texts_in(package.folder())?,
            })
        })
        .collect()
}

/// What the pages take from npm without a script, such as a typeface: the build's list has only scripts.
fn style_packages(shell: &Shell, scripts: &str) -> Result<Vec<Part>> {
    let read = |path: PathBuf| -> Result<serde_json::Value> {
        let text = std::fs::read_to_string(&path).during(path.display())?;
        serde_json::from_str(&text).during(path.display())
    };
    let manifest = read(shell.path("ui/package.json"))?;
    let Some(names) = manifest["dependencies"].as_object() else {
        return Err(Failure::new("ui/package.json names no dependencies"));
    };
    let mut parts = Vec::new();
    for (name, version) in names {
        let is_own = version.as_str().is_some_and(|version| version.starts_with("file:"));
        if is_own || scripts.contains(&format!("\n## {name} - ")) {
            continue;
        }
        let folder = shell.path("ui/node_modules").join(name);
        let package = read(folder.join("package.json"))?;
        parts.push(Part {
            name: format!("{name} {}", package["version"].as_str().unwrap_or_default()),
            license: package["license"].as_str().unwrap_or("see its text").to_owned(),
            texts: texts_in(&folder)?,
        });
    }
    Ok(parts)
}

/// The files in a package's top folder whose names say that they are about its license.
fn texts_in(folder: &Path) -> Result<Vec<String>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).during(folder.display())? {
        let path = entry.during(folder.display())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_code = [".rs", ".toml", ".json", ".js", ".py"].iter().any(|end| name.ends_with(end));
        if path.is_file() && !is_code && NAMES.iter().any(|start| name.starts_with(start)) {
            files.push(path);
        }
    }
    files.sort();
    files
        .iter()
        .map(|path| Ok(String::from_utf8_lossy(&std::fs::read(path).during(path.display())?).into_owned()))
        .collect()
}

fn html(parts: &[Part], scripts: &str) -> String {
    // Most crates carry the same few texts, which differ in nothing but white space.
    let mut texts: BTreeMap<String, (&str, Vec<&str>)> = BTreeMap::new();
    for part in parts {
        for text in &part.texts {
            let key = text.split_whitespace().collect::<Vec<_>>().join(" ");
            texts.entry(key).or_insert((text, Vec::new())).1.push(&part.name);
        }
    }
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Licenses of Freshet's parts</title>\n\
         <style>body { max-width: 50rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif; } \
         pre { white-space: pre-wrap; }</style>\n<h1>Licenses of Freshet's parts</h1>\n\
         <p>Freshet is made with the works of many others. These are in its programs and pages.</p>\n<ul>\n",
    );
    for part in parts {
        let _ = writeln!(page, "<li>{} ({})</li>", escaped(&part.name), escaped(&part.license));
    }
    page.push_str("</ul>\n<h2>Texts</h2>\n");
    for (text, names) in texts.values() {
        let _ =
            write!(page, "<h3>{}</h3>\n<pre>{}</pre>\n", escaped(&names.join(", ")), escaped(text.trim()));
    }
    let _ = write!(page, "<h2>Scripts of the pages</h2>\n<pre>{}</pre>\n</html>\n", escaped(scripts.trim()));
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, text: &str) -> Part {
        Part { name: name.to_owned(), license: "MIT OR <own>".to_owned(), texts: vec![text.to_owned()] }
    }

    #[test]
    fn a_text_stands_once_with_the_names_of_all_who_carry_it() {
        let parts = [
            part("a 1.0.0", "Do as\nyou like"),
            part("b 2.0.0", "Do as you  like\n"),
            part("c 3.0.0", "Else <x>"),
        ];

        let page = html(&parts, "\n## svelte - 5.0.0 (MIT)\n");

        assert_eq!(page.matches("Do as").count(), 1, "{page}");
        assert!(page.contains("<h3>a 1.0.0, b 2.0.0</h3>"), "{page}");
        assert!(
            page.contains("<li>c 3.0.0 (MIT OR &lt;own&gt;)</li>")
                && page.contains("<pre>Else &lt;x&gt;</pre>")
        );
        assert!(page.contains("## svelte - 5.0.0 (MIT)"));
    }

    #[test]
    fn the_crates_of_the_programs_are_found_with_their_texts() {
        let parts = crates(&Shell::at_repository_root()).unwrap();

        let part = |name: &str| parts.iter().find(|part| part.name.starts_with(&format!("{name} ")));
        assert!(
            part("tokio")
                .is_some_and(|part| part.texts.iter().any(|text| text.contains("Permission is hereby")))
        );
        assert!(part("tauri").is_some() && part("rusqlite").is_some());
        assert!(part("proptest").is_none(), "only tests use it");
        assert!(part("freshet-app").is_none(), "our own license stands elsewhere");
    }
}
