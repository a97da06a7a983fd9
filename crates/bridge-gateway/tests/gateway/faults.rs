//! Providers that fail, and callers that go away.

use std::time::Duration;

use bridge_record::{ErrorType, Event, Outcome};
use bridge_upstream::{ClientConfig, Timeouts};

use crate::support::{
    Reply, Script, Setup, Step, World, call, json, open, parse, read_reply, sse, take_ready, until,
};

const KEY: &str = "Authorization: Bearer alice-key";
const BODY: &[u8] =
    br#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hello"}]}"#;
const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n";
const DELTA: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n";

async fn ask(world: &World) -> Reply {
    call(
        world.address,
        &["POST /anthropic/v1/messages HTTP/1.1", KEY],
        BODY,
    )
    .await
}

fn raw(text: &str) -> Script {
    vec![Step::Send(text.as_bytes().to_vec()), Step::Close]
}

#[tokio::test]
async fn what_is_no_answer_becomes_a_failure_and_never_an_empty_200() {
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
    let empty = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n";
    let moved = "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n";
    let odd = "HTTP/1.1 200 OK\r\nContent-Encoding: lzma\r\nContent-Length: 1\r\n\r\nx";
    let rows: [(Script, u16, ErrorType); 8] = [
        (vec![Step::Reset], 502, ErrorType::Unknown),
        (vec![Step::Close], 502, ErrorType::Unknown),
        (raw("this is no HTTP\r\n\r\n"), 502, ErrorType::Unknown),
        (raw(html), 502, ErrorType::Unknown),
        (raw(empty), 502, ErrorType::Unknown),
        (raw(moved), 502, ErrorType::Unknown),
        (raw(odd), 502, ErrorType::Unknown),
        (vec![Step::Hang], 504, ErrorType::Timeout),
    ];
    for (row, (script, status, error_type)) in rows.into_iter().enumerate() {
        let mut setup = Setup::playing(vec![script]);
        setup.client = hasty();
        let world = World::with(setup).await;
        let reply = ask(&world).await;
        assert_eq!(reply.status, status, "row {row}: {}", reply.text());
        assert!(
            reply.text().contains(r#""type":"error""#),
            "row {row}: {}",
            reply.text()
        );
        let ended = world.ended(1).await.remove(0);
        assert_eq!(
            (ended.outcome, ended.error_type),
            (Outcome::Failed, Some(error_type)),
            "row {row}"
        );
        assert_eq!(
            world.provider.seen().len(),
            1,
            "row {row}: a request is not sent twice"
        );
    }
}

fn hasty() -> ClientConfig {
    let timeouts = Timeouts {
        connect: Duration::from_millis(300),
        head: Duration::from_millis(300),
        silence: Duration::from_millis(300),
        total: None,
    };
    ClientConfig {
        timeouts,
        ..ClientConfig::default()
    }
}

#[tokio::test]
async fn an_unreachable_provider_is_named_as_such() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let mut setup = Setup::playing(vec![]);
    setup.base_url = Some(format!("http://{address}"));
    let world = World::with(setup).await;
    let reply = ask(&world).await;
    assert_eq!(reply.status, 502, "{}", reply.text());
    assert!(
        !reply.text().contains("127.0.0.1"),
        "addresses are not for callers: {}",
        reply.text()
    );
    let ended = world.ended(1).await.remove(0);
    assert_eq!(
        (ended.outcome, ended.provider_status),
        (Outcome::Failed, None)
    );
}

