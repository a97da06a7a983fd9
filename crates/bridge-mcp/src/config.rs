//! How much is done for tools.

use std::time::Duration;

/// Limits of sessions and listings. Where nothing else is said they hold for each identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct McpConfig {
    /// How many servers are open at once; further ones, by name, are left out. Default 64, as many
    /// as a control plane knows.
    pub servers: usize,
    /// How many tools of one server may be let through; one that has more is not used. Default 128.
    pub tools: usize,
    /// How many pages the listing of one server may have. Default 64.
    pub pages: usize,
    /// How large the listing of one server may be, all pages together, in bytes. Default 1 MiB.
    pub listing_bytes: usize,
    /// How large one answer to a call may be, in bytes. Default 8 MiB: pictures are in it.
    pub answer_bytes: usize,
    /// How long opening a server and reading its tools may take. Default 30 s. Requests wait for it
    /// much shorter.
    pub opening: Duration,
    /// How long a question to the authority may take. Default 10 s.
    pub authority: Duration,
    /// How long after a failure a server is tried again. Default 1 s, and twice as long after each
    /// further failure.
    pub first_retry: Duration,
    /// What these pauses grow to. Default 60 s. Chance makes each pause up to twice as long, so that
    /// not all identities come at once.
    pub last_retry: Duration,
    /// How old a listing may be before it is read again, of an identity that makes requests.
    /// Default 5 minutes. What a server says of changes is heard at once.
    pub refresh: Duration,
    /// How long a catalogue is kept that nobody has any more, for when the same caller comes back:
    /// with a handler that was built anew, for example. Default 30 s.
    pub linger: Duration,
    /// How many servers are listened to while nothing is asked of them, of all identities together:
    /// each takes a connection. What changes with the others is noticed when a listing is too old.
    /// Default 1024.
    pub listeners: usize,
}

impl Default for McpConfig {
    fn default() -> Self {
        Self {
            servers: 64,
            tools: 128,
            pages: 64,
            listing_bytes: 1 << 20,
            answer_bytes: 8 << 20,
            opening: Duration::from_secs(30),
            authority: Duration::from_secs(10),
            first_retry: Duration::from_secs(1),
            last_retry: Duration::from_secs(60),
            refresh: Duration::from_secs(300),
            linger: Duration::from_secs(30),
            listeners: 1_024,
        }
    }
}
