//! How an interception ended, and why.

use bridge_api::AnswerEnd;
use bridge_record::{ErrorType, Outcome};
use bridge_telemetry::OutcomeLabel;
use http::StatusCode;

/// How it ended, and the provider's reason.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) error_type: Option<ErrorType>,
    pub(super) message: Option<String>,
}

impl Verdict {
    pub(super) fn ended(outcome: Outcome) -> Self {
        Self {
            outcome,
            error_type: None,
            message: None,
        }
    }

    pub(super) fn failed(error_type: ErrorType, message: Option<String>) -> Self {
        Self {
            outcome: Outcome::Failed,
            error_type: Some(error_type),
            message,
        }
    }
}

pub(super) fn judge_answer(end: &AnswerEnd) -> Verdict {
    let unknown = |message: &str| Verdict::failed(ErrorType::Unknown, Some(message.to_owned()));
    match end {
        AnswerEnd::Complete | AnswerEnd::Incomplete { .. } => Verdict::ended(Outcome::Completed),
        AnswerEnd::Failed {
            error_type,
            message,
        } => Verdict::failed(type_of_word(error_type), Some(message.clone())),
        AnswerEnd::Truncated => unknown("the answer stopped before its end"),
        AnswerEnd::Garbage => unknown("the answer is not of the provider's format"),
    }
}

/// What a provider's word for an error means. The words are those of Anthropic's and OpenAI's API
/// references.
pub(crate) fn type_of_word(word: &str) -> ErrorType {
    match word {
        "overloaded_error" | "overloaded" | "server_is_overloaded" | "slow_down" => {
            ErrorType::Overloaded
        }
        "rate_limit_error" | "rate_limit_exceeded" | "insufficient_quota" => ErrorType::RateLimited,
        "authentication_error" | "permission_error" | "invalid_api_key" => ErrorType::Unauthorized,
        "timeout_error" | "timeout" => ErrorType::Timeout,
        "api_error" | "server_error" => ErrorType::ServerError,
        word if word.starts_with("invalid_") || word.starts_with("context_length") => {
            ErrorType::BadRequest
        }
        // Compatible providers put a status into an error of a stream.
        word => {
            let status = word
                .parse()
                .ok()
                .and_then(|code: u16| StatusCode::from_u16(code).ok());
            status.map_or(ErrorType::Unknown, type_of_status)
        }
    }
}

/// What a provider's status means.
pub(crate) fn type_of_status(status: StatusCode) -> ErrorType {
    match status.as_u16() {
        401 | 403 => ErrorType::Unauthorized,
        429 => ErrorType::RateLimited,
        408 | 504 => ErrorType::Timeout,
        503 | 529 => ErrorType::Overloaded,
        400..=499 => ErrorType::BadRequest,
        500..=599 => ErrorType::ServerError,
        _ => ErrorType::Unknown,
    }
}

pub(super) fn label(outcome: Outcome) -> OutcomeLabel {
    match outcome {
        Outcome::Completed => OutcomeLabel::Completed,
        Outcome::Failed => OutcomeLabel::Failed,
        Outcome::Aborted => OutcomeLabel::Aborted,
        Outcome::Cut => OutcomeLabel::Cut,
    }
}
