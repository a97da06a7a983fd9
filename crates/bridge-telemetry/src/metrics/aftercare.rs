//! Answers whose callers have left.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;
use super::labels::KindLabels;
use super::registrar::Registrar;

pub(super) struct Aftercare {
    running: Gauge,
    ended: Family<KindLabels, Counter>,
}

impl Aftercare {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            running: to.add(
                "aftercare_running",
                "Answers whose callers have left and that are read on now",
            ),
            ended: to.add(
                "aftercare",
                "Answers whose callers had left and that were read on, or could not be",
            ),
        }
    }
}

impl Metrics {
    fn aftercare(&self) -> &Aftercare {
        &self.families().aftercare
    }

    /// An answer whose caller left is read on.
    pub fn aftercare_began(&self) {
        self.aftercare().running.inc();
    }

    /// An answer is read on no longer.
    pub fn aftercare_left(&self) {
        self.aftercare().running.dec();
    }

    /// This is how reading an answer on ended, or that it could not begin.
    pub fn aftercare_ended(&self, how: &'static str) {
        self.aftercare()
            .ended
            .get_or_create(&KindLabels { kind: how })
            .inc();
    }
}
