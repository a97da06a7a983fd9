//! A disk that answers later than anybody waits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bridge_record::{
    BatcherConfig, Durability, Journal, JournalConfig, Record, Recorder as _, Remains,
};
use tokio::task::JoinSet;

use crate::support::{Shelf, ended, open, prompt, soon, started};

/// How many interceptions are written at once, and how many by each writer.
const WRITERS: usize = 8;
const ROUNDS: usize = 40;

/// Nobody waits for any disk, so that each one is one that does not answer, and does a little
/// later.
fn impatient() -> JournalConfig {
    JournalConfig {
        durability: Durability::Relaxed,
        segment_bytes: 8 << 10,
        disk_patience: Duration::ZERO,
        group_interval: Duration::ZERO,
        delivery: BatcherConfig {
            linger: Duration::ZERO,
            batch_records: 3,
            ..BatcherConfig::default()
        },
        ..JournalConfig::default()
    }
}

async fn write(journal: Journal) -> Vec<Record> {
    let mut sent = Vec::new();
    for _ in 0..ROUNDS {
        let first = started();
        let rest = [prompt(first.interception, 700), ended(first.interception)];
        journal.start(first.clone()).await.unwrap();
        rest.iter()
            .for_each(|record| journal.record(record.clone()));
        journal.settle().await;
        sent.push(first);
        sent.extend(rest);
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_answers_late_loses_nothing_and_changes_no_order() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::there();
    let journal = open(folder.path(), &shelf, impatient()).await.unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        writers.spawn(write(journal.clone()));
    }
    let sent = writers.join_all().await.concat();
    assert_eq!(journal.close(soon()).await, Remains::default());
    check(&shelf, &sent);
}

/// Everything was delivered, and of each interception in order.
fn check(shelf: &Arc<Shelf>, sent: &[Record]) {
    let mut delivered: HashMap<_, Vec<_>> = HashMap::new();
    for record in shelf.records() {
        let of_it = delivered.entry(record.interception).or_default();
        of_it.push(record.id);
    }
    for of_one in sent.chunks(3) {
        let ids: Vec<_> = of_one.iter().map(|record| record.id).collect();
        let interception = of_one.first().unwrap().interception;
        assert_eq!(delivered.get(&interception), Some(&ids));
    }
}
