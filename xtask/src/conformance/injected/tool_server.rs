//! The tool server of the recorded exchanges: it lists what they know of and answers as their
//! server did. It speaks just enough of the protocol, and shares nothing with other ones here.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::heard::at;
use crate::http1::{self, Head, Message};

/// What the gateway calls it.
pub(super) const CONFIGURED_AS: &str = "coder";

/// What its tools answer.
pub(super) const SAID: &str = "mock";

/// A call of a tool.
#[derive(Debug, Clone)]
pub(super) struct Called {
    pub(super) tool: String,
    pub(super) arguments: Value,
    pub(super) authorization: Option<String>,
}

/// A tool server on a port of its own, until the process ends.
pub(super) struct ScriptedTools {
    address: SocketAddr,
    script: Arc<Script>,
}

struct Script {
    names: BTreeSet<String>,
    error: Mutex<Option<&'static str>>,
    seen: Mutex<Vec<Called>>,
}

impl ScriptedTools {
    pub(super) fn start(names: BTreeSet<String>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let script = Arc::new(Script {
            names,
            error: Mutex::default(),
            seen: Mutex::default(),
        });
        let shared = Arc::clone(&script);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let script = Arc::clone(&shared);
                // A broken connection shows as a call that failed.
                thread::spawn(move || serve(&stream, &script));
            }
        });
        Ok(Self { address, script })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Calls are answered with this error from now on, or with a result.
    pub(super) fn fail_with(&self, error: Option<&'static str>) {
        *self.script.error.lock() = error;
    }

    /// The calls since the last look.
    pub(super) fn seen(&self) -> Vec<Called> {
        std::mem::take(&mut *self.script.seen.lock())
    }
}

fn serve(stream: &TcpStream, script: &Script) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(message) = http1::read_request(&mut reader)? {
        let (status, body) = match message.head.word(0) {
            "POST" => match script.answer(&message) {
                Some(answer) => (200, answer.to_string()),
                None => (202, String::new()),
            },
            "DELETE" => (200, String::new()),
            // Its tools do not change, so there is nothing to be told on a stream.
            _ => (405, String::new()),
        };
        let mut headers = vec![
            ("content-length".to_owned(), body.len().to_string()),
            ("mcp-session-id".to_owned(), "the-only-session".to_owned()),
        ];
        if !body.is_empty() {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let first_line = format!("HTTP/1.1 {status} Scripted");
        let head = Head {
            first_line,
            headers,
        };
        (&mut &*stream).write_all(&[&head.to_bytes(), body.as_bytes()].concat())?;
    }
    Ok(())
}

impl Script {
    /// The answer to a request. A notice gets none.
    fn answer(&self, message: &Message) -> Option<Value> {
        let asked: Value = serde_json::from_slice(&message.body).unwrap_or_default();
        let id = asked.get("id")?;
        let result = match at(&asked, "/method").as_str().unwrap_or_default() {
            "initialize" => json!({
                "protocolVersion": at(&asked, "/params/protocolVersion"),
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "scripted", "version": "1"},
            }),
            "tools/list" => json!({"tools": self.names.iter().map(tool).collect::<Vec<_>>()}),
            "tools/call" => match self.call(message, at(&asked, "/params")) {
                Ok(result) => result,
                Err(said) => {
                    let error = json!({"code": -32603, "message": said});
                    return Some(json!({"jsonrpc": "2.0", "id": id, "error": error}));
                }
            },
            _ => {
                let error = json!({"code": -32601, "message": "no such method"});
                return Some(json!({"jsonrpc": "2.0", "id": id, "error": error}));
            }
        };
        Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
    }

    fn call(&self, message: &Message, params: &Value) -> Result<Value, &'static str> {
        self.seen.lock().push(Called {
            tool: at(params, "/name").as_str().unwrap_or_default().to_owned(),
            arguments: at(params, "/arguments").clone(),
            authorization: message.head.header("authorization").map(str::to_owned),
        });
        match *self.error.lock() {
            Some(error) => Err(error),
            None => Ok(json!({"content": [{"type": "text", "text": SAID}]})),
        }
    }
}

fn tool(name: &String) -> Value {
    let description = format!("Mock of the {name} tool");
    json!({"name": name, "description": description, "inputSchema": {"type": "object"}})
}
