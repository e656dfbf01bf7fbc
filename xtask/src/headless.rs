//! The crates that need no web view, built once for all layers that use them.

use std::path::PathBuf;

use crate::failure::{During, Failure, Result};
use crate::shell::{Shell, cargo_program};
use crate::workspace::Workspace;

/// Where the headless programs are, and how they were built.
#[derive(Debug)]
pub(crate) struct Headless {
    folder: PathBuf,
    features: Vec<String>,
}

impl Headless {
    /// Builds the tests, binaries and examples of all default members.
    ///
    /// It is one build with one set of features: asking cargo for single binaries would resolve smaller sets of features,
    /// and compile half of the tree again.
    ///
    /// # Errors
    /// Something does not compile.
    pub(crate) fn build(shell: &Shell) -> Result<Self> {
        let features = feature_arguments(shell)?;
        let mut arguments = vec!["build", "--tests", "--bins", "--examples"];
        arguments.extend(features.iter().map(String::as_str));
        shell.cargo(&arguments)?;
        Ok(Self { folder: target_folder(shell)?.join("debug"), features })
    }

    /// What has to follow any other cargo command that shall find this build fresh.
    pub(crate) fn features(&self) -> &[String] {
        &self.features
    }

    /// The path of a binary.
    pub(crate) fn binary(&self, name: &str) -> String {
        executable(self.folder.join(name))
    }

    /// The path of an example.
    pub(crate) fn example(&self, name: &str) -> String {
        executable(self.folder.join("examples").join(name))
    }
}

/// `--features a/ts,b/testing`, or nothing where no member has such a feature.
///
/// # Errors
/// A manifest cannot be read.
pub(crate) fn feature_arguments(shell: &Shell) -> Result<Vec<String>> {
    let features = Workspace::members(shell)?.test_features();
    Ok(if features.is_empty() { Vec::new() } else { vec!["--features".to_owned(), features.join(",")] })
}

/// Where cargo puts what it builds.
///
/// # Errors
/// Cargo does not tell.
pub(crate) fn target_folder(shell: &Shell) -> Result<PathBuf> {
    let text = shell.output(shell.command(
        ".",
        &cargo_program(),
        ["metadata", "--format-version", "1", "--no-deps"],
    ))?;
    let metadata: serde_json::Value = serde_json::from_str(&text).during("what cargo metadata printed")?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| Failure::new("cargo metadata names no target directory"))
}

fn executable(path: PathBuf) -> String {
    format!("{}{}", path.display(), std::env::consts::EXE_SUFFIX)
}
