//! Listening to an answer of the Responses API.
//!
//! An item is told three times: when it is added and grows, when it is done, and in the terminal
//! event with all others. The later word replaces the earlier one.

use std::collections::BTreeMap;

use super::item::{Item, hear};
use super::usage::usage;
use crate::json::Value;
use crate::observe::{Room, Told, failed, is_unnamed};
use crate::{AnswerEnd, Observed, ObserverLimits, ThoughtSource, Usage};

#[derive(Debug)]
pub(crate) struct State {
    room: Room,
    response_id: String,
    response_model: String,
    /// By their place in the output.
    items: BTreeMap<u64, Item>,
    usage: Option<Usage>,
    told: Told,
    has_begun: bool,
    end: Option<AnswerEnd>,
}

impl State {
    pub(crate) fn new(limits: ObserverLimits) -> Self {
        Self {
            room: Room::new(limits),
            response_id: String::new(),
            response_model: String::new(),
            items: BTreeMap::new(),
            usage: None,
            told: Told::default(),
            has_begun: false,
            end: None,
        }
    }

    pub(crate) fn event(&mut self, name: &str, data: &[u8]) {
        let event = Value::new(data);
        if !is_unnamed(name) {
            self.named(name, event);
        } else if let Some(name) = event.get("type").and_then(Value::text) {
            self.named(&name, event);
        }
    }

    fn named(&mut self, name: &str, event: Value<'_>) {
        match name {
            // Text is not recorded, and most deltas are text.
            "response.output_text.delta" | "response.refusal.delta" => {
                self.told.hear(event.get("delta").unwrap_or_default());
            }
            "response.created" | "response.in_progress" | "response.queued" => {
                self.begun(event.get("response").unwrap_or_default());
            }
            "response.output_item.added" => self.item_event(event, false),
            "response.output_item.done" => self.item_event(event, true),
            "response.function_call_arguments.delta"
            | "response.custom_tool_call_input.delta"
            | "response.mcp_call_arguments.delta"
            | "response.code_interpreter_call_code.delta" => self.grow(event, None),
            "response.reasoning_summary_text.delta" => {
                let source = ThoughtSource::ReasoningSummary;
                self.grow(event, Some((source, "summary_index")));
            }
            "response.reasoning_text.delta" => {
                self.grow(event, Some((ThoughtSource::Reasoning, "content_index")));
            }
            "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled"
            | "response.done" => {
                let status = name.trim_start_matches("response.");
                self.ended(event.get("response").unwrap_or_default(), status, true);
            }
            "error" => {
                self.has_begun = true;
                self.end = Some(failed(event));
            }
            _ => {}
        }
    }

