//! What is recorded of a turn, against what the SDK was told.

use std::time::Duration;

use serde_json::Value;

use super::TOOL_SERVER;
use crate::gateway::Gateway;
use crate::program::pause;
use crate::{Outcome, clock};

/// How long records may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Tells what differs between the records of the turn's session and what the SDK was told of it.
pub(super) fn check(gateway: &Gateway, turn: &Value, told: &Value) -> Outcome<Vec<String>> {
    // Once for the turn, once more for each answer of the client's tool, and once for what it asks
    // behind the turn.
    let fails = turn.get("fails") == Some(&Value::Bool(true));
    let asked = match fails {
        true => 1,
        false => 2 + number(turn, "client_calls"),
    };
    let details = details(gateway, told, asked)?;
    let mut problems = Vec::new();
    let mut same = |what: &str, got: String, wanted: String| {
        if got != wanted {
            problems.push(format!("records: {what} {got}, not {wanted}"));
        }
    };
    let records = |list: &str| {
        let lists = details.iter().filter_map(|it| it.get(list)?.as_array());
        lists.flatten().cloned().collect::<Vec<_>>()
    };
    let (tokens, tools) = (records("tokens"), records("tools"));
    same(
        "interceptions",
        details.len().to_string(),
        asked.to_string(),
    );
    let status = Value::from(if fails { "failed" } else { "completed" });
    let ended = details
        .iter()
        .filter(|it| it.get("status") == Some(&status));
    same(
        "ended as they are to",
        ended.count().to_string(),
        asked.to_string(),
    );
    // A round that fails may say what it has used, and a client asks once more behind a turn.
    if !fails {
        let rounds = number(turn, "rounds") + 1;
        same("rounds", tokens.len().to_string(), rounds.to_string());
    }
    let injected = |it: &&Value| it.get("injected") == Some(&Value::Bool(true));
    let (ours, others): (Vec<_>, Vec<_>) = tools.iter().partition(injected);
    same(
        "injected calls",
        ours.len().to_string(),
        number(turn, "injected").to_string(),
    );
    let calls = number(turn, "client_calls").to_string();
    same(
        "calls of the client's tools",
        others.len().to_string(),
        calls,
    );
    let is_of_server = |it: &&&Value| it.get("server") == Some(&Value::from(TOOL_SERVER));
    let of_server = ours.iter().filter(is_of_server).count();
    same(
        "calls of the tool server",
        of_server.to_string(),
        ours.len().to_string(),
    );
    if !fails {
        let sum = |name: &str| tokens.iter().map(|it| number(it, name)).sum::<u64>();
        let wanted = ["input", "output", "cache_read"].map(sum);
        let usage = told.get("usage").map(Value::to_string).unwrap_or_default();
        same(
            "usage told is",
            usage,
            Value::from(wanted.to_vec()).to_string(),
        );
    }
    Ok(problems)
}

/// All interceptions of the turn's session, as soon as there are as many and all have ended.
fn details(gateway: &Gateway, told: &Value, wanted: u64) -> Outcome<Vec<Value>> {
    let session = told.get("session");
    let begun = clock::now();
    loop {
        let list = gateway.read("/interceptions?limit=500")?;
        let items = list.get("items").and_then(Value::as_array);
        let of_session = items.into_iter().flatten();
        let of_session = of_session.filter(|it| it.get("client_session_id") == session);
        let found: Vec<_> = of_session.collect();
        let runs = |it: &&Value| it.get("status") == Some(&Value::from("running"));
        let is_whole = found.len() as u64 >= wanted && !found.iter().any(runs);
        if is_whole || begun.elapsed() > PATIENCE {
            let ids = found.iter().filter_map(|it| it.get("id")?.as_str());
            return ids
                .map(|id| gateway.read(&format!("/interceptions/{id}")))
                .collect();
        }
        pause(PAUSE);
    }
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}
