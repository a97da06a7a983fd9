//! Logs, metrics and tasks: the one crate that knows how a gateway is observed.

mod chain;
mod clock;
pub mod task;

pub use chain::ErrorChain;
pub use clock::wall_clock;
