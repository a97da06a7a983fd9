//! Providers that differ from the plain ones.

use bridge_simulate::{AwsSender, SimulateConfig, Simulator};
use bytes::{Buf, Bytes};
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use super::client::{Answer, post, prompt, send, simulator};

const MODEL: &str = "/model/global.anthropic.claude-sonnet-4-5-20250929-v1%3A0";

fn bedrock(order: &str) -> Value {
    json!({
        "anthropic_version": "bedrock-2023-05-31", "max_tokens": 100,
        "messages": [{"role": "user", "content": order}],
    })
}

async fn invoke(simulator: &Simulator, deed: &str, body: &Value) -> Answer {
    let request = post(&format!("{MODEL}/{deed}"), body.to_string());
    send(simulator.address(), request).await.unwrap()
}

type Headers = Vec<(String, String)>;

/// A frame: headers and payload. Both checksums are looked at.
fn frame(bytes: &mut Bytes) -> Result<(Headers, Bytes), &'static str> {
    let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
    let mut whole = bytes.split_to(length);
    let is_right = crc32fast::hash(&whole[..length - 4]).to_be_bytes() == whole[length - 4..];
    let prelude_is_right = crc32fast::hash(&whole[..8]).to_be_bytes() == whole[8..12];
    if !is_right || !prelude_is_right {
        return Err("checksum");
    }
    whole.advance(4);
    let header_bytes = whole.get_u32() as usize;
    whole.advance(4);
    let mut rest = whole.split_to(header_bytes);
    whole.truncate(whole.len() - 4);
    let mut headers = Vec::new();
    while rest.has_remaining() {
        let length = usize::from(rest.get_u8());
        let name = rest.split_to(length);
        assert_eq!(rest.get_u8(), 7, "a text");
        let length = usize::from(rest.get_u16());
        let value = rest.split_to(length);
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        headers.push((text(name), text(value)));
    }
    Ok((headers, whole))
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> &'h str {
    let mut headers = headers.iter();
    headers
        .find(|(got, _)| got == name)
        .map_or("", |(_, value)| value)
}

