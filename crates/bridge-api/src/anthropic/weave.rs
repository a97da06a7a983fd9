//! One message out of the answers of several rounds.

mod block;
mod round;

use bytes::Bytes;

use self::block::{Block, Whose};
use self::round::Round;
use super::splice::Turn;
use super::tools::results;
use crate::json::{Patch, Value, check, quoted};
use crate::observe::is_unnamed;
use crate::tools::Toolbox;
use crate::weave::{Budget, Figures, write_event};
use crate::{
    Envelope, EnvelopeError, HiddenTurn, RoundEnd, ToolResult, UsageTold, WeaveConfig, WeaveError,
};

#[derive(Debug)]
pub(crate) struct State {
    tools: Toolbox,
    usage: UsageTold,
    budget: Budget,
    round: Round,
    /// How many rounds came before this one.
    rounds: usize,
    /// The next index that the client has not been told.
    next_index: u64,
    /// The figures of the rounds before, as far as they count.
    figures: Figures,
    /// The end of this round, until it is known that it is the client's.
    held: Vec<u8>,
    turn: Turn,
    /// The last answer that is no stream, the provider's id of the first, and the items of what
    /// the client sees of all of them.
    whole: Bytes,
    first_id: String,
    content: Vec<Vec<u8>>,
}

impl State {
    pub(crate) fn new(request: &Envelope, tools: Toolbox, config: WeaveConfig) -> Self {
        Self {
            tools,
            usage: config.usage,
            budget: Budget::new(config.limits),
            round: Round::default(),
            rounds: 0,
            next_index: 0,
            figures: Figures::default(),
            held: Vec::new(),
            turn: Turn::new(request.last_item("messages")),
            whole: Bytes::new(),
            first_id: String::new(),
            content: Vec::new(),
        }
    }

    pub(crate) fn event(
        &mut self,
        name: &str,
        data: &[u8],
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), WeaveError> {
        let event = Value::new(data);
        if !is_unnamed(name) {
            return self.named(name, data, raw, out);
        }
        let name = event.get("type").and_then(Value::text).unwrap_or_default();
        self.named(&name, data, raw, out)
    }

    fn named(
        &mut self,
        name: &str,
        data: &[u8],
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), WeaveError> {
        let event = Value::new(data);
        match name {
            "message_start" => return self.start(event, raw, out),
            "content_block_start" => return self.block_start(data, raw, out),
            "content_block_delta" | "content_block_stop" => {
                return self.block_event(data, raw, out);
            }
            "message_delta" => return self.message_delta(data, raw, out),
            "message_stop" => {
                self.round.is_stopped = true;
                return self.end(raw, out);
            }
            "error" => {
                self.round.is_broken = true;
                // The client hears the error, and no end behind it.
                self.held.clear();
            }
            _ => {}
        }
        out.extend_from_slice(raw);
        Ok(())
    }

    /// The client has one message, and is told once that it begins.
    fn start(&mut self, event: Value<'_>, raw: &[u8], out: &mut Vec<u8>) -> Result<(), WeaveError> {
        let message = event.get("message").unwrap_or_default();
        self.round.message(message, &mut self.budget)?;
        if self.rounds == 0 {
            out.extend_from_slice(raw);
        }
        Ok(())
    }

    fn block_start(
        &mut self,
        data: &[u8],
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), WeaveError> {
        let event = Value::new(data);
        let block = event.get("content_block").unwrap_or_default();
        let index = index(event);
        let begun = self
            .round
            .begin(index, block, &self.tools, &mut self.budget)?;
        if begun.whose == Whose::Injected {
            return Ok(());
        }
        // As long as nothing is missing the provider's numbers are the client's.
        if self.rounds == 0 && !self.round.has_injected {
            self.next_index = self.next_index.max(index.saturating_add(1));
            out.extend_from_slice(raw);
            return Ok(());
        }
        let told = self.next_index;
        self.next_index = told.saturating_add(1);
        if let Some(block) = self.round.block(index) {
            block.told = told;
        }
        pass(data, index, told, raw, out);
        Ok(())
    }

    /// How a block goes on, or its end.
    fn block_event(
        &mut self,
        data: &[u8],
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), WeaveError> {
        let event = Value::new(data);
        let index = index(event);
        let is_renumbered = self.rounds > 0 || self.round.has_injected;
        let told = match self.round.block(index) {
            Some(block) => {
                block.delta(event.get("delta").unwrap_or_default(), &mut self.budget)?;
                if block.whose == Whose::Injected {
                    return Ok(());
                }
                block.told
            }
            // A block that never began has no number in the client's message either.
            None if is_renumbered => self.next_index,
            None => index,
        };
        pass(data, index, told, raw, out);
        Ok(())
    }

    fn message_delta(
        &mut self,
        data: &[u8],
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), WeaveError> {
        let event = Value::new(data);
        let reasons = event.get("delta").unwrap_or_default();
        self.round.ended(reasons, event, &mut self.budget)?;
        if self.rounds == 0 {
            return self.end(raw, out);
        }
        let mut edited = Vec::with_capacity(raw.len() + 256);
        write_event(raw, &self.with_figures(data), &mut edited);
        self.end(&edited, out)
    }

