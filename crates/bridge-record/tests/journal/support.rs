//! Records to write, and sinks that keep, refuse and wait.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bridge_auth::{ActorId, KeySource};
use bridge_record::{
    DeliverError, Ended, Event, InterceptionId, Journal, JournalConfig, OpenError, Outcome,
    PromptUsage, Record, Rejected, Sink, Started,
};
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

pub(crate) fn started() -> Record {
    started_as(InterceptionId::generate())
}

pub(crate) fn started_as(interception: InterceptionId) -> Record {
    let started = Started {
        initiator: ActorId::from_bytes([7; 16]),
        api_key_id: "key".to_owned(),
        provider: "anthropic".to_owned(),
        provider_name: "anthropic".to_owned(),
        model: "model".to_owned(),
        route: "/v1/messages".to_owned(),
        streaming: true,
        client: "Unknown".to_owned(),
        user_agent: String::new(),
        client_session_id: None,
        client_agent_id: None,
        correlating_tool_call_id: None,
        credential_kind: KeySource::Centralized,
        credential_hint: "...".to_owned(),
        workspace_id: None,
        agent_firewall_session_id: None,
        agent_firewall_sequence_number: None,
        source: None,
        correlation_id: None,
        metadata: Vec::new(),
    };
    record(interception, Event::Started(Box::new(started)))
}

pub(crate) fn prompt(interception: InterceptionId, length: usize) -> Record {
    let prompt = PromptUsage {
        response_id: String::new(),
        prompt: "x".repeat(length),
    };
    record(interception, Event::Prompt(prompt))
}

pub(crate) fn ended(interception: InterceptionId) -> Record {
    let ended = Ended {
        outcome: Outcome::Completed,
        credential_hint: String::new(),
        provider_status: Some(200),
        error_type: None,
        error_message: None,
    };
    record(interception, Event::Ended(Box::new(ended)))
}

fn record(interception: InterceptionId, event: Event) -> Record {
    Record::new(interception, SystemTime::UNIX_EPOCH, event)
}
