//! Checks JSON while walking over it, without building anything.
//!
//! The grammar is that of RFC 8259. A request of two hundred kilobytes is walked over for every
//! turn, so strings are passed eight bytes at a time.

/// What is wrong with a text, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Something stands where it may not.
    Unexpected(usize),
    /// The text ends too early.
    Ended(usize),
    /// Containers are nested too deeply.
    TooDeep(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Object,
    Array,
}

/// A position in a text of which everything before has been checked.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    deepest: usize,
    open: Vec<Container>,
}

impl<'a> Scanner<'a> {
    /// At the beginning of a text whose containers may be nested this deeply.
    pub(crate) fn new(bytes: &'a [u8], deepest: usize) -> Self {
        Self {
            bytes,
            at: 0,
            deepest,
            open: Vec::new(),
        }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Passes white space, and says what follows.
    pub(crate) fn peek_past_space(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    /// Passes one byte, which was seen.
    pub(crate) fn pass(&mut self) {
        self.at += 1;
    }

    /// What follows is wrong: either a character or the end.
    pub(crate) fn fault(&self) -> Fault {
        if self.at < self.bytes.len() {
            Fault::Unexpected(self.at)
        } else {
            Fault::Ended(self.at)
        }
    }

    /// Passes the name of a member, and the colon after it. Says where the name ends.
    pub(crate) fn name(&mut self) -> Result<usize, Fault> {
        if self.peek_past_space() != Some(b'"') {
            return Err(self.fault());
        }
        self.string()?;
        let end = self.at;
        if self.peek_past_space() != Some(b':') {
            return Err(self.fault());
        }
        self.at += 1;
        Ok(end)
    }

    /// Passes the opening bracket of an array that is nested in so many containers.
    pub(crate) fn enter_array(&mut self, depth: usize) -> Result<(), Fault> {
        if depth >= self.deepest {
            return Err(Fault::TooDeep(self.at));
        }
        self.at += 1;
        Ok(())
    }

    /// Passes one value that is nested in so many containers.
    pub(crate) fn value(&mut self, depth: usize) -> Result<(), Fault> {
        self.open.clear();
        loop {
            match self.peek_past_space() {
                Some(b'"') => self.string()?,
                Some(b'{') => {
                    self.enter(Container::Object, depth)?;
                    if self.peek_past_space() != Some(b'}') {
                        self.name()?;
                        continue;
                    }
                    self.leave();
                }
                Some(b'[') => {
                    self.enter(Container::Array, depth)?;
                    if self.peek_past_space() != Some(b']') {
                        continue;
                    }
                    self.leave();
                }
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(_) | None => return Err(self.fault()),
            }
            if self.is_whole()? {
                return Ok(());
            }
        }
    }

    fn enter(&mut self, container: Container, depth: usize) -> Result<(), Fault> {
        if depth + self.open.len() >= self.deepest {
            return Err(Fault::TooDeep(self.at));
        }
        self.open.push(container);
        self.at += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.open.pop();
        self.at += 1;
    }

    /// Closes what ends after a value. Another value follows unless nothing is open any more.
    fn is_whole(&mut self) -> Result<bool, Fault> {
        while let Some(container) = self.open.last().copied() {
            match (container, self.peek_past_space()) {
                (Container::Object, Some(b'}')) | (Container::Array, Some(b']')) => self.leave(),
                (Container::Array, Some(b',')) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Container::Object, Some(b',')) => {
                    self.at += 1;
                    self.name()?;
                    return Ok(false);
                }
                _ => return Err(self.fault()),
            }
        }
        Ok(true)
    }

    /// Passes a string from its opening quotation mark to its closing one.
    fn string(&mut self) -> Result<(), Fault> {
        self.at += 1;
        loop {
            self.at = end_of_plain(self.bytes, self.at);
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            match rest {
                [b'"', ..] => {
                    self.at += 1;
                    return Ok(());
                }
                [
                    b'\\',
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                    ..,
                ] => self.at += 2,
                [b'\\', b'u', ..] => self.unit()?,
                [b'\\', ..] => {
                    self.at += 1;
                    return Err(self.fault());
                }
                [_, ..] | [] => return Err(self.fault()),
            }
        }
    }

    /// Passes an escape with four digits.
    fn unit(&mut self) -> Result<(), Fault> {
        self.at += 2;
        for _ in 0..4 {
            if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                return Err(self.fault());
            }
            self.at += 1;
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Fault> {
        for byte in word {
            if self.peek() != Some(*byte) {
                return Err(self.fault());
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.fault());
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }
}

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGHEST_BITS: u64 = 0x8080_8080_8080_8080;

/// Where the first quotation mark, backslash or control character from here on stands; the end of
/// the bytes when there is none.
#[inline]
fn end_of_plain(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let marks = special(u64::from_le_bytes(*word));
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    at + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Marks the highest bit of bytes that are special. The lowest mark is always right; those above it
/// may be wrong, because a subtraction borrows upwards.
fn special(word: u64) -> u64 {
    let is_zero = |word: u64| word.wrapping_sub(EACH) & !word;
    let quotation_mark = is_zero(word ^ (EACH * 0x22));
    let backslash = is_zero(word ^ (EACH * 0x5c));
    let control = word.wrapping_sub(EACH * 0x20) & !word;
    (quotation_mark | backslash | control) & HIGHEST_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_bytes_are_found_at_every_place() {
        for special in [b'"', b'\\', 0, 0x1f, b'\n'] {
            for len in 1..40 {
                for place in 0..len {
                    let mut bytes = vec![b'a'; len];
                    bytes[place] = special;
                    bytes[len - 1] = if place == len - 1 { special } else { b'"' };
                    assert_eq!(end_of_plain(&bytes, 0), place, "{special} {len} {place}");
                }
            }
        }
        let plain: Vec<u8> = (0x20..=0xff)
            .filter(|byte| !matches!(byte, b'"' | b'\\'))
            .collect();
        assert_eq!(end_of_plain(&plain, 0), plain.len());
        assert_eq!(end_of_plain(&plain, 300), 300);
    }
}
