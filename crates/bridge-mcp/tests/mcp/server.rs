//! A tool server whose every answer a test may change.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::task::{self, Task};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) verb: String,
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Seen {
    /// The method of the protocol; empty where there is none.
    pub(crate) fn method(&self) -> String {
        let message: Value = serde_json::from_str(&self.body).unwrap_or_default();
        message["method"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn id(&self) -> String {
        let message: Value = serde_json::from_str(&self.body).unwrap_or_default();
        message["id"].to_string()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// This status and body, of type JSON unless it is empty.
    Status(u16, String),
    /// This result, as JSON.
    Result(String),
    /// These texts as events, and the end of the stream.
    Events(Vec<String>),
    /// Exactly these bytes, and the end of the connection.
    Raw(Vec<u8>),
    /// These bytes, and nothing more until the caller leaves.
    Stall(&'static [u8]),
}

type Script = Box<dyn FnMut(&Seen) -> Option<Reply> + Send>;

/// A running server.
pub(crate) struct ToolHall {
    pub(crate) port: u16,
    pub(crate) state: Arc<State>,
    _task: Task<()>,
}

#[derive(Default)]
pub(crate) struct State {
    /// The tools as JSON.
    pub(crate) tools: Mutex<Vec<String>>,
    pub(crate) seen: Mutex<Vec<Seen>>,
    pub(crate) sessions: Mutex<HashSet<String>>,
    /// The token that is good, if any is wanted.
    pub(crate) token: Mutex<Option<String>>,
    script: Mutex<Option<Script>>,
    opened: Mutex<u32>,
    /// What is said to those who listen, one after the other.
    news: watch::Sender<Vec<String>>,
    /// How many calls were given up by their callers while they hung.
    pub(crate) left: Mutex<usize>,
    moved: Notify,
}

pub(crate) fn tool(name: &str) -> String {
    format!(r#"{{"name":"{name}","description":"does {name}","inputSchema":{{"type":"object"}}}}"#)
}

impl ToolHall {
    pub(crate) async fn start(tools: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        *state.tools.lock() = tools.iter().map(|name| tool(name)).collect();
        let logger = bridge_telemetry::discard();
        let kept = Arc::clone(&state);
        let _task = task::spawn(&logger.clone(), "tool hall", async move {
            let mut tasks = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&kept);
                let work = async move {
                    let _left = serve(stream, &state).await;
                };
                tasks.push(task::spawn(&logger, "connection", work));
            }
        });
        Self { port, state, _task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }

    /// Answers what the script answers, and the rest as usual.
    pub(crate) fn script(&self, script: impl FnMut(&Seen) -> Option<Reply> + Send + 'static) {
        *self.state.script.lock() = Some(Box::new(script));
    }

    /// Behaves again.
    pub(crate) fn behave(&self) {
        *self.state.script.lock() = None;
    }

    /// Says to all who listen that the tools are others.
    pub(crate) fn tell_changed(&self) {
        let text = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
        self.state
            .news
            .send_modify(|news| news.push(text.to_owned()));
    }

    /// Waits until something is so, and fails after twenty seconds.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        until(what, &self.state.moved, || is_so(&self.state)).await;
    }

    pub(crate) fn methods(&self) -> Vec<String> {
        self.state.seen.lock().iter().map(Seen::method).collect()
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.methods().iter().filter(|seen| *seen == method).count()
    }

    pub(crate) fn calls(&self) -> Vec<Seen> {
        let seen = self.state.seen.lock();
        seen.iter()
            .filter(|seen| seen.method() == "tools/call")
            .cloned()
            .collect()
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, moved: &Notify, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            // Whatever is not told is looked at soon.
            let _either = tokio::time::timeout(Duration::from_millis(10), moved.notified()).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert!(waited.is_ok(), "not so within twenty seconds: {what}");
}

impl State {
    fn answer(&self, seen: &Seen) -> Reply {
        let scripted = self.script.lock().as_mut().and_then(|script| script(seen));
        if let Some(reply) = scripted {
            return reply;
        }
        if let Some(token) = &*self.token.lock()
            && seen.header("authorization") != format!("Bearer {token}")
        {
            return Reply::Status(401, String::new());
        }
        let session = seen.header("mcp-session-id");
        let is_known = self.sessions.lock().contains(session);
        if seen.verb == "DELETE" {
            self.sessions.lock().remove(session);
            return Reply::Status(200, String::new());
        }
        let method = seen.method();
        if method != "initialize" && !is_known {
            return Reply::Status(404, String::new());
        }
        match method.as_str() {
            "initialize" => Reply::Result(
                r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},
                "serverInfo":{"name":"hall","version":"1"}}"#
                    .to_owned(),
            ),
            "tools/list" => {
                let tools = self.tools.lock().join(",");
                Reply::Result(format!(r#"{{"tools":[{tools}]}}"#))
            }
            "tools/call" => {
                Reply::Result(r#"{"content":[{"type":"text","text":"done"}]}"#.to_owned())
            }
            "" | "notifications/initialized" | "notifications/cancelled" => {
                Reply::Status(202, String::new())
            }
            _ => Reply::Status(400, String::new()),
        }
    }
}

async fn serve(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(seen) = read(&mut stream, &mut buffer).await? {
        let reply = state.answer(&seen);
        let is_listening = seen.verb == "GET";
        state.seen.lock().push(seen.clone());
        state.moved.notify_waiters();
        match reply {
            Reply::Stall(bytes) => {
                stream.write_all(bytes).await?;
                // The end of the stream, or of the connection, says that the caller has left.
                let _gone = stream.read_buf(&mut buffer).await;
                *state.left.lock() += 1;
                return Ok(());
            }
            Reply::Raw(bytes) => return stream.write_all(&bytes).await,
            Reply::Status(202, _) if is_listening => return listened(&mut stream, state).await,
            Reply::Status(status, body) => {
                stream
                    .write_all(whole(status, "", &body).as_bytes())
                    .await?;
            }
            Reply::Result(result) => {
                let session = open(&seen, state);
                let body = format!(
                    r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#,
                    seen.id()
                );
                stream
                    .write_all(whole(200, &session, &body).as_bytes())
                    .await?;
            }
            Reply::Events(events) => {
                let head = events_head();
                let events: String = events.iter().map(|text| event(text)).collect();
                return stream.write_all(format!("{head}{events}").as_bytes()).await;
            }
        }
    }
    Ok(())
}

fn open(seen: &Seen, state: &State) -> String {
    if seen.method() != "initialize" {
        return String::new();
    }
    let mut opened = state.opened.lock();
    *opened += 1;
    let session = format!("session-{opened}");
    state.sessions.lock().insert(session.clone());
    format!("Mcp-Session-Id: {session}\r\n")
}

async fn listened(stream: &mut TcpStream, state: &State) -> std::io::Result<()> {
    stream.write_all(events_head().as_bytes()).await?;
    let mut news = state.news.subscribe();
    let mut told = news.borrow_and_update().len();
    let mut gone = [0];
    loop {
        let late: Vec<_> = news
            .borrow_and_update()
            .get(told..)
            .unwrap_or_default()
            .to_vec();
        for text in late {
            stream.write_all(event(&text).as_bytes()).await?;
            told += 1;
        }
        tokio::select! {
            changed = news.changed() => if changed.is_err() { return Ok(()) },
            _ = stream.read(&mut gone) => return Ok(()),
        }
    }
}

fn events_head() -> String {
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n".to_owned()
}

fn event(text: &str) -> String {
    let mut event = String::new();
    for line in text.lines() {
        let _infallible = writeln!(event, "data: {line}");
    }
    event.push('\n');
    event
}

fn whole(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {length}\
         \r\n{headers}\r\n{body}"
    )
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Option<Seen>> {
    loop {
        let text = String::from_utf8_lossy(buffer).into_owned();
        if let Some((head, rest)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let mut first = lines.next().unwrap_or_default().split(' ');
            let (verb, target) = (first.next().unwrap(), first.next().unwrap());
            let headers: HashMap<_, _> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length = headers
                .get("content-length")
                .map_or(0, |text| text.parse().unwrap());
            if rest.len() >= length {
                let seen = Seen {
                    verb: verb.to_owned(),
                    target: target.to_owned(),
                    body: rest[..length].to_owned(),
                    headers,
                };
                buffer.drain(..head.len() + 4 + length);
                return Ok(Some(seen));
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}
