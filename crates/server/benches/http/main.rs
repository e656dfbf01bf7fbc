//! How fast the server is, as ratios to nginx and rqbit in the same run: `cargo xtask bench server`.
//!
//! All servers are programs of their own and serve the same file on loopback; the load comes from this process. Every figure
//! is the median of several runs that take turns. nginx runs with `sendfile off`: what it does then is what anybody can do who
//! has to look at the bytes. Its place is the aim, not the limit: it closes no connection after a film, we have to.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at an error and prints what it found"
)]

mod client;
mod library;
mod rivals;

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use freshet_engine::testing::{Seeder, SeederOptions, pattern};
use tokio::runtime::Runtime;

use client::{Target, body, median, small_ranges, ttfb};
use rivals::{Freshetd, Nginx, Rqbit};

const LARGE_BYTES: usize = 512 << 20;
const SMALL_RANGE_BYTES: usize = 64 << 10;
const CROWD: usize = 500;
const CROWD_BYTES: usize = 4 << 20;
const RUNS: usize = 7;

/// A line of the result.
fn line(what: &str, ours: &str, theirs: &str, ratio: Option<f64>, aim: &str) {
    let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    println!("{what:<58} {ours:>12} {theirs:>12} {ratio:>7}  {aim}");
}

fn main() {
    // Cargo says `--bench`; everything else chooses parts by their names.
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_chosen = |part: &str| chosen.is_empty() || chosen.iter().any(|name| name == part);
    let folder = tempfile::tempdir().unwrap();
    println!("{:<58} {:>12} {:>12} {:>7}  aim", "", "freshetd", "other", "ratio");
    if ["range", "small", "crowd", "half-open"].iter().any(|part| is_chosen(part)) {
        let stage = Stage::set(folder.path());
        if is_chosen("range") {
            stage.one_large_range();
        }
        if is_chosen("small") {
            stage.many_small_ranges();
        }
        if is_chosen("crowd") {
            stage.crowd();
        }
        if is_chosen("half-open") {
            stage.half_open();
        }
    }
    if is_chosen("list") {
        library::list(&folder.path().join("list"));
    }
    if is_chosen("add") {
        library::add(&folder.path().join("add"));
    }
}

/// The servers with the same two files: ours has got them from a seeder, which is gone.
struct Stage {
    ours: Freshetd,
    large: [Target; 2],
    crowd: [Target; 2],
    crowd_bytes: Vec<u8>,
    rqbit: Option<(Rqbit, Target)>,
    _nginx: Nginx,
}

impl Stage {
    fn set(folder: &Path) -> Self {
        let films = folder.join("films");
        std::fs::create_dir(&films).unwrap();
        let crowd_bytes = pattern(2, CROWD_BYTES);
        std::fs::write(films.join("crowd.bin"), &crowd_bytes).unwrap();
        std::fs::write(films.join("large.bin"), pattern(1, LARGE_BYTES)).unwrap();
        let ours = Freshetd::start(&folder.join("data"));
        let runtime = Runtime::new().unwrap();
        let torrent = runtime.block_on(async {
            let seeder = Seeder::start(SeederOptions::default()).await.unwrap();
            let torrent = seeder.seed(&films, Some(1 << 20)).await.unwrap();
            ours.post("/torrents", &format!("{{\"action\":\"add\",\"link\":\"{}\"}}", torrent.magnet()));
            let fetch = [1, 2]
                .map(|id| ours.target(&format!("/stream/x?link={}&index={id}&play", torrent.info_hash)));
            tokio::task::spawn_blocking(move || {
                for target in fetch {
                    target.open(None, false).drain();
                }
            })
            .await
            .unwrap();
            seeder.stop().await;
            torrent
        });
        let nginx = Nginx::start(folder, &films);
        let path = |id: u32| ours.target(&format!("/play/{}/{id}", torrent.info_hash));
        let rqbit = Rqbit::start(folder, &films, &torrent.torrent_file).map(|rqbit| {
            let target = rqbit.target("/torrents/0/stream/1");
            (rqbit, target)
        });
        Self {
            large: [path(2), nginx.target("/large.bin")],
            crowd: [path(1), nginx.target("/crowd.bin")],
            crowd_bytes,
            rqbit,
            ours,
            _nginx: nginx,
        }
    }

