//! From opening to closing and on to the next process.

use bridge_record::{
    Event, InterceptionId, Journal, JournalConfig, JournalReader, OpenError, Outcome, Record,
    RecordError, Recorder as _, Remains,
};
use bridge_telemetry::{Metrics, discard};

use crate::support::{Shelf, ended, open, prompt, soon, started};

/// A whole interception: what was written, in order.
async fn intercept(journal: &Journal, length: usize) -> Vec<Record> {
    let first = started();
    let interception = first.interception;
    let rest = [prompt(interception, length), ended(interception)];
    journal.start(first.clone()).await.unwrap();
    for record in &rest {
        journal.record(record.clone());
    }
    journal.settle().await;
    [&[first], rest.as_slice()].concat()
}

#[tokio::test]
async fn what_was_taken_arrives_in_order_and_its_space_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::there();
    let config = JournalConfig {
        segment_bytes: 8 << 10,
        ..JournalConfig::default()
    };
    let journal = open(folder.path(), &shelf, config).await.unwrap();
    let mut sent = Vec::new();
    for _ in 0..100 {
        sent.extend(intercept(&journal, 500).await);
    }
    assert_eq!(journal.flush(soon()).await, 0);
    assert_eq!(shelf.records(), sent);
    assert_eq!(journal.close(soon()).await, Remains::default());
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    // The last segment, the acknowledged position and the lock.
    assert!(left <= 3, "{left} files are left");

    let journal = open(folder.path(), &shelf, config).await.unwrap();
    assert_eq!(journal.recovery().unacknowledged, 0);
    assert_eq!(journal.close(soon()).await, Remains::default());
    assert_eq!(shelf.records().len(), sent.len());
}

#[tokio::test]
async fn what_was_not_delivered_is_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = JournalConfig {
        segment_bytes: 8 << 10,
        ..JournalConfig::default()
    };
    let away = Shelf::away();
    let journal = open(folder.path(), &away, config).await.unwrap();
    let mut sent = Vec::new();
    for _ in 0..50 {
        sent.extend(intercept(&journal, 500).await);
    }
    let remains = journal.close(soon()).await;
    assert_eq!(
        remains,
        Remains {
            on_disk: 150,
            lost: 0
        }
    );
    let shelf = Shelf::there();
    let journal = open(folder.path(), &shelf, config).await.unwrap();
    assert_eq!(journal.recovery().unacknowledged, 150);
    assert_eq!(journal.flush(soon()).await, 0);
    assert_eq!(shelf.records(), sent);
}

#[tokio::test]
async fn a_journal_that_is_dropped_keeps_what_is_safe() {
    let folder = tempfile::tempdir().unwrap();
    let away = Shelf::away();
    let journal = open(folder.path(), &away, JournalConfig::default())
        .await
        .unwrap();
    let sent = intercept(&journal, 10).await;
    drop(journal);
    let shelf = Shelf::there();
    let journal = reopen(folder.path(), &shelf).await;
    assert_eq!(journal.flush(soon()).await, 0);
    assert_eq!(shelf.records(), sent);
}

/// The writer of a dropped journal ends a little later.
async fn reopen(path: &std::path::Path, shelf: &std::sync::Arc<Shelf>) -> Journal {
    loop {
        match open(path, shelf, JournalConfig::default()).await {
            Err(OpenError::InUse(_)) => tokio::task::yield_now().await,
            opened => return opened.unwrap(),
        }
    }
}

#[tokio::test]
async fn interceptions_that_were_left_open_get_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let away = Shelf::away();
    let config = JournalConfig {
        segment_bytes: 4 << 10,
        ..JournalConfig::default()
    };
    let journal = open(folder.path(), &away, config).await.unwrap();
    let open_one = started();
    journal.start(open_one.clone()).await.unwrap();
    // Its beginning is in a segment that is gone when the process ends.
    for _ in 0..20 {
        intercept(&journal, 500).await;
    }
    away.come_back();
    assert_eq!(journal.flush(soon()).await, 0);
    assert_eq!(journal.close(soon()).await, Remains::default());

    let shelf = Shelf::there();
    let journal = open(folder.path(), &shelf, config).await.unwrap();
    assert_eq!(journal.recovery().left_open, 1);
    assert_eq!(journal.flush(soon()).await, 0);
    let records = shelf.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].interception, open_one.interception);
    let Event::Ended(end) = &records[0].event else {
        panic!("{records:?}");
    };
    assert_eq!(end.outcome, Outcome::Cut);
    assert!(
        end.error_message
            .as_ref()
            .unwrap()
            .contains("process ended")
    );
    assert_eq!(journal.close(soon()).await, Remains::default());

    let journal = open(folder.path(), &shelf, config).await.unwrap();
    assert_eq!(journal.recovery().left_open, 0);
}

