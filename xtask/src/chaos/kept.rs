//! What the control plane holds: every interception with everything that is remembered of it.

use std::thread;

use serde_json::Value;

use super::operator::Operator;
use crate::Outcome;
use crate::digest::sha256;

/// How many interceptions are read at the same time.
const READERS: usize = 4;

/// Tokens of one answer. They exclude each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) input: u64,
    pub(super) output: u64,
    pub(super) cache_read: u64,
    pub(super) cache_write: u64,
}

/// One interception.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) id: String,
    /// The mark of the request, which its client sent as its session.
    pub(super) mark: String,
    pub(super) status: String,
    pub(super) started_at: String,
    pub(super) ended_at: Option<String>,
    /// Response id, figures, and when.
    pub(super) tokens: Vec<Tokens>,
    /// SHA-256 of each prompt.
    pub(super) prompts: Vec<String>,
    /// The call id of each tool.
    pub(super) tools: Vec<String>,
}

/// One row of tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) response_id: String,
    pub(super) counts: Counts,
    pub(super) is_estimated: bool,
    pub(super) created_at: String,
}

impl Counts {
    /// The figures as a ledger's line and a row of tokens both have them.
    pub(super) fn of(from: &Value) -> Self {
        let count = |name: &str| from.get(name).and_then(Value::as_u64).unwrap_or_default();
        Self {
            input: count("input"),
            output: count("output"),
            cache_read: count("cache_read"),
            cache_write: count("cache_write"),
        }
    }

    pub(super) fn shown(&self) -> String {
        let Self {
            input,
            output,
            cache_read,
            cache_write,
        } = self;
        format!("{input}/{output}/{cache_read}/{cache_write}")
    }
}

impl Kept {
    fn of(detail: &Value) -> Self {
        let rows = |name: &str| detail.get(name).and_then(Value::as_array);
        let rows = |name: &str| rows(name).into_iter().flatten();
        let tokens = rows("tokens").map(|row| Tokens {
            response_id: text(row, "response_id"),
            counts: Counts::of(row),
            is_estimated: row.pointer("/metadata/estimated").is_some(),
            created_at: instant(&text(row, "created_at")),
        });
        let ended_at = detail.get("ended_at").and_then(Value::as_str);
        Self {
            id: text(detail, "id"),
            mark: text(detail, "client_session_id"),
            status: text(detail, "status"),
            started_at: instant(&text(detail, "started_at")),
            ended_at: ended_at.map(instant),
            tokens: tokens.collect(),
            prompts: rows("prompts")
                .map(|row| sha256(text(row, "prompt")))
                .collect(),
            tools: rows("tools").map(|row| text(row, "call_id")).collect(),
        }
    }
}

/// Reads everything.
pub(super) fn all(operator: &Operator) -> Outcome<Vec<Kept>> {
    let list = operator.all("/interceptions")?;
    let ids: Vec<String> = list.iter().map(|item| text(item, "id")).collect();
    let share = ids.len().div_ceil(READERS).max(1);
    let mut kept = Vec::with_capacity(ids.len());
    let read = thread::scope(|scope| {
        let readers: Vec<_> = ids
            .chunks(share)
            .map(|ids| scope.spawn(|| details(operator, ids)))
            .collect();
        let read = readers.into_iter().map(|reader| reader.join());
        read.collect::<Result<Vec<_>, _>>()
    });
    for some in read.map_err(|_| "a reader of interceptions panicked")? {
        kept.extend(some?);
    }
    Ok(kept)
}

fn details(operator: &Operator, ids: &[String]) -> Outcome<Vec<Kept>> {
    let read = |id: &String| operator.read(&format!("/interceptions/{id}"));
    ids.iter().map(|id| Ok(Kept::of(&read(id)?))).collect()
}

/// How many interceptions have not ended.
pub(super) fn running(operator: &Operator) -> Outcome<usize> {
    let page = operator.read("/interceptions?outcome=running&limit=500")?;
    let items = page.get("items").and_then(Value::as_array);
    Ok(items.map_or(0, Vec::len))
}

fn text(from: &Value, name: &str) -> String {
    let found = from.get(name).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

/// A time in UTC in a form in which text is ordered as time is: always nine digits of a second.
fn instant(time: &str) -> String {
    let time = time.trim_end_matches('Z');
    let (seconds, digits) = time.split_once('.').unwrap_or((time, ""));
    format!("{seconds}.{digits:0<9}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_are_read() {
        let detail = json!({
            "id": "i", "client_session_id": "m", "status": "completed",
            "started_at": "2026-01-01T00:00:00.5Z", "ended_at": "2026-01-01T00:00:01Z",
            "tokens": [{"response_id": "r", "input": 1, "output": 2, "cache_read": 3,
                "cache_write": 4, "metadata": {}, "created_at": "2026-01-01T00:00:01Z"}],
            "prompts": [{"prompt": ""}], "tools": [{"call_id": "c"}],
        });
        let kept = Kept::of(&detail);
        assert_eq!(kept.mark, "m");
        assert_eq!(kept.tokens[0].counts.shown(), "1/2/3/4");
        assert!(kept.prompts[0].starts_with("e3b0c442"));
        assert_eq!(kept.tools, ["c"]);
        assert!(Some(&kept.started_at) < kept.ended_at.as_ref());
    }

    #[test]
    fn times_are_ordered_as_text() {
        assert!(instant("2026-01-01T00:00:05Z") < instant("2026-01-01T00:00:05.1Z"));
        assert!(instant("2026-01-01T00:00:05.123456Z") < instant("2026-01-01T00:00:05.2Z"));
    }
}
