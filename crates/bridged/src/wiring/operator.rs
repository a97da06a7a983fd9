//! The operator's listener: the REST API, health and metrics.

use axum::Json;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use bridge_control::ControlServer;
use bridge_telemetry::{ErrorChain, Metrics};
use slog::{Logger, error};
use tokio::net::TcpListener;

use super::readiness::Readiness;
use super::running::Running;

/// Everything that the operator can ask for.
pub(super) fn router(control: &ControlServer, readiness: Readiness, metrics: Metrics) -> Router {
    let ready = move || async move {
        let report = readiness.report();
        let status = if report.ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        (status, Json(report))
    };
    let expose = move || async move {
        ([(CONTENT_TYPE, Metrics::CONTENT_TYPE)], metrics.expose()).into_response()
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(expose))
        .merge(control.rest())
}

/// Serves until told to stop.
pub(super) fn serve(listener: TcpListener, router: Router, logger: &Logger) -> Running {
    let lines = logger.clone();
    Running::start(logger, "operator", |stopped| async move {
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(stopped.wait())
            .await;
        if let Err(cause) = served {
            error!(lines, "the operator's listener stopped"; "error" => ErrorChain(&cause));
        }
    })
}
