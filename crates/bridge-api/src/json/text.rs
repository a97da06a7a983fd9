//! Text of JSON strings.

use std::borrow::Cow;

/// The text between quotation marks without its escapes. Bytes that are no text are replaced.
pub(crate) fn unescaped(inner: &[u8]) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inner).is_none() {
        return String::from_utf8_lossy(inner);
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        text.push_str(&String::from_utf8_lossy(plain));
        rest = unescape_one(escape, &mut text);
    }
    text.push_str(&String::from_utf8_lossy(rest));
    Cow::Owned(text)
}

/// Reads the escape at the beginning, and gives back what follows it.
fn unescape_one<'a>(escape: &'a [u8], text: &mut String) -> &'a [u8] {
    let character = match escape.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unescape_unit(escape, text),
        Some(byte) if byte.is_ascii() => char::from(*byte),
        Some(_) | None => {
            text.push(char::REPLACEMENT_CHARACTER);
            return escape.get(1..).unwrap_or_default();
        }
    };
    text.push(character);
    escape.get(2..).unwrap_or_default()
}

fn unescape_unit<'a>(escape: &'a [u8], text: &mut String) -> &'a [u8] {
    let Some(first) = unit(escape) else {
        text.push(char::REPLACEMENT_CHARACTER);
        return escape.get(2..).unwrap_or_default();
    };
    let rest = escape.get(6..).unwrap_or_default();
    if let Some(character) = char::from_u32(first) {
        text.push(character);
        return rest;
    }
    let second = unit(rest).filter(|second| (0xdc00..0xe000).contains(second));
    let pair = second
        .filter(|_| first < 0xdc00)
        .and_then(|second| char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)));
    text.push(pair.unwrap_or(char::REPLACEMENT_CHARACTER));
    match pair {
        Some(_) => rest.get(6..).unwrap_or_default(),
        None => rest,
    }
}

/// The number in an escape with four digits.
fn unit(escape: &[u8]) -> Option<u32> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

/// A text as a JSON string, with its quotation marks.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
