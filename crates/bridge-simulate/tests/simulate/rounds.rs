//! Turns of several rounds, played by a client that answers what it is asked, in each dialect.

use bridge_simulate::{SimulateConfig, Simulator};
use serde_json::{Value, json};

use super::client::{CHAT, MESSAGES, RESPONSES, ask, prompt, simulator};

const ALL: [&str; 3] = [MESSAGES, CHAT, RESPONSES];

/// A request with this prompt that offers these tools.
fn request(path: &str, text: &str, names: &[&str]) -> Value {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    let tool = |name: &&str| match path {
        MESSAGES => json!({"name": name, "input_schema": schema}),
        CHAT => json!({"type": "function", "function": {"name": name, "parameters": schema}}),
        _ => json!({"type": "function", "name": name, "parameters": schema}),
    };
    let mut body = prompt(path, text, false);
    body["tools"] = names.iter().map(tool).collect();
    body
}

/// Names and ids of what an answer calls.
fn calls(path: &str, answer: &Value) -> Vec<(String, String)> {
    let (list, kind, name, id) = match path {
        MESSAGES => ("/content", "tool_use", "/name", "/id"),
        CHAT => (
            "/choices/0/message/tool_calls",
            "function",
            "/function/name",
            "/id",
        ),
        _ => ("/output", "function_call", "/name", "/call_id"),
    };
    let list = answer.pointer(list).and_then(Value::as_array);
    let called = list.into_iter().flatten().filter(|it| it["type"] == kind);
    let text = |it: &Value, at: &str| it.pointer(at).unwrap().as_str().unwrap().to_owned();
    called.map(|it| (text(it, name), text(it, id))).collect()
}

/// The next request: the answer and the results of its calls behind what there was.
fn go_on(path: &str, body: &Value, answer: &Value) -> Value {
    let mut body = body.clone();
    let ids = calls(path, answer).into_iter().map(|(_, id)| id);
    match path {
        MESSAGES => {
            let result = |id| json!({"type": "tool_result", "tool_use_id": id, "content": "r"});
            let results: Vec<_> = ids.map(result).collect();
            let messages = body["messages"].as_array_mut().unwrap();
            messages.push(json!({"role": "assistant", "content": answer["content"]}));
            messages.push(json!({"role": "user", "content": results}));
        }
        CHAT => {
            let messages = body["messages"].as_array_mut().unwrap();
            messages.push(answer["choices"][0]["message"].clone());
            let result = |id| json!({"role": "tool", "tool_call_id": id, "content": "r"});
            messages.extend(ids.map(result));
        }
        _ => {
            if body["input"].is_string() {
                body["input"] = json!([{"role": "user", "content": body["input"]}]);
            }
            let items = body["input"].as_array_mut().unwrap();
            items.extend(answer["output"].as_array().unwrap().iter().cloned());
            let result = |id| json!({"type": "function_call_output", "call_id": id, "output": "r"});
            items.extend(ids.map(result));
        }
    }
    body
}

/// The tools called in each round, until none is.
async fn play(simulator: &Simulator, path: &str, mut body: Value) -> Vec<Vec<String>> {
    let mut rounds = Vec::new();
    loop {
        let answer = ask(simulator, path, &body).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let answer = answer.json();
        let called = calls(path, &answer);
        if called.is_empty() {
            return rounds;
        }
        body = go_on(path, &body, &answer);
        rounds.push(called.into_iter().map(|(name, _)| name).collect());
    }
}

#[tokio::test]
async fn plans_are_played_round_by_round() {
    let simulator = simulator(SimulateConfig::default()).await;
    let names = ["bmcp_a_one", "bmcp_a_two", "Read"];
    let check = async |text: &str, wanted: &[&[&str]]| {
        for path in ALL {
            let body = request(path, text, &names);
            assert_eq!(play(&simulator, path, body).await, wanted, "{path} {text}");
        }
    };
    check("simulate:tool=bmcp_*", &[&["bmcp_a_one"]]).await;
    check(
        "simulate:think simulate:tools=bmcp_* simulate:tool=!bmcp_* simulate:then",
        &[&["bmcp_a_one", "bmcp_a_two", "Read"]],
    )
    .await;
    check(
        "simulate:tool=*_two simulate:tool=*_two simulate:then simulate:think simulate:tool=Read \
         simulate:events=3 simulate:then simulate:tool",
        &[&["bmcp_a_two", "bmcp_a_two"], &["Read"], &["bmcp_a_one"]],
    )
    .await;
    check(
        "simulate:tool=Read simulate:rounds=3",
        &[&["Read"], &["Read"], &["Read"]],
    )
    .await;
}

#[tokio::test]
async fn a_later_round_can_fail() {
    let simulator = simulator(SimulateConfig::default()).await;
    for path in ALL {
        let text = "simulate:tool=one simulate:then simulate:error=529";
        let body = request(path, text, &["one"]);
        let answer = ask(&simulator, path, &body).await.json();
        let next = go_on(path, &body, &answer);
        assert_eq!(ask(&simulator, path, &next).await.status, 529, "{path}");
    }
}

