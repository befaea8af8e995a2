//! Changes texts of a corpus at random, and keeps those to which the program answers in a way that
//! it has not answered before: from these it goes on. With one seed, it does the same again.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::harness::Chance;
use crate::harness::MARKER;

/// So many inputs for each target; `DSCTL_TEST_FUZZ=1000000` tries that many.
const USUAL: usize = 20_000;

const LONGEST: usize = 40_000;

/// Nothing here takes more than a moment; a machine that is busy with other things gets some time.
const HANG: Duration = Duration::from_secs(10);

/// Pieces that mean something to one parser or another.
const WORDS: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "\\",
    ",",
    ":",
    "/",
    "//",
    "?",
    "#",
    "@",
    "%",
    "%25",
    "%00",
    "&",
    "amp;",
    "=",
    "\n",
    "\"\"\"",
    "null",
    "NULL",
    "true",
    "-1",
    "0",
    "1e400",
    "9223372036854775808",
    "4294967296",
    "0x",
    "\\u0000",
    "\\ud800",
    "\u{202e}",
    "\u{1b}[2J",
    "jdbc:",
    "mysql://",
    "StartParams",
    "ProcessInstanceId",
    MARKER,
];

/// The texts of `tests/corpus/<name>`.
pub fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/corpus", name]
        .iter()
        .collect();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

/// Says what was tried when a check fails.
struct Tried<'a>(&'a str, u64, &'a [u8]);

impl Drop for Tried<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "{}: DSCTL_TEST_SEED={}: failed with {:?}",
                self.0,
                self.1,
                String::from_utf8_lossy(self.2)
            );
        }
    }
}

/// Runs `check` with the corpus and what is made of it. What it returns tells one kind of answer
/// from another.
pub fn fuzz(name: &str, mut check: impl FnMut(&[u8]) -> String) {
    let mut chance = Chance::new();
    let (seed, mut pool, mut kinds) = (chance.seed, corpus(name), BTreeSet::new());
    let given = std::env::var("DSCTL_TEST_FUZZ")
        .ok()
        .and_then(|count| count.parse().ok());
    let (total, start) = (given.unwrap_or(USUAL), pool.len());
    assert!(start > 5, "hardly a corpus");
    for number in 0..total.max(start) {
        let input = if number < start {
            pool[number].clone()
        } else {
            mutated(&pool, &mut chance)
        };
        let (tried, began) = (Tried(name, seed, &input), Instant::now());
        let kind = check(&input);
        assert!(began.elapsed() < HANG, "it took {:?}", began.elapsed());
        drop(tried);
        if kinds.insert(kind) && number >= start {
            pool.push(input);
        }
    }
    eprintln!(
        "{name}: DSCTL_TEST_SEED={seed}: {total} inputs, {} kinds of answers, {} kept",
        kinds.len(),
        pool.len()
    );
    assert!(kinds.len() > 3, "all inputs are alike to it: {kinds:?}");
}

/// One of the pool, changed a few times.
pub fn mutated(pool: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = pick(pool, chance).clone();
    for _ in 0..=chance.below(5) {
        change(&mut input, pool, chance);
    }
    input.truncate(LONGEST);
    input
}

fn pick<'a, T>(from: &'a [T], chance: &mut Chance) -> &'a T {
    &from[at(from.len(), chance)]
}

/// A number below `length`, which is not zero.
fn at(length: usize, chance: &mut Chance) -> usize {
    usize::try_from(chance.below(length as u64)).unwrap()
}

fn change(input: &mut Vec<u8>, pool: &[Vec<u8>], chance: &mut Chance) {
    let start = at(input.len() + 1, chance);
    let end = start + at(input.len() - start + 1, chance);
    match chance.below(8) {
        0 if start < input.len() => input[start] ^= 1 << chance.below(8),
        1 => input.insert(start, u8::try_from(chance.below(256)).unwrap()),
        2 => drop(input.drain(start..end)),
        3 => {
            let piece = input[start..end].to_vec();
            let times = if chance.below(8) == 0 { 300 } else { 1 };
            input.splice(
                start..start,
                piece.repeat(times.min(LONGEST / piece.len().max(1))),
            );
        }
        4 => {
            let other = pick(pool, chance);
            let from = at(other.len() + 1, chance);
            input.splice(start..end, other[from..].iter().copied());
        }
        5 => input.truncate(end),
        _ => _ = input.splice(start..start, pick(&WORDS, chance).bytes()),
    }
}

#[test]
fn one_seed_makes_the_same_inputs_and_many_different_ones() {
    let pool = corpus("urls");
    let make = |seed| {
        let mut chance = Chance::of(seed);
        (0..500)
            .map(|_| mutated(&pool, &mut chance))
            .collect::<Vec<_>>()
    };
    assert_eq!(make(7), make(7));
    assert!(make(7).into_iter().collect::<BTreeSet<_>>().len() > 400);
}

#[test]
#[should_panic(expected = "found")]
fn a_fault_is_found() {
    fuzz("addresses", |input| {
        let nulls = String::from_utf8_lossy(input).matches("null").count();
        assert!(nulls < 3, "found");
        // Each step on the way is an answer of its own, so that it is gone on from there, whatever
        // the seed.
        format!("{nulls} {}", input.len().min(20))
    });
}
