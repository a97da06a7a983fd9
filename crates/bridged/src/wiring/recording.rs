//! Where records go first: into the journal on the disk, or into memory when there is none.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bridge_record::{Batcher, Durability, Journal, JournalReader, JournalState, Recorder, Sink};
use bridge_telemetry::{ErrorChain, Metrics, keys};
use slog::{Logger, error, info, warn};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::StartError;
use super::translate::{batcher_config, journal_config};
use crate::config::Config;

/// The folder of the journal, in the data folder.
pub(crate) const JOURNAL: &str = "journal";
/// How long records of a journal may still travel once the process is told to leave.
const HURRY: Duration = Duration::from_secs(1);

/// What takes the records.
#[derive(Clone)]
pub(super) enum Recording {
    Journal(Journal),
    Memory(Batcher),
}

/// What is wrong with it, and whether that keeps traffic from flowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordingTrouble {
    pub(super) reason: String,
    pub(super) refuses: bool,
    /// Since when, if that is known.
    pub(super) since: Option<SystemTime>,
}

impl Recording {
    /// Begins to take records and to deliver them to `sink`.
    ///
    /// # Errors
    /// When the journal cannot be opened.
    pub(super) async fn start(
        config: &Config,
        folder: &Path,
        sink: Arc<dyn Sink>,
        metrics: &Metrics,
        logger: &Logger,
    ) -> Result<Self, StartError> {
        let metrics = metrics.clone();
        match journal_config(config) {
            Some(settings) => {
                let path = folder.join(JOURNAL);
                let opened = Journal::open(&path, sink, settings, metrics, logger).await;
                opened.map(Self::Journal).map_err(StartError::Journal)
            }
            None => {
                tell_of_left_records(&folder.join(JOURNAL), logger).await;
                let batcher = Batcher::start_with(sink, batcher_config(config), metrics, logger);
                Ok(Self::Memory(batcher))
            }
        }
    }

    /// The seam that the engine speaks to.
    pub(super) fn recorder(&self) -> Arc<dyn Recorder> {
        match self {
            Self::Journal(journal) => Arc::new(journal.clone()),
            Self::Memory(batcher) => Arc::new(batcher.clone()),
        }
    }

    /// What an operator should know of.
    pub(super) fn troubles(&self) -> Vec<RecordingTrouble> {
        match self {
            Self::Journal(journal) => troubles(journal),
            Self::Memory(_) => Vec::new(),
        }
    }

    /// Delivers what waits, at most until `deadline`. Says how many records are lost.
    ///
    /// When `leave` is done a journal is waited for no more than a second: what it holds is
    /// delivered after the next start. What is only in memory would be lost, and is waited for.
    pub(super) async fn close(
        &self,
        deadline: Instant,
        leave: impl Future<Output = ()>,
        logger: &Logger,
    ) -> usize {
        let lost = match self {
            Self::Journal(journal) => {
                let remains = tokio::select! {
                    remains = journal.close(deadline) => remains,
                    () = hurry(leave) => journal.close(Instant::now()).await,
                };
                if remains.on_disk > 0 {
                    info!(logger, "records stay in the journal until the next start";
                        "records" => remains.on_disk);
                }
                remains.lost
            }
            Self::Memory(batcher) => batcher.close(deadline).await,
        };
        if lost > 0 {
            error!(logger, "records are lost: they could be neither delivered nor kept here";
                "records" => lost);
        }
        lost
    }
}

async fn hurry(leave: impl Future<Output = ()>) {
    leave.await;
    sleep(HURRY).await;
}

/// Nobody delivers what a journal holds that was switched off.
async fn tell_of_left_records(path: &Path, logger: &Logger) {
    if !path.is_dir() {
        return;
    }
    let path = path.to_owned();
    let counting =
        spawn_blocking(move || JournalReader::open(&path).and_then(|it| it.unacknowledged()));
    match counting.await {
        Ok(Ok(0)) => {}
        Ok(Ok(count)) => warn!(
            logger,
            "the journal is off, and records are left in it: see `bridged journal replay`";
            "records" => count
        ),
        Ok(Err(cause)) => warn!(
            logger,
            "the journal is off, and what is left in it cannot be read";
            keys::ERROR => ErrorChain(&cause)
        ),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn troubles(journal: &Journal) -> Vec<RecordingTrouble> {
    let refuses = journal.durability() == Durability::Strict;
    let status = journal.status();
    let state = match status.state {
        JournalState::Healthy => None,
        JournalState::Full {
            used_bytes,
            max_bytes,
        } => {
            let reason = format!(
                "the journal is full: it holds {used_bytes} of {max_bytes} bytes, because the \
                 control plane does not take them"
            );
            Some((reason, None))
        }
        JournalState::Failing { reason, since } => {
            Some((format!("the journal fails: {reason}"), Some(since)))
        }
    };
    let mut troubles: Vec<_> = state
        .into_iter()
        .map(|(reason, since)| RecordingTrouble {
            reason,
            refuses,
            since,
        })
        .collect();
    if status.damaged > 0 {
        troubles.push(RecordingTrouble {
            reason: format!(
                "{} segments of the journal are damaged: see `bridged journal status`",
                status.damaged
            ),
            refuses: false,
            since: None,
        });
    }
    troubles
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use async_trait::async_trait;
    use bridge_record::{
        DeliverError, Event, InterceptionId, JournalConfig, PromptUsage, Record, Rejected,
    };
    use bridge_telemetry::wall_clock;
    use tokio::time::timeout;

    use super::*;

    /// Takes everything and never says so.
    struct Silent;

    #[async_trait]
    impl Sink for Silent {
        async fn deliver(&self, _: &[Record]) -> Result<Vec<Rejected>, DeliverError> {
            pending().await
        }
    }

    #[tokio::test]
    async fn who_is_told_to_leave_does_not_wait_for_what_is_safe() {
        let (folder, logger) = (tempfile::tempdir().unwrap(), bridge_telemetry::discard());
        let open = || {
            let (sink, settings) = (Arc::new(Silent), JournalConfig::default());
            Journal::open(folder.path(), sink, settings, Metrics::default(), &logger)
        };
        let journal = open().await.unwrap();
        let prompt = PromptUsage {
            response_id: String::new(),
            prompt: "hello".to_owned(),
        };
        let event = Event::Prompt(prompt);
        journal.record(Record::new(InterceptionId::generate(), wall_clock(), event));
        let deadline = Instant::now() + Duration::from_secs(3_600);
        let recording = Recording::Journal(journal);
        let closing = recording.close(deadline, ready(()), &logger);
        let lost = timeout(Duration::from_secs(60), closing).await;
        assert_eq!(lost, Ok(0));
        drop(recording);
        assert_eq!(open().await.unwrap().recovery().unacknowledged, 1);
    }
}
