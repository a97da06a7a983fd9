//! Frames of HTTP/2 written by hand (RFC 9113, section 6), for what no server does when it is asked.

use std::sync::Arc;

use bridge_telemetry::task::{self, Task};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const PREFACE: usize = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const REFUSED_STREAM: u32 = 7;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Says hello, and these frames to each request. A connection on which a request is given up takes
/// nothing new from then on.
pub(super) struct Frames {
    pub(super) port: u16,
    pub(super) asked: Arc<Mutex<usize>>,
    /// How many connections the other side knows to take nothing new.
    pub(super) left: watch::Receiver<usize>,
    _task: Task<()>,
}

impl Frames {
    pub(super) async fn start(answer: fn(u32) -> Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<usize>>::default();
        let count = Arc::clone(&asked);
        let (heard, left) = watch::channel(0);
        let heard = Arc::new(heard);
        let logger = bridge_telemetry::discard();
        let _task = task::spawn(&logger.clone(), "server", async move {
            let mut tasks = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (count, heard) = (Arc::clone(&count), Arc::clone(&heard));
                tasks.push(task::spawn(&logger, "connection", async move {
                    // The other side may close the connection at any time.
                    let _ended = speak(stream, answer, &count, &heard).await;
                }));
            }
        });
        Self {
            port,
            asked,
            left,
            _task,
        }
    }
}

async fn speak(
    mut stream: TcpStream,
    answer: fn(u32) -> Vec<u8>,
    asked: &Mutex<usize>,
    left: &watch::Sender<usize>,
) -> std::io::Result<()> {
    stream.write_all(&frame(SETTINGS, 0, &[])).await?;
    stream.read_exact(&mut [0; PREFACE]).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await?;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match (head[3], head[4]) {
            (HEADERS, _) => {
                *asked.lock() += 1;
                stream.write_all(&answer(id)).await?;
            }
            (RST_STREAM, _) => {
                let until_here = [id.to_be_bytes(), [0; 4]].concat();
                stream.write_all(&frame(GOAWAY, 0, &until_here)).await?;
                // It answers when it has heard that.
                stream.write_all(&frame(PING, 0, &[0; 8])).await?;
            }
            (PING, ACK) => left.send_modify(|left| *left += 1),
            _ => {}
        }
    }
}

fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, 0];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

pub(super) fn refuses(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, stream, &REFUSED_STREAM.to_be_bytes())
}

/// None was looked at.
pub(super) fn goes_away(_: u32) -> Vec<u8> {
    frame(GOAWAY, 0, &[0; 8])
}

/// The head of an answer that goes on.
pub(super) fn begins(stream: u32) -> Vec<u8> {
    // `:status: 200`, from the table of RFC 7541, appendix A.
    let mut head = frame(HEADERS, stream, &[0x88]);
    head[4] = END_HEADERS;
    head
}

pub(super) fn hears_nothing(_: u32) -> Vec<u8> {
    Vec::new()
}
