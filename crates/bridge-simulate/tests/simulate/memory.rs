//! What is the same each time, what is remembered, and who is let in.

use std::io::Write;
use std::time::Duration;

use bridge_simulate::{Ends, IdSource, SimulateConfig};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Request;
use http_body_util::Full;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{CHAT, MESSAGES, RESPONSES, ask, post, prompt, send, simulator};

const ALL: [&str; 3] = [MESSAGES, CHAT, RESPONSES];

#[tokio::test]
async fn the_same_request_gets_the_same_answer() {
    let one = simulator(SimulateConfig::default()).await;
    let other = simulator(SimulateConfig::default()).await;
    let seeded = simulator(SimulateConfig {
        seed: 1,
        ..SimulateConfig::default()
    })
    .await;
    for path in ALL {
        for is_stream in [true, false] {
            let body = prompt(path, "simulate:think", is_stream);
            let first = ask(&one, path, &body).await.body;
            assert_eq!(first, ask(&one, path, &body).await.body);
            assert_eq!(first, ask(&other, path, &body).await.body);
            assert_ne!(first, ask(&seeded, path, &body).await.body);
        }
    }
}

#[tokio::test]
async fn counted_answers_share_no_id() {
    let config = SimulateConfig {
        ids: IdSource::Counter,
        ..SimulateConfig::default()
    };
    let (one, other) = (simulator(config.clone()).await, simulator(config).await);
    let body = prompt(MESSAGES, "hello", false);
    let first = ask(&one, MESSAGES, &body).await.json();
    let second = ask(&one, MESSAGES, &body).await.json();
    assert_ne!(first["id"], second["id"]);
    assert_eq!(first["content"], second["content"]);
    assert_eq!(first, ask(&other, MESSAGES, &body).await.json());
}

#[tokio::test]
async fn requests_and_ends_are_remembered() {
    let simulator = simulator(SimulateConfig {
        keep_seen: 2,
        ..SimulateConfig::default()
    })
    .await;
    let mut request = post(
        "/v1/messages?beta=true",
        prompt(MESSAGES, "hi", true).to_string(),
    );
    request
        .headers_mut()
        .insert("x-api-key", "operator-key".parse().unwrap());
    let _first = send(simulator.address(), request).await.unwrap();
    let seen = simulator.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].target, "/v1/messages?beta=true");
    assert_eq!(seen[0].headers["x-api-key"], "operator-key");
    assert!(!format!("{seen:?}").contains("operator-key"));
    let id = seen[0].response_id.clone().unwrap();
    assert!(id.starts_with("msg_"));
    assert_eq!(
        simulator.ends_of(&id),
        Ends {
            finished: 1,
            broken_off: 0
        }
    );
    for _ in 0..3 {
        // SHA-256 of "abc", from FIPS 180-2.
        let _refused = send(simulator.address(), post(CHAT, "abc")).await.unwrap();
    }
    let seen = simulator.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        seen[1].body_sha256,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(
        (seen[1].body_bytes, seen[1].response_id.as_deref()),
        (3, None)
    );
    assert_eq!(simulator.requests(), 4);
}

#[tokio::test]
async fn a_caller_who_leaves_is_counted() {
    let simulator = simulator(SimulateConfig::default()).await;
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    let body = prompt(CHAT, "simulate:events=1000 simulate:pace=1000", true).to_string();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    assert!(stream.read(&mut [0; 99]).await.unwrap() > 0);
    drop(stream);
    let broken_off = async {
        while simulator.ends().broken_off == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), broken_off).await.unwrap();
}

