//! What a trace says of a turn: how the attempt that was relayed ended, and how long records took.

use bridge_api::{AnswerEnd, Observed, Usage};
use bridge_record::{ErrorType, Outcome};
use bridge_telemetry::trace::{Span, Within, attributes as names};

/// The spans of one turn. Empty when nobody writes them down.
#[derive(Debug)]
pub(super) struct Spans {
    pub(super) within: Within,
    /// The attempt whose answer is relayed.
    attempt: Span,
    conversation: Option<String>,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    pub(super) error_type: Option<ErrorType>,
}

impl Spans {
    pub(super) fn new(within: &Within, conversation: Option<&String>) -> Self {
        Self {
            conversation: conversation.filter(|_| within.is_written()).cloned(),
            within: within.clone(),
            attempt: Span::off(),
        }
    }

    /// The answer of this attempt is the one.
    pub(super) fn follow(&mut self, attempt: Span) {
        self.attempt = attempt;
    }

    /// What a person asked, if content is written down.
    pub(super) fn asked(&mut self, prompt: &str) {
        if self.within.takes_content() {
            self.attempt.asked(prompt);
        }
    }

    /// What was seen of the answer.
    pub(super) fn observed(&mut self, observed: &Observed) {
        let span = &mut self.attempt;
        if !span.is_on() {
            return;
        }
        if !observed.response_id.is_empty() {
            span.set(names::GEN_AI_RESPONSE_ID, observed.response_id.clone());
        }
        if !observed.response_model.is_empty() {
            let model = observed.response_model.clone();
            span.set(names::GEN_AI_RESPONSE_MODEL, model);
        }
        if let Some(reason) = reason(&observed.end) {
            span.set(names::GEN_AI_FINISH_REASONS, vec![reason.to_owned()]);
        }
        if let Some(usage) = &observed.usage {
            span.set(names::GEN_AI_INPUT_TOKENS, input(usage));
            span.set(names::GEN_AI_OUTPUT_TOKENS, usage.output);
            span.set(names::GEN_AI_CACHE_READ_TOKENS, usage.cache_read);
            span.set(names::GEN_AI_CACHE_WRITE_TOKENS, usage.cache_write);
            if usage.is_estimated {
                span.set(names::ESTIMATED, true);
            }
        }
    }

    /// The attempt ends here, and another one follows in the same turn.
    pub(super) fn end_round(&mut self, key_hint: &str) {
        let mut span = std::mem::replace(&mut self.attempt, Span::off());
        if span.is_on() {
            span.set(names::KEY_HINT, key_hint.to_owned());
            if let Some(conversation) = &self.conversation {
                span.set(names::GEN_AI_CONVERSATION, conversation.clone());
            }
        }
    }

    /// The turn is over: the attempt ends here.
    pub(super) fn close(&mut self, ending: &Ending, key_hint: &str) {
        let mut span = std::mem::replace(&mut self.attempt, Span::off());
        if !span.is_on() {
            return;
        }
        span.set(names::OUTCOME, ending.outcome.as_str());
        span.set(names::KEY_HINT, key_hint.to_owned());
        if let Some(conversation) = self.conversation.take() {
            span.set(names::GEN_AI_CONVERSATION, conversation);
        }
        // The attempt's own status, or way to fail, says more.
        if let Some(error_type) = ending.error_type.filter(|_| !span.has_failed()) {
            span.fail(error_type.as_str());
        }
    }
}

/// The conventions count what the cache gave and took as input, too. A provider may say anything.
fn input(usage: &Usage) -> u64 {
    let cached = usage.cache_read.saturating_add(usage.cache_write);
    usage.input.saturating_add(cached)
}

/// Why the model stopped, in words that are the same for all providers.
fn reason(end: &AnswerEnd) -> Option<&str> {
    match end {
        AnswerEnd::Complete => Some("stop"),
        AnswerEnd::Incomplete { reason } => Some(reason),
        AnswerEnd::Failed { .. } => Some("error"),
        AnswerEnd::Truncated | AnswerEnd::Garbage => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_any_size_are_added_up() {
        let usage = Usage {
            input: u64::MAX,
            cache_read: 1,
            cache_write: u64::MAX,
            ..Usage::default()
        };
        assert_eq!(input(&usage), u64::MAX);
    }
}
