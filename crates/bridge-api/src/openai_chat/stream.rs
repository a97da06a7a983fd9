//! Listening to an answer of the Chat Completions API.

use std::collections::BTreeMap;

use super::usage::usage;
use crate::json::Value;
use crate::observe::{OpenCall, Room, Text, Told, failed};
use crate::{AnswerEnd, Observed, ObserverLimits, Thought, ThoughtSource, ToolKind, Usage};

/// Why answers end that said all the model wanted to say. Every other reason cut it short.
const GOOD_REASONS: [&str; 3] = ["stop", "tool_calls", "function_call"];

#[derive(Debug)]
pub(crate) struct State {
    room: Room,
    response_id: String,
    response_model: String,
    choices: BTreeMap<u64, Choice>,
    /// In the order in which they began.
    calls: Vec<Call>,
    usage: Option<Usage>,
    told: Told,
    has_begun: bool,
    is_done: bool,
    failure: Option<AnswerEnd>,
}

/// One of the answers between which the caller may choose.
#[derive(Debug, Default)]
struct Choice {
    thought: Text,
    finish_reason: Option<String>,
    is_refused: bool,
}

#[derive(Debug)]
struct Call {
    choice: u64,
    index: Index,
    call: OpenCall,
}

/// Which call of a choice a piece belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Index {
    At(u64),
    /// Some providers do not say: a piece with an id begins a call, others go on with the last.
    Unsaid,
    /// The form before there were tools has one call at most.
    Legacy,
}

impl State {
    pub(crate) fn new(limits: ObserverLimits) -> Self {
        Self {
            room: Room::new(limits),
            response_id: String::new(),
            response_model: String::new(),
            choices: BTreeMap::new(),
            calls: Vec::new(),
            usage: None,
            told: Told::default(),
            has_begun: false,
            is_done: false,
            failure: None,
        }
    }

    pub(crate) fn event(&mut self, data: &[u8]) {
        if data.trim_ascii() == b"[DONE]" {
            self.is_done = true;
        } else {
            self.answer(Value::new(data));
        }
    }

    pub(crate) fn whole(&mut self, answer: Value<'_>, is_whole: bool) {
        self.answer(answer);
        self.is_done = self.has_begun && is_whole;
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.is_done || self.is_finished() || self.failure.is_some()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.is_done || self.failure.is_some()
    }

    /// Whether every choice that began has ended. Not every provider says `[DONE]` after that.
    fn is_finished(&self) -> bool {
        let is_open = |choice: &Choice| choice.finish_reason.is_none();
        !self.choices.is_empty() && !self.choices.values().any(is_open)
    }

    pub(crate) fn finish(self) -> Observed {
        let is_finished = self.is_finished();
        let is_over = self.failure.is_none() && (self.is_done || is_finished);
        // Figures come behind the choices, if the caller asked for them.
        let is_final = is_over && (self.is_done || self.usage.is_some());
        let end = match self.failure {
            Some(failure) => failure,
            None if !self.has_begun => AnswerEnd::Garbage,
            None if !is_over => AnswerEnd::Truncated,
            None => ended(&self.choices),
        };
        let thoughts = self.choices.into_values().map(|choice| choice.thought);
        let thoughts = thoughts.filter(|thought| !thought.is_empty());
        Observed {
            response_id: self.response_id,
            response_model: self.response_model,
            thoughts: thoughts
                .map(|thought| Thought {
                    content: thought.into_string(),
                    source: ThoughtSource::Reasoning,
                })
                .collect(),
            tool_calls: self
                .calls
                .into_iter()
                .map(|call| call.call.close())
                .collect(),
            usage: self.told.usage(self.usage, is_final),
            end,
        }
    }

    /// A chunk or a whole answer. They differ in the name of one member.
    fn answer(&mut self, answer: Value<'_>) {
        for (name, value) in answer.members() {
            match &*name {
                "id" if self.response_id.is_empty() => {
                    let id = value.text().unwrap_or_default();
                    self.response_id = self.room.word(&id);
                }
                "model" if self.response_model.is_empty() => {
                    let model = value.text().unwrap_or_default();
                    self.response_model = self.room.word(&model);
                }
                "choices" => {
                    self.has_begun = true;
                    for (place, choice) in (0..).zip(value.items()) {
                        self.choice(place, choice);
                    }
                }
                // Where there are several, the last one counts all.
                "usage" if value.is_object() => {
                    self.has_begun = true;
                    self.usage = Some(usage(value));
                }
                "error" if value.is_something() => {
                    self.has_begun = true;
                    self.failure = Some(failed(answer));
                }
                _ => {}
            }
        }
    }

    fn choice(&mut self, place: u64, choice: Value<'_>) {
        let index = choice.get("index").and_then(Value::count).unwrap_or(place);
        if !self.choices.contains_key(&index) {
            if !self.room.take_item() {
                return;
            }
            self.choices.insert(index, Choice::default());
        }
        for (name, value) in choice.members() {
            match &*name {
                "delta" | "message" => self.message(index, value),
                "finish_reason" => {
                    if let (Some(reason), Some(kept)) =
                        (value.filled(), self.choices.get_mut(&index))
                    {
                        kept.finish_reason = Some(self.room.word(&reason));
                    }
                }
                _ => {}
            }
        }
    }

