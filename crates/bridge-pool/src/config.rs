//! How much a pool keeps and for how long.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{Eviction, PoolObserver};

/// Settings of a pool. Any value is right.
#[derive(Clone)]
pub struct PoolConfig {
    /// How many handlers are kept. The one that was not asked for the longest makes room. Nothing
    /// is kept when it is 0. Handlers in use and builds are bounded by their callers, not by this.
    /// Default 5,000.
    pub capacity: usize,
    /// How old a handler may become, counted from when the caller that built it came. Use does not
    /// make it younger, so that what a handler holds open is renewed now and then. Nothing is kept
    /// when it is zero. Default 15 min.
    pub ttl: Duration,
    /// How long a handler may go unasked for. Default without end.
    pub idle: Option<Duration>,
    /// Who is told what happens.
    pub observer: Option<Arc<dyn PoolObserver>>,
}

impl PoolConfig {
    pub(crate) fn keeps_any(&self) -> bool {
        self.capacity > 0 && !self.ttl.is_zero()
    }

    /// Why a handler may not be handed out any more. Callers read the clock before they come, so
    /// instants may run backwards a little.
    pub(crate) fn worn(&self, built: Instant, used: Instant, now: Instant) -> Option<Eviction> {
        if now.saturating_duration_since(built) >= self.ttl {
            return Some(Eviction::Aged);
        }
        let idle = now.saturating_duration_since(used);
        self.idle
            .is_some_and(|longest| idle >= longest)
            .then_some(Eviction::Idle)
    }
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            capacity: 5_000,
            ttl: Duration::from_secs(15 * 60),
            idle: None,
            observer: None,
        }
    }
}

impl fmt::Debug for PoolConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolConfig")
            .field("capacity", &self.capacity)
            .field("ttl", &self.ttl)
            .field("idle", &self.idle)
            .field("has_observer", &self.observer.is_some())
            .finish()
    }
}
