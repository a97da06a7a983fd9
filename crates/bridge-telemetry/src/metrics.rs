//! Counters for the operator. Others report events; names and labels are decided here.
//!
//! Each subject has a file of its own with its families, their names and help, and the events that
//! move them.

mod aftercare;
mod attempts;
mod bounded;
mod callers;
mod front;
mod gateways;
mod interceptions;
mod journal;
mod key_rings;
mod labels;
mod listed;
mod pool;
mod providers;
mod records;
mod registrar;
mod reloads;
mod requests;
mod sight;
mod upstream;

use std::fmt;
use std::sync::Arc;

use prometheus_client::registry::Registry;

pub use self::attempts::{BreakerLevel, BreakerName, CredentialClass};
use self::bounded::Bounded;
pub use self::callers::AuthResult;
pub use self::interceptions::{InterceptionLabels, OutcomeLabel, TokenKind};
pub use self::journal::JournalFigures;
pub use self::key_rings::{KeyRingFigures, KeyTrouble};
pub use self::providers::{ProviderFigures, ProviderStatus};
use self::registrar::Registrar;
pub use self::requests::Readiness;

/// How many names from outside may have a label of their own; the rest share `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelLimits {
    /// Models, as callers name them. Default 50.
    pub models: usize,
}

impl Default for LabelLimits {
    fn default() -> Self {
        Self { models: 50 }
    }
}

/// All families of the process. Cloning shares them.
///
/// Labels are names of configured providers, routes from a closed list, client names from a closed
/// list and closed enums: nothing a caller writes becomes a series.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    families: Families,
    models: Bounded,
}

struct Families {
    requests: requests::Requests,
    callers: callers::Callers,
    interceptions: interceptions::Interceptions,
    upstream: upstream::Upstream,
    key_rings: key_rings::KeyRings,
    attempts: attempts::Attempts,
    front: front::Front,
    aftercare: aftercare::Aftercare,
    records: records::Records,
    journal: journal::Journal,
    pool: pool::Pool,
    providers: providers::Providers,
    reloads: reloads::Reloads,
    gateways: gateways::Gateways,
    sight: sight::Sight,
}

impl Families {
    fn register(registry: &mut Registry) -> Self {
        let to = &mut Registrar(registry);
        Self {
            requests: requests::Requests::register(to),
            callers: callers::Callers::register(to),
            interceptions: interceptions::Interceptions::register(to),
            upstream: upstream::Upstream::register(to),
            key_rings: key_rings::KeyRings::register(to),
            attempts: attempts::Attempts::register(to),
            front: front::Front::register(to),
            aftercare: aftercare::Aftercare::register(to),
            records: records::Records::register(to),
            journal: journal::Journal::register(to),
            pool: pool::Pool::register(to),
            providers: providers::Providers::register(to),
            reloads: reloads::Reloads::register(to),
            gateways: gateways::Gateways::register(to),
            sight: sight::Sight::register(to),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("bridge");
        let families = Families::register(&mut registry);
        Self(Arc::new(Inner {
            registry,
            families,
            models: Bounded::new(LabelLimits::default().models),
        }))
    }
}

impl Metrics {
    /// The content type of [`Metrics::expose`].
    pub const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All families in the OpenMetrics text format.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut text = String::new();
        // Writing to a String fails only when it cannot grow.
        let _ignored = prometheus_client::encoding::text::encode(&mut text, &self.0.registry);
        text
    }

    fn families(&self) -> &Families {
        &self.0.families
    }

    /// From now on this many names may have a label of their own. Those that have one keep it.
    pub fn limit_labels(&self, limits: LabelLimits) {
        self.0.models.limit_to(limits.models);
    }

    /// The labels of models, as callers name them.
    fn models(&self) -> &Bounded {
        &self.0.models
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn events_become_samples() {
        let metrics = Metrics::default();
        metrics.connection_opened();
        let provider = Arc::from("anthropic");
        metrics.interception_started(&provider);
        let labels = InterceptionLabels {
            provider: Arc::clone(&provider),
            route: "/v1/messages",
            client: "Claude Code",
            outcome: OutcomeLabel::Completed,
        };
        metrics.interception_ended(&labels, Duration::from_millis(700));
        metrics.tokens(&provider, TokenKind::CacheRead, 7);
        let text = metrics.expose();
        for sample in [
            "bridge_connections_total 1",
            "bridge_connections_open 1",
            "bridge_interceptions_inflight{provider=\"anthropic\"} 0",
            "client=\"Claude Code\"",
            "bridge_interception_duration_seconds_bucket{le=\"1.0\",provider=\"anthropic\"} 1",
            "bridge_tokens_total{provider=\"anthropic\",kind=\"cache_read\"} 7",
        ] {
            assert!(text.contains(sample), "{sample} is not in\n{text}");
        }
    }

    #[test]
    fn lists_hold_what_is_there_now() {
        let metrics = Metrics::default();
        let ring = |name: &str, ready, rate_limited| KeyRingFigures {
            provider: Arc::from(name),
            ready,
            rate_limited,
            unauthorized: 0,
        };
        metrics.key_rings([ring("a", 1, 1), ring("b", 2, 0)]);
        let text = metrics.expose();
        for sample in [
            "bridge_key_ring_keys{provider=\"a\",state=\"ready\"} 1",
            "bridge_key_ring_keys{provider=\"a\",state=\"rate_limited\"} 1",
            "bridge_key_ring_keys{provider=\"a\",state=\"unauthorized\"} 0",
            "bridge_key_ring_keys{provider=\"b\",state=\"ready\"} 2",
        ] {
            assert!(text.contains(sample), "{sample} is not in\n{text}");
        }
        metrics.key_rings([ring("b", 0, 2)]);
        let text = metrics.expose();
        assert!(!text.contains("provider=\"a\""), "{text}");
        assert!(text.contains("provider=\"b\",state=\"rate_limited\"} 2"));
    }

    #[test]
    fn breakers_that_share_labels_show_the_worst() {
        let metrics = Metrics::default();
        let provider = Arc::from("anthropic");
        let name = |model| BreakerName {
            provider: &provider,
            route: "/v1/messages",
            model,
            credential: CredentialClass::Central,
        };
        metrics.breaker_tripped(name("known"));
        metrics.breakers([
            (name("x"), BreakerLevel::Closed),
            (name("y"), BreakerLevel::HalfOpen),
            (name("z"), BreakerLevel::Closed),
            (name("known"), BreakerLevel::Open),
        ]);
        let text = metrics.expose();
        let labels = |model| {
            format!(
                "bridge_breaker_state{{provider=\"anthropic\",route=\"/v1/messages\",\
                 model=\"{model}\",credential=\"central\"}}"
            )
        };
        for sample in [labels("other") + " 0.5", labels("known") + " 1.0"] {
            assert!(text.contains(&sample), "{sample} is not in\n{text}");
        }
    }
}
