//! Whether authorised traffic can flow.

use bridge_gateway::Gateway;
use bridge_rpc::{Channel, ConnectionState};
use serde::Serialize;

use super::recording::Recording;

/// Looks at the gateway and at its way to the control plane.
#[derive(Clone)]
pub(super) struct Readiness {
    gateway: Gateway,
    channel: Channel,
    recording: Recording,
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
    pub(super) fn new(gateway: Gateway, channel: Channel, recording: Recording) -> Self {
        Self {
            gateway,
            channel,
            recording,
        }
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
        let troubles = self.recording.troubles();
        let refusing = troubles.into_iter().filter(|trouble| trouble.refuses);
        reasons.extend(refusing.map(|trouble| trouble.reason));
        Report {
            ready: reasons.is_empty(),
            reasons,
        }
    }
}
