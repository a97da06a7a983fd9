//! What operators see of keys and breakers at one moment.

use std::sync::Arc;

use bridge_auth::KeySource;
use bridge_guard::{BreakerState, KeyCounts, Place};
use bridge_telemetry::{BreakerLevel, BreakerName, CredentialClass, KeyRingFigures, Metrics};
use tokio::time::Instant;

use super::{ListedProvider, Provider, ProviderSet};

impl ProviderSet {
    /// Brings the gauges of keys and breakers up to date: time changes them, and nobody is told.
    pub fn measure(&self, metrics: &Metrics) {
        let usable: Vec<_> = self
            .list()
            .into_iter()
            .filter_map(ListedProvider::provider)
            .collect();
        metrics.key_rings(usable.iter().filter_map(|provider| provider.key_figures()));
        let now = Instant::now().into_std();
        let breakers: Vec<_> = usable
            .iter()
            .map(|provider| (&provider.name, provider.guard.breakers.list(now)))
            .collect();
        let each = breakers.iter().flat_map(|(provider, breakers)| {
            let breakers = breakers.iter();
            breakers.map(|(place, state)| (name(provider, place), level(*state)))
        });
        metrics.breakers(each);
    }
}

impl Provider {
    /// How its keys are now. Without keys, or where callers bring their own, all are zero.
    #[must_use]
    pub fn key_counts(&self) -> KeyCounts {
        let ring = self.guard.ring.as_ref();
        ring.map(|ring| ring.counts(Instant::now().into_std()))
            .unwrap_or_default()
    }

    fn key_figures(&self) -> Option<KeyRingFigures> {
        let _has_keys = self.guard.ring.as_ref()?;
        let counts = self.key_counts();
        Some(KeyRingFigures {
            provider: Arc::clone(&self.name),
            ready: counts.valid,
            rate_limited: counts.rate_limited,
            unauthorized: counts.unauthorized,
        })
    }
}

fn name<'n>(provider: &'n Arc<str>, place: &'n Place) -> BreakerName<'n> {
    let is_own = place.class == KeySource::Byok.as_str();
    BreakerName {
        provider,
        route: place.route,
        model: &place.model,
        credential: if is_own {
            CredentialClass::Own
        } else {
            CredentialClass::Central
        },
    }
}

const fn level(state: BreakerState) -> BreakerLevel {
    match state {
        BreakerState::Closed => BreakerLevel::Closed,
        BreakerState::HalfOpen => BreakerLevel::HalfOpen,
        BreakerState::Open => BreakerLevel::Open,
    }
}
