//! What is measured: sizes, streams, and numbers of connections.

use std::fmt;
use std::time::Duration;

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) body_bytes: usize,
    /// Without: the answer comes in one piece.
    pub(crate) stream: Option<Stream>,
    pub(crate) connections: usize,
}

/// The stream that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stream {
    /// All events, those that frame the text included.
    pub(crate) events: usize,
    /// Milliseconds between two of them. 0 is a burst.
    pub(crate) pace_ms: u64,
}

/// Twenty events a second.
const PACE_MS: u64 = 50;

/// How long a case takes, and how its time is shared out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// How often direct and through take turns.
    pub(crate) turns: u32,
    /// How long a turn starts new requests.
    pub(crate) turn: Duration,
    /// How many requests a turn makes at most on one connection.
    pub(crate) most: usize,
}

impl Case {
    /// The case that memory is measured with. It has to be the first: memory that an earlier one
    /// left with the allocator would hide what a stream takes.
    pub(crate) fn memory(is_short: bool) -> Self {
        Self::paced(if is_short { 40 } else { 100 }, 1000)
    }

    fn paced(events: usize, connections: usize) -> Self {
        let stream = Stream {
            events,
            pace_ms: PACE_MS,
        };
        Self {
            body_bytes: 1 << 10,
            stream: Some(stream),
            connections,
        }
    }

    /// All others, in order.
    pub(crate) fn all(is_short: bool) -> Vec<Self> {
        let mut cases = Vec::new();
        for body_bytes in [1 << 10, 16 << 10, 200 << 10] {
            cases.extend([1, 64, 1000].map(|connections| Self {
                body_bytes,
                stream: None,
                connections,
            }));
        }
        for events in [100, 1000] {
            cases.extend([1, 64, 1000].map(|connections| Self {
                body_bytes: 1 << 10,
                stream: Some(Stream { events, pace_ms: 0 }),
                connections,
            }));
        }
        let paced_events = if is_short { 40 } else { 100 };
        cases.extend([1, 64].map(|connections| Self::paced(paced_events, connections)));
        cases
    }

    /// Whether one answer on each connection is a lot already.
    pub(crate) fn is_heavy(&self) -> bool {
        let events = self.stream.map_or(0, |stream| stream.events);
        self.connections * events > 500_000
    }

    pub(crate) fn is_paced(&self) -> bool {
        self.stream.is_some_and(|stream| stream.pace_ms > 0)
    }

    pub(crate) fn effort(&self, is_short: bool) -> Effort {
        // A paced stream takes its own time: it is asked for once on each connection.
        let (turns, turn_ms, most) = match (self.is_paced() || self.is_heavy(), is_short) {
            (true, true) => (1, 600_000, 1),
            (true, false) if self.is_paced() => (1, 600_000, 1),
            (true, false) => (2, 600_000, 2),
            (false, true) => (2, 350, 20_000),
            (false, false) => (4, 900, 100_000),
        };
        Effort {
            turns,
            turn: Duration::from_millis(turn_ms),
            most,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = self.body_bytes >> 10;
        match self.stream {
            None => write!(f, "{kib} KiB, whole answer"),
            Some(Stream { events, pace_ms: 0 }) => write!(f, "{events} events, burst"),
            Some(Stream { events, pace_ms }) => {
                write!(f, "{events} events, paced {}/s", 1000 / pace_ms)
            }
        }
    }
}
