//! What is worth knowing of a Messages request.

use serde_json::value::RawValue;

use crate::facts::{is_reminder, is_true, member, model};
use crate::json::{Members, Object, object, string};
use crate::{Envelope, RequestFacts, SessionHints};

pub(crate) fn facts(envelope: &Envelope) -> RequestFacts {
    let last = last_turn(envelope);
    RequestFacts {
        model: model(envelope),
        stream: is_true(envelope, "stream"),
        background: false,
        prompt: last.as_ref().and_then(prompt),
        tool_call_id: last.as_ref().and_then(tool_call_id),
        session: session(envelope),
    }
}

/// The last message that is not an instruction of the program: those stand in the middle of
/// conversations, and at their end.
fn last_turn(envelope: &Envelope) -> Option<Object<'_>> {
    let turns = envelope.last_items("messages").map_while(object);
    turns
        .into_iter()
        .find(|turn| turn.text("role").as_deref() != Some("system"))
}

/// The last text a person wrote in a user turn. Beside tool results stand reminders of the
/// program, which are no prompt.
fn prompt(turn: &Object<'_>) -> Option<String> {
    if turn.text("role")? != "user" {
        return None;
    }
    let content = turn.raw("content")?;
    if let Some(text) = string(content) {
        return Some(text);
    }
    let blocks: Vec<Object<'_>> = blocks(turn);
    let has_results = blocks.iter().any(|block| is_of_type(block, "tool_result"));
    let texts = || {
        let blocks = blocks
            .iter()
            .rev()
            .filter(|block| is_of_type(block, "text"));
        blocks.filter_map(|block| block.text("text"))
    };
    let written = texts().find(|text| !is_reminder(text));
    if has_results {
        written
    } else {
        written.or_else(|| texts().next())
    }
}

fn tool_call_id(turn: &Object<'_>) -> Option<String> {
    let results = blocks(turn).into_iter().rev();
    results
        .filter(|block| {
            block
                .text("type")
                .is_some_and(|kind| kind.ends_with("tool_result"))
        })
        .find_map(|block| block.filled("tool_use_id"))
}

fn blocks<'a>(turn: &'a Object<'_>) -> Vec<Object<'a>> {
    turn.items("content")
        .into_iter()
        .map(RawValue::get)
        .filter_map(object)
        .collect()
}

fn is_of_type(block: &Object<'_>, kind: &str) -> bool {
    block.text("type").as_deref() == Some(kind)
}

/// Claude Code writes a JSON object into `metadata.user_id`, and wrote
/// `user_<hash>_account_<id>_session_<id>` before.
fn session(envelope: &Envelope) -> SessionHints {
    let user_id = member(envelope, "metadata").and_then(|metadata| metadata.text("user_id"));
    let session_id = user_id.and_then(|user_id| match object(&user_id) {
        Some(parts) => parts.filled("session_id"),
        None => user_id.split_once("_session_").map(|(_, id)| id.to_owned()),
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
