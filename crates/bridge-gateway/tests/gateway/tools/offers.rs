//! Which requests get tools, when, and what that changes in them.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bridge_auth::RequestSource;
use bridge_gateway::{GatewayConfig, InProcess};
use bridge_intercept::ToolsConfig;
use bridge_mcp::Credential;
use bridge_simulate::{ToolServer, ToolServerConfig, ToolTrouble};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Request;
use http_body_util::Full;

use super::stage::{KEY, Stage, patient, tools};
use super::voice::{Call, Dialect, Says};
use crate::support::{
    Setup, Step, ToolsSetup, World, call, open, read_reply, server, until, zipped,
};

const CALLS: [Call; 1] = [("call_1", "bmcp_docs_find", "{}")];

#[tokio::test]
async fn a_request_that_wants_none_passes_byte_for_byte() {
    let dialect = Dialect::Anthropic;
    let stage = Stage::playing(vec![dialect.answer(false, "only", Says::Text("x"))]).await;
    let none = "{ \"model\":\"m\", \"tool_choice\":{\"type\":\"none\"}, \"max_tokens\":9, \"tools\":[], \"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}";
    let small = "{ \"model\":\"claude-haiku-9\", \"max_tokens\":9, \"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}";
    for body in [none, small] {
        let reply = stage.ask(dialect, body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let seen = stage.world.provider.seen();
        assert_eq!(seen.last().unwrap().body, body.as_bytes());
    }
    // Nobody has to wait for tool servers in vain.
    assert!(stage.docs.seen().methods().is_empty());
    let figures = stage.world.metrics.expose();
    for kind in ["forbidden", "model"] {
        let sample = format!("bridge_tool_offers_total{{kind=\"{kind}\"}} 1");
        assert!(figures.contains(&sample), "{figures}");
    }
}

#[tokio::test]
async fn an_encoded_request_goes_on_plain_and_so_comes_an_encoded_answer() {
    let dialect = Dialect::Anthropic;
    let plain = |is_stream, id, says| -> Vec<u8> {
        let steps = dialect.answer(is_stream, id, says);
        let sent = steps.into_iter().map(|step| match step {
            Step::Send(bytes) => String::from_utf8(bytes).unwrap(),
            Step::Wait(_) | Step::Reset | Step::Close | Step::Hang => String::new(),
        });
        sent.collect::<String>().into_bytes()
    };
    let encoded = |id, says| {
        let answer = String::from_utf8(plain(false, id, says)).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body = zipped(&[body]).concat();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        vec![Step::Send([head.into_bytes(), body].concat())]
    };
    let stage = Stage::playing(vec![
        encoded("first", Says::Calls("well", &CALLS)),
        encoded("second", Says::Text("done")),
    ])
    .await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(dialect.request(false).as_bytes())
        .unwrap();
    let body = encoder.finish().unwrap();
    let lines = [
        dialect.line(),
        KEY,
        "Content-Encoding: gzip",
        "Accept-Encoding: gzip",
    ];
    let reply = call(stage.world.address, &lines, &body).await;
    assert_eq!((reply.status, reply.is_whole), (200, true));
    assert_eq!(reply.header("content-encoding"), None);
    assert!(reply.text().contains("done"), "{}", reply.text());
    for seen in stage.world.provider.seen() {
        assert_eq!(seen.header("content-encoding"), None);
        assert_eq!(seen.header("accept-encoding"), None);
    }
    assert_eq!(stage.asked().len(), 2);
}

/// A world with a good server and one in trouble.
async fn beside(trouble: ToolTrouble, open_timeout: Duration) -> (World, ToolServer, ToolServer) {
    let logger = bridge_telemetry::discard();
    let good = ToolServerConfig {
        tools: tools(),
        ..ToolServerConfig::default()
    };
    let bad = ToolServerConfig {
        trouble,
        ..good.clone()
    };
    let good = ToolServer::bind(good, &logger).await.unwrap();
    let bad = ToolServer::bind(bad, &logger).await.unwrap();
    let servers = vec![
        server("good", &good.url(), Credential::None),
        server("bad", &bad.url(), Credential::None),
    ];
    let dialect = Dialect::Anthropic;
    let config = ToolsConfig {
        open_timeout,
        ..ToolsConfig::default()
    };
    let world = World::with(Setup {
        tools: Some(ToolsSetup { servers, config }),
        ..Setup::playing(vec![dialect.answer(false, "only", Says::Text("x"))])
    })
    .await;
    (world, good, bad)
}

async fn offered(world: &World) -> String {
    let dialect = Dialect::Anthropic;
    let body = dialect.request(false);
    let reply = call(world.address, &[dialect.line(), KEY], body.as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = world.provider.seen();
    String::from_utf8(seen.last().unwrap().body.clone()).unwrap()
}

#[tokio::test]
async fn a_server_in_trouble_costs_its_own_tools_alone() {
    let trouble = ToolTrouble::Status(500);
    let (world, _good, bad) = beside(trouble, Duration::from_secs(20)).await;
    let first = offered(&world).await;
    assert!(
        first.contains("bmcp_good_find") && !first.contains("bmcp_bad_"),
        "{first}"
    );
    bad.change_trouble(ToolTrouble::None);
    for _ in 0..2_000 {
        if offered(&world).await.contains("bmcp_bad_find") {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the server has come back, and its tools have not");
}

#[tokio::test]
async fn nobody_waits_longer_than_is_set_and_who_is_late_comes_with_the_next_request() {
    let (world, good, _bad) = beside(ToolTrouble::Dead, Duration::ZERO).await;
    let first = offered(&world).await;
    assert!(!first.contains("bmcp_"), "{first}");
    let figures = world.metrics.expose();
    let sample = "bridge_tool_open_timeouts_total 1";
    assert!(figures.contains(sample), "{figures}");
    until(|| good.seen().methods().contains(&"tools/list")).await;
    for _ in 0..2_000 {
        if offered(&world).await.contains("bmcp_good_find") {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the tools never came");
}

#[tokio::test]
async fn the_callers_key_goes_to_servers_that_want_it_and_to_no_other() {
    let logger = bridge_telemetry::discard();
    let keyed = ToolServerConfig {
        expected_token: Some("alice-key".to_owned()),
        tools: tools(),
        ..ToolServerConfig::default()
    };
    let keyed = ToolServer::bind(keyed, &logger).await.unwrap();
    let open = ToolServer::bind(ToolServerConfig::default(), &logger)
        .await
        .unwrap();
    let servers = vec![
        server("keyed", &keyed.url(), Credential::CallersKey),
        server("open", &open.url(), Credential::None),
    ];
    let dialect = Dialect::Anthropic;
    let config = patient();
    let world = World::with(Setup {
        tools: Some(ToolsSetup { servers, config }),
        ..Setup::playing(vec![dialect.answer(false, "only", Says::Text("x"))])
    })
    .await;
    let body = offered(&world).await;
    assert!(
        body.contains("bmcp_keyed_find") && body.contains("bmcp_open_echo"),
        "{body}"
    );
    let bare = open.seen().requests;
    assert!(
        bare.iter()
            .all(|it| !it.headers.contains_key("authorization"))
    );
    assert!(!body.contains("alice-key"));
    // A host program vouches for her, and has no key that could be handed on.
    let host = InProcess::new(world.gateway.clone(), world.seal.clone());
    let agents = RequestSource::new("agents").unwrap();
    let transport = host.transport_for("anthropic", agents).unwrap();
    let request = Request::post("https://ignored/v1/messages");
    let request = request.body(Full::<Bytes>::from(dialect.request(false)));
    let sent = transport.send("alice-id", request.unwrap()).await.unwrap();
    assert_eq!(sent.status(), 200);
    let seen = world.provider.seen();
    let body = String::from_utf8(seen.last().unwrap().body.clone()).unwrap();
    assert!(
        !body.contains("bmcp_keyed_") && body.contains("bmcp_open_echo"),
        "{body}"
    );
}

#[tokio::test]
async fn tools_do_not_vanish_for_a_request_that_came_before_a_reload() {
    let dialect = Dialect::Anthropic;
    let answer = dialect.answer(false, "only", Says::Text("x"));
    let stage = Stage::playing(vec![answer]).await;
    let world = &stage.world;
    let held = "Authorization: Bearer held-key";
    let body = dialect.request(false);
    let mut early = open(world.address, &[dialect.line(), held], body.as_bytes()).await;
    until(|| !world.asked.claims.lock().is_empty()).await;
    let limits = GatewayConfig::default();
    world
        .gateway
        .replace(Arc::new(world.blueprint.clone()), limits);
    stage.ask(dialect, &body).await;
    world.asked.door.notify_one();
    assert_eq!(read_reply(&mut early).await.status, 200);
    let asked = stage.asked();
    assert_eq!(asked[0]["tools"], asked[1]["tools"]);
    assert_eq!(asked[1]["tools"].as_array().map(Vec::len), Some(6));
}
