//! The tool server over real sockets, as a client of the protocol meets it.

use std::time::Duration;

use bridge_simulate::{
    SimulatedTool, ToolAnswer, ToolAnswers, ToolCallEnd, ToolServer, ToolServerConfig, ToolTrouble,
};
use bridge_telemetry::{discard, task};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{Answer, send};

const PATIENCE: Duration = Duration::from_secs(60);

async fn server(config: ToolServerConfig) -> ToolServer {
    ToolServer::bind(config, &discard()).await.unwrap()
}

fn request(method: &str, session: Option<&str>, body: String) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri("/mcp")
        .header("host", "x")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json");
    if let Some(session) = session {
        request = request.header("mcp-session-id", session);
    }
    request.body(Full::new(body.into())).unwrap()
}

async fn post(server: &ToolServer, session: Option<&str>, body: &Value) -> Answer {
    let request = request("POST", session, body.to_string());
    send(server.address(), request).await.unwrap()
}

fn rpc(id: u32, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn said(answer: &Answer) -> String {
    let body = std::str::from_utf8(&answer.body).unwrap();
    match body.strip_prefix("event: message\ndata: ") {
        Some(event) => event.trim_end().to_owned(),
        None => body.to_owned(),
    }
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&said(answer)).unwrap()
}

async fn begin(server: &ToolServer) -> String {
    let hello = rpc(0, "initialize", &json!({"protocolVersion": "2025-06-18"}));
    let answer = post(server, None, &hello).await;
    assert_eq!(json_of(&answer)["result"]["protocolVersion"], "2025-06-18");
    answer.headers["mcp-session-id"]
        .to_str()
        .unwrap()
        .to_owned()
}

async fn call(server: &ToolServer, session: &str, name: &str) -> Value {
    let params = json!({"name": name, "arguments": {"a": 1}});
    json_of(&post(server, Some(session), &rpc(7, "tools/call", &params)).await)
}

#[tokio::test]
async fn tools_are_listed_page_by_page_and_byte_by_byte() {
    for answers in [ToolAnswers::Events, ToolAnswers::Json] {
        let config = ToolServerConfig {
            page: 4,
            answers,
            ..ToolServerConfig::default()
        };
        let tools = config.tools.clone();
        let server = server(config).await;
        let session = begin(&server).await;
        let mut names = Vec::new();
        let mut cursor = json!({});
        loop {
            let answer = post(&server, Some(&session), &rpc(1, "tools/list", &cursor)).await;
            let text = said(&answer);
            for tool in tools
                .iter()
                .filter(|tool| text.contains(&format!("{:?}", tool.name)))
            {
                assert!(text.contains(&tool.input_schema), "{}", tool.name);
            }
            let page = json_of(&answer);
            let listed = page["result"]["tools"].as_array().unwrap();
            assert!(listed.len() <= 4);
            names.extend(
                listed
                    .iter()
                    .map(|tool| tool["name"].as_str().unwrap().to_owned()),
            );
            match page["result"].get("nextCursor") {
                Some(next) => cursor = json!({"cursor": next}),
                None => break,
            }
        }
        let wanted: Vec<_> = tools.iter().map(|tool| tool.name.clone()).collect();
        assert_eq!(names, wanted);
    }
}

#[tokio::test]
async fn each_kind_of_answer_is_given() {
    let server = server(ToolServerConfig::default()).await;
    let session = begin(&server).await;
    let check = async |tool: &str, pointer: &str, wanted: Value| {
        let answer = call(&server, &session, tool).await;
        assert_eq!(answer.pointer(pointer), Some(&wanted), "{tool}: {answer}");
    };
    check("echo", "/result/content/0/text", json!("{\"a\":1}")).await;
    check("picture", "/result/content/0/type", json!("image")).await;
    check("sound", "/result/content/0/mimeType", json!("audio/wav")).await;
    check(
        "documents",
        "/result/content/2/type",
        json!("resource_link"),
    )
    .await;
    check("figures", "/result/structuredContent/total", json!(3)).await;
    check("broken", "/result/isError", json!(true)).await;
    check("refusing", "/error/code", json!(-32603)).await;
    check("nothing_of_this_name", "/error/code", json!(-32602)).await;
    let seen = server.seen();
    assert_eq!(seen.calls.len(), 8);
    assert_eq!(seen.calls[0].arguments, "{\"a\":1}");
    assert!(
        seen.calls
            .iter()
            .all(|call| call.end == ToolCallEnd::Answered)
    );
    assert_eq!(seen.methods()[..2], ["initialize", "tools/call"]);
}

