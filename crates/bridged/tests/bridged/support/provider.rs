//! A provider whose streams stand still after their first event, until the test lets them go on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
/// The first event of each stream.
pub(crate) const FIRST: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":\
    {\"id\":\"msg_1\",\"model\":\"m\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n";
/// The last event of each stream.
pub(crate) const LAST: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    changed: Condvar,
}

/// Answers on a thread for each connection, and ends with the test's process.
pub(crate) struct HeldProvider {
    pub(crate) address: SocketAddr,
    gate: Arc<Gate>,
}

impl HeldProvider {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Arc::<Gate>::default();
        let held = Arc::clone(&gate);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let gate = Arc::clone(&held);
                thread::spawn(move || answer(stream, &gate));
            }
        });
        Self { address, gate }
    }

    /// All streams go on to their end, and so do those that come.
    pub(crate) fn let_go(&self) {
        *self.gate.is_open.lock() = true;
        self.gate.changed.notify_all();
    }
}

fn answer(mut stream: TcpStream, gate: &Gate) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((_, value)) = line.to_ascii_lowercase().split_once("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    // Who goes away is not answered.
    let said = reader.read_exact(&mut body).and_then(|()| {
        stream.write_all(HEAD.as_bytes())?;
        stream.write_all(chunk(FIRST).as_bytes())
    });
    if said.is_err() {
        return;
    }
    let mut is_open = gate.is_open.lock();
    while !*is_open {
        gate.changed.wait(&mut is_open);
    }
    drop(is_open);
    let _ignored = stream.write_all(format!("{}0\r\n\r\n", chunk(LAST)).as_bytes());
}

fn chunk(piece: &str) -> String {
    format!("{:x}\r\n{piece}\r\n", piece.len())
}
