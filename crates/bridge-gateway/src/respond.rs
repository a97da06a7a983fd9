//! Every failure and its status, in one place.
//!
//! The statuses and texts are those that clients of such gateways already know: a missing
//! credential is 400 and a bad one 403, never 401, because some clients take 401 for "log in again"
//! and others retry it for minutes without a word.

use bridge_api::{ApiFailure, DialectId, FailureKind, error_body};
use bridge_auth::AuthError;
use bridge_guard::FrontRefusal;
use bridge_intercept::{FailureClass, InterceptError, Refused, whole_seconds};
use bridge_telemetry::ErrorChain;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};

use crate::admission::AdmissionError;
use crate::body::{GatewayBody, PANICKED};
use crate::front_limits::FrontError;
use crate::read_body::ReadBodyError;

/// Tells the providers' SDKs whether to try again, whatever the status.
const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// What a caller is told, and what the operator reads.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    kind: &'static str,
    /// For the caller.
    text: String,
    /// For the log. Has no way into an answer.
    detail: Option<String>,
    headers: HeaderMap,
    dialect: Option<DialectId>,
}

impl Failure {
    fn new(status: StatusCode, kind: &'static str, text: impl Into<String>) -> Self {
        let (text, detail) = (text.into(), None);
        Self {
            status,
            kind,
            text,
            detail,
            headers: HeaderMap::new(),
            dialect: None,
        }
    }

    fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    fn again_in(mut self, seconds: u64) -> Self {
        self.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        self
    }