#[tokio::test]
async fn only_the_expected_key_is_let_in() {
    let simulator = simulator(SimulateConfig {
        expected_key: Some("operator-key".to_owned()),
        ..SimulateConfig::default()
    })
    .await;
    let check = async |path: &str, header: &'static str, value: &str, status: u16| {
        let mut request = post(path, prompt(path, "hello", false).to_string());
        request.headers_mut().insert(header, value.parse().unwrap());
        let answer = send(simulator.address(), request).await.unwrap();
        assert_eq!(answer.status, status, "{path} {header}: {value}");
        answer
    };
    for path in ALL {
        check(path, "authorization", "Bearer operator-key", 200).await;
        check(path, "authorization", "Bearer other", 401).await;
        check(path, "authorization", "operator-key", 401).await;
        check(path, "accept", "*/*", 401).await;
    }
    check(MESSAGES, "x-api-key", "operator-key", 200).await;
    let refused = check(MESSAGES, "x-api-key", "other", 401).await.json();
    assert_eq!(refused["error"]["type"], "authentication_error");
    let refused = check(CHAT, "x-api-key", "operator-key", 401).await.json();
    assert_eq!(refused["error"]["code"], "invalid_api_key");
}

#[tokio::test]
async fn compressed_requests_are_read() {
    let simulator = simulator(SimulateConfig::default()).await;
    let plain = prompt(CHAT, "hello there", false).to_string();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(plain.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    for (encoding, body, status) in [
        ("gzip", gzip.clone(), 200),
        ("zstd", gzip, 400),
        ("br", plain.into_bytes(), 415),
    ] {
        let mut request = post(CHAT, body);
        request
            .headers_mut()
            .insert("content-encoding", encoding.parse().unwrap());
        let answer = send(simulator.address(), request).await.unwrap();
        assert_eq!(answer.status, status, "{encoding}");
        assert_eq!(answer.json().get("error").is_some(), status != 200);
    }
}

#[tokio::test]
async fn other_routes_answer() {
    let simulator = simulator(SimulateConfig::default()).await;
    let get = async |path: &str, version: bool| {
        let mut request = Request::get(path).header("host", "x");
        if version {
            request = request.header("anthropic-version", "2023-06-01");
        }
        let request = request.body(Full::<Bytes>::default()).unwrap();
        send(simulator.address(), request).await.unwrap()
    };
    assert_eq!(get("/v1/models", true).await.json()["has_more"], false);
    assert_eq!(get("/v1/models", false).await.json()["object"], "list");
    assert_eq!(get("/models", false).await.json()["object"], "list");
    assert_eq!(get("/api/hello", false).await.status, 200);
    let unknown = get("/v1/nothing", true).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["error"]["type"], "not_found_error");
    assert_eq!(get(CHAT, false).await.status, 405);
    let upgrade = Request::get(RESPONSES)
        .header("host", "x")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .body(Full::<Bytes>::default())
        .unwrap();
    assert_eq!(
        send(simulator.address(), upgrade).await.unwrap().status,
        426
    );
    let body = prompt(MESSAGES, "hello", false);
    let count = ask(&simulator, "/v1/messages/count_tokens", &body)
        .await
        .json();
    assert!(count["input_tokens"].as_u64().unwrap() > 10);
    let body = prompt(RESPONSES, "hello", false);
    let compacted = ask(&simulator, "/v1/responses/compact", &body).await.json();
    assert_eq!(compacted["output"][0]["type"], "compaction");
}

