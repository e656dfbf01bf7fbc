//! What `cargo metadata` tells about the workspace.

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
