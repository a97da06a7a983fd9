//! A provider that fails in every way there is, and remembers every byte that reached it.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use super::called;

/// The header with which a request says what is to go wrong.
pub(crate) const MISHAP: &str = "x-mishap";

/// All that can go wrong. An empty word is a good answer. What makes a gateway spare a key for a
/// while stands at the end.
pub(crate) const MISHAPS: [&str; 26] = [
    "",
    "tools",
    "tools, streamed",
    "400",
    "403",
    "404",
    "409",
    "truncated",
    "html",
    "empty",
    "garbage",
    "redirect",
    "too-long",
    "error-event",
    "mid-event",
    "reset-after",
    "reset-before",
    "408",
    "500",
    "502",
    "503",
    "504",
    "529",
    "echo",
    "401",
    "429",
];

/// Answers on a thread for each connection, and ends with the test's process.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Provider {
    pub(crate) fn start() -> Self {
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
        Self { address, heard }
    }

    /// Everything that reached it.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.heard.lock().clone()
    }
}

pub(super) struct Request {
    pub(super) path: String,
    mishap: String,
    /// The head as it came.
    head: String,
    pub(super) wants_stream: bool,
    /// The injected tools that it offers, when none has answered yet.
    pub(super) tools: Vec<String>,
}

fn converse(stream: &TcpStream, heard: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = read(&mut reader, heard)? {
        let mut out = stream;
        match request.mishap.as_str() {
            "reset-before" => return stream.shutdown(Shutdown::Both),
            "reset-after" => {
                out.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    transfer-encoding: chunked\r\n\r\n",
                )?;
                return stream.shutdown(Shutdown::Both);
            }
            "mid-event" => {
                let event = "event: message_start\ndata: {\"type\":\"message_st";
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    transfer-encoding: chunked\r\n\r\n";
                write!(out, "{head}{:x}\r\n{event}\r\n", event.len())?;
                return stream.shutdown(Shutdown::Both);
            }
            _ => out.write_all(&answer(&request))?,
        }
    }
    Ok(())
}

/// A head and a body, which are remembered.
pub(super) fn read_message(
    reader: &mut impl BufRead,
    heard: &Mutex<Vec<u8>>,
) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        if head.len() - before <= 2 {
            break;
        }
    }
    let mut body = vec![0; value(&head, "content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let mut heard = heard.lock();
    heard.extend_from_slice(head.as_bytes());
    heard.extend_from_slice(&body);
    Ok(Some((head, body)))
}

fn value(head: &str, name: &str) -> String {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.to_owned()).unwrap_or_default()
}

fn read(reader: &mut impl BufRead, heard: &Mutex<Vec<u8>>) -> std::io::Result<Option<Request>> {
    let Some((head, body)) = read_message(reader, heard)? else {
        return Ok(None);
    };
    Ok(Some(Request {
        path: head.split(' ').nth(1).unwrap_or_default().to_owned(),
        mishap: value(&head, MISHAP),
        wants_stream: memchr::memmem::find(&body, b"\"stream\":true").is_some(),
        tools: called::tools(&body),
        head,
    }))
}

fn answer(request: &Request) -> Vec<u8> {
    let (stream, whole) = shapes(&request.path);
    let good = if request.wants_stream { stream } else { whole };
    let kind = if request.wants_stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    let say = |status: &str, kind: &str, more: &str, body: &str| {
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{more}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        head.into_bytes()
    };
    match request.mishap.as_str() {
        "error-event" => say(
            "200",
            kind,
            "",
            "event: error\ndata: {\"type\":\"error\",\"error\":\
            {\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
        ),
        "truncated" => say("200", kind, "", &good[..good.len() / 2]),
        "html" => say("200", "text/html", "", "<html>sign in</html>"),
        "empty" => say("200", kind, "", ""),
        "garbage" => say("200", kind, "", "\u{1}\u{2}data: }{\n\n"),
        "redirect" => say(
            "302",
            "text/plain",
            "location: http://127.0.0.1:9/elsewhere\r\n",
            "",
        ),
        "too-long" => say("200", kind, "content-encoding: br\r\n", "not brotli"),
        "echo" => echo(request),
        "tools" | "tools, streamed" if !request.tools.is_empty() => {
            say("200", kind, "", &called::answer(request))
        }
        status if status.parse::<u16>().is_ok() => {
            let body = "{\"error\":{\"type\":\"some_error\",\"message\":\"as you wished\"}}";
            say(status, "application/json", "retry-after: 0\r\n", body)
        }
        _ => say("200", kind, "", good),
    }
}

/// Some providers tell the key that they do not know, and AWS all that it has looked at when a
/// signature is wrong.
fn echo(request: &Request) -> Vec<u8> {
    let head = &request.head;
    // What AWS looks at and repeats are the signed headers.
    let lines = head
        .lines()
        .filter(|line| !line.starts_with("authorization"));
    let looked_at = lines.collect::<Vec<_>>().join("\n");
    let (status, message) = match head.contains("AWS4-HMAC-SHA256") {
        true => (
            "403 X\r\nx-amzn-errortype: InvalidSignatureException",
            format!(
                "The request signature we calculated does not match the signature you provided. \
                 Check your AWS Secret Access Key and signing method. Consult the service \
                 documentation for details.\n\nThe Canonical String for this request should have \
                 been\n'{looked_at}'"
            ),
        ),
        false => {
            let keys = head.lines().filter(|line| {
                let line = line.to_ascii_lowercase();
                line.starts_with("authorization") || line.contains("api-key")
            });
            let keys: Vec<&str> = keys.collect();
            ("401 X", format!("unknown: {}", keys.join(", ")))
        }
    };
    let body = match status.starts_with("403") {
        true => serde_json::json!({"message": message}),
        false => serde_json::json!({"error": {"type": "authentication_error", "message": message}}),
    };
    let body = body.to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A short good answer, as a stream and whole.
fn shapes(path: &str) -> (&'static str, &'static str) {
    if path.contains("/messages") {
        return (
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\
             \"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n\
             event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            "{\"id\":\"msg_1\",\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\",\
             \"usage\":{\"input_tokens\":3,\"output_tokens\":1}}",
        );
    }
    if path.contains("/responses") {
        return (
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":\
             {\"id\":\"resp_1\",\"output\":[],\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
            "{\"id\":\"resp_1\",\"output\":[],\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}",
        );
    }
    (
        "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\
         \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        "{\"id\":\"chatcmpl-1\",\"choices\":[],\"data\":[]}",
    )
}
