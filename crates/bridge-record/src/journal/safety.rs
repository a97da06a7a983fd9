//! Waiting until records are safe, and what is said when they cannot be.

use bridge_telemetry::wall_clock;
use tokio::time::timeout;

use super::Journal;
use super::queue::Trouble;
use super::state::JournalState;
use crate::RecordError;

impl Journal {
    /// Waits until the record is safe. Says whether it is.
    pub(super) async fn is_made_safe(&self, seq: u64) -> bool {
        let shared = &self.0.shared;
        let told = shared.queue.lock().wait_for(seq);
        shared.work.notify_one();
        let Some(told) = told else {
            return shared.queue.lock().is_safe(seq);
        };
        match timeout(shared.config.disk_patience, told).await {
            Ok(told) => told.is_ok(),
            Err(_) => self.has_become_safe(seq),
        }
    }

    /// Whether the record is safe after all, although nobody told so in time. When it is not, the
    /// disk counts as failing until the writer has found out that it works.
    fn has_become_safe(&self, seq: u64) -> bool {
        let shared = &self.0.shared;
        let mut queue = shared.queue.lock();
        if queue.is_safe(seq) {
            return true;
        }
        let reason = "the disk does not answer".into();
        let since = wall_clock();
        queue.fail(Trouble::Failing { since, reason });
        drop(queue);
        shared.work.notify_one();
        shared.deliverable.notify_one();
        shared.report();
        false
    }

    pub(super) fn refusal(&self) -> RecordError {
        let reason = match self.state() {
            JournalState::Failing { reason, .. } => reason.to_string(),
            JournalState::Full { .. } => "the journal is full".to_owned(),
            JournalState::Healthy => "the disk refused".to_owned(),
        };
        RecordError::Failing { reason }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bridge_telemetry::{Metrics, discard};
    use tokio::time::{sleep, timeout};

    use crate::sample::Away;
    use crate::{Journal, JournalConfig, JournalState};

    #[tokio::test]
    async fn a_disk_that_answered_too_late_counts_as_failing_only_until_it_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let (config, metrics) = (JournalConfig::default(), Metrics::default());
        let journal = Journal::open(folder.path(), Arc::new(Away), config, metrics, &discard())
            .await
            .unwrap();
        assert!(journal.has_become_safe(0));
        assert_eq!(journal.state(), JournalState::Healthy);
        // The writer has nothing to do, and is not told of anything else.
        assert!(!journal.has_become_safe(1));
        let until_healthy = async {
            while journal.state() != JournalState::Healthy {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(60), until_healthy)
            .await
            .unwrap();
    }
}
