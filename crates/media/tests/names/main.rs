//! Names of releases in the styles that people use, and what each of them says.
//!
//! All of `golden/` was written before the first of it was tried. A fixed rule divides it: against one half the parser was made
//! better, the other half was set aside and tells how well it does with names that nobody has tried.

use std::fmt::Write as _;

use freshet_media::names::{ReleaseKind, ReleaseName};

const LISTS: [&str; 7] = [
    include_str!("golden/films.tsv"),
    include_str!("golden/series.tsv"),
    include_str!("golden/anime.tsv"),
    include_str!("golden/russian.tsv"),
    include_str!("golden/europe.tsv"),
    include_str!("golden/music.tsv"),
    include_str!("golden/other.tsv"),
];

/// Written when the parser was done, and tried once then: how well it does with names that it was not made with.
const LATER: &str = include_str!("golden/later.tsv");

struct Golden {
    name: &'static str,
    /// As in the list: kind, title, year, seasons, episodes.
    says: [String; 5],
}

impl Golden {
    /// FNV-1a of the name, its lowest bit.
    fn is_set_aside(&self) -> bool {
        let hash = self.name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        hash & 1 == 1
    }
}

fn golden() -> Vec<Golden> {
    LISTS.iter().flat_map(|list| read(list)).collect()
}

fn read(list: &'static str) -> Vec<Golden> {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [says @ .., name] = fields.as_slice() else { panic!("{line}") };
            let says: Vec<String> = says.iter().map(|field| (*field).to_owned()).collect();
            Golden { name, says: says.try_into().unwrap_or_else(|_| panic!("{line}")) }
        })
        .collect()
}

fn range(first: Option<u32>, last: Option<u32>) -> String {
    match (first, last) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) => format!("{first}-{last}"),
        (None, None) => "-".to_owned(),
        other => panic!("{other:?}"),
    }
}

fn says(name: &ReleaseName) -> [String; 5] {
    let kind = match name.kind {
        ReleaseKind::Film => "film",
        ReleaseKind::Series => "series",
        ReleaseKind::Music => "music",
        ReleaseKind::Other => "other",
    };
    let title = if name.title.is_empty() { "-" } else { &name.title };
    [
        kind.to_owned(),
        title.to_owned(),
        name.year.map_or("-".to_owned(), |year| year.to_string()),
        range(name.first_season, name.last_season),
        range(name.first_episode, name.last_episode),
    ]
}

/// At least 97 of 100 names are right in everything.
fn check(of: &[Golden]) {
    let mut wrong = String::new();
    let mut count = 0;
    for golden in of {
        let found = says(&ReleaseName::of(golden.name));
        // How letters are written is the namer's choice, not what the name says.
        let lower = |says: &[String; 5]| says.each_ref().map(|field| field.to_lowercase());
        if lower(&found) != lower(&golden.says) {
            count += 1;
            let _ = writeln!(
                wrong,
                "{}\n  wanted {}\n  found  {}",
                golden.name,
                golden.says.join(" | "),
                found.join(" | ")
            );
        }
    }
    let right = of.len() - count;
    let summary =
        format!("{right} of {} names are right, {:.1} %", of.len(), 100.0 * right as f64 / of.len() as f64);
    eprintln!("{wrong}{summary}");
    assert!(right * 100 >= of.len() * 97, "{wrong}{summary}");
}

#[test]
fn the_list_is_long_and_divided_in_halves() {
    let all = golden();
    let aside = all.iter().filter(|golden| golden.is_set_aside()).count();
    assert!(all.len() >= 520, "{}", all.len());
    assert!((240..=all.len() - 240).contains(&aside), "{aside} of {}", all.len());
}

#[test]
fn names_that_the_parser_was_made_with_are_read() {
    check(&golden().into_iter().filter(|golden| !golden.is_set_aside()).collect::<Vec<_>>());
}

#[test]
fn names_that_were_set_aside_are_read() {
    check(&golden().into_iter().filter(Golden::is_set_aside).collect::<Vec<_>>());
}

#[test]
fn names_that_were_written_later_are_read() {
    check(&read(LATER));
}
