//! What is recorded of a turn, and when.
//!
//! The first record is taken before anything leaves; the others when the answer's body has ended,
//! broken or been dropped. The transcript is a guard: whatever happens to it, an end is recorded.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use bridge_api::{AnswerEnd, Observed};
use bridge_auth::ActorId;
use bridge_record::{
    Ended, ErrorType, Event, InterceptionId, ModelThought, Outcome, PromptUsage, Record,
    RecordError, Recorder, Started,
};
use bridge_telemetry::trace::Span;
use bridge_telemetry::{Metrics, Part, Parts, Running, Subject, Tally, wall_clock};
use bridge_upstream::{BoundCredential, FailureClass, UpstreamError};
use http::StatusCode;
use tokio::time::Instant;

use crate::admit::Pass;
use crate::aftercare::Departure;
use crate::client_hint::shortened;
use crate::guard::ProviderKey;
use crate::{Blueprint, Cutoff, Cx};

mod spans;
mod usage;
mod verdict;

use self::spans::{Ending, Spans};
use self::usage::{count_tokens, token_usage, tool_usage};
use self::verdict::{Verdict, judge_answer, label};
pub(crate) use self::verdict::{type_of_status, type_of_word};

/// Longest error message that is kept, in characters.
const LONGEST_MESSAGE: usize = 1_024;

/// Ready when what was recorded is safe.
pub(crate) type Settling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The records of one turn, from the first that was taken.
pub(crate) struct Transcript {
    recorder: Arc<dyn Recorder>,
    metrics: Metrics,
    cutoff: Cutoff,
    departure: Departure,
    interception: InterceptionId,
    arrived: Instant,
    parts: Arc<Parts>,
    prompt: Option<String>,
    status: Option<StatusCode>,
    /// Hears how the call went, where there are breakers.
    pass: Option<Pass>,
    /// Whether the recorder has answered that the interception is begun.
    is_begun: bool,
    closing: Closing,
    initiator: ActorId,
    running: Option<Running>,
    /// What the provider was given last.
    hidden: Option<BoundCredential>,
    spans: Spans,
}

/// What the closing line of a request says of its interception.
#[derive(Debug, Clone)]
pub struct Closing {
    /// Name of the provider instance.
    pub provider: Arc<str>,
    /// Which route, from a closed list.
    pub route: &'static str,
    /// As the caller wrote it.
    pub model: String,
    /// Name of the calling program.
    pub client: &'static str,
    /// The provider credential, masked.
    pub key_hint: String,
    /// How it ended; none while it has not.
    pub outcome: Option<Outcome>,
}

/// How a turn came to its end.
pub(crate) enum End<'a> {
    /// The answer was relayed until it ended or broke.
    Relayed {
        observed: Observed,
        broken: Option<&'a UpstreamError>,
        /// Whether there was more than is read.
        is_too_large: bool,
    },
    /// The provider refused: its status, and its words.
    Refused {
        error_type: ErrorType,
        message: Option<String>,
    },
    /// There was no answer.
    Unanswered { error: &'a UpstreamError },
    /// There was something, but no answer.
    Unusable { message: String },
    /// Nobody listens any more. What was seen until then, if there was an answer.
    Dropped { observed: Option<Observed> },
}

impl Transcript {
    /// Records that a request is about to leave. Until this has answered, nothing may.
    ///
    /// Dropping the future may leave the beginning recorded, so an end is recorded as well.
    pub(crate) async fn open(
        blueprint: &Blueprint,
        cx: &Cx,
        started: Started,
        prompt: Option<String>,
        closing: Closing,
    ) -> Result<Self, RecordError> {
        let mut transcript = Self {
            recorder: Arc::clone(&blueprint.recorder),
            metrics: blueprint.metrics.clone(),
            cutoff: blueprint.cutoff.clone(),
            departure: Departure::new(blueprint),
            interception: cx.id,
            arrived: cx.arrived,
            parts: Arc::clone(&cx.parts),
            prompt,
            status: None,
            pass: None,
            is_begun: false,
            closing,
            initiator: started.initiator,
            running: None,
            hidden: None,
            spans: Spans::new(&cx.within, started.client_session_id.as_ref()),
        };
        let event = Event::Started(Box::new(started));
        let first = Record::new(cx.id, wall_clock(), event);
        let starting = blueprint.recorder.start(first);
        let mut recording = cx.within.work("record start");
        if let Err(refused) = cx.parts.timed(Part::Journal, starting).await {
            recording.fail("not_kept");
            // There is no beginning, so there is nothing to end.
            transcript.closing.outcome = Some(Outcome::Failed);
            return Err(refused);
        }
        transcript.is_begun = true;
        let running = blueprint.metrics.interception_began(&transcript.subject());
        transcript.running = Some(running);
        Ok(transcript)
    }

    /// The answer of this attempt is relayed, or its failure told.
    pub(crate) fn follow(&mut self, attempt: Span) {
        self.spans.follow(attempt);
    }

    /// An attempt had this status, or no answer. The last one counts.
    pub(crate) fn attempted(&mut self, status: Option<StatusCode>) {
        self.status = status;
    }

