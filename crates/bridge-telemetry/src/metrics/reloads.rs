//! Settings and sets of providers that were taken or refused.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;
use super::labels::KindLabels;
use super::registrar::Registrar;

pub(super) struct Reloads {
    settings: Family<KindLabels, Counter>,
    providers: Family<KindLabels, Counter>,
    generation: Gauge,
}

impl Reloads {
    pub(super) fn register(to: &mut Registrar<'_>) -> Self {
        Self {
            settings: to.add(
                "settings_reloads",
                "Configurations read again and taken or refused",
            ),
            providers: to.add("reloads", "Provider sets taken or refused"),
            generation: to.add("generation", "Number of the provider set in use"),
        }
    }
}

impl Metrics {
    fn reloads(&self) -> &Reloads {
        &self.families().reloads
    }

    /// The configuration was read again and taken, or refused.
    pub fn settings_reloaded(&self, taken: bool) {
        let kind = if taken { "taken" } else { "refused" };
        self.reloads()
            .settings
            .get_or_create(&KindLabels { kind })
            .inc();
    }

    /// A new set of providers was taken, or refused.
    pub fn reloaded(&self, generation: u64, taken: bool) {
        let families = self.reloads();
        let kind = if taken { "taken" } else { "refused" };
        families.providers.get_or_create(&KindLabels { kind }).inc();
        if taken {
            families
                .generation
                .set(i64::try_from(generation).unwrap_or(i64::MAX));
        }
    }
}
