//! The set of providers: who is in it, and when a new one was taken.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;
use super::labels::{KindLabels, Name, label_set, label_values};
use super::listed::Listed;
use super::registrar::{Registrar, now, whole};

/// Whether a provider can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderStatus {
    /// It can.
    Enabled,
    /// The operator switched it off.
    Disabled,
    /// It could not be built from its settings.
    Error,
}

/// A provider as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFigures {
    /// Name of the instance.
    pub name: Arc<str>,
    /// Its type, from a closed list.
    pub kind: &'static str,
    /// Whether it can be used.
    pub status: ProviderStatus,
}

label_values!(ProviderStatus {
    Enabled => "enabled",
    Disabled => "disabled",
    Error => "error",
});

label_set! {
    struct InfoLabels {
        provider: Name,
        kind: &'static str,
        status: ProviderStatus,
    }
}

pub(super) struct Providers {
    info: Listed<InfoLabels>,
    reloads: Family<KindLabels, Counter>,
    generation: Gauge,
    last_reload: Gauge,
    last_success: Gauge,
}

impl Providers {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            info: to.list(
                "provider_info",
                "1 for each provider, with its type and whether it can be used",
            ),
            reloads: to.add("reloads", "Provider sets taken or refused"),
            generation: to.add("generation", "Number of the provider set in use"),
            last_reload: to.add(
                "providers_last_reload_timestamp_seconds",
                "When a provider set came last, taken or refused; 0 before the first",
            ),
            last_success: to.add(
                "providers_last_reload_success_timestamp_seconds",
                "When a provider set was taken last; 0 before the first",
            ),
        }
    }
}

impl Metrics {
    fn provider_families(&self) -> &Providers {
        &self.families().providers
    }

    /// These are the providers now. Those that are not in the list are not exposed any more.
    pub fn providers(&self, providers: impl IntoIterator<Item = ProviderFigures>) {
        let samples = providers.into_iter().map(|provider| {
            let labels = InfoLabels {
                provider: Name::from(&provider.name),
                kind: provider.kind,
                status: provider.status,
            };
            (labels, 1.0)
        });
        self.provider_families().info.replace(samples);
    }

    /// A new set of providers was taken, or refused.
    pub fn reloaded(&self, generation: u64, taken: bool) {
        let families = self.provider_families();
        let kind = if taken { "taken" } else { "refused" };
        families.reloads.get_or_create(&KindLabels { kind }).inc();
        families.last_reload.set(now());
        if taken {
            families.last_success.set(now());
            families.generation.set(whole(generation));
        }
    }
}
