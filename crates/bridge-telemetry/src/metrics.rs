//! Counters for the operator. Others report events; names and labels are decided here.
//!
//! Each subject has a file of its own with its families, their names and help, and the events that
//! move them.

mod aftercare;
mod callers;
mod gateways;
mod interceptions;
mod journal;
mod labels;
mod pool;
mod records;
mod registrar;
mod reloads;
mod requests;
mod upstream;

use std::fmt;
use std::sync::Arc;

use prometheus_client::registry::Registry;

pub use self::callers::AuthResult;
pub use self::interceptions::{InterceptionLabels, OutcomeLabel, TokenKind};
pub use self::journal::JournalFigures;
use self::registrar::Registrar;
pub use self::requests::Readiness;

/// All families of the process. Cloning shares them.
///
/// Labels are names of configured providers, routes from a closed list, client names from a closed
/// list and closed enums: nothing a caller writes becomes a series.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    families: Families,
}

struct Families {
    requests: requests::Requests,
    callers: callers::Callers,
    interceptions: interceptions::Interceptions,
    upstream: upstream::Upstream,
    aftercare: aftercare::Aftercare,
    records: records::Records,
    journal: journal::Journal,
    pool: pool::Pool,
    reloads: reloads::Reloads,
    gateways: gateways::Gateways,
}

impl Families {
    fn register(registry: &mut Registry) -> Self {
        let to = &mut Registrar(registry);
        Self {
            requests: requests::Requests::register(to),
            callers: callers::Callers::register(to),
            interceptions: interceptions::Interceptions::register(to),
            upstream: upstream::Upstream::register(to),
            aftercare: aftercare::Aftercare::register(to),
            records: records::Records::register(to),
            journal: journal::Journal::register(to),
            pool: pool::Pool::register(to),
            reloads: reloads::Reloads::register(to),
            gateways: gateways::Gateways::register(to),
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
        Self(Arc::new(Inner { registry, families }))
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
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn events_become_samples() {
        let metrics = Metrics::default();
        metrics.connection_opened();
        metrics.interception_started(&Arc::from("anthropic"));
        let labels = InterceptionLabels {
            provider: "anthropic".to_owned(),
            route: "/v1/messages",
            client: "Claude Code",
            outcome: OutcomeLabel::Completed,
        };
        metrics.interception_ended(&labels, Duration::from_millis(700));
        metrics.tokens("anthropic", TokenKind::CacheRead, 7);
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
}
