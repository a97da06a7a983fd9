//! Disks that refuse and journals that are full.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bridge_record::{
    Durability, Event, Journal, JournalConfig, JournalState, Outcome, RecordError, Recorder as _,
    Remains, Sink,
};
use bridge_telemetry::{Metrics, discard};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::support::{
    LOOK_AGAIN, PATIENCE, Shelf, alone, ended, given_folder, open, prompt, say, soon, started,
};

/// A journal's folder on a disk that can be taken away.
struct Disk {
    base: TempDir,
}

impl Disk {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("disk")).unwrap();
        let disk = Self { base };
        symlink("disk", disk.folder()).unwrap();
        disk
    }

    fn folder(&self) -> PathBuf {
        self.base.path().join("journal")
    }

    fn point_to(&self, target: &str) {
        fs::remove_file(self.folder()).unwrap();
        symlink(target, self.folder()).unwrap();
    }

    /// From now on no file can be made in the folder.
    fn take_away(&self) {
        self.point_to("nowhere");
    }

    fn bring_back(&self) {
        self.point_to("disk");
    }
}

/// Each group fills a segment, so that each needs a new file.
fn config(durability: Durability) -> JournalConfig {
    JournalConfig {
        durability,
        segment_bytes: 1,
        ..JournalConfig::default()
    }
}

async fn until(journal: &Journal, is_so: impl Fn(&JournalState) -> bool) {
    let waiting = async {
        while !is_so(&journal.state()) {
            sleep(LOOK_AGAIN).await;
        }
    };
    if timeout(PATIENCE, waiting).await.is_err() {
        panic!("the state stays {:?}", journal.state());
    }
}

#[tokio::test]
async fn strict_refuses_new_work_while_the_disk_does_and_delivers_the_rest_from_memory() {
    let disk = Disk::new();
    let shelf = Shelf::there();
    let journal = open(&disk.folder(), &shelf, config(Durability::Strict))
        .await
        .unwrap();
    let first = started();
    let interception = first.interception;
    journal.start(first).await.unwrap();

    disk.take_away();
    journal.record(prompt(interception, 5_000));
    journal.settle().await;
    assert_eq!(journal.state().as_str(), "failing");
    let refused = journal.start(started()).await.unwrap_err();
    assert!(matches!(refused, RecordError::Failing { .. }), "{refused}");
    journal.record(ended(interception));
    assert_eq!(journal.flush(soon()).await, 0);
    assert_eq!(shelf.records().len(), 3);

    // Nothing waits to be written any more, and still it is found out that the disk is back.
    disk.bring_back();
    until(&journal, |state| *state == JournalState::Healthy).await;
    journal.start(started()).await.unwrap();
    assert_eq!(journal.close(soon()).await, Remains::default());
    assert_eq!(shelf.records().len(), 4);
}

#[tokio::test]
async fn an_end_that_was_delivered_from_memory_is_not_made_up_by_the_next_start() {
    let disk = Disk::new();
    let shelf = Shelf::there();
    let journal = open(&disk.folder(), &shelf, config(Durability::Strict))
        .await
        .unwrap();
    let (first, open_one) = (started(), started());
    let interception = first.interception;
    journal.start(open_one.clone()).await.unwrap();
    journal.start(first).await.unwrap();
    disk.take_away();
    journal.record(prompt(interception, 5_000));
    journal.record(ended(interception));
    journal.settle().await;
    assert_eq!(journal.flush(soon()).await, 0);
    disk.bring_back();
    assert_eq!(journal.close(soon()).await, Remains::default());

    let journal = open(&disk.folder(), &shelf, config(Durability::Strict))
        .await
        .unwrap();
    assert_eq!(journal.recovery().left_open, 1);
    assert_eq!(journal.flush(soon()).await, 0);
    let last = shelf.records().pop().unwrap();
    assert_eq!(last.interception, open_one.interception);
    assert_eq!(shelf.records().len(), 5);
}

#[tokio::test]
async fn what_a_disk_refused_is_written_when_it_is_back() {
    let disk = Disk::new();
    let away = Shelf::away();
    let journal = open(&disk.folder(), &away, config(Durability::Relaxed))
        .await
        .unwrap();
    let mut sent = Vec::new();
    for round in 0..6 {
        if round == 2 {
            disk.take_away();
        }
        if round == 4 {
            disk.bring_back();
        }
        let first = started();
        let rest = [prompt(first.interception, 5_000), ended(first.interception)];
        journal.start(first.clone()).await.unwrap();
        rest.iter()
            .for_each(|record| journal.record(record.clone()));
        journal.settle().await;
        sent.push(first);
        sent.extend(rest);
    }
    until(&journal, |state| *state == JournalState::Healthy).await;
    let remains = journal.close(soon()).await;
    assert_eq!((remains.on_disk, remains.lost), (18, 0));
    let shelf = Shelf::there();
    let journal = open(&disk.folder(), &shelf, config(Durability::Relaxed))
        .await
        .unwrap();
    assert_eq!(journal.flush(soon()).await, 0);
    assert_eq!(shelf.records(), sent);
    assert!(journal.recovery().damaged.is_empty() && journal.recovery().missing.is_empty());
}

