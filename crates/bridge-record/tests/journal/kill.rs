//! Processes that are killed while they write.

use std::collections::HashSet;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bridge_record::{
    DeliverError, Event, Journal, JournalConfig, Record, Recorder as _, Rejected, Remains, Sink,
};
use bridge_telemetry::{Metrics, discard};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use crate::support::{Shelf, alone, ended, given_folder, open, prompt, say, soon, started};

/// How often a process is killed.
const KILLS: u64 = 30;
/// How many interceptions a process writes at once.
const WRITERS: usize = 8;

/// Says what it was given.
struct Speaker;

#[async_trait]
impl Sink for Speaker {
    async fn deliver(&self, records: &[Record]) -> Result<Vec<Rejected>, DeliverError> {
        for record in records {
            say("delivered", &record.id);
        }
        Ok(Vec::new())
    }
}

/// How many interceptions a writer writes when nobody kills it.
const FEW: usize = 5;

/// Started by the test below it goes on until it is killed; by itself it comes to an end.
#[tokio::test]
async fn writers_hear_what_is_safe() {
    let config = JournalConfig {
        segment_bytes: 64 << 10,
        ..JournalConfig::default()
    };
    let own = tempfile::tempdir().unwrap();
    let given = given_folder();
    let rounds = given.as_ref().map_or(FEW, |_| usize::MAX);
    let path = given.as_deref().unwrap_or(own.path());
    let (sink, metrics, logger) = (Arc::new(Speaker), Metrics::default(), discard());
    let journal = Journal::open(path, sink, config, metrics, &logger)
        .await
        .unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        writers.spawn(write(journal.clone(), rounds));
    }
    writers.join_all().await;
    assert_eq!(journal.close(soon()).await, Remains::default());
}

async fn write(journal: Journal, rounds: usize) {
    for _ in 0..rounds {
        let first = started();
        let rest = [prompt(first.interception, 700), ended(first.interception)];
        let id = first.id;
        journal.start(first).await.unwrap();
        say("safe", &id);
        rest.iter()
            .for_each(|record| journal.record(record.clone()));
        journal.settle().await;
        for record in rest {
            say("safe", &record.id);
        }
    }
}

fn spawn(folder: &Path) -> Child {
    let mut program = Command::new(std::env::current_exe().unwrap());
    alone(&mut program, "kill::writers_hear_what_is_safe", folder)
}

/// What a process said until it was killed; the last line may be a half one.
async fn said(child: Child) -> Vec<String> {
    let reading = spawn_blocking(move || {
        let mut child = child;
        let mut text = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        child.wait().unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    });
    reading.await.unwrap()
}

fn named<'l>(lines: &'l [String], word: &str) -> impl Iterator<Item = &'l str> {
    let word = format!("{word} ");
    lines
        .iter()
        .filter_map(move |line| line.strip_prefix(&word))
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_safe() {
    let folder = tempfile::tempdir().unwrap();
    let (mut safe, mut delivered) = (HashSet::new(), HashSet::new());
    for round in 0..KILLS {
        let mut child = spawn(folder.path());
        // Any instant will do, so nothing is waited for.
        sleep(Duration::from_millis(20 + round * 7 % 60)).await;
        child.kill().unwrap();
        let lines = said(child).await;
        safe.extend(named(&lines, "safe").map(str::to_owned));
        delivered.extend(named(&lines, "delivered").map(str::to_owned));
    }
    assert!(
        safe.len() > 100,
        "only {} records in {KILLS} rounds",
        safe.len()
    );

    let shelf = Shelf::there();
    let journal = open(folder.path(), &shelf, JournalConfig::default())
        .await
        .unwrap();
    let recovery = journal.recovery().clone();
    assert!(
        recovery.damaged.is_empty() && recovery.missing.is_empty(),
        "{recovery:?}"
    );
    assert_eq!(journal.flush(soon()).await, 0);
    let records = shelf.records();
    delivered.extend(records.iter().map(|record| record.id.to_string()));
    let lost: Vec<_> = safe.difference(&delivered).collect();
    assert!(lost.is_empty(), "{} of {} are lost", lost.len(), safe.len());
    // In order within an interception: nothing follows an end.
    let mut over = HashSet::new();
    for record in &records {
        let is_first_end =
            matches!(record.event, Event::Ended(_)) && over.insert(record.interception);
        assert!(
            is_first_end || !over.contains(&record.interception),
            "{record:?}"
        );
    }
}
