//! The journal over real files: what is safe is there after any end of a process, and everything
//! is delivered until it is acknowledged.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "journal/lifecycle.rs"]
mod lifecycle;
#[path = "journal/support.rs"]
mod support;
