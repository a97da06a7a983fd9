//! What a client did not see of a turn, put back into its history.
//!
//! A client puts the texts of all rounds into one assistant message. Where it sends that message
//! again, the hidden rounds go before it, it keeps the text of the last round alone, and hidden
//! calls of that round go back among its own, with their results behind it.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::json::{Fingerprint, Patch, Value, check, quoted, unescaped};
use crate::{Envelope, HiddenTurn};

/// What is hidden of one turn.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    /// Messages of the rounds before the last, with commas between them.
    before: Vec<u8>,
    /// The text of the last round with its escapes, if earlier rounds had one.
    last_text: Option<Vec<u8>>,
    /// Other members of the last round that earlier rounds had too.
    members: Vec<(String, Option<Vec<u8>>)>,
    /// Calls of the last round with how many of the client's stand before them.
    calls: Vec<(usize, Vec<u8>)>,
    /// Results of these calls, with commas between them.
    after: Vec<u8>,
    /// How many calls of the last round the client saw.
    shown: usize,
    /// These calls, with commas between them, until there are anchors.
    shown_calls: Vec<u8>,
    /// All text that it saw, with its escapes, until then.
    shown_text: Vec<u8>,
}

impl Hidden {
    /// A round that another one followed: the text that the client saw of it, and its messages.
    pub(super) fn add_round(&mut self, text: &[u8], messages: &[u8]) {
        self.shown_text.extend_from_slice(text);
        join(&mut self.before, messages);
    }

    /// The text of the last round.
    pub(super) fn end_with(&mut self, text: &[u8]) {
        if !self.shown_text.is_empty() {
            self.last_text = Some(text.to_vec());
        }
        self.shown_text.extend_from_slice(text);
    }

    /// What the last round has in place of a member that earlier rounds had too, reasoning for
    /// instance: a client that sends it again has put them together.
    pub(super) fn add_member(&mut self, name: &str, last: Option<Vec<u8>>) {
        self.members.push((name.to_owned(), last));
    }

    /// A call of the last round, in the order of the answer.
    pub(super) fn add_call(&mut self, call: &[u8], is_shown: bool) {
        if is_shown {
            self.shown += 1;
            join(&mut self.shown_calls, call);
        } else {
            self.calls.push((self.shown, call.to_vec()));
        }
    }

    /// The result of a hidden call of the last round.
    pub(super) fn add_result(&mut self, message: &[u8]) {
        join(&mut self.after, message);
    }

    /// Gives it anchors, by which it is found again behind the last message of the request. There
    /// is none when the client has seen nothing that it could send again, and a second one for
    /// clients that cut white space off.
    pub(super) fn anchored(mut self, asked: &[u8]) -> Option<HiddenTurn> {
        if self.shown_text.is_empty() && self.shown == 0 {
            return None;
        }
        let asked = said(Value::new(asked));
        let calls = std::mem::take(&mut self.shown_calls);
        let text = std::mem::take(&mut self.shown_text);
        let text = unescaped(&text);
        let mut anchors = Vec::new();
        for text in [&*text, text.trim()] {
            let mut shown = b"{\"role\":\"assistant\",\"content\":".to_vec();
            shown.extend_from_slice(quoted(text).as_bytes());
            shown.extend_from_slice(b",\"tool_calls\":[");
            shown.extend_from_slice(&calls);
            shown.extend_from_slice(b"]}");
            let anchor = anchor(asked, said(Value::new(&shown)));
            if !anchors.contains(&anchor) {
                anchors.push(anchor);
            }
        }
        Some(HiddenTurn::chat(anchors, self))
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let calls = self.calls.iter().map(|(_, call)| call.capacity());
        let members = self.members.iter();
        let members = members.map(|(name, last)| name.len() + last.as_ref().map_or(0, Vec::len));
        let text = self.last_text.as_ref().map_or(0, Vec::capacity);
        let parts = calls.sum::<usize>() + members.sum::<usize>();
        self.before.capacity() + text + parts + self.after.capacity()
    }

    /// What stands in the place of the client's assistant message: several messages, with commas
    /// between them.
    fn around(&self, message: Value<'_>) -> Option<Vec<u8>> {
        let raw = message.raw()?;
        let mut patch = Patch::new(raw);
        let message = Value::new(raw);
        let has_calls = self.shown > 0 || !self.calls.is_empty();
        let mut is_emptied = false;
        if let Some(text) = &self.last_text {
            is_emptied = text.is_empty();
            let text = [b"\"", text.as_slice(), b"\""].concat();
            let text = if is_emptied { b"null".to_vec() } else { text };
            patch.set(message, "content", text);
        }
        if !self.calls.is_empty() {
            let own = message.get("tool_calls").unwrap_or_default();
            patch.set(message, "tool_calls", self.all_calls(own));
        }
        self.put_members(message, &mut patch);
        let mut messages = self.before.clone();
        // An assistant that says nothing and calls nothing is no message.
        if has_calls || !is_emptied {
            join(&mut messages, &patch.into_vec());
        }
        join(&mut messages, &self.after);
        Some(messages)
    }

