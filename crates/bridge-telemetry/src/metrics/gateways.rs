//! Gateways on other machines, as their control plane sees them.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;
use super::labels::KindLabels;
use super::registrar::Registrar;

pub(super) struct Gateways {
    connected: Gauge,
    refusals: Family<KindLabels, Counter>,
    heartbeat_failures: Counter,
}

impl Gateways {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            connected: to.add(
                "gateways_connected",
                "Connections of gateways on other machines that have proven a key",
            ),
            refusals: to.add("gateway_refusals", "Calls of gateways refused"),
            heartbeat_failures: to.add(
                "gateway_heartbeat_failures",
                "Times that the store did not note that a gateway is connected",
            ),
        }
    }
}

impl Metrics {
    fn gateways(&self) -> &Gateways {
        &self.families().gateways
    }

    /// A gateway has proven its key to the control plane.
    pub fn gateway_connected(&self) {
        self.gateways().connected.inc();
    }

    /// A connection of such a gateway ended.
    pub fn gateway_disconnected(&self) {
        self.gateways().connected.dec();
    }

    /// The control plane refused a call of a gateway, for this reason.
    pub fn gateway_refused(&self, kind: &'static str) {
        self.gateways()
            .refusals
            .get_or_create(&KindLabels { kind })
            .inc();
    }

    /// The control plane could not note that a gateway is connected.
    pub fn gateway_heartbeat_failed(&self) {
        self.gateways().heartbeat_failures.inc();
    }
}
