//! Whether authorised traffic can flow.

use bridge_gateway::Gateway;
use bridge_rpc::{Channel, ConnectionState};
use serde::Serialize;

/// Looks at the gateway and at its way to the control plane.
#[derive(Clone)]
pub(super) struct Readiness {
    gateway: Gateway,
    channel: Channel,
}

/// What `/readyz` says.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether authorised traffic can flow.
    pub(super) ready: bool,
    /// Why it cannot; empty when it can.
    pub(super) reasons: Vec<String>,
}

impl Readiness {
    pub(super) fn new(gateway: Gateway, channel: Channel) -> Self {
        Self { gateway, channel }
    }

    pub(super) fn report(&self) -> Report {
        let mut reasons = Vec::new();
        if !self.gateway.is_serving() {
            reasons.push("the gateway is shutting down or has no providers yet".to_owned());
        }
        match self.channel.state() {
            ConnectionState::Connected { .. } => {}
            ConnectionState::Connecting { attempts, .. } => {
                reasons.push(format!("no control plane, {attempts} attempts failed"));
            }
            ConnectionState::Fatal { reason, .. } => {
                reasons.push(format!("the control plane refused this gateway: {reason}"));
            }
        }
        Report {
            ready: reasons.is_empty(),
            reasons,
        }
    }
}
