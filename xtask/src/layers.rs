//! A run in layers: each with a name, a budget and a result, and one table at the end.

use std::fmt;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};

/// How long a layer may go on, as a multiple of its budget, before what it runs is ended.
///
/// Budgets are for a quiet machine of two cores; a busy one gets its time, a hanging one must not use up the whole run.
const PATIENCE: u32 = 2;

/// What a layer may cost on two cores from a cold clone, in minutes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget(pub(crate) u32);

impl Budget {
    fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0) * 60)
    }

    /// When what the layer runs is ended.
    pub(crate) fn limit(self) -> Duration {
        self.duration() * PATIENCE + Duration::from_secs(300)
    }
}

/// How a layer ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Passed,
    Failed(String),
}

/// One line of the table.
#[derive(Debug)]
struct Line {
    name: &'static str,
    outcome: Outcome,
    used: Duration,
    budget: Budget,
}

/// The layers that have run so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

impl Report {
    /// Runs one layer. A failure is noted, not returned, so that one run tells about all layers: each makes what it needs
    /// itself, and finds it made where an earlier one did.
    pub(crate) fn layer(&mut self, name: &'static str, budget: Budget, work: impl FnOnce() -> Result<()>) {
        println!("\n==== {name}: started, budget {} min", budget.0);
        let started = Instant::now();
        let outcome = match work() {
            Ok(()) => Outcome::Passed,
            Err(failure) => Outcome::Failed(failure.to_string()),
        };
        let line = Line { name, outcome, used: started.elapsed(), budget };
        println!("==== {line}");
        self.lines.push(line);
    }

    /// Prints the table.
    ///
    /// # Errors
    /// A layer did not pass.
    pub(crate) fn finish(self) -> Result<()> {
        println!("\n{self}");
        if self.passed() == self.lines.len() { Ok(()) } else { Err(Failure::new("not every layer passed")) }
    }

    fn passed(&self) -> usize {
        self.lines.iter().filter(|line| line.outcome == Outcome::Passed).count()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.used.as_secs_f64() / 60.0;
        let over = if self.used > self.budget.duration() { ", OVER BUDGET" } else { "" };
        write!(formatter, "{:<12} {:>5.1} of {:>2} min{over}  ", self.name, minutes, self.budget.0)?;
        match &self.outcome {
            Outcome::Passed => formatter.write_str("passed"),
            Outcome::Failed(why) => write!(formatter, "FAILED: {why}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(formatter, "{line}")?;
        }
        let used: Duration = self.lines.iter().map(|line| line.used).sum();
        let budget: u32 = self.lines.iter().map(|line| line.budget.0).sum();
        writeln!(formatter, "{:<12} {:>5.1} of {budget:>2} min", "all", used.as_secs_f64() / 60.0)?;
        let passed = self.passed();
        write!(formatter, "layers: {passed} passed, {} failed", self.lines.len() - passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_after_a_failure_still_run_and_the_whole_fails() {
        let mut report = Report::default();
        let mut ran = false;

        report.layer("build", Budget(1), || Err(Failure::new("no compiler")));
        report.layer("tidy", Budget(1), || {
            ran = true;
            Ok(())
        });

        assert!(ran);
        let table = report.to_string();
        assert!(table.contains("FAILED: no compiler"), "{table}");
        assert!(table.ends_with("layers: 1 passed, 1 failed"), "{table}");
        assert!(report.finish().is_err());
    }

    #[test]
    fn a_run_whose_layers_all_pass_succeeds() {
        let mut report = Report::default();

        report.layer("fmt", Budget(1), || Ok(()));

        assert!(report.finish().is_ok());
    }

    #[test]
    fn a_layer_over_its_budget_is_marked() {
        let line = |used| Line { name: "rust", outcome: Outcome::Passed, used, budget: Budget(2) };

        assert!(line(Duration::from_secs(121)).to_string().contains("OVER BUDGET"));
        assert!(!line(Duration::from_secs(119)).to_string().contains("OVER BUDGET"));
    }
}