    /// What it is counted under.
    fn subject(&self) -> Subject<'_> {
        Subject {
            provider: &self.closing.provider,
            route: self.closing.route,
            client: self.closing.client,
            model: &self.closing.model,
            user: &self.initiator,
        }
    }

    /// Where it is counted, if it ever began. A provider that has answered with anything but a
    /// refusal knows the model.
    fn tally(&self) -> Option<Tally> {
        let is_known = self.status.is_some_and(|status| !status.is_client_error());
        self.is_begun
            .then(|| self.metrics.tally(&self.subject(), is_known))
    }

    /// Where the time of its request goes.
    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    /// The call may leave, and whoever let it wants to know how it goes.
    pub(crate) fn leaves(&mut self, pass: Option<Pass>) {
        self.pass = pass;
    }

    /// This credential is presented from now on.
    pub(crate) fn presents(&mut self, key: Option<&ProviderKey>) {
        let hint = key.map(|key| key.hint.as_str()).unwrap_or_default();
        if self.closing.key_hint != hint {
            hint.clone_into(&mut self.closing.key_hint);
        }
    }

    /// Some providers repeat the key that they do not know: this one is masked where it stands in
    /// their explanations.
    pub(crate) fn hide(&mut self, credential: Option<BoundCredential>) {
        self.hidden = credential;
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn departure(&self) -> &Departure {
        &self.departure
    }

    pub(crate) fn closing(&self) -> &Closing {
        &self.closing
    }

    /// Waits until everything that was recorded is safe. Dropping the future changes nothing.
    pub(crate) fn settle(&self) -> Settling {
        let (recorder, parts) = (Arc::clone(&self.recorder), Arc::clone(&self.parts));
        let settling = self.spans.within.work("record settle");
        Box::pin(async move {
            parts.timed(Part::Journal, recorder.settle()).await;
            settling.end();
        })
    }

    /// Records everything that is left to record. Only the first end counts.
    pub(crate) fn close(&mut self, end: End<'_>) {
        if self.closing.outcome.is_some() {
            return;
        }
        let (at, tally) = (wall_clock(), self.tally());
        if let Some(pass) = self.pass.take() {
            pass.settle(&end, self.status);
        }
        let verdict = self.judge(&end);
        let (observed, has_prompt) = match end {
            End::Relayed { observed, .. } => (Some(observed), true),
            End::Dropped { observed } => (observed, true),
            End::Unanswered { error } => (None, error.class() != FailureClass::NeverSent),
            End::Refused { .. } | End::Unusable { .. } => (None, false),
        };
        if let Some(tally) = tally.as_ref().filter(|_| has_prompt) {
            self.record_prompt(at, observed.as_ref(), tally);
        }
        if let Some(observed) = observed {
            self.record_observed(at, observed, tally.as_ref());
        }
        self.record_end(at, verdict, tally.as_ref());
    }

    fn judge(&self, end: &End<'_>) -> Verdict {
        if self.departure.has_left() {
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
            } => {
                let wordless = |status: StatusCode| {
                    format!(
                        "the provider refused with status {} and no words",
                        status.as_u16()
                    )
                };
                let message = message.clone().or_else(|| self.status.map(wordless));
                Verdict::failed(*error_type, message)
            }
            End::Unusable { message } => Verdict::failed(ErrorType::Unknown, Some(message.clone())),
            // Who leaves behind the last word has got everything.
            End::Dropped {
                observed: Some(observed),
            } if !matches!(observed.end, AnswerEnd::Truncated | AnswerEnd::Garbage) => {
                judge_answer(&observed.end)
            }
            End::Dropped { .. } if self.cutoff.has_begun() => Verdict::ended(Outcome::Cut),
            End::Dropped { .. } => Verdict::ended(Outcome::Aborted),
        }
    }

    fn record_prompt(&mut self, at: SystemTime, observed: Option<&Observed>, tally: &Tally) {
        let Some(prompt) = self.prompt.take() else {
            return;
        };
        tally.prompt();
        self.spans.asked(&prompt);
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

    fn record_observed(&mut self, at: SystemTime, observed: Observed, tally: Option<&Tally>) {
        self.spans.observed(&observed);
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

    fn record_end(&mut self, at: SystemTime, verdict: Verdict, tally: Option<&Tally>) {
        let ending = Ending {
            outcome: verdict.outcome,
            error_type: verdict.error_type,
        };
        let ended = Ended {
            outcome: verdict.outcome,
            credential_hint: self.closing.key_hint.clone(),
            provider_status: self.status.map(|status| status.as_u16()),
            error_type: verdict.error_type,
            error_message: verdict.message.map(|text| self.explanation(text)),
        };
        self.record(at, Event::Ended(Box::new(ended)));
        self.spans.close(&ending, &self.closing.key_hint);
        self.closing.outcome = Some(verdict.outcome);
        self.running = None;
        if let Some(tally) = tally {
            tally.ended(label(verdict.outcome), self.arrived.elapsed());
        }
    }

    /// What may be kept of an explanation.
    fn explanation(&self, text: String) -> String {
        let text = match &self.hidden {
            Some(credential) => credential.mask_in(text),
            None => text,
        };
        shortened(&text, LONGEST_MESSAGE)
    }

    fn record(&self, at: SystemTime, event: Event) {
        self.recorder
            .record(Record::new(self.interception, at, event));
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        self.close(End::Dropped { observed: None });
    }
}
