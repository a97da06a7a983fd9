//! What reached the provider in both rounds: the client's bytes, the tools, and what was called.

use serde_json::Value;
use serde_json::value::RawValue;

use super::Api;
use super::case::{Case, PREFIX};
use super::heard::{self, at, list, text};
use super::tool_server;
use crate::http1::Message;

pub(super) fn check(case: &Case, seen: &[Message], differences: &mut Vec<String>) {
    let [first, second] = seen else {
        differences.push(format!("provider: asked {} times, not twice", seen.len()));
        return;
    };
    let mut tell = |problem: String| differences.push(format!("provider: {problem}"));
    // Tools are put in at one place, and not one other byte changes.
    if !has_one_insertion(&case.request, &first.body) {
        tell("more was changed in the first request than tools put in".to_owned());
    }
    let tools = [first, second].map(|message| raw(&message.body, "tools"));
    if tools[0] != tools[1] || tools[0].is_none() {
        tell("the tools of the second request are not those of the first".to_owned());
    }
    let (asked, asked_again) = (value(&case.request), value(&second.body));
    let names: Vec<_> = list(&asked_again, "/tools").iter().map(name).collect();
    if names.is_empty() || !names.is_sorted() || !names.iter().all(|it| it.starts_with(PREFIX)) {
        tell(format!("the tools are {names:?}"));
    }
    let is_responses = case.api == Api::Responses;
    let history = if is_responses { "input" } else { "messages" };
    for (name, wanted) in asked.as_object().into_iter().flatten() {
        let got = at(&asked_again, &format!("/{name}"));
        if name != history && got != wanted {
            tell(format!("{name} is {got} in the second request"));
        }
    }
    let before = match at(&asked, &format!("/{history}")) {
        Value::Array(items) => items.clone(),
        Value::String(said) => vec![serde_json::json!({"role": "user", "content": said})],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let history = list(&asked_again, &format!("/{history}"));
    let said = before.iter().zip(history);
    if history.len() < before.len() || !said.clone().all(|(one, other)| is_said(one, other)) {
        tell("the history does not begin with what the client said".to_owned());
        return;
    }
    let added = history.get(before.len()..).unwrap_or_default();
    for problem in added_problems(case, added) {
        tell(problem);
    }
}

/// Role and text are the same. Further members may tell what was meant.
fn is_said(one: &Value, other: &Value) -> bool {
    let said = |value: &Value| {
        let parts = list(value, "/content").iter().map(|it| text(it, "/text"));
        let parts: String = parts.collect();
        format!(
            "{} {}{parts}",
            text(value, "/role"),
            text(value, "/content")
        )
    };
    said(one) == said(other)
}

/// What is wrong with the answer and the result that follow what the client said.
fn added_problems(case: &Case, added: &[Value]) -> Vec<String> {
    let first = &case.answers[0].body;
    let answered = match heard::assemble(case.api, case.is_streaming, first) {
        Ok(heard) => heard.items,
        Err(problem) => return vec![format!("the recording itself: {problem}")],
    };
    let call_id = answered
        .iter()
        .map(|it| it.call_id.as_str())
        .rfind(|id| !id.is_empty());
    let call_id = call_id.unwrap_or_default();
    let (items, result) = match (case.api, added.split_last()) {
        (Api::Responses, Some((last, items))) => {
            let items = Value::Array(items.to_vec());
            (heard::items_of(case.api, &items), last)
        }
        (_, Some((last, [message]))) => (heard::items_of(case.api, message), last),
        _ => return vec![format!("{} messages follow what was said", added.len())],
    };
    let mut problems = Vec::new();
    if items != answered {
        problems.push(format!("the model's turn is {items:?}, not {answered:?}"));
    }
    let (id, content, is_error) = result_of(case.api, result);
    if id != call_id {
        problems.push(format!("the result is that of {id:?}, not of {call_id:?}"));
    }
    let wanted = case.expected.error.unwrap_or(tool_server::SAID);
    if !content.contains(wanted) {
        problems.push(format!("the result is {content:?}, not {wanted:?}"));
    }
    let should_fail = case.expected.error.is_some();
    if is_error != should_fail {
        problems.push(format!("the result says of an error: {is_error}"));
    }
    problems
}

/// Whose result it is, what it says, and whether it says that the tool failed.
fn result_of(api: Api, result: &Value) -> (String, String, bool) {
    let (result, id, content) = match api {
        Api::Messages => (at(result, "/content/0"), "/tool_use_id", "/content"),
        Api::Chat => (result, "/tool_call_id", "/content"),
        Api::Responses | Api::AnthropicModels | Api::OpenAiModels | Api::Ping => {
            (result, "/call_id", "/output")
        }
    };
    let parts = list(result, content).iter().map(|it| text(it, "/text"));
    let said = format!("{}{}", text(result, content), parts.collect::<String>());
    let is_error = match api {
        Api::Messages => at(result, "/is_error") == &Value::Bool(true),
        Api::Chat | Api::Responses | Api::AnthropicModels | Api::OpenAiModels | Api::Ping => {
            said.starts_with("Error: ")
        }
    };
    (text(result, id).to_owned(), said, is_error)
}

/// Whether one is the other with something put in at one place.
fn has_one_insertion(before: &[u8], after: &[u8]) -> bool {
    let same = |(one, other): &(&u8, &u8)| one == other;
    let head = before.iter().zip(after).take_while(same).count();
    let tail = before
        .iter()
        .rev()
        .zip(after.iter().rev())
        .take_while(same)
        .count();
    after.len() > before.len() && head + tail >= before.len()
}

fn value(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// A member as it is written.
fn raw(body: &[u8], name: &str) -> Option<String> {
    let members: std::collections::BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(body).ok()?;
    Some(members.get(name)?.get().to_owned())
}

fn name(tool: &Value) -> String {
    let own = text(tool, "/name");
    format!("{own}{}", text(tool, "/function/name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insertion_is_one_place() {
        let check = |before: &str, after: &str, wanted: bool| {
            let got = has_one_insertion(before.as_bytes(), after.as_bytes());
            assert_eq!(got, wanted, "{before} {after}");
        };
        check("{}", "{\"a\":1}", true);
        check("[1]", "[1,2]", true);
        check("[1]", "[0,1]", true);
        check("[1]", "[0,1,2]", false);
        check("[1]", "[1]", false);
        check("[1, 2]", "[1,2,3]", false);
    }
}
