//! The crate as a gateway uses it: recorded exchanges, and properties of generated ones.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "test code may stop at what cannot be, and says when it was skipped"
)]

#[path = "dialects/bedrock.rs"]
mod bedrock;
#[path = "dialects/events.rs"]
mod events;
#[path = "dialects/properties.rs"]
mod properties;
#[path = "dialects/recorded.rs"]
mod recorded;
#[path = "dialects/recorded_turns.rs"]
mod recorded_turns;
#[path = "dialects/woven.rs"]
mod woven;
