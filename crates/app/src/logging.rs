//! Where log lines go: the terminal and a daily file, of which seven are kept.

use std::io::IsTerminal as _;
use std::path::Path;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

const KEPT_FILES: usize = 7;
/// The libraries below speak at every dial and datagram.
const DEFAULT_FILTER: &str = "warn,librqbit_utp=error,freshet=info,freshet_app=info,freshet_server=info,freshet_engine=info,freshet_store=info";

/// Writes what is still buffered when it is dropped; keep it until the program ends.
#[derive(Debug)]
pub struct LogGuard {
    _file: Option<tracing_appender::non_blocking::WorkerGuard>,
}

/// Starts logging for the whole process. `filter` is in `RUST_LOG`'s form; without it, or if it can't be read, our own
/// lines from "info" on. A log folder that can't be written costs only the file.
pub fn start_logging(data_dir: &Path, filter: Option<&str>) -> LogGuard {
    let filter = || {
        filter
            .and_then(|text| EnvFilter::try_new(text).ok())
            .unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER))
    };
    let folder = data_dir.join("logs");
    let appender = || {
        create_private(&folder).ok()?;
        tracing_appender::rolling::Builder::new()
            .rotation(tracing_appender::rolling::Rotation::DAILY)
            .filename_prefix("freshet")
            .filename_suffix("log")
            .max_log_files(KEPT_FILES)
            .build(&folder)
            .ok()
    };
    // Without a folder the terminal is what is left.
    let (file, guard) = appender().map(tracing_appender::non_blocking).unzip();
    let file = file.map(|writer| fmt::layer().with_writer(writer).with_ansi(false).with_filter(filter()));
    let terminal = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(filter());
    // A second start in one process (tests) keeps the first one's subscriber.
    let _ = tracing_subscriber::registry().with(file).with(terminal).try_init();
    LogGuard { _file: guard }
}

/// Makes a folder and those above it, for this person's eyes only: a log tells what they watch.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn nobody_else_can_look_into_the_folders() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("data/logs");

        create_private(&folder).unwrap();

        for made in [home.path().join("data"), folder] {
            assert_eq!(
                std::fs::metadata(&made).unwrap().permissions().mode() & 0o777,
                0o700,
                "{}",
                made.display()
            );
        }
    }
}
