//! The program, run as people and supervisors run it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod apart;
mod canary;
mod commands;
mod drain;
mod journal;
mod limits;
mod metrics;
mod network;
mod outage;
mod providers;
mod reload;
mod supervised;
mod support;
mod tool_tokens;
mod tools;
mod traces;
