//! The HTTP face of the gateway: accept, admit, lease, dispatch, answer, drain.
//!
//! A [`Gateway`] serves requests that come over the network ([`Gateway::serve`]) and from a host
//! program in the same process ([`InProcess`]); both meet in one place and are told apart only by
//! their [`Origin`]. Every failure becomes an answer in [`respond`](crate::Failure), and nowhere
//! else.
//!
//! It must never learn which control plane or which store exists.

mod admission;
mod body;
mod config;
mod drain;
mod entry;
mod factory;
mod firewall;
mod front_limits;
mod in_process;
mod listen;
mod origin;
mod places;
mod read_body;
mod request;
mod respond;
mod server_timing;
mod stalled;
mod terms;
mod traced;
mod turns;

pub use body::GatewayBody;
pub use config::{GatewayConfig, GatewayParts};
pub use drain::{Drain, DrainSignal};
pub use entry::Gateway;
pub use factory::HandlerKey;
pub use in_process::{InProcess, InProcessError, Transport};
pub use origin::Origin;
pub use respond::Failure;
pub use turns::{KnownTurn, RunningTurn};
