//! The library's part: its list, and adding to it while others are looked for.

use std::net::TcpListener;
use std::path::Path;
use std::time::Instant;

use crate::client::median;
use crate::line;
use crate::rivals::Freshetd;

const TORRENTS: usize = 2000;
const FILES_EACH: usize = 10;
const RESOLVING: usize = 100;

/// A `.torrent` whose pieces nobody has.
fn torrent_file(n: usize) -> Vec<u8> {
    let file = |k: usize| {
        let name = format!("Show.{n}.S01E{k:02}.1080p.mkv");
        format!("d6:lengthi104857600e4:pathl{}:{name}ee", name.len())
    };
    let files: String = (0..FILES_EACH).map(file).collect();
    let name = format!("Show.{n}.S01.1080p");
    let piece_bytes = 16 << 20;
    let pieces = (FILES_EACH * 104_857_600).div_ceil(piece_bytes);
    let mut out = format!(
        "d4:infod5:filesl{files}e4:name{}:{name}12:piece lengthi{piece_bytes}e6:pieces{}:",
        name.len(),
        pieces * 20
    )
    .into_bytes();
    out.extend(std::iter::repeat_n(b'p', pieces * 20));
    out.extend_from_slice(b"ee");
    out
}

pub(crate) fn list(data: &Path) {
    let ours = Freshetd::start(data);
    for n in 0..TORRENTS {
        let mut form =
            b"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.torrent\"\r\n\r\n".to_vec();
        form.extend(torrent_file(n));
        form.extend_from_slice(b"\r\n--B--\r\n");
        let added = ours.post_form("/torrent/upload", "B", &form);
        assert!(added.contains("\"hash\""), "{added}");
    }
    let mut length = 0;
    let times = (0..21).map(|_| {
        let begin = Instant::now();
        let list = ours.post("/torrents", "{\"action\":\"list\"}");
        let took = begin.elapsed().as_secs_f64() * 1e3;
        assert_eq!(list.matches("\"hash\"").count(), TORRENTS);
        length = list.len();
        took
    });
    let took = median(times.collect());
    line(
        &format!("list of {TORRENTS} torrents with {FILES_EACH} files each ({} KiB)", length >> 10),
        &format!("{took:.1} ms"),
        "",
        None,
        "< 50 ms",
    );
}

pub(crate) fn add(data: &Path) {
    let ours = Freshetd::start(data);
    // A peer that takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = silent.local_addr().unwrap();
    let add = |n: usize| {
        let link = format!("magnet:?xt=urn:btih:{n:040x}&dn=Nobody+has+it&x.pe={peer}");
        let begin = Instant::now();
        let status = ours.post("/torrents", &format!("{{\"action\":\"add\",\"link\":\"{link}\"}}"));
        let took = begin.elapsed().as_secs_f64() * 1e3;
        assert!(status.contains("\"stat\":1,"), "it is looked for: {status}");
        took
    };
    let alone = median((1..=5).map(add).collect());
    for n in 6..=RESOLVING {
        add(n);
    }
    let mut times: Vec<f64> = (RESOLVING + 1..=RESOLVING + 21).map(add).collect();
    times.sort_by(f64::total_cmp);
    line(
        &format!("adding a magnet while {RESOLVING} others are looked for; before"),
        &format!("{:.1} ms", times[10]),
        &format!("{alone:.1} ms"),
        None,
        "< 20 ms",
    );
    line("  the slowest of 21", &format!("{:.1} ms", times[20]), "", None, "< 20 ms");
}
