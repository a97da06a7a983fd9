//! A provider that replays a stream up to an event, and then watches its connection.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::clock;
use crate::http1::{self, Head};
use crate::program::pause;

/// The header by which a request says which script is meant. It travels through the gateway.
pub(super) const MARK: &str = "x-chaos-mark";

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is written, and how much of it before the client goes away.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) events: Vec<Vec<u8>>,
    pub(super) stop: usize,
}

/// How a call ended for the provider.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// Since the client went away.
    pub(super) after: Duration,
    /// Everything was written and read.
    pub(super) is_whole: bool,
}

/// How long a gateway has for noticing that its client went away.
const NOTICE: Duration = Duration::from_millis(150);

/// A provider on a port of its own, until the process ends.
#[derive(Debug)]
pub(super) struct Replay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Whether the rest is written once the client has gone.
    goes_on: bool,
    calls: Mutex<HashMap<String, Call>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Call {
    script: Option<Script>,
    is_asked: bool,
    left: Option<Instant>,
    end: Option<End>,
}

impl Replay {
    pub(super) fn start(goes_on: bool) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            goes_on,
            calls: Mutex::default(),
            changed: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // A broken connection shows as a call without an end.
                thread::spawn(move || shared.serve(&stream));
            }
        });
        Ok(Self { address, shared })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request with this mark will come.
    pub(super) fn expect(&self, mark: String, script: Script) {
        let call = Call {
            script: Some(script),
            ..Call::default()
        };
        self.shared.calls.lock().insert(mark, call);
    }

    /// The client with this mark goes away now.
    pub(super) fn left(&self, mark: &str) {
        let left = clock::now();
        self.shared.change(mark, |call| call.left = Some(left));
    }

    pub(super) fn wait_until_asked(&self, mark: &str, patience: Duration) -> bool {
        let asked = |call: &Call| call.is_asked.then_some(());
        self.shared.wait(mark, patience, asked).is_some()
    }

    pub(super) fn wait_until_over(&self, mark: &str, patience: Duration) -> Option<End> {
        self.shared.wait(mark, patience, |call| call.end)
    }
}

impl Shared {
    fn change(&self, mark: &str, change: impl FnOnce(&mut Call)) {
        if let Some(call) = self.calls.lock().get_mut(mark) {
            change(call);
        }
        self.changed.notify_all();
    }

    fn wait<T>(
        &self,
        mark: &str,
        patience: Duration,
        find: impl Fn(&Call) -> Option<T>,
    ) -> Option<T> {
        let end = clock::now() + patience;
        let mut calls = self.calls.lock();
        loop {
            if let Some(found) = calls.get(mark).and_then(&find) {
                return Some(found);
            }
            if self.changed.wait_until(&mut calls, end).timed_out() {
                return None;
            }
        }
    }

    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(message) = http1::read_request(&mut reader)? {
            let mark = message.head.header(MARK).unwrap_or_default().to_owned();
            let script = self
                .calls
                .lock()
                .get_mut(&mark)
                .and_then(|it| it.script.take());
            self.change(&mark, |call| call.is_asked = true);
            let Some(script) = script else {
                return Ok(());
            };
            let is_whole = self.play(&mark, &script, stream, &mut reader);
            let left = self.wait(&mark, PATIENCE, |call| call.left);
            let end = left.map(|left| End {
                after: left.elapsed(),
                is_whole: is_whole.unwrap_or(false),
            });
            self.change(&mark, |call| call.end = end);
        }
        Ok(())
    }

    /// Writes what the client is to have, and waits until it has gone. Tells whether everything
    /// was written and somebody was there to read it.
    fn play(
        &self,
        mark: &str,
        script: &Script,
        mut stream: &TcpStream,
        reader: &mut impl Read,
    ) -> io::Result<bool> {
        let (first, rest) = script.events.split_at(script.stop);
        if script.stop > 0 {
            stream.write_all(&head().to_bytes())?;
        }
        for event in first {
            write_chunk(stream, event)?;
        }
        if !self.goes_on {
            wait_for_end(stream, reader)?;
            return Ok(false);
        }
        self.wait(mark, PATIENCE, |call| call.left);
        // What comes before the gateway has noticed is an answer to a client that is there.
        pause(NOTICE);
        if script.stop == 0 {
            stream.write_all(&head().to_bytes())?;
        }
        for event in rest {
            write_chunk(stream, event)?;
        }
        stream.write_all(b"0\r\n\r\n")?;
        Ok(true)
    }
}

/// Waits until the other side has ended the connection.
fn wait_for_end(stream: &TcpStream, reader: &mut impl Read) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    match reader.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(io::Error::other("another request on a connection in use")),
        Err(cause) if cause.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        Err(cause) => Err(cause),
    }
}

fn head() -> Head {
    let headers = [
        ("content-type", "text/event-stream"),
        ("transfer-encoding", "chunked"),
    ];
    Head {
        first_line: "HTTP/1.1 200 OK".to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
    }
}

fn write_chunk(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    let head = format!("{:x}\r\n", bytes.len());
    stream.write_all(&[head.as_bytes(), bytes, b"\r\n"].concat())
}

/// The whole events of a stream, each with the empty line that ends it.
pub(super) fn events(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    let mut rest = stream;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\n\n") {
        let (event, after) = rest.split_at(at + 2);
        events.push(event.to_vec());
        rest = after;
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole() {
        let check = |stream: &str, wanted: &[&str]| {
            let wanted: Vec<_> = wanted.iter().map(|it| it.as_bytes().to_vec()).collect();
            assert_eq!(events(stream.as_bytes()), wanted, "{stream:?}");
        };
        check("", &[]);
        check("data: 1\n", &[]);
        check(
            "data: 1\n\ndata: 2\n\ndata",
            &["data: 1\n\n", "data: 2\n\n"],
        );
    }

    #[test]
    fn a_client_that_goes_away_is_seen() {
        let replay = Replay::start(false).unwrap();
        let script = Script {
            events: events(b"data: 1\n\ndata: 2\n\n"),
            stop: 1,
        };
        replay.expect("one".to_owned(), script);
        let request = crate::gateway::request("POST", "/", &[(MARK, "one")]);
        let mut stream = TcpStream::connect(replay.address()).unwrap();
        http1::send(&mut stream, &request, b"").unwrap();
        assert!(replay.wait_until_asked("one", PATIENCE));
        let mut reader = BufReader::new(&stream);
        http1::read_head(&mut reader).unwrap();
        let mut body = Vec::new();
        http1::read_chunk(&mut reader, &mut body).unwrap();
        assert_eq!(body, b"data: 1\n\n");
        replay.left("one");
        drop(stream);
        let end = replay.wait_until_over("one", PATIENCE).unwrap();
        assert!(!end.is_whole);
    }
}