#[tokio::test]
async fn a_segment_that_cannot_be_read_for_a_moment_is_not_passed_over() {
    let disk = Disk::new();
    let away = Shelf::away();
    let journal = open(&disk.folder(), &away, config(Durability::Strict))
        .await
        .unwrap();
    for _ in 0..4 {
        let first = started();
        let interception = first.interception;
        journal.start(first).await.unwrap();
        journal.record(prompt(interception, 5_000));
        journal.record(ended(interception));
        journal.settle().await;
    }
    let remains = journal.close(soon()).await;
    assert_eq!((remains.on_disk, remains.lost), (12, 0));

    let journal = open(&disk.folder(), &away, config(Durability::Strict))
        .await
        .unwrap();
    disk.take_away();
    away.come_back();
    // The next segment is read as soon as this one is delivered. The first may be read or not.
    let reading = async {
        while away.records().is_empty() && journal.status().damaged == 0 {
            sleep(LOOK_AGAIN).await;
        }
    };
    let _either = timeout(LOOK_AGAIN * 40, reading).await;
    disk.bring_back();
    assert_eq!(journal.flush(soon()).await, 0);
    assert_eq!(away.records().len(), 12);
    assert_eq!(journal.status().damaged, 0);
}

/// Runs a test by itself where files grow to so many blocks only. Says what it said.
async fn with_small_files(blocks: u32, test: &'static str, folder: &Path) -> String {
    // The shell ignores the signal that tells of it, and so does what it starts.
    let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let path = folder.to_owned();
    let output = tokio::task::spawn_blocking(move || {
        let mut program = Command::new("sh");
        program
            .args(["-c", &limited])
            .arg(std::env::current_exe().unwrap());
        alone(&mut program, test, &path).wait_with_output().unwrap()
    });
    let output = output.await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    told
}

/// Started by the test below, its files hold their headers and no more.
#[tokio::test]
async fn segments_without_records_do_not_pile_up() {
    let own = tempfile::tempdir().unwrap();
    let given = given_folder();
    let path = given.as_deref().unwrap_or(own.path());
    let metrics = Metrics::default();
    let (away, config) = (Shelf::away(), JournalConfig::default());
    let journal = Journal::open(path, away, config, metrics.clone(), &discard())
        .await
        .unwrap();
    let first = started();
    // Nothing of this is acknowledged, so that nothing of it is given back.
    journal.record(first.clone());
    journal.settle().await;
    journal.record(prompt(first.interception, 9_000));
    journal.settle().await;
    if given.is_none() {
        return;
    }
    let failures = || {
        let told = metrics.expose();
        let mut lines = told.lines();
        lines.find_map(|line| {
            let count = line.strip_prefix("bridge_journal_failures_total ")?;
            count.parse::<u64>().ok()
        })
    };
    let waiting = async {
        while failures().is_none_or(|count| count < 4) {
            sleep(LOOK_AGAIN).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
    say("segments", &journal.status().segments);
}

#[tokio::test]
async fn a_disk_that_takes_headers_only_is_not_filled_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let name = "trouble::segments_without_records_do_not_pile_up";
    let told = with_small_files(8, name, folder.path()).await;
    // One may be there that is tried just now.
    let few = ["segments 1", "segments 2"];
    assert!(told.lines().any(|line| few.contains(&line)), "{told}");
}

#[tokio::test]
async fn relaxed_serves_and_counts_what_finds_no_room() {
    let disk = Disk::new();
    let away = Shelf::away();
    let metrics = Metrics::default();
    let mut config = config(Durability::Relaxed);
    config.delivery.waiting_bytes = 20_000;
    let sink = Arc::clone(&away) as Arc<dyn Sink>;
    let journal = Journal::open(&disk.folder(), sink, config, metrics.clone(), &discard())
        .await
        .unwrap();
    disk.take_away();
    for _ in 0..10 {
        let first = started();
        let interception = first.interception;
        journal.start(first).await.unwrap();
        journal.record(prompt(interception, 5_000));
        journal.record(ended(interception));
        journal.settle().await;
    }
    disk.bring_back();
    away.come_back();
    assert_eq!(journal.close(soon()).await, Remains::default());
    let kept = away.records();
    let told = metrics.expose();
    let not_kept = format!("bridge_records_not_kept_total {}\n", 30 - kept.len());
    assert!(
        told.contains(&not_kept) && kept.len() < 30,
        "{} kept, {told}",
        kept.len()
    );
    // What is kept is kept whole.
    for record in &kept {
        let first = kept
            .iter()
            .find(|other| other.interception == record.interception);
        assert!(matches!(first.unwrap().event, Event::Started(_)));
    }
}

#[tokio::test]
async fn a_full_journal_refuses_new_work_until_space_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let away = Shelf::away();
    let config = JournalConfig {
        max_bytes: 128 << 10,
        ..JournalConfig::default()
    };
    let journal = open(folder.path(), &away, config).await.unwrap();
    let last = loop {
        let first = started();
        let interception = first.interception;
        match journal.start(first).await {
            Ok(()) => journal.record(prompt(interception, 5_000)),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(last, RecordError::Full { .. }), "{last}");
    assert_eq!(journal.state().as_str(), "full");
    let used = journal.status().bytes;
    assert!(used <= config.max_bytes, "{used} bytes");
    // What was started before may add to it, and nothing of that is lost.
    for _ in 0..20 {
        journal.record(prompt(started().interception, 5_000));
    }
    journal.settle().await;
    assert!(
        journal.status().bytes <= config.max_bytes,
        "{:?}",
        journal.status()
    );
    let waiting = journal.status().unacknowledged;

    away.come_back();
    assert_eq!(journal.flush(soon()).await, 0);
    until(&journal, |state| *state == JournalState::Healthy).await;
    assert_eq!(away.records().len() as u64, waiting);
    journal.start(started()).await.unwrap();
}

#[tokio::test]
async fn a_file_that_fills_the_journal_is_given_back_when_the_sink_has_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::there();
    let config = JournalConfig {
        max_bytes: 64 << 10,
        ..JournalConfig::default()
    };
    let journal = open(folder.path(), &shelf, config).await.unwrap();
    let open_one = started();
    journal.start(open_one.clone()).await.unwrap();
    for round in 1..=5 {
        let first = started();
        let interception = first.interception;
        journal.start(first).await.unwrap();
        journal.record(prompt(interception, 58_000));
        journal.record(ended(interception));
        assert_eq!(journal.flush(soon()).await, 0, "round {round}");
        let status = journal.status();
        assert_eq!(status.state, JournalState::Healthy);
        assert!(status.bytes <= config.max_bytes, "{status:?}");
    }
    assert_eq!(journal.close(soon()).await, Remains::default());
    assert_eq!(shelf.records().len(), 16);
    let journal = open(folder.path(), &shelf, config).await.unwrap();
    assert_eq!(journal.recovery().left_open, 1);
}

