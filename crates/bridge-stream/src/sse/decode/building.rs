//! The event that is being read.

use std::ops::Range;

use super::{SseEvent, empty};

/// Name and data of an unfinished event.
///
/// What lies whole in the current piece is remembered as a place. It is copied when the piece ends
/// before the event does, or when a second data line follows.
#[derive(Default)]
pub(super) struct Building {
    name: Part,
    own_name: Vec<u8>,
    data: Part,
    own_data: Vec<u8>,
    /// The id that the event brings. The stream has told it when the event is whole: whoever resumes
    /// it with the id of an event that was cut would never have that event.
    next_id: Option<String>,
    /// What a stream may be resumed with. Neither belongs to one event.
    last_id: Option<String>,
    retry_ms: Option<u64>,
}

/// Longest id that is remembered, in bytes.
const LONGEST_ID: usize = 1 << 10;

/// Where a part of the event is.
#[derive(Default)]
enum Part {
    #[default]
    Absent,
    InPiece(Range<usize>),
    Own,
}

/// The fields that matter.
enum Field {
    Name,
    Data,
    Id,
    Retry,
}

impl Building {
    /// Takes a line, which begins in `piece` at `from` if it lies whole in it.
    pub(super) fn line(&mut self, line: &[u8], from: Option<usize>, piece: &[u8]) {
        let Some((field, value)) = field(line) else {
            return;
        };
        let place = from.map(|from| from + line.len() - value.len()..from + line.len());
        match field {
            Field::Name => set(&mut self.name, &mut self.own_name, place, value),
            Field::Data if matches!(self.data, Part::Absent) => {
                set(&mut self.data, &mut self.own_data, place, value);
            }
            Field::Data => {
                own(&mut self.data, &mut self.own_data, piece);
                self.own_data.push(b'\n');
                self.own_data.extend_from_slice(value);
            }
            Field::Id => self.identify(value),
            Field::Retry => self.retry_ms = digits(value).or(self.retry_ms),
        }
    }

    /// An id with a null character is none, as the standard has it.
    fn identify(&mut self, id: &[u8]) {
        if id.len() <= LONGEST_ID && !id.contains(&0) {
            self.next_id = Some(String::from_utf8_lossy(id).into_owned());
        }
    }

    pub(super) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref().filter(|id| !id.is_empty())
    }

    pub(super) fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// How large the event is by now.
    pub(super) fn len(&self) -> usize {
        part_len(&self.name, &self.own_name) + part_len(&self.data, &self.own_data)
    }

    /// The event is whole. Without a data line it is none.
    pub(super) fn dispatch(&mut self, piece: &[u8], on_event: &mut impl FnMut(SseEvent<'_>)) {
        if let Some(data) = bytes(&self.data, &self.own_data, piece) {
            let name = bytes(&self.name, &self.own_name, piece).unwrap_or_default();
            // The standard decodes streams like this: what is no UTF-8 is replaced.
            let name = String::from_utf8_lossy(name);
            let name = if name.is_empty() { "message" } else { &name };
            on_event(SseEvent { name, data });
        }
        if let Some(id) = self.next_id.take() {
            self.last_id = Some(id);
        }
        self.name = Part::Absent;
        self.data = Part::Absent;
        empty(&mut self.own_name);
        empty(&mut self.own_data);
    }

    /// The piece ends: what lies in it is copied.
    pub(super) fn own(&mut self, piece: &[u8]) {
        own(&mut self.name, &mut self.own_name, piece);
        own(&mut self.data, &mut self.own_data, piece);
    }
}

/// The field and its value. A line without a colon is a field with an empty value, and one space
/// behind the colon does not belong to the value.
fn field(line: &[u8]) -> Option<(Field, &[u8])> {
    let (field, rest) = if let Some(rest) = line.strip_prefix(b"data") {
        (Field::Data, rest)
    } else if let Some(rest) = line.strip_prefix(b"event") {
        (Field::Name, rest)
    } else if let Some(rest) = line.strip_prefix(b"id") {
        (Field::Id, rest)
    } else {
        (Field::Retry, line.strip_prefix(b"retry")?)
    };
    if rest.is_empty() {
        return Some((field, rest));
    }
    let value = rest.strip_prefix(b":")?;
    Some((field, value.strip_prefix(b" ").unwrap_or(value)))
}

/// A number of nothing but digits.
fn digits(value: &[u8]) -> Option<u64> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| is_number);
    text?.parse().ok()
}

fn set(part: &mut Part, buffer: &mut Vec<u8>, place: Option<Range<usize>>, value: &[u8]) {
    buffer.clear();
    *part = if let Some(place) = place {
        Part::InPiece(place)
    } else {
        buffer.extend_from_slice(value);
        Part::Own
    };
}

fn own(part: &mut Part, buffer: &mut Vec<u8>, piece: &[u8]) {
    if let Part::InPiece(place) = part {
        buffer.extend_from_slice(piece.get(place.clone()).unwrap_or_default());
        *part = Part::Own;
    }
}

fn bytes<'a>(part: &Part, buffer: &'a [u8], piece: &'a [u8]) -> Option<&'a [u8]> {
    match part {
        Part::Absent => None,
        Part::InPiece(place) => piece.get(place.clone()),
        Part::Own => Some(buffer),
    }
}

fn part_len(part: &Part, buffer: &[u8]) -> usize {
    match part {
        Part::Absent => 0,
        Part::InPiece(place) => place.len(),
        Part::Own => buffer.len(),
    }
}