#[tokio::test]
async fn an_answer_can_end_for_lack_of_room_and_its_arguments_can_break() {
    let simulator = simulator(SimulateConfig::default()).await;
    let check = async |path: &str, text: &str, pointer: &str, wanted: &str| {
        let body = request(path, text, &["one"]);
        let answer = ask(&simulator, path, &body).await.json();
        assert_eq!(answer.pointer(pointer), Some(&json!(wanted)), "{answer}");
    };
    let short = "simulate:tool=one{\"a\":1} simulate:short";
    check(MESSAGES, short, "/stop_reason", "max_tokens").await;
    check(CHAT, short, "/choices/0/finish_reason", "length").await;
    check(
        RESPONSES,
        short,
        "/incomplete_details/reason",
        "max_output_tokens",
    )
    .await;
    check(RESPONSES, short, "/output/0/status", "incomplete").await;
    let broken = "simulate:tool=one{\"a\":1} simulate:broken-arguments";
    let pointer = "/choices/0/message/tool_calls/0/function/arguments";
    check(CHAT, broken, pointer, "{\"a").await;
    check(CHAT, broken, "/choices/0/finish_reason", "tool_calls").await;
    check(RESPONSES, broken, "/output/0/arguments", "{\"a").await;
}

#[tokio::test]
async fn what_a_provider_would_not_take_is_refused() {
    let strict = simulator(SimulateConfig::default()).await;
    let lax = simulator(SimulateConfig {
        is_strict: false,
        ..SimulateConfig::default()
    })
    .await;
    let spoilt: [(&str, &str, Value); 4] = [
        (
            MESSAGES,
            "/messages/1/content/0/thinking",
            json!("I never thought so."),
        ),
        (MESSAGES, "/messages/2/content", json!("no result")),
        (CHAT, "/messages/2/tool_call_id", json!("call_other")),
        (RESPONSES, "/input/3/call_id", json!("call_other")),
    ];
    for (path, pointer, value) in spoilt {
        let body = request(path, "simulate:think simulate:tool=one", &["one"]);
        let answer = ask(&strict, path, &body).await.json();
        let mut next = go_on(path, &body, &answer);
        assert_eq!(ask(&strict, path, &next).await.status, 200, "{path}");
        *next.pointer_mut(pointer).unwrap() = value;
        let refused = ask(&strict, path, &next).await;
        assert_eq!(refused.status, 400, "{path} {pointer}");
        assert_eq!(refused.json()["error"]["type"], "invalid_request_error");
        assert_eq!(ask(&lax, path, &next).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn responses_go_on_from_what_is_kept() {
    let simulator = simulator(SimulateConfig::default()).await;
    let text = "simulate:tool=one simulate:rounds=2";
    for by_conversation in [false, true] {
        let mut body = request(RESPONSES, text, &["one"]);
        let mut rounds = 0;
        if by_conversation {
            body["conversation"] = json!({"id": "conv_1"});
        }
        loop {
            let answer = ask(&simulator, RESPONSES, &body).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            let answer = answer.json();
            let called = calls(RESPONSES, &answer);
            let Some((_, id)) = called.first() else { break };
            rounds += 1;
            let output = json!({"type": "function_call_output", "call_id": id, "output": "r"});
            if !by_conversation {
                body["previous_response_id"] = answer["id"].clone();
            }
            body["input"] = json!([]);
            let unanswered = ask(&simulator, RESPONSES, &body).await;
            assert_eq!(unanswered.status, 400, "the call waits for its output");
            body["input"] = json!([output]);
        }
        assert_eq!(rounds, 2);
    }
    let mut unknown = request(RESPONSES, "hi", &[]);
    unknown["previous_response_id"] = json!("resp_unknown");
    let refused = ask(&simulator, RESPONSES, &unknown).await;
    assert_eq!(refused.status, 400);
    let mut unkept = request(RESPONSES, "hi", &[]);
    unkept["store"] = json!(false);
    let id = ask(&simulator, RESPONSES, &unkept).await.json()["id"].clone();
    unkept["previous_response_id"] = id;
    assert_eq!(ask(&simulator, RESPONSES, &unkept).await.status, 400);
}

#[tokio::test]
async fn bodies_are_kept_on_demand() {
    for keep_bodies in [false, true] {
        let simulator = simulator(SimulateConfig {
            keep_bodies,
            ..SimulateConfig::default()
        })
        .await;
        let body = prompt(CHAT, "hi", false);
        ask(&simulator, CHAT, &body).await;
        let seen = simulator.seen();
        let kept = seen[0].body.as_deref().map(<[u8]>::to_vec);
        assert_eq!(kept, keep_bodies.then(|| body.to_string().into_bytes()));
    }
}
