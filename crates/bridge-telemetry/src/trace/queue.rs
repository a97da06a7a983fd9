//! Finished spans on their way out of the process.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::span::{Attribute, SpanEvent};
use super::{SpanKind, TraceContext};

/// A span that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedSpan {
    pub(super) context: TraceContext,
    /// The span it happened in.
    pub(super) parent: Option<[u8; 8]>,
    pub(super) name: Cow<'static, str>,
    pub(super) kind: SpanKind,
    pub(super) begun: SystemTime,
    pub(super) took: Duration,
    pub(super) attributes: Vec<Attribute>,
    pub(super) events: Vec<SpanEvent>,
    /// How it failed, if it did.
    pub(super) failure: Option<Cow<'static, str>>,
}

/// The end of the queue at which spans come out. When it is dropped they are dropped and counted.
#[derive(Debug)]
pub struct SpanQueue(pub(super) mpsc::Receiver<FinishedSpan>);

impl SpanQueue {
    /// The next batch: at most `most` spans, and at most as many as come within `linger` of the
    /// first one. Empty when no tracer is left.
    ///
    /// Dropping the future loses the spans that were taken out; whoever waits for something else as
    /// well does so between two batches.
    pub async fn batch(&mut self, most: usize, linger: Duration) -> Vec<FinishedSpan> {
        let mut batch = Vec::new();
        let Some(first) = self.0.recv().await else {
            return batch;
        };
        batch.push(first);
        let due = Instant::now() + linger;
        while batch.len() < most {
            match timeout_at(due, self.0.recv()).await {
                Ok(Some(span)) => batch.push(span),
                Ok(None) | Err(_) => break,
            }
        }
        batch
    }

    /// Waits until there is a span, or no tracer is left. Says whether there is one.
    pub async fn has_some(&mut self, batch: &mut Vec<FinishedSpan>) -> bool {
        self.0.recv_many(batch, 1).await > 0
    }

    /// What waits now, at most `most` spans.
    pub fn waiting(&mut self, batch: &mut Vec<FinishedSpan>, most: usize) {
        while batch.len() < most {
            match self.0.try_recv() {
                Ok(span) => batch.push(span),
                Err(_) => return,
            }
        }
    }
}
