//! Whether the last set of providers that came is the one in use.

use std::sync::Arc;

use bridge_gateway::Gateway;
use bridge_intercept::ListedProvider;
use bridge_telemetry::{ErrorChain, wall_clock};
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

/// Providers of the set in use that cannot be used as they are set up. The first one is told.
pub(super) fn unusable(gateway: &Gateway) -> Option<Reason> {
    let set = gateway.providers()?;
    let list = set.list();
    let broken: Vec<&&ListedProvider> = list.iter().filter(|one| one.error().is_some()).collect();
    let first = broken.first()?;
    let mut text = format!("provider {:?} cannot be used", first.name);
    if let Some(reason) = first.error() {
        text = format!("{text}: {}", ErrorChain(reason));
    }
    if broken.len() > 1 {
        text = format!("{text}; and {} more", broken.len() - 1);
    }
    Some(Reason::new(State::Degraded, "provider_error", text))
}
