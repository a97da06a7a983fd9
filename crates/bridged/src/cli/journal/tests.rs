//! The commands over a real journal and the store of a real data folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bridge_auth::{ActorId, Secret};
use bridge_control::api::{InterceptionStatus, NewUser};
use bridge_control::store::{SqliteStore, Store as _};
use bridge_control::{ControlConfig, ControlServer};
use bridge_record::sample::{Away, beginning, ended};
use bridge_record::{Event, InterceptionId, Journal, JournalConfig, Record, Recorder as _};
use bridge_telemetry::{Metrics, discard, wall_clock};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::cli::CommandError;
use crate::cli::tests::said;
use crate::wiring::recording::JOURNAL;

fn started(initiator: ActorId) -> Record {
    let event = Event::Started(Box::new(beginning(initiator)));
    Record::new(InterceptionId::generate(), wall_clock(), event)
}

/// A data folder whose control plane was away while three requests were recorded.
struct Left {
    folder: TempDir,
    interceptions: Vec<InterceptionId>,
}

impl Left {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let user = user(&folder.path().join("bridged.db")).await;
        let (metrics, logger) = (Metrics::default(), discard());
        let path = folder.path().join(JOURNAL);
        let config = JournalConfig::default();
        let journal = Journal::open(&path, Arc::new(Away), config, metrics, &logger);
        let journal = journal.await.unwrap();
        let mut interceptions = Vec::new();
        for _ in 0..3 {
            let first = started(user);
            interceptions.push(first.interception);
            let last = ended(first.interception);
            journal.start(first).await.unwrap();
            journal.record(last);
            journal.settle().await;
        }
        let remains = journal.close(Instant::now()).await;
        assert_eq!((remains.on_disk, remains.lost), (6, 0));
        Self {
            folder,
            interceptions,
        }
    }

    fn segment(&self) -> PathBuf {
        let name = "00000000000000000001.log";
        self.folder.path().join(JOURNAL).join(name)
    }

    async fn said(&self, line: &str) -> Result<String, CommandError> {
        let path = self.folder.path().display().to_string();
        said(line, &[("BRIDGED_DATA_FOLDER", path.as_str())]).await
    }

    async fn check(&self, line: &str, parts: &[&str]) -> String {
        let text = self
            .said(line)
            .await
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        for part in parts {
            assert!(text.contains(part), "{line}: {part:?} is not in\n{text}");
        }
        text
    }
}

async fn user(database: &Path) -> ActorId {
    let store = SqliteStore::open(database).unwrap();
    let config = ControlConfig::new(Secret::new("operator-key".to_owned()));
    let control = ControlServer::new(Arc::new(store), config, Metrics::default(), &discard());
    let new = NewUser {
        username: "ada".to_owned(),
        email: None,
        name: None,
    };
    ActorId::from_bytes(control.create_user(new).await.unwrap().id.into_bytes())
}

/// Every file and what it holds.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[tokio::test]
async fn looking_at_a_journal_changes_nothing() {
    let left = Left::new().await;
    let before = files(&left.folder.path().join(JOURNAL));
    let parts = [
        "not acknowledged       6 records",
        "set aside              0 files",
    ];
    left.check("bridged journal status", &parts).await;
    let json = left.check("bridged journal status --json", &[]).await;
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status["unacknowledged"], 6);
    let parts = ["6 records are whole", "1 segments, 0 damaged places"];
    left.check("bridged journal verify", &parts).await;
    let all = left
        .check("bridged journal export", &["\"model\":\"a-model\""])
        .await;
    assert_eq!(all.lines().count(), 6);
    let one = format!(
        "bridged journal export --interception {}",
        left.interceptions[1]
    );
    assert_eq!(left.check(&one, &[]).await.lines().count(), 2);
    assert_eq!(files(&left.folder.path().join(JOURNAL)), before);
}

#[tokio::test]
async fn damage_is_found_with_its_place() {
    let left = Left::new().await;
    let mut bytes = fs::read(left.segment()).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    fs::write(left.segment(), bytes).unwrap();
    let refused = left.said("bridged journal verify").await.unwrap_err();
    assert!(matches!(refused, CommandError::Damaged(1)), "{refused}");
    let lines = left
        .check("bridged journal export", &[])
        .await
        .lines()
        .count();
    assert!(lines >= 5, "{lines} of 6 records");
}

#[tokio::test]
async fn replaying_twice_counts_once() {
    let left = Left::new().await;
    let parts = ["1 files: 6 records delivered", "0 refused"];
    left.check("bridged journal replay", &parts).await;
    left.check("bridged journal replay 00000000000000000001.log", &parts)
        .await;
    let refused = left
        .said("bridged journal replay other.log")
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("bridged journal status"),
        "{refused}"
    );

    let store = SqliteStore::open(left.folder.path().join("bridged.db")).unwrap();
    for interception in &left.interceptions {
        let found = store.interception(*interception.as_uuid()).await.unwrap();
        let status = found.unwrap().interception.status;
        assert_eq!(status, InterceptionStatus::Completed);
    }
}

#[tokio::test]
async fn a_folder_without_a_journal_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let line = "bridged journal status";
    let told = said(line, &[("BRIDGED_DATA_FOLDER", path.as_str())])
        .await
        .unwrap_err();
    assert!(told.to_string().contains("/journal"), "{told}");
}
