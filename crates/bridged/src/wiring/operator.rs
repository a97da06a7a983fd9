//! The operator's listener: the REST API, health and metrics.

use axum::Json;
use axum::Router;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use bridge_control::api::{Problem, ProblemDetail};
use bridge_telemetry::{ErrorChain, Exposition, LogLosses, Metrics};
use slog::{Logger, error};
use tokio::net::TcpListener;

use super::gateway_routes;
use super::plane::Plane;
use super::readiness::Readiness;
use super::running::Running;

/// Everything that the operator can ask a gateway with this control plane for.
pub(super) fn router(
    plane: &Plane,
    readiness: Readiness,
    metrics: Metrics,
    losses: Option<LogLosses>,
) -> Router {
    let measured = (readiness.clone(), metrics.clone());
    let router = common(metrics, move || {
        measured.0.measure(&measured.1);
        if let Some(losses) = &losses {
            measured.1.log_losses(losses);
        }
    });
    let router = router.route("/readyz", get(|| async move { readiness.report() }));
    match plane {
        Plane::Embedded(embedded) => {
            router.merge(embedded.control.rest_beside(gateway_routes::document(true)))
        }
        Plane::Remote(remote) => router.merge(elsewhere(&remote.url)),
    }
}

/// What every process of ours answers. `measure` brings those gauges up to date that nobody tells
/// of a change.
pub(super) fn common<F>(metrics: Metrics, measure: F) -> Router
where
    F: Fn() + Clone + Send + Sync + 'static,
{
    let expose = move |headers: HeaderMap| async move {
        measure();
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        let format = Exposition::accepted(accept.unwrap_or_default());
        let text = metrics.expose_as(format);
        ([(CONTENT_TYPE, format.content_type())], text).into_response()
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(expose))
}

/// The operator's API is where the control plane is: says so.
fn elsewhere(url: &str) -> Router {
    let problem = Problem {
        error: ProblemDetail {
            code: "not_found".to_owned(),
            message: format!(
                "this gateway keeps no users, keys, providers, tool servers and records: ask the \
                 operator's API of its control plane, which serves gateways at {url}"
            ),
            field: None,
        },
    };
    let answer = move || async move { (StatusCode::NOT_FOUND, Json(problem)) };
    Router::new()
        .route("/api/v1/{*rest}", any(answer.clone()))
        .route("/api/v1", any(answer))
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
