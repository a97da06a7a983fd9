//! What is worth knowing of a Chat Completions request.

use std::borrow::Cow;

use crate::facts::{filled, is_loosely_true, last_written, model};
use crate::json::Value;
use crate::{Envelope, RequestFacts, SessionHints, facts};

pub(crate) fn facts(envelope: &Envelope) -> RequestFacts {
    RequestFacts {
        model: model(envelope),
        stream: is_loosely_true(envelope, "stream"),
        background: false,
        prompt: turns(envelope).next().and_then(|turn| prompt(&turn)),
        tool_call_id: tool_call_id(turns(envelope)),
        session: SessionHints {
            session_id: None,
            cache_key: filled(envelope, "prompt_cache_key"),
        },
    }
}

/// One message.
#[derive(Default)]
struct Turn<'a> {
    role: Cow<'a, str>,
    content: Value<'a>,
    tool_call_id: Option<Cow<'a, str>>,
}

/// The last messages, the very last one first, without instructions of the program.
fn turns(envelope: &Envelope) -> impl Iterator<Item = Turn<'_>> {
    let turns = envelope.last_items("messages").map(turn);
    turns.filter(|turn| turn.role != "system" && turn.role != "developer")
}

fn turn(message: Value<'_>) -> Turn<'_> {
    let mut turn = Turn::default();
    for (name, value) in message.members() {
        match &*name {
            "role" => turn.role = value.text().unwrap_or_default(),
            "content" => turn.content = value,
            "tool_call_id" => turn.tool_call_id = value.filled(),
            _ => {}
        }
    }
    turn
}

/// The last text a person wrote in a user turn.
fn prompt(turn: &Turn<'_>) -> Option<String> {
    if turn.role != "user" {
        return None;
    }
    if let Some(text) = turn.content.text() {
        return Some(facts::prompt(&text));
    }
    let texts: Vec<_> = turn.content.items().filter_map(text_of_part).collect();
    last_written(&texts, false).map(|text| facts::prompt(&text))
}

fn text_of_part(part: Value<'_>) -> Option<Cow<'_, str>> {
    let (mut is_text, mut text) = (false, None);
    for (name, value) in part.members() {
        match &*name {
            "type" => is_text = value.text().as_deref() == Some("text"),
            "text" => text = value.text(),
            _ => {}
        }
    }
    text.filter(|_| is_text)
}

/// The last tool result since the model spoke.
fn tool_call_id<'a>(turns: impl Iterator<Item = Turn<'a>>) -> Option<String> {
    let mut since = turns.take_while(|turn| turn.role != "assistant");
    let result = since.find(|turn| turn.role == "tool" && turn.tool_call_id.is_some());
    result?.tool_call_id.map(Cow::into_owned)
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
        check(
            r#"{"messages":[{"role":"tool","tool_call_id":"c1"},{"role":"tool","tool_call_id":"c2"},{"role":"user","content":"stop"}]}"#,
            Some("stop"),
            Some("c2"),
        );
        check(
            r#"{"messages":[{"role":"tool","tool_call_id":"c1"},{"role":"assistant"},{"role":"user","content":"on"}]}"#,
            Some("on"),
            None,
        );
        check(r#"{"messages":"x"}"#, None, None);
        check("{}", None, None);
    }
}
