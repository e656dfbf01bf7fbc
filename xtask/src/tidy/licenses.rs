//! Which licenses come in with the dependencies, and from where.
//!
//! `deny.toml` holds the one list of them; cargo-deny reads the same list where it is installed. It is checked here as well
//! because building cargo-deny costs as much as building the whole core.

use super::Finding;
use crate::workspace::Workspace;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Finds packages whose license is not on the list, or that do not come from crates.io.
pub(super) fn check(workspace: &Workspace, deny: &str) -> Vec<Finding> {
    let allowed = allowed_licenses(deny);
    let mut findings = Vec::new();
    for package in workspace.packages() {
        let place = format!("{} {}", package.name(), package.version());
        if let Some(source) = package.source().filter(|source| *source != CRATES_IO) {
            findings.push(Finding::new(&place, format!("comes from {source}, not from crates.io")));
        }
        match package.license() {
            None => findings.push(Finding::new(&place, "names no license")),
            Some(expression) if !is_allowed(expression, &allowed) => {
                findings.push(Finding::new(
                    &place,
                    format!("has the license {expression}, which deny.toml does not allow"),
                ));
            }
            Some(_) => {}
        }
    }
    findings
}

/// The entries of `allow = [...]` in the section `[licenses]`.
fn allowed_licenses(deny: &str) -> Vec<String> {
    let section = deny.split("\n[").find(|section| section.starts_with("licenses]")).unwrap_or_default();
    section
        .lines()
        .skip_while(|line| !line.starts_with("allow = ["))
        .take_while(|line| line.trim() != "]")
        .map(|line| line.split('#').next().unwrap_or_default())
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// Whether an SPDX expression can be met with the allowed licenses: one side of every OR, all sides of every AND.
///
/// `WITH` binds a license to its exception and is looked up as one entry. The old `A/B` of crates.io means `A OR B`.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, allowed };
    let is_met = parser.alternatives();
    is_met && parser.words.is_empty()
}

struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a [String],
}

impl Parser<'_> {
    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }

    fn alternatives(&mut self) -> bool {
        let mut is_met = self.conjunction();
        while self.take("OR") {
            is_met |= self.conjunction();
        }
        is_met
    }

    fn conjunction(&mut self) -> bool {
        let mut is_met = self.license();
        while self.take("AND") {
            is_met &= self.license();
        }
        is_met
    }

    fn license(&mut self) -> bool {
        if self.take("(") {
            let is_met = self.alternatives();
            return self.take(")") && is_met;
        }
        let Some((name, rest)) = self.words.split_first() else { return false };
        self.words = rest;
        let mut wanted = (*name).to_owned();
        if self.take("WITH")
            && let Some((exception, rest)) = self.words.split_first()
        {
            wanted = format!("{wanted} WITH {exception}");
            self.words = rest;
        }
        self.allowed.contains(&wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn one_side_of_or_and_all_sides_of_and_have_to_be_allowed() {
        let list = allowed(&["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC"]);
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("GPL-3.0-only OR MIT", true),
            ("MIT AND GPL-3.0-only", false),
            ("MIT AND (GPL-3.0-only OR ISC)", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", false),
            ("GPL-2.0-only OR MIT AND ISC", true),
            ("MIT/Apache-2.0", true),
            ("GPL-2.0/BSD-3-Clause", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("ISC WITH LLVM-exception", false),
            ("", false),
            ("(MIT", false),
            ("MIT ISC", false),
        ] {
            assert_eq!(is_allowed(expression, &list), expected, "{expression}");
        }
    }

    #[test]
    fn the_list_is_read_from_its_section_alone() {
        let deny = "[bans]\nallow = [\n  \"nothing\",\n]\n[licenses]\nversion = 2\nallow = [\n  \"MIT\", # why \"not\"\n  \"ISC\",\n]\nexceptions = [\"GPL-3.0\"]\n";

        assert_eq!(allowed_licenses(deny), ["MIT", "ISC"]);
    }

    #[test]
    fn a_package_without_license_or_from_elsewhere_fails() {
        let workspace = Workspace::from_json(
            r#"{ "workspace_members": [], "packages": [
                { "name": "a", "version": "1.0.0", "license": "MIT", "source": null },
                { "name": "b", "version": "1.0.0", "license": null, "source": null },
                { "name": "c", "version": "1.0.0", "license": "MIT", "source": "git+https://example.org/c" },
                { "name": "d", "version": "1.0.0", "license": "AGPL-3.0-only", "source": null } ] }"#,
        )
        .unwrap();

        let findings = check(&workspace, "\n[licenses]\nallow = [\n\"MIT\",\n]\n");

        let places: Vec<_> = findings.iter().map(|finding| finding.place.as_str()).collect();
        assert_eq!(places, ["b 1.0.0", "c 1.0.0", "d 1.0.0"]);
    }
}
