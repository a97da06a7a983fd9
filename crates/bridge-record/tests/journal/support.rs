//! Records to write, a sink that keeps them, and processes that run one test alone.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub(crate) use bridge_record::sample::{ended, prompt, started};
use bridge_record::{DeliverError, Journal, JournalConfig, OpenError, Record, Rejected, Sink};
use bridge_telemetry::{Metrics, discard};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Marks the folder that a test gives to a process of its own. The test harness passes over it.
const GIVEN: &str = "given-folder=";

/// A process that runs one test alone, in a folder that outlives it.
pub(crate) fn alone(program: &mut Command, test: &str, folder: &Path) -> Child {
    program
        .args(["--exact", test, "--nocapture", "--skip"])
        .arg(format!("{GIVEN}{}", folder.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The folder that was given to this process, when another test started it.
pub(crate) fn given_folder() -> Option<PathBuf> {
    std::env::args().find_map(|argument| argument.strip_prefix(GIVEN).map(PathBuf::from))
}

/// Says something to the test that started this process. One call writes one line, whole.
pub(crate) fn say(word: &str, what: &impl std::fmt::Display) {
    let line = format!("{word} {what}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// How long between two looks at something that is waited for.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A sink that keeps what it is given, while it is there.
#[derive(Default)]
pub(crate) struct Shelf {
    kept: Mutex<Vec<Record>>,
    is_away: Mutex<bool>,
}

impl Shelf {
    pub(crate) fn there() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn away() -> Arc<Self> {
        let shelf = Self::default();
        *shelf.is_away.lock() = true;
        Arc::new(shelf)
    }

    pub(crate) fn come_back(&self) {
        *self.is_away.lock() = false;
    }

    /// Every delivery, also repeated ones.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.kept.lock().clone()
    }
}

#[async_trait]
impl Sink for Shelf {
    async fn deliver(&self, records: &[Record]) -> Result<Vec<Rejected>, DeliverError> {
        if *self.is_away.lock() {
            return Err(DeliverError("away".into()));
        }
        self.kept.lock().extend_from_slice(records);
        Ok(Vec::new())
    }
}

pub(crate) async fn open(
    path: &Path,
    shelf: &Arc<Shelf>,
    config: JournalConfig,
) -> Result<Journal, OpenError> {
    let sink = Arc::clone(shelf) as Arc<dyn Sink>;
    Journal::open(path, sink, config, Metrics::default(), &discard()).await
}

pub(crate) fn soon() -> Instant {
    Instant::now() + PATIENCE
}
