//! HTTP/1.1 with nothing hidden (RFC 9112): heads as they are written, bodies as they travel.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest line of a head or of a chunk's size, in bytes.
const LONGEST_LINE: u64 = 64 << 10;
/// Largest piece of a body, in bytes.
const LARGEST_BODY: u64 = 64 << 20;
/// How long the other side may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// First line and headers of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) first_line: String,
    /// In the order and spelling in which they came.
    pub(crate) headers: Vec<(String, String)>,
}

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

impl Head {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// A word of the first line, counted from zero.
    pub(crate) fn word(&self, index: usize) -> &str {
        self.first_line.split(' ').nth(index).unwrap_or_default()
    }

    /// The status of an answer, zero when it has none.
    pub(crate) fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or_default()
    }

    /// The head as it travels.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.first_line);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

/// An answer, as far as it came.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// Nothing when the connection ended before it.
    pub(crate) head: Option<Head>,
    pub(crate) body: Vec<u8>,
    /// Why the rest is missing.
    pub(crate) problem: Option<io::Error>,
}

/// Sends a request on a connection of its own and reads the answer. Host, length and `Connection: close`
/// are added.
pub(crate) fn call(to: SocketAddr, head: &Head, body: &[u8]) -> io::Result<Message> {
    let received = converse(to, head, body)?;
    match (received.problem, received.head) {
        (Some(problem), _) => Err(problem),
        (None, None) => Err(ended()),
        (None, Some(head)) => Ok(Message {
            head,
            body: received.body,
        }),
    }
}

/// The same, but an answer that breaks off is told as far as it came.
///
/// # Errors
/// When there is no connection.
pub(crate) fn converse(to: SocketAddr, head: &Head, body: &[u8]) -> io::Result<Received> {
    let mut head = head.clone();
    head.headers
        .push(("connection".to_owned(), "close".to_owned()));
    let mut stream = TcpStream::connect(to)?;
    let mut received = Received::default();
    let sent = send(&mut stream, &head, body);
    // Whoever refuses early may answer without having read everything.
    let came = receive(&mut BufReader::new(stream), &mut received);
    received.problem = came.err().map(|cause| sent.err().unwrap_or(cause));
    Ok(received)
}

/// Writes a request. Host and length are added.
pub(crate) fn send(stream: &mut TcpStream, head: &Head, body: &[u8]) -> io::Result<()> {
    let mut head = head.clone();
    let to = stream.peer_addr()?;
    head.headers.push(("host".to_owned(), to.to_string()));
    head.headers
        .push(("content-length".to_owned(), body.len().to_string()));
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.write_all(&[&head.to_bytes(), body].concat())
}

/// Reads an answer. What came before a failure is kept.
pub(crate) fn receive(reader: &mut impl BufRead, received: &mut Received) -> io::Result<()> {
    let head = read_head(reader)?.ok_or_else(ended)?;
    let head = received.head.insert(head);
    read_body(reader, head, true, &mut received.body)
}

/// Reads a request, or nothing when the connection has ended.
pub(crate) fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Message>> {
    let Some(head) = read_head(reader)? else {
        return Ok(None);
    };
    let mut body = Vec::new();
    read_body(reader, &head, false, &mut body)?;
    Ok(Some(Message { head, body }))
}

/// Reads a head. Nothing when the connection ended before it.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Head>> {
    let first_line = read_line(reader)?;
    if first_line.is_empty() {
        return Ok(None);
    }
    let mut head = Head {
        first_line,
        headers: Vec::new(),
    };
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            return Ok(Some(head));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| garbled(&line))?;
        head.headers
            .push((name.to_owned(), value.trim().to_owned()));
    }
}

fn read_body(
    reader: &mut impl BufRead,
    head: &Head,
    is_answer: bool,
    body: &mut Vec<u8>,
) -> io::Result<()> {
    if head.header("transfer-encoding") == Some("chunked") {
        while read_chunk(reader, body)? {}
        return Ok(());
    }
    match head.header("content-length") {
        Some(length) => {
            let length: u64 = length.parse().map_err(|_| garbled(length))?;
            reader.take(length.min(LARGEST_BODY)).read_to_end(body)?;
            if body.len() as u64 != length {
                return Err(ended());
            }
        }
        None if is_answer => {
            reader.take(LARGEST_BODY).read_to_end(body)?;
        }
        None => {}
    }
    Ok(())
}

/// Reads one chunk. Whether there are more.
pub(crate) fn read_chunk(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<bool> {
    let line = read_line(reader)?;
    let size = line.split(';').next().unwrap_or_default().trim();
    let size = u64::from_str_radix(size, 16).map_err(|_| garbled(&line))?;
    if size > LARGEST_BODY {
        return Err(garbled(&line));
    }
    let before = body.len() as u64;
    reader.take(size).read_to_end(body)?;
    if body.len() as u64 != before + size {
        return Err(ended());
    }
    let end = read_line(reader)?;
    if !end.is_empty() {
        return Err(garbled(&end));
    }
    Ok(size > 0)
}

/// A line without its end. Empty at the end of the connection, too.
fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    reader.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    let text = String::from_utf8(line).map_err(|_| garbled("a line that is not UTF-8"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn ended() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the connection ended too early",
    )
}

fn garbled(line: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not HTTP/1.1: {line:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str)>) {
        let read = read_request(&mut text.as_bytes());
        let got = read.ok().flatten();
        let got = got.map(|it| (it.head.first_line, String::from_utf8(it.body).unwrap()));
        let expected = expected.map(|(line, body)| (line.to_owned(), body.to_owned()));
        assert_eq!(got, expected, "{text:?}");
    }

    #[test]
    fn requests() {
        check("", None);
        check("GET / HTTP/1.1\r\n\r\n", Some(("GET / HTTP/1.1", "")));
        let whole = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
        check(whole, Some(("POST / HTTP/1.1", "abc")));
        check("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabc", None);
        let chunked =
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        check(chunked, Some(("POST / HTTP/1.1", "abc")));
        check(chunked.trim_end(), Some(("POST / HTTP/1.1", "abc")));
        check(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc",
            None,
        );
        check("no header at all\r\nhere\r\n\r\n", None);
    }

    #[test]
    fn heads_are_written_as_they_are_read() {
        let text = "POST /a?b HTTP/1.1\r\nX-One: 1\r\nx-two: 2\r\n\r\n";
        let head = read_head(&mut text.as_bytes()).unwrap().unwrap();
        assert_eq!(head.to_bytes(), text.as_bytes());
        assert_eq!(head.header("X-TWO"), Some("2"));
        assert_eq!(head.word(1), "/a?b");
    }
}
