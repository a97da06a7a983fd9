//! One answer out of several rounds of the Chat Completions API.
//!
//! A chunk is passed on as it came. What belongs to an injected call is cut out of it, and what ends
//! a round that has one is held back until it is known whether another round follows. Chunks of
//! later rounds get the id of the first, places of calls and of blocks of reasoning go on counting,
//! and nobody says twice who speaks: the Python SDK would put the words together.

mod call;
mod chunk;
mod details;
mod grown;
mod round;
mod whole;

use bytes::Bytes;

use self::call::Side;
use self::chunk::Share;
use self::grown::Grown;
use self::round::{Heard, Round};
use super::splice::Hidden;
use super::tools::tool_message;
use crate::json::Value;
use crate::tools::is_object;
use crate::weave::{Budget, Figures};
use crate::{
    Envelope, EnvelopeError, HiddenTurn, InjectedCall, RoundEnd, ToolResult, Toolbox, UsageTold,
    WeaveConfig, WeaveError,
};

/// How deeply a chunk may be nested that is looked at. One that is deeper is passed on.
const DEEPEST: usize = 256;

#[derive(Debug)]
pub(crate) struct State {
    tools: Toolbox,
    usage: UsageTold,
    budget: Budget,
    /// The last message of the client's request.
    asked: Option<Bytes>,
    /// What came of the rounds before this one, in the order in which they were.
    past: Vec<Past>,
    past_usage: Figures,
    round: Round,
    /// Results of the injected calls of a mixed turn.
    kept: Vec<ToolResult>,
    /// The id of the first chunk that has one, as it is written.
    id: Vec<u8>,
    /// Whether the client was told who speaks.
    has_role: bool,
    /// The place of the next call that the client sees.
    next_place: u64,
    /// How many blocks of reasoning the rounds before this one had.
    blocks: u64,
    /// Whether the client was told that nothing follows. A reason for the end alone does not say
    /// so: some providers give one in every chunk.
    is_closed: bool,
    /// What ends this round.
    held: Vec<u8>,
    /// Events since the first piece of a call of which nobody can say yet whose tool it is.
    waiting: Vec<Waiting>,
    /// A round that is no stream.
    body: Bytes,
}

/// A round that another one followed.
#[derive(Debug)]
struct Past {
    /// Members of the assistant message but its calls.
    message: Grown,
    /// What it added to the request: the messages, with commas between them.
    messages: Vec<u8>,
}

#[derive(Debug)]
struct Waiting {
    data: Vec<u8>,
    raw: Vec<u8>,
    heard: Heard,
}

