//! What is to be recorded of an answer of which a part was relayed.
//!
//! It is computed from the events alone: before the provider's last figures, output is one token
//! for four bytes of the model's text, rounded up, and no less than the provider had told.

use serde_json::Value;

use super::super::kept::Counts;
use crate::conformance::exchange::Api;

/// How many bytes of text count as a token.
const BYTES_IN_A_TOKEN: u64 = 4;

/// What is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) status: &'static str,
    /// Figures, and whether they are estimated.
    pub(super) tokens: Option<(Counts, bool)>,
}

/// What was heard of an answer.
#[derive(Debug, Default)]
struct Heard {
    counts: Option<Counts>,
    bytes: u64,
    /// The provider has said its last figures.
    is_final: bool,
    /// The event that ends the stream: whether it is a failure.
    end: Option<bool>,
    open_choices: i64,
    had_choices: bool,
}

/// The record of an answer of which the client got some events and the gateway heard some.
pub(super) fn expected(api: Api, relayed: &[Vec<u8>], heard: &[Vec<u8>]) -> Expected {
    let relayed = hear(api, relayed);
    // A stream of Chat Completions has its last word when every choice has.
    let end = relayed.end.or(relayed.are_choices_done().then_some(false));
    let mut heard = hear(api, heard);
    if heard.are_choices_done() && heard.counts.is_some() {
        heard.is_final = true;
    }
    let status = match end {
        None => "aborted",
        Some(false) => "completed",
        Some(true) => "failed",
    };
    let tokens = match (heard.counts, heard.bytes) {
        (None, 0) => None,
        (Some(counts), bytes) if heard.is_final || bytes == 0 => Some((counts, false)),
        (None, _) if heard.is_final => None,
        (counts, bytes) => {
            let counts = counts.unwrap_or_default();
            let output = counts.output.max(bytes.div_ceil(BYTES_IN_A_TOKEN));
            Some((Counts { output, ..counts }, true))
        }
    };
    Expected { status, tokens }
}

fn hear(api: Api, events: &[Vec<u8>]) -> Heard {
    let mut heard = Heard::default();
    for event in events {
        let text = String::from_utf8_lossy(event);
        let data = text.lines().find_map(|line| line.strip_prefix("data:"));
        let data = data.unwrap_or_default().trim();
        let value: Value = serde_json::from_str(data).unwrap_or_default();
        match api {
            Api::Messages => heard.messages(&value),
            Api::Chat => heard.chat(data, &value),
            Api::Responses => heard.responses(&value),
            Api::AnthropicModels | Api::OpenAiModels | Api::Ping => {}
        }
    }
    heard
}

impl Heard {
    fn are_choices_done(&self) -> bool {
        self.had_choices && self.open_choices <= 0
    }

    fn text(&mut self, value: &Value) {
        let bytes = match value {
            Value::String(text) => text.len(),
            Value::Object(members) if members.is_empty() => 0,
            Value::Object(_) | Value::Array(_) => value.to_string().len(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        };
        self.bytes += bytes as u64;
    }

    fn messages(&mut self, event: &Value) {
        match string(event, "/type") {
            "message_start" => self.messages_usage(event.pointer("/message/usage")),
            "content_block_start" => {
                for member in ["text", "thinking", "input"] {
                    self.text(at(event, &format!("/content_block/{member}")));
                }
            }
            "content_block_delta" => {
                for member in ["text", "thinking", "partial_json"] {
                    self.text(at(event, &format!("/delta/{member}")));
                }
            }
            "message_delta" => {
                self.messages_usage(event.get("usage"));
                self.is_final |= event.pointer("/delta/stop_reason").is_some();
            }
            "message_stop" => self.end = Some(false),
            "error" => self.end = Some(true),
            _ => {}
        }
    }

    /// Later figures replace those that they repeat.
    fn messages_usage(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage.filter(|usage| usage.is_object()) else {
            return;
        };
        let counts = self.counts.get_or_insert_default();
        for (name, count) in [
            ("input_tokens", &mut counts.input),
            ("output_tokens", &mut counts.output),
            ("cache_read_input_tokens", &mut counts.cache_read),
            ("cache_creation_input_tokens", &mut counts.cache_write),
        ] {
            if let Some(told) = usage.get(name).and_then(Value::as_u64) {
                *count = told;
            }
        }
    }

    fn chat(&mut self, data: &str, chunk: &Value) {
        if data == "[DONE]" {
            self.is_final = true;
            self.end.get_or_insert(false);
        }
        if chunk.get("error").is_some_and(Value::is_object) {
            self.end = Some(true);
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            let cached = number(usage, "/prompt_tokens_details/cached_tokens");
            self.counts = Some(Counts {
                input: number(usage, "/prompt_tokens").saturating_sub(cached),
                output: number(usage, "/completion_tokens"),
                cache_read: cached,
                cache_write: 0,
            });
        }
        let choices = chunk.get("choices").and_then(Value::as_array);
        for choice in choices.into_iter().flatten() {
            if !std::mem::replace(&mut self.had_choices, true) {
                self.open_choices = 1;
            }
            if choice.get("finish_reason").is_some_and(Value::is_string) {
                self.open_choices -= 1;
            }
            for member in ["content", "refusal"] {
                self.text(at(choice, &format!("/delta/{member}")));
            }
            let calls = choice
                .pointer("/delta/tool_calls")
                .and_then(Value::as_array);
            for call in calls.into_iter().flatten() {
                self.text(at(call, "/function/arguments"));
            }
        }
    }

    fn responses(&mut self, event: &Value) {
        let kind = string(event, "/type");
        if kind.ends_with(".delta") {
            self.text(at(event, "/delta"));
        }
        let failed = match kind {
            "response.completed" | "response.incomplete" => Some(false),
            "response.failed" | "error" => Some(true),
            _ => None,
        };
        if failed.is_some() {
            self.end = failed;
            if let Some(usage) = event.pointer("/response/usage").filter(|it| it.is_object()) {
                let cached = number(usage, "/input_tokens_details/cached_tokens");
                self.counts = Some(Counts {
                    input: number(usage, "/input_tokens").saturating_sub(cached),
                    output: number(usage, "/output_tokens"),
                    cache_read: cached,
                    cache_write: 0,
                });
            }
            self.is_final = failed == Some(false) || self.counts.is_some();
        }
    }
}

fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    value.pointer(path).unwrap_or(&Value::Null)
}

