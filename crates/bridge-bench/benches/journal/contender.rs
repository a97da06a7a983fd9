//! What is compared, behind one face.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bridge_auth::{ActorId, KeySource};
use bridge_record::{
    DeliverError, Ended, Event, InterceptionId, Journal, JournalConfig, Outcome, Record,
    Recorder as _, Rejected, Sink, Started,
};
use bridge_telemetry::{Metrics, discard};

use crate::store::Store;

#[derive(Clone)]
pub(crate) enum Contender {
    Journal(Journal),
    Store(Store),
}

/// Takes nothing, so that writing alone is measured.
struct Away;

#[async_trait]
impl Sink for Away {
    async fn deliver(&self, _: &[Record]) -> Result<Vec<Rejected>, DeliverError> {
        std::future::pending().await
    }
}

impl Contender {
    pub(crate) async fn journal(folder: &Path, interval: Duration) -> Self {
        let config = JournalConfig {
            group_interval: interval,
            max_bytes: 8 << 30,
            ..JournalConfig::default()
        };
        let (sink, metrics, logger) = (Arc::new(Away), Metrics::default(), discard());
        let opened = Journal::open(folder, sink, config, metrics, &logger).await;
        Self::Journal(opened.unwrap())
    }

    pub(crate) fn store(folder: &Path, interval: Duration) -> Self {
        Self::Store(Store::open(&folder.join("store.redb"), interval))
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Journal(_) => "journal",
            Self::Store(_) => "redb",
        }
    }

    pub(crate) async fn make_safe(&self, record: Record) {
        match self {
            Self::Journal(journal) => journal.start(record).await.unwrap(),
            Self::Store(store) => store.make_safe(record).await,
        }
    }

    pub(crate) fn add(&self, record: Record) {
        match self {
            Self::Journal(journal) => journal.record(record),
            Self::Store(store) => store.add(record),
        }
    }
}

/// About 1 KiB as JSON.
pub(crate) fn first() -> Record {
    let started = Started {
        initiator: ActorId::from_bytes([7; 16]),
        api_key_id: "abcdefghij".to_owned(),
        provider: "anthropic".to_owned(),
        provider_name: "anthropic".to_owned(),
        model: "a-model".to_owned(),
        route: "/v1/messages".to_owned(),
        streaming: true,
        client: "Claude Code".to_owned(),
        user_agent: "x".repeat(560),
        client_session_id: Some("6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10".to_owned()),
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
    let event = Event::Started(Box::new(started));
    Record::new(InterceptionId::generate(), SystemTime::UNIX_EPOCH, event)
}

pub(crate) fn last(interception: InterceptionId) -> Record {
    let ended = Ended {
        outcome: Outcome::Completed,
        credential_hint: "...".to_owned(),
        provider_status: Some(200),
        error_type: None,
        error_message: None,
    };
    Record::new(
        interception,
        SystemTime::UNIX_EPOCH,
        Event::Ended(Box::new(ended)),
    )
}
