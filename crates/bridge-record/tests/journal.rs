//! The journal over real files: what is safe is there after any end of a process, and everything
//! is delivered until it is acknowledged.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "journal/format.rs"]
mod format;
#[path = "journal/kill.rs"]
mod kill;
#[path = "journal/lifecycle.rs"]
mod lifecycle;
#[path = "journal/model.rs"]
mod model;
#[path = "journal/stall.rs"]
mod stall;
#[path = "journal/support.rs"]
mod support;
#[path = "journal/trouble.rs"]
mod trouble;
