//! JSON for people: indented, with keys in their order and numbers as they were written.

use serde_json::value::RawValue;

/// How far each level is indented.
const STEP: usize = 2;

/// The value with line breaks and indentation, or nothing when it is no JSON. Only white space
/// between its parts is changed.
pub(super) fn pretty(text: &[u8]) -> Option<Vec<u8>> {
    // Checks the whole without building anything of it.
    let value: &RawValue = serde_json::from_slice(text).ok()?;
    let mut out = Indented::default();
    let mut bytes = value.get().bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                out.push(byte);
                while let Some(byte) = bytes.next() {
                    out.push(byte);
                    match byte {
                        b'\\' => bytes.next().into_iter().for_each(|byte| out.push(byte)),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'{' | b'[' => {
                out.push(byte);
                while bytes.next_if(u8::is_ascii_whitespace).is_some() {}
                let end = bytes.next_if(|byte| matches!(byte, b'}' | b']'));
                match end {
                    Some(end) => out.push(end),
                    None => out.deeper(),
                }
            }
            b'}' | b']' => {
                out.shallower();
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                out.new_line();
            }
            b':' => out.text.extend_from_slice(b": "),
            byte if byte.is_ascii_whitespace() => {}
            byte => out.push(byte),
        }
    }
    Some(out.text)
}

#[derive(Default)]
struct Indented {
    text: Vec<u8>,
    depth: usize,
}

impl Indented {
    fn push(&mut self, byte: u8) {
        self.text.push(byte);
    }

    fn deeper(&mut self) {
        self.depth += 1;
        self.new_line();
    }

    fn shallower(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.new_line();
    }

    fn new_line(&mut self) {
        self.text.push(b'\n');
        let spaces = std::iter::repeat_n(b' ', self.depth * STEP);
        self.text.extend(spaces);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_numbers_stay_as_they_were() {
        let text =
            br#"{"b":12345678901234567890.10,"a":[1, 2,{}],"c":{ },"t":"a\"{,:}\\","n":null}"#;
        let wanted = r#"{
  "b": 12345678901234567890.10,
  "a": [
    1,
    2,
    {}
  ],
  "c": {},
  "t": "a\"{,:}\\",
  "n": null
}"#;
        let shown = pretty(text).unwrap();
        assert_eq!(String::from_utf8(shown.clone()).unwrap(), wanted);
        assert_eq!(pretty(&shown).unwrap(), shown);
    }

    #[test]
    fn what_is_no_json_is_left_alone() {
        for text in ["", "test", "f", "{\"a\":}", "[1", "{} x"] {
            assert_eq!(pretty(text.as_bytes()), None, "{text}");
        }
        assert_eq!(pretty(b" \"a\" ").unwrap(), b"\"a\"");
    }
}
