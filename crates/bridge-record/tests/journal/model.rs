//! Random writes and random ends of the process: what is found afterwards is what was safe, or
//! that and a part of what was being written, and never anything else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bridge_record::{BatcherConfig, Event, JournalConfig, Record, Recorder as _};
use proptest::prelude::*;
use proptest::sample::Index;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{Shelf, ended, open, prompt, soon, started};

/// Every file of a journal, by name.
type Files = BTreeMap<String, Vec<u8>>;

/// A journal as it was when everything up to a record was safe.
struct Moment {
    safe: usize,
    files: Files,
}

/// What a file holds behind the place where the process ended.
#[derive(Debug, Clone)]
enum Tail {
    Nothing,
    /// The file was made longer, and its bytes never came.
    Zeros,
    Garbage(u8),
    /// Later bytes came, but these did not.
    Hole(Index),
}

fn tail() -> impl Strategy<Value = Tail> {
    prop_oneof![
        Just(Tail::Nothing),
        Just(Tail::Zeros),
        any::<u8>().prop_map(Tail::Garbage),
        any::<Index>().prop_map(Tail::Hole),
    ]
}

fn segments(folder: &Path) -> Files {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            files.insert(name, fs::read(path).unwrap());
        }
    }
    files
}

/// Waits for nobody.
fn hurried() -> JournalConfig {
    JournalConfig {
        group_interval: Duration::ZERO,
        group_patience: Duration::ZERO,
        delivery: BatcherConfig {
            linger: Duration::ZERO,
            ..BatcherConfig::default()
        },
        ..JournalConfig::default()
    }
}

/// Writes one group after the other and remembers each moment at which all was safe.
async fn write(
    folder: &Path,
    groups: &[Vec<u16>],
    segment_bytes: u64,
) -> (Vec<Record>, Vec<Moment>) {
    let config = JournalConfig {
        segment_bytes,
        // Nothing is written before somebody waits for it, so that each group is one write.
        group_patience: Duration::from_secs(60),
        ..hurried()
    };
    let journal = open(folder, &Shelf::away(), config).await.unwrap();
    let mut taken = Vec::new();
    let mut moments = vec![Moment {
        safe: 0,
        files: Files::new(),
    }];
    let mut open_one: Option<Record> = None;
    for group in groups {
        if let Some(begun) = open_one.take() {
            let mut rest: Vec<_> = group
                .iter()
                .map(|length| prompt(begun.interception, usize::from(*length)))
                .collect();
            rest.push(ended(begun.interception));
            rest.iter()
                .for_each(|record| journal.record(record.clone()));
            journal.settle().await;
            taken.extend(rest);
        } else {
            let first = started();
            journal.start(first.clone()).await.unwrap();
            taken.push(first.clone());
            open_one = Some(first);
        }
        let files = segments(folder);
        moments.push(Moment {
            safe: taken.len(),
            files,
        });
    }
    (taken, moments)
}

/// The files as they are when the process ends while it goes from one moment to the next.
fn crash(before: &Files, after: &Files, at: &Index, tail: &Tail) -> Files {
    let grown = |name: &String| after[name].len() - before.get(name).map_or(0, Vec::len);
    let written: usize = after.keys().map(grown).sum();
    let mut left = at.index(written + 1);
    let mut files = Files::new();
    for (name, bytes) in after {
        let safe = before.get(name).map_or(0, Vec::len);
        let cut = safe + left.min(bytes.len() - safe);
        let is_last = cut < bytes.len();
        left -= cut - safe;
        let mut file = bytes.get(..cut).unwrap().to_vec();
        if is_last {
            end_file(&mut file, bytes, safe, tail);
        }
        if safe > 0 || !file.is_empty() {
            files.insert(name.clone(), file);
        }
        // The next file is made when this one is whole.
        if is_last {
            break;
        }
    }
    files
}

fn end_file(file: &mut Vec<u8>, whole: &[u8], safe: usize, tail: &Tail) {
    match tail {
        Tail::Nothing => {}
        Tail::Zeros => file.resize(whole.len(), 0),
        Tail::Garbage(seed) => {
            let missing = whole.len() - file.len();
            file.extend(
                (0..=u8::MAX)
                    .cycle()
                    .map(|at| at.wrapping_mul(31) ^ seed)
                    .take(missing),
            );
        }
        // A header is synced by itself.
        Tail::Hole(_) if safe == 0 => {}
        Tail::Hole(until) => {
            let missing = whole.len() - file.len();
            let hole = until.index(missing) + 1;
            file.resize(file.len() + hole, 0);
            file.extend(whole.get(file.len()..).unwrap());
        }
    }
}

