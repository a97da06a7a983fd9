//! A small client, and a reader of event streams that shares nothing with the provider.

use std::net::SocketAddr;

use bridge_simulate::{SimulateConfig, Simulator};
use bridge_telemetry::{discard, task};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) const MESSAGES: &str = "/v1/messages";
pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const RESPONSES: &str = "/v1/responses";

pub(crate) async fn simulator(config: SimulateConfig) -> Simulator {
    Simulator::bind(config, &discard()).await.unwrap()
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Why the body broke off.
    pub(crate) broken: Option<hyper::Error>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The events: name and data.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        let text = std::str::from_utf8(&self.body).unwrap();
        assert!(text.ends_with("\n\n"), "the last event is whole");
        let events = text.trim_end_matches('\n').split("\n\n");
        events.map(event).collect()
    }
}

fn event(block: &str) -> (String, Value) {
    let mut name = String::new();
    let mut data = String::new();
    for line in block.lines() {
        match line.split_once(": ").unwrap() {
            ("event", value) => name = value.to_owned(),
            ("data", value) => data = value.to_owned(),
            other => panic!("unknown field {other:?}"),
        }
    }
    let data = match data.as_str() {
        "[DONE]" => Value::String(data),
        data => serde_json::from_str(data).unwrap(),
    };
    (name, data)
}

/// Sends a request and reads the answer as far as it goes.
pub(crate) async fn send(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Answer, hyper::Error> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let _driver = task::spawn(&discard(), "client", async move {
        let _ended = connection.await;
    });
    let (head, mut body) = sender.send_request(request).await?.into_parts();
    let mut bytes = Vec::new();
    let mut broken = None;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(frame.data_ref().unwrap()),
            Err(cause) => broken = Some(cause),
        }
    }
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: bytes.into(),
        broken,
    })
}

pub(crate) fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("host", "simulated")
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .unwrap()
}

pub(crate) async fn ask(simulator: &Simulator, path: &str, body: &Value) -> Answer {
    send(simulator.address(), post(path, body.to_string()))
        .await
        .unwrap()
}

/// A request of any dialect with this prompt.
pub(crate) fn prompt(path: &str, prompt: &str, stream: bool) -> Value {
    let said = serde_json::json!([{"role": "user", "content": prompt}]);
    match path {
        MESSAGES => serde_json::json!({
            "model": "claude-sonnet-5-5", "max_tokens": 100, "messages": said, "stream": stream,
        }),
        CHAT => serde_json::json!({"model": "gpt-4.1", "messages": said, "stream": stream}),
        RESPONSES => serde_json::json!({"model": "gpt-5.5", "input": said, "stream": stream}),
        other => panic!("no such path {other}"),
    }
}
