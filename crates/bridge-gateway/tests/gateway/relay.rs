//! What passes through: byte for byte, and what is remembered of it.

use bridge_record::{Event, Outcome, TokenUsage, ToolUsage};

use crate::support::{Step, World, call, json, sse};

const KEY: &str = "Authorization: Bearer alice-key";

/// Events as a provider may send them: odd spaces, unknown events, comments, CRLF, pings.
const STREAM: [&str; 7] = [
    "event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_9\",\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":70,\"cache_creation_input_tokens\":6,\"output_tokens\":1}}}\r\n\r\n",
    ": a comment\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"Read\",\"input\":{}}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"path\\\":\\\"a\\\"}\"}   }\n\nevent: conten",
    "t_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: from_the_future\ndata: {\"new\": 1}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":70,\"cache_creation_input_tokens\":6,\"output_tokens\":33}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
];

#[tokio::test]
async fn a_stream_passes_unchanged_and_is_recorded_once() {
    let world = World::playing(vec![sse(&STREAM)]).await;
    let body = b"{ \"stream\" : true, \"unknown\": [1,  2], \"model\":\"m\", \"max_tokens\": 1,\n \"messages\":[{\"role\":\"user\",\"content\":\"read a\"}]}";
    let lines = ["POST /anthropic/v1/messages?beta=true HTTP/1.1", KEY];
    let reply = call(world.address, &lines, body).await;
    assert_eq!((reply.status, reply.is_whole), (200, true));
    assert_eq!(reply.text(), STREAM.concat());
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert_eq!(reply.header("x-accel-buffering"), Some("no"));
    assert_eq!(world.provider.seen()[0].body, body);
    let ended = world.ended(1).await.remove(0);
    assert_eq!(
        (ended.outcome, ended.provider_status),
        (Outcome::Completed, Some(200))
    );
    let events = world.events();
    let usage: Vec<&TokenUsage> = events
        .iter()
        .filter_map(|event| {
            if let Event::Tokens(it) = event {
                Some(&**it)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(usage.len(), 1);
    let TokenUsage {
        input,
        output,
        cache_read,
        cache_write,
        partial,
        response_id,
        ..
    } = usage[0];
    assert_eq!(
        (*input, *output, *cache_read, *cache_write, *partial),
        (5, 33, 70, 6, false)
    );
    assert_eq!(response_id, "msg_9");
    let tools: Vec<&ToolUsage> = events
        .iter()
        .filter_map(|event| {
            if let Event::Tool(it) = event {
                Some(&**it)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(
        (
            tools.len(),
            tools[0].tool.as_str(),
            tools[0].call_id.as_str()
        ),
        (1, "Read", "toolu_1")
    );
    assert_eq!(tools[0].input, "{\"path\":\"a\"}");
    assert!(matches!(events.first(), Some(Event::Started(_))));
    assert!(matches!(events.last(), Some(Event::Ended(_))));
}

#[tokio::test]
async fn all_dialects_take_the_same_path() {
    let chat = r#"{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":8}}}"#;
    let responses = r#"{"id":"resp_1","object":"response","status":"completed","output":[],"usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":8},"output_tokens":4,"total_tokens":14}}"#;
    let rows = [
        (
            "/openai/v1/chat/completions",
            "/v1/chat/completions",
            r#"{"model":"m","messages":[{"role":"user","content":"q"}]}"#,
            chat,
        ),
        (
            "/openai/v1/responses",
            "/v1/responses",
            r#"{"model":"m","input":"q"}"#,
            responses,
        ),
        (
            "/openai/v1/responses/",
            "/v1/responses",
            r#"{"model":"m","input":"q"}"#,
            responses,
        ),
        (
            "/openai/v1/responses/compact",
            "/v1/responses/compact",
            r#"{"model":"m","input":"q"}"#,
            responses,
        ),
    ];
    for (path, upstream, body, answer) in rows {
        let world = World::playing(vec![json("200 OK", answer)]).await;
        let reply = call(
            world.address,
            &[&format!("POST {path} HTTP/1.1"), KEY],
            body.as_bytes(),
        )
        .await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, answer),
            "{path}"
        );
        let seen = world.provider.seen().remove(0);
        assert!(
            seen.head.starts_with(&format!("POST {upstream} HTTP/1.1")),
            "{path}: {}",
            seen.head
        );
        assert_eq!(
            seen.header("authorization"),
            Some("Bearer operator-openai-key")
        );
        assert_eq!(seen.header("x-api-key"), None);
        assert_eq!(
            world.ended(1).await[0].outcome,
            Outcome::Completed,
            "{path}"
        );
        let events = world.events();
        let tokens = events.iter().find_map(|event| {
            if let Event::Tokens(it) = event {
                Some(it)
            } else {
                None
            }
        });
        let tokens = tokens.unwrap();
        assert_eq!(
            (tokens.input, tokens.cache_read, tokens.output),
            (2, 8, 4),
            "{path}"
        );
        let prompt = events.iter().find_map(|event| {
            if let Event::Prompt(it) = event {
                Some(it)
            } else {
                None
            }
        });
        assert_eq!(prompt.unwrap().prompt, "q", "{path}");
    }
}

#[tokio::test]
async fn a_compressed_answer_passes_as_it_is_and_is_read_from_a_copy() {
    // gzip of a blocking answer with 3 input and 4 output tokens.
    let body = [
        31_u8, 139, 8, 0, 0, 0, 0, 0, 2, 3, 77, 205, 193, 10, 195, 32, 12, 6, 224, 119, 201, 217,
        203, 232, 78, 190, 202, 24, 34, 53, 116, 210, 54, 17, 19, 97, 67, 124, 247, 197, 194, 96,
        167, 252, 249, 248, 67, 58, 228, 4, 30, 78, 217, 194, 13, 28, 232, 167, 224, 92, 81, 36,
        110, 104, 80, 249, 152, 16, 69, 178, 104, 36, 53, 58, 57, 225, 49, 75, 150, 87, 38, 69, 83,
        255, 232, 191, 91, 197, 247, 108, 93, 195, 195, 43, 195, 120, 58, 16, 229, 18, 42, 70, 97,
        50, 68, 74, 65, 91, 37, 171, 181, 235, 143, 239, 144, 169, 52, 13, 202, 59, 146, 128, 95,
        28, 112, 211, 127, 185, 143, 241, 5, 195, 153, 18, 126, 172, 0, 0, 0,
    ];
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let script = vec![Step::Send(head.into_bytes()), Step::Send(body.to_vec())];
    let world = World::playing(vec![script]).await;
    let request = br#"{"model":"m","messages":[]}"#;
    let lines = ["POST /anthropic/v1/messages HTTP/1.1", KEY];
    let reply = call(world.address, &lines, request).await;
    assert_eq!((reply.status, reply.body.as_slice()), (200, &body[..]));
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert_eq!(world.ended(1).await[0].outcome, Outcome::Completed);
    let events = world.events();
    let tokens = events.iter().find_map(|event| {
        if let Event::Tokens(it) = event {
            Some(it)
        } else {
            None
        }
    });
    assert_eq!(tokens.map(|it| (it.input, it.output)), Some((3, 4)));
}

#[tokio::test]
async fn two_turns_share_one_connection_to_the_provider_and_one_handler() {
    let answer = r#"{"id":"msg_1","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let world = World::playing(vec![json("200 OK", answer)]).await;
    let lines = ["POST /anthropic/v1/messages HTTP/1.1", KEY];
    for _ in 0..3 {
        assert_eq!(
            call(world.address, &lines, br#"{"model":"m","messages":[]}"#)
                .await
                .status,
            200
        );
    }
    assert_eq!(world.ended(3).await.len(), 3);
    let ids: std::collections::HashSet<_> = world
        .started()
        .into_iter()
        .map(|started| started.api_key_id)
        .collect();
    assert_eq!(ids.len(), 1);
}
