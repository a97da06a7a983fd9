//! The control plane's listener for gateways of other machines.

use std::net::SocketAddr;

use bridge_control::{ControlServer, ListenConfig};
use bridge_telemetry::ErrorChain;
use slog::{Logger, error, warn};
use tokio::net::TcpListener;

use super::readiness::{Reason, State};
use super::running::{Pulse, Running};
use super::{StartError, address_of, listeners};
use crate::config::sections::Listen;

/// A listener that is open, with what it proves itself with.
pub(super) struct GatewayListener {
    listener: TcpListener,
    config: ListenConfig,
}

impl GatewayListener {
    /// Opens it, or takes the socket that was handed over. Nobody is served yet.
    ///
    /// # Errors
    /// When certificate and key cannot be used, the address is taken, or a socket that was handed
    /// over is open to other machines and nothing encrypts.
    pub(super) async fn open(
        listen: &Listen,
        handed: Option<std::net::TcpListener>,
    ) -> Result<Self, StartError> {
        let identity = listen
            .identity()
            .map_err(|(setting, problem)| StartError::Identity { setting, problem })?;
        let setting = "listen.control_address";
        let listener = listeners::open(setting, listen.gateways(), handed).await?;
        listen
            .check_encryption(address_of(&listener, listen.gateways()))
            .map_err(|problem| StartError::Identity { setting, problem })?;
        Ok(Self {
            listener,
            config: ListenConfig {
                identity,
                ..ListenConfig::default()
            },
        })
    }

    /// Where gateways connect.
    pub(super) fn address(&self, listen: &Listen) -> SocketAddr {
        address_of(&self.listener, listen.gateways())
    }

    /// Serves until it is told to stop.
    ///
    /// # Errors
    /// When the store does not say which gateways may come.
    pub(super) async fn serve(
        self,
        control: &ControlServer,
        logger: &Logger,
    ) -> Result<Running, StartError> {
        let read = control.read_gateway_keys().await;
        read.map_err(StartError::Gateways)?;
        let (control, lines) = (control.clone(), logger.clone());
        let is_reachable = !self
            .listener
            .local_addr()
            .is_ok_and(|address| address.ip().is_loopback());
        if self.config.identity.is_none() && is_reachable {
            warn!(
                logger,
                "gateways are served unencrypted: name a certificate in \
                         listen.control_certificate_file"
            );
        }
        Ok(Running::start(logger, "gateways", |stopped| async move {
            let Self { listener, config } = self;
            if let Err(cause) = control.listen(listener, config, stopped.wait()).await {
                error!(lines, "gateways are no longer served"; "error" => ErrorChain(&cause));
            }
        }))
    }
}

/// Why gateways of other machines are not served although they should be, and what that does to
/// traffic here.
pub(super) fn trouble(gateways: &Pulse, state: State) -> Option<Reason> {
    let text = "gateways of other machines are no longer served";
    gateways
        .has_stopped()
        .then(|| Reason::new(state, "gateways", text))
}
