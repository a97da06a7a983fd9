//! Catalogues over real sockets, with tool servers that behave and that do not.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails may panic"
)]

mod authority;
mod calls;
mod chaos;
mod credentials;
mod good;
mod secrets;
mod server;
mod sessions;
