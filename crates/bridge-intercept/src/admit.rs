//! Whether a call may leave: the breaker of its place, and what the call's end tells it.

use std::sync::Arc;
use std::time::Duration;

use bridge_api::{AnswerEnd, Format};
use bridge_auth::KeySource;
use bridge_guard::{BreakerState, Judgement, Place, Ticket, Transition};
use bridge_record::ErrorType;
use bridge_telemetry::{BreakerName, CredentialClass, Metrics, keys};
use bridge_upstream::UpstreamError;
use http::StatusCode;
use slog::{Logger, info};
use tokio::time::Instant;

use crate::client_hint::shortened;
use crate::transcript::{End, type_of_word};
use crate::{Blueprint, Provider};

/// Longest model that has a breaker of its own, in characters. Longer ones share it with those that
/// begin alike.
const LONGEST_MODEL: usize = 128;

/// Permission for one call, from before its first attempt to the end of its answer. Dropped
/// unsettled, the call has told nothing.
pub(crate) struct Pass {
    ticket: Ticket,
    teller: Teller,
    format: Format,
}

/// Tells operators of one breaker.
struct Teller {
    metrics: Metrics,
    logger: Logger,
    provider: Arc<str>,
    place: Place,
    kind: KeySource,
}

/// Asks the breaker, if there are breakers.
///
/// Once for a call and not for each attempt: what a second attempt has mended never was a failure
/// to anybody, and one call must not count thrice.
///
/// # Errors
/// With the time to wait, when it is open.
pub(crate) fn admit(
    blueprint: &Blueprint,
    provider: &Provider,
    route: &'static str,
    model: &str,
    kind: KeySource,
) -> Result<Option<Pass>, Duration> {
    let Some(config) = blueprint.config.breaker else {
        return Ok(None);
    };
    let place = Place {
        route,
        model: shortened(model, LONGEST_MODEL).into(),
        class: kind.as_str(),
    };
    let teller = Teller {
        metrics: blueprint.metrics.clone(),
        logger: blueprint.logger.clone(),
        provider: Arc::clone(&provider.name),
        place: place.clone(),
        kind,
    };
    let now = Instant::now().into_std();
    match provider.guard.breakers.admit(place, config, now) {
        Ok((ticket, transition)) => {
            teller.tell(transition);
            Ok(Some(Pass {
                ticket,
                teller,
                format: provider.format,
            }))
        }
        Err(rejected) => {
            teller.metrics.breaker_rejected(teller.name());
            Err(rejected.wait)
        }
    }
}

impl Pass {
    /// The call has ended so; with this status, if the provider has answered.
    pub(crate) fn settle(self, end: &End<'_>, status: Option<StatusCode>) {
        let judgement = judge(end, status, self.format);
        let transition = self.ticket.settle(judgement, Instant::now().into_std());
        self.teller.tell(transition);
    }
}

impl Teller {
    fn name(&self) -> BreakerName<'_> {
        BreakerName {
            provider: &self.provider,
            route: self.place.route,
            model: &self.place.model,
            credential: class(self.kind),
        }
    }

    fn tell(&self, transition: Option<Transition>) {
        let Some(Transition { from, to }) = transition else {
            return;
        };
        if to == BreakerState::Open {
            self.metrics.breaker_tripped(self.name());
        }
        info!(self.logger, "breaker moved";
            keys::PROVIDER => self.provider.as_ref(),
            keys::ROUTE => self.place.route,
            keys::MODEL => self.place.model.as_ref(),
            keys::AUTH_MODE => self.kind.as_str(),
            keys::FROM => from.as_str(),
            keys::TO => to.as_str());
    }
}

pub(crate) const fn class(kind: KeySource) -> CredentialClass {
    match kind {
        KeySource::Centralized => CredentialClass::Central,
        KeySource::Byok => CredentialClass::Own,
    }
}

/// What the end of a call says about the provider's health. Only what the provider did counts: a
/// caller who leaves, and what is ours or the request's own fault, tells nothing.
fn judge(end: &End<'_>, status: Option<StatusCode>, format: Format) -> Judgement {
    match end {
        End::Relayed {
            broken: Some(error),
            ..
        }
        | End::Unanswered { error } => of_failure(error),
        End::Relayed {
            observed,
            broken: None,
            is_too_large,
        } => {
            let is_unread = *is_too_large && matches!(observed.end, AnswerEnd::Truncated);
            if is_unread {
                Judgement::Answered
            } else {
                of_answer(&observed.end)
            }
        }
        End::Refused { .. } | End::Unwoven { .. } => {
            status.map_or(Judgement::Unknown, |status| of_status(status, format))
        }
        End::Unusable { .. } => Judgement::Unknown,
        // What was not seen to its end may still have come to one.
        End::Dropped {
            observed: Some(observed),
        } if !matches!(observed.end, AnswerEnd::Truncated) => of_answer(&observed.end),
        End::Dropped { .. } => Judgement::Unknown,
    }
}

fn of_failure(error: &UpstreamError) -> Judgement {
    if error.is_passing() {
        Judgement::Failed
    } else {
        Judgement::Unknown
    }
}

fn of_answer(end: &AnswerEnd) -> Judgement {
    match end {
        AnswerEnd::Complete | AnswerEnd::Incomplete { .. } => Judgement::Answered,
        AnswerEnd::Truncated => Judgement::Failed,
        AnswerEnd::Garbage => Judgement::Unknown,
        AnswerEnd::Failed { error_type, .. } => match type_of_word(error_type) {
            ErrorType::Overloaded | ErrorType::Timeout => Judgement::Failed,
            ErrorType::BadRequest
            | ErrorType::Unauthorized
            | ErrorType::RateLimited
            | ErrorType::ServerError
            | ErrorType::Unknown => Judgement::Answered,
        },
    }
}

/// 503 and 504 say that the provider is in trouble, and 529 does with Anthropic. Whoever says 429
/// or 500 is there.
fn of_status(status: StatusCode, format: Format) -> Judgement {
    match (status.as_u16(), format) {
        (503 | 504, _) | (529, Format::Anthropic) => Judgement::Failed,
        _ => Judgement::Answered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_of_providers_in_trouble() {
        let check = |status: u16, format, judgement| {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(of_status(status, format), judgement, "{status} {format:?}");
        };
        for format in [Format::Anthropic, Format::OpenAi, Format::Copilot] {
            check(503, format, Judgement::Failed);
            check(504, format, Judgement::Failed);
            for other in [400, 401, 403, 404, 408, 409, 429, 500, 502] {
                check(other, format, Judgement::Answered);
            }
        }
        check(529, Format::Anthropic, Judgement::Failed);
        check(529, Format::OpenAi, Judgement::Answered);
    }
}
