//! Answers have the members that recorded ones have, where recordings are at hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bridge_simulate::SimulateConfig;
use serde_json::{Value, json};

use super::client::{CHAT, MESSAGES, RESPONSES, ask, prompt, simulator};

fn recording(name: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path: PathBuf = [&root.join("../../../shared/fixtures"), Path::new(name)]
        .iter()
        .collect();
    let text = std::fs::read_to_string(path).ok();
    if text.is_none() {
        eprintln!("skipped: no recording {name}");
    }
    text
}

fn section<'t>(text: &'t str, name: &str) -> &'t str {
    let (_, rest) = text.split_once(&format!("-- {name} --\n")).unwrap();
    rest.split_once("\n-- ")
        .map_or(rest, |(section, _)| section)
}

/// The paths of all members. What stands in lists is taken together.
fn members(value: &Value, path: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = format!("{path}/{key}");
                members(value, &path, all);
                all.insert(path);
            }
        }
        Value::Array(list) => {
            for value in list {
                members(value, &format!("{path}[]"), all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The members of each kind of event, with the kind before them.
fn event_members(events: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let data = events
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    for data in data.filter(|data| *data != "[DONE]") {
        let event: Value = serde_json::from_str(data).unwrap();
        let kind = event["type"].as_str().unwrap_or("chunk").to_owned();
        members(&event, &kind, &mut all);
    }
    all
}

fn check(recorded: &BTreeSet<String>, answered: &BTreeSet<String>, optional: &[&str]) {
    let missing: Vec<&String> = recorded
        .difference(answered)
        .filter(|path| !optional.iter().any(|optional| path.contains(optional)))
        .collect();
    assert_eq!(missing, Vec::<&String>::new());
}

#[tokio::test]
async fn streams_have_all_recorded_members() {
    let simulator = simulator(SimulateConfig::default()).await;
    for (path, name, thinks, optional) in [
        (
            MESSAGES,
            "anthropic/single_builtin_tool.txtar",
            true,
            &[][..],
        ),
        (
            CHAT,
            "openai/chatcompletions/simple.txtar",
            false,
            &["obfuscation"],
        ),
        (
            CHAT,
            "openai/chatcompletions/single_builtin_tool.txtar",
            false,
            &[],
        ),
        (
            RESPONSES,
            "openai/responses/streaming/simple.txtar",
            false,
            &["obfuscation"],
        ),
        // Reasoning items of today have no status, and offered tools are given back as they came.
        (
            RESPONSES,
            "openai/responses/streaming/builtin_tool.txtar",
            true,
            &["obfuscation", "item/status", "output[]/status", "/tools[]/"],
        ),
        (
            RESPONSES,
            "openai/responses/streaming/custom_tool.txtar",
            true,
            &["obfuscation", "/tools[]/"],
        ),
    ] {
        let Some(text) = recording(name) else { return };
        let mut body: Value = serde_json::from_str(section(&text, "request")).unwrap();
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
        let tool = if body["tools"].is_array() {
            "simulate:tool"
        } else {
            "hello"
        };
        let think = if thinks { "simulate:think" } else { "" };
        let said = prompt(path, &format!("{tool} {think}"), true);
        for key in ["messages", "input"] {
            if let Some(said) = said.get(key) {
                body[key] = said.clone();
            }
        }
        let answer = ask(&simulator, path, &body).await;
        let answered = event_members(std::str::from_utf8(&answer.body).unwrap());
        check(
            &event_members(section(&text, "streaming")),
            &answered,
            optional,
        );
    }
}

#[tokio::test]
async fn whole_answers_have_all_recorded_members() {
    let simulator = simulator(SimulateConfig::default()).await;
    for (path, name, optional) in [
        (CHAT, "openai/chatcompletions/simple.txtar", &[][..]),
        (
            RESPONSES,
            "openai/responses/blocking/simple.txtar",
            &["/billing"],
        ),
    ] {
        let Some(text) = recording(name) else { return };
        let answer = ask(&simulator, path, &prompt(path, "hello", false))
            .await
            .json();
        let (mut recorded, mut answered) = (BTreeSet::new(), BTreeSet::new());
        let whole: Value = serde_json::from_str(section(&text, "non-streaming")).unwrap();
        members(&whole, "", &mut recorded);
        members(&answer, "", &mut answered);
        check(&recorded, &answered, optional);
    }
}
