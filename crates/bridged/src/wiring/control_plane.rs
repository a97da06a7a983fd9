//! A control plane without a gateway: `bridged control`.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bridge_auth::Secret;
use bridge_control::ControlServer;
use bridge_telemetry::task::Task;
use bridge_telemetry::{ErrorChain, Metrics};
use slog::{Logger, info};
use tokio::sync::watch;
use tokio::time::timeout;

use super::embedded::open;
use super::listeners::ControlListeners;
use super::readiness::{Reason, Report, State};
use super::reload_asks::Reloads;
use super::running::Running;
use super::settings::{Rereads, Settings};
use super::{StartError, address_of, gateway_routes, operator};
use crate::config::Config;

/// How long the store may take to answer before the control plane is not ready.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// A running control plane: its listeners for gateways and for the operator.
pub(crate) struct ControlPlane {
    gateways_address: SocketAddr,
    operator_address: SocketAddr,
    gateways: Running,
    operator: Running,
    logger: Logger,
    reloads: Reloads,
    /// Ends with it.
    _settings: Task<()>,
}

impl ControlPlane {
    /// Opens everything.
    ///
    /// # Errors
    /// When something cannot be opened. Nothing is left running then.
    pub(crate) async fn start(
        config: &Config,
        is_from_file: bool,
        rereads: Rereads,
        listeners: ControlListeners,
        folder: &Path,
        admin_token: Secret,
        logger: &Logger,
    ) -> Result<Self, StartError> {
        let listen = &config.listen;
        let metrics = Metrics::default();
        let token = admin_token.clone();
        let control = open(config, is_from_file, folder, token, &metrics, logger).await?;
        let settings = Settings {
            rereads,
            config: config.clone(),
            generations: None,
            control: Some(control.clone()),
            patience: watch::Sender::new(config.drain.patience),
            metrics: metrics.clone(),
            logger: logger.clone(),
        };
        let (reloads, settings) = Reloads::start(settings, logger);
        let operator_address = address_of(&listeners.operator, listen.operator_address);
        let routes = gateway_routes::router(None, Some(reloads.clone()), admin_token);
        let router = router(&control, reloads.clone(), metrics).merge(routes);
        Ok(Self {
            gateways_address: listeners.gateways.address(listen),
            operator_address,
            gateways: listeners.gateways.serve(&control, logger).await?,
            operator: operator::serve(listeners.operator, router, logger),
            logger: logger.clone(),
            reloads,
            _settings: settings,
        })
    }

    /// Asks it to read its configuration again.
    pub(crate) fn reloads(&self) -> Reloads {
        self.reloads.clone()
    }

    /// Where gateways connect.
    pub(crate) fn gateways_address(&self) -> SocketAddr {
        self.gateways_address
    }

    /// Where the operator connects.
    pub(crate) fn operator_address(&self) -> SocketAddr {
        self.operator_address
    }

    /// Serves until `stop` is done; then watch streams end, running calls are answered, and it
    /// leaves within seconds.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        stop.await;
        info!(self.logger, "stopping");
        tokio::join!(
            self.gateways.stop(&self.logger),
            self.operator.stop(&self.logger)
        );
    }
}

fn router(control: &ControlServer, reloads: Reloads, metrics: Metrics) -> Router {
    let store = control.clone();
    let ready = move || async move { readiness(&store, &reloads).await };
    operator::common(metrics, || {})
        .route("/readyz", get(ready))
        .merge(control.rest_beside(gateway_routes::document(false)))
}

async fn readiness(control: &ControlServer, reloads: &Reloads) -> Report {
    let trouble = match timeout(STORE_PATIENCE, control.check_store()).await {
        Ok(Ok(())) => None,
        Ok(Err(cause)) => Some(ErrorChain(&cause).to_string()),
        Err(_) => Some("the store does not answer".to_owned()),
    };
    let reasons = trouble.map(|text| Reason::new(State::NotReady, "store", text));
    Report::new(reasons.into_iter().chain(reloads.trouble()).collect())
}