    fn message(&mut self, choice: u64, message: Value<'_>) {
        let mut thoughts = [Value::default(); 3];
        let [content, plain, text] = &mut thoughts;
        for (name, value) in message.members() {
            match &*name {
                "reasoning_content" => *content = value,
                "reasoning" => *plain = value,
                "reasoning_text" => *text = value,
                "content" => {
                    self.told.hear_each(value, "text");
                    if value.is_text() {
                        self.told.hear(value);
                    }
                }
                "refusal" if value.filled().is_some() => {
                    self.told.hear(value);
                    if let Some(kept) = self.choices.get_mut(&choice) {
                        kept.is_refused = true;
                    }
                }
                "tool_calls" => {
                    for call in value.items() {
                        self.piece(choice, call);
                    }
                }
                "function_call" if value.is_object() => {
                    let (word, empty) = (ToolKind::FUNCTION, Value::default());
                    self.grow(choice, Index::Legacy, word, empty, value);
                }
                _ => {}
            }
        }
        // Some providers say the same under two names.
        let thought = thoughts.into_iter().find(|value| value.written() > 0);
        let thought = thought.unwrap_or_default();
        self.told.hear(thought);
        if let (Some(piece), Some(kept)) = (thought.filled(), self.choices.get_mut(&choice)) {
            kept.thought.push(&piece, &mut self.room);
        }
    }

    fn piece(&mut self, choice: u64, piece: Value<'_>) {
        let (mut index, mut id) = (Index::Unsaid, Value::default());
        let (mut kind, mut part) = (ToolKind::FUNCTION, None);
        for (name, value) in piece.members() {
            match &*name {
                "index" => index = value.count().map_or(Index::Unsaid, Index::At),
                "id" => id = value,
                "function" if value.is_object() => part = Some(value),
                "custom" if value.is_object() => (kind, part) = (ToolKind::CUSTOM, Some(value)),
                _ => {}
            }
        }
        self.grow(choice, index, kind, id, part.unwrap_or_default());
    }

    /// Begins a call, or goes on with one.
    fn grow(&mut self, choice: u64, index: Index, kind: ToolKind, id: Value<'_>, part: Value<'_>) {
        for input in ["arguments", "input"] {
            self.told.hear(part.get(input).unwrap_or_default());
        }
        let id = id.filled().unwrap_or_default();
        let is_there = |call: &Call| call.choice == choice && call.index == index;
        let is_it = |call: &Call| is_there(call) && call.call.call_id == id;
        // Some providers put every call at one place, others make up an id for every piece.
        let has = |name: &str| part.get(name).and_then(Value::filled).is_some();
        let is_more = !has("name") && (has("arguments") || has("input"));
        let may_have_it = |at: &usize| {
            let call = self.calls.get(*at);
            id.is_empty() || is_more || call.is_some_and(|call| call.call.call_id.is_empty())
        };
        let last = || self.calls.iter().rposition(is_there).filter(may_have_it);
        let begins = index == Index::Unsaid && !id.is_empty();
        let known = self
            .calls
            .iter()
            .rposition(is_it)
            .filter(|_| !id.is_empty());
        let place = known.or_else(last).filter(|_| !begins);
        let place = match place {
            Some(place) => place,
            None if !self.room.take_item() => return,
            None => {
                self.calls.push(Call::new(choice, index, kind));
                self.calls.len() - 1
            }
        };
        let Some(Call { call, .. }) = self.calls.get_mut(place) else {
            return;
        };
        if call.call_id.is_empty() {
            call.call_id = self.room.word(&id);
        }
        for (name, value) in part.members() {
            match &*name {
                "name" if call.name.is_empty() => {
                    call.name = self.room.word(&value.text().unwrap_or_default());
                }
                "arguments" | "input" => {
                    let piece = value.text_or_source().unwrap_or_default();
                    call.input.push(&piece, &mut self.room);
                }
                _ => {}
            }
        }
    }
}

impl Call {
    fn new(choice: u64, index: Index, kind: ToolKind) -> Self {
        let call = OpenCall {
            kind,
            name: String::new(),
            namespace: None,
            call_id: String::new(),
            item_id: None,
            input: Text::default(),
        };
        Self {
            choice,
            index,
            call,
        }
    }
}

fn ended(choices: &BTreeMap<u64, Choice>) -> AnswerEnd {
    let short = choices.values().find_map(|choice| {
        let reason = choice.finish_reason.as_deref().unwrap_or("stop");
        match (choice.is_refused, GOOD_REASONS.contains(&reason)) {
            (true, true) => Some("refusal"),
            (_, false) => Some(reason),
            (false, true) => None,
        }
    });
    match short {
        Some(reason) => AnswerEnd::Incomplete {
            reason: reason.to_owned(),
        },
        None => AnswerEnd::Complete,
    }
}

#[cfg(test)]
mod tests;