    /// Renders the failure in the shape of this dialect.
    pub(crate) fn shaped(mut self, dialect: Option<DialectId>) -> Self {
        self.dialect = dialect;
        self
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A closed name, for logs and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// What the operator needs to know besides the kind.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The answer to the caller.
    pub(crate) fn into_response(self) -> Response<GatewayBody> {
        let failure = ApiFailure {
            kind: failure_kind(self.status),
            message: &self.text,
        };
        let (content_type, body) = match self.dialect {
            Some(dialect) => ("application/json", error_body(dialect, &failure)),
            None => (
                "text/plain; charset=utf-8",
                Bytes::from(format!("{}\n", self.text)),
            ),
        };
        let mut response = Response::new(GatewayBody::fixed(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(
            HeaderName::from_static("x-content-type-options"),
            HeaderValue::from_static("nosniff"),
        );
        response
    }

    pub(crate) fn draining() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "draining",
            "gateway is shutting down",
        )
        .with(RETRY_AFTER, "1")
    }

    pub(crate) fn not_ready() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_ready",
            "gateway is not ready",
        )
        .with(RETRY_AFTER, "1")
    }

    pub(crate) fn no_handler(detail: String) -> Self {
        let text = "failed to acquire request handler";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "no_handler", text).because(detail)
    }

    pub(crate) fn panicked(id: &str, detail: String) -> Self {
        let text = format!("internal error, request id {id}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, PANICKED, text).because(detail)
    }

    pub(crate) fn upgrade() -> Self {
        let text = "upgrades are not supported on this route, use plain HTTP";
        Self::new(StatusCode::UPGRADE_REQUIRED, "upgrade", text)
            .with(http::header::UPGRADE, "HTTP/1.1")
            .with(http::header::CONNECTION, "upgrade")
    }

    pub(crate) fn from_front(error: FrontError) -> Self {
        match error {
            FrontError::Limit(refusal) => Self::limited(refusal),
            FrontError::OwnKeys => {
                let text = "Bring Your Own Key (BYOK) mode is not enabled. Contact your \
                            administrator to enable it with gateway.allow_own_keys.";
                Self::new(StatusCode::FORBIDDEN, "own_keys", text)
            }
            FrontError::Body(error) => Self::from_body(&error),
        }
    }

    /// The texts are those that clients of such gateways know. Nobody knows when a running request
    /// ends, so the shortest wait is named; a rate is counted over a second.
    fn limited(refusal: FrontRefusal) -> Self {
        let full = "AI Gateway is currently at capacity. Please try again later.";
        let failure = match refusal {
            FrontRefusal::Full { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "at_capacity", full)
            }
            FrontRefusal::TooManyCallers { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_callers", full)
            }
            FrontRefusal::CallerBusy { limit } => {
                let text = format!(
                    "You have {limit} requests running, which is as many as may run at once. \
                     Please try again when one of them has ended."
                );
                Self::new(StatusCode::TOO_MANY_REQUESTS, "caller_busy", text)
            }
            FrontRefusal::TooFast { .. } => {
                let text = "You've been rate limited. Please try again later.";
                Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", text)
            }
        };
        failure.with(RETRY_AFTER, "1").because(refusal.to_string())
    }

    pub(crate) fn from_admission(error: AdmissionError) -> Self {
        let forbidden = |kind| Self::new(StatusCode::FORBIDDEN, kind, "unauthorized");
        match error {
            AdmissionError::Missing => {
                let text = "no authentication key provided";
                Self::new(StatusCode::BAD_REQUEST, "no_credential", text)
            }
            AdmissionError::Malformed => forbidden("malformed_credential"),
            AdmissionError::ForeignDelegation => forbidden("foreign_delegation"),
            AdmissionError::Firewall(invalid) => Self::new(
                StatusCode::BAD_REQUEST,
                "firewall_mark",
                invalid.to_string(),
            ),
            AdmissionError::Auth(AuthError::Refused(reason)) => {
                forbidden("refused").because(reason.to_string())
            }
            AdmissionError::Auth(AuthError::Unavailable(cause)) => {
                Self::no_control_plane(ErrorChain(cause.as_ref()).to_string())
            }
        }
    }

    fn no_control_plane(detail: String) -> Self {
        let text = "could not connect to control plane";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_control_plane", text)
            .with(RETRY_AFTER, "1")
            .because(detail)
    }

    pub(crate) fn from_body(error: &ReadBodyError) -> Self {
        match error {
            ReadBodyError::TooLarge { limit } => too_large(*limit),
            ReadBodyError::Silent { .. } => {
                let text = "request body did not arrive in time";
                Self::new(StatusCode::REQUEST_TIMEOUT, "body_silent", text)
            }
            ReadBodyError::Broken(_) => {
                let text = "request body broke off";
                Self::new(StatusCode::BAD_REQUEST, "body_broken", text)
            }
        }
        .because(ErrorChain(error).to_string())
    }

    pub(crate) fn from_refused(refused: Refused, method: &http::Method, path: &str) -> Self {
        let dialect = refused.dialect;
        Self::from_intercept(refused.error, method, path).shaped(dialect)
    }

    /// What the engine could not do. A new variant of its error does not compile until it has a
    /// status here.
    pub(crate) fn from_intercept(error: InterceptError, method: &http::Method, path: &str) -> Self {
        let kind = error.kind();
        let detail = ErrorChain(&error).to_string();
        let new = |status, text: String| Self::new(status, kind, text);
        let failure = match error {
            InterceptError::NotFound => new(
                StatusCode::NOT_FOUND,
                format!("route not supported: {method} {path}"),
            ),
            InterceptError::Method { allow } => {
                let text = format!("method not allowed: {method} {path}, use {allow}");
                new(StatusCode::METHOD_NOT_ALLOWED, text).with(ALLOW, allow)
            }
            InterceptError::Disabled { provider } => new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("provider_disabled: AI provider \"{provider}\" is disabled"),
            ),
            InterceptError::Unusable { provider, .. } => new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!(
                    "provider_error: AI provider \"{provider}\" cannot be used as it is set up: \
                     ask the operator"
                ),
            ),
            InterceptError::Unsigned { provider, .. } => new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!(
                    "the gateway has no valid credentials for AI provider \"{provider}\": ask the \
                     operator, who finds the reason in its log"
                ),
            ),
            InterceptError::Profile(_) => new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the gateway cannot find out which model the provider's inference profile leads to: \
                 ask the operator, who finds the reason in its log"
                    .to_owned(),
            )
            .with(RETRY_AFTER, "30"),
            InterceptError::Body(cause) => new(
                StatusCode::BAD_REQUEST,
                format!("invalid request body: {cause}"),
            ),
            InterceptError::Encoding(cause) => {
                let text = format!("request body does not match its Content-Encoding: {cause}");
                new(StatusCode::BAD_REQUEST, text)
            }
            InterceptError::UnknownEncoding => {
                let text = "unknown Content-Encoding, use gzip, deflate, br or zstd".to_owned();
                new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
            }
            InterceptError::TooLarge { limit } => too_large(limit),
            InterceptError::Background => {
                let text = "background requests are not supported, send the request without \
                            \"background\"";
                new(StatusCode::NOT_IMPLEMENTED, text.to_owned())
            }
            InterceptError::NoKey { provider } => {
                let text = format!(
                    "AI provider \"{provider}\" has no key: ask the operator for one, or bring \
                     your own"
                );
                new(StatusCode::SERVICE_UNAVAILABLE, text)
            }
            InterceptError::KeysCooling { provider, wait } => {
                let seconds = whole_seconds(wait);
                let text = format!(
                    "all configured keys of AI provider \"{provider}\" are rate limited, try again \
                     in {seconds} s"
                );
                new(StatusCode::TOO_MANY_REQUESTS, text).again_in(seconds)
            }
            InterceptError::KeysRefused { .. } => {
                let text = "all configured keys failed authentication, ask the operator to look at \
                            them";
                // SDKs try a 502 again, and nothing changes before somebody looks.
                new(StatusCode::BAD_GATEWAY, text.to_owned()).with(X_SHOULD_RETRY, "false")
            }
            InterceptError::BreakerOpen { wait, .. } => {
                let text = "circuit breaker is open".to_owned();
                new(StatusCode::SERVICE_UNAVAILABLE, text).again_in(whole_seconds(wait))
            }
            InterceptError::OwnKeyRequired { provider } => {
                let text = format!("AI provider \"{provider}\" needs your own credential");
                new(StatusCode::BAD_REQUEST, text)
            }
            InterceptError::Permit(AuthError::Refused(_)) => {
                new(StatusCode::FORBIDDEN, "unauthorized".to_owned())
            }
            InterceptError::Permit(AuthError::Unavailable(_)) => {
                Self::no_control_plane(String::new())
            }
            InterceptError::Record(_) => {
                let text = "the request cannot be recorded now, try again later".to_owned();
                new(StatusCode::SERVICE_UNAVAILABLE, text).with(RETRY_AFTER, "1")
            }
            InterceptError::Upstream(cause) => upstream(kind, cause.class()),
            InterceptError::Tools(text) => new(StatusCode::BAD_GATEWAY, text),
            // Whoever sends the request again lets the tools run again.
            InterceptError::AfterTools(error) => {
                Self::from_intercept(*error, method, path).with(X_SHOULD_RETRY, "false")
            }
            InterceptError::NotAnAnswer { what, status } => new(
                StatusCode::BAD_GATEWAY,
                format!("the AI provider answered with {what} under status {status}"),
            ),
        };
        failure.because(detail)
    }
}