fn put(files: &Files) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// What the next process delivers, and whether it says that something is damaged.
async fn next(folder: &Path, shelf: &Arc<Shelf>) -> (Vec<Record>, bool) {
    let journal = open(folder, shelf, hurried()).await.unwrap();
    let recovery = journal.recovery().clone();
    let _remains = journal.close(soon()).await;
    let is_damaged = !recovery.damaged.is_empty() || !recovery.missing.is_empty();
    (own(shelf.records()), is_damaged)
}

/// Without the ends that were added for interceptions that were left open.
fn own(records: Vec<Record>) -> Vec<Record> {
    let is_added = |record: &Record| match &record.event {
        Event::Ended(end) => end.error_message.is_some(),
        Event::Started(_)
        | Event::Tokens(_)
        | Event::Prompt(_)
        | Event::Tool(_)
        | Event::Thought(_) => false,
    };
    records
        .into_iter()
        .filter(|record| !is_added(record))
        .collect()
}

fn is_subsequence(of: &[Record], records: &[Record]) -> bool {
    let mut rest = of.iter();
    records
        .iter()
        .all(|record| rest.any(|other| other == record))
}

fn groups() -> impl Strategy<Value = Vec<Vec<u16>>> {
    prop::collection::vec(prop::collection::vec(0_u16..3_000, 0..4), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_process_that_ends_anywhere_loses_nothing_that_was_safe(
        groups in groups(),
        segment_bytes in 4_096_u64..20_000,
        crashes in prop::collection::vec((any::<Index>(), any::<Index>(), tail()), 6),
    ) {
        Runtime::new().unwrap().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let (taken, moments) = write(folder.path(), &groups, segment_bytes).await;
            for (when, at, tail) in crashes {
                let when = when.index(moments.len() - 1);
                let (before, after) = (&moments[when], &moments[when + 1]);
                let files = crash(&before.files, &after.files, &at, &tail);
                let folder = put(&files);
                let (found, is_damaged) = next(folder.path(), &Shelf::there()).await;
                prop_assert!(!is_damaged, "a torn tail was taken for damage");
                prop_assert!(found.len() >= before.safe, "{} of {}", found.len(), before.safe);
                prop_assert_eq!(&found[..before.safe], &taken[..before.safe]);
                prop_assert!(is_subsequence(&taken[..after.safe], &found), "a phantom");
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_damaged_byte_costs_one_record_at_most_and_is_told(
        groups in groups(),
        segment_bytes in 4_096_u64..20_000,
        flips in prop::collection::vec((any::<Index>(), any::<Index>(), 0..8_u32), 6),
    ) {
        Runtime::new().unwrap().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let (taken, moments) = write(folder.path(), &groups, segment_bytes).await;
            let files = &moments.last().unwrap().files;
            for (file, place, bit) in flips {
                let name = file.get(&files.keys().collect::<Vec<_>>()).to_owned().clone();
                let mut damaged = files.clone();
                let bytes = damaged.get_mut(&name).unwrap();
                let place = place.index(bytes.len());
                bytes[place] ^= 1 << bit;
                let folder = put(&damaged);
                // It is told once, and what is whole is there as often as it is asked for.
                let (nothing, is_damaged) = next(folder.path(), &Shelf::away()).await;
                let (found, is_damaged_again) = next(folder.path(), &Shelf::there()).await;
                prop_assert!(nothing.is_empty() && !is_damaged_again, "it was told twice");
                prop_assert!(found.len() + 1 >= taken.len(), "{} of {}", found.len(), taken.len());
                prop_assert!(is_subsequence(&taken, &found), "a phantom, or another order");
                // The last group may be one that was being written.
                let is_last = Some(&name) == files.keys().last();
                let last_group = moments[moments.len() - 2].files.get(&name).map_or(0, Vec::len);
                prop_assert!(is_damaged || is_last && place >= last_group, "it was not told");
                if is_damaged {
                    let aside = fs::read(folder.path().join("damaged").join(&name)).unwrap();
                    prop_assert_eq!(&aside, &damaged[&name]);
                }
            }
            Ok(())
        })?;
    }
}
