//! The pool as a stranger would use it: cases, a reference model, threads.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[path = "pool/cases.rs"]
mod cases;
#[path = "pool/follow.rs"]
mod follow;
#[path = "pool/model.rs"]
mod model;
#[path = "pool/threads.rs"]
mod threads;
#[path = "pool/works.rs"]
mod works;
