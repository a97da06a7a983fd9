//! Frames of HTTP/2, as far as a wire must know them (RFC 9113, section 4.1).

use std::io::{self, Read};

/// The bytes before a frame's payload.
const HEAD: usize = 9;
/// The largest payload that is let through: the largest that the protocol has.
const MOST: usize = (1 << 24) - 1;
/// The type of a frame that begins or ends an answer.
const HEADERS: u8 = 1;

/// A whole frame, its head included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame(Vec<u8>);

impl Frame {
    #[cfg(test)]
    pub(super) fn new(kind: u8, stream: u32, payload: &[u8]) -> Self {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([kind, 0]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The stream it belongs to; zero is the connection.
    pub(super) fn stream(&self) -> u32 {
        let id = self.0.get(5..HEAD).and_then(|id| id.try_into().ok());
        u32::from_be_bytes(id.unwrap_or_default()) & 0x7fff_ffff
    }

    pub(super) fn is_headers(&self) -> bool {
        self.0.get(3) == Some(&HEADERS)
    }
}

/// Bytes that become frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    waiting: Vec<u8>,
}

impl Frames {
    /// Reads once. Tells how many bytes came; none is the end.
    pub(super) fn fill(&mut self, from: &mut impl Read) -> io::Result<usize> {
        let mut piece = [0; 16 << 10];
        let read = from.read(&mut piece)?;
        self.waiting.extend(piece.get(..read).unwrap_or_default());
        Ok(read)
    }

    /// The next frame that is there whole.
    pub(super) fn next(&mut self) -> Option<Frame> {
        let length = self.waiting.get(..3)?;
        let length = length
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let end = HEAD + length.min(MOST);
        if self.waiting.len() < end {
            return None;
        }
        let rest = self.waiting.split_off(end);
        Some(Frame(std::mem::replace(&mut self.waiting, rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_do_not_depend_on_how_they_are_cut() {
        let frames = [
            Frame::new(4, 0, b""),
            Frame::new(1, 5, b"head"),
            Frame::new(0, 5, &[7; 300]),
        ];
        let bytes: Vec<u8> = frames.iter().flat_map(|it| it.bytes().to_vec()).collect();
        for step in [1, 3, 9, 100, 1000] {
            let (mut read, mut got) = (Frames::default(), Vec::new());
            for piece in bytes.chunks(step) {
                read.fill(&mut &*piece).unwrap();
                while let Some(frame) = read.next() {
                    got.push(frame);
                }
            }
            assert_eq!(got, frames, "{step}");
        }
    }

    #[test]
    fn frames_tell_their_stream_and_kind() {
        let headers = Frame::new(1, 0x8000_0007, b"x");
        assert_eq!((headers.stream(), headers.is_headers()), (7, true));
        let settings = Frame::new(4, 0, b"");
        assert_eq!((settings.stream(), settings.is_headers()), (0, false));
    }
}
