//! wanem: netem in user space, for kernels built without sch_netem.
//!
//!   wanem <netnsA> <tunA> <netnsB> <tunB> <links.conf>
//!
//! Opens one TUN device in each network namespace and forwards IP packets between them. Side A is
//! the client, side B the swarm. Every B-side address has its own link:
//!
//!   # addr        rtt_ms  up_kbit(B->A)  down_kbit(A->B)  loss_pct  queue_ms  jitter_ms
//!   10.7.0.11     80      5000           20000            0.1       120       4
//!   default       50      10000          20000            0         120       0
//!   access        0       100000         20000            0         120       0
//!
//! `access` (optional) is the client's own line, shared by all links: up_kbit there is the client's
//! downlink. Per link and direction: a token-less FIFO server (departure = max(now, free) + size/rate),
//! tail drop when the backlog exceeds queue_ms, then a fixed propagation delay of rtt/2 (+ uniform
//! jitter that never reorders a link). SIGHUP rereads the file: links can change while traffic flows.
//! Rate 0 = unlimited; up_kbit < 0 = black hole. Counters go to <links.conf>.stats on SIGUSR1 and at exit.
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

static RELOAD: AtomicBool = AtomicBool::new(false);
static DUMP: AtomicBool = AtomicBool::new(false);
static STOP: AtomicBool = AtomicBool::new(false);

extern "C" fn on_signal(sig: i32) {
    match sig {
        libc::SIGHUP => RELOAD.store(true, Ordering::Relaxed),
        libc::SIGUSR1 => DUMP.store(true, Ordering::Relaxed),
        _ => STOP.store(true, Ordering::Relaxed),
    }
}

fn open_tun(ns: &str, dev: &str) -> i32 {
    let here = File::open("/proc/thread-self/ns/net").expect("own netns");
    let there = File::open(format!("/run/netns/{ns}")).unwrap_or_else(|e| panic!("netns {ns}: {e}"));
    unsafe {
        assert_eq!(libc::setns(there.as_raw_fd(), libc::CLONE_NEWNET), 0, "setns {ns}");
        let path = CString::new("/dev/net/tun").unwrap();
        let fd = libc::open(path.as_ptr(), libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC);
        assert!(fd >= 0, "open /dev/net/tun");
        let mut ifr: libc::ifreq = std::mem::zeroed();
        for (i, b) in dev.bytes().enumerate().take(15) {
            ifr.ifr_name[i] = b as libc::c_char;
        }
        const IFF_TUN: i16 = 0x0001;
        const IFF_NO_PI: i16 = 0x1000;
        const TUNSETIFF: libc::c_ulong = 0x400454ca;
        ifr.ifr_ifru.ifru_flags = IFF_TUN | IFF_NO_PI;
        assert!(libc::ioctl(fd, TUNSETIFF as _, &mut ifr) >= 0, "TUNSETIFF {dev}: {}", std::io::Error::last_os_error());
        assert_eq!(libc::setns(here.as_raw_fd(), libc::CLONE_NEWNET), 0, "setns back");
        fd
    }
}

#[derive(Clone, Copy, Debug)]
struct Cfg {
    delay_ns: u64,
    rate: [f64; 2], // bytes per ns; [A->B, B->A]; 0 = unlimited, <0 = black hole
    loss: f64,
    queue_ns: u64,
    jitter_ns: u64,
}

#[derive(Default, Clone, Copy)]
struct Dir {
    free: u64,
    last: u64,
    pkts: u64,
    bytes: u64,
    dropped: u64,
}

struct Link {
    cfg: Cfg,
    dir: [Dir; 2],
}

type Key = std::net::Ipv6Addr;

