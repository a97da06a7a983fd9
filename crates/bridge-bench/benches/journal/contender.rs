//! What is compared, behind one face.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bridge_auth::ActorId;
use bridge_record::sample::beginning;
use bridge_record::{
    DeliverError, Event, InterceptionId, Journal, JournalConfig, Record, Recorder as _, Rejected,
    Sink, Started,
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
        user_agent: "x".repeat(560),
        client_session_id: Some("6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10".to_owned()),
        ..beginning(ActorId::from_bytes([7; 16]))
    };
    let event = Event::Started(Box::new(started));
    Record::new(InterceptionId::generate(), SystemTime::UNIX_EPOCH, event)
}
