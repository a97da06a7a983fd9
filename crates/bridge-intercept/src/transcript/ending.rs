//! The records of an end.

use std::time::SystemTime;

use bridge_api::{AnswerEnd, Observed};
use bridge_record::{
    Ended, ErrorType, Event, ModelThought, Outcome, PromptUsage, Record, ToolUsage,
};
use bridge_telemetry::{Tally, wall_clock};
use bridge_upstream::FailureClass;
use http::StatusCode;

use super::notes::State;
use super::rounds::Unmade;
use super::spans::Ending;
use super::usage::{count_tokens, injected_usage, token_usage, tool_usage};
use super::verdict::{Verdict, judge_answer, label};
use super::{End, Notes};
use crate::client_hint::shortened;

/// Longest error message that is kept, in characters.
const LONGEST_MESSAGE: usize = 1_024;

impl Notes {
    /// Records everything that is left to record. Only the first end counts.
    pub(crate) fn close(&self, end: End<'_>) {
        if self.is_closed() {
            return;
        }
        let mut state = self.0.state.lock();
        let (at, tally) = (wall_clock(), self.tally(&state));
        if let Some(pass) = state.pass.take() {
            pass.settle(&end, state.status);
        }
        let verdict = self.judge(&end, &state);
        let (observed, has_prompt) = match end {
            End::Relayed { observed, .. } | End::Unwoven { observed, .. } => (Some(observed), true),
            End::Dropped { observed } => (observed, true),
            End::Unanswered { error } => (None, error.class() != FailureClass::NeverSent),
            End::Refused { .. } | End::Unusable { .. } => (None, false),
        };
        if let Some(tally) = tally.as_ref().filter(|_| has_prompt) {
            self.record_prompt(&mut state, at, observed.as_ref(), tally);
        }
        if let Some(observed) = observed {
            self.record_observed(&mut state, at, observed, tally.as_ref());
        }
        self.record_end(&mut state, at, verdict, tally.as_ref());
    }

    fn judge(&self, end: &End<'_>, state: &State) -> Verdict {
        if self.0.departure.has_left() {
            return Verdict::ended(Outcome::Aborted);
        }
        match end {
            // It came to its end, which nobody has read.
            End::Relayed {
                observed,
                broken: None,
                is_too_large: true,
            } if matches!(observed.end, AnswerEnd::Truncated | AnswerEnd::Garbage) => Verdict {
                outcome: Outcome::Completed,
                error_type: None,
                message: Some("the answer was too large to be read".to_owned()),
            },
            End::Relayed {
                observed,
                broken: None,
                ..
            } => judge_answer(&observed.end),
            End::Relayed {
                broken: Some(error),
                ..
            }
            | End::Unanswered { error } => {
                let error_type = match error.class() {
                    FailureClass::TimedOut => ErrorType::Timeout,
                    FailureClass::NeverSent | FailureClass::BrokenOff => ErrorType::Unknown,
                };
                Verdict::failed(error_type, Some(error.to_string()))
            }
            End::Refused {
                error_type,
                message,
            }
            | End::Unwoven {
                error_type,
                message,
                ..
            } => {
                let wordless = |status: StatusCode| {
                    format!(
                        "the provider refused with status {} and no words",
                        status.as_u16()
                    )
                };
                let message = message.clone().or_else(|| state.status.map(wordless));
                Verdict::failed(*error_type, message)
            }
            End::Unusable { message } => Verdict::failed(ErrorType::Unknown, Some(message.clone())),
            // Who leaves behind the last word has got everything.
            End::Dropped {
                observed: Some(observed),
            } if !matches!(observed.end, AnswerEnd::Truncated | AnswerEnd::Garbage) => {
                judge_answer(&observed.end)
            }
            End::Dropped { .. } if self.0.cutoff.has_begun() => Verdict::ended(Outcome::Cut),
            End::Dropped { .. } => Verdict::ended(Outcome::Aborted),
        }
    }

    pub(super) fn record_prompt(
        &self,
        state: &mut State,
        at: SystemTime,
        observed: Option<&Observed>,
        tally: &Tally,
    ) {
        let Some(prompt) = state.prompt.take() else {
            return;
        };
        tally.prompt();
        state.spans.asked(&prompt);
        let response_id = observed
            .map(|seen| seen.response_id.clone())
            .unwrap_or_default();
        self.record(
            at,
            Event::Prompt(PromptUsage {
                response_id,
                prompt,
            }),
        );
    }

    pub(super) fn record_observed(
        &self,
        state: &mut State,
        at: SystemTime,
        observed: Observed,
        tally: Option<&Tally>,
    ) {
        state.spans.observed(&observed);
        let response_id = observed.response_id;
        for thought in observed.thoughts {
            let source = thought.source.as_str().to_owned();
            let content = thought.content;
            let response_id = response_id.clone();
            self.record(
                at,
                Event::Thought(ModelThought {
                    response_id,
                    content,
                    source,
                }),
            );
        }
        for call in observed.tool_calls {
            match state.injected.unmade(&call.name, &call.call_id) {
                Some(Unmade::ByOthers) => continue,
                Some(Unmade::Recorded(usage)) => {
                    let usage = ToolUsage {
                        response_id: response_id.clone(),
                        ..injected_usage(*usage, call)
                    };
                    self.record(at, Event::Tool(Box::new(usage)));
                    continue;
                }
                None => {}
            }
            if let Some(tally) = tally {
                tally.tool(&call.name);
            }
            self.record(at, Event::Tool(Box::new(tool_usage(call, &response_id))));
        }
        if let Some(usage) = observed.usage {
            if let Some(tally) = tally {
                count_tokens(&usage, tally);
            }
            self.record(at, Event::Tokens(Box::new(token_usage(usage, response_id))));
        }
    }

    fn record_end(
        &self,
        state: &mut State,
        at: SystemTime,
        verdict: Verdict,
        tally: Option<&Tally>,
    ) {
        let ending = Ending {
            outcome: verdict.outcome,
            error_type: verdict.error_type,
        };
        let ended = Ended {
            outcome: verdict.outcome,
            credential_hint: state.key_hint.clone(),
            provider_status: state.status.map(|status| status.as_u16()),
            error_type: verdict.error_type,
            error_message: verdict.message.map(|text| explanation(state, text)),
        };
        self.record(at, Event::Ended(Box::new(ended)));
        state.spans.close(&ending, &state.key_hint);
        let _only_the_first_counts = self.0.outcome.set(verdict.outcome);
        state.running = None;
        if let Some(tally) = tally {
            tally.ended(label(verdict.outcome), self.0.arrived.elapsed());
        }
    }

    pub(super) fn record(&self, at: SystemTime, event: Event) {
        self.0
            .recorder
            .record(Record::new(self.0.interception, at, event));
    }
}

/// What may be kept of an explanation.
fn explanation(state: &State, text: String) -> String {
    let text = match &state.hidden {
        Some(credential) => credential.mask_in(text),
        None => text,
    };
    shortened(&text, LONGEST_MESSAGE)
}
