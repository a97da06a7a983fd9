//! Keys of providers, and how often the next one had to be tried.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::Metrics;
use super::labels::{Name, ProviderLabels, label_set, label_values};
use super::listed::Listed;
use super::registrar::Registrar;

/// Upper bounds of how many keys one request tried.
const TRIED_BUCKETS: [f64; 6] = [0.0, 1.0, 2.0, 3.0, 5.0, 10.0];

/// How many keys of a provider are in which state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRingFigures {
    /// Name of the provider instance.
    pub provider: Arc<str>,
    /// Keys that may be used.
    pub ready: usize,
    /// Keys that cool because the provider said to come back later.
    pub rate_limited: usize,
    /// Keys that cool because the provider did not know them.
    pub unauthorized: usize,
}

/// Why a key has to cool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyTrouble {
    /// The provider said to come back later.
    RateLimited,
    /// The provider did not know the key.
    Unauthorized,
}

label_values!(KeyTrouble {
    RateLimited => "rate_limited",
    Unauthorized => "unauthorized",
});

label_set! {
    struct StateLabels {
        provider: Name,
        state: &'static str,
    }
}

label_set! {
    struct TroubleLabels {
        provider: Name,
        reason: KeyTrouble,
    }
}

pub(super) struct KeyRings {
    states: Listed<StateLabels>,
    transitions: Family<TroubleLabels, Counter>,
    exhaustions: Family<TroubleLabels, Counter>,
    tried: Family<ProviderLabels, Histogram>,
}

fn tried() -> Histogram {
    Histogram::new(TRIED_BUCKETS)
}

impl KeyRings {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            states: to.list(
                "key_ring_keys",
                "Keys of providers by state, as of this scrape",
            ),
            transitions: to.add("key_ring_transitions", "Keys that began to cool, by reason"),
            exhaustions: to.add(
                "key_ring_exhaustions",
                "Requests that found no key left, by what the keys wait for",
            ),
            tried: to.add_made(
                "key_ring_keys_tried",
                "Keys that one request tried",
                Family::new_with_constructor(tried as fn() -> Histogram),
            ),
        }
    }
}

impl Metrics {
    fn key_ring_families(&self) -> &KeyRings {
        &self.families().key_rings
    }

    /// How the rings of all providers are now. Keys recover when time passes and nobody is told, so
    /// this is asked for at each scrape; rings that are not in the list are not exposed any more.
    pub fn key_rings(&self, rings: impl IntoIterator<Item = KeyRingFigures>) {
        let samples = rings.into_iter().flat_map(|ring| {
            let provider = Name::from(&ring.provider);
            [
                ("ready", ring.ready),
                ("rate_limited", ring.rate_limited),
                ("unauthorized", ring.unauthorized),
            ]
            .map(|(state, keys)| {
                let provider = provider.clone();
                (
                    StateLabels { provider, state },
                    f64::from(u32::try_from(keys).unwrap_or(u32::MAX)),
                )
            })
        });
        self.key_ring_families().states.replace(samples);
    }

    /// A key that was ready cools from now on.
    pub fn key_cools(&self, provider: &Arc<str>, reason: KeyTrouble) {
        let provider = Name::from(provider);
        self.key_ring_families()
            .transitions
            .get_or_create(&TroubleLabels { provider, reason })
            .inc();
    }

    /// A request found no key left. The reason is that of the answer: rate limited when waiting
    /// helps.
    pub fn key_ring_exhausted(&self, provider: &Arc<str>, reason: KeyTrouble) {
        let provider = Name::from(provider);
        self.key_ring_families()
            .exhaustions
            .get_or_create(&TroubleLabels { provider, reason })
            .inc();
    }

    /// This many keys were tried for one request, whatever came of it.
    pub fn keys_tried(&self, provider: &Arc<str>, keys: u32) {
        let provider = Name::from(provider);
        self.key_ring_families()
            .tried
            .get_or_create(&ProviderLabels { provider })
            .observe(f64::from(keys));
    }
}
