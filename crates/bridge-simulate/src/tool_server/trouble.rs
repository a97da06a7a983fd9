//! What goes wrong at a tool server.

use std::time::Duration;

/// How a tool server misbehaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolTrouble {
    /// Not at all.
    None,
    /// Connections are taken, requests are read, and nothing is ever answered.
    Dead,
    /// Every answer begins so much later.
    Slow(Duration),
    /// Every request is refused with this status.
    Status(u16),
    /// A session is forgotten after so many requests that bear its id: the next one is answered
    /// with 404.
    SessionExpires(u32),
    /// With each call the first tool goes and another comes, `changed_1`, `changed_2` and so on,
    /// and open streams are told that the list has changed.
    ToolsChange,
    /// Listings and calls are answered with what is no JSON.
    Malformed,
    /// Listings and calls are answered with JSON whose objects have members of the same name.
    DuplicateKeys,
    /// The connection ends in the middle of the answer to a call.
    BreaksOff,
}

impl ToolTrouble {
    /// How many requests a session lasts.
    pub(super) fn session_requests(&self) -> Option<u32> {
        if let Self::SessionExpires(most) = self {
            Some(*most)
        } else {
            None
        }
    }
}
