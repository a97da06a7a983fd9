//! The pool of handlers.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::Metrics;
use super::labels::KindLabels;
use super::registrar::Registrar;

pub(super) struct Pool {
    acquisitions: Family<KindLabels, Counter>,
    evictions: Family<KindLabels, Counter>,
}

impl Pool {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            acquisitions: to.add("pool_acquisitions", "Handlers found or built"),
            evictions: to.add("pool_evictions", "Handlers taken out of the pool"),
        }
    }
}

impl Metrics {
    /// A handler was built or found.
    pub fn pool_acquired(&self, how: &'static str) {
        let families = &self.families().pool;
        families
            .acquisitions
            .get_or_create(&KindLabels { kind: how })
            .inc();
    }

    /// A handler was taken out of the pool.
    pub fn pool_evicted(&self, why: &'static str) {
        let families = &self.families().pool;
        families
            .evictions
            .get_or_create(&KindLabels { kind: why })
            .inc();
    }
}
