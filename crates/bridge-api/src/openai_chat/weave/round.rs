//! What one round of an answer has said: the assistant message as it grows, and its calls.

use super::grown::Grown;
use crate::json::{Value, quoted, unescaped};
use crate::weave::{Budget, Figures};
use crate::{BadInput, Toolbox, WeaveError};

/// Why answers end that were cut short: whatever was called may not be what the model meant.
pub(super) const BAD_REASONS: [&str; 9] = [
    "length",
    "max_tokens",
    "model_length",
    "content_filter",
    "safety",
    "sensitive",
    "error",
    "network_error",
    "insufficient_system_resource",
];

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
    /// Whether the provider has said `[DONE]`.
    pub(super) is_done: bool,
    finish_reason: Option<String>,
    /// The choice that the answer is made of: the first one that was told.
    choice: Option<u64>,
}

/// A tool call, as far as it has been told.
#[derive(Debug)]
pub(super) struct Call {
    choice: u64,
    index: Index,
    pub(super) id: String,
    pub(super) name: String,
    /// Whose tool it is, once its name is known.
    pub(super) side: Option<Side>,
    /// The whole call, without its place.
    pub(super) parts: Grown,
    /// The place at which the client sees it.
    pub(super) shown_at: Option<u64>,
}

/// Whose tool is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Injected,
}

/// Which call of a choice a piece belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    At(u64),
    /// Some providers do not say: a piece with an id begins a call, others go on with the last.
    Unsaid,
}

impl Round {
    /// Hears a chunk or a whole answer. For each piece of a call in it, in their order: the call
    /// that it belongs to.
    pub(super) fn hear(
        &mut self,
        answer: Value<'_>,
        tools: &Toolbox,
        budget: &mut Budget,
    ) -> Result<Vec<usize>, WeaveError> {
        let mut pieces = Vec::new();
        for (name, value) in answer.members() {
            match &*name {
                "id" if self.response_id.is_empty() => {
                    self.response_id = value.text().unwrap_or_default().into_owned();
                }
                "choices" => {
                    for (place, choice) in (0..).zip(value.items()) {
                        let index = choice.get("index").and_then(Value::count);
                        self.hear_choice(index.unwrap_or(place), choice, &mut pieces, budget)?;
                    }
                }
                "usage" => self.usage.hear(value),
                "error" if value.is_something() => self.has_failed = true,
                _ => {}
            }
        }
        self.judge(&pieces, tools);
        Ok(pieces)
    }

