//! Frames of HTTP/2 written by hand (RFC 9113, section 6), for what no server does when it is asked.

use std::sync::Arc;

use bridge_telemetry::task::{self, Task};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const PREFACE: usize = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const REFUSED_STREAM: u32 = 7;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

pub(super) const EVENT: usize = 64;
pub(super) const EVENTS: usize = (256 << 10) / EVENT;

/// What is said of an exchange, in frames.
type Say = fn(u32) -> Vec<u8>;

/// Says hello, and these frames to each request, and to each that is given up.
pub(super) struct Frames {
    pub(super) port: u16,
    pub(super) asked: Arc<Mutex<usize>>,
    /// How often the other side has told that it is there.
    pub(super) pongs: watch::Receiver<usize>,
    _task: Task<()>,
}

impl Frames {
    pub(super) async fn start(answer: Say) -> Self {
        Self::with(answer, hears_nothing).await
    }

    pub(super) async fn with(answer: Say, given_up: Say) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<usize>>::default();
        let count = Arc::clone(&asked);
        let (heard, pongs) = watch::channel(0);
        let heard = Arc::new(heard);
        let logger = bridge_telemetry::discard();
        let _task = task::spawn(&logger.clone(), "server", async move {
            let mut tasks = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (count, heard) = (Arc::clone(&count), Arc::clone(&heard));
                tasks.push(task::spawn(&logger, "connection", async move {
                    // The other side may close the connection at any time.
                    let _ended = speak(stream, (answer, given_up), &count, &heard).await;
                }));
            }
        });
        Self {
            port,
            asked,
            pongs,
            _task,
        }
    }
}

async fn speak(
    mut stream: TcpStream,
    (answer, given_up): (Say, Say),
    asked: &Mutex<usize>,
    pongs: &watch::Sender<usize>,
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
            (RST_STREAM, _) => stream.write_all(&given_up(id)).await?,
            (SETTINGS, 0) => {
                let mut agreed = frame(SETTINGS, 0, &[]);
                agreed[4] = ACK;
                stream.write_all(&agreed).await?;
            }
            (PING, ACK) => pongs.send_modify(|pongs| *pongs += 1),
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

/// As much as a window of 256 KiB takes, in small pieces, as events are.
pub(super) fn tells_much(stream: u32) -> Vec<u8> {
    let pieces = frame(DATA, stream, &[b'x'; EVENT]).repeat(EVENTS - 1);
    let mut last = frame(DATA, stream, &[b'x'; EVENT]);
    last[4] = END_STREAM;
    [begins(stream), pieces, last].concat()
}

/// The connection takes nothing new. Whoever has heard that answers the ping.
pub(super) fn leaves(stream: u32) -> Vec<u8> {
    let until_here = [stream.to_be_bytes(), [0; 4]].concat();
    [frame(GOAWAY, 0, &until_here), frame(PING, 0, &[0; 8])].concat()
}

/// Much was on its way already, and the first exchange goes on.
pub(super) fn is_late(stream: u32) -> Vec<u8> {
    let mut frames = frame(DATA, stream, b"x").repeat(1_000);
    frames.extend(frame(DATA, 1, b"y"));
    frames
}

pub(super) fn hears_nothing(_: u32) -> Vec<u8> {
    Vec::new()
}
