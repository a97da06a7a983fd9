//! What is worth knowing of a Responses request.

use serde_json::value::RawValue;

use crate::facts::{filled, is_reminder, is_true, member, model};
use crate::json::{Members, Object, object, string};
use crate::{Envelope, RequestFacts, SessionHints};

pub(crate) fn facts(envelope: &Envelope) -> RequestFacts {
    let last = last_turn(envelope);
    let whole = envelope.get("input").and_then(string);
    RequestFacts {
        model: model(envelope),
        stream: is_true(envelope, "stream"),
        background: is_true(envelope, "background"),
        prompt: whole.or_else(|| last.as_ref().and_then(prompt)),
        tool_call_id: last.as_ref().and_then(tool_call_id),
        session: session(envelope),
    }
}

/// The last item that is not an instruction of the program.
fn last_turn(envelope: &Envelope) -> Option<Object<'_>> {
    let is_instruction = |item: &Object<'_>| {
        item.text("role")
            .is_some_and(|role| role == "system" || role == "developer")
    };
    envelope
        .last_items("input")
        .map_while(object)
        .find(|item| !is_instruction(item))
}

fn prompt(item: &Object<'_>) -> Option<String> {
    if item.text("role")? != "user" {
        return None;
    }
    if let Some(text) = item.raw("content").and_then(string) {
        return Some(text);
    }
    let parts: Vec<_> = item
        .items("content")
        .into_iter()
        .map(RawValue::get)
        .filter_map(object)
        .collect();
    let texts: Vec<String> = parts
        .iter()
        .filter(|part| part.text("type").as_deref() == Some("input_text"))
        .filter_map(|part| part.text("text"))
        .collect();
    let written: Vec<&str> = texts
        .iter()
        .map(String::as_str)
        .filter(|text| !is_reminder(text))
        .collect();
    match (texts.is_empty(), written.is_empty()) {
        (true, _) => None,
        (false, true) => Some(texts.join("\n")),
        (false, false) => Some(written.join("\n")),
    }
}

/// Results of tools of every kind end with the same word.
fn tool_call_id(item: &Object<'_>) -> Option<String> {
    let kind = item.text("type")?;
    let is_result = kind.ends_with("_output") || kind == "mcp_approval_response";
    let id = item
        .filled("call_id")
        .or_else(|| item.filled("approval_request_id"));
    id.filter(|_| is_result)
}

/// Codex names session and thread in `client_metadata`, and repeats the thread as cache key.
fn session(envelope: &Envelope) -> SessionHints {
    let metadata = member(envelope, "client_metadata");
    let session_id = metadata.and_then(|ids| {
        ["session_id", "thread_id", "x-codex-thread-id"]
            .iter()
            .find_map(|name| ids.filled(name))
    });
    SessionHints {
        session_id,
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
    }

    #[test]
    fn conversations_are_told_by_what_says_most() {
        let best = |body| read(body).session.best().map(str::to_owned);
        assert_eq!(best(r#"{"prompt_cache_key":"k"}"#).as_deref(), Some("k"));
        let both = r#"{"prompt_cache_key":"k","client_metadata":{"session_id":"s"}}"#;
        assert_eq!(best(both).as_deref(), Some("s"));
        assert_eq!(best("{}"), None);
        assert!(read(r#"{"background":true}"#).background);
    }
}
