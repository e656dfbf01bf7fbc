//! How long the names of a large library take: `cargo xtask bench media`.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use freshet_media::names::{ReleaseName, of_torrent};

const LISTS: [&str; 7] = [
    include_str!("../tests/names/golden/films.tsv"),
    include_str!("../tests/names/golden/series.tsv"),
    include_str!("../tests/names/golden/anime.tsv"),
    include_str!("../tests/names/golden/russian.tsv"),
    include_str!("../tests/names/golden/europe.tsv"),
    include_str!("../tests/names/golden/music.tsv"),
    include_str!("../tests/names/golden/other.tsv"),
];

fn main() {
    let lines = LISTS.iter().flat_map(|list| list.lines()).filter(|line| !line.starts_with('#'));
    let names: Vec<&str> = lines.filter_map(|line| line.rsplit('\t').next()).collect();
    let files: Vec<String> =
        (1..=10).map(|number| format!("Show/Show.S01E{number:02}.Title.1080p.WEB-DL.mkv")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("names");
    group.throughput(Throughput::Elements(names.len() as u64));
    group.bench_function("all of the list", |bencher| {
        bencher.iter(|| names.iter().for_each(|name| drop(black_box(ReleaseName::of(name)))));
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("the longest", |bencher| {
        let longest = "Сезон 1 [05] S01E02 - 2012 / ".repeat(20);
        bencher.iter(|| black_box(ReleaseName::of(&longest)));
    });
    group.bench_function("a torrent with ten files", |bencher| {
        bencher.iter(|| black_box(of_torrent("Show.S01.1080p.WEB-DL", &files)));
    });
    group.finish();
    criterion.final_summary();
}