/// The address of one end of a packet; those of IPv4 in their mapped form.
fn end(packet: &[u8], is_source: bool) -> Option<Key> {
    match packet.first()? >> 4 {
        4 => {
            let at = if is_source { 12 } else { 16 };
            let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
            Some(std::net::Ipv4Addr::from(octets).to_ipv6_mapped())
        }
        6 => {
            let at = if is_source { 8 } else { 24 };
            let octets: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
            // What finds neighbors and routers stays on its own side.
            Some(octets.into()).filter(|address: &Key| !address.is_multicast())
        }
        _ => None,
    }
}

fn parse(path: &str) -> (HashMap<Key, Cfg>, Cfg, Option<Cfg>) {
    let mut map = HashMap::new();
    let mut default = Cfg { delay_ns: 25_000_000, rate: [0.0, 0.0], loss: 0.0, queue_ns: 120_000_000, jitter_ns: 0 };
    let mut access = None;
    for line in std::fs::read_to_string(path).expect("links file").lines() {
        let line = line.split('#').next().unwrap().trim();
        let f: Vec<&str> = line.split_whitespace().collect();
        if f.len() < 4 {
            continue;
        }
        let n = |i: usize| f.get(i).and_then(|s| s.parse::<f64>().ok()).unwrap_or(0.0);
        let cfg = Cfg {
            delay_ns: (n(1) * 0.5e6) as u64,
            rate: [n(3) / 8e6, n(2) / 8e6],
            loss: n(4) / 100.0,
            queue_ns: if f.len() > 5 { (n(5) * 1e6) as u64 } else { 120_000_000 },
            jitter_ns: (n(6) * 1e6) as u64,
        };
        match f[0] {
            "default" => default = cfg,
            "access" => access = Some(cfg),
            a => {
                let key = match a.parse().expect("address") {
                    std::net::IpAddr::V4(address) => address.to_ipv6_mapped(),
                    std::net::IpAddr::V6(address) => address,
                };
                map.insert(key, cfg);
            }
        }
    }
    (map, default, access)
}

