//! The fence around the children that read films: what a hostile film makes of `ffmpeg` may then open no file of the person, write
//! nothing, talk to nobody but the port it reads from, and send no signal out.
//!
//! Landlock and seccomp hold for a thread and for what it starts, and can't be taken off again. So each child is started by a thread
//! of its own, which puts the fence around itself and ends. A kernel that knows only a part of it enforces that part; one without
//! Landlock and seccomp starts the child as other systems do.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, NetPort, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetError, Scope, path_beneath_rules,
};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use tokio::process::{Child, Command};
use tracing::{debug, warn};

/// The newest words of Landlock that are used here; older kernels know fewer.
const LANDLOCK: ABI = ABI::V6;
/// Where programs and their libraries are on the systems that we know of. Nothing of a person's lies there.
const PROGRAMS: &[&str] =
    &["/usr", "/lib", "/lib32", "/lib64", "/bin", "/opt", "/app", "/snap", "/nix/store", "/gnu/store"];
/// What libraries read as they are loaded.
const SYSTEM: &[&str] = &[
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/alternatives",
    "/etc/crypto-policies",
    "/etc/gnutls",
    "/etc/ssl/openssl.cnf",
    "/dev/random",
    "/dev/urandom",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system",
];
/// No film that plays in time needs as much.
const MAX_MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Starts a child behind the fence. Beside the system's, it may run `programs`; it may connect to `port`, and to no other.
///
/// Blocks for as long as starting a thread and a process takes.
///
/// # Errors
/// The process could not be started.
pub(crate) fn spawn(command: &mut Command, programs: &[&Path], port: Option<u16>) -> io::Result<Child> {
    let runtime = tokio::runtime::Handle::current();
    let started = std::thread::scope(|scope| {
        let fenced = std::thread::Builder::new().name("fence".to_owned()).spawn_scoped(scope, || {
            let _entered = runtime.enter();
            put_up(programs, port);
            command.spawn()
        })?;
        fenced.join().unwrap_or_else(|_| Err(io::Error::other("the thread of the child panicked")))
    });
    let child = started?;
    bound(&child);
    Ok(child)
}

/// Puts the fence around this thread. What the kernel does not know is missing from it.
fn put_up(programs: &[&Path], port: Option<u16>) {
    match keep_files_and_ports(programs, port) {
        Ok(status) => debug!(?status, "the fence of a child"),
        Err(error) => warn!(%error, "a child could not be kept from files"),
    }
    if let Err(error) = keep_calls() {
        warn!(%error, "a child could not be kept from system calls");
    }
}

fn keep_files_and_ports(
    programs: &[&Path],
    port: Option<u16>,
) -> Result<landlock::RulesetStatus, RulesetError> {
    let run = AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let own = programs.iter().flat_map(|program| with_libraries(program));
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?
        .add_rules(path_beneath_rules(PROGRAMS, run))?
        .add_rules(path_beneath_rules(own, run))?
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::ReadFile | AccessFs::WriteFile))?
        .add_rules(port.map(|port| Ok::<_, RulesetError>(NetPort::new(port, AccessNet::ConnectTcp))))?;
    Ok(rules.restrict_self()?.ruleset)
}

/// A program, and the folders beside its own where an installation outside of the system keeps libraries.
fn with_libraries(program: &Path) -> Vec<PathBuf> {
    let real = std::fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
    let prefix = real.parent().filter(|folder| folder.ends_with("bin")).and_then(Path::parent);
    let libraries = prefix.into_iter().flat_map(|prefix| ["lib", "lib64"].map(|name| prefix.join(name)));
    libraries.chain([real.clone()]).collect()
}

/// Calls that no decoder makes, and by which much could be reached: other kinds of sockets, other processes, the kernel's rarer
/// parts. They fail as if they were forbidden.
fn keep_calls() -> Result<(), Box<dyn std::error::Error>> {
    let Ok(arch) = std::env::consts::ARCH.try_into() else { return Ok(()) };
    let whole = [
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_add_key,
        libc::SYS_bind,
        libc::SYS_bpf,
        // Its operations would go past this list.
        libc::SYS_io_uring_setup,
        libc::SYS_keyctl,
        // Older kernels don't keep signals in; a thread may still end its own process.
        libc::SYS_kill,
        libc::SYS_listen,
        libc::SYS_mount,
        libc::SYS_perf_event_open,
        libc::SYS_pidfd_send_signal,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_ptrace,
        libc::SYS_request_key,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_setns,
        libc::SYS_socketpair,
        libc::SYS_tkill,
        libc::SYS_umount2,
        libc::SYS_unshare,
        libc::SYS_userfaultfd,
    ];
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = whole.into_iter().map(|call| (call, vec![])).collect();
    rules.insert(libc::SYS_socket, sockets_but_tcp()?);
    // EACCES: what callers take for "not allowed", and go on.
    let refuse = SeccompAction::Errno(13);
    let filter: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?.try_into()?;
    seccompiler::apply_filter(&filter)?;
    Ok(())
}

/// Every kind of socket but a stream of the internet's: no other program of this computer, and no datagram.
fn sockets_but_tcp() -> seccompiler::Result<Vec<SeccompRule>> {
    /// Without the flags beside it.
    const KIND: u64 = 0xf;
    let argument = |index, how, value: i32| {
        SeccompCondition::new(index, SeccompCmpArgLen::Dword, how, u64::from(value.unsigned_abs()))
    };
    let foreign = SeccompRule::new(vec![
        argument(0, SeccompCmpOp::Ne, libc::AF_INET)?,
        argument(0, SeccompCmpOp::Ne, libc::AF_INET6)?,
    ])?;
    let others = (0..=KIND).filter(|kind| *kind != u64::from(libc::SOCK_STREAM.unsigned_abs()));
    let kinds = others.map(|kind| {
        let is_kind = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(KIND), kind)?;
        Ok(SeccompRule::new(vec![is_kind])?)
    });
    std::iter::once(Ok(foreign)).chain(kinds).collect()
}

/// What a film may take of the machine: memory has an end, and there is neither a file nor a picture of the memory to be written.
fn bound(child: &Child) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let Some(pid) = pid else { return };
    for (resource, most) in [(Resource::Data, MAX_MEMORY_BYTES), (Resource::Fsize, 0), (Resource::Core, 0)] {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        if let Err(error) = prlimit(Some(pid), resource, limit) {
            // One that has ended already needs none.
            debug!(%error, ?resource, "a child has no limit");
        }
    }
}

#[cfg(test)]
#[path = "fence_tests.rs"]
mod tests;