/// What a process that is killed now leaves behind.
fn image(of: &std::path::Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(of).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

#[tokio::test]
async fn a_process_that_is_killed_before_it_wrote_ends_leaves_the_interceptions_open() {
    let folder = tempfile::tempdir().unwrap();
    let away = Shelf::away();
    let journal = open(folder.path(), &away, JournalConfig::default());
    let journal = journal.await.unwrap();
    let open_one = started();
    journal.start(open_one.clone()).await.unwrap();
    let killed = image(folder.path());

    // The next process delivers everything, gives back the space, and is killed before the ends
    // are written.
    let shelf = Shelf::there();
    let lingering = JournalConfig {
        group_patience: std::time::Duration::from_secs(3_600),
        ..JournalConfig::default()
    };
    let journal = open(killed.path(), &shelf, lingering).await.unwrap();
    assert_eq!(journal.recovery().left_open, 1);
    let is_remembered = || {
        let acknowledged = std::fs::read(killed.path().join("acknowledged"));
        acknowledged.is_ok_and(|bytes| !bytes.is_empty())
    };
    while journal.status().unacknowledged > 1 || !is_remembered() {
        tokio::task::yield_now().await;
    }
    let killed = image(killed.path());

    let shelf = Shelf::there();
    let journal = open(killed.path(), &shelf, JournalConfig::default());
    let journal = journal.await.unwrap();
    assert_eq!(journal.recovery().left_open, 1);
    assert_eq!(journal.flush(soon()).await, 0);
    let records = shelf.records();
    assert!(
        records
            .iter()
            .all(|it| it.interception == open_one.interception)
    );
    assert!(matches!(records.last().unwrap().event, Event::Ended(_)));
}

#[tokio::test]
async fn a_header_that_is_not_whole_does_not_hide_what_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::there();
    let config = JournalConfig {
        segment_bytes: 4 << 10,
        ..JournalConfig::default()
    };
    let journal = open(folder.path(), &shelf, config).await.unwrap();
    journal.start(started()).await.unwrap();
    // Its beginning is delivered, and a segment that is delivered as well names it.
    for _ in 0..5 {
        intercept(&journal, 3_000).await;
    }
    assert_eq!(journal.flush(soon()).await, 0);
    assert_eq!(journal.close(soon()).await, Remains::default());
    let newest = |folder: &std::path::Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let logs = paths.filter(|path| path.extension().is_some_and(|found| found == "log"));
        logs.max().unwrap()
    };
    let bytes = std::fs::read(newest(folder.path())).unwrap();
    let header = usize::from(bytes[12]);
    std::fs::write(newest(folder.path()), &bytes[..header]).unwrap();
    std::fs::write(
        folder.path().join("00000000000000000900.log"),
        &bytes[..header - 1],
    )
    .unwrap();

    let killed = image(folder.path());
    let lingering = JournalConfig {
        group_patience: std::time::Duration::from_secs(3_600),
        ..config
    };
    let journal = open(killed.path(), &shelf, lingering).await.unwrap();
    let left_open = journal.recovery().left_open;
    assert!(left_open > 0);
    let killed = image(killed.path());
    let journal = open(killed.path(), &shelf, config).await.unwrap();
    assert_eq!(journal.recovery().left_open, left_open);
}

#[tokio::test]
async fn files_with_other_names_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::there();
    for name in ["7.log", "+8.log", "00000000000000000009-1.log", "notes.txt"] {
        std::fs::write(folder.path().join(name), b"something else").unwrap();
    }
    let config = JournalConfig::default();
    let journal = open(folder.path(), &shelf, config).await.unwrap();
    let sent = intercept(&journal, 10).await;
    assert_eq!(journal.flush(soon()).await, 0);
    assert_eq!(journal.status().damaged, 0);
    assert_eq!(journal.close(soon()).await, Remains::default());
    assert_eq!(shelf.records(), sent);
    let kept = std::fs::read(folder.path().join("7.log")).unwrap();
    assert_eq!(kept, b"something else");
}

#[tokio::test]
async fn a_segment_that_is_given_back_while_somebody_looks_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let config = JournalConfig {
        segment_bytes: 4 << 10,
        ..JournalConfig::default()
    };
    let away = Shelf::away();
    let journal = open(folder.path(), &away, config).await.unwrap();
    for _ in 0..6 {
        intercept(&journal, 5_000).await;
    }
    let reader = JournalReader::open(folder.path()).unwrap();
    let files = reader.files().unwrap();
    let mut seen = 0;
    let look = reader.verify(|segment| {
        assert_eq!(segment.faults, []);
        if seen == 0 {
            std::fs::remove_file(&files[2].path).unwrap();
        }
        seen += 1;
    });
    look.unwrap();
    assert_eq!(seen, files.len() - 1);
    // One that is not there is damage.
    let mut faults = 0;
    let look = reader.verify(|segment| faults += segment.faults.len());
    look.unwrap();
    assert_eq!(faults, 1);
}

#[tokio::test]
async fn two_processes_do_not_write_one_journal() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::there();
    let config = JournalConfig::default();
    let journal = open(folder.path(), &shelf, config).await.unwrap();
    let refused = open(folder.path(), &shelf, config).await.unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
    assert_eq!(journal.close(soon()).await, Remains::default());
    let refused = journal.start(started()).await;
    assert_eq!(refused, Err(RecordError::Closed));
    journal.record(ended(InterceptionId::generate()));
    open(folder.path(), &shelf, config).await.unwrap();
}

#[tokio::test]
async fn what_comes_after_the_end_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = Metrics::default();
    let (sink, config) = (Shelf::there(), JournalConfig::default());
    let logger = discard();
    let journal = Journal::open(folder.path(), sink, config, metrics.clone(), &logger);
    let journal = journal.await.unwrap();
    assert_eq!(journal.close(soon()).await, Remains::default());
    journal.record(ended(InterceptionId::generate()));
    let told = metrics.expose();
    assert!(told.contains("bridge_records_not_kept_total 1\n"), "{told}");
}