#[tokio::test]
async fn a_call_can_be_cancelled_and_left() {
    let server = server(ToolServerConfig::default()).await;
    let session = begin(&server).await;
    let never = rpc(9, "tools/call", &json!({"name": "never"}));
    let cancel = async {
        server.wait_for(|seen| seen.calls.len() == 1).await;
        let params = json!({"requestId": 9});
        let notice =
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
        assert_eq!(post(&server, Some(&session), &notice).await.status, 202);
    };
    let both = async { tokio::join!(post(&server, Some(&session), &never), cancel) };
    let (answer, ()) = timeout(PATIENCE, both).await.unwrap();
    assert_eq!(answer.body, "", "a cancelled call is not answered");
    let leave = async {
        tokio::select! {
            _ = post(&server, Some(&session), &never) => panic!("it is never answered"),
            _ = server.wait_for(|seen| seen.calls.len() == 2) => {}
        }
        let left = |call: &bridge_simulate::ToolCallSeen| call.end == ToolCallEnd::Left;
        server
            .wait_for(|seen| seen.calls.last().is_some_and(left))
            .await
    };
    let seen = timeout(PATIENCE, leave).await.unwrap();
    assert_eq!(seen.calls[0].end, ToolCallEnd::Cancelled);
}

#[tokio::test]
async fn changes_are_told_on_the_stream() {
    let server = server(ToolServerConfig::default()).await;
    let session = begin(&server).await;
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let _driver = task::spawn(&discard(), "client", async move {
        let _ended = connection.await;
    });
    let open = request("GET", Some(&session), String::new());
    let mut notices = sender.send_request(open).await.unwrap().into_body();
    server.wait_for(|seen| seen.streams == 1).await;
    server.change_tools(vec![SimulatedTool::text("only", "me")]);
    let notice = timeout(PATIENCE, notices.frame()).await.unwrap().unwrap();
    let notice = notice.unwrap().into_data().unwrap();
    assert!(notice.starts_with(b"data: {"), "{notice:?}");
    let listed = json_of(&post(&server, Some(&session), &rpc(1, "tools/list", &json!({}))).await);
    assert_eq!(listed["result"]["tools"][0]["name"], "only");
    drop((notices, sender));
    let closed = server.wait_for(|seen| seen.streams == 0);
    timeout(PATIENCE, closed).await.unwrap();
}

#[tokio::test]
async fn sessions_begin_expire_and_end() {
    let server = server(ToolServerConfig {
        trouble: ToolTrouble::SessionExpires(1),
        ..ToolServerConfig::default()
    })
    .await;
    let status = async |session: Option<&str>, body: &Value| {
        post(&server, session, body).await.status.as_u16()
    };
    let ping = rpc(1, "ping", &json!({}));
    assert_eq!(status(None, &ping).await, 400);
    assert_eq!(status(Some("made-up"), &ping).await, 404);
    let session = begin(&server).await;
    assert_eq!(status(Some(&session), &ping).await, 200);
    assert_eq!(
        status(Some(&session), &ping).await,
        404,
        "it lasts one request"
    );
    server.change_trouble(ToolTrouble::None);
    let (first, second) = (begin(&server).await, begin(&server).await);
    let end = request("DELETE", Some(&first), String::new());
    assert_eq!(send(server.address(), end).await.unwrap().status, 200);
    assert_eq!(status(Some(&first), &ping).await, 404);
    assert_eq!(status(Some(&second), &ping).await, 200);
    server.forget_sessions();
    assert_eq!(status(Some(&second), &ping).await, 404);
    let seen = server.seen();
    assert_eq!((seen.sessions_begun, seen.sessions_ended), (3, 1));
}

