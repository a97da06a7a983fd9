//! Whether the last set of providers that came is the one in use.

use std::sync::Arc;

use bridge_telemetry::wall_clock;
use jiff::Timestamp;
use parking_lot::Mutex;

use super::readiness::{Reason, State, to_the_second};

/// What became of the last set of providers that came. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub(super) struct LastSet(Arc<Mutex<Option<RefusedSet>>>);

#[derive(Debug, Clone)]
struct RefusedSet {
    generation: u64,
    since: Option<Timestamp>,
    /// The first thing that is wrong with it.
    problem: String,
}

impl LastSet {
    /// It was refused, and the one before is in use.
    pub(super) fn trouble(&self) -> Option<Reason> {
        let refused = self.0.lock().clone()?;
        let text = format!(
            "set {} of providers was refused, the one before stays: {}",
            refused.generation, refused.problem
        );
        Some(Reason::new(State::Degraded, "providers_refused", text).since(refused.since))
    }

    pub(super) fn taken(&self) {
        *self.0.lock() = None;
    }

    pub(super) fn refused(&self, generation: u64, problem: String) {
        *self.0.lock() = Some(RefusedSet {
            generation,
            since: to_the_second(wall_clock()),
            problem,
        });
    }
}
