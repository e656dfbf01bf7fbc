use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// A target with a key exchange takes milliseconds.
const SLOW: &str = "mse";

fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names_in(dir: &Path) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    fs::read_dir(dir).unwrap().map(|entry| stem(entry.unwrap().path())).collect()
}

fn seeds_of(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(fuzz_dir().join("corpus").join(name)).unwrap();
    let mut paths: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn every_door_has_a_binary_and_a_corpus() {
    let doors: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in(&fuzz_dir().join("fuzz_targets")), doors);
    assert_eq!(names_in(&fuzz_dir().join("corpus")), doors);
    for name in doors {
        assert!(seeds_of(&name).len() >= 3, "{name}");
    }
}

#[test]
fn no_seed_and_no_part_of_one_makes_a_door_panic() {
    for (name, door) in TARGETS {
        for (_, seed) in seeds_of(name) {
            door(&seed);
            let step = if name == SLOW { 16 } else { 1 };
            (0..seed.len().min(400)).step_by(step).for_each(|end| door(&seed[..end]));
        }
    }
}

#[test]
fn no_seed_with_a_wrong_byte_makes_a_door_panic() {
    for (name, door) in TARGETS {
        for (_, mut seed) in seeds_of(name) {
            let step = if name == SLOW { 16 } else { 1 };
            for at in (0..seed.len().min(400)).step_by(step) {
                let right = seed[at];
                for wrong in [0, 0xff, right ^ 1, right ^ 0x10, b'9'] {
                    seed[at] = wrong;
                    door(&seed);
                }
                seed[at] = right;
            }
        }
    }
}
