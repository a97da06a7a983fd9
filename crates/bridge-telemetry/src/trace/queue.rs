//! Finished spans on their way out of the process.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

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
    /// Waits for spans and puts them behind those of the batch, which holds fewer than `most`.
    /// False when no tracer is left. Dropping the future loses nothing.
    pub async fn more(&mut self, batch: &mut Vec<FinishedSpan>, most: usize) -> bool {
        let room = most.saturating_sub(batch.len());
        self.0.recv_many(batch, room).await > 0
    }

    /// Puts what waits now behind the spans of the batch, up to `most` together.
    pub fn waiting(&mut self, batch: &mut Vec<FinishedSpan>, most: usize) {
        while batch.len() < most {
            match self.0.try_recv() {
                Ok(span) => batch.push(span),
                Err(_) => return,
            }
        }
    }
}
