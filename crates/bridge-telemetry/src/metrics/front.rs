//! What is refused at the front door, before anybody is asked.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;
use super::labels::label_set;
use super::registrar::{Registrar, whole};

label_set! {
    struct LimitLabels {
        limit: &'static str,
    }
}

pub(super) struct Front {
    refusals: Family<LimitLabels, Counter>,
    callers: Gauge,
}

impl Front {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            refusals: to.add(
                "front_refusals",
                "Requests refused by a limit before anybody was asked",
            ),
            callers: to.add(
                "front_callers_watched",
                "Callers whose rate and concurrency are remembered now",
            ),
        }
    }
}

impl Metrics {
    /// This limit refused a request.
    pub fn front_refused(&self, limit: &'static str) {
        let families = &self.families().front;
        families
            .refusals
            .get_or_create(&LimitLabels { limit })
            .inc();
    }

    /// How many callers the limits remember.
    pub fn front_callers(&self, callers: usize) {
        let callers = whole(callers);
        self.families().front.callers.set(callers);
    }
}
