//! How a turn fails behind its first round.

use std::time::Duration;

use bridge_api::{ApiFailure, DialectId, EnvelopeError, FailureKind, WeaveError, error_event};
use bridge_auth::AuthError;
use bridge_guard::Exhausted;
use bridge_record::ErrorType;
use bridge_upstream::{FailureClass, UpstreamError};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::spent::Limit;
use crate::failover::Unreached;
use crate::transcript::{End, Notes, type_of_status};
use crate::{InterceptError, Provider};

/// Why a turn came to nothing after tools have run. It must not be tried again as a whole.
pub(crate) enum Failed {
    /// The caller has left, and nothing more is done.
    Left,
    /// The provider has refused.
    Refused(Box<Refusal>),
    /// There is no answer.
    Ended {
        error_type: ErrorType,
        kind: FailureKind,
        /// For the record.
        message: String,
        /// For a client that has a part of the answer.
        told: &'static str,
        /// For who answers a client that has no answer yet.
        error: Box<InterceptError>,
    },
}

/// The provider's own words.
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) message: Option<String>,
}

impl Failed {
    pub(super) fn refused(
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
        message: Option<String>,
    ) -> Self {
        Self::Refused(Box::new(Refusal {
            status,
            headers,
            body,
            message,
        }))
    }

    fn ended(error_type: ErrorType, kind: FailureKind, error: InterceptError) -> Self {
        Self::Ended {
            error_type,
            kind,
            message: error.to_string(),
            told: told(kind),
            error: Box::new(error),
        }
    }

    /// The model goes on calling tools behind the limit.
    pub(super) fn of_limit(limit: Limit) -> Self {
        let error = InterceptError::Tools(limit.failure());
        Self::ended(ErrorType::Unknown, FailureKind::Upstream, error)
    }

    /// The next request cannot be made.
    pub(super) fn of_request(error: &EnvelopeError) -> Self {
        let error = InterceptError::Tools(format!(
            "the request for the next round cannot be made: {error}"
        ));
        Self::ended(ErrorType::Unknown, FailureKind::Internal, error)
    }

    /// The answers are more than is kept.
    pub(crate) fn of_weave(error: WeaveError) -> Self {
        let error = InterceptError::Tools(error.to_string());
        Self::ended(ErrorType::Unknown, FailureKind::Upstream, error)
    }

    /// The answer cannot be read.
    pub(crate) fn of_reading(what: &str) -> Self {
        let error = InterceptError::Tools(what.to_owned());
        Self::ended(ErrorType::Unknown, FailureKind::Upstream, error)
    }

    /// The caller may not use the model any more.
    pub(super) fn of_permission(error: AuthError) -> Self {
        let (error_type, kind) = match &error {
            AuthError::Refused(_) => (ErrorType::Unauthorized, FailureKind::Permission),
            AuthError::Unavailable(_) => (ErrorType::Unknown, FailureKind::Overloaded),
        };
        Self::ended(error_type, kind, InterceptError::Permit(error))
    }

    /// The breaker is open.
    pub(super) fn held_back(provider: &Provider, wait: Duration) -> Self {
        let error = InterceptError::BreakerOpen {
            provider: provider.name.to_string(),
            wait,
        };
        Self::ended(ErrorType::Overloaded, FailureKind::Overloaded, error)
    }

    /// What came is no answer.
    pub(super) fn unusable(message: String, what: &str, status: StatusCode) -> Self {
        Self::Ended {
            error_type: ErrorType::Unknown,
            kind: FailureKind::Upstream,
            message,
            told: told(FailureKind::Upstream),
            error: Box::new(InterceptError::NotAnAnswer {
                what: what.to_owned(),
                status: status.as_u16(),
            }),
        }
    }

    pub(super) fn unreached(notes: &Notes, provider: &Provider, unreached: Unreached) -> Self {
        let exhausted = match unreached {
            Unreached::Failed(error) => return Self::of_upstream(notes, provider, error),
            Unreached::Exhausted(exhausted) => exhausted,
        };
        let (error_type, kind) = match exhausted {
            Exhausted::For { .. } => (ErrorType::RateLimited, FailureKind::RateLimit),
            Exhausted::Unauthorized => (ErrorType::Unauthorized, FailureKind::Upstream),
        };
        let failed = Self::ended(
            error_type,
            kind,
            InterceptError::exhausted(provider, exhausted),
        );
        notes.fails(&failed.as_end());
        failed
    }

    /// The provider cannot be reached, or broke off.
    pub(crate) fn of_upstream(notes: &Notes, provider: &Provider, error: UpstreamError) -> Self {
        notes
            .metrics()
            .upstream_failed(&provider.name, error.reason());
        notes.fails(&End::Unanswered { error: &error });
        let (error_type, kind) = match error.class() {
            FailureClass::TimedOut => (ErrorType::Timeout, FailureKind::Timeout),
            FailureClass::NeverSent | FailureClass::BrokenOff => {
                (ErrorType::Unknown, FailureKind::Upstream)
            }
        };
        let message = error.to_string();
        Self::Ended {
            error_type,
            kind,
            message,
            told: told(kind),
            error: Box::new(InterceptError::unreached(&provider.name, error)),
        }
    }

    /// What is recorded.
    pub(crate) fn recorded(&self) -> (ErrorType, Option<String>) {
        match self {
            Self::Left => (ErrorType::Unknown, None),
            Self::Refused(refusal) => (type_of_status(refusal.status), refusal.message.clone()),
            Self::Ended {
                error_type,
                message,
                ..
            } => (*error_type, Some(message.clone())),
        }
    }

    pub(crate) fn as_end(&self) -> End<'static> {
        let (error_type, message) = self.recorded();
        End::Refused {
            error_type,
            message,
        }
    }

    /// The event that ends a stream in which it happens.
    pub(crate) fn event(&self, dialect: DialectId) -> Bytes {
        let (kind, message) = match self {
            Self::Left => (FailureKind::Internal, "the caller has left"),
            Self::Refused(refusal) => (
                FailureKind::of_status(refusal.status.as_u16()),
                refusal
                    .message
                    .as_deref()
                    .unwrap_or("the provider refused to go on after tools had been run"),
            ),
            Self::Ended {
                kind, told, error, ..
            } => {
                if let InterceptError::Tools(message) = &**error {
                    (*kind, message.as_str())
                } else {
                    (*kind, *told)
                }
            }
        };
        error_event(dialect, &ApiFailure { kind, message })
    }
}

/// What a client is told that has a part of the answer.
const fn told(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Timeout => "the provider did not answer in time after central tools had run",
        FailureKind::RateLimit => {
            "the provider's keys are used too often, after central tools had run"
        }
        FailureKind::Overloaded => "the provider is not asked now, after central tools had run",
        FailureKind::Permission => {
            "model use is not permitted any more, after central tools had run"
        }
        FailureKind::InvalidRequest
        | FailureKind::NotFound
        | FailureKind::TooLarge
        | FailureKind::Upstream
        | FailureKind::Internal => "the provider did not go on after central tools had run",
    }
}
