//! Processes that are killed while they write.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;

use async_trait::async_trait;
use bridge_record::{
    DeliverError, Event, Journal, JournalConfig, Record, Recorder as _, Rejected, Remains, Sink,
};
use bridge_telemetry::{Metrics, discard};
use tokio::task::{JoinSet, spawn_blocking};

use crate::support::{Shelf, alone, ended, given_folder, open, prompt, say, soon, started};

/// How often a process is killed.
const KILLS: usize = 30;
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

/// Kills a process once it has said that this many records are safe, while it goes on writing. Says
/// what it had said until then; the last line may be a half one, and does not count.
async fn killed_behind(mut child: Child, records: usize) -> Vec<String> {
    let reading = spawn_blocking(move || {
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (mut lines, mut safe) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            let Some(whole) = line.strip_suffix('\n') else {
                break;
            };
            safe += usize::from(whole.starts_with("safe "));
            if safe == records {
                child.kill().unwrap();
            }
            lines.push(whole.to_owned());
        }
        child.wait().unwrap();
        assert!(safe >= records, "it ended by itself after {safe} records");
        lines
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
        let lines = killed_behind(spawn(folder.path()), 1 + round * 37 % 100).await;
        safe.extend(named(&lines, "safe").map(str::to_owned));
        delivered.extend(named(&lines, "delivered").map(str::to_owned));
    }

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
