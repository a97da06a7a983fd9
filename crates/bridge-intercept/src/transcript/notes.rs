//! What is known of a turn while it runs, for everybody who works on it.

use std::sync::{Arc, OnceLock};

use bridge_auth::ActorId;
use bridge_record::{InterceptionId, Outcome, Recorder, Started};
use bridge_telemetry::trace::Span;
use bridge_telemetry::{Metrics, Part, Parts, Running, Subject, Tally};
use bridge_upstream::BoundCredential;
use http::StatusCode;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::rounds::Injected;
use super::spans::Spans;
use super::{Closing, Settling};
use crate::admit::Pass;
use crate::aftercare::Departure;
use crate::guard::ProviderKey;
use crate::{Blueprint, Cutoff, Cx};

/// The records of one turn, shared by those who make them. Cloning shares them; only the
/// [`Transcript`](super::Transcript) closes them when it is dropped.
#[derive(Clone)]
pub(crate) struct Notes(pub(super) Arc<Shared>);

/// What does not change, and what does.
pub(super) struct Shared {
    pub(super) recorder: Arc<dyn Recorder>,
    pub(super) metrics: Metrics,
    pub(super) cutoff: Cutoff,
    pub(super) departure: Departure,
    pub(super) interception: InterceptionId,
    pub(super) arrived: Instant,
    pub(super) parts: Arc<Parts>,
    initiator: ActorId,
    /// As it was at the beginning. What changes stands beside it.
    closing: Closing,
    pub(super) outcome: OnceLock<Outcome>,
    pub(super) state: Mutex<State>,
}

/// What changes. The lock is held for moments, and only by those who work on one turn.
pub(super) struct State {
    pub(super) prompt: Option<String>,
    pub(super) status: Option<StatusCode>,
    /// Hears how the call went, where there are breakers.
    pub(super) pass: Option<Pass>,
    /// Whether the recorder has answered that the interception is begun.
    is_begun: bool,
    pub(super) key_hint: String,
    pub(super) running: Option<Running>,
    /// What the provider was given last.
    pub(super) hidden: Option<BoundCredential>,
    pub(super) spans: Spans,
    pub(super) injected: Injected,
}

impl Notes {
    pub(super) fn new(
        blueprint: &Blueprint,
        cx: &Cx,
        started: &Started,
        prompt: Option<String>,
        closing: Closing,
    ) -> Self {
        let state = State {
            prompt,
            status: None,
            pass: None,
            is_begun: false,
            key_hint: closing.key_hint.clone(),
            running: None,
            hidden: None,
            spans: Spans::new(&cx.within, started.client_session_id.as_ref()),
            injected: Injected::default(),
        };
        Self(Arc::new(Shared {
            recorder: Arc::clone(&blueprint.recorder),
            metrics: blueprint.metrics.clone(),
            cutoff: blueprint.cutoff.clone(),
            departure: Departure::new(blueprint),
            interception: cx.id,
            arrived: cx.arrived,
            parts: Arc::clone(&cx.parts),
            initiator: started.initiator,
            closing,
            outcome: OnceLock::new(),
            state: Mutex::new(state),
        }))
    }

    /// The recorder has the beginning.
    pub(super) fn began(&self) {
        let running = self.0.metrics.interception_began(&self.subject());
        let mut state = self.0.state.lock();
        state.is_begun = true;
        state.running = Some(running);
    }

    /// The recorder has refused the beginning, and there will be no end.
    pub(super) fn never_began(&self) {
        let _only_the_first_counts = self.0.outcome.set(Outcome::Failed);
    }

    /// The answer of this attempt is relayed, or its failure told.
    pub(crate) fn follow(&self, attempt: Span) {
        self.0.state.lock().spans.follow(attempt);
    }

    /// An attempt had this status, or no answer. The last one counts.
    pub(crate) fn attempted(&self, status: Option<StatusCode>) {
        self.0.state.lock().status = status;
    }

    /// What it is counted under.
    fn subject(&self) -> Subject<'_> {
        let closing = &self.0.closing;
        Subject {
            provider: &closing.provider,
            route: closing.route,
            client: closing.client,
            model: &closing.model,
            user: &self.0.initiator,
        }
    }

    /// Where it is counted, if it ever began. A provider that has answered with anything but a
    /// refusal knows the model.
    pub(super) fn tally(&self, state: &State) -> Option<Tally> {
        let is_known = state.status.is_some_and(|status| !status.is_client_error());
        state
            .is_begun
            .then(|| self.0.metrics.tally(&self.subject(), is_known))
    }

    /// Where the time of its request goes.
    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.0.parts
    }

    /// The call may leave, and whoever let it wants to know how it goes.
    pub(crate) fn leaves(&self, pass: Option<Pass>) {
        self.0.state.lock().pass = pass;
    }

    /// This credential is presented from now on.
    pub(crate) fn presents(&self, key: Option<&ProviderKey>) {
        let hint = key.map(|key| key.hint.as_str()).unwrap_or_default();
        let mut state = self.0.state.lock();
        if state.key_hint != hint {
            hint.clone_into(&mut state.key_hint);
        }
    }

    /// Some providers repeat the key that they do not know: this one is masked where it stands in
    /// their explanations.
    pub(crate) fn hide(&self, credential: Option<BoundCredential>) {
        self.0.state.lock().hidden = credential;
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn departure(&self) -> &Departure {
        &self.0.departure
    }

    /// Name of the provider instance.
    pub(crate) fn provider(&self) -> &Arc<str> {
        &self.0.closing.provider
    }

    /// The model, as the caller wrote it.
    pub(crate) fn model(&self) -> &str {
        &self.0.closing.model
    }

    /// Whether the end is recorded.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.outcome.get().is_some()
    }

    /// What the closing line says, as things stand.
    pub(crate) fn closing(&self) -> Closing {
        Closing {
            key_hint: self.0.state.lock().key_hint.clone(),
            outcome: self.0.outcome.get().copied(),
            ..self.0.closing.clone()
        }
    }

    /// Waits until everything that was recorded is safe. Dropping the future changes nothing.
    pub(crate) fn settle(&self) -> Settling {
        let (recorder, parts) = (Arc::clone(&self.0.recorder), Arc::clone(&self.0.parts));
        let settling = self.0.state.lock().spans.within.work("record settle");
        Box::pin(async move {
            parts.timed(Part::Journal, recorder.settle()).await;
            settling.end();
        })
    }
}
