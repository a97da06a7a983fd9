//! Exchanges with providers, and the connections that carry them.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;
use super::labels::{Name, ReasonLabels, label_set};
use super::registrar::Registrar;

label_set! {
    struct PassthroughLabels {
        method: &'static str,
        provider: Name,
        route: &'static str,
    }
}

label_set! {
    struct ProtocolLabels {
        protocol: &'static str,
    }
}

pub(super) struct Upstream {
    connections: Family<ProtocolLabels, Counter>,
    connections_open: Family<ProtocolLabels, Gauge>,
    egress_refusals: Family<ReasonLabels, Counter>,
    passthroughs: Family<PassthroughLabels, Counter>,
    failures: Family<ReasonLabels, Counter>,
}

impl Upstream {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            connections: to.add(
                "upstream_connections",
                "Connections opened to providers, by protocol",
            ),
            connections_open: to.add(
                "upstream_connections_open",
                "Connections to providers open now, by protocol",
            ),
            egress_refusals: to.add(
                "egress_refusals",
                "Requests that were not sent because of where they would have gone",
            ),
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
    pub fn passed_through(&self, provider: &Arc<str>, method: &str, route: &'static str) {
        let labels = PassthroughLabels {
            method: usual_method(method),
            provider: Name::from(provider),
            route,
        };
        self.upstream().passthroughs.get_or_create(&labels).inc();
    }

    /// An exchange with a provider failed in this way.
    pub fn upstream_failed(&self, provider: &Arc<str>, reason: &'static str) {
        let labels = ReasonLabels {
            provider: Name::from(provider),
            reason,
        };
        self.upstream().failures.get_or_create(&labels).inc();
    }

    /// A connection to a provider was opened, which speaks this protocol.
    pub fn upstream_connection_opened(&self, protocol: &'static str) {
        let labels = ProtocolLabels { protocol };
        self.upstream().connections.get_or_create(&labels).inc();
        self.upstream()
            .connections_open
            .get_or_create(&labels)
            .inc();
    }

    /// Such a connection ended.
    pub fn upstream_connection_closed(&self, protocol: &'static str) {
        let labels = ProtocolLabels { protocol };
        self.upstream()
            .connections_open
            .get_or_create(&labels)
            .dec();
    }

    /// A request was not sent because of where it would have gone.
    pub fn egress_refused(&self, provider: &Arc<str>, reason: &'static str) {
        let labels = ReasonLabels {
            provider: Name::from(provider),
            reason,
        };
        self.upstream().egress_refusals.get_or_create(&labels).inc();
    }
}

/// Callers may write any word as a method, and providers' routes take few.
fn usual_method(method: &str) -> &'static str {
    ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]
        .into_iter()
        .find(|usual| *usual == method)
        .unwrap_or("other")
}
