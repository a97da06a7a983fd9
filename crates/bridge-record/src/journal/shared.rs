//! What callers, the writer and the delivery share.

use std::sync::atomic::{AtomicBool, Ordering};

use bridge_telemetry::{JournalFigures, Metrics};
use parking_lot::{Condvar, Mutex};
use slog::{Logger, error, info, warn};
use tokio::sync::Notify;

use super::config::{Durability, JournalConfig};
use super::queue::Queue;
use super::state::JournalState;

pub(super) struct Shared {
    pub(super) queue: Mutex<Queue>,
    /// Wakes the writer.
    pub(super) work: Condvar,
    /// Wakes the delivery.
    pub(super) deliverable: Notify,
    /// Told when something became safe or was acknowledged, or cannot be.
    pub(super) progress: Notify,
    /// Orders the writer to end, with everything written that can be.
    pub(super) is_ending: AtomicBool,
    pub(super) config: JournalConfig,
    pub(super) metrics: Metrics,
    pub(super) logger: Logger,
    /// What was said of the state last.
    announced: Mutex<Announced>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Announced {
    state: Spoken,
    has_lost: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    #[default]
    Healthy,
    Full,
    Failing,
}

impl Shared {
    pub(super) fn new(
        queue: Queue,
        config: JournalConfig,
        metrics: Metrics,
        logger: Logger,
    ) -> Self {
        Self {
            queue: Mutex::new(queue),
            work: Condvar::new(),
            deliverable: Notify::new(),
            progress: Notify::new(),
            is_ending: AtomicBool::new(false),
            config,
            metrics,
            logger,
            announced: Mutex::default(),
        }
    }

    /// Whether the writer was ordered to end.
    pub(super) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Acquire)
    }

    /// Orders the writer to end.
    pub(super) fn end(&self) {
        self.is_ending.store(true, Ordering::Release);
        // The writer looks at the order with the lock in its hands.
        let _queue = self.queue.lock();
        self.work.notify_one();
    }

    /// Brings metrics up to date, and logs when the state has changed.
    pub(super) fn report(&self) {
        let (state, not_kept) = {
            let mut queue = self.queue.lock();
            self.metrics.journal(figures(&queue));
            self.metrics.records_waiting(
                usize::try_from(queue.unacknowledged()).unwrap_or(usize::MAX),
                queue.memory_bytes(),
            );
            (queue.state(), std::mem::take(&mut queue.not_kept))
        };
        self.metrics.records_not_kept(not_kept);
        self.announce(&state, not_kept > 0);
    }

    fn announce(&self, state: &JournalState, loses: bool) {
        let mut announced = self.announced.lock();
        let before = *announced;
        announced.state = match state {
            JournalState::Healthy => Spoken::Healthy,
            JournalState::Full { .. } => Spoken::Full,
            JournalState::Failing { .. } => Spoken::Failing,
        };
        announced.has_lost = announced.state != Spoken::Healthy && (before.has_lost || loses);
        let is_now = *announced;
        drop(announced);
        if is_now.has_lost && !before.has_lost {
            error!(
                self.logger,
                "records are not kept: there is no room for them"
            );
        }
        if is_now.state != before.state {
            self.say(state);
        }
    }

    fn say(&self, state: &JournalState) {
        let durability = self.config.durability;
        let consequence = match durability {
            Durability::Strict => "new requests are refused",
            Durability::Relaxed => "records wait in memory only",
        };
        match state {
            JournalState::Healthy => info!(self.logger, "the journal works"),
            JournalState::Full {
                used_bytes,
                max_bytes,
            } => warn!(self.logger, "the journal is full"; "used_bytes" => used_bytes,
                "max_bytes" => max_bytes, "consequence" => consequence),
            JournalState::Failing { reason, .. } => error!(self.logger, "the journal fails";
                "reason" => reason.as_ref(), "consequence" => consequence),
        }
    }
}

fn figures(queue: &Queue) -> JournalFigures {
    let state = queue.state();
    JournalFigures {
        bytes: queue.used_bytes(),
        segments: queue.stretches.len(),
        oldest_millis: queue.oldest(),
        is_full: matches!(state, JournalState::Full { .. }),
        is_failing: matches!(state, JournalState::Failing { .. }),
    }
}
