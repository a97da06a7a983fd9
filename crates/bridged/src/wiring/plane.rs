//! The control plane of a server: in this process, or elsewhere.

use std::net::SocketAddr;
use std::path::Path;

use bridge_auth::Secret;
use bridge_control::ControlServer;
use bridge_rpc::Channel;
use bridge_telemetry::Metrics;
use slog::Logger;

use super::StartError;
use super::embedded::Embedded;
use super::remote::{Remote, Welcome};
use super::running::Pulse;
use crate::config::Config;

/// What the gateway's channel leads to.
pub(super) enum Plane {
    /// It ends with the server.
    Embedded(Embedded),
    /// Somebody else's.
    Remote(Remote),
}

impl Plane {
    /// Opens the embedded one, or starts to connect to the other.
    ///
    /// # Errors
    /// When something cannot be opened. A control plane elsewhere that is away is no error.
    pub(super) async fn start(
        config: &Config,
        is_from_file: bool,
        folder: &Path,
        admin_token: Secret,
        metrics: &Metrics,
        logger: &Logger,
    ) -> Result<Self, StartError> {
        match &config.control {
            Some(control) => Remote::connect(control, logger).map(Self::Remote),
            None => Embedded::start(config, is_from_file, folder, admin_token, metrics, logger)
                .await
                .map(Self::Embedded),
        }
    }

    /// The gateway's connection to it.
    pub(super) fn channel(&self) -> &Channel {
        match self {
            Self::Embedded(embedded) => &embedded.channel,
            Self::Remote(remote) => &remote.channel,
        }
    }

    /// The embedded one.
    pub(super) fn control(&self) -> Option<&ControlServer> {
        match self {
            Self::Embedded(embedded) => Some(&embedded.control),
            Self::Remote(_) => None,
        }
    }

    /// Where the embedded one serves gateways of other machines, if it does.
    pub(super) fn gateways_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Embedded(embedded) => embedded.gateways_address(),
            Self::Remote(_) => None,
        }
    }

    /// Whether the embedded one still serves those, if it should.
    pub(super) fn gateways(&self) -> Option<Pulse> {
        match self {
            Self::Embedded(embedded) => embedded.gateways(),
            Self::Remote(_) => None,
        }
    }

    /// Whether it still wants this gateway. The embedded one always does.
    pub(super) fn welcome(&self) -> Welcome {
        let url = match self {
            Self::Embedded(_) => "this process".to_owned(),
            Self::Remote(remote) => remote.url.clone(),
        };
        Welcome::new(self.channel(), url)
    }

    /// Ends the embedded one when every call is answered, or when that takes too long.
    pub(super) async fn stop(self, logger: &Logger) {
        match self {
            Self::Embedded(embedded) => embedded.stop(logger).await,
            Self::Remote(_) => {}
        }
    }
}
