//! What is recorded of an exchange.

use std::time::Duration;

use serde_json::Value;

use super::exchange::{Api, Exchange, Mode};
use super::expected::{Expected, Tokens, Tool};
use crate::gateway::{Gateway, USER};
use crate::program::pause;
use crate::{Outcome, clock};

/// How long the records of an answer may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits for the interception of a session to end, and reads all that is known of it.
pub(super) fn find(gateway: &Gateway, session: &str) -> Outcome<Option<Value>> {
    let begun = clock::now();
    while begun.elapsed() < PATIENCE {
        let list = gateway.read("/interceptions?limit=5")?;
        let items = list.get("items").and_then(Value::as_array);
        let found = items.into_iter().flatten().find(|item| {
            text(item, "/client_session_id") == session && text(item, "/status") != "running"
        });
        if let Some(item) = found {
            let path = format!("/interceptions/{}", text(item, "/id"));
            return gateway.read(&path).map(Some);
        }
        pause(PAUSE);
    }
    Ok(None)
}

/// Compares what is recorded with what is to be.
pub(super) fn check(
    exchange: &Exchange,
    expected: &Expected,
    detail: Option<&Value>,
    differences: &mut Vec<String>,
) {
    let Some(detail) = detail else {
        differences.push("records: no interception that has ended".to_owned());
        return;
    };
    let mut told = Told {
        detail,
        differences,
    };
    told.head(exchange, expected);
    let id = response_id(exchange);
    told.prompt(expected.prompt, id);
    told.tokens(expected.tokens, id);
    told.tool(expected.tool, exchange, id);
    told.thought(expected.thought, id);
}

struct Told<'a> {
    detail: &'a Value,
    differences: &'a mut Vec<String>,
}

impl<'a> Told<'a> {
    fn head(&mut self, exchange: &Exchange, expected: &Expected) {
        let model = serde_json::from_slice::<Value>(&exchange.request).unwrap_or_default();
        let kind = match exchange.mode {
            Mode::Central => "centralized",
            Mode::Own => "byok",
        };
        let detail = self.detail;
        self.same("user", text(detail, "/user/username"), USER);
        self.same(
            "provider",
            text(detail, "/provider_name"),
            exchange.instance.name,
        );
        let model = match &exchange.spoken {
            Some(spoken) => spoken.model,
            None => text(&model, "/model"),
        };
        self.same("model", text(detail, "/model"), model);
        self.same("credential kind", text(detail, "/credential_kind"), kind);
        self.same("status", text(detail, "/status"), expected.status);
        let error_type = expected.error_type.unwrap_or_default();
        self.same("error type", text(detail, "/error_type"), error_type);
        let is_streaming = exchange.is_streaming.to_string();
        self.same("streaming", &shown(detail, "/streaming"), &is_streaming);
        let status = exchange.answer.status.to_string();
        self.same(
            "provider's status",
            &shown(detail, "/provider_status"),
            &status,
        );
        let correlation = "correlation-of-the-proxy";
        self.same(
            "correlation id",
            text(detail, "/correlation_id"),
            correlation,
        );
    }

    fn prompt(&mut self, expected: Option<&str>, id: &str) {
        if let Some((found, expected)) = self.only("prompts", expected) {
            self.same("prompt", text(found, "/prompt").trim(), expected);
            self.same("prompt's response id", text(found, "/response_id"), id);
        }
    }

    fn tokens(&mut self, expected: Option<Tokens>, id: &str) {
        if let Some((found, expected)) = self.only("tokens", expected) {
            let counts = [
                ("/input", expected.input),
                ("/output", expected.output),
                ("/cache_read", expected.cache_read),
                ("/cache_write", expected.cache_write),
                ("/extra/reasoning_tokens", expected.reasoning),
            ];
            for (path, count) in counts {
                let got = found
                    .pointer(path)
                    .and_then(Value::as_u64)
                    .unwrap_or_default();
                self.same(path, &got.to_string(), &count.to_string());
            }
            let is_estimated = found.pointer("/metadata/estimated") == Some(&Value::Bool(true));
            let mark = (is_estimated.to_string(), expected.is_estimated.to_string());
            self.same("estimated", &mark.0, &mark.1);
            self.same("usage's response id", text(found, "/response_id"), id);
        }
    }

    fn tool(&mut self, expected: Option<Tool>, exchange: &Exchange, id: &str) {
        let Some((found, expected)) = self.only("tools", expected) else {
            return;
        };
        self.same("tool", text(found, "/tool"), expected.name);
        self.same("tool's kind", text(found, "/kind"), expected.kind);
        self.same("tool's response id", text(found, "/response_id"), id);
        let input: String = text(found, "/input").split_whitespace().collect();
        if !input.ends_with(expected.input) {
            self.different("arguments", &input, expected.input);
        }
        let call_id = text(found, "/call_id");
        let answer = String::from_utf8_lossy(&exchange.answer.body);
        let is_real = ["toolu_", "call_"]
            .iter()
            .any(|start| call_id.starts_with(start));
        if !is_real || !answer.contains(&format!("\"{call_id}\"")) {
            self.different("call id", call_id, "one of the answer");
        }
        self.same("injected", &shown(found, "/injected"), "false");
    }

