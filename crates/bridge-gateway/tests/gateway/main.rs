//! The gateway over real sockets, between a scripted provider and a raw client.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails may panic"
)]

mod aborted;
mod actors;
mod admission;
mod bad_input;
mod bedrock;
mod breakers;
mod connections;
mod drain;
mod dumps;
mod durable;
mod edges;
mod faults;
mod figures;
mod front_limits;
mod generations;
mod in_process;
mod key_rings;
mod matrix;
mod relay;
mod retries;
mod support;
mod timing;
mod tools;
mod traces;
