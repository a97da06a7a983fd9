//! A client that says exactly what a test wants, also what no library would.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::provider::find;

/// An answer as it came over the wire.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the body came to the end that its framing promised.
    pub(crate) is_whole: bool,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request and reads the whole answer. `lines` are request line and headers; length and
/// the end of the connection are added.
pub(crate) async fn call(to: SocketAddr, lines: &[&str], body: &[u8]) -> Reply {
    let mut stream = open(to, lines, body).await;
    read_reply(&mut stream).await
}

/// Sends a request and leaves the connection open.
pub(crate) async fn open(to: SocketAddr, lines: &[&str], body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let mut request = lines.join("\r\n").into_bytes();
    let length = body.len();
    request.extend_from_slice(b"\r\nHost: gateway\r\nConnection: close\r\n");
    if !lines
        .iter()
        .any(|line| line.to_ascii_lowercase().starts_with("content-length"))
    {
        request.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body);
    // The gateway may refuse and close before it has read everything.
    let _ignored = stream.write_all(&request).await;
    stream
}

/// Reads until the gateway closes the connection.
pub(crate) async fn read_reply(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    while matches!(stream.read_buf(&mut bytes).await, Ok(length) if length > 0) {}
    parse(&bytes)
}

/// Adds what the gateway has written by now.
pub(crate) fn take_ready(stream: &TcpStream, bytes: &mut Vec<u8>) {
    while matches!(stream.try_read_buf(bytes), Ok(length) if length > 0) {}
}

/// What there is of an answer in these bytes.
pub(crate) fn parse(bytes: &[u8]) -> Reply {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return Reply::default();
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let mut reply = Reply {
        status,
        head,
        ..Reply::default()
    };
    let rest = &bytes[end + 4..];
    if let Some(length) = reply
        .header("content-length")
        .and_then(|text| text.parse::<usize>().ok())
    {
        reply.is_whole = rest.len() == length;
        reply.body = rest.to_vec();
    } else {
        (reply.body, reply.is_whole) = dechunk(rest);
    }
    reply
}

fn dechunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = find(rest, b"\r\n") {
        let Ok(size) = std::str::from_utf8(&rest[..line]) else {
            break;
        };
        let Ok(size) = usize::from_str_radix(size, 16) else {
            break;
        };
        let from = line + 2;
        if size == 0 {
            return (body, true);
        }
        if rest.len() < from + size + 2 {
            body.extend_from_slice(&rest[from.min(rest.len())..]);
            break;
        }
        body.extend_from_slice(&rest[from..from + size]);
        rest = &rest[from + size + 2..];
    }
    (body, false)
}
