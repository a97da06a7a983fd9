//! Rounds that are no streams.

use bytes::Bytes;

use super::State;
use crate::WeaveError;
use crate::json::{Patch, Value};
use crate::tools::is_object;

/// Members of a message that are texts for people to read, which go on from round to round.
const TEXTS: [&str; 5] = [
    "content",
    "refusal",
    "reasoning_content",
    "reasoning",
    "reasoning_text",
];

impl State {
    pub(crate) fn whole(&mut self, body: Bytes) -> Result<(), WeaveError> {
        if is_object(&body, super::DEEPEST) {
            let answer = Value::new(&body);
            self.round.hear(answer, &self.tools, &mut self.budget)?;
            self.round.is_done = true;
        }
        self.body = body;
        Ok(())
    }

    /// The last body, with what the rounds before it said, without injected calls, and with the
    /// figures of all rounds.
    pub(crate) fn finish_whole(&mut self) -> Bytes {
        let body = std::mem::take(&mut self.body);
        if !self.round.is_done {
            return body;
        }
        let mut patch = Patch::new(&body);
        for (name, value) in Value::new(&body).members() {
            match &*name {
                "usage" if value.is_object() => self.tell_usage(value, &mut patch),
                "choices" => self.tell_choices(value, &mut patch),
                _ => {}
            }
        }
        if patch.is_empty() {
            return body;
        }
        Bytes::from(patch.into_vec())
    }

    /// Puts the texts of earlier rounds before those of the last.
    fn tell_texts<'a>(&self, message: Value<'a>, patch: &mut Patch<'a>) {
        for name in TEXTS {
            let texts = self.past.iter();
            let texts = texts.filter_map(|past| past.message.text(name));
            let mut text = texts.collect::<Vec<_>>().concat();
            if text.is_empty() {
                continue;
            }
            let said = message.get(name).unwrap_or_default();
            if said.is_array() {
                text.splice(0..0, *b"{\"type\":\"text\",\"text\":\"");
                text.extend_from_slice(b"\"}");
                patch.prepend(said, text);
                continue;
            }
            let rest = said.raw().filter(|_| said.is_text());
            let rest = rest.and_then(|raw| raw.get(1..raw.len() - 1));
            text.insert(0, b'"');
            text.extend_from_slice(rest.unwrap_or_default());
            text.push(b'"');
            patch.set(message, name, text);
        }
    }

    fn tell_choices<'a>(&self, choices: Value<'a>, patch: &mut Patch<'a>) {
        let mut is_kept = Vec::new();
        for (place, choice) in choices.items().enumerate() {
            let message = choice.get("message").unwrap_or_default();
            if place == 0 {
                self.tell_texts(message, patch);
            }
            let is_emptied = self.take_out_calls(message, patch);
            is_kept.push(place == 0 || !is_emptied);
        }
        patch.retain(choices, &is_kept);
    }

    /// Takes the injected calls out of a message. Says whether it called nothing else, and says
    /// nothing.
    fn take_out_calls<'a>(&self, message: Value<'a>, patch: &mut Patch<'a>) -> bool {
        let is_ours = |item: Value<'_>| {
            let function = item.get("function").unwrap_or_default();
            let name = function.get("name").and_then(Value::text);
            name.is_some_and(|name| self.tools.has(&name))
        };
        let mut is_kept = Vec::new();
        let mut has_text = false;
        for (name, value) in message.members() {
            let calls: Vec<bool> = value.items().map(|item| !is_ours(item)).collect();
            let is_emptied = name == "tool_calls" && !calls.is_empty() && !calls.contains(&true);
            is_kept.push(!is_emptied);
            has_text |= TEXTS.contains(&&*name) && value.filled().is_some();
            if name == "tool_calls" && !is_emptied {
                patch.retain(value, &calls);
            }
        }
        patch.retain(message, &is_kept);
        is_kept.contains(&false) && !has_text
    }
}
