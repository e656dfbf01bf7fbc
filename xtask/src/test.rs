//! `cargo xtask test`: everything that continuous integration runs, in layers that each can be run alone.

use std::io::IsTerminal as _;

use crate::codegen;
use crate::display::VirtualDisplay;
use crate::dist;
use crate::failure::{Failure, Result};
use crate::headless::{Headless, feature_arguments, target_folder};
use crate::layers::{Budget, Report};
use crate::node;
use crate::openapi;
use crate::packages::Purpose::{
    self, BrowserTests, Build, Desktop, PackageChecks, Packages, Play, RustTests, WindowTests,
};
use crate::shell::{Shell, find_program, program_exists};
use crate::system;
use crate::tidy;
use crate::workspace::DESKTOP;

/// The runner of the Rust tests; a fixed version, so that a new one cannot change what a run means.
const NEXTEST_VERSION: &str = "0.9.143";

/// One layer: what it costs, what it needs, what it does.
struct Layer {
    name: &'static str,
    budget: Budget,
    packages: &'static [Purpose],
    work: fn(&Shell, &Options) -> Result<()>,
    /// Runs only when it is asked for, or with the long forms.
    is_deep: bool,
}

const fn layer(
    name: &'static str,
    minutes: u32,
    packages: &'static [Purpose],
    work: fn(&Shell, &Options) -> Result<()>,
) -> Layer {
    Layer { name, budget: Budget(minutes), packages, work, is_deep: false }
}

/// In the order of their run: what is cheap to know comes first. The budgets add up to less than an hour.
const LAYERS: &[Layer] = &[
    layer("fmt", 1, &[], fmt),
    layer("tidy", 1, &[], |shell, _| tidy::tidy(shell)),
    layer("ui", 3, &[], ui),
    layer("clippy", 5, &[Build], clippy),
    layer("rust", 18, &[Build, Play, RustTests], rust),
    layer("codegen", 1, &[Build], bindings),
    layer("e2e-browser", 11, &[Build, Play, BrowserTests], e2e_browser),
    Layer {
        is_deep: true,
        ..layer("openapi", 5, &[Build, Play, RustTests], |shell, _| openapi::check(shell))
    },
    Layer { is_deep: true, ..layer("package", 15, PACKAGE, package) },
    layer("desktop", 9, &[Build, Desktop], desktop),
    layer("e2e-desktop", 6, &[Build, Play, Desktop, WindowTests], e2e_desktop),
];

const PACKAGE: &[Purpose] = &[Build, Desktop, Packages, PackageChecks];

/// Installing what is missing.
const SETUP_BUDGET: Budget = Budget(4);

/// The layers that build the pages.
const UI_LAYERS: [&str; 5] = ["ui", "e2e-browser", "package", "desktop", "e2e-desktop"];

/// What `test` was asked for.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Options {
    deep: bool,
    /// The chosen layers; all when empty.
    layers: Vec<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--deep" => options.deep = true,
                "--layer" => {
                    let name = rest.next().ok_or_else(|| Failure::new("--layer wants a name"))?;
                    if !LAYERS.iter().any(|layer| layer.name == name) {
                        return Err(unknown_layer(name));
                    }
                    options.layers.push(name.clone());
                }
                other => return Err(Failure::new(format!("test does not know {other:?}"))),
            }
        }
        Ok(options)
    }

    fn selected(&self) -> impl Iterator<Item = &'static Layer> {
        LAYERS.iter().filter(|layer| match &self.layers[..] {
            [] => self.deep || !layer.is_deep,
            chosen => chosen.iter().any(|name| name == layer.name),
        })
    }

    fn nextest_profile(&self) -> &'static str {
        if self.deep { "deep" } else { "ci" }
    }
}

fn unknown_layer(name: &str) -> Failure {
    let names: Vec<_> = LAYERS.iter().map(|layer| layer.name).collect();
    Failure::new(format!("there is no layer {name:?}; there are: {}", names.join(", ")))
}

/// Runs the selected layers, all of them even when one fails, and prints the table.
///
/// # Errors
/// A layer did not pass.
pub(crate) fn test(shell: &Shell, options: &Options) -> Result<()> {
    let mut base = shell.with_env("CI", "true");
    if !std::io::stdout().is_terminal() {
        // Some runners color their closing lines because of `CI`, and a log is read by programs.
        base = base.with_env("NO_COLOR", "1").with_env("CARGO_TERM_COLOR", "never");
    }
    if options.deep {
        base = base.with_env("FRESHET_DEEP", "1");
    }
    let mut report = Report::default();
    report.layer("setup", SETUP_BUDGET, || setup(&base.within(SETUP_BUDGET.limit()), options));
    for layer in options.selected() {
        // The long forms take what they take; whoever asks for them watches the clock.
        let shell = if options.deep { base.clone() } else { base.within(layer.budget.limit()) };
        report.layer(layer.name, layer.budget, || (layer.work)(&shell, options));
    }
    report.finish()
}

fn setup(shell: &Shell, options: &Options) -> Result<()> {
    let purposes: Vec<_> = options.selected().flat_map(|layer| layer.packages).copied().collect();
    if options.selected().any(|layer| UI_LAYERS.contains(&layer.name)) {
        node::check(shell)?;
    }
    if !purposes.is_empty() {
        system::ensure_packages(shell, &purposes)?;
        // The downloads count here, so that the other layers measure work.
        let locked: &[&str] = if is_unattended() { &["fetch", "--locked"] } else { &["fetch"] };
        shell.cargo(locked)?;
    }
    let runs_rust_tests = options.selected().any(|layer| ["rust", "desktop"].contains(&layer.name));
    if runs_rust_tests && !program_exists("cargo-nextest") {
        println!("cargo-nextest is missing; it runs the Rust tests.");
        shell.cargo(&["install", "cargo-nextest", "--locked", "--version", NEXTEST_VERSION])?;
    }
    Ok(())
}

