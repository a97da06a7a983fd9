//! Ends of a turn without an answer. The records are safe before the caller is told.

use std::time::Duration;

use bridge_guard::Exhausted;
use bridge_record::ErrorType;
use bridge_upstream::UpstreamError;

use crate::transcript::{End, Transcript};
use crate::{InterceptError, Provider};

/// The breaker is open.
pub(super) async fn held_back(
    transcript: Transcript,
    provider: &Provider,
    wait: Duration,
) -> InterceptError {
    transcript.close(End::Refused {
        error_type: ErrorType::Overloaded,
        message: Some("the breaker is open".to_owned()),
    });
    transcript.settle().await;
    InterceptError::BreakerOpen {
        provider: provider.name.to_string(),
        wait,
    }
}

/// The answer would come later and elsewhere, unseen.
pub(super) async fn in_background(transcript: Transcript) -> InterceptError {
    transcript.close(End::Refused {
        error_type: ErrorType::BadRequest,
        message: Some("background requests are not supported".to_owned()),
    });
    transcript.settle().await;
    InterceptError::Background
}

/// No key is left.
pub(super) async fn keyless(
    transcript: Transcript,
    provider: &Provider,
    exhausted: Exhausted,
) -> InterceptError {
    let (error_type, message) = match exhausted {
        Exhausted::For { .. } => (ErrorType::RateLimited, "all keys are rate limited"),
        Exhausted::Unauthorized => (ErrorType::Unauthorized, "all keys were refused"),
    };
    transcript.close(End::Refused {
        error_type,
        message: Some(message.to_owned()),
    });
    transcript.settle().await;
    InterceptError::exhausted(provider, exhausted)
}

/// The provider did not answer, or not to the end of the head.
pub(super) async fn unanswered(transcript: Transcript, error: UpstreamError) -> InterceptError {
    let reason = error.reason();
    transcript
        .metrics()
        .upstream_failed(transcript.provider(), reason);
    transcript.close(End::Unanswered { error: &error });
    transcript.settle().await;
    let provider = transcript.provider();
    InterceptError::unreached(provider, error)
}

/// What came is no answer.
pub(super) async fn unusable(transcript: Transcript, what: String, status: u16) -> InterceptError {
    transcript
        .metrics()
        .upstream_failed(transcript.provider(), "not_an_answer");
    transcript.close(End::Unusable {
        message: format!("the provider answered with {what}"),
    });
    transcript.settle().await;
    InterceptError::NotAnAnswer { what, status }
}