/// Started by the test below, its files cannot grow; by itself, they can.
#[tokio::test]
async fn writing_goes_on_where_files_stay_small() {
    let own = tempfile::tempdir().unwrap();
    let given = given_folder();
    let path = given.as_deref().unwrap_or(own.path());
    let away = Shelf::away();
    let journal = open(path, &away, JournalConfig::default()).await.unwrap();
    let mut kept = Vec::new();
    for _ in 0..60 {
        let first = started();
        let interception = first.interception;
        let id = first.id;
        // The disk refuses now and then, and the journal goes on in another file.
        if journal.start(first).await.is_ok() {
            kept.push(id);
            journal.record(prompt(interception, 3_000));
            journal.record(ended(interception));
        }
        until(&journal, |state| *state == JournalState::Healthy).await;
    }
    let remains = journal.close(soon()).await;
    assert_eq!(remains.lost, 0);
    assert!(
        given.is_some() || kept.len() == 60,
        "{} were kept",
        kept.len()
    );
    for id in kept {
        say("kept", &id);
    }
}

#[tokio::test]
async fn a_file_that_cannot_grow_is_left_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let name = "trouble::writing_goes_on_where_files_stay_small";
    let told = with_small_files(64, name, folder.path()).await;
    let kept: Vec<_> = told
        .lines()
        .filter_map(|line| line.strip_prefix("kept "))
        .collect();
    assert!(kept.len() > 20, "{told}");
    let files = fs::read_dir(folder.path()).unwrap().count();
    assert!(files > 5, "{files} files");

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
    let delivered: Vec<_> = shelf
        .records()
        .iter()
        .map(|record| record.id.to_string())
        .collect();
    assert!(
        kept.iter()
            .all(|id| delivered.iter().any(|other| other == id))
    );
    // A beginning that could not be made safe was refused, and does not stay open.
    let records = shelf.records();
    for record in &records {
        let end = records.iter().find(|other| {
            other.interception == record.interception && matches!(other.event, Event::Ended(_))
        });
        let Some(Event::Ended(end)) = end.map(|end| &end.event) else {
            panic!("{record:?} has no end");
        };
        assert!(matches!(end.outcome, Outcome::Completed | Outcome::Cut));
    }
}