/// Whether nobody sits at the terminal.
fn is_unattended() -> bool {
    std::env::var_os("CI").is_some()
}

fn fmt(shell: &Shell, _: &Options) -> Result<()> {
    shell.cargo(&["fmt", "--all", "--check"])
}

fn clippy(shell: &Shell, _: &Options) -> Result<()> {
    let features = feature_arguments(shell)?;
    let mut arguments = vec!["clippy", "--all-targets", "--keep-going"];
    arguments.extend(features.iter().map(String::as_str));
    arguments.extend(["--", "-D", "warnings"]);
    shell.cargo(&arguments)
}

fn rust(shell: &Shell, options: &Options) -> Result<()> {
    let headless = Headless::build(shell)?;
    let features = headless.features().iter().map(String::as_str);
    // First the examples in the docs, of which there are few: the last lines of the layer are nextest's.
    let mut arguments = vec!["test", "--doc", "--quiet"];
    arguments.extend(features.clone());
    let examples = shell.cargo(&arguments);
    let mut arguments = vec!["nextest", "run", "--profile", options.nextest_profile()];
    arguments.extend(features);
    examples.and(shell.cargo(&arguments))
}

fn bindings(shell: &Shell, _: &Options) -> Result<()> {
    codegen::check_with(shell, &Headless::build(shell)?)
}

fn ui(shell: &Shell, _: &Options) -> Result<()> {
    node::install(shell)?;
    let mut outcome = Ok(());
    for script in ["format:check", "lint", "check", "test", "build"] {
        outcome = outcome.and(node::npm_run(shell, script));
    }
    outcome
}

fn desktop(shell: &Shell, options: &Options) -> Result<()> {
    node::build(shell)?;
    let lints = shell.cargo(&["clippy", "--package", DESKTOP, "--all-targets", "--", "-D", "warnings"]);
    build_desktop(shell)?;
    let tests =
        shell.cargo(&["nextest", "run", "--package", DESKTOP, "--profile", options.nextest_profile()]);
    lints.and(tests)
}

fn package(shell: &Shell, _: &Options) -> Result<()> {
    node::build(shell)?;
    dist::check_debug_build(shell)
}

/// Builds the window together with its tests, so that its crates are compiled once for both.
fn build_desktop(shell: &Shell) -> Result<String> {
    shell.cargo(&["build", "--package", DESKTOP, "--tests", "--bins"])?;
    Ok(target_folder(shell)?.join("debug").join(DESKTOP).to_string_lossy().into_owned())
}

fn e2e_browser(shell: &Shell, _: &Options) -> Result<()> {
    let headless = Headless::build(shell)?;
    node::build(shell)?;
    node::npm_run(&with_programs(shell, &headless), "e2e")
}

fn e2e_desktop(shell: &Shell, options: &Options) -> Result<()> {
    let headless = Headless::build(shell)?;
    node::build(shell)?;
    let window = build_desktop(shell)?;
    let display = VirtualDisplay::start()?;
    let shell = display.shell(&with_programs(shell, &headless))?.with_env("FRESHET", window);
    // A session bus of its own: a Freshet that already runs for this user must not answer.
    let script = if options.deep { "e2e:desktop:deep" } else { "e2e:desktop" };
    shell.run(shell.command("ui", "dbus-run-session", ["--", "npm", "run", "--silent", script]))
}

/// Tells the end-to-end tests where the programs under test are.
fn with_programs(shell: &Shell, headless: &Headless) -> Shell {
    let chromium = ["chromium", "chromium-browser"].into_iter().find_map(find_program);
    let shell = match chromium {
        Some(path) => shell.with_env("FRESHET_CHROMIUM", path.to_string_lossy()),
        None => shell.clone(),
    };
    shell
        .with_env("FRESHETD", headless.binary("freshetd"))
        .with_env("FRESHET_SEED", headless.example("seed"))
        .with_env("FRESHET_FILL", headless.example("fill"))
        .with_env("FRESHET_UI", shell.path("ui/dist").to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options> {
        Options::parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn no_choice_means_all_layers_but_the_long_ones() {
        let names = |arguments: &[&str]| {
            let options = parse(arguments).unwrap();
            options.selected().map(|layer| layer.name).collect::<Vec<_>>()
        };

        assert_eq!(names(&["--deep"]).len(), LAYERS.len());
        assert_eq!(names(&[]).len(), LAYERS.len() - 2);
        assert!(!names(&[]).contains(&"openapi"));
        assert_eq!(names(&["--layer", "openapi"]), ["openapi"]);
    }

    #[test]
    fn chosen_layers_run_in_the_order_of_the_table() {
        let options = parse(&["--layer", "rust", "--deep", "--layer", "fmt"]).unwrap();

        let names: Vec<_> = options.selected().map(|layer| layer.name).collect();
        assert_eq!(names, ["fmt", "rust"]);
        assert_eq!(options.nextest_profile(), "deep");
    }

    #[test]
    fn an_unknown_layer_is_refused_with_the_names_that_exist() {
        let message = parse(&["--layer", "rusty"]).unwrap_err().to_string();

        assert!(message.contains("e2e-browser"), "{message}");
    }

    #[test]
    fn the_budgets_fit_into_an_hour() {
        let minutes: u32 = SETUP_BUDGET.0
            + LAYERS.iter().filter(|layer| !layer.is_deep).map(|layer| layer.budget.0).sum::<u32>();

        assert!(minutes < 60, "{minutes} min");
    }
}