#[tokio::test]
async fn refusals_of_the_provider_reach_the_caller_as_they_are() {
    for (status, error_type) in [
        ("400 Bad Request", ErrorType::BadRequest),
        ("403 Forbidden", ErrorType::Unauthorized),
        ("418 Teapot", ErrorType::BadRequest),
        ("429 Too Many Requests", ErrorType::RateLimited),
        ("529 Overloaded", ErrorType::Overloaded),
    ] {
        let body = r#"{"type":"error","error":{"type":"some_error","message":"too  much"},"request_id":"r"}"#;
        let world = World::playing(vec![json(status, body)]).await;
        let reply = ask(&world).await;
        assert!(
            status.starts_with(&reply.status.to_string()),
            "{status} {}",
            reply.status
        );
        assert_eq!(
            (reply.text().as_str(), reply.header("retry-after")),
            (body, Some("7"))
        );
        let ended = world.ended(1).await.remove(0);
        assert_eq!(ended.error_type, Some(error_type), "{status}");
        assert_eq!(ended.error_message.as_deref(), Some("too  much"));
        assert_eq!(ended.provider_status, Some(reply.status));
    }
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_an_error_event_and_keeps_what_was_seen() {
    for last in [Step::Reset, Step::Close, Step::Hang] {
        let mut script = sse(&[START, DELTA, "event: content_block_delta\ndata: {\"half"]);
        script.pop();
        script.push(last);
        let mut setup = Setup::playing(vec![script]);
        setup.client = hasty();
        let world = World::with(setup).await;
        let reply = ask(&world).await;
        let text = reply.text();
        assert!(text.starts_with(&format!("{START}{DELTA}")), "{text}");
        let added = &text[START.len() + DELTA.len()..];
        assert!(
            added.starts_with("event: error\ndata: {"),
            "no half event before it: {added}"
        );
        assert!(
            !text.contains("message_stop") && !text.contains("half"),
            "{text}"
        );
        assert_eq!((reply.status, reply.is_whole), (200, true));
        let ended = world.ended(1).await.remove(0);
        assert_eq!(ended.outcome, Outcome::Failed);
        let tokens = world.events().into_iter().find_map(|event| {
            if let Event::Tokens(tokens) = event {
                Some(*tokens)
            } else {
                None
            }
        });
        let tokens = tokens.unwrap();
        let marks = (tokens.partial, tokens.estimated);
        assert_eq!((tokens.input, tokens.output, marks), (5, 1, (true, true)));
    }
}

#[tokio::test]
async fn a_blocking_answer_that_breaks_is_cut_and_not_whole() {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\":";
    let world = World::playing(vec![vec![Step::Send(head.into()), Step::Reset]]).await;
    let reply = ask(&world).await;
    assert!(!reply.is_whole, "{}", reply.text());
    assert_eq!(world.ended(1).await[0].outcome, Outcome::Failed);
}

#[tokio::test]
async fn a_silent_provider_is_bridged_by_pings_between_events() {
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    let mut script = sse(&[START, "event: content_block_delta\nda"]);
    script.pop();
    script.push(Step::Wait(gate.clone()));
    let rest = &DELTA["event: content_block_delta\nda".len()..];
    script.push(Step::Send(
        format!("{:x}\r\n{rest}\r\n0\r\n\r\n", rest.len()).into_bytes(),
    ));
    let mut setup = Setup::playing(vec![script]);
    setup.intercept.ping_after = Duration::from_millis(20);
    let world = World::with(setup).await;
    let mut stream = open(
        world.address,
        &["POST /anthropic/v1/messages HTTP/1.1", KEY],
        BODY,
    )
    .await;
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("ping") {
        assert!(
            tokio::io::AsyncReadExt::read_buf(&mut stream, &mut heard)
                .await
                .unwrap()
                > 0
        );
    }
    gate.notify_one();
    while matches!(tokio::io::AsyncReadExt::read_buf(&mut stream, &mut heard).await, Ok(read) if read > 0)
    {
    }
    let text = String::from_utf8_lossy(&heard).into_owned();
    let without = |text: &str| {
        let at = text.find("event: ping").unwrap();
        assert!(
            text[..at]
                .trim_end_matches(|c: char| c.is_ascii_hexdigit() || c == '\r' || c == '\n')
                .ends_with('}'),
            "{text}"
        );
        text.contains("event: content_block_delta\nda\r\n")
    };
    assert!(!without(&text), "a ping stands between events only: {text}");
    assert!(text.contains(DELTA), "{text}");
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_exchange_and_is_recorded_as_gone() {
    let mut script = sse(&[START, DELTA]);
    script.pop();
    script.push(Step::Hang);
    let world = World::playing(vec![script]).await;
    let mut stream = open(
        world.address,
        &["POST /anthropic/v1/messages HTTP/1.1", KEY],
        BODY,
    )
    .await;
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("text_delta") {
        assert!(
            tokio::io::AsyncReadExt::read_buf(&mut stream, &mut heard)
                .await
                .unwrap()
                > 0
        );
    }
    drop(stream);
    let ended = world.ended(1).await.remove(0);
    assert_eq!(ended.outcome, Outcome::Aborted);
    until(|| world.provider.deserted() == 1).await;
    let prompts = world
        .events()
        .into_iter()
        .filter(|event| matches!(event, Event::Prompt(_)))
        .count();
    assert_eq!(prompts, 1);
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_answer_is_recorded_too() {
    let mut world = World::playing(vec![vec![Step::Hang]]).await;
    let stream = open(
        world.address,
        &["POST /anthropic/v1/messages HTTP/1.1", KEY],
        BODY,
    )
    .await;
    until(|| world.provider.seen().len() == 1).await;
    drop(stream);
    assert_eq!(world.ended(1).await[0].outcome, Outcome::Aborted);
    until(|| world.provider.deserted() == 1).await;
    let log = world.log();
    let told = log.matches("request given up before an answer").count();
    assert_eq!(
        (told, log.matches("request served").count()),
        (1, 0),
        "{log}"
    );
}

#[tokio::test]
async fn a_turn_that_is_cut_at_shutdown_says_so() {
    let mut script = sse(&[START, DELTA]);
    script.pop();
    script.push(Step::Hang);
    let mut setup = Setup::playing(vec![script]);
    setup.patience = Duration::ZERO;
    let world = World::with(setup).await;
    let mut stream = open(
        world.address,
        &["POST /anthropic/v1/messages HTTP/1.1", KEY],
        BODY,
    )
    .await;
    let mut heard = Vec::new();
    while !parse(&heard).text().contains("text_delta") {
        take_ready(&stream, &mut heard);
        tokio::task::yield_now().await;
    }
    world.cutoff.begin();
    world.gateway.begin_drain();
    read_reply(&mut stream).await;
    assert_eq!(world.ended(1).await[0].outcome, Outcome::Cut);
    let tokens = world.tokens().remove(0);
    assert!(tokens.input == 5 && tokens.partial && tokens.estimated);
}

#[tokio::test]
async fn a_waiting_connection_that_the_provider_closed_costs_nothing() {
    let answer = r#"{"id":"msg_1","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let mut script = json("200 OK", answer);
    script.push(Step::Close);
    let world = World::playing(vec![script]).await;
    for round in 0..20 {
        let reply = ask(&world).await;
        assert_eq!(reply.status, 200, "round {round}: {}", reply.text());
    }
}

#[tokio::test]
async fn a_provider_that_drips_is_relayed_as_it_comes() {
    let answer = r#"{"id":"msg_1","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let script = json("200 OK", answer).into_iter().flat_map(|step| {
        let Step::Send(bytes) = step else {
            panic!("a whole answer is only sent");
        };
        bytes.into_iter().map(|byte| Step::Send(vec![byte]))
    });
    let world = World::playing(vec![script.collect()]).await;
    let reply = ask(&world).await;
    assert_eq!(
        (reply.status, reply.text().as_str(), reply.is_whole),
        (200, answer, true)
    );
}

#[tokio::test]
async fn a_stream_of_nothing_that_can_be_read_ends_with_an_error_event() {
    let world = World::playing(vec![sse(&[
        "data: }{ no event\n\n",
        "and \u{1} half a line",
    ])])
    .await;
    let reply = ask(&world).await;
    let text = reply.text();
    let added = text.strip_prefix("data: }{ no event\n\n").unwrap();
    assert!(added.starts_with("event: error\ndata: {"), "{text}");
    assert!(reply.is_whole && !text.contains("half a line"), "{text}");
    let ended = world.ended(1).await.remove(0);
    assert_eq!(ended.outcome, Outcome::Failed);
}