    fn hear_choice(
        &mut self,
        index: u64,
        choice: Value<'_>,
        pieces: &mut Vec<usize>,
        budget: &mut Budget,
    ) -> Result<(), WeaveError> {
        let is_own = *self.choice.get_or_insert(index) == index;
        for (name, value) in choice.members() {
            match &*name {
                "delta" | "message" => {
                    for (name, value) in value.members() {
                        if name == "tool_calls" {
                            for piece in value.items() {
                                pieces.push(self.hear_piece(index, piece, budget)?);
                            }
                        } else if is_own {
                            self.message.push(&name, value, budget)?;
                        }
                    }
                }
                "finish_reason" if is_own => {
                    if let Some(reason) = value.filled() {
                        self.finish_reason = Some(reason.into_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Begins a call or goes on with one, and says which.
    fn hear_piece(
        &mut self,
        choice: u64,
        piece: Value<'_>,
        budget: &mut Budget,
    ) -> Result<usize, WeaveError> {
        let index = piece.get("index").and_then(Value::count);
        let index = index.map_or(Index::Unsaid, Index::At);
        let id = piece.get("id").and_then(Value::filled).unwrap_or_default();
        let is_it = |call: &Call| {
            let is_other = !id.is_empty() && !call.id.is_empty() && call.id != id;
            call.choice == choice && call.index == index && !is_other
        };
        let begins = index == Index::Unsaid && !id.is_empty();
        let known = self.calls.iter().rposition(is_it).filter(|_| !begins);
        let place = known.unwrap_or(self.calls.len());
        if known.is_none() {
            budget.take_item(id.len())?;
            self.calls.push(Call::new(choice, index));
        }
        if let Some(call) = self.calls.get_mut(place) {
            call.grow(piece, &id, budget)?;
        }
        Ok(place)
    }

    fn judge(&mut self, pieces: &[usize], tools: &Toolbox) {
        for place in pieces {
            if let Some(call) = self.calls.get_mut(*place) {
                call.judge(tools);
            }
        }
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

    /// The calls that the answer is made of.
    pub(super) fn own_calls(&self) -> impl Iterator<Item = &Call> {
        let is_own = |call: &&Call| Some(call.choice) == self.choice;
        self.calls.iter().filter(is_own)
    }

    /// The message as the next request tells it, with all that the provider said.
    pub(super) fn assistant_message(&self) -> Vec<u8> {
        let mut out = b"{\"role\":\"assistant\",\"content\":".to_vec();
        let content = Some("content").filter(|name| self.message.has(name));
        let content = content.and_then(|name| self.message.raw(name));
        out.extend_from_slice(content.as_deref().unwrap_or(b"null"));
        self.message.write_others(&["role", "content"], &mut out);
        out.extend_from_slice(b",\"tool_calls\":[");
        let calls: Vec<Vec<u8>> = self.own_calls().map(Call::to_json).collect();
        out.extend_from_slice(&calls.join(&b','));
        out.extend_from_slice(b"]}");
        out
    }

    /// Gives calls that the provider gave no id one of ours: a result has to name its call.
    pub(super) fn name_calls(&mut self, round: usize) {
        for (place, call) in self.calls.iter_mut().enumerate() {
            if call.id.is_empty() {
                call.id = format!("call_{round}_{place}");
            }
        }
    }

    /// Whether the model has said all that it wanted to say, and all of it was heard: only then are
    /// its calls what it meant.
    pub(super) fn ended_well(&self) -> bool {
        let is_over = match self.finish_reason.as_deref() {
            Some(reason) => !BAD_REASONS.contains(&reason),
            None => self.is_done,
        };
        is_over && !self.has_failed
    }
}

impl Call {
    fn new(choice: u64, index: Index) -> Self {
        Self {
            choice,
            index,
            id: String::new(),
            name: String::new(),
            side: None,
            parts: Grown::default(),
            shown_at: None,
        }
    }

    fn grow(&mut self, piece: Value<'_>, id: &str, budget: &mut Budget) -> Result<(), WeaveError> {
        if self.id.is_empty() {
            id.clone_into(&mut self.id);
        }
        let mut members = piece.members().filter(|(name, _)| name != "index");
        members.try_for_each(|(name, value)| self.parts.push(&name, value, budget))
    }

    /// Finds out whose tool it is. The name comes with the first piece; few providers send it
    /// later.
    fn judge(&mut self, tools: &Toolbox) {
        if self.side.is_some() {
            return;
        }
        // A call of another kind is none of ours, whatever its name.
        let function = self.parts.within("function");
        let name = function.and_then(|function| function.text("name"));
        let name = name.map(unescaped).unwrap_or_default();
        if !name.is_empty() {
            self.side = Some(if tools.has(&name) {
                Side::Injected
            } else {
                Side::Client
            });
            self.name = name.into_owned();
        } else if self.parts.has("custom") {
            self.side = Some(Side::Client);
        }
    }

    /// The place that the provider says.
    pub(super) fn said_at(&self) -> Option<u64> {
        match self.index {
            Index::At(index) => Some(index),
            Index::Unsaid => None,
        }
    }

    /// The arguments as text, which the provider writes as a string, or as what is in it.
    pub(super) fn arguments(&self) -> String {
        let Some(function) = self.parts.within("function") else {
            return String::new();
        };
        if let Some(inner) = function.text("arguments") {
            return unescaped(inner).into_owned();
        }
        let raw = function.raw("arguments").unwrap_or_default();
        String::from_utf8_lossy(&raw).into_owned()
    }

    /// What the tool is to be called with.
    pub(super) fn input(&self) -> Result<String, BadInput> {
        BadInput::judge(&self.arguments())
    }

    /// The call as a request tells it. Arguments of an injected call that are no object are left
    /// out of it: several providers read them before the model does, and would refuse the whole
    /// request.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut out = b"{\"id\":".to_vec();
        out.extend_from_slice(quoted(&self.id).as_bytes());
        let is_good = self.input().is_ok() && !self.arguments().trim_ascii().is_empty();
        if self.is(Side::Client) || is_good {
            self.parts.write_others(&["id"], &mut out);
        } else {
            self.parts.write_others(&["id", "function"], &mut out);
            out.extend_from_slice(b",\"function\":{\"name\":");
            out.extend_from_slice(quoted(&self.name).as_bytes());
            out.extend_from_slice(b",\"arguments\":\"{}\"}");
        }
        if !self.parts.has("type") {
            out.extend_from_slice(b",\"type\":\"function\"");
        }
        out.push(b'}');
        out
    }

    pub(super) fn is(&self, side: Side) -> bool {
        self.side == Some(side)
    }
}
