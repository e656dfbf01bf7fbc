//! What is happening, on stderr: one line that changes in a terminal, a line for each stage elsewhere.

use std::io::{IsTerminal as _, Write};

/// Writes for people. Dropping it leaves a line that changes as it is; [`Progress::end`] ends it.
pub(crate) struct Progress {
    out: Box<dyn Write + Send>,
    is_terminal: bool,
    /// The stage that was named last.
    stage: String,
    is_line_open: bool,
}

impl Progress {
    pub(crate) fn of_stderr() -> Self {
        let stderr = std::io::stderr();
        let is_terminal = stderr.is_terminal();
        Self::new(Box::new(stderr), is_terminal)
    }

    fn new(out: Box<dyn Write + Send>, is_terminal: bool) -> Self {
        Self { out, is_terminal, stage: String::new(), is_line_open: false }
    }

    /// A line that stays.
    pub(crate) fn say(&mut self, text: &str) {
        self.end();
        // Without a place for them, words are lost, which is no reason not to play.
        let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    /// Figures of a stage. Only a terminal sees all of them.
    pub(crate) fn update(&mut self, stage: &str, figures: &str) {
        if self.is_terminal {
            let _ = write!(self.out, "\r\x1b[K{stage}: {figures}").and_then(|()| self.out.flush());
            self.is_line_open = true;
        } else if self.stage != stage {
            let _ = writeln!(self.out, "{stage}: {figures}").and_then(|()| self.out.flush());
        }
        stage.clone_into(&mut self.stage);
    }

    /// Ends a line that changes.
    pub(crate) fn end(&mut self) {
        if std::mem::take(&mut self.is_line_open) {
            let _ = writeln!(self.out);
        }
    }
}

/// A name of a stranger without what a terminal could take for an order.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// A size with a unit, to three digits or so.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if number < 1000 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1000.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    if value < 10.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(is_terminal: bool) -> String {
        let paper = Paper::default();
        let mut progress = Progress::new(Box::new(paper.clone()), is_terminal);
        progress.say("adding");
        progress.update("looking", "0 peers");
        progress.update("looking", "1 peers");
        progress.update("loading", "5 %");
        progress.say("playing");
        progress.end();
        let bytes = paper.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_terminal_sees_one_line_change() {
        assert_eq!(
            written(true),
            "adding\n\r\x1b[Klooking: 0 peers\r\x1b[Klooking: 1 peers\r\x1b[Kloading: 5 %\nplaying\n"
        );
    }

    #[test]
    fn a_file_gets_each_stage_once() {
        assert_eq!(written(false), "adding\nlooking: 0 peers\nloading: 5 %\nplaying\n");
    }

    #[test]
    fn sizes_are_short() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 KB"),
            (25_300, "25 KB"),
            (999_900, "1.0 MB"),
            (4_700_000_000, "4.7 GB"),
            (u64::MAX, "18446744 TB"),
        ];
        for (number, text) in table {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(clean("a\x1b[31mb\n"), "a[31mb");
    }
}
