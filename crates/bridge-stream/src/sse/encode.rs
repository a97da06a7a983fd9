//! Events into bytes.

use memchr::memchr2;

use super::SseEvent;

impl SseEvent<'_> {
    /// Appends the event as it is written in a stream, with the blank line that ends it.
    ///
    /// Decoding gives the same event back, with two exceptions that the format forces: every line
    /// end in the data (CR, LF or both) comes back as a line feed, and a name ends at its first
    /// line end. The name `message` is the default and is not written.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let (name, _) = split_line(self.name.as_bytes());
        if !name.is_empty() && name != b"message" {
            push_field(out, b"event: ", name);
        }
        let mut rest = Some(self.data);
        while let Some(data) = rest {
            let (line, after) = split_line(data);
            push_field(out, b"data: ", line);
            rest = after;
        }
        out.push(b'\n');
    }
}

fn push_field(out: &mut Vec<u8>, field: &[u8], value: &[u8]) {
    out.extend_from_slice(field);
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// The first line, and what comes after its end if it has one.
fn split_line(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some((line, end)) = memchr2(b'\r', b'\n', bytes).map(|at| bytes.split_at(at)) else {
        return (bytes, None);
    };
    let after = end.strip_prefix(b"\r\n").or_else(|| end.get(1..));
    (line, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, data: &[u8], expected: &str) {
        let mut out = Vec::new();
        SseEvent { name, data }.write_to(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn events_are_written_line_by_line() {
        check("ping", b"{}", "event: ping\ndata: {}\n\n");
        check("message", b"x", "data: x\n\n");
        check("", b"", "data: \n\n");
        check(
            "a\nb",
            b"1\n2\r3\r\n4",
            "event: a\ndata: 1\ndata: 2\ndata: 3\ndata: 4\n\n",
        );
        check("a", b"1\n", "event: a\ndata: 1\ndata: \n\n");
    }
}
