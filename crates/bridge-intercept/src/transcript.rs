//! What is recorded of a turn, and when.
//!
//! The first record is taken before anything leaves; the others when the answer's body has ended,
//! broken or been dropped. The transcript is a guard: whatever happens to it, an end is recorded.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use bridge_api::Observed;
use bridge_record::{ErrorType, Event, Outcome, Record, RecordError, Started};
use bridge_telemetry::{Part, wall_clock};
use bridge_upstream::UpstreamError;

use crate::relay::Ear;
use crate::{Blueprint, Cx};

mod ending;
mod notes;
mod rounds;
mod spans;
mod usage;
mod verdict;

pub(crate) use self::notes::Notes;
pub(crate) use self::rounds::Taken;
pub(crate) use self::verdict::{type_of_status, type_of_word};

/// Ready when what was recorded is safe.
pub(crate) type Settling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The records of one turn, from the first that was taken. Dropping it closes them.
pub(crate) struct Transcript {
    notes: Notes,
    /// Hears the round that runs, where nobody else asks it in the end.
    ear: Option<Ear>,
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
    /// The turn failed in the middle of an answer, of which this was seen.
    Unwoven {
        observed: Observed,
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

impl End<'_> {
    /// The turn has failed so; with what was seen of the answer in which it did, if it was in one.
    pub(crate) fn failed(
        error_type: ErrorType,
        message: Option<String>,
        observed: Option<Observed>,
    ) -> Self {
        match observed {
            Some(observed) => Self::Unwoven {
                observed,
                error_type,
                message,
            },
            None => Self::Refused {
                error_type,
                message,
            },
        }
    }
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
        let transcript = Self {
            notes: Notes::new(blueprint, cx, &started, prompt, closing),
            ear: None,
        };
        let event = Event::Started(Box::new(started));
        let first = Record::new(cx.id, wall_clock(), event);
        let starting = blueprint.recorder.start(first);
        let mut recording = cx.within.work("record start");
        if let Err(refused) = cx.parts.timed(Part::Journal, starting).await {
            recording.fail("not_kept");
            // There is no beginning, so there is nothing to end.
            transcript.never_began();
            return Err(refused);
        }
        transcript.began();
        Ok(transcript)
    }

    /// What this ear hears belongs to the records, also when they are closed in the middle.
    pub(crate) fn hears_by(&mut self, ear: Ear) {
        self.ear = Some(ear);
    }

    /// What was heard of the round that runs. The second time there is nothing.
    pub(crate) fn heard(&self) -> Option<Observed> {
        self.ear.as_ref().and_then(Ear::heard)
    }
}

impl Deref for Transcript {
    type Target = Notes;

    fn deref(&self) -> &Notes {
        &self.notes
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        let observed = self.heard();
        self.close(End::Dropped { observed });
    }
}
