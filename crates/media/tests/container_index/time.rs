//! From moments to bytes and back, over a film whose bit rate is anything but even.

use std::time::Duration;

use freshet_media::index::read_index;

use crate::clips::{H264, clip, is_near, packets};
use crate::read;

/// Noise in its middle third makes that part many times as large.
const UNEVEN: [&str; 4] = ["-vf", "noise=alls=90:allf=t:enable='between(t,20,40)'", "-crf", "30"];

#[test]
fn bit_rates_follow_the_packets() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["film.mkv", "film.mp4"] {
        let path = clip(folder.path(), name, 60, &[&H264[..], &UNEVEN].concat());
        let index = read(&path).index.time_index.unwrap();

        let rates = index.bit_rates(Duration::from_secs(4));

        assert!(rates.windows(2).all(|pair| pair[0].span.end == pair[1].span.start));
        let rate_at = |secs| {
            let at = Duration::from_secs(secs);
            rates.iter().find(|rate| rate.span.contains(&at)).unwrap().bits_per_second
        };
        assert!(rate_at(30) > 4.0 * rate_at(10), "{name}: {rates:?}");
        assert!(rate_at(30) > 4.0 * rate_at(50), "{name}: {rates:?}");
        let bits: f64 =
            rates.iter().map(|it| (it.span.end - it.span.start).as_secs_f64() * it.bits_per_second).sum();
        let file_bits = std::fs::metadata(&path).unwrap().len() as f64 * 8.0;
        assert!((0.95..=1.0).contains(&(bits / file_bits)), "{name}: {}", bits / file_bits);
    }
}

#[test]
fn bytes_become_moments_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["film.mkv", "film.mp4"] {
        let path = clip(folder.path(), name, 60, &[&H264[..], &UNEVEN].concat());
        let index = read(&path).index.time_index.unwrap();
        let all = packets(&path, "v");

        for packet in &all {
            let located = index.time_at(packet.byte);
            let within = if located.is_exact { Duration::from_micros(1) } else { Duration::from_secs(1) };
            assert!(is_near(located.value, packet.time, within), "{name}: {located:?} {packet:?}");
            let back = index.byte_at(packet.time);
            let around = index.time_at(back.value);
            assert!(is_near(around.value, packet.time, Duration::from_millis(1)), "{name}: {around:?}");
        }
        for packet in all.iter().filter(|packet| packet.is_key) {
            let sync = index.sync_before(packet.time + Duration::from_millis(100)).unwrap();
            assert!(is_near(sync.time, packet.time, Duration::from_millis(1)), "{name}");
        }
        // By the share of bytes alone, as without an index, it would be elsewhere.
        let length = std::fs::metadata(&path).unwrap().len() as f64;
        let naive = |byte: u64| Duration::from_secs_f64(60.0 * byte as f64 / length);
        assert!(all.iter().any(|it| !is_near(naive(it.byte), it.time, Duration::from_secs(8))), "{name}");
    }
}

#[tokio::test]
async fn an_index_is_read_through_any_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["film.mkv", "film.mp4"] {
        let path = clip(folder.path(), name, 20, &H264);
        let mut file = tokio::fs::File::open(&path).await.unwrap();
        let file_bytes = file.metadata().await.unwrap().len();

        assert_eq!(read_index(&mut file, file_bytes).await.unwrap(), read(&path).index);
    }
}
