//! Answers that are framed oddly, end oddly or are cut at an odd place.

use bridge_record::{ErrorType, Outcome};

use crate::support::{Reply, Script, Setup, Step, World, call, json, open, read_reply, until};

const KEY: &str = "Authorization: Bearer alice-key";
const BODY: &[u8] =
    br#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hello"}]}"#;
const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n";
const DELTA: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":1234}}\n\n";
const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const UNFRAMED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

async fn ask(world: &World) -> Reply {
    let line = "POST /anthropic/v1/messages HTTP/1.1";
    call(world.address, &[line, KEY], BODY).await
}

/// These bytes, and then the end of the connection.
fn then_closed(pieces: &[&str]) -> Script {
    vec![Step::Send(pieces.concat().into_bytes()), Step::Close]
}

fn chunked(pieces: &[&str]) -> String {
    let chunks = pieces
        .iter()
        .map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()));
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    std::iter::once(head.to_owned()).chain(chunks).collect()
}

#[tokio::test]
async fn answers_of_every_size_are_recorded_as_delivered() {
    for size in [1, 60, 64, 65, 128, 200, 256, 1_000] {
        let text = "a".repeat(size << 10);
        let answer = format!(
            r#"{{"id":"msg_1","content":[{{"type":"text","text":"{text}"}}],"usage":{{"input_tokens":3,"output_tokens":4}}}}"#
        );
        let world = World::playing(vec![json("200 OK", &answer)]).await;
        for _ in 0..5 {
            let reply = ask(&world).await;
            assert!(reply.is_whole && reply.text() == answer, "{size} KiB");
        }
        for ended in world.ended(5).await {
            assert_eq!(ended.outcome, Outcome::Completed, "{size} KiB");
        }
        assert_eq!(world.tokens().len(), 5, "{size} KiB");
    }
}

#[tokio::test]
async fn what_came_before_a_break_reaches_the_caller() {
    let half = "{\"id\":\"msg_1\",\"content\":[";
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    let refusal =
        "HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n";
    for head in [head, refusal] {
        let world = World::playing(vec![then_closed(&[head, half])]).await;
        let reply = ask(&world).await;
        assert_eq!((reply.text().as_str(), reply.is_whole), (half, false));
        assert_eq!(world.ended(1).await[0].outcome, Outcome::Failed);
    }
    let world = World::playing(vec![then_closed(&[head, half])]).await;
    let line = "GET /anthropic/v1/models HTTP/1.1";
    let reply = call(world.address, &[line, KEY], b"").await;
    assert_eq!((reply.text().as_str(), reply.is_whole), (half, false));
}

#[tokio::test]
async fn an_answer_without_length_that_is_no_whole_json_is_cut() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
    let world = World::playing(vec![then_closed(&[head, "{\"id\":\"msg_1\",\"con"])]).await;
    let reply = ask(&world).await;
    assert!(!reply.is_whole, "{}", reply.text());
    assert_eq!(world.ended(1).await[0].outcome, Outcome::Failed);
    let whole = r#"{"id":"msg_1","content":[],"usage":{"input_tokens":3,"output_tokens":4}}"#;
    let world = World::playing(vec![then_closed(&[head, whole])]).await;
    let reply = ask(&world).await;
    assert_eq!((reply.text().as_str(), reply.is_whole), (whole, true));
    assert_eq!(world.ended(1).await[0].outcome, Outcome::Completed);
}

#[tokio::test]
async fn an_error_event_never_stands_inside_another_event() {
    let half = "event: content_block_delta\ndata: {\"type\":\"content_bl";
    let world = World::playing(vec![then_closed(&[UNFRAMED, START, half])]).await;
    let reply = ask(&world).await;
    let added = reply.text().split_off(START.len());
    assert!(added.starts_with("event: error\n"), "{added}");
    assert_eq!(world.ended(1).await[0].outcome, Outcome::Failed);
}

#[tokio::test]
async fn a_last_event_without_its_blank_line_is_relayed_and_heard() {
    let stop = STOP.trim_end();
    let world = World::playing(vec![then_closed(&[UNFRAMED, START, DELTA, stop])]).await;
    let reply = ask(&world).await;
    assert_eq!(reply.text(), [START, DELTA, stop].concat());
    assert_eq!(world.ended(1).await[0].outcome, Outcome::Completed);
}

