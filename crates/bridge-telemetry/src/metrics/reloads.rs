//! Settings that were read again and taken or refused.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;
use super::labels::KindLabels;
use super::registrar::{Registrar, now};

pub(super) struct Reloads {
    settings: Family<KindLabels, Counter>,
    last_reload: Gauge,
    last_success: Gauge,
}

impl Reloads {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            settings: to.add(
                "settings_reloads",
                "Configurations read again and taken or refused",
            ),
            last_reload: to.add(
                "settings_last_reload_timestamp_seconds",
                "When the configuration was read again last; 0 when it never was",
            ),
            last_success: to.add(
                "settings_last_reload_success_timestamp_seconds",
                "When a configuration that was read again was taken last; 0 when none was",
            ),
        }
    }
}

impl Metrics {
    /// The configuration was read again and taken, or refused.
    pub fn settings_reloaded(&self, taken: bool) {
        let families = &self.families().reloads;
        let kind = if taken { "taken" } else { "refused" };
        families.settings.get_or_create(&KindLabels { kind }).inc();
        families.last_reload.set(now());
        if taken {
            families.last_success.set(now());
        }
    }
}