struct Rng(u64);
impl Rng {
    fn f(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Passes one packet through a FIFO server; None = dropped, else the departure time.
fn serve(cfg: &Cfg, d: &mut Dir, way: usize, at: u64, len: usize) -> Option<u64> {
    let rate = cfg.rate[way];
    if rate < 0.0 {
        d.dropped += 1;
        return None;
    }
    if rate == 0.0 {
        return Some(at);
    }
    let start = d.free.max(at);
    if start - at > cfg.queue_ns {
        d.dropped += 1;
        return None;
    }
    d.free = start + (len as f64 / rate) as u64;
    Some(d.free)
}

fn main() {
    let a: Vec<String> = std::env::args().collect();
    if a.len() != 6 {
        eprintln!("usage: wanem <netnsA> <tunA> <netnsB> <tunB> <links.conf>");
        std::process::exit(2);
    }
    let fds = [open_tun(&a[1], &a[2]), open_tun(&a[3], &a[4])];
    unsafe {
        for s in [libc::SIGHUP, libc::SIGUSR1, libc::SIGTERM, libc::SIGINT] {
            libc::signal(s, on_signal as *const () as usize);
        }
        libc::prctl(libc::PR_SET_TIMERSLACK, 1);
    }
    let (mut table, mut default, mut access) = parse(&a[5]);
    let mut acc = [Dir::default(); 2];
    let mut links: HashMap<Key, Link> = HashMap::new();
    let mut rng = Rng(0x9E3779B97F4A7C15);
    let t0 = Instant::now();
    // (due time, sequence, destination side, still has to cross the client's access line) -> packet
    let mut heap: BinaryHeap<Reverse<(u64, u64, usize, bool)>> = BinaryHeap::new();
    let mut store: HashMap<u64, Vec<u8>> = HashMap::new();
    let mut spare: Vec<Vec<u8>> = Vec::new();
    let mut seq = 0u64;
    let mut buf = vec![0u8; 65536];
    println!("ready");
    loop {
        let now = t0.elapsed().as_nanos() as u64;
        while let Some(Reverse((due, id, side, line))) = heap.peek().copied() {
            if due > now {
                break;
            }
            heap.pop();
            let p = store.remove(&id).unwrap();
            if let (true, Some(c)) = (line, &access) {
                if let Some(t) = serve(c, &mut acc[1], 1, due, p.len()) {
                    store.insert(id, p);
                    heap.push(Reverse((t, id, side, false)));
                }
                continue;
            }
            unsafe { libc::write(fds[side], p.as_ptr() as *const _, p.len()) };
            if spare.len() < 4096 {
                spare.push(p);
            }
        }
        for way in 0..2 {
            // way 0: read side A (client), send to B; way 1: the other way
            for _ in 0..64 {
                let n = unsafe { libc::read(fds[way], buf.as_mut_ptr() as *mut _, buf.len()) };
                if n <= 0 {
                    break;
                }
                let len = n as usize;
                let Some(key) = end(&buf[..len], way == 1) else { continue };
                let link = links.entry(key).or_insert_with(|| Link {
                    cfg: table.get(&key).copied().unwrap_or(default),
                    dir: [Dir::default(); 2],
                });
                let now = t0.elapsed().as_nanos() as u64;
                let cfg = link.cfg;
                let d = &mut link.dir[way];
                if cfg.loss > 0.0 && rng.f() < cfg.loss {
                    d.dropped += 1;
                    continue;
                }
                // client -> swarm crosses the access line first; swarm -> client crosses it last
                let mut at = now;
                if way == 0 {
                    if let Some(c) = &access {
                        match serve(c, &mut acc[0], 0, at, len) {
                            Some(t) => at = t,
                            None => continue,
                        }
                    }
                }
                let Some(mut due) = serve(&cfg, d, way, at, len) else { continue };
                due += cfg.delay_ns;
                if cfg.jitter_ns > 0 {
                    due += (rng.f() * cfg.jitter_ns as f64) as u64;
                }
                due = due.max(d.last);
                d.last = due;
                d.pkts += 1;
                d.bytes += len as u64;
                let mut p = spare.pop().unwrap_or_default();
                p.clear();
                p.extend_from_slice(&buf[..len]);
                seq += 1;
                store.insert(seq, p);
                heap.push(Reverse((due, seq, 1 - way, way == 1 && access.is_some())));
            }
        }
        if RELOAD.swap(false, Ordering::Relaxed) {
            (table, default, access) = parse(&a[5]);
            for (k, l) in links.iter_mut() {
                l.cfg = table.get(k).copied().unwrap_or(default);
                l.dir.iter_mut().for_each(|d| d.free = 0);
            }
        }
        let stop = STOP.load(Ordering::Relaxed);
        if DUMP.swap(false, Ordering::Relaxed) || stop {
            let mut out = String::from("# addr  a2b_pkts a2b_bytes a2b_drop  b2a_pkts b2a_bytes b2a_drop\n");
            for (k, l) in &links {
                out += &format!(
                    "{} {} {} {} {} {} {}\n",
                    k.to_canonical(), l.dir[0].pkts, l.dir[0].bytes, l.dir[0].dropped,
                    l.dir[1].pkts, l.dir[1].bytes, l.dir[1].dropped
                );
            }
            let _ = std::fs::write(format!("{}.stats", a[5]), out);
            if stop {
                return;
            }
        }
        let now = t0.elapsed().as_nanos() as u64;
        let wait = match heap.peek() {
            Some(Reverse((due, ..))) => due.saturating_sub(now).min(200_000_000),
            None => 200_000_000,
        };
        let ts = libc::timespec { tv_sec: 0, tv_nsec: wait as _ };
        let mut pfd = [0, 1].map(|i| libc::pollfd { fd: fds[i], events: libc::POLLIN, revents: 0 });
        unsafe { libc::ppoll(pfd.as_mut_ptr(), 2, &ts, std::ptr::null()) };
    }
}