/// The event in a frame.
fn event(payload: &Bytes) -> Value {
    let payload: Value = serde_json::from_slice(payload).unwrap();
    let text = payload["bytes"].as_str().unwrap();
    let bytes = data_encoding::BASE64.decode(text.as_bytes()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn bedrock_streams_in_frames_and_answers_whole() {
    let simulator = simulator(SimulateConfig::default()).await;
    let answer = invoke(&simulator, "invoke-with-response-stream", &bedrock("hello")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.headers["content-type"],
        "application/vnd.amazon.eventstream"
    );
    assert_eq!(answer.headers["x-amzn-requestid"].len(), 36);
    let mut bytes = answer.body;
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let (headers, payload) = frame(&mut bytes).unwrap();
        assert_eq!(header(&headers, ":message-type"), "event");
        assert_eq!(header(&headers, ":event-type"), "chunk");
        events.push(event(&payload));
    }
    let first = &events[0]["message"];
    assert!(first["id"].as_str().unwrap().starts_with("msg_bdrk_01"));
    assert_eq!(first["model"], "claude-sonnet-4-5-20250929");
    let last = events.last().unwrap();
    let metrics = &last["amazon-bedrock-invocationMetrics"];
    assert_eq!(last["type"], "message_stop");
    assert_eq!(metrics["inputTokenCount"], first["usage"]["input_tokens"]);

    let whole = invoke(&simulator, "invoke", &bedrock("hello")).await;
    assert_eq!(whole.status, 200);
    let text: String = events
        .iter()
        .filter_map(|event| event["delta"]["text"].as_str())
        .collect();
    assert_eq!(whole.json()["content"][0]["text"], text.as_str());
    let output = whole.json()["usage"]["output_tokens"].to_string();
    assert_eq!(
        whole.headers["x-amzn-bedrock-output-token-count"],
        output.as_str()
    );
}

#[tokio::test]
async fn bedrock_refuses_what_it_does_not_know() {
    let simulator = simulator(SimulateConfig::default()).await;
    let check = async |change: &str, value: Value, problem: &str| {
        let mut body = bedrock("hello");
        body[change] = value;
        let answer = invoke(&simulator, "invoke", &body).await;
        match problem {
            "" => assert_eq!(answer.status, 200, "{change}"),
            problem => {
                assert_eq!(answer.status, 400, "{change}");
                assert_eq!(answer.json()["message"], problem);
                assert_eq!(answer.headers["x-amzn-errortype"], "ValidationException");
            }
        }
    };
    for extra in ["model", "stream", "metadata", "service_tier"] {
        let problem = format!("{extra}: Extra inputs are not permitted");
        check(extra, json!(null), &problem).await;
    }
    let output_config = json!({"effort": "low"});
    let problem = "output_config: Extra inputs are not permitted";
    check("output_config", output_config, problem).await;
    check(
        "thinking",
        json!({"type": "adaptive"}),
        "thinking.type: Input has the wrong type",
    )
    .await;
    check(
        "thinking",
        json!({"type": "enabled", "budget_tokens": 1024}),
        "",
    )
    .await;
    check(
        "anthropic_beta",
        json!(["interleaved-thinking-2025-05-14"]),
        "",
    )
    .await;
    check(
        "anthropic_version",
        json!("2023-06-01"),
        "anthropic_version: Input has the wrong type",
    )
    .await;
}

#[tokio::test]
async fn bedrock_fails_in_its_own_ways() {
    let simulator = simulator(SimulateConfig::default()).await;
    let answer = invoke(&simulator, "invoke", &bedrock("simulate:error=429")).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.headers["x-amzn-errortype"], "ThrottlingException");
    assert!(answer.json()["message"].is_string());

    let failed = bedrock("simulate:stream-error");
    let mut bytes = invoke(&simulator, "invoke-with-response-stream", &failed)
        .await
        .body;
    let mut last = Vec::new();
    while !bytes.is_empty() {
        last = frame(&mut bytes).unwrap().0;
    }
    assert_eq!(header(&last, ":message-type"), "exception");
    assert_eq!(header(&last, ":exception-type"), "throttlingException");

    let spoiled = bedrock("simulate:bad-checksum");
    let mut bytes = invoke(&simulator, "invoke-with-response-stream", &spoiled)
        .await
        .body;
    let ends: Vec<bool> =
        std::iter::from_fn(|| (!bytes.is_empty()).then(|| frame(&mut bytes).is_ok())).collect();
    let (last, before) = ends.split_last().unwrap();
    assert!(!last && before.len() > 2 && before.iter().all(|is_right| *is_right));
    let answer = invoke(&simulator, "invoke", &spoiled).await;
    assert_eq!(answer.status, 400, "nothing is in frames here");
}

#[tokio::test]
async fn signatures_are_looked_at_where_aws_is_spoken() {
    let sender = AwsSender {
        access_key_id: "a-sender".to_owned(),
        secret_access_key: "known-to-both".to_owned(),
        session_token: None,
    };
    assert!(!format!("{sender:?}").contains("known-to-both"));
    let config = SimulateConfig {
        aws_sender: Some(sender),
        ..SimulateConfig::default()
    };
    let simulator = simulator(config).await;
    let answer = invoke(&simulator, "invoke", &bedrock("hello")).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["message"], "Missing Authentication Token");
    let messages = prompt("/v1/messages", "hello", false).to_string();
    let mantle = post("/anthropic/v1/messages", messages.clone());
    let answer = send(simulator.address(), mantle).await.unwrap();
    assert_eq!(answer.status, 403);
    let plain = send(simulator.address(), post("/v1/messages", messages)).await;
    assert_eq!(plain.unwrap().status, 200);
}

fn copilot(path: &str, body: &Value) -> Request<Full<Bytes>> {
    let mut request = post(path, body.to_string());
    let headers = request.headers_mut();
    headers.insert("authorization", "Bearer somebody".parse().unwrap());
    headers.insert("editor-version", "tests/1".parse().unwrap());
    request
}