#[tokio::test]
async fn bad_bodies_are_refused_in_the_providers_words() {
    let simulator = simulator(SimulateConfig {
        body_bytes: 1000,
        ..SimulateConfig::default()
    })
    .await;
    let deep = "[".repeat(900);
    let large = "x".repeat(1001);
    for (path, body, status) in [
        (MESSAGES, "", 400),
        (MESSAGES, "{", 400),
        (MESSAGES, r#"{"model": "m", "messages": []}"#, 400),
        (CHAT, r#"{"model": "m"}"#, 400),
        (RESPONSES, deep.as_str(), 400),
        (CHAT, large.as_str(), 413),
    ] {
        let answer = send(simulator.address(), post(path, body.to_owned()))
            .await
            .unwrap();
        assert_eq!(answer.status, status, "{path} {body:.40}");
        assert!(answer.json()["error"]["message"].is_string());
    }
}

#[tokio::test(start_paused = true)]
async fn shutting_down_lets_answers_finish_and_then_cuts() {
    let config = SimulateConfig::default();
    let patient = simulator(config.clone()).await;
    let address = patient.address();
    let order = prompt(CHAT, "simulate:delay=5000", false).to_string();
    let answer = tokio::join!(send(address, post(CHAT, order)), async {
        while patient.requests() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(patient.shutdown(Duration::from_secs(60)).await, 0);
    });
    assert_eq!(answer.0.unwrap().status, 200);
    let hasty = simulator(config).await;
    let address = hasty.address();
    let order = prompt(CHAT, "simulate:hang", false).to_string();
    let answer = tokio::join!(send(address, post(CHAT, order)), async {
        while hasty.requests() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hasty.shutdown(Duration::from_secs(60)).await, 1);
    });
    assert!(answer.0.is_err());
    let gone: Result<TcpStream, _> = TcpStream::connect(address).await;
    assert!(gone.is_err());
}

#[tokio::test]
async fn a_taken_address_is_an_error() {
    let first = simulator(SimulateConfig::default()).await;
    let config = SimulateConfig {
        listen: first.address(),
        expected_key: Some("operator-key".to_owned()),
        ..SimulateConfig::default()
    };
    assert!(!format!("{config:?}").contains("operator-key"));
    let error = bridge_simulate::Simulator::bind(config, &bridge_telemetry::discard()).await;
    let text = error.unwrap_err().to_string();
    assert_eq!(text, format!("cannot listen on {}", first.address()));
}

#[tokio::test]
async fn an_answer_may_follow_a_schema() {
    let simulator = simulator(SimulateConfig::default()).await;
    let mut body = prompt(CHAT, "hello", false);
    body["response_format"] = serde_json::json!({"type": "json_schema", "json_schema": {"schema": {
        "type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"],
    }}});
    let answer = ask(&simulator, CHAT, &body).await.json();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    let said: Value = serde_json::from_str(text).unwrap();
    assert_eq!(said["title"], "simulated");
}

#[tokio::test]
async fn the_ledger_file_tells_of_requests_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let simulator = simulator(SimulateConfig {
        keep_seen: 0,
        ledger: Some(path.clone()),
        ..SimulateConfig::default()
    })
    .await;
    for dialect in ALL {
        let body = prompt(dialect, "of a secret plan", true);
        ask(&simulator, dialect, &body).await;
    }
    let broken = prompt(CHAT, "simulate:reset-mid", false);
    ask(&simulator, CHAT, &broken).await;
    let refused = prompt(MESSAGES, "simulate:error=429", false);
    ask(&simulator, MESSAGES, &refused).await;
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("secret plan"), "{text}");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |event: &'static str| lines.iter().filter(move |line| line["event"] == event);
    let dialects: Vec<_> = of("asked").map(|line| &line["dialect"]).collect();
    assert_eq!(
        dialects,
        ["messages", "chat", "responses", "chat", "messages"]
    );
    let hash = "23cb7def127c2d476474139114845867a3a8723cb6a5667a45dfac31966c75cb";
    let asked: Vec<_> = of("asked").collect();
    assert_eq!(asked[0]["prompt_sha256"], hash);
    assert!(asked[0]["input"].as_u64() > Some(0), "{text}");
    assert_eq!(asked[4]["status"], 429);
    let ended: Vec<_> = of("ended").collect();
    let finished: Vec<_> = ended.iter().map(|line| &line["finished"]).collect();
    assert_eq!(finished, [true, true, true, false]);
    for (asked, ended) in asked.iter().zip(ended) {
        assert_eq!(asked["response_id"], ended["response_id"]);
    }
}

#[tokio::test]
async fn a_ledger_file_that_cannot_be_opened_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let config = SimulateConfig {
        ledger: Some(folder.path().to_owned()),
        ..SimulateConfig::default()
    };
    let bound = bridge_simulate::Simulator::bind(config, &bridge_telemetry::discard()).await;
    let told = bound.unwrap_err().to_string();
    assert!(told.starts_with("cannot open the ledger file"), "{told}");
}
