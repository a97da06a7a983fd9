//! A provider that answers with what is written down for it, and remembers what it was asked.

use std::collections::VecDeque;
use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use crate::http1::{self, Head, Message};

/// Headers of every answer that clients rely on.
pub(super) const KEPT: [(&str, &str); 4] = [
    ("request-id", "request-of-the-provider"),
    ("retry-after", "20"),
    ("x-ratelimit-remaining-requests", "99"),
    ("X-Unknown-Of-Tomorrow", "kept"),
];

/// Headers of every answer that are not for callers.
pub(super) const REMOVED: [(&str, &str); 2] = [
    ("set-cookie", "tracking=1"),
    ("x-coder-ai-governance-token", "forged"),
];

/// What a provider answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether it goes out line by line.
    pub(crate) is_stream: bool,
}

impl Answer {
    /// The answer in a section of an archive: a whole response with its head, or only a body.
    pub(super) fn of_section(text: &str, is_streaming: bool) -> Self {
        if let Some(answer) = Self::with_head(text) {
            return answer;
        }
        let content_type = if is_streaming {
            "text/event-stream"
        } else {
            "application/json"
        };
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: text.as_bytes().to_vec(),
            is_stream: is_streaming,
        }
    }

    fn with_head(text: &str) -> Option<Self> {
        if !text.starts_with("HTTP/") {
            return None;
        }
        let mut rest = text.as_bytes();
        let head = http1::read_head(&mut rest).ok().flatten()?;
        let length = head.header("content-length")?.parse().ok()?;
        let body = rest.get(..length)?.to_vec();
        let is_framing = |name: &str| name.eq_ignore_ascii_case("content-length");
        Some(Self {
            status: head.status(),
            headers: head
                .headers
                .into_iter()
                .filter(|(name, _)| !is_framing(name))
                .collect(),
            body,
            is_stream: false,
        })
    }
}

/// A provider on a port of its own, until the process ends.
#[derive(Debug)]
pub(super) struct ScriptedProvider {
    address: SocketAddr,
    script: Arc<Script>,
}

#[derive(Debug, Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    seen: Mutex<Vec<Message>>,
}

impl ScriptedProvider {
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let script = Arc::<Script>::default();
        let shared = Arc::clone(&script);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let script = Arc::clone(&shared);
                // A broken connection shows as a missing or different answer at the client.
                thread::spawn(move || serve(&stream, &script));
            }
        });
        Ok(Self { address, script })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next request is answered with this, and further ones with a failure.
    pub(super) fn expect(&self, answer: Answer) {
        self.expect_all([answer]);
    }

    /// The next requests are answered with these, and further ones with a failure.
    pub(super) fn expect_all(&self, wanted: impl IntoIterator<Item = Answer>) {
        let mut answers = self.script.answers.lock();
        answers.clear();
        answers.extend(wanted);
    }

    /// What it was asked since the last look.
    pub(super) fn seen(&self) -> Vec<Message> {
        std::mem::take(&mut *self.script.seen.lock())
    }
}

fn serve(stream: &TcpStream, script: &Script) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(message) = http1::read_request(&mut reader)? {
        script.seen.lock().push(message);
        let next = script.answers.lock().pop_front();
        let answer = next.unwrap_or_else(|| Answer {
            status: 500,
            headers: Vec::new(),
            body: b"asked too often".to_vec(),
            is_stream: false,
        });
        write(&mut &*stream, &answer)?;
    }
    Ok(())
}

fn write(to: &mut impl Write, answer: &Answer) -> io::Result<()> {
    let mut headers = answer.headers.clone();
    let always = KEPT.iter().chain(&REMOVED);
    headers.extend(always.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    headers.push(match answer.is_stream {
        true => ("transfer-encoding".to_owned(), "chunked".to_owned()),
        false => ("content-length".to_owned(), answer.body.len().to_string()),
    });
    let head = Head {
        first_line: format!("HTTP/1.1 {} Scripted", answer.status),
        headers,
    };
    to.write_all(&head.to_bytes())?;
    if !answer.is_stream {
        to.write_all(&answer.body)?;
        return to.flush();
    }
    for line in answer.body.split_inclusive(|byte| *byte == b'\n') {
        write!(to, "{:x}\r\n", line.len())?;
        to.write_all(line)?;
        to.write_all(b"\r\n")?;
        to.flush()?;
    }
    to.write_all(b"0\r\n\r\n")?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections() {
        let whole = Answer::of_section("{}\n", false);
        assert_eq!((whole.status, whole.is_stream), (200, false));
        assert_eq!(whole.body, b"{}\n");
        let stream = Answer::of_section("data: {}\n\n", true);
        assert!(stream.is_stream);
        let text = "HTTP/2.0 429 Too Many Requests\nContent-Length: 2\nContent-Type: a/b\n\n{}\n\n";
        let refusal = Answer::of_section(text, true);
        assert_eq!((refusal.status, refusal.is_stream), (429, false));
        assert_eq!(refusal.body, b"{}");
        assert_eq!(
            refusal.headers,
            [("Content-Type".to_owned(), "a/b".to_owned())]
        );
    }

    #[test]
    fn answers_once_and_remembers() {
        let provider = ScriptedProvider::start().unwrap();
        provider.expect(Answer::of_section("data: 1\n\n", true));
        let head = Head {
            first_line: "POST /v1 HTTP/1.1".to_owned(),
            headers: Vec::new(),
        };
        let first = http1::call(provider.address(), &head, b"asked").unwrap();
        assert_eq!(
            (first.head.status(), first.body.as_slice()),
            (200, &b"data: 1\n\n"[..])
        );
        let second = http1::call(provider.address(), &head, b"").unwrap();
        assert_eq!(second.head.status(), 500);
        let seen = provider.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].body, b"asked");
        assert!(provider.seen().is_empty());
    }
}
