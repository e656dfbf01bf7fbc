//! What `cargo metadata` tells about the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::failure::{During, Result};
use crate::shell::{Shell, cargo_program};

/// The desktop shell, the only member that needs a web view to compile.
pub(crate) const DESKTOP: &str = "freshet";

/// Features that only tests and generators switch on; the layers build with them so that each crate compiles once.
const TEST_FEATURES: [&str; 2] = ["ts", "testing"];

/// The members of the workspace and, if asked for, everything they stand on.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Value,
}

impl Workspace {
    /// Reads the members alone; needs no network.
    ///
    /// # Errors
    /// A manifest cannot be read.
    pub(crate) fn members(shell: &Shell) -> Result<Self> {
        Self::read(shell, &["--no-deps"])
    }

    /// Reads the members and every package that this platform builds.
    ///
    /// # Errors
    /// A manifest cannot be read, or a package cannot be fetched.
    pub(crate) fn with_dependencies(shell: &Shell) -> Result<Self> {
        let version = shell.output(shell.command(".", "rustc", ["-vV"]))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        Self::read(shell, &["--filter-platform", host])
    }

    fn read(shell: &Shell, more: &[&str]) -> Result<Self> {
        let mut arguments = vec!["metadata", "--format-version", "1"];
        arguments.extend(more);
        let text = shell.output(shell.command(".", &cargo_program(), &arguments))?;
        Self::from_json(&text)
    }

    /// # Errors
    /// The text is not JSON.
    pub(crate) fn from_json(text: &str) -> Result<Self> {
        Ok(Self { metadata: serde_json::from_str(text).during("what cargo metadata printed")? })
    }

    /// All packages known here.
    pub(crate) fn packages(&self) -> impl Iterator<Item = Package<'_>> {
        self.metadata["packages"].as_array().into_iter().flatten().map(Package)
    }

    /// The workspace's own packages.
    pub(crate) fn own(&self) -> impl Iterator<Item = Package<'_>> {
        self.packages().filter(|package| self.contains(package.0))
    }

    fn contains(&self, package: &Value) -> bool {
        self.metadata["workspace_members"]
            .as_array()
            .is_some_and(|members| members.iter().any(|member| *member == package["id"]))
    }

    /// These packages and everything that becomes a part of their programs, sorted by name: no build scripts, no tests.
    ///
    /// Needs the dependencies, as [`Workspace::with_dependencies`] reads them.
    pub(crate) fn linked_into(&self, names: &[&str]) -> Vec<Package<'_>> {
        let nodes: BTreeMap<&str, &Value> = self.metadata["resolve"]["nodes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|node| (node["id"].as_str().unwrap_or_default(), node))
            .collect();
        let own = self.own().filter(|package| names.contains(&package.name()));
        let mut waiting: Vec<&str> = own.map(Package::id).collect();
        let mut found = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            if !found.insert(id) {
                continue;
            }
            let edges = nodes.get(id).and_then(|node| node["deps"].as_array()).into_iter().flatten();
            let linked = edges.filter(|edge| {
                // The kind of an ordinary dependency has no name.
                edge["dep_kinds"]
                    .as_array()
                    .is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
            });
            waiting.extend(linked.filter_map(|edge| edge["pkg"].as_str()));
        }
        let mut packages: Vec<_> = self.packages().filter(|package| found.contains(package.id())).collect();
        packages.sort_by_key(|package| (package.name(), package.version()));
        packages
    }

    /// `crate/feature` for each test feature that a headless member has.
    pub(crate) fn test_features(&self) -> Vec<String> {
        self.own()
            .filter(|package| package.name() != DESKTOP)
            .flat_map(|package| {
                TEST_FEATURES
                    .into_iter()
                    .filter(move |feature| package.has_feature(feature))
                    .map(move |feature| format!("{}/{feature}", package.name()))
            })
            .collect()
    }
}

/// One package of the metadata.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Package<'a>(&'a Value);

impl<'a> Package<'a> {
    fn id(self) -> &'a str {
        self.0["id"].as_str().unwrap_or_default()
    }

    /// Where its source is.
    pub(crate) fn folder(self) -> &'a Path {
        let manifest = Path::new(self.0["manifest_path"].as_str().unwrap_or_default());
        manifest.parent().unwrap_or(manifest)
    }

    pub(crate) fn name(self) -> &'a str {
        self.0["name"].as_str().unwrap_or_default()
    }

    pub(crate) fn version(self) -> &'a str {
        self.0["version"].as_str().unwrap_or_default()
    }

    /// Its SPDX expression.
    pub(crate) fn license(self) -> Option<&'a str> {
        self.0["license"].as_str()
    }

    /// Where it comes from; nothing for a folder of this repository.
    pub(crate) fn source(self) -> Option<&'a str> {
        self.0["source"].as_str()
    }

    fn has_feature(self, feature: &str) -> bool {
        self.0["features"].get(feature).is_some()
    }

    /// Its direct dependencies, of all kinds and platforms.
    pub(crate) fn dependencies(self) -> impl Iterator<Item = Dependency<'a>> {
        self.0["dependencies"].as_array().into_iter().flatten().map(|dependency| Dependency {
            name: dependency["name"].as_str().unwrap_or_default(),
            is_dev: dependency["kind"].as_str() == Some("dev"),
        })
    }
}

/// One edge to a package of that name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dependency<'a> {
    pub(crate) name: &'a str,
    /// Whether only tests, examples and benchmarks see it.
    pub(crate) is_dev: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_builds_or_tests_a_program_is_no_part_of_it() {
        let edge =
            |id: &str, kind: &str| format!(r#"{{ "pkg": "{id}", "dep_kinds": [{{ "kind": {kind} }}] }}"#);
        let package = |id: &str| format!(r#"{{ "id": "{id}", "name": "{id}", "version": "1.0.0" }}"#);
        let node =
            |id: &str, edges: &[String]| format!(r#"{{ "id": "{id}", "deps": [{}] }}"#, edges.join(","));
        let text = format!(
            r#"{{ "workspace_members": ["app"], "packages": [{}], "resolve": {{ "nodes": [{}] }} }}"#,
            ["app", "z", "b", "cc", "proptest"].map(package).join(","),
            [
                node("app", &[edge("z", "null"), edge("cc", r#""build""#), edge("proptest", r#""dev""#)]),
                node("z", &[edge("b", "null")]),
                node("b", &[edge("z", "null")]),
            ]
            .join(","),
        );
        let workspace = Workspace::from_json(&text).unwrap();

        let names: Vec<_> = workspace.linked_into(&["app"]).iter().map(|package| package.name()).collect();
        assert_eq!(names, ["app", "b", "z"]);
    }

    #[test]
    fn test_features_are_those_that_headless_members_have() {
        let workspace = Workspace::from_json(
            r#"{ "workspace_members": ["a", "b"], "packages": [
                { "id": "a", "name": "freshet-app", "features": { "ts": [], "other": [] } },
                { "id": "b", "name": "freshet", "features": { "testing": [] } },
                { "id": "c", "name": "foreign", "features": { "ts": [] } } ] }"#,
        )
        .unwrap();

        assert_eq!(workspace.test_features(), ["freshet-app/ts"]);
    }
}
