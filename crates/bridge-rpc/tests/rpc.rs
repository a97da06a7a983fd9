//! The client against a real server of the contract, over TCP, TLS and memory.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what only tests call may fail as a test does"
)]

#[path = "rpc/authorize.rs"]
mod authorize;
#[path = "rpc/connect.rs"]
mod connect;
#[path = "rpc/control.rs"]
mod control;
#[path = "rpc/foreign.rs"]
mod foreign;
#[path = "rpc/heal.rs"]
mod heal;
#[path = "rpc/kept.rs"]
mod kept;
#[path = "rpc/outage.rs"]
mod outage;
#[path = "rpc/providers.rs"]
mod providers;
#[path = "rpc/records.rs"]
mod records;
#[path = "rpc/revoke.rs"]
mod revoke;
#[path = "rpc/tools.rs"]
mod tools;
