//! Tool servers, what the operator and a user gave them, and what may reach which.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::hunt::Hunt;
use super::mishaps;
use super::operator::Operator;

/// What belongs to which tool server: its name, the slot, and the secret.
pub(crate) const SECRETS: [(&str, &str, &str); 6] = [
    (
        "fixed",
        "the tool server's token",
        "canary+tools/fixed=t0k3n",
    ),
    (
        "fixed",
        "the tool server's header",
        "canary+tools/header=t1",
    ),
    (
        "personal",
        "a user's token for tools",
        "canary+tools/user=t0k3n2",
    ),
    (
        "authority",
        "a user's refresh token",
        "canary+tools/refresh=t3",
    ),
    (
        "authority",
        "a client's secret",
        "canary+tools/client=s3cret5",
    ),
    (
        "shut",
        "a token for a closed door",
        "canary+tools/shut=t0k3n4",
    ),
];

fn secret(slot: &str) -> &'static str {
    SECRETS.iter().find(|it| it.1 == slot).unwrap().2
}

/// The names of the tools that each of them has.
const TOOLS: [&str; 3] = ["look", "refuse", "fail"];

/// One that remembers every byte that reached it. It ends with the test's process.
struct ToolServer {
    name: &'static str,
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

/// All that can be reached.
pub(crate) struct ToolServers(Vec<ToolServer>);

impl ToolServers {
    pub(crate) fn start() -> Self {
        let names = ["fixed", "personal", "caller", "renewing", "authority"];
        Self(names.map(ToolServer::start).into())
    }

    /// Makes them, and one that nobody reaches, and gives the user tokens of her own.
    pub(crate) fn make(&self, operator: Operator, user: &str) {
        let url = |name: &str| {
            let found = self.0.iter().find(|it| it.name == name);
            found.map_or("http://127.0.0.1:1/mcp".to_owned(), |it| {
                format!("http://{}/mcp", it.address)
            })
        };
        let make = |name: &str, mut more: Value| {
            more["name"] = json!(name);
            more["url"] = json!(url(name));
            operator.json("POST", "/api/v1/tool-servers", &more.to_string());
        };
        let token = secret("the tool server's token");
        let headers = json!({"X-Team": secret("the tool server's header")});
        make(
            "fixed",
            json!({"credential": "token", "token": token, "headers": headers}),
        );
        make("caller", json!({"credential": "caller"}));
        make("personal", json!({"credential": "user"}));
        let oauth = json!({
            "token_url": url("authority").replace("/mcp", "/token"), "client_id": "canary",
            "client_secret": secret("a client's secret"),
        });
        make("renewing", json!({"credential": "user", "oauth": oauth}));
        let token = secret("a token for a closed door");
        make("shut", json!({"credential": "token", "token": token}));
        let give = |server: &str, token: Value| {
            let path = format!("/api/v1/tool-servers/{server}/tokens/{user}");
            operator.json("PUT", &path, &token.to_string());
        };
        give(
            "personal",
            json!({"token": secret("a user's token for tools")}),
        );
        give(
            "renewing",
            json!({"refresh_token": secret("a user's refresh token")}),
        );
    }

    /// Nothing reached a tool server but its own secrets.
    pub(crate) fn look(&self, hunt: &mut Hunt) {
        for server in &self.0 {
            let its_own = SECRETS.iter().filter(|it| it.0 == server.name);
            let mut may: Vec<&str> = its_own.map(|it| it.1).collect();
            if server.name == "caller" {
                may.push("the user key");
            }
            let heard = server.heard.lock().clone();
            // The authority gives no token, so nobody may ask the server that wants one.
            let wanted: Option<&[u8]> = match server.name {
                "authority" => Some(b"refresh_token"),
                "renewing" => None,
                _ => Some(b"tools/call"),
            };
            match wanted {
                Some(wanted) => assert!(
                    memchr::memmem::find(&heard, wanted).is_some(),
                    "nobody asked {}",
                    server.name
                ),
                None => assert_eq!(heard.len(), 0, "somebody asked {}", server.name),
            }
            hunt.look(&format!("what {} heard", server.name), &heard, &may);
        }
    }
}

impl ToolServer {
    fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                // Whoever goes away in the middle of an exchange is not answered.
                thread::spawn(move || converse(&stream, &kept));
            }
        });
        Self {
            name,
            address,
            heard,
        }
    }
}

fn converse(stream: &TcpStream, heard: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some((head, body)) = mishaps::read_message(&mut reader, heard)? {
        let mut words = head.split(' ');
        let (status, body) = match words.next() {
            Some("POST") if words.next() == Some("/token") => (400, echo(&head, &body)),
            Some("POST") => answer(&body),
            Some("DELETE") => (200, String::new()),
            _ => (405, String::new()),
        };
        let kind = if body.is_empty() {
            ""
        } else {
            "content-type: application/json\r\n"
        };
        let mut out = stream;
        write!(
            out,
            "HTTP/1.1 {status} X\r\nmcp-session-id: session\r\n{kind}content-length: {}\r\n\r\n{body}",
            body.len()
        )?;
    }
    Ok(())
}

/// Some authorities say which token they do not know, and to whom they would not give another.
fn echo(head: &str, body: &[u8]) -> String {
    let said = format!("unknown: {head} {}", String::from_utf8_lossy(body));
    json!({"error": "invalid_grant", "error_description": said}).to_string()
}

fn answer(body: &[u8]) -> (u16, String) {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(id) = asked.get("id") else {
        return (202, String::new());
    };
    let say = |member: &str, value: Value| {
        (
            200,
            json!({"jsonrpc": "2.0", "id": id, member: value}).to_string(),
        )
    };
    match asked["method"].as_str().unwrap_or_default() {
        "initialize" => say(
            "result",
            json!({
                "protocolVersion": asked["params"]["protocolVersion"],
                "capabilities": {"tools": {}}, "serverInfo": {"name": "canary", "version": "1"},
            }),
        ),
        "tools/list" => {
            let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
            say("result", json!({"tools": TOOLS.map(tool)}))
        }
        "tools/call" => match asked["params"]["name"].as_str().unwrap_or_default() {
            "look" => say(
                "result",
                json!({"content": [{"type": "text", "text": "all is well"}]}),
            ),
            "refuse" => (401, String::new()),
            _ => say("error", json!({"code": -32603, "message": "as you wished"})),
        },
        _ => say(
            "error",
            json!({"code": -32601, "message": "no such method"}),
        ),
    }
}
