//! The gateway over real sockets, between a scripted provider and a raw client.

mod admission;
mod bad_input;
mod faults;
mod in_process;
mod relay;
mod support;
