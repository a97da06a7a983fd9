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
use bridge_telemetry::{ErrorChain, LogLosses, Metrics};
use slog::{Logger, info};
use tokio::sync::watch;
use tokio::time::timeout;

use super::embedded::open;
use super::listeners::ControlListeners;
use super::readiness::{Reason, Report, State};
use super::reload_asks::Reloads;
use super::running::{Pulse, Running};
use super::settings::{Rereads, Settings};
use super::{StartError, address_of, gateway_routes, gateways, operator};
use crate::config::Config;

/// How long the store may take to answer before the control plane is not ready.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// A running control plane: its listeners for gateways and for the operator.
pub(crate) struct ControlPlane {
    control: ControlServer,
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
        let (level, losses) = (rereads.level.clone(), rereads.losses.clone());
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
        let gateways_address = listeners.gateways.address(listen);
        let gateways = listeners.gateways.serve(&control, logger).await?;
        let ready = Ready {
            control: control.clone(),
            gateways: gateways.pulse(),
            reloads: reloads.clone(),
        };
        let routes = gateway_routes::router(None, Some(reloads.clone()), Some(level), admin_token);
        let router = router(&control, ready, metrics, losses).merge(routes);
        Ok(Self {
            control,
            gateways_address,
            operator_address,
            gateways,
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

    /// Serves until `stop` is done; then watch streams end, running calls are answered, users' tokens
    /// that are being got anew are kept, and it leaves within seconds.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        stop.await;
        info!(self.logger, "stopping");
        tokio::join!(
            self.gateways.stop(&self.logger),
            self.operator.stop(&self.logger)
        );
        self.control.settle().await;
    }
}

fn router(control: &ControlServer, ready: Ready, metrics: Metrics, losses: LogLosses) -> Router {
    let measured = metrics.clone();
    let report = move || async move { ready.report().await };
    operator::common(metrics, move || measured.log_losses(&losses))
        .route("/readyz", get(report))
        .merge(control.rest_beside(gateway_routes::document(false)))
}

/// Looks at everything that a gateway's call needs.
#[derive(Clone)]
struct Ready {
    control: ControlServer,
    gateways: Pulse,
    reloads: Reloads,
}

impl Ready {
    async fn report(&self) -> Report {
        let reasons = [
            self.store().await,
            gateways::trouble(&self.gateways, State::NotReady),
            self.reloads.trouble(),
        ];
        Report::new(reasons.into_iter().flatten().collect())
    }

    async fn store(&self) -> Option<Reason> {
        let text = match timeout(STORE_PATIENCE, self.control.check_store()).await {
            Ok(Ok(())) => return None,
            Ok(Err(cause)) => ErrorChain(&cause).to_string(),
            Err(_) => "the store does not answer".to_owned(),
        };
        Some(Reason::new(State::NotReady, "store", text))
    }
}

#[cfg(test)]
mod tests {
    use bridge_telemetry::{LogConfig, Logging, discard};
    use bytes::Bytes;
    use http::{Request, StatusCode};

    use super::*;
    use crate::config::env::Environment;
    use crate::http_client::converse;
    use crate::sockets::Inherited;
    use crate::supervisor::Supervisor;
    use crate::wiring::Source;

    /// A control plane without providers, on any two ports.
    async fn start(folder: &Path, logger: &Logger) -> ControlPlane {
        let pairs = [
            ("BRIDGED_DATA_FOLDER", folder.as_os_str().to_owned()),
            ("BRIDGED_LISTEN_CONTROL_ADDRESS", "127.0.0.1:0".into()),
            ("BRIDGED_LISTEN_OPERATOR_ADDRESS", "127.0.0.1:0".into()),
        ];
        let source = Source {
            named: None,
            environment: Environment::from_pairs(pairs),
        };
        let config = source.load().unwrap().config;
        let (logging, _) = Logging::start(LogConfig::default());
        let rereads = Rereads {
            source,
            level: logging.level_switch(),
            losses: logging.losses(),
            supervisor: Supervisor::none(logger),
        };
        let inherited = Inherited::default();
        let listeners = ControlListeners::open(&config.listen, &inherited);
        let listeners = listeners.await.unwrap();
        let token = Secret::new("operator-token".to_owned());
        ControlPlane::start(&config, false, rereads, listeners, folder, token, logger)
            .await
            .unwrap()
    }

    async fn ready(address: SocketAddr) -> (StatusCode, String) {
        let request = Request::get("/readyz").body(Bytes::new().into()).unwrap();
        let patience = Duration::from_secs(30);
        let answer = converse(&address.to_string(), request, patience).await;
        let (head, body) = answer.unwrap().into_parts();
        (head.status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn who_no_longer_serves_gateways_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let logger = discard();
        let plane = start(folder.path(), &logger).await;
        let address = plane.operator_address;
        let (status, body) = ready(address).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let ControlPlane {
            gateways,
            operator: _serves_on,
            ..
        } = plane;
        gateways.stop(&logger).await;
        let (status, body) = ready(address).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        assert!(body.contains("\"what\":\"gateways\""), "{body}");
    }
}
