//! Histories that providers take, and those that they do not.

use serde_json::json;

use super::*;
use crate::fingerprint::Ids;
use crate::route::Named;
use crate::seal;

/// What is wrong with a body, if anything is.
fn wrong(dialect: Dialect, body: &Value) -> String {
    let text = body.to_string();
    let asked = Asked::read(dialect, text.as_bytes(), &Named::default()).unwrap();
    match check(dialect, &asked, None) {
        Ok(()) => String::new(),
        Err(problem) => problem.to_string(),
    }
}

fn user(blocks: &Value) -> Value {
    json!({"role": "user", "content": blocks})
}

fn model(blocks: &Value) -> Value {
    json!({"role": "assistant", "content": blocks})
}

fn call(id: &str) -> Value {
    json!({"type": "tool_use", "id": id, "name": "n", "input": {}})
}

fn result(id: &str) -> Value {
    json!({"type": "tool_result", "tool_use_id": id})
}

fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// A thought whose signature is that of `hm`.
fn thought(text: &str) -> Value {
    let signature = seal::make(&mut Ids::new(1), "hm");
    json!({"type": "thinking", "thinking": text, "signature": signature})
}

fn check_messages(messages: &[Value], wanted: &str) {
    let body = json!({"model": "m", "messages": messages});
    assert_eq!(wrong(Dialect::Anthropic, &body), wanted, "{body}");
}

#[test]
fn calls_of_messages_have_their_results() {
    let hi = user(&json!("hi"));
    let one = model(&json!([call("a")]));
    let two = model(&json!([text_block("t"), call("a"), call("b")]));
    let results = user(&json!([result("b"), result("a"), text_block("t")]));
    check_messages(&[hi.clone(), two.clone(), results], "");
    check_messages(
        &[hi.clone(), two, user(&json!([result("a")]))],
        "2: the calls b have no result in the message after them",
    );
    check_messages(
        &[hi.clone(), one.clone()],
        "2: the calls a have no result in the message after them",
    );
    check_messages(
        &[
            hi.clone(),
            one.clone(),
            user(&json!([text_block("t"), result("a")])),
        ],
        "2: the result of a does not stand before everything else in its message",
    );
    check_messages(
        &[user(&json!([result("a")]))],
        "0: the result of a belongs to no call before it",
    );
    check_messages(
        &[hi.clone(), one, user(&json!([result("a"), result("a")]))],
        "2: the result of a belongs to no call before it",
    );
    let twice = model(&json!([call("a"), call("a")]));
    check_messages(&[hi, twice], "1: the id a was there before");
}

#[test]
fn messages_are_in_order() {
    let hi = user(&json!("hi"));
    let (one, answer) = (model(&json!([call("a")])), user(&json!([result("a")])));
    let system = json!({"role": "system", "content": "be short"});
    let mixed = [
        hi.clone(),
        system.clone(),
        hi.clone(),
        one.clone(),
        system,
        answer.clone(),
    ];
    check_messages(&mixed, "");
    check_messages(
        &[hi.clone(), one, answer, hi.clone()],
        "3: the role \"user\" stands twice in a row, or is none",
    );
    let empty = model(&json!([text_block(""), call("a")]));
    check_messages(&[hi, empty], "1: text must not be empty");
}

#[test]
fn thoughts_are_as_they_were() {
    let (hi, answer) = (user(&json!("hi")), user(&json!([result("a")])));
    let check = |blocks: Value, wanted: &str| {
        let messages = [hi.clone(), model(&blocks), answer.clone()];
        let thinking = json!({"type": "enabled", "budget_tokens": 1024});
        let body = json!({"model": "m", "thinking": thinking, "messages": messages});
        assert_eq!(wrong(Dialect::Anthropic, &body), wanted, "{body}");
    };
    check(json!([thought("hm"), call("a")]), "");
    check(
        json!([thought("hm, no"), call("a")]),
        "1: invalid signature in a thinking block",
    );
    let none = "1: an assistant message that called tools must begin with thinking, \
                because thinking is enabled";
    check(json!([call("a")]), none);
}

