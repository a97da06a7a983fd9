//! The events of a stream, rendered one by one as they are needed.
//!
//! The few events that frame an answer are rendered at once. Of the many between them, which
//! differ in a piece of text only, the constant parts are kept and each event is put together
//! when it leaves: a paced stream of a thousand events holds its text, not its events.

use std::collections::VecDeque;
use std::io::Write;

use bytes::{BufMut, BytesMut};
use serde_json::Value;

use crate::frame;
use crate::pieces::Pieces;

/// A stream that is still to be written.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    queue: VecDeque<Part>,
    left: usize,
    is_framed: bool,
}

#[derive(Debug)]
enum Part {
    Event(String),
    Deltas(Deltas),
}

/// Many events that differ in a piece of text, and perhaps a number, only.
#[derive(Debug)]
pub(crate) struct Deltas {
    /// Up to the piece, which is written as a JSON string.
    pub(crate) before: String,
    pub(crate) pieces: Pieces,
    /// From the piece on, up to the number.
    pub(crate) after: String,
    /// The number of the first of these events. Later ones count up.
    pub(crate) number: Option<usize>,
    /// What follows the number.
    pub(crate) tail: &'static str,
}

impl Parts {
    /// An event with a name, as Anthropic Messages and OpenAI Responses write it.
    pub(crate) fn named(&mut self, name: &str, data: &Value) {
        self.raw(format!("event: {name}\ndata: {data}\n\n"));
    }

    /// An event without a name, as Chat Completions write it.
    pub(crate) fn unnamed(&mut self, data: &str) {
        self.raw(format!("data: {data}\n\n"));
    }

    fn raw(&mut self, event: String) {
        self.queue.push_back(Part::Event(event));
        self.left += 1;
    }

    /// A line for people, as some providers send it to keep a connection open.
    pub(crate) fn comment(&mut self, text: &str) {
        self.raw(format!(": {text}\n\n"));
    }

    /// The same events, each in a frame of its own instead of between blank lines.
    pub(crate) fn framed(mut self) -> Self {
        self.is_framed = true;
        self
    }

    /// One event for each piece. Says how many.
    pub(crate) fn deltas(&mut self, deltas: Deltas) -> usize {
        let count = deltas.pieces.count();
        self.left += count;
        self.queue.push_back(Part::Deltas(deltas));
        count
    }

    /// How many events are still to be written.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Writes the next event. False when there is none.
    pub(crate) fn next(&mut self, out: &mut BytesMut) -> bool {
        if !self.is_framed {
            return self.next_event(out);
        }
        let mut event = BytesMut::new();
        let is_there = self.next_event(&mut event);
        if is_there {
            frame::chunk(data(&event), out);
        }
        is_there
    }

    fn next_event(&mut self, out: &mut BytesMut) -> bool {
        loop {
            match self.queue.front_mut() {
                None => return false,
                Some(Part::Event(event)) => out.put_slice(event.as_bytes()),
                Some(Part::Deltas(deltas)) => {
                    if deltas.next(out) {
                        self.left -= 1;
                        return true;
                    }
                    self.queue.pop_front();
                    continue;
                }
            }
            self.queue.pop_front();
            self.left -= 1;
            return true;
        }
    }
}

/// The data of an event: JSON in one line.
fn data(event: &[u8]) -> &[u8] {
    const DATA: &[u8] = b"data: ";
    let at = memchr::memmem::find(event, DATA).map_or(0, |at| at + DATA.len());
    event.get(at..).unwrap_or_default().trim_ascii_end()
}

impl Deltas {
    fn next(&mut self, out: &mut BytesMut) -> bool {
        let Some(piece) = self.pieces.next() else {
            return false;
        };
        out.put_slice(self.before.as_bytes());
        let mut writer = out.writer();
        // Writing into memory does not fail.
        let _never = serde_json::to_writer(&mut writer, piece);
        let _never = writer.write_all(self.after.as_bytes());
        if let Some(number) = &mut self.number {
            let _never = write!(writer, "{number}");
            *number += 1;
        }
        out.put_slice(self.tail.as_bytes());
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pieces::Cut;

    #[test]
    fn events_come_in_order_and_are_counted() {
        let mut parts = Parts::default();
        parts.named("first", &json!({"a": 1}));
        let deltas = parts.deltas(Deltas {
            before: "data: {\"d\":".to_owned(),
            pieces: Pieces::new("a \"b\"".to_owned(), Cut::Words),
            after: ",\"n\":".to_owned(),
            number: Some(9),
            tail: "}\n\n",
        });
        parts.unnamed("[DONE]");
        assert_eq!((deltas, parts.left()), (2, 4));
        let mut out = BytesMut::new();
        let mut count = 0;
        while parts.next(&mut out) {
            count += 1;
            assert_eq!(parts.left(), 4 - count);
        }
        assert_eq!(
            out,
            "event: first\ndata: {\"a\":1}\n\n\
             data: {\"d\":\"a\",\"n\":9}\n\ndata: {\"d\":\" \\\"b\\\"\",\"n\":10}\n\n\
             data: [DONE]\n\n"
        );
    }
}
