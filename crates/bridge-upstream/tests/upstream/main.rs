//! The client against real sockets, plain and encrypted.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails may panic"
)]

mod egress;
mod exchange;
mod http2;
mod limits;
mod proxies;
mod support;
mod tls;