#[tokio::test]
async fn nothing_is_added_behind_an_event_that_was_too_large_to_hold() {
    let long = format!("event: content_block_delta\ndata: {}", "x".repeat(4_000));
    for framed in [true, false] {
        let script = if framed {
            then_closed(&[&chunked(&[START, &long])])
        } else {
            then_closed(&[UNFRAMED, START, &long])
        };
        let mut setup = Setup::playing(vec![script]);
        setup.intercept.held_bytes = 1_000;
        let world = World::with(setup).await;
        let reply = ask(&world).await;
        assert_eq!(reply.text(), format!("{START}{long}"));
        assert!(!reply.is_whole);
        assert_eq!(world.ended(1).await[0].outcome, Outcome::Failed);
    }
}

#[tokio::test]
async fn a_break_behind_the_last_word_is_no_failure() {
    for last in [Step::Close, Step::Reset] {
        let gate = std::sync::Arc::new(tokio::sync::Notify::new());
        let whole = chunked(&[START, DELTA, STOP]).into_bytes();
        let script = vec![Step::Send(whole), Step::Wait(gate.clone()), last];
        let world = World::playing(vec![script]).await;
        let line = "POST /anthropic/v1/messages HTTP/1.1";
        let mut stream = open(world.address, &[line, KEY], BODY).await;
        while world.provider.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
        let reply = read_reply(&mut stream).await;
        assert_eq!(reply.text(), [START, DELTA, STOP].concat());
        assert!(reply.is_whole);
        let ended = world.ended(1).await.remove(0);
        assert_eq!(
            (ended.outcome, ended.error_type),
            (Outcome::Completed, None)
        );
        assert_eq!(world.tokens()[0].output, 1_234);
    }
}

#[tokio::test]
async fn figures_that_were_cut_are_not_believed() {
    let cut = &DELTA[..DELTA.find("34}").unwrap()];
    for script in [
        then_closed(&[&chunked(&[START, cut])]),
        then_closed(&[UNFRAMED, START, cut]),
    ] {
        let world = World::playing(vec![script]).await;
        ask(&world).await;
        world.ended(1).await;
        let tokens = world.tokens();
        assert_eq!((tokens[0].output, tokens[0].partial), (1, true));
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n";
    let half = r#"{"id":"msg_1","usage":{"input_tokens":5,"output_tokens":12"#;
    let world = World::playing(vec![then_closed(&[head, half])]).await;
    ask(&world).await;
    world.ended(1).await;
    let tokens = world.tokens();
    assert_eq!(
        (tokens[0].input, tokens[0].output, tokens[0].partial),
        (5, 0, true)
    );
}

#[tokio::test]
async fn a_compressed_stream_of_nothing_is_no_empty_200() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\
                Content-Length: 0\r\n\r\n";
    let world = World::playing(vec![vec![Step::Send(head.into())]]).await;
    let reply = ask(&world).await;
    assert!(reply.status != 200 || !reply.is_whole, "{}", reply.head);
    assert_eq!(world.ended(1).await[0].outcome, Outcome::Failed);
}

#[tokio::test]
async fn a_provider_cannot_switch_protocols() {
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: odd\r\nConnection: upgrade\r\n\r\n";
    let world = World::playing(vec![vec![Step::Send(head.into()), Step::Hang]]).await;
    let reply = ask(&world).await;
    assert_eq!(reply.status, 502, "{}", reply.head);
    assert_eq!(world.ended(1).await[0].error_type, Some(ErrorType::Unknown));
    let line = "GET /anthropic/v1/models HTTP/1.1";
    let reply = call(world.address, &[line, KEY], b"").await;
    assert_eq!(reply.status, 502, "{}", reply.head);
}

#[tokio::test]
async fn chunks_count_more_than_a_length_beside_them() {
    let answer = r#"{"id":"msg_1","content":[],"usage":{"input_tokens":3,"output_tokens":4}}"#;
    let text = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{answer}\r\n0\r\n\r\n",
        answer.len()
    );
    let world = World::playing(vec![vec![Step::Send(text.into_bytes())]]).await;
    let reply = ask(&world).await;
    assert_eq!((reply.text().as_str(), reply.is_whole), (answer, true));
    let line = "GET /anthropic/v1/models HTTP/1.1";
    let reply = call(world.address, &[line, KEY], b"").await;
    assert_eq!((reply.text().as_str(), reply.is_whole), (answer, true));
}

