//! What happens in crates that know no metrics, counted.

use bridge_pool::{Eviction, PoolObserver, Refusal};
use bridge_telemetry::Metrics;

/// Counts what happens in the pool of handlers.
pub(crate) struct PoolMetrics(pub(crate) Metrics);

impl PoolObserver for PoolMetrics {
    fn hit(&self) {
        self.0.pool_acquired("hit");
    }

    fn joined(&self) {
        self.0.pool_acquired("joined");
    }

    fn built(&self) {
        self.0.pool_acquired("built");
    }

    fn evicted(&self, reason: Eviction) {
        self.0.pool_evicted(match reason {
            Eviction::CrowdedOut => "crowded_out",
            Eviction::Aged => "aged",
            Eviction::Idle => "idle",
            Eviction::Superseded => "superseded",
            Eviction::Closed => "closed",
        });
    }

    fn refused(&self, reason: Refusal) {
        self.0.pool_acquired(match reason {
            Refusal::Failed => "failed",
            Refusal::Closed => "closed",
        });
    }
}
