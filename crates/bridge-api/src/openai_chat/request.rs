//! What is worth knowing of a Chat Completions request.

use serde_json::value::RawValue;

use crate::facts::{filled, is_reminder, is_true, model};
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
        session: SessionHints {
            session_id: None,
            cache_key: filled(envelope, "prompt_cache_key"),
        },
    }
}

/// The last message that is not an instruction of the program.
fn last_turn(envelope: &Envelope) -> Option<Object<'_>> {
    let is_instruction = |turn: &Object<'_>| {
        turn.text("role")
            .is_some_and(|role| role == "system" || role == "developer")
    };
    envelope
        .last_items("messages")
        .map_while(object)
        .find(|turn| !is_instruction(turn))
}

fn prompt(turn: &Object<'_>) -> Option<String> {
    if turn.text("role")? != "user" {
        return None;
    }
    if let Some(text) = turn.raw("content").and_then(string) {
        return Some(text);
    }
    let parts: Vec<_> = turn
        .items("content")
        .into_iter()
        .map(RawValue::get)
        .filter_map(object)
        .collect();
    let texts = || {
        let parts = parts
            .iter()
            .rev()
            .filter(|part| part.text("type").as_deref() == Some("text"));
        parts.filter_map(|part| part.text("text"))
    };
    texts()
        .find(|text| !is_reminder(text))
        .or_else(|| texts().next())
}

fn tool_call_id(turn: &Object<'_>) -> Option<String> {
    let is_result = turn.text("role").as_deref() == Some("tool");
    turn.filled("tool_call_id").filter(|_| is_result)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{DialectId, EnvelopeLimits};

    fn check(body: &str, prompt: Option<&str>, tool_call_id: Option<&str>) {
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let envelope = Envelope::parse(bytes, &EnvelopeLimits::default()).unwrap();
        let facts = DialectId::OpenAiChat.facts(&envelope);
        let found = (facts.prompt.as_deref(), facts.tool_call_id.as_deref());
        assert_eq!(found, (prompt, tool_call_id), "{body}");
    }

    #[test]
    fn prompts_and_tool_results_are_told_apart() {
        check(
            r#"{"messages":[{"role":"user","content":"hi"}]}"#,
            Some("hi"),
            None,
        );
        check(
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url"}]}]}"#,
            Some("a"),
            None,
        );
        check(
            r#"{"messages":[{"role":"user","content":"hi"},{"role":"developer","content":"x"}]}"#,
            Some("hi"),
            None,
        );
        check(
            r#"{"messages":[{"role":"tool","tool_call_id":"c1","content":"x"}]}"#,
            None,
            Some("c1"),
        );
        check(
            r#"{"messages":[{"role":"assistant","content":"x"}]}"#,
            None,
            None,
        );
        check(r#"{"messages":"x"}"#, None, None);
        check("{}", None, None);
    }
}