#[test]
fn chat() {
    let check = |messages: Value, wanted: &str| {
        let body = json!({"model": "m", "messages": messages});
        assert_eq!(wrong(Dialect::Chat, &body), wanted, "{body}");
    };
    let hi = json!({"role": "user", "content": "hi"});
    let calls = |ids: &[&str]| {
        let calls: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
        json!({"role": "assistant", "content": null, "tool_calls": calls})
    };
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "r"});
    check(
        json!([hi, calls(&["a", "b"]), result("b"), result("a"), hi]),
        "",
    );
    check(
        json!([hi, calls(&["a", "b"]), result("a"), hi]),
        "3: the calls b have no result in the message after them",
    );
    check(
        json!([hi, calls(&["a"])]),
        "2: the calls a have no result in the message after them",
    );
    check(
        json!([hi, {"role": "assistant", "tool_calls": []}, result("a")]),
        "1: text must not be empty",
    );
    check(
        json!([hi, calls(&["a"]), result("a"), result("a")]),
        "3: the result of a belongs to no call before it",
    );
    check(
        json!([calls(&["a"]), result("a"), calls(&["a"]), result("a")]),
        "2: the id a was there before",
    );
}

#[test]
fn responses() {
    let check = |store: bool, input: Value, wanted: &str| {
        let body = json!({"model": "m", "store": store, "input": input});
        assert_eq!(wrong(Dialect::Responses, &body), wanted, "{body}");
    };
    let call = |id: &str| json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id});
    let result = |id: &str| json!({"type": "function_call_output", "call_id": id, "output": "r"});
    let sealed =
        json!({"type": "reasoning", "encrypted_content": seal::make(&mut Ids::new(1), "")});
    let bare = json!({"type": "reasoning", "id": "rs_1"});
    check(
        false,
        json!([sealed, call("a"), call("b"), result("b"), result("a")]),
        "",
    );
    check(true, json!([bare, call("a"), result("a")]), "");
    check(
        false,
        json!([bare, call("a"), result("a")]),
        "0: the reasoning item rs_1 is not stored and brings no encrypted content",
    );
    let said = json!({"role": "assistant", "content": "hm"});
    check(true, json!([bare, said]), "");
    let user = json!({"role": "user", "content": "hi"});
    let alone = "0: the reasoning item rs_1 is there without the item that followed it";
    for behind in [json!([bare]), json!([bare, user, said])] {
        check(true, behind, alone);
    }
    check(true, json!([bare, result("a")]), alone);
    check(false, json!([sealed, user]), "");
    check(
        false,
        json!([{"type": "reasoning", "encrypted_content": "x"}]),
        "0: the encrypted content could not be verified",
    );
    check(
        true,
        json!([call("a"), call("b"), result("a")]),
        "3: the calls b have no result in the message after them",
    );
    check(
        true,
        json!([result("a"), call("a")]),
        "0: the result of a belongs to no call before it",
    );
    check(
        true,
        json!([call("a"), call("a")]),
        "1: the id fc_a was there before",
    );
}

#[test]
fn names_of_tools() {
    let check = |dialect: Dialect, names: &[&str], wanted: &str| {
        let tool = |name: &&str| match dialect {
            Dialect::Anthropic => json!({"name": name, "input_schema": {}}),
            Dialect::Chat => json!({"type": "function", "function": {"name": name}}),
            Dialect::Responses => json!({"type": "function", "name": name}),
        };
        let tools: Vec<_> = names.iter().map(tool).collect();
        let body = json!({"model": "m", "messages": [], "tools": tools});
        assert_eq!(wrong(dialect, &body), wanted, "{names:?}");
    };
    let (fits, long) = ("a".repeat(64), "a".repeat(65));
    for dialect in [Dialect::Anthropic, Dialect::Chat, Dialect::Responses] {
        check(dialect, &["a", "b-C_9", &fits], "");
        let twice = "tools.1: the name \"a\" is not allowed, or was there before";
        check(dialect, &["a", "a"], twice);
        let bad = "tools.0: the name \"a.b\" is not allowed, or was there before";
        check(dialect, &["a.b"], bad);
    }
    check(Dialect::Anthropic, &[&long], "");
    let wanted = format!("tools.0: the name \"{long}\" is not allowed, or was there before");
    check(Dialect::Chat, &[&long], &wanted);
}