fn upstream(kind: &'static str, class: FailureClass) -> Failure {
    match class {
        FailureClass::TimedOut => {
            let text = "the AI provider did not answer in time";
            Failure::new(StatusCode::GATEWAY_TIMEOUT, kind, text)
        }
        FailureClass::NeverSent => Failure::new(
            StatusCode::BAD_GATEWAY,
            kind,
            "the AI provider cannot be reached",
        ),
        FailureClass::BrokenOff => {
            let text = "the AI provider closed the connection without an answer";
            Failure::new(StatusCode::BAD_GATEWAY, kind, text)
        }
    }
}

fn too_large(limit: usize) -> Failure {
    const MEBIBYTE: usize = 1 << 20;
    let size = if limit.is_multiple_of(MEBIBYTE) {
        format!("{}MiB", limit / MEBIBYTE)
    } else {
        format!("{limit} bytes")
    };
    let text = format!("Request body too large. The maximum allowed request body size is {size}.");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", text)
}

fn failure_kind(status: StatusCode) -> FailureKind {
    match status.as_u16() {
        403 => FailureKind::Permission,
        404 | 405 => FailureKind::NotFound,
        413 => FailureKind::TooLarge,
        429 => FailureKind::RateLimit,
        502 => FailureKind::Upstream,
        503 => FailureKind::Overloaded,
        504 => FailureKind::Timeout,
        400..=499 => FailureKind::InvalidRequest,
        _ => FailureKind::Internal,
    }
}