#[tokio::test]
async fn copilot_wants_a_token_and_an_editor() {
    let simulator = simulator(SimulateConfig::default()).await;
    let body = prompt("/v1/chat/completions", "hello", false);
    let check = async |without: &str, status: StatusCode, text: &str| {
        let mut request = copilot("/copilot/chat/completions", &body);
        request.headers_mut().remove(without);
        let answer = send(simulator.address(), request).await.unwrap();
        assert_eq!(answer.status, status, "{without}");
        assert!(answer.body.starts_with(text.as_bytes()), "{without}");
    };
    check("authorization", StatusCode::UNAUTHORIZED, "unauthorized: ").await;
    check(
        "editor-version",
        StatusCode::BAD_REQUEST,
        "bad request: missing",
    )
    .await;
    check("cookie", StatusCode::OK, "{").await;
}

#[tokio::test]
async fn copilot_counts_for_models_of_others_where_the_answer_ends() {
    let simulator = simulator(SimulateConfig::default()).await;
    let mut body = prompt("/v1/chat/completions", "hello", true);
    body["stream_options"] = json!({"include_usage": true});
    let check = async |model: &str, id: &str, chunks_behind_finish: usize| {
        let mut body = body.clone();
        body["model"] = json!(model);
        let request = copilot("/copilot/chat/completions", &body);
        let events = send(simulator.address(), request).await.unwrap().events();
        let finish = events
            .iter()
            .position(|(_, data)| data["choices"][0]["finish_reason"] == "stop");
        let (_, finish) = (events.len() - finish.unwrap() - 2 == chunks_behind_finish)
            .then(|| &events[finish.unwrap()])
            .expect(model);
        assert!(finish["id"].as_str().unwrap().starts_with(id), "{model}");
        assert_eq!(
            finish["usage"].is_object(),
            chunks_behind_finish == 0,
            "{model}"
        );
    };
    check("claude-sonnet-5.5", "msg_vrtx_", 0).await;
    check("gpt-5.5", "chatcmpl-", 1).await;
}

#[tokio::test]
async fn compatible_providers_have_their_habits() {
    let simulator = simulator(SimulateConfig::default()).await;
    let chat = prompt("/v1/chat/completions", "hello", true);
    let ask = async |path: &str, body: &Value| {
        let request = post(path, body.to_string());
        send(simulator.address(), request).await.unwrap()
    };
    let azure = ask("/openai/v1/chat/completions?api-version=preview", &chat).await;
    let (_, first) = &azure.events()[0];
    assert!(first["prompt_filter_results"].is_array());
    assert_eq!(azure.headers["x-ms-region"], "Simulated");
    let mut nameless = chat.clone();
    nameless.as_object_mut().unwrap().remove("model");
    let path = "/openai/deployments/gpt-4.1/chat/completions";
    assert_eq!(ask(path, &nameless).await.status, 404);
    let deployed = ask(&format!("{path}?api-version=2024-10-21"), &nameless).await;
    assert_eq!(deployed.events()[1].1["model"], "gpt-4.1");
    let router = ask("/api/v1/chat/completions", &chat).await;
    assert!(router.body.starts_with(b": OPENROUTER PROCESSING\n\n"));
    let refused = prompt("/v1/chat/completions", "simulate:error=429", false);
    let check = async |path: &str, pointer: &str, value: Value| {
        let answer = ask(path, &refused).await;
        assert_eq!(answer.status, 429, "{path}");
        assert_eq!(answer.json().pointer(pointer), Some(&value), "{path}");
    };
    check("/openai/v1/chat/completions", "/error/code", json!("429")).await;
    check(
        "/v1beta/openai/chat/completions",
        "/0/error/status",
        json!("RESOURCE_EXHAUSTED"),
    )
    .await;
    check("/api/v1/chat/completions", "/error/code", json!(429)).await;
}
