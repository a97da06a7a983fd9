//! Delivers a batch to a sink, again and again until it is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bridge_telemetry::{ErrorChain, Metrics, keys};
use slog::{Logger, info, warn};
use tokio::time::sleep;

use crate::{Backoff, Event, Record, Rejected, Sink};

/// The way to a sink.
pub(crate) struct Delivery {
    sink: Arc<dyn Sink>,
    metrics: Metrics,
    logger: Logger,
    /// Whether the last attempt failed.
    is_failing: AtomicBool,
}

impl Delivery {
    pub(crate) fn new(sink: Arc<dyn Sink>, metrics: Metrics, logger: Logger) -> Self {
        Self {
            sink,
            metrics,
            logger,
            is_failing: AtomicBool::new(false),
        }
    }

    /// Whether the sink did not take the last batch.
    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// Returns when every record of the batch is kept or refused for good, however long that
    /// takes. Dropping the future may or may not leave the records kept.
    pub(crate) async fn deliver(&self, batch: &[Record]) {
        let mut backoff = Backoff::default();
        let mut has_failed = false;
        loop {
            match self.sink.deliver(batch).await {
                Ok(rejected) => {
                    self.is_failing.store(false, Ordering::Relaxed);
                    if has_failed {
                        info!(self.logger, "records are delivered again");
                    }
                    self.count(batch, &rejected);
                    return;
                }
                Err(cause) => {
                    self.is_failing.store(true, Ordering::Relaxed);
                    self.metrics.delivery_failed();
                    if !has_failed {
                        has_failed = true;
                        warn!(self.logger, "records not delivered, trying again";
                            "records" => batch.len(), keys::ERROR => ErrorChain(&cause));
                    }
                    sleep(backoff.delay()).await;
                }
            }
        }
    }

    fn count(&self, batch: &[Record], rejected: &[Rejected]) {
        for refusal in rejected {
            warn!(self.logger, "record refused by the control plane";
                "record_id" => %refusal.id, "reason" => &refusal.reason);
        }
        let refused = rejected.len() as u64;
        self.metrics
            .records_delivered((batch.len() as u64).saturating_sub(refused), refused);
    }
}

/// About how many bytes a record holds in memory.
pub(crate) fn weight(record: &Record) -> usize {
    let texts = match &record.event {
        Event::Started(started) => 1_024 + started.model.len() + started.user_agent.len(),
        Event::Tokens(_) => 256,
        Event::Prompt(prompt) => prompt.prompt.len(),
        Event::Tool(tool) => 256 + tool.input.len(),
        Event::Thought(thought) => thought.content.len(),
        Event::Ended(ended) => 128 + ended.error_message.as_ref().map_or(0, String::len),
    };
    size_of::<Record>() + texts
}
