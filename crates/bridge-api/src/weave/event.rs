//! Events whose data is changed and whose other bytes are not.

/// Writes an event with other data in place of its own. Comments, other fields, the spelling of
/// lines and what ends them stay.
pub(crate) fn write_event(raw: &[u8], data: &[u8], out: &mut Vec<u8>) {
    let mut is_written = false;
    let mut rest = raw;
    while !rest.is_empty() {
        let (line, end, later) = split_line(rest);
        rest = later;
        let Some(head) = data_head(line) else {
            out.extend_from_slice(line);
            out.extend_from_slice(end);
            continue;
        };
        // Data of several lines is all written where its first one stands.
        if std::mem::replace(&mut is_written, true) {
            continue;
        }
        for part in data.split(|byte| matches!(byte, b'\n' | b'\r')) {
            out.extend_from_slice(head);
            out.extend_from_slice(part);
            out.extend_from_slice(end);
        }
    }
}

/// The name of the field and what separates it from its value, if the field is data.
fn data_head(line: &[u8]) -> Option<&[u8]> {
    let length = if line.starts_with(b"data: ") {
        "data: ".len()
    } else if line.starts_with(b"data:") {
        "data:".len()
    } else {
        return None;
    };
    line.get(..length)
}

/// The first line, what ends it, and what follows.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let line = memchr::memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(line);
    let end = match rest {
        [b'\r', b'\n', ..] => 2,
        [_, ..] => 1,
        [] => 0,
    };
    let (end, rest) = rest.split_at(end);
    (line, end, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, data: &str, expected: &str) {
        let mut out = Vec::new();
        write_event(raw.as_bytes(), data.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{raw}");
    }

    #[test]
    fn only_the_data_changes() {
        check(
            ": data: 1\nevent: x\ndata: 1\nid: 1\n\n",
            "2",
            ": data: 1\nevent: x\ndata: 2\nid: 1\n\n",
        );
        check("data:1\r\n\r\n", "2", "data:2\r\n\r\n");
        check("data: {\ndata: }\n\n", "{}", "data: {}\n\n");
        check("data: 1\n\n", "[\n2]", "data: [\ndata: 2]\n\n");
        check("database: 1\n\n", "2", "database: 1\n\n");
        check("data: 1", "2", "data: 2");
    }
}