    fn one_large_range(&self) {
        let mib_per_sec = |target: &Target| {
            let begin = Instant::now();
            let length = target.open(Some(0..LARGE_BYTES), false).drain();
            assert_eq!(length, LARGE_BYTES);
            (length >> 20) as f64 / begin.elapsed().as_secs_f64()
        };
        let mut targets = self.large.to_vec();
        targets.extend(self.rqbit.as_ref().map(|(_, target)| target.clone()));
        let mut speeds = vec![Vec::new(); targets.len()];
        for _ in 0..RUNS {
            for (target, speeds) in targets.iter().zip(&mut speeds) {
                speeds.push(mib_per_sec(target));
            }
        }
        let medians: Vec<f64> = speeds.into_iter().map(median).collect();
        let show = |speed: f64| format!("{speed:.0} MiB/s");
        let what = "one range of 512 MiB";
        line(
            &format!("{what}, nginx without sendfile"),
            &show(medians[0]),
            &show(medians[1]),
            Some(medians[0] / medians[1]),
            ">= 0.5",
        );
        match medians.get(2) {
            Some(rqbit) => {
                line(
                    &format!("{what}, rqbit"),
                    &show(medians[0]),
                    &show(*rqbit),
                    Some(medians[0] / rqbit),
                    ">= 2",
                );
            }
            None => println!("rqbit is not here: {}", rivals::RQBIT_ADVICE),
        }
    }

    fn many_small_ranges(&self) {
        for keeps_alive in [false, true] {
            for connections in [1, 16, 64] {
                let mut rates = [Vec::new(), Vec::new()];
                for _ in 0..3 {
                    for (target, rates) in self.large.iter().zip(&mut rates) {
                        rates.push(small_ranges(
                            target,
                            connections,
                            keeps_alive,
                            SMALL_RANGE_BYTES,
                            LARGE_BYTES,
                            Duration::from_millis(1500),
                        ));
                    }
                }
                let [ours, theirs] = rates.map(median);
                let way = if keeps_alive { "kept alive where the server does" } else { "one request each" };
                line(
                    &format!("ranges of 64 KiB, {connections} connections, {way}"),
                    &format!("{ours:.0}/s"),
                    &format!("{theirs:.0}/s"),
                    Some(ours / theirs),
                    "",
                );
            }
        }
    }

    fn crowd(&self) {
        let before_kib = self.ours.peak_memory_kib();
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..3 {
            for (target, times) in self.crowd.iter().zip(&mut times) {
                let begin = Instant::now();
                // All are connected before the first one reads.
                let barrier = std::sync::Barrier::new(CROWD);
                std::thread::scope(|scope| {
                    for _ in 0..CROWD {
                        let read = || {
                            let mut answer = target.open(None, false);
                            barrier.wait();
                            body(&mut answer, &self.crowd_bytes);
                        };
                        std::thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, read).unwrap();
                    }
                });
                times.push(begin.elapsed().as_secs_f64());
            }
        }
        let [ours, theirs] = times.map(median);
        line(
            "500 readers of 4 MiB at once, every byte compared",
            &format!("{ours:.2} s"),
            &format!("{theirs:.2} s"),
            Some(theirs / ours),
            "",
        );
        line(
            "  peak memory of freshetd, before and after",
            &format!("{} MiB", self.ours.peak_memory_kib() >> 10),
            &format!("{} MiB", before_kib >> 10),
            None,
            "",
        );
    }

    fn half_open(&self) {
        let first_byte = || {
            let mut times: Vec<f64> = (0..20).map(|_| ttfb(&self.large[0]).as_secs_f64() * 1e3).collect();
            times.sort_by(f64::total_cmp);
            (times[10], times[19])
        };
        let (calm, _) = first_byte();
        let held: Vec<_> = (0..200).map(|_| self.large[0].half_open()).collect();
        let (ours, slowest) = first_byte();
        line(
            "first byte while 200 sockets send half a request; before",
            &format!("{ours:.2} ms"),
            &format!("{calm:.2} ms"),
            None,
            "< 200 ms",
        );
        line("  the slowest of 20", &format!("{slowest:.2} ms"), "", None, "< 200 ms");
        for mut socket in held {
            socket.set_nonblocking(true).unwrap();
            let left = socket.read(&mut [0]).unwrap_err();
            assert_eq!(left.kind(), std::io::ErrorKind::WouldBlock, "it was still half open");
        }
    }
}
