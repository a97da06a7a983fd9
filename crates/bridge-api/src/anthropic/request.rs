//! What is worth knowing of a Messages request.

use std::borrow::Cow;

use crate::facts::{is_true, last_written, model};
use crate::json::Value;
use crate::{Envelope, RequestFacts, SessionHints, facts};

pub(crate) fn facts(envelope: &Envelope) -> RequestFacts {
    RequestFacts {
        model: model(envelope),
        stream: is_true(envelope, "stream"),
        background: false,
        prompt: turns(envelope).next().and_then(|turn| prompt(&turn)),
        tool_call_id: tool_call_id(turns(envelope)),
        session: session(envelope),
    }
}

/// One message.
#[derive(Default)]
struct Turn<'a> {
    role: Cow<'a, str>,
    content: Value<'a>,
}

/// The last messages, the very last one first, without instructions of the program: those stand
/// in the middle of conversations, and at their end.
fn turns(envelope: &Envelope) -> impl Iterator<Item = Turn<'_>> {
    let turns = envelope.last_items("messages").map(turn);
    turns.filter(|turn| turn.role != "system")
}

fn turn(message: Value<'_>) -> Turn<'_> {
    let mut turn = Turn::default();
    for (name, value) in message.members() {
        match &*name {
            "role" => turn.role = value.text().unwrap_or_default(),
            "content" => turn.content = value,
            _ => {}
        }
    }
    turn
}

/// One block of a message's content.
#[derive(Default)]
struct Block<'a> {
    kind: Cow<'a, str>,
    text: Option<Cow<'a, str>>,
    tool_use_id: Option<Cow<'a, str>>,
}

impl<'a> Turn<'a> {
    fn blocks(&self) -> impl Iterator<Item = Block<'a>> {
        self.content.items().map(block)
    }
}

fn block(block: Value<'_>) -> Block<'_> {
    let mut found = Block::default();
    for (name, value) in block.members() {
        match &*name {
            "type" => found.kind = value.text().unwrap_or_default(),
            "text" => found.text = value.text(),
            "tool_use_id" => found.tool_use_id = value.filled(),
            _ => {}
        }
    }
    found
}

/// The last text a person wrote in a user turn.
fn prompt(turn: &Turn<'_>) -> Option<String> {
    if turn.role != "user" {
        return None;
    }
    if let Some(text) = turn.content.text() {
        return Some(facts::prompt(&text));
    }
    let (mut texts, mut has_results) = (Vec::new(), false);
    for block in turn.blocks() {
        match &*block.kind {
            "text" => texts.extend(block.text),
            "tool_result" => has_results = true,
            _ => {}
        }
    }
    last_written(&texts, has_results).map(|text| facts::prompt(&text))
}

/// The last tool result since the model spoke. A turn of the model that was paused ends with
/// results, too.
fn tool_call_id<'a>(turns: impl Iterator<Item = Turn<'a>>) -> Option<String> {
    for (place, turn) in turns.enumerate() {
        let is_model = turn.role == "assistant";
        if is_model && place > 0 {
            return None;
        }
        let results = turn
            .blocks()
            .filter(|block| block.kind.ends_with("tool_result"));
        if let Some(id) = results.filter_map(|block| block.tool_use_id).last() {
            return Some(id.into_owned());
        }
        if is_model {
            return None;
        }
    }
    None
}

