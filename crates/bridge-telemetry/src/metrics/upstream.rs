//! Exchanges with providers.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::Metrics;
use super::labels::ReasonLabels;
use super::registrar::Registrar;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PassthroughLabels {
    provider: String,
    route: &'static str,
}

pub(super) struct Upstream {
    passthroughs: Family<PassthroughLabels, Counter>,
    failures: Family<ReasonLabels, Counter>,
}

impl Upstream {
    pub(super) fn register(to: &mut Registrar<'_>) -> Self {
        Self {
            passthroughs: to.add("passthroughs", "Requests passed through unrecorded"),
            failures: to.add("upstream_failures", "Failed exchanges with providers"),
        }
    }
}

impl Metrics {
    fn upstream(&self) -> &Upstream {
        &self.families().upstream
    }

    /// A request was passed through without being recorded.
    pub fn passed_through(&self, provider: &str, route: &'static str) {
        let labels = PassthroughLabels {
            provider: provider.to_owned(),
            route,
        };
        self.upstream().passthroughs.get_or_create(&labels).inc();
    }

    /// An exchange with a provider failed in this way.
    pub fn upstream_failed(&self, provider: &str, reason: &'static str) {
        let labels = ReasonLabels {
            provider: provider.to_owned(),
            reason,
        };
        self.upstream().failures.get_or_create(&labels).inc();
    }
}
