//! Event streams and content codings as a stranger would use them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[path = "stream/codings.rs"]
mod codings;
#[path = "stream/content.rs"]
mod content;
#[path = "stream/cuts.rs"]
mod cuts;
#[path = "stream/events.rs"]
mod events;
#[path = "stream/messages.rs"]
mod messages;
