//! A provider that plays scripts, byte for byte.

use std::collections::VecDeque;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bridge_telemetry::task::{self, Task};
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// One thing a provider does with a connection after it has read a request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Writes these bytes.
    Send(Vec<u8>),
    /// Waits until the test says so.
    Wait(Arc<Notify>),
    /// Breaks the connection as a crashed peer does.
    Reset,
    /// Ends the connection as a stopped peer does.
    Close,
    /// Says nothing more, until the other side goes away.
    Hang,
}

pub(crate) type Script = Vec<Step>;

/// A request as the provider got it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

#[derive(Default)]
struct Shared {
    scripts: Mutex<VecDeque<Script>>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    /// Callers that went away while the provider hung or wrote.
    deserted: AtomicUsize,
}

pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _task: Task<()>,
}

impl Provider {
    /// Plays the scripts in turn, one for each request; the last one again and again.
    pub(crate) async fn start(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            scripts: Mutex::new(scripts.into()),
            ..Shared::default()
        });
        let logger = bridge_telemetry::discard();
        let work = accept(listener, Arc::clone(&shared), logger.clone());
        Self {
            address,
            shared,
            _task: task::spawn(&logger, "provider", work),
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().clone()
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn deserted(&self) -> usize {
        self.shared.deserted.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, logger: slog::Logger) {
    let mut conversations = Vec::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let work = converse(stream, Arc::clone(&shared));
        conversations.push(task::spawn(&logger, "conversation", work));
    }
}

async fn converse(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut buffer = Vec::new();
    while let Some(seen) = read_request(&mut stream, &mut buffer).await {
        shared.seen.lock().push(seen);
        let script = {
            let mut scripts = shared.scripts.lock();
            if scripts.len() > 1 {
                scripts.pop_front()
            } else {
                scripts.front().cloned()
            }
        };
        for step in script.unwrap_or_default() {
            match step {
                Step::Send(bytes) => {
                    if stream.write_all(&bytes).await.is_err() {
                        shared.deserted.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                }
                Step::Wait(gate) => gate.notified().await,
                Step::Reset => {
                    let _ignored = stream.set_zero_linger();
                    return;
                }
                Step::Close => {
                    let _ignored = stream.shutdown().await;
                    return;
                }
                Step::Hang => {
                    let mut rest = [0; 1_024];
                    while matches!(stream.read(&mut rest).await, Ok(length) if length > 0) {}
                    shared.deserted.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let end = loop {
        if let Some(at) = find(buffer, b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let seen = Seen {
        head,
        body: Vec::new(),
    };
    let length = seen
        .header("content-length")
        .map_or(0, |text| text.parse().unwrap());
    while buffer.len() < end + 4 + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = buffer[end + 4..end + 4 + length].to_vec();
    buffer.drain(..end + 4 + length);
    Some(Seen { body, ..seen })
}

pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// A whole JSON answer.
pub(crate) fn json(status: &str, body: &str) -> Script {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         request-id: req_1\r\nretry-after: 7\r\nset-cookie: a=b\r\n\r\n{body}"
    );
    vec![Step::Send(head.into_bytes())]
}

/// The head of a stream, then each piece as a chunk of its own, then the proper end.
pub(crate) fn sse(pieces: &[&str]) -> Script {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let mut script = vec![Step::Send(head.into())];
    for piece in pieces {
        script.push(Step::Send(
            format!("{:x}\r\n{piece}\r\n", piece.len()).into_bytes(),
        ));
    }
    script.push(Step::Send(b"0\r\n\r\n".to_vec()));
    script
}

/// One chunk of a body without a length.
pub(crate) fn chunk(piece: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
}

/// These pieces of one body in gzip, each of which can be read when it has come.
pub(crate) fn zipped(pieces: &[&str]) -> Vec<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut out = Vec::new();
    for piece in pieces {
        encoder.write_all(piece.as_bytes()).unwrap();
        encoder.flush().unwrap();
        out.push(std::mem::take(encoder.get_mut()));
    }
    let tail = encoder.finish().unwrap();
    out.last_mut().unwrap().extend(tail);
    out
}