/// Claude Code writes a JSON object into `metadata.user_id`, and wrote
/// `user_<hash>_account_<id>_session_<id>` before.
fn session(envelope: &Envelope) -> SessionHints {
    let metadata = envelope.value("metadata").unwrap_or_default();
    let user_id = metadata.get("user_id").and_then(Value::text);
    let session_id = user_id.and_then(|user_id| {
        let parts = Value::new(user_id.as_bytes());
        if parts.is_object() {
            return parts.get("session_id")?.text().map(Cow::into_owned);
        }
        let (_, id) = user_id.split_once("_session_")?;
        Some(id.to_owned())
    });
    SessionHints {
        session_id: session_id.filter(|id| !id.trim().is_empty()),
        cache_key: None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{DialectId, EnvelopeLimits};

    fn read(body: &str) -> RequestFacts {
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let envelope = Envelope::parse(bytes, &EnvelopeLimits::default()).unwrap();
        DialectId::AnthropicMessages.facts(&envelope)
    }

    fn check(messages: &str, prompt: Option<&str>, tool_call_id: Option<&str>) {
        let facts = read(&format!(r#"{{"model":"m","messages":{messages}}}"#));
        let found = (facts.prompt.as_deref(), facts.tool_call_id.as_deref());
        assert_eq!(found, (prompt, tool_call_id), "{messages}");
    }

    #[test]
    fn prompts_and_tool_results_are_told_apart() {
        check("[]", None, None);
        check("null", None, None);
        check("7", None, None);
        check("[7]", None, None);
        check(r#"[{"role":"user","content":"hi"}]"#, Some("hi"), None);
        check(r#"[{"role":"user","content":""}]"#, Some(""), None);
        check(
            r#"[{"role":"user","content":"hi"},{"role":"assistant","content":"{"}]"#,
            None,
            None,
        );
        check(
            r#"[{"role":"user","content":"hi"},{"role":"system","content":"be"}]"#,
            Some("hi"),
            None,
        );
        check(
            r#"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"},{"type":"future"}]}]"#,
            Some("b"),
            None,
        );
        check(
            r#"[{"role":"user","content":[{"type":"text","text":"ask"},{"type":"text","text":"<system-reminder>x</system-reminder>"}]}]"#,
            Some("ask"),
            None,
        );
        check(
            r#"[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"x"},{"type":"tool_result","tool_use_id":"t2"},{"type":"text","text":"<system-reminder>x"}]}]"#,
            None,
            Some("t2"),
        );
        check(
            r#"[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1"},{"type":"text","text":"and now this"}]}]"#,
            Some("and now this"),
            Some("t1"),
        );
        // What the user adds in a message of its own belongs to the same turn.
        check(
            r#"[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1"}]},{"role":"user","content":"stop"}]"#,
            Some("stop"),
            Some("t1"),
        );
        // A paused turn of the model goes on after the provider's own tools.
        check(
            r#"[{"role":"user","content":"find"},{"role":"assistant","content":[{"type":"web_search_tool_result","tool_use_id":"s1"}]}]"#,
            None,
            Some("s1"),
        );
        check(
            r#"[{"role":"assistant","content":[{"type":"web_search_tool_result","tool_use_id":"s1"}]},{"role":"user","content":"thanks"}]"#,
            Some("thanks"),
            None,
        );
        // Of a name that stands twice the last value counts, and half a character is no obstacle.
        check(
            r#"[{"role":"user","content":"x","content":"half \ud83d"}]"#,
            Some("half \u{fffd}"),
            None,
        );
    }

    #[test]
    fn sessions_are_found_in_both_forms() {
        let session = |user_id: &str| {
            let facts = read(&format!(r#"{{"metadata":{{"user_id":{user_id}}}}}"#));
            facts.session.best().map(str::to_owned)
        };
        assert_eq!(
            session(r#""{\"device_id\":\"d\",\"session_id\":\"s-1\"}""#).as_deref(),
            Some("s-1")
        );
        assert_eq!(session(r#""{\"session_id\":\"\"}""#), None);
        assert_eq!(
            session(r#""user_ab_account_c_session_s-2""#).as_deref(),
            Some("s-2")
        );
        assert_eq!(session(r#""someone""#), None);
        assert_eq!(session("7"), None);
    }

    #[test]
    fn a_stream_is_asked_for_with_a_boolean() {
        assert!(read(r#"{"stream":true}"#).stream);
        assert!(!read(r#"{"stream":"true"}"#).stream);
        assert!(!read("{}").stream);
        assert_eq!(read(r#"{"model":5}"#).model, "5");
        assert_eq!(read(r#"{"model":{}}"#).model, "");
    }
}