    fn thought(&mut self, expected: Option<(&str, &str)>, id: &str) {
        let Some((found, (source, beginning))) = self.only("thoughts", expected) else {
            return;
        };
        self.same("thought's source", text(found, "/source"), source);
        self.same("thought's response id", text(found, "/response_id"), id);
        let content = text(found, "/content");
        if !content.starts_with(beginning) {
            self.different("thought", content, beginning);
        }
    }

    /// The only record of a list, when there is to be one.
    fn only<T>(&mut self, list: &str, expected: Option<T>) -> Option<(&'a Value, T)> {
        let found = self.detail.get(list).and_then(Value::as_array);
        match (found.map(Vec::as_slice).unwrap_or_default(), expected) {
            ([], None) => None,
            ([found], Some(expected)) => Some((found, expected)),
            (found, expected) => {
                let wanted = usize::from(expected.is_some());
                self.different(list, &found.len().to_string(), &wanted.to_string());
                None
            }
        }
    }

    fn same(&mut self, what: &str, got: &str, wanted: &str) {
        if got != wanted {
            self.different(what, got, wanted);
        }
    }

    fn different(&mut self, what: &str, got: &str, wanted: &str) {
        self.differences
            .push(format!("records: {what} {got:?}, not {wanted:?}"));
    }
}

/// The provider's own id of an answer: the first one of its kind in it. A refusal has none.
fn response_id(exchange: &Exchange) -> &str {
    // Providers that are compatible have ids of their own.
    let starts: &[&str] = match exchange.api {
        Api::Messages | Api::AnthropicModels => &["msg_"],
        Api::Chat | Api::OpenAiModels => &["chatcmpl-", "msg_", "gen-", "local-"],
        Api::Responses | Api::Ping => &["resp_"],
    };
    let text = std::str::from_utf8(&exchange.answer.body).unwrap_or_default();
    let ids = text.split("\"id\"").skip(1);
    let ids = ids.filter_map(|rest| rest.trim_start_matches([':', ' ']).strip_prefix('"'));
    let mut ids = ids.filter_map(|rest| rest.split('"').next());
    let is_one = |id: &&str| starts.iter().any(|start| id.starts_with(start));
    ids.find(is_one).unwrap_or_default()
}

/// A text of a JSON value, empty when there is none.
fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn shown(value: &Value, path: &str) -> String {
    value
        .pointer(path)
        .map(Value::to_string)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::expected;
    use super::super::provider::Answer;
    use super::*;

    fn exchange() -> Exchange {
        let answer = r#"{"id": "msg_1", "content": [{"type": "tool_use", "id": "toolu_1"}]}"#;
        Exchange {
            name: "made/up".to_owned(),
            instance: Api::Messages.usual(),
            api: Api::Messages,
            mode: Mode::Central,
            is_streaming: false,
            request: br#"{"model": "m"}"#.to_vec(),
            answer: Answer::of_section(answer, false),
            spoken: None,
            expected: expected::of("anthropic/single_builtin_tool", false),
        }
    }

    /// What a control plane says that has recorded everything right.
    fn right() -> Value {
        json!({
            "user": {"username": "ada"}, "provider_name": "anthropic", "model": "m",
            "credential_kind": "centralized", "status": "completed", "error_type": null,
            "streaming": false, "provider_status": 200,
            "correlation_id": "correlation-of-the-proxy",
            "prompts": [{"prompt": "read the foo file\n", "response_id": "msg_1"}],
            "tokens": [{
                "input": 5, "output": 84, "cache_read": 23_490, "cache_write": 0, "extra": {},
                "metadata": {}, "response_id": "msg_1",
            }],
            "tools": [{
                "tool": "Read", "kind": "function", "call_id": "toolu_1", "injected": false,
                "input": "{\"file_path\": \"/some/blah/foo\"}", "response_id": "msg_1",
            }],
            "thoughts": [{
                "content": "The user wants me to read it", "source": "thinking",
                "response_id": "msg_1",
            }],
        })
    }

    fn told(detail: Option<&Value>) -> Vec<String> {
        let exchange = exchange();
        let mut differences = Vec::new();
        check(
            &exchange,
            &exchange.expected.unwrap(),
            detail,
            &mut differences,
        );
        differences
    }

    #[test]
    fn each_difference_in_the_records_is_told() {
        assert_eq!(told(Some(&right())), Vec::<String>::new());
        assert_eq!(told(None).len(), 1);
        let rows = [
            ("/user/username", json!("bob")),
            ("/model", json!("n")),
            ("/credential_kind", json!("byok")),
            ("/status", json!("aborted")),
            ("/error_type", json!("unknown")),
            ("/streaming", json!(true)),
            ("/provider_status", json!(null)),
            ("/prompts", json!([])),
            ("/prompts/0/prompt", json!("another")),
            ("/tokens/0/output", json!(85)),
            ("/tokens/0/extra", json!({"reasoning_tokens": 1})),
            (
                "/tokens/0/metadata",
                json!({"partial": true, "estimated": true}),
            ),
            ("/tokens/0/response_id", json!("")),
            ("/tools", json!([{}, {}])),
            ("/tools/0/call_id", json!("toolu_2")),
            ("/tools/0/input", json!("{}")),
            ("/thoughts/0/source", json!("reasoning")),
            ("/thoughts/0/content", json!("")),
        ];
        for (path, value) in rows {
            let mut detail = right();
            *detail.pointer_mut(path).unwrap() = value;
            assert_eq!(told(Some(&detail)).len(), 1, "{path}");
        }
    }
}
