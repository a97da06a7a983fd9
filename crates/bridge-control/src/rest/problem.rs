//! Every answer that is not a success: its status, its code and its words, in one place.

use axum::Json;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bridge_telemetry::{ErrorChain, keys};
use http::StatusCode;
use slog::error;

use crate::api::{Problem, ProblemDetail};
use crate::control::ControlServer;
use crate::error::ControlError;

/// What becomes an answer that is not a success.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    field: Option<String>,
    /// For the operator's log, never for the answer.
    cause: Option<ControlError>,
}

/// Travels with an answer to the one place that logs.
#[derive(Debug, Clone)]
struct Cause(ControlError);

impl Failure {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            field: None,
            cause: None,
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    pub(super) fn about(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(super) fn unauthorized() -> Self {
        let message = "the admin token is missing or wrong";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub(super) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "no such route")
    }

    pub(super) fn no_method() -> Self {
        let message = "this route has no such method";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            message,
        )
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("the body has more than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        let (status, code, field) = match &error {
            ControlError::Invalid { field, .. } => (
                StatusCode::BAD_REQUEST,
                "invalid",
                Some((*field).to_owned()),
            ),
            ControlError::NotFound { .. } => (StatusCode::NOT_FOUND, "not_found", None),
            ControlError::Conflict { field, .. } => {
                (StatusCode::CONFLICT, "conflict", Some((*field).to_owned()))
            }
            ControlError::Random(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", None),
            ControlError::Interrupted | ControlError::Store(_) | ControlError::Sealing(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", None)
            }
        };
        let cause = status.is_server_error().then(|| error.clone());
        Self {
            status,
            code,
            message: error.to_string(),
            field,
            cause,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let problem = Problem {
            error: ProblemDetail {
                code: self.code.to_owned(),
                message: self.message,
                field: self.field,
            },
        };
        let mut response = (self.status, Json(problem)).into_response();
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(Cause(cause));
        }
        response
    }
}

/// Logs and counts what is our own fault.
pub(super) async fn report(
    State(control): State<ControlServer>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    if let Some(Cause(cause)) = response.extensions().get() {
        error!(control.0.logger, "operator's request failed";
            keys::STATUS => response.status().as_u16(), keys::ERROR => ErrorChain(cause));
        control.0.metrics.request_failed("control");
    }
    response
}