#[tokio::test]
async fn words_on_the_way_and_trailers_change_nothing() {
    let text = format!(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n{}0\r\n\
         x-checksum: 1\r\n\r\n",
        chunked(&[START, DELTA, STOP])
    );
    let world = World::playing(vec![vec![Step::Send(text.into_bytes())]]).await;
    for _ in 0..3 {
        let reply = ask(&world).await;
        assert_eq!((reply.status, reply.is_whole), (200, true));
        assert_eq!(reply.text(), [START, DELTA, STOP].concat());
    }
    assert_eq!(world.ended(3).await[2].outcome, Outcome::Completed);
}

#[tokio::test]
async fn bodiless_answers_keep_their_heads() {
    for (method, status, kept) in [("HEAD", "200 OK", true), ("GET", "304 Not Modified", false)] {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: 77\r\nETag: \"e\"\r\n\r\n");
        let world = World::playing(vec![vec![Step::Send(head.into())]]).await;
        for _ in 0..2 {
            let line = format!("{method} /anthropic/v1/models HTTP/1.1");
            let reply = call(world.address, &[&line, KEY], b"").await;
            assert!(
                status.starts_with(&reply.status.to_string()),
                "{}",
                reply.head
            );
            assert_eq!(reply.header("content-length"), kept.then_some("77"));
            assert!(reply.body.is_empty());
        }
    }
    let world = World::playing(vec![vec![Step::Send(b"HTTP/1.1 204 No\r\n\r\n".to_vec())]]).await;
    let line = "DELETE /openai/v1/responses/resp_1 HTTP/1.1";
    assert_eq!(call(world.address, &[line, KEY], b"").await.status, 204);
}

#[tokio::test]
async fn doubled_content_encodings_are_one_list() {
    let answer = r#"{"id":"msg_1","content":[],"usage":{"input_tokens":3,"output_tokens":4}}"#;
    let world = World::playing(vec![json("200 OK", answer)]).await;
    let lines = [
        "POST /anthropic/v1/messages HTTP/1.1",
        KEY,
        "Content-Encoding: identity",
        "Content-Encoding: lzma",
    ];
    assert_eq!(call(world.address, &lines, BODY).await.status, 415);
    let text = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: identity\r\n\
         Content-Encoding: lzma\r\nContent-Length: {}\r\n\r\n{answer}",
        answer.len()
    );
    let world = World::playing(vec![vec![Step::Send(text.into_bytes())]]).await;
    assert_eq!(ask(&world).await.status, 502);
}

#[tokio::test]
async fn a_caller_who_leaves_while_the_beginning_is_recorded_is_recorded_as_gone() {
    let mut setup = Setup::playing(vec![]);
    setup.is_recorder_mute = true;
    let world = World::with(setup).await;
    let line = "POST /anthropic/v1/messages HTTP/1.1";
    let stream = open(world.address, &[line, KEY], BODY).await;
    until(|| world.started().len() == 1).await;
    drop(stream);
    assert_eq!(world.ended(1).await[0].outcome, Outcome::Aborted);
    assert!(world.provider.seen().is_empty());
}

#[tokio::test]
async fn a_stream_that_drips_and_has_no_type_is_a_stream() {
    let text = ["HTTP/1.1 200 OK\r\n\r\n", START, DELTA, STOP].concat();
    let script = text.bytes().map(|byte| Step::Send(vec![byte])).collect();
    let mut script: Script = script;
    script.push(Step::Close);
    let world = World::playing(vec![script]).await;
    let reply = ask(&world).await;
    assert_eq!(reply.text(), [START, DELTA, STOP].concat());
    assert_eq!(world.ended(1).await[0].outcome, Outcome::Completed);
    assert_eq!(world.tokens()[0].output, 1_234);
}

#[tokio::test]
async fn an_answer_too_large_to_be_read_is_relayed_and_no_failure() {
    let text = "a".repeat(10_000);
    let answer = format!(r#"{{"id":"msg_1","content":[{{"type":"text","text":"{text}"}}]}}"#);
    let mut setup = Setup::playing(vec![json("200 OK", &answer)]);
    setup.intercept.answer_bytes = 5_000;
    let world = World::with(setup).await;
    let reply = ask(&world).await;
    assert_eq!((reply.text(), reply.is_whole), (answer, true));
    let ended = world.ended(1).await.remove(0);
    assert_eq!(
        (ended.outcome, ended.error_type),
        (Outcome::Completed, None)
    );
    assert!(ended.error_message.unwrap().contains("too large"));
    let counted =
        "bridge_observation_failures_total{provider=\"anthropic\",reason=\"too_large\"} 1";
    assert!(world.metrics.expose().contains(counted));
}
