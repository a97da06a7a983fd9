//! What one round of an answer has said: the assistant message as it grows, and its calls.

use super::call::{Call, Index, Side};
use super::grown::Grown;
use crate::json::Value;
use crate::weave::{Budget, Figures};
use crate::{Toolbox, WeaveError};

/// Why answers end that were cut short: whatever was called may not be what the model meant. Some
/// providers shout them, and some say more behind a colon.
pub(super) const BAD_REASONS: [&str; 12] = [
    "length",
    "max_tokens",
    "model_length",
    "content_filter",
    "safety",
    "sensitive",
    "error",
    "network_error",
    "insufficient_system_resource",
    "abort",
    "function_call_filter",
    "malformed_function_call",
];

fn is_bad(reason: &str) -> bool {
    let word = reason.split(':').next().unwrap_or_default();
    let mut bad = BAD_REASONS.iter();
    bad.any(|bad| word.eq_ignore_ascii_case(bad))
}

/// One round, from the request to the provider's last word.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) response_id: String,
    /// Members of the assistant message but its calls.
    pub(super) message: Grown,
    /// In the order in which they began.
    pub(super) calls: Vec<Call>,
    pub(super) usage: Figures,
    pub(super) has_failed: bool,
    /// What there was no room for in the message. An answer that is only relayed does not fail for
    /// want of it.
    pub(super) lack: Option<WeaveError>,
    /// Whether the provider has said `[DONE]`.
    pub(super) is_done: bool,
    /// Whether it has said why the answer ends.
    has_finished: bool,
    /// Whether that was because it was cut short.
    is_cut_short: bool,
}

/// What there is in a chunk.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// For each piece of a call, in their order, the call that it belongs to.
    pub(super) pieces: Vec<usize>,
    /// Whether it says who speaks.
    pub(super) has_role: bool,
}

impl Round {
    /// Hears a chunk or a whole answer.
    ///
    /// A request for several choices has no injected tools, so all choices are parts of one answer:
    /// some providers tell each call in one of its own.
    pub(super) fn hear(
        &mut self,
        answer: Value<'_>,
        tools: &Toolbox,
        budget: &mut Budget,
    ) -> Result<Heard, WeaveError> {
        let mut heard = Heard::default();
        for (name, value) in answer.members() {
            match &*name {
                "id" if self.response_id.is_empty() => {
                    self.response_id = value.text().unwrap_or_default().into_owned();
                }
                "choices" => {
                    for (place, choice) in (0..).zip(value.items()) {
                        self.hear_choice(place, choice, &mut heard, tools, budget)?;
                    }
                }
                "usage" => self.usage.hear(value),
                "error" if value.is_something() => self.has_failed = true,
                _ => {}
            }
        }
        match self.lack {
            Some(lack) if self.has_injected() => Err(lack),
            Some(_) | None => Ok(heard),
        }
    }

    fn hear_choice(
        &mut self,
        place: u64,
        choice: Value<'_>,
        heard: &mut Heard,
        tools: &Toolbox,
        budget: &mut Budget,
    ) -> Result<(), WeaveError> {
        let mut index = place;
        let mut told = Vec::new();
        for (name, value) in choice.members() {
            match &*name {
                "index" => index = value.count().unwrap_or(place),
                "delta" | "message" => told.push(value),
                "finish_reason" => {
                    if let Some(reason) = value.filled() {
                        self.has_finished = true;
                        self.is_cut_short |= is_bad(&reason);
                    }
                }
                _ => {}
            }
        }
        for (name, value) in told.into_iter().flat_map(Value::members) {
            match &*name {
                "tool_calls" => {
                    for piece in value.items() {
                        let call = self.hear_piece(index, piece, tools, budget)?;
                        heard.pieces.push(call);
                    }
                }
                name => {
                    heard.has_role |= name == "role" && value.filled().is_some();
                    if self.lack.is_none() {
                        self.lack = self.message.push(name, value, budget).err();
                    }
                }
            }
        }
        Ok(())
    }

    /// Begins a call or goes on with one, and says which.
    fn hear_piece(
        &mut self,
        choice: u64,
        piece: Value<'_>,
        tools: &Toolbox,
        budget: &mut Budget,
    ) -> Result<usize, WeaveError> {
        let index = piece.get("index").and_then(Value::count);
        let index = index.map_or(Index::Unsaid, Index::At);
        let is_there = |call: &Call| call.choice == choice && call.index == index;
        let id = piece.get("id").and_then(Value::filled).unwrap_or_default();
        let mut known = self.calls.iter().rposition(is_there);
        if !id.is_empty() {
            let is_it = |call: &Call| is_there(call) && call.id == id;
            known = self.calls.iter().rposition(is_it).or(known);
        }
        // Without a place a piece may still go on with a call that has one.
        if known.is_none() && index == Index::Unsaid {
            known = self.calls.iter().rposition(|call| call.choice == choice);
        }
        let goes_on = |at: &usize| self.calls.get(*at).is_some_and(|it| it.goes_on_with(piece));
        let known = known.filter(goes_on);
        let place = known.unwrap_or(self.calls.len());
        if known.is_none() {
            budget.take_item(0)?;
            self.calls.push(Call::new(choice, index));
        }
        if let Some(call) = self.calls.get_mut(place) {
            call.grow(piece, budget)?;
            call.judge(tools);
        }
        Ok(place)
    }

    /// Whether there is a call of which nobody can say yet whose tool it is.
    pub(super) fn is_undecided(&self) -> bool {
        self.calls.iter().any(|call| call.side.is_none())
    }

    /// Calls without a name are the client's to wonder at.
    pub(super) fn decide(&mut self) {
        for call in &mut self.calls {
            call.side.get_or_insert(Side::Client);
        }
    }

    pub(super) fn has_injected(&self) -> bool {
        self.calls.iter().any(|call| call.is(Side::Injected))
    }

    pub(super) fn injected_calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| call.is(Side::Injected))
    }

    /// The message as the next request tells it, with all that the provider said.
    pub(super) fn assistant_message(&self) -> Vec<u8> {
        let mut out = b"{\"role\":\"assistant\",\"content\":".to_vec();
        let content = Some("content").filter(|name| self.message.has(name));
        let content = content.and_then(|name| self.message.raw(name));
        out.extend_from_slice(content.as_deref().unwrap_or(b"null"));
        self.message.write_others(&["role", "content"], &mut out);
        out.extend_from_slice(b",\"tool_calls\":[");
        let calls: Vec<Vec<u8>> = self.calls.iter().map(Call::to_json).collect();
        out.extend_from_slice(&calls.join(&b','));
        out.extend_from_slice(b"]}");
        out
    }

    /// Gives injected calls that the provider gave no id one of ours: a result has to name its call.
    pub(super) fn name_calls(&mut self, round: usize) {
        for (place, call) in self.calls.iter_mut().enumerate() {
            if call.id.is_empty() && call.is(Side::Injected) {
                call.id = format!("call_{round}_{place}");
            }
        }
    }

    /// Whether the model has said all that it wanted to say, and all of it was heard: only then are
    /// its calls what it meant.
    pub(super) fn ended_well(&self) -> bool {
        (self.has_finished || self.is_done) && !self.is_cut_short && !self.has_failed
    }
}