    fn put_members<'a>(&self, message: Value<'a>, patch: &mut Patch<'a>) {
        let mut is_kept = Vec::new();
        for (name, value) in message.members() {
            let known = self.members.iter().find(|(known, _)| *known == name);
            if let Some((_, Some(last))) = known.filter(|_| value.is_something()) {
                patch.replace(value, last.clone());
            }
            is_kept.push(!matches!(known, Some((_, None))));
        }
        patch.retain(message, &is_kept);
    }

    fn all_calls(&self, own: Value<'_>) -> Vec<u8> {
        let mut items = Vec::new();
        let mut hidden = self.calls.iter().peekable();
        for (place, call) in own.items().enumerate() {
            while let Some((_, call)) = hidden.next_if(|(before, _)| *before <= place) {
                join(&mut items, call);
            }
            join(&mut items, call.raw().unwrap_or_default());
        }
        for (_, call) in hidden {
            join(&mut items, call);
        }
        [b"[", items.as_slice(), b"]"].concat()
    }
}

/// Puts back what `find` knows of the turns of a request, and says of how many. Each is put back
/// once, at the last place that it fits.
pub(crate) fn splice(
    request: &mut Envelope,
    find: &mut dyn FnMut(u128) -> Option<Arc<HiddenTurn>>,
) -> usize {
    let Some(array) = request.value("messages").and_then(Value::raw) else {
        return 0;
    };
    let messages: Vec<Value<'_>> = Value::new(array).items().collect();
    let mut patch = Patch::new(array);
    let mut found = Vec::new();
    let mut later = None;
    for (place, message) in messages.iter().enumerate().rev() {
        let spoken = said(*message);
        let answer = later.replace((place, spoken));
        let Some((at, answer)) = answer.filter(|(at, _)| is_assistant(messages.get(*at))) else {
            continue;
        };
        let anchor = anchor(spoken, answer);
        if found.contains(&anchor) {
            continue;
        }
        let Some(message) = messages.get(at) else {
            continue;
        };
        let turn = find(anchor);
        let hidden = turn.as_deref().and_then(HiddenTurn::as_chat);
        if let Some(around) = hidden.and_then(|hidden| hidden.around(*message)) {
            patch.replace(*message, around);
            found.push(anchor);
        }
    }
    if !found.is_empty() {
        let messages = Bytes::from(patch.into_vec());
        request.replace("messages", messages);
    }
    found.len()
}

fn is_assistant(message: Option<&Value<'_>>) -> bool {
    let role = message.and_then(|message| message.get("role"));
    role.and_then(Value::text).as_deref() == Some("assistant")
}

fn anchor(asked: u64, answered: u64) -> u128 {
    (u128::from(asked) << 64) | u128::from(answered)
}

/// The number of what a message says. Clients write the same text as a string or as parts, with
/// marks for caches or without, and arguments with other white space.
fn said(message: Value<'_>) -> u64 {
    let mut fingerprint = Fingerprint::default();
    let text = |name: &str| message.get(name).and_then(Value::text).unwrap_or_default();
    fingerprint.text(&text("role"));
    fingerprint.text(&text("tool_call_id"));
    let content = message.get("content").unwrap_or_default();
    fingerprint.text(&written(content));
    for part in content.items() {
        if text_of(part).is_none() {
            fingerprint.value_without(part, &["cache_control"]);
        }
    }
    for call in message.get("tool_calls").unwrap_or_default().items() {
        say_call(call, &mut fingerprint);
    }
    fingerprint.finish()
}

fn written(content: Value<'_>) -> Cow<'_, str> {
    content.text().unwrap_or_else(|| {
        let texts: Vec<Cow<'_, str>> = content.items().filter_map(text_of).collect();
        texts.concat().into()
    })
}

fn text_of(part: Value<'_>) -> Option<Cow<'_, str>> {
    let is_text = part.get("type").and_then(Value::text)? == "text";
    part.get("text").and_then(Value::text).filter(|_| is_text)
}

fn say_call(call: Value<'_>, fingerprint: &mut Fingerprint) {
    let id = call.get("id").and_then(Value::text).unwrap_or_default();
    fingerprint.text(&id);
    let part = call.get("function").or_else(|| call.get("custom"));
    let text = |name: &str| part.unwrap_or_default().get(name).and_then(Value::text);
    fingerprint.text(&text("name").unwrap_or_default());
    fingerprint.text(&text("input").unwrap_or_default());
    let arguments = text("arguments").unwrap_or_default();
    match arguments.trim_ascii() {
        "" => fingerprint.value(Value::new(b"{}")),
        arguments if check(arguments.as_bytes()).is_ok() => {
            fingerprint.value(Value::new(arguments.as_bytes()));
        }
        arguments => fingerprint.text(arguments),
    }
}

fn join(items: &mut Vec<u8>, more: &[u8]) {
    if !items.is_empty() && !more.is_empty() {
        items.push(b',');
    }
    items.extend_from_slice(more);
}

#[cfg(test)]
mod tests;
