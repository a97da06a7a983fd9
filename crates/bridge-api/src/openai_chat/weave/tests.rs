use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::{Value as Json, json};

use super::*;
use crate::{DialectId, EnvelopeLimits, Offer, ToolContent, ToolSpec, Weave, WeaveLimits, offer};

const REQUEST: &str = r#"{"model":"m", "messages":[{"role":"user","content":"hi"}],"stream":true}"#;

/// A turn as the engine would have it, with a tool that answers with its input.
struct Turn {
    request: Envelope,
    weave: Weave,
    /// What the client was told.
    told: Vec<u8>,
    ends: Vec<String>,
}

impl Turn {
    fn new(config: WeaveConfig) -> Self {
        let body = Bytes::from_static(REQUEST.as_bytes());
        let mut request = Envelope::parse(body, &EnvelopeLimits::default()).unwrap();
        let spec = |name: &str| ToolSpec::new(name, "", "{}").unwrap();
        let toolbox = Toolbox::new(vec![spec("bmcp_a"), spec("bmcp_b")]);
        let dialect = DialectId::OpenAiChat;
        let Offer::Made(offered) = offer(dialect, &mut request, &toolbox) else {
            panic!("the request wants tools");
        };
        Self {
            weave: Weave::new(dialect, &request, offered, config),
            request,
            told: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// One round of a stream. Says whether another one follows.
    fn streamed(&mut self, chunks: &[&str]) -> bool {
        for chunk in chunks {
            let raw = format!("data: {chunk}\n\n");
            let event = self
                .weave
                .event("", chunk.as_bytes(), raw.as_bytes(), &mut self.told);
            event.unwrap();
        }
        self.end_round()
    }

    fn end_round(&mut self) -> bool {
        let end = self.weave.end_round();
        self.ends.push(match &end {
            RoundEnd::Over => "over".to_owned(),
            RoundEnd::Calls(calls) => format!("calls{}", Self::summary(calls)),
            RoundEnd::Mixed(calls) => format!("mixed{}", Self::summary(calls)),
        });
        match end {
            RoundEnd::Over => false,
            RoundEnd::Mixed(calls) => {
                self.weave.keep(Self::results(&calls));
                false
            }
            RoundEnd::Calls(calls) => {
                let results = Self::results(&calls);
                self.weave.go_on(&mut self.request, results).unwrap();
                true
            }
        }
    }

    fn summary(calls: &[InjectedCall]) -> String {
        calls.iter().fold(String::new(), |mut all, call| {
            let input = call.input.as_deref().unwrap_or("bad");
            write!(all, " {} {} {input}", call.call_id, call.name).unwrap();
            all
        })
    }

    fn results(calls: &[InjectedCall]) -> Vec<ToolResult> {
        let result = |call: &InjectedCall| match &call.input {
            Ok(input) => ToolResult {
                call_id: call.call_id.clone(),
                content: vec![ToolContent::Text(input.clone())],
                is_error: false,
            },
            Err(cause) => ToolResult::error(&*call.call_id, cause.to_string()),
        };
        calls.iter().rev().map(result).collect()
    }

    fn told(&mut self) -> Vec<String> {
        self.weave.finish(&mut self.told);
        let told = String::from_utf8(std::mem::take(&mut self.told)).unwrap();
        let events = told.split_terminator("\n\n");
        let data = events.map(|event| event.strip_prefix("data: ").unwrap().to_owned());
        data.collect()
    }

    fn messages(&self) -> Json {
        let request: Json = serde_json::from_slice(&self.request.to_bytes()).unwrap();
        request["messages"].clone()
    }
}

fn turn() -> Turn {
    Turn::new(WeaveConfig::default())
}

/// A whole turn of streams: the ends of its rounds, and what the client is told.
#[track_caller]
fn check(rounds: &[&[&str]], ends: &[&str], told: &[&str]) -> Turn {
    let mut turn = turn();
    for (place, round) in rounds.iter().enumerate() {
        let goes_on = turn.streamed(round);
        assert_eq!(goes_on, place + 1 < rounds.len(), "{:?}", turn.ends);
    }
    assert_eq!(turn.ends, ends);
    assert_eq!(turn.told(), told);
    turn
}

/// A chunk with this delta.
fn delta(id: &str, delta: &str) -> String {
    format!(
        r#"{{"id":"{id}","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}],"usage":null,"obfuscation":"x"}}"#
    )
}

fn end(id: &str, reason: &str) -> String {
    format!(
        r#"{{"id":"{id}","choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}],"usage":null}}"#
    )
}

fn usage(id: &str, prompt: u64, completion: u64) -> String {
    format!(
        r#"{{"id":"{id}","choices":[],"usage":{{"prompt_tokens":{prompt},"completion_tokens":{completion},"details":{{"cached":{prompt}}}}}}}"#
    )
}

fn call(index: u64, id: &str, name: &str, arguments: &str) -> String {
    let arguments = json!(arguments);
    format!(
        r#"{{"index":{index},"id":"{id}","type":"function","function":{{"name":"{name}","arguments":{arguments}}}}}"#
    )
}

fn calls(pieces: &[String]) -> String {
    format!(r#"{{"tool_calls":[{}]}}"#, pieces.join(","))
}

const DONE: &str = "[DONE]";

#[test]
fn a_round_without_injected_calls_keeps_its_bytes() {
    let odd = r#"{ "id" : "c-1" ,"choices":[ {"delta":{"content":"x","tool_calls":[{"index":4,"function":{"name":"own"}}]}} ],"x":1.0}"#;
    let chunks: [&[&str]; 3] = [
        &[
            &delta("c-1", r#"{"role":"assistant","content":"","refusal":null}"#),
            &delta("c-1", r#"{"reasoning_content":"so","content":null}"#),
            odd,
            &delta("c-1", "{}"),
            &end("c-1", "tool_calls"),
            &usage("c-1", 1, 2),
            DONE,
        ],
        &["nonsense", "{\"a\":", "[]", "{}", r#"{"choices":[]}"#],
        &[
            &delta("c-1", r#"{"content":"x"}"#),
            r#"{"error":{"message":"no"}}"#,
        ],
    ];
    for chunks in chunks {
        check(&[chunks], &["over"], chunks);
    }
}

#[test]
fn rounds_become_one_answer() {
    let turn = check(
        &[
            &[
                &delta("c-1", r#"{"role":"assistant","content":"","refusal":null}"#),
                &delta("c-1", r#"{"content":"I look. "}"#),
                &delta("c-1", &calls(&[call(0, "a-1", "bmcp_a", "")])),
                &delta(
                    "c-1",
                    r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"n\":"}}]}"#,
                ),
                &delta(
                    "c-1",
                    r#"{"tool_calls":[{"index":0,"function":{"arguments":" 1.0}"}}]}"#,
                ),
                &end("c-1", "tool_calls"),
                &usage("c-1", 10, 20),
                DONE,
            ],
            &[
                &delta("c-2", r#"{"role":"assistant","content":"","refusal":null}"#),
                &delta("c-2", r#"{"content":"Done."}"#),
                &end("c-2", "stop"),
                &usage("c-2", 30, 40),
                DONE,
            ],
        ],
        &[r#"calls a-1 bmcp_a {"n": 1.0}"#, "over"],
        &[
            &delta("c-1", r#"{"role":"assistant","content":"","refusal":null}"#),
            &delta("c-1", r#"{"content":"I look. "}"#),
            &delta("c-1", r#"{"content":"Done."}"#),
            &end("c-1", "stop"),
            &usage("c-1", 40, 60),
            DONE,
        ],
    );
    let arguments = r#"{"n": 1.0}"#;
    assert_eq!(
        turn.messages(),
        json!([
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "I look. ", "tool_calls": [{"id": "a-1",
                "type": "function", "function": {"name": "bmcp_a", "arguments": arguments}}]},
            {"role": "tool", "tool_call_id": "a-1", "content": arguments},
        ])
    );
}

#[test]
fn calls_that_are_not_injected_go_on_counting() {
    let piece = |index: u64, text: &str| {
        format!(r#"{{"index":{index},"function":{{"arguments":"{text}"}}}}"#)
    };
    check(
        &[
            &[
                &delta(
                    "c-1",
                    &calls(&[
                        call(0, "a-1", "bmcp_a", "{}"),
                        call(1, "a-2", "bmcp_a", "{}"),
                    ]),
                ),
                &end("c-1", "tool_calls"),
                DONE,
            ],
            &[
                // One chunk for both kinds, in pieces that take turns.
                &delta(
                    "c-2",
                    &calls(&[call(1, "o-1", "own", ""), call(2, "a-3", "bmcp_b", "")]),
                ),
                &delta(
                    "c-2",
                    &calls(&[piece(2, "{"), piece(1, "x"), piece(2, "}"), piece(1, "y")]),
                ),
                &delta("c-2", &calls(&[call(5, "o-2", "own", "z")])),
                &end("c-2", "tool_calls"),
                DONE,
            ],
        ],
        &["calls a-1 bmcp_a {} a-2 bmcp_a {}", "mixed a-3 bmcp_b {}"],
        &[
            &delta("c-1", &calls(&[call(0, "o-1", "own", "")])),
            &delta("c-1", &calls(&[piece(0, "x"), piece(0, "y")])),
            &delta("c-1", &calls(&[call(1, "o-2", "own", "z")])),
            &end("c-1", "tool_calls"),
            DONE,
        ],
    );
    // Nothing changes before the first injected call of a turn, and places close up behind it.
    check(
        &[&[
            &delta("c", &calls(&[call(1, "o-1", "own", "1")])),
            &delta("c", &calls(&[call(2, "a-1", "bmcp_a", "")])),
            &delta("c", &calls(&[call(3, "o-2", "own", "2")])),
            &delta("c", &calls(&[piece(1, "3")])),
            &end("c", "stop"),
            &usage("c", 1, 2),
            DONE,
        ]],
        &["mixed a-1 bmcp_a {}"],
        &[
            &delta("c", &calls(&[call(1, "o-1", "own", "1")])),
            &delta("c", &calls(&[call(2, "o-2", "own", "2")])),
            &delta("c", &calls(&[piece(1, "3")])),
            &end("c", "stop"),
            &usage("c", 1, 2),
            DONE,
        ],
    );
}

#[test]
fn calls_of_an_answer_that_was_cut_short_are_not_made() {
    let whole = delta("c", &calls(&[call(0, "a-1", "bmcp_a", "{}")]));
    for reason in round::BAD_REASONS {
        let end = end("c", reason);
        check(&[&[&whole, &end, DONE]], &["over"], &[&end, DONE]);
    }
    for reason in ["MAX_TOKENS", "content_filter: RECITATION", "abort"] {
        let end = end("c", reason);
        check(&[&[&whole, &end, DONE]], &["over"], &[&end, DONE]);
    }
    check(&[&[&whole]], &["over"], &[]);
    let error = r#"{"error":{"message":"m"}}"#;
    check(&[&[&whole, &end("c", "stop"), error]], &["over"], &[error]);
    check(&[&[&whole, error, DONE]], &["over"], &[error, DONE]);
    // What comes behind the end cannot be answered any more.
    let over = end("c", "stop");
    check(&[&[&over, DONE, &whole]], &["over"], &[&over, DONE]);
}

#[test]
fn arguments_that_are_none_are_told_to_the_model() {
    let bad = call(0, "a-1", "bmcp_a", "{\"n\":");
    let list = call(1, "", "bmcp_a", "[1]");
    let chunk = delta("c-1", &calls(&[bad, list]));
    let chunks = [&*chunk, &end("c-1", "stop")];
    let mut turn = turn();
    assert!(turn.streamed(&chunks));
    assert_eq!(turn.ends, ["calls a-1 bmcp_a bad call_0_1 bmcp_a bad"]);
    let messages = turn.messages();
    let calls = &messages[1]["tool_calls"];
    assert_eq!(calls[0]["function"]["arguments"], "{}");
    assert_eq!(calls[1]["id"], "call_0_1");
    assert_eq!(messages[1]["content"], Json::Null);
    let text = messages[2]["content"].as_str().unwrap();
    assert!(text.starts_with("Error: "), "{text}");
    assert_eq!(messages[3]["tool_call_id"], "call_0_1");
}

#[test]
fn everything_that_the_provider_said_is_said_to_it_again() {
    let mut turn = turn();
    assert!(turn.streamed(&[
        r#"{"choices":[{"delta":{"role":"assistant","reasoning_content":"a","details":[{"x":1.0}]}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_content":"b\ud83d","details":[{"y":2}],"n":12345678901234567890}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_content":"\ude00","content":"","tool_calls":[{"id":"a-1","extra_content":{"sign":"s"},"function":{"name":"bmcp_a","arguments":"{\"n\":1e400}"}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
    ]));
    let body = turn.request.to_bytes();
    let body = std::str::from_utf8(&body).unwrap();
    let assistant = r#"{"role":"assistant","content":null,"reasoning_content":"ab\ud83d\ude00","details":[{"x":1.0},{"y":2}],"n":12345678901234567890,"tool_calls":[{"id":"a-1","extra_content":{"sign":"s"},"function":{"name":"bmcp_a","arguments":"{\"n\":1e400}"},"type":"function"}]}"#;
    assert!(body.contains(assistant), "{body}");
}

#[test]
fn the_client_may_be_told_of_the_last_round_alone() {
    let config = WeaveConfig {
        usage: UsageTold::Last,
        ..WeaveConfig::default()
    };
    let mut turn = Turn::new(config);
    let chunk = delta("c", &calls(&[call(0, "a-1", "bmcp_a", "")]));
    assert!(turn.streamed(&[&chunk, &end("c", "stop"), &usage("c", 1, 2)]));
    assert!(!turn.streamed(&[&end("c", "stop"), &usage("c", 3, 4)]));
    assert_eq!(turn.told(), [end("c", "stop"), usage("c", 3, 4)]);
}

#[test]
fn a_turn_beyond_its_limits_fails() {
    let limits = WeaveLimits {
        bytes: 200,
        items: 50,
    };
    let mut turn = Turn::new(WeaveConfig {
        limits,
        ..WeaveConfig::default()
    });
    let chunk = delta("c", r#"{"content":"0123456789"}"#);
    let mut events = (0..100).map(|_| {
        turn.weave
            .event("", chunk.as_bytes(), b"data: x\n\n", &mut turn.told)
    });
    // As long as nothing but relaying is asked for, that is what happens.
    assert_eq!(events.find_map(Result::err), None);
    assert_eq!(turn.told, b"data: x\n\n".repeat(100));
    let called = delta("c", &calls(&[call(0, "a-1", "bmcp_a", "")]));
    let event = turn
        .weave
        .event("", called.as_bytes(), b"data: x\n\n", &mut turn.told);
    assert_eq!(event, Err(WeaveError::TooLarge { limit: 200 }));
    assert!(turn.weave.hidden_turn().is_none());
}

mod hostile;
mod odd;
mod thoughts;
mod whole;
