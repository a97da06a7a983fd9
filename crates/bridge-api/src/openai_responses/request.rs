//! What is worth knowing of a Responses request.

use std::borrow::Cow;

use crate::facts::{filled, is_loosely_true, is_reminder, model};
use crate::json::Value;
use crate::{Envelope, RequestFacts, SessionHints, facts};

pub(crate) fn facts(envelope: &Envelope) -> RequestFacts {
    let whole = envelope.value("input").and_then(Value::text);
    let last = || items(envelope).next().and_then(|item| prompt(&item));
    RequestFacts {
        model: model(envelope),
        stream: is_loosely_true(envelope, "stream"),
        background: is_loosely_true(envelope, "background"),
        prompt: whole.map(|text| facts::prompt(&text)).or_else(last),
        tool_call_id: tool_call_id(items(envelope)),
        session: session(envelope),
    }
}

/// One item of the input.
#[derive(Default)]
struct Item<'a> {
    kind: Cow<'a, str>,
    role: Cow<'a, str>,
    content: Value<'a>,
    call_id: Option<Cow<'a, str>>,
    /// Results of a local shell name the call by their own id.
    item_id: Option<Cow<'a, str>>,
}

/// The last items, the very last one first, without instructions of the program.
fn items(envelope: &Envelope) -> impl Iterator<Item = Item<'_>> {
    let items = envelope.last_items("input").map(item);
    items.filter(|item| item.role != "system" && item.role != "developer")
}

fn item(item: Value<'_>) -> Item<'_> {
    let mut found = Item::default();
    for (name, value) in item.members() {
        match &*name {
            "type" => found.kind = value.text().unwrap_or_default(),
            "role" => found.role = value.text().unwrap_or_default(),
            "content" => found.content = value,
            "call_id" | "approval_request_id" => found.call_id = value.filled(),
            "id" => found.item_id = value.filled(),
            _ => {}
        }
    }
    found
}

impl Item<'_> {
    /// Results of tools of every kind end with the same word.
    fn is_result(&self) -> bool {
        self.kind.ends_with("_output") || self.kind == "mcp_approval_response"
    }
}

/// Everything a person wrote in the last user message.
fn prompt(item: &Item<'_>) -> Option<String> {
    if item.role != "user" {
        return None;
    }
    if let Some(text) = item.content.text() {
        return Some(facts::prompt(&text));
    }
    let texts: Vec<_> = item.content.items().filter_map(text_of_part).collect();
    let written: Vec<&str> = texts
        .iter()
        .map(|text| &**text)
        .filter(|text| !is_reminder(text))
        .collect();
    match (texts.is_empty(), written.is_empty()) {
        (true, _) => None,
        (false, true) => Some(facts::prompt(&texts.join("\n"))),
        (false, false) => Some(facts::prompt(&written.join("\n"))),
    }
}

fn text_of_part(part: Value<'_>) -> Option<Cow<'_, str>> {
    let (mut is_text, mut text) = (false, None);
    for (name, value) in part.members() {
        match &*name {
            "type" => is_text = value.text().as_deref() == Some("input_text"),
            "text" => text = value.text(),
            _ => {}
        }
    }
    text.filter(|_| is_text)
}

/// The last tool result since the model spoke. What the user says beside it changes nothing.
fn tool_call_id<'a>(items: impl Iterator<Item = Item<'a>>) -> Option<String> {
    let mut since = items.take_while(|item| item.role == "user" || item.is_result());
    let result = since.find(Item::is_result)?;
    result.call_id.or(result.item_id).map(Cow::into_owned)
}

/// Codex names session and thread in `client_metadata`, and repeats the thread as cache key.
fn session(envelope: &Envelope) -> SessionHints {
    let ids = envelope.value("client_metadata").unwrap_or_default();
    let names = ["session_id", "thread_id", "x-codex-thread-id"];
    let session_id = names.iter().find_map(|name| ids.get(name)?.filled());
    SessionHints {
        session_id: session_id.map(Cow::into_owned),
        cache_key: filled(envelope, "prompt_cache_key"),
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
        DialectId::OpenAiResponses.facts(&envelope)
    }

    fn check(input: &str, prompt: Option<&str>, tool_call_id: Option<&str>) {
        let facts = read(&format!(r#"{{"input":{input}}}"#));
        let found = (facts.prompt.as_deref(), facts.tool_call_id.as_deref());
        assert_eq!(found, (prompt, tool_call_id), "{input}");
    }

    #[test]
    fn prompts_and_tool_results_are_told_apart() {
        check(r#""hi""#, Some("hi"), None);
        check(r#""""#, Some(""), None);
        check("null", None, None);
        check("[]", None, None);
        check(r#"[{"role":"user","content":"hi"}]"#, Some("hi"), None);
        check(
            r#"[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image"},{"type":"input_text","text":"b"}]}]"#,
            Some("a\nb"),
            None,
        );
        check(
            r#"[{"role":"user","content":[{"type":"input_text","text":"hi"}]},{"type":"message","role":"developer","content":"x"}]"#,
            Some("hi"),
            None,
        );
        for kind in [
            "function_call",
            "custom_tool_call",
            "local_shell_call",
            "shell_call",
            "computer_call",
        ] {
            let item = format!(r#"[{{"type":"{kind}_output","call_id":"c9","output":"x"}}]"#);
            check(&item, None, Some("c9"));
        }
        check(
            r#"[{"type":"tool_search_output","call_id":"c8"}]"#,
            None,
            Some("c8"),
        );
        check(r#"[{"type":"function_call","call_id":"c7"}]"#, None, None);
        check(
            r#"[{"type":"mcp_approval_response","id":"x","approval_request_id":"c6"}]"#,
            None,
            Some("c6"),
        );
        check(
            r#"[{"type":"local_shell_call_output","id":"c5","output":"x"}]"#,
            None,
            Some("c5"),
        );
        check(
            r#"[{"type":"function_call_output","call_id":"c4"},{"role":"user","content":"stop"}]"#,
            Some("stop"),
            Some("c4"),
        );
        check(
            r#"[{"type":"function_call_output","call_id":"c4"},{"type":"reasoning"},{"role":"user","content":"on"}]"#,
            Some("on"),
            None,
        );
    }

    #[test]
    fn conversations_are_told_by_what_says_most() {
        let best = |body| read(body).session.best().map(str::to_owned);
        assert_eq!(best(r#"{"prompt_cache_key":"k"}"#).as_deref(), Some("k"));
        let both = r#"{"prompt_cache_key":"k","client_metadata":{"session_id":"s"}}"#;
        assert_eq!(best(both).as_deref(), Some("s"));
        assert_eq!(best("{}"), None);
        for (value, expected) in [
            ("true", true),
            ("\"true\"", true),
            ("\"T\"", true),
            ("1", true),
            ("0", false),
            ("false", false),
            ("\"yes\"", false),
            ("null", false),
            ("[true]", false),
        ] {
            let facts = read(&format!(r#"{{"background":{value}}}"#));
            assert_eq!(facts.background, expected, "{value}");
        }
    }
}