fn string<'v>(value: &'v Value, path: &str) -> &'v str {
    at(value, path).as_str().unwrap_or_default()
}

fn number(value: &Value, path: &str) -> u64 {
    at(value, path).as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(data: &[&str]) -> Vec<Vec<u8>> {
        let events = data
            .iter()
            .map(|data| format!("data: {data}\n\n").into_bytes());
        events.collect()
    }

    fn check(api: Api, data: &[&str], status: &str, tokens: Option<(&str, bool)>) {
        let events = stream(data);
        let got = expected(api, &events, &events);
        let shown = got.tokens.map(|(counts, is)| (counts.shown(), is));
        let wanted = tokens.map(|(counts, is)| (counts.to_owned(), is));
        assert_eq!((got.status, shown), (status, wanted), "{data:?}");
    }

    #[test]
    fn messages() {
        let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":7,"output_tokens":1,"cache_read_input_tokens":3}}}"#;
        let text =
            r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"123456789"}}"#;
        let last = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":50}}"#;
        let stop = r#"{"type":"message_stop"}"#;
        let error = r#"{"type":"error","error":{}}"#;
        check(Api::Messages, &[], "aborted", None);
        check(Api::Messages, &[start], "aborted", Some(("7/1/3/0", false)));
        check(
            Api::Messages,
            &[start, text],
            "aborted",
            Some(("7/3/3/0", true)),
        );
        check(
            Api::Messages,
            &[start, text, last],
            "aborted",
            Some(("7/50/3/0", false)),
        );
        check(
            Api::Messages,
            &[start, text, last, stop],
            "completed",
            Some(("7/50/3/0", false)),
        );
        check(
            Api::Messages,
            &[start, text, error],
            "failed",
            Some(("7/3/3/0", true)),
        );
    }

    #[test]
    fn chat() {
        let text = r#"{"choices":[{"delta":{"content":"12345"}}]}"#;
        let finish = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
        let usage = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2}}}"#;
        check(Api::Chat, &[text], "aborted", Some(("0/2/0/0", true)));
        check(
            Api::Chat,
            &[text, finish],
            "completed",
            Some(("0/2/0/0", true)),
        );
        check(
            Api::Chat,
            &[text, finish, usage],
            "completed",
            Some(("7/4/2/0", false)),
        );
        check(
            Api::Chat,
            &[text, finish, usage, "[DONE]"],
            "completed",
            Some(("7/4/2/0", false)),
        );
        check(
            Api::Chat,
            &[text, r#"{"error":{}}"#],
            "failed",
            Some(("0/2/0/0", true)),
        );
    }

    #[test]
    fn responses_and_what_is_drained() {
        let text = r#"{"type":"response.output_text.delta","delta":"12345"}"#;
        let done = r#"{"type":"response.completed","response":{"usage":{"input_tokens":9,"output_tokens":4}}}"#;
        check(Api::Responses, &[text], "aborted", Some(("0/2/0/0", true)));
        check(
            Api::Responses,
            &[text, done],
            "completed",
            Some(("9/4/0/0", false)),
        );
        let events = stream(&[text, done]);
        let got = expected(Api::Responses, &events[..1], &events);
        assert_eq!((got.status, got.tokens.unwrap().1), ("aborted", false));
    }
}
