//! What the operator can ask of this process itself, whatever it keeps.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bridge_auth::Secret;
use bridge_control::api::{Problem, ProblemDetail};
use bridge_control::behind_admin_token;
use bridge_gateway::Gateway;
use bridge_telemetry::{LevelSwitch, LogConfig};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use super::reload_asks::Reloads;
use super::tools::CentralTools;
use crate::log_view::{LogView, SetLevel};
use crate::provider_view::ProviderStatusView;
use crate::reload_view::{ReloadProblem, ReloadRefused, ReloadView};
use crate::tool_server_view::ToolServerStatusView;
use crate::turn_view::TurnView;

/// Every process has this.
#[derive(OpenApi)]
#[openapi(paths(reload, log, set_level, reset_level))]
struct OfProcess;

/// Requests run, and providers are used, only where a gateway is.
#[derive(OpenApi)]
#[openapi(paths(
    reload,
    log,
    set_level,
    reset_level,
    turns,
    provider_status,
    tool_server_status
))]
struct OfGateway;

/// Routes below `/api/v1` that ask for the admin token. Requests run only where a gateway does.
pub(super) fn router(
    gateway: Option<(&Gateway, CentralTools)>,
    reloads: Option<Reloads>,
    level: Option<LevelSwitch>,
    admin_token: Secret,
) -> Router {
    let mut router = Router::new().route("/api/v1/reload", post(reload).with_state(reloads));
    if let Some(level) = level {
        let log = get(log).put(set_level).delete(reset_level);
        router = router.route("/api/v1/log", log.with_state(level));
    }
    let [turns, providers, tool_servers] = match gateway {
        Some((gateway, tools)) => [
            get(turns).with_state(gateway.clone()),
            get(provider_status).with_state(gateway.clone()),
            get(tool_server_status).with_state(tools),
        ],
        None => [get(of_gateways), get(of_gateways), get(of_gateways)],
    };
    let router = router
        .route("/api/v1/turns", turns)
        .route("/api/v1/provider-status", providers)
        .route("/api/v1/tool-server-status", tool_servers);
    behind_admin_token(router, admin_token)
}

/// What a control plane says that is asked about requests that it does not see.
async fn of_gateways() -> Response {
    let text = "no requests run here: ask the operator's API of a gateway (--admin-url)";
    problem(StatusCode::NOT_FOUND, "not_found", text.to_owned())
}

/// The routes of a process with a gateway, or without one, for the OpenAPI document.
pub(super) fn document(has_gateway: bool) -> Document {
    if has_gateway {
        OfGateway::openapi()
    } else {
        OfProcess::openapi()
    }
}

/// Requests that run now, the oldest first
#[utoipa::path(get, path = "/api/v1/turns", tag = "process",
    responses(
        (status = 200, body = Vec<TurnView>),
        (status = 401, body = Problem)))]
async fn turns(State(gateway): State<Gateway>) -> Json<Vec<TurnView>> {
    Json(gateway.turns().iter().map(TurnView::of).collect())
}

/// Providers as this gateway finds them, by name; none before the first set came
#[utoipa::path(get, path = "/api/v1/provider-status", tag = "process",
    responses(
        (status = 200, body = Vec<ProviderStatusView>),
        (status = 401, body = Problem)))]
async fn provider_status(State(gateway): State<Gateway>) -> Json<Vec<ProviderStatusView>> {
    let providers = gateway.providers();
    Json(providers.map_or_else(Vec::new, |set| ProviderStatusView::all(&set)))
}

/// Tool servers as this gateway finds them, by name: those that callers who are here have opened
#[utoipa::path(get, path = "/api/v1/tool-server-status", tag = "process",
    responses(
        (status = 200, body = Vec<ToolServerStatusView>),
        (status = 401, body = Problem)))]
async fn tool_server_status(State(tools): State<CentralTools>) -> Json<Vec<ToolServerStatusView>> {
    Json(ToolServerStatusView::all(tools.figures()))
}

/// Read the configuration again: all of it is good, or nothing changes
#[utoipa::path(post, path = "/api/v1/reload", tag = "process",
    responses(
        (status = 200, body = ReloadView),
        (status = 401, body = Problem),
        (status = 409, description = "there is no configuration to read again", body = Problem),
        (status = 422, description = "refused, with every reason", body = ReloadProblem),
        (status = 503, description = "the process is ending", body = Problem)))]
async fn reload(State(reloads): State<Option<Reloads>>) -> Response {
    let Some(reloads) = reloads else {
        let message = "this server was started without a configuration to read again".to_owned();
        return problem(StatusCode::CONFLICT, "conflict", message);
    };
    match reloads.ask().await.as_deref() {
        Some(Ok(view)) => Json::<&ReloadView>(view).into_response(),
        Some(Err(refused)) => unprocessable(refused),
        None => {
            let message = "the server is ending".to_owned();
            problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
        }
    }
}

/// The lowest level that is logged, and the configured one
#[utoipa::path(get, path = "/api/v1/log", tag = "process",
    responses(
        (status = 200, body = LogView),
        (status = 401, body = Problem)))]
async fn log(State(level): State<LevelSwitch>) -> Json<LogView> {
    Json(LogView::of(&level))
}

/// Log from this level on, until it is reset or another one is configured
#[utoipa::path(put, path = "/api/v1/log", tag = "process", request_body = SetLevel,
    responses(
        (status = 200, body = LogView),
        (status = 400, body = Problem),
        (status = 401, body = Problem)))]
async fn set_level(State(level): State<LevelSwitch>, body: Bytes) -> Response {
    let asked = serde_json::from_slice::<SetLevel>(&body).map_err(|cause| cause.to_string());
    let asked = asked.and_then(|asked| {
        LogConfig::parse_level(&asked.level).map_err(|cause| format!("level: {cause}"))
    });
    match asked {
        Ok(asked) => {
            level.set(asked);
            Json(LogView::of(&level)).into_response()
        }
        Err(message) => problem(StatusCode::BAD_REQUEST, "invalid", message),
    }
}

/// Log from the configured level on again
#[utoipa::path(delete, path = "/api/v1/log", tag = "process",
    responses(
        (status = 200, body = LogView),
        (status = 401, body = Problem)))]
async fn reset_level(State(level): State<LevelSwitch>) -> Json<LogView> {
    level.reset();
    Json(LogView::of(&level))
}

fn unprocessable(refused: &ReloadRefused) -> Response {
    let told = ReloadProblem {
        error: detail("invalid", refused.text()),
        problems: refused.problems.clone(),
    };
    (StatusCode::UNPROCESSABLE_ENTITY, Json(told)).into_response()
}

fn problem(status: StatusCode, code: &str, message: String) -> Response {
    let error = detail(code, message);
    (status, Json(Problem { error })).into_response()
}

fn detail(code: &str, message: String) -> ProblemDetail {
    ProblemDetail {
        code: code.to_owned(),
        message,
        field: None,
    }
}