#[tokio::test]
async fn what_is_said_in_trouble() {
    let server = server(ToolServerConfig::default()).await;
    let session = begin(&server).await;
    let list = rpc(1, "tools/list", &json!({}));
    server.change_trouble(ToolTrouble::Malformed);
    let malformed = post(&server, Some(&session), &list).await;
    assert!(serde_json::from_str::<Value>(&said(&malformed)).is_err());
    server.change_trouble(ToolTrouble::DuplicateKeys);
    let doubled = said(&post(&server, Some(&session), &list).await);
    assert!(
        doubled.contains(r#"{"name":"first_of_two","name":"echo""#),
        "{doubled}"
    );
    assert!(serde_json::from_str::<Value>(&doubled).is_ok(), "{doubled}");
    server.change_trouble(ToolTrouble::Status(503));
    assert_eq!(post(&server, Some(&session), &list).await.status, 503);
    server.change_trouble(ToolTrouble::BreaksOff);
    let params = json!({"name": "echo"});
    let broken = post(&server, Some(&session), &rpc(1, "tools/call", &params)).await;
    assert!(broken.broken.is_some());
    server.change_trouble(ToolTrouble::ToolsChange);
    call(&server, &session, "list_workspaces").await;
    server.change_trouble(ToolTrouble::None);
    let listed = json_of(&post(&server, Some(&session), &list).await);
    let names = listed["result"]["tools"].as_array().unwrap();
    assert_eq!(names[0]["name"], "echo");
    assert_eq!(names.last().unwrap()["name"], "changed_1");
    server.change_trouble(ToolTrouble::Dead);
    let ping = rpc(99, "ping", &json!({}));
    tokio::select! {
        _ = post(&server, Some(&session), &ping) => panic!("it is dead"),
        _ = server.wait_for(|seen| seen.methods().last() == Some(&"ping")) => {}
    }
}

#[tokio::test]
async fn bad_requests_are_refused() {
    let server = server(ToolServerConfig {
        expected_token: Some("a-token".to_owned()),
        has_streams: false,
        body_bytes: 1000,
        ..ToolServerConfig::default()
    })
    .await;
    let check = async |status: u16, method: &str, header: &'static str, value: &str, body: &str| {
        let mut bad = request(method, None, body.to_owned());
        let headers = bad.headers_mut();
        headers.insert("authorization", "Bearer a-token".parse().unwrap());
        headers.insert(header, value.parse().unwrap());
        let answer = send(server.address(), bad).await.unwrap();
        assert_eq!(answer.status, status, "{method} {header}: {value}");
    };
    check(401, "POST", "authorization", "Bearer other", "{}").await;
    check(406, "POST", "accept", "application/json", "{}").await;
    check(415, "POST", "content-type", "text/plain", "{}").await;
    check(400, "POST", "mcp-protocol-version", "1999-01-01", "{}").await;
    check(400, "POST", "x-y", "z", "{").await;
    check(413, "POST", "x-y", "z", &"x".repeat(1001)).await;
    check(405, "GET", "x-y", "z", "").await;
    check(405, "PUT", "x-y", "z", "").await;
    let seen = server.seen();
    assert!(!format!("{seen:?}").contains("a-token"));
    assert_eq!(seen.requests[1].headers["authorization"], "Bearer a-token");
}

#[tokio::test(start_paused = true)]
async fn slowness_is_counted_in_the_tools_and_in_the_server() {
    let slow = SimulatedTool::new("slow", ToolAnswer::Echo).after(Duration::from_secs(40));
    let server = server(ToolServerConfig {
        tools: vec![slow],
        trouble: ToolTrouble::Slow(Duration::from_secs(2)),
        ..ToolServerConfig::default()
    })
    .await;
    let begun = tokio::time::Instant::now();
    let session = begin(&server).await;
    assert_eq!(begun.elapsed().as_secs(), 2);
    let answer = call(&server, &session, "slow").await;
    assert_eq!(answer["result"]["content"][0]["text"], "{\"a\":1}");
    assert_eq!(begun.elapsed().as_secs(), 44);
    assert_eq!(server.shutdown(PATIENCE).await, 0);
}
