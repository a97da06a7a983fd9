//! Records of the rounds before the last, and of the injected calls.

use std::sync::Arc;
use std::time::Duration;

use bridge_api::{InjectedCall, Observed};
use bridge_record::{Event, ToolUsage};
use bridge_telemetry::trace::{Span, SpanKind, Within};
use bridge_telemetry::{CallOutcome, wall_clock};

use super::{End, Notes};
use crate::tools::Shelved;

/// A call of an injected tool that somebody has taken on. It is recorded once: when it has ended, or
/// when it is dropped without an end.
pub(crate) struct Taken {
    notes: Notes,
    pub(crate) call: InjectedCall,
    is_recorded: bool,
}

/// How a call of an injected tool has ended.
struct Use<'a> {
    call: &'a InjectedCall,
    /// From a closed list.
    outcome: CallOutcome,
    /// Why it failed, if it did.
    error: Option<String>,
    /// How long it took; none when it was not made.
    took: Option<Duration>,
}

/// What is known of the tools that were offered in a turn.
#[derive(Default)]
pub(super) struct Injected {
    offered: Option<Shelved>,
    /// Ids of calls that somebody makes and records.
    taken: Vec<String>,
}

impl Injected {
    /// What an injected call that nobody makes is recorded as. None of a client's own.
    pub(super) fn unmade(&self, name: &str, call_id: &str) -> Option<Unmade> {
        let offered = self.offered.as_ref().filter(|offered| offered.has(name))?;
        if self.taken.iter().any(|taken| taken == call_id) {
            return Some(Unmade::ByOthers);
        }
        let mut usage = ToolUsage {
            invocation_error: Some("the answer did not end so that it could be run".to_owned()),
            ..ToolUsage::default()
        };
        describe(offered, name, &mut usage);
        Some(Unmade::Recorded(Box::new(usage)))
    }
}

/// An injected call in an answer.
pub(super) enum Unmade {
    /// Whoever makes it records it.
    ByOthers,
    /// Nobody makes it.
    Recorded(Box<ToolUsage>),
}

impl Notes {
    /// These tools are offered to the model.
    pub(crate) fn offers(&self, tools: Shelved) {
        self.0.state.lock().injected.offered = Some(tools);
    }

    /// These calls are made, and recorded when they have ended.
    pub(crate) fn takes(&self, calls: Vec<InjectedCall>) -> Vec<Taken> {
        let ids = calls.iter().map(|call| call.call_id.clone());
        self.0.state.lock().injected.taken.extend(ids);
        let taken = calls.into_iter().map(|call| Taken {
            notes: self.clone(),
            call,
            is_recorded: false,
        });
        taken.collect()
    }

    /// Records a round after which another one follows. Its call has come to its end, and the
    /// breaker hears of it.
    pub(crate) fn end_round(&self, observed: Observed) {
        if self.is_closed() {
            return;
        }
        let mut state = self.0.state.lock();
        let (at, tally) = (wall_clock(), self.tally(&state));
        let end = End::Relayed {
            observed,
            broken: None,
            is_too_large: false,
        };
        if let Some(pass) = state.pass.take() {
            pass.settle(&end, state.status);
        }
        let End::Relayed { observed, .. } = end else {
            return;
        };
        if let Some(tally) = &tally {
            self.record_prompt(&mut state, at, Some(&observed), tally);
        }
        self.record_observed(&mut state, at, observed, tally.as_ref());
        // Some providers give the calls of each answer the same ids again.
        state.injected.taken.clear();
        let key_hint = state.key_hint.clone();
        state.spans.end_round(&key_hint);
    }

    /// The call of a further round has failed before there was an answer; its breaker hears so.
    pub(crate) fn fails(&self, end: &End<'_>) {
        let mut state = self.0.state.lock();
        if let Some(pass) = state.pass.take() {
            pass.settle(end, state.status);
        }
    }

    /// Records a call of an injected tool.
    fn used(&self, used: Use<'_>) {
        let Use {
            call,
            outcome,
            error,
            took,
        } = used;
        let millis = |took: Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let mut usage = ToolUsage {
            response_id: call.response_id.clone(),
            kind: "function".to_owned(),
            call_id: call.call_id.clone(),
            input: match &call.input {
                Ok(input) => input.clone(),
                Err(_) => String::new(),
            },
            invocation_error: error,
            duration_ms: took.map(millis),
            ..ToolUsage::default()
        };
        let state = self.0.state.lock();
        if let Some(offered) = &state.injected.offered {
            describe(offered, &call.name, &mut usage);
        }
        if let Some(tally) = self.tally(&state) {
            let server = Arc::from(usage.server.as_deref().unwrap_or_default());
            tally.injected_call(&server, &usage.tool, outcome, took);
        }
        drop(state);
        if !self.is_closed() {
            self.record(wall_clock(), Event::Tool(Box::new(usage)));
        }
    }

    /// A span for a call of a tool.
    pub(crate) fn tool_span(&self, name: &str) -> Span {
        let within: Within = self.0.state.lock().spans.within.clone();
        within.span(SpanKind::Internal, || format!("execute_tool {name}"))
    }
}

impl Taken {
    /// The call was not made.
    pub(crate) fn not_made(mut self, why: String) {
        self.ended(CallOutcome::NotMade, Some(why), None);
    }

    /// The call has ended. Only the first end counts.
    pub(crate) fn ended(
        &mut self,
        outcome: CallOutcome,
        error: Option<String>,
        took: Option<Duration>,
    ) {
        if std::mem::replace(&mut self.is_recorded, true) {
            return;
        }
        self.notes.used(Use {
            call: &self.call,
            outcome,
            error,
            took,
        });
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.ended(CallOutcome::NotMade, Some("cancelled".to_owned()), None);
    }
}

/// Says which tool of which server it was.
fn describe(offered: &Shelved, name: &str, usage: &mut ToolUsage) {
    usage.injected = true;
    name.clone_into(&mut usage.tool);
    if let Some(tool) = offered.find(name) {
        tool.own_name().clone_into(&mut usage.tool);
        usage.server = Some(tool.server().name().to_owned());
        usage.server_url = Some(tool.server().shown_url().to_owned());
    }
}