    pub(crate) fn whole(&mut self, answer: Value<'_>, is_whole: bool) {
        let is_there = |name: &str| answer.get(name).is_some_and(Value::is_something);
        if is_there("output") || is_there("usage") || is_there("status") {
            if !is_whole {
                let items = answer.get("output").unwrap_or_default().items();
                items.for_each(|item| hear(item, &mut self.told));
            }
            self.ended(answer, "completed", is_whole);
        } else if is_there("error") {
            self.has_begun = true;
            self.end = Some(failed(answer));
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn finish(self) -> Observed {
        // An answer that failed may have no figures although some of it was heard.
        let is_final = match &self.end {
            Some(AnswerEnd::Failed { .. }) => self.usage.is_some(),
            end => end.is_some(),
        };
        let unfinished = if self.has_begun {
            AnswerEnd::Truncated
        } else {
            AnswerEnd::Garbage
        };
        let (mut thoughts, mut tool_calls) = (Vec::new(), Vec::new());
        for item in self.items.into_values() {
            item.close(&mut thoughts, &mut tool_calls);
        }
        Observed {
            response_id: self.response_id,
            response_model: self.response_model,
            thoughts,
            tool_calls,
            usage: self.told.usage(self.usage, is_final),
            end: self.end.unwrap_or(unfinished),
        }
    }

    /// Early events repeat the whole request; only the id, which stands first, is read.
    fn begun(&mut self, response: Value<'_>) {
        self.has_begun = true;
        if self.response_id.is_empty() {
            let id = response.get("id").and_then(Value::text);
            self.response_id = self.room.word(&id.unwrap_or_default());
        }
    }

    fn item_event(&mut self, event: Value<'_>, is_done: bool) {
        self.has_begun = true;
        let Some(item) = event.get("item") else {
            return;
        };
        let id = item.get("id").and_then(Value::text).unwrap_or_default();
        let place = self.place(event, &id);
        self.keep(place, item, is_done);
    }

    fn keep(&mut self, place: u64, item: Value<'_>, is_done: bool) {
        if let Some(before) = self.items.remove(&place) {
            before.give_back(&mut self.room);
        }
        if self.room.take_item() {
            let item = Item::read(item, is_done, &mut self.room);
            self.items.insert(place, item);
        }
    }

    /// Where an item stands in the output. Providers that do not say are believed by their ids.
    fn place(&self, event: Value<'_>, id: &str) -> u64 {
        if let Some(place) = event.get("output_index").and_then(Value::count) {
            return place;
        }
        let known = self
            .items
            .iter()
            .find(|(_, item)| !id.is_empty() && item.id() == id);
        let next = || {
            self.items
                .last_key_value()
                .map_or(0, |(last, _)| last.saturating_add(1))
        };
        known.map_or_else(next, |(place, _)| *place)
    }

    /// Goes on with a thought of a source, or with a tool's input.
    fn grow(&mut self, event: Value<'_>, thought: Option<(ThoughtSource, &str)>) {
        let id = event
            .get("item_id")
            .and_then(Value::text)
            .unwrap_or_default();
        let place = self.place(event, &id);
        let delta = event.get("delta").unwrap_or_default();
        self.told.hear(delta);
        let piece = delta.filled();
        let (Some(item), Some(piece)) = (self.items.get_mut(&place), piece) else {
            return;
        };
        match thought {
            _ if item.is_done() => {}
            None => item.input(&piece, &mut self.room),
            Some((source, name)) => {
                let part = event.get(name).and_then(Value::count).unwrap_or_default();
                item.think(source, part, &piece, &mut self.room);
            }
        }
    }

    /// The whole answer, in a terminal event or alone. What it says of its status counts more than
    /// the event's name.
    fn ended(&mut self, response: Value<'_>, status: &str, is_whole: bool) {
        self.begun(response);
        let mut status = status.to_owned();
        let (mut error, mut details) = (Value::default(), Value::default());
        for (name, value) in response.members() {
            match &*name {
                "status" => status = value.text().unwrap_or_default().into_owned(),
                "usage" if value.is_object() => self.usage = Some(usage(value)),
                "output" => self.output(value),
                "model" if self.response_model.is_empty() => {
                    let model = value.text().unwrap_or_default();
                    self.response_model = self.room.word(&model);
                }
                "error" => error = value,
                "incomplete_details" => details = value,
                _ => {}
            }
        }
        if is_whole {
            self.end = Some(self.judge(&status, error, details));
        }
    }

    /// The last word about all items. Some providers leave it out, then what was told before counts.
    fn output(&mut self, output: Value<'_>) {
        let mut items = (0..).zip(output.items()).peekable();
        if items.peek().is_some() {
            for item in std::mem::take(&mut self.items).into_values() {
                item.give_back(&mut self.room);
            }
        }
        for (place, item) in items {
            self.keep(place, item, true);
        }
    }

    fn judge(&mut self, status: &str, error: Value<'_>, details: Value<'_>) -> AnswerEnd {
        let mut word = |value: Value<'_>, name: &str| {
            let text = value.get(name).and_then(Value::filled)?;
            Some(self.room.word(&text))
        };
        match status {
            "failed" | "cancelled" => AnswerEnd::Failed {
                error_type: word(error, "code").unwrap_or_else(|| status.to_owned()),
                message: word(error, "message").unwrap_or_default(),
            },
            "incomplete" => AnswerEnd::Incomplete {
                reason: word(details, "reason").unwrap_or_default(),
            },
            _ => AnswerEnd::Complete,
        }
    }
}

#[cfg(test)]
mod tests;