    /// Part of the end of this round, which is the client's only if no other round follows.
    fn end(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<(), WeaveError> {
        if !self.round.has_injected {
            self.round.is_told |= self.round.is_stopped;
            out.extend_from_slice(raw);
            return Ok(());
        }
        self.budget.take(raw.len())?;
        self.held.extend_from_slice(raw);
        Ok(())
    }

    /// A message, or an event that speaks of one, with the figures that count.
    fn with_figures(&self, json: &[u8]) -> Vec<u8> {
        let mut figures = self.figures.clone();
        figures.add(&self.round.figures);
        let mut patch = Patch::new(json);
        let object = Value::new(json);
        match object.get("usage") {
            Some(usage) if usage.is_object() => figures.write_into(usage, &mut patch),
            _ if figures.is_empty() => {}
            _ => patch.set(object, "usage", figures.to_string()),
        }
        patch.into_vec()
    }

    pub(crate) fn whole(&mut self, body: Bytes) -> Result<(), WeaveError> {
        let is_json = check(&body).is_ok() && std::str::from_utf8(&body).is_ok();
        if is_json {
            let answer = Value::new(&body);
            self.round = Round::whole(answer, &self.tools, &mut self.budget)?;
        }
        self.whole = body;
        Ok(())
    }

    pub(crate) fn end_round(&mut self) -> RoundEnd {
        let calls = self.round.calls();
        if calls.is_empty() {
            // Calls that are not made are no part of the turn.
            self.round.remember(false, &mut self.turn);
            RoundEnd::Over
        } else if self.round.has_client_call() {
            RoundEnd::Mixed(calls)
        } else {
            RoundEnd::Calls(calls)
        }
    }

    pub(crate) fn go_on(
        &mut self,
        request: &mut Envelope,
        results: Vec<ToolResult>,
    ) -> Result<(), EnvelopeError> {
        let assistant = self.round.blocks.iter().filter_map(Block::whole);
        let assistant = assistant.collect::<Vec<_>>().join(&b',');
        let results = self.results(results);
        let messages = [
            br#"{"role":"assistant","content":["#,
            &*assistant,
            br#"]},{"role":"user","content":["#,
            results.as_bytes(),
            b"]}",
        ];
        request.append_items("messages", Bytes::from(messages.concat()))?;
        self.round.keep_container(request);
        self.round.remember(true, &mut self.turn);
        self.turn.answer(results);
        self.next_round();
        Ok(())
    }

    fn next_round(&mut self) {
        let round = std::mem::take(&mut self.round);
        match self.usage {
            UsageTold::Sum => self.figures.add(&round.figures),
            UsageTold::Last => {}
        }
        if self.rounds == 0 {
            self.first_id.clone_from(&round.id);
        }
        if !self.whole.is_empty() {
            self.content.extend(round.visible());
        }
        self.rounds += 1;
        self.held.clear();
        self.whole = Bytes::new();
    }

    pub(crate) fn keep(&mut self, results: Vec<ToolResult>) {
        let results = self.results(results);
        self.round.remember(true, &mut self.turn);
        self.turn.answer_with_client(results);
    }

    /// The results of this round's calls, in the order of the calls.
    fn results(&self, given: Vec<ToolResult>) -> String {
        let calls = self.round.calls();
        let ids = calls.iter().map(|call| call.call_id.as_str());
        results(&ToolResult::in_order(ids, given))
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
    }

    pub(crate) fn finish_whole(&mut self) -> Bytes {
        let body = std::mem::take(&mut self.whole);
        if self.rounds == 0 && !self.round.has_injected {
            return body;
        }
        let answer = Value::new(&body);
        let Some(content) = answer.get("content").filter(|content| content.is_array()) else {
            return body;
        };
        let mut blocks = std::mem::take(&mut self.content);
        blocks.extend(self.round.visible());
        let mut patch = Patch::new(&body);
        patch.replace(content, [b"[", &*blocks.join(&b','), b"]"].concat());
        if !self.first_id.is_empty() {
            patch.set(answer, "id", quoted(&self.first_id));
        }
        let woven = patch.into_vec();
        if self.rounds == 0 {
            return Bytes::from(woven);
        }
        Bytes::from(self.with_figures(&woven))
    }

    pub(crate) fn hidden_turn(&mut self) -> Option<HiddenTurn> {
        self.turn.hidden()
    }
}

/// The number of a block. Where there is none it is the first.
fn index(event: Value<'_>) -> u64 {
    let index = event.get("index").and_then(Value::count);
    index.unwrap_or_default()
}

/// Passes an event on, with the number that its block has for the client.
fn pass(data: &[u8], index: u64, told: u64, raw: &[u8], out: &mut Vec<u8>) {
    if told == index {
        out.extend_from_slice(raw);
        return;
    }
    let mut patch = Patch::new(data);
    patch.set(Value::new(data), "index", told.to_string());
    write_event(raw, &patch.into_vec(), out);
}

#[cfg(test)]
mod tests;
