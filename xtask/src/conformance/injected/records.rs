//! What is recorded of a turn of two rounds: one interception, two usages, one injected call.

use serde_json::Value;

use super::case::Case;
use super::heard::{self, at, list, text};
use super::tool_server::CONFIGURED_AS;

pub(super) fn check(case: &Case, detail: Option<&Value>, differences: &mut Vec<String>) {
    let Some(detail) = detail else {
        differences.push("records: no interception that has ended".to_owned());
        return;
    };
    let mut same = |what: &str, got: &str, wanted: &str| {
        if got != wanted {
            differences.push(format!("records: {what} {got:?}, not {wanted:?}"));
        }
    };
    let expected = &case.expected;
    same("status", text(detail, "/status"), "completed");
    let ids = case.answers.each_ref().map(|answer| {
        let heard = heard::assemble(case.api, case.is_streaming, &answer.body);
        heard.map(|it| it.id).unwrap_or_default()
    });
    let prompts = list(detail, "/prompts");
    same("prompts", &prompts.len().to_string(), "1");
    for prompt in prompts {
        same("prompt", text(prompt, "/prompt").trim(), expected.prompt);
    }
    let tokens = list(detail, "/tokens");
    same("usages", &tokens.len().to_string(), "2");
    for ((found, counts), id) in tokens.iter().zip(expected.rounds).zip(&ids) {
        same("usage's response id", text(found, "/response_id"), id);
        let paths = [
            "/input",
            "/output",
            "/cache_read",
            "/extra/reasoning_tokens",
        ];
        for (path, wanted) in paths.into_iter().zip(counts) {
            let got = found
                .pointer(path)
                .and_then(Value::as_u64)
                .unwrap_or_default();
            same(path, &got.to_string(), &wanted.to_string());
        }
    }
    let tools = list(detail, "/tools");
    same("tools", &tools.len().to_string(), "1");
    for tool in tools {
        same("tool", text(tool, "/tool"), expected.tool);
        same("tool's server", text(tool, "/server"), CONFIGURED_AS);
        same("injected", &at(tool, "/injected").to_string(), "true");
        same("tool's response id", text(tool, "/response_id"), &ids[0]);
        let input: String = text(tool, "/input").split_whitespace().collect();
        same("arguments", &input, expected.arguments);
        let error = text(tool, "/invocation_error");
        match expected.error {
            Some(wanted) if error.contains(wanted) => {}
            wanted => same("error", error, wanted.unwrap_or_default()),
        }
        let has_duration = at(tool, "/duration_ms").is_u64();
        same("has a duration", &has_duration.to_string(), "true");
    }
}