impl State {
    pub(crate) fn new(request: &Envelope, tools: Toolbox, config: WeaveConfig) -> Self {
        Self {
            tools,
            usage: config.usage,
            budget: Budget::new(config.limits),
            asked: request.last_item("messages"),
            past: Vec::new(),
            past_usage: Figures::default(),
            round: Round::default(),
            kept: Vec::new(),
            id: Vec::new(),
            has_role: false,
            next_place: 0,
            blocks: 0,
            is_closed: false,
            held: Vec::new(),
            waiting: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn event(
        &mut self,
        data: &[u8],
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), WeaveError> {
        if data.trim_ascii() == b"[DONE]" {
            self.round.is_done = true;
            self.round.decide();
            self.release(out)?;
            return self.end(raw, out);
        }
        if !is_object(data, DEEPEST) {
            out.extend_from_slice(raw);
            return Ok(());
        }
        let chunk = Value::new(data);
        if self.id.is_empty() {
            let id = chunk.get("id").filter(|id| id.filled().is_some());
            self.id = id.and_then(Value::raw).unwrap_or_default().to_vec();
        }
        let heard = self.round.hear(chunk, &self.tools, &mut self.budget)?;
        if self.round.is_undecided() {
            self.budget.take_item(data.len() + raw.len())?;
            let (data, raw) = (data.to_vec(), raw.to_vec());
            self.waiting.push(Waiting { data, raw, heard });
            return Ok(());
        }
        self.release(out)?;
        self.relay(data, raw, &heard, out)
    }

    /// Tells what had to wait.
    fn release(&mut self, out: &mut Vec<u8>) -> Result<(), WeaveError> {
        for event in std::mem::take(&mut self.waiting) {
            self.relay(&event.data, &event.raw, &event.heard, out)?;
        }
        Ok(())
    }

    /// Tells the client of a chunk, or holds it back.
    fn relay(
        &mut self,
        data: &[u8],
        raw: &[u8],
        heard: &Heard,
        out: &mut Vec<u8>,
    ) -> Result<(), WeaveError> {
        let is_first = self.past.is_empty() && !self.round.has_injected();
        if is_first && heard.pieces.is_empty() {
            // Most chunks of most turns: there is nothing to change.
            self.has_role |= heard.has_role;
            out.extend_from_slice(raw);
            return Ok(());
        }
        let pieces = &heard.pieces;
        let told = self.tell(data, pieces, Share::All);
        let is_end = told.has_end || told.is_usage_alone();
        if !is_end || !self.holds_back() {
            if told.is_worth_telling() {
                self.has_role |= told.has_role;
                told.write(raw, out);
            }
            return Ok(());
        }
        let mut end = told;
        if end.has_end && end.has_something {
            let open = self.tell(data, pieces, Share::Open);
            self.has_role |= open.has_role;
            open.write(raw, out);
            end = self.tell(data, pieces, Share::End);
        }
        let mut held = Vec::new();
        end.write(raw, &mut held);
        self.end(&held, out)
    }

    /// Holds back an event that ends the round, or tells it where no other round can follow.
    fn end(&mut self, event: &[u8], out: &mut Vec<u8>) -> Result<(), WeaveError> {
        if self.holds_back() {
            self.budget.take_item(event.len())?;
            self.held.extend_from_slice(event);
        } else {
            self.is_closed = true;
            out.extend_from_slice(event);
        }
        Ok(())
    }

    /// Whether it has to be seen what follows before the client may hear that this round ends.
    fn holds_back(&self) -> bool {
        self.round.has_injected() && !self.round.has_failed && !self.is_closed
    }

    pub(crate) fn end_round(&mut self) -> RoundEnd {
        self.round.decide();
        if self.is_closed || !self.round.ended_well() {
            return RoundEnd::Over;
        }
        self.round.name_calls(self.past.len());
        let calls: Vec<InjectedCall> = self
            .round
            .injected_calls()
            .map(|call| InjectedCall {
                call_id: call.id.clone(),
                name: call.name.clone(),
                input: call.input(),
                response_id: self.round.response_id.clone(),
            })
            .collect();
        let is_mixed = self.round.calls.iter().any(|call| call.is(Side::Client));
        match (calls.is_empty(), is_mixed) {
            (true, _) => RoundEnd::Over,
            (false, false) => RoundEnd::Calls(calls),
            (false, true) => RoundEnd::Mixed(calls),
        }
    }

    pub(crate) fn go_on(
        &mut self,
        request: &mut Envelope,
        results: Vec<ToolResult>,
    ) -> Result<(), EnvelopeError> {
        let mut messages = self.round.assistant_message();
        for result in self.in_order(results) {
            messages.push(b',');
            messages.extend_from_slice(tool_message(&result).as_bytes());
        }
        request.append_items("messages", Bytes::from(messages.clone()))?;
        let round = std::mem::take(&mut self.round);
        self.past_usage.add(&round.usage);
        let message = round.message;
        let thoughts = message.items(details::MEMBER).unwrap_or_default();
        self.blocks = self.blocks.saturating_add(details::next_index(thoughts));
        self.past.push(Past { message, messages });
        self.held.clear();
        self.waiting.clear();
        Ok(())
    }

    pub(crate) fn keep(&mut self, results: Vec<ToolResult>) {
        self.kept = self.in_order(results);
    }

    fn in_order(&self, results: Vec<ToolResult>) -> Vec<ToolResult> {
        let ids = self.round.injected_calls().map(|call| call.id.as_str());
        ToolResult::in_order(ids, results)
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.round.decide();
        let is_told = self.release(out).is_ok();
        let held = std::mem::take(&mut self.held);
        // After a failure nothing may look like a good end.
        if is_told && !self.round.has_failed {
            out.extend_from_slice(&held);
        }
    }

    /// What the next request of the client will lack.
    pub(crate) fn hidden_turn(&self) -> Option<HiddenTurn> {
        let is_known = !self.round.has_failed && self.round.lack.is_none();
        if !is_known || (self.past.is_empty() && self.kept.is_empty()) {
            return None;
        }
        let mut hidden = Hidden::default();
        for past in &self.past {
            hidden.add_round(&past.message.content()?, &past.messages);
        }
        let last = &self.round.message;
        hidden.end_with(&last.content()?);
        let mut names: Vec<&str> = Vec::new();
        for name in self.past.iter().flat_map(|past| past.message.names()) {
            if !matches!(name, "role" | "content") && !names.contains(&name) {
                names.push(name);
                hidden.add_member(name, last.raw(name));
            }
        }
        // Injected calls of a round that did not end well were never made.
        let is_mixed = !self.kept.is_empty();
        for call in &self.round.calls {
            if call.is(Side::Client) || is_mixed {
                hidden.add_call(&call.to_json(), call.is(Side::Client));
            }
        }
        for result in &self.kept {
            hidden.add_result(tool_message(result).as_bytes());
        }
        hidden.anchored(self.asked.as_deref()?)
    }
}

#[cfg(test)]
mod tests;
