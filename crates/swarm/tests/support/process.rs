//! What the system says of this process.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

use std::fs;
use std::time::Duration;

/// Open files and sockets.
pub(crate) fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Tasks of the runtime that we run in.
pub(crate) fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// What all threads together spent on processors since they began; those that have ended are not counted.
pub(crate) fn processor_time() -> Duration {
    let spent = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    };
    fs::read_dir("/proc/self/task").unwrap().filter_map(|thread| spent(thread.ok()?)).sum()
}

/// Memory that is used now.
pub(crate) fn resident_bytes() -> u64 {
    kib("VmRSS:") * 1024
}

/// The most memory that was ever used.
pub(crate) fn peak_memory_bytes() -> u64 {
    kib("VmHWM:") * 1024
}

fn kib(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
    number.map_or(0, |kib| kib.parse().unwrap())
}
