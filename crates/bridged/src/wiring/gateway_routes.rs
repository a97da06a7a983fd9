//! What the operator can ask of this process itself, whatever it keeps.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bridge_auth::Secret;
use bridge_control::api::{Problem, ProblemDetail};
use bridge_gateway::Gateway;
use serde::Serialize;

use super::reload_asks::Reloads;
use crate::reload_view::{ReloadRefused, ReloadView};
use crate::turn_view::TurnView;

/// Routes below `/api/v1` that ask for the admin token. Requests run only where a gateway does.
pub(super) fn router(
    gateway: Option<&Gateway>,
    reloads: Option<Reloads>,
    admin_token: Secret,
) -> Router {
    let mut router = Router::new().route("/api/v1/reload", post(reload).with_state(reloads));
    if let Some(gateway) = gateway {
        router = router.route("/api/v1/turns", get(turns).with_state(gateway.clone()));
    }
    router.layer(from_fn_with_state(admin_token, admit))
}

async fn turns(State(gateway): State<Gateway>) -> Json<Vec<TurnView>> {
    Json(gateway.turns().iter().map(TurnView::of).collect())
}

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

/// Lets a request with the admin token pass, and nothing of any other.
async fn admit(State(token): State<Secret>, request: Request, next: Next) -> Response {
    if presented(request.headers()).is_some_and(|presented| presented == token) {
        return next.run(request).await;
    }
    let message = "the admin token is missing or wrong".to_owned();
    let mut response = problem(StatusCode::UNAUTHORIZED, "unauthorized", message);
    let scheme = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    response
}

/// The token of the only `Authorization` header, if it is a bearer token and not empty.
fn presented(headers: &HeaderMap) -> Option<Secret> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let is_token = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty();
    is_token.then(|| Secret::new(token.to_owned()))
}

/// Every reason, as one text for people and one by one for programs.
fn unprocessable(refused: &ReloadRefused) -> Response {
    let told = Refusal {
        error: detail("invalid", refused.text()),
        problems: &refused.problems,
    };
    (StatusCode::UNPROCESSABLE_ENTITY, Json(told)).into_response()
}

#[derive(Serialize)]
struct Refusal<'r> {
    error: ProblemDetail,
    problems: &'r [String],
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
