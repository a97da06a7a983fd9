//! What stands between a request and a provider that is not well: breakers and retries.

use std::collections::BTreeMap;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::Metrics;
use super::labels::{Name, ProviderLabels, ReasonLabels, label_set, label_values};
use super::listed::Listed;
use super::registrar::Registrar;

/// Whose credentials a breaker judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CredentialClass {
    /// Those of the organisation.
    Central,
    /// Those that callers bring.
    Own,
}

/// What a breaker does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerLevel {
    /// It lets them pass: 0.
    Closed,
    /// It lets a few pass, to see: 0.5.
    HalfOpen,
    /// It refuses them: 1.
    Open,
}

/// Which breaker. The model's name is bounded by the label's limit before it becomes a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerName<'n> {
    /// Name of the provider instance.
    pub provider: &'n Arc<str>,
    /// Route of the provider, from a closed list.
    pub route: &'static str,
    /// The model as it was asked for.
    pub model: &'n str,
    /// Whose credentials.
    pub credential: CredentialClass,
}

label_values!(CredentialClass {
    Central => "central",
    Own => "own",
});

label_set! {
    #[derive(PartialOrd, Ord)]
    struct BreakerLabels {
        provider: Name,
        route: &'static str,
        model: Name,
        credential: CredentialClass,
    }
}

pub(super) struct Attempts {
    breakers: Listed<BreakerLabels>,
    trips: Family<BreakerLabels, Counter>,
    rejects: Family<BreakerLabels, Counter>,
    retries: Family<ReasonLabels, Counter>,
    budget_spent: Family<ProviderLabels, Counter>,
}

impl Attempts {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            breakers: to.list(
                "breaker_state",
                "What a breaker does: 0 closed, 0.5 half open, 1 open; the worst of those that \
                 share labels",
            ),
            trips: to.add("breaker_trips", "Times that a breaker opened"),
            rejects: to.add("breaker_rejects", "Requests that a breaker refused"),
            retries: to.add(
                "retries",
                "Attempts that followed a failed one, by its reason",
            ),
            budget_spent: to.add(
                "retry_budget_exhausted",
                "Requests not tried again because too much of the traffic was already",
            ),
        }
    }
}

impl Metrics {
    fn attempts(&self) -> &Attempts {
        &self.families().attempts
    }

    fn breaker_labels(&self, name: BreakerName<'_>) -> BreakerLabels {
        BreakerLabels {
            provider: Name::from(name.provider),
            route: name.route,
            model: self.names().models.find(name.model),
            credential: name.credential,
        }
    }

    /// How all breakers are now. They half open when time passes and nobody is told, so this is
    /// asked for at each scrape; those that are not in the list are not exposed any more.
    pub fn breakers<'n>(
        &self,
        breakers: impl IntoIterator<Item = (BreakerName<'n>, BreakerLevel)>,
    ) {
        let mut worst = BTreeMap::new();
        for (name, level) in breakers {
            let seen = worst.entry(self.breaker_labels(name)).or_insert(level);
            *seen = level.max(*seen);
        }
        let samples = worst.into_iter().map(|(labels, level)| {
            let value = match level {
                BreakerLevel::Closed => 0.0,
                BreakerLevel::HalfOpen => 0.5,
                BreakerLevel::Open => 1.0,
            };
            (labels, value)
        });
        self.attempts().breakers.replace(samples);
    }

    /// A breaker opened.
    pub fn breaker_tripped(&self, name: BreakerName<'_>) {
        // Its model is worth a label of its own if there is room.
        let _label = self.names().models.admit(name.model);
        let labels = self.breaker_labels(name);
        self.attempts().trips.get_or_create(&labels).inc();
    }

    /// A breaker refused a request.
    pub fn breaker_rejected(&self, name: BreakerName<'_>) {
        let labels = self.breaker_labels(name);
        self.attempts().rejects.get_or_create(&labels).inc();
    }

    /// A request is tried again after a failure of this kind.
    pub fn retried(&self, provider: &Arc<str>, reason: &'static str) {
        let provider = Name::from(provider);
        self.attempts()
            .retries
            .get_or_create(&ReasonLabels { provider, reason })
            .inc();
    }

    /// A request is not tried again, because too much of the traffic to this provider was already.
    pub fn retry_budget_spent(&self, provider: &Arc<str>) {
        let provider = Name::from(provider);
        self.attempts()
            .budget_spent
            .get_or_create(&ProviderLabels { provider })
            .inc();
    }
}
