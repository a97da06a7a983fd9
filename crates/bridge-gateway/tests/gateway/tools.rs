//! Tools of ours: offered, run, hidden from the client, and recorded.
//!
//! The provider plays scripts, and the tool server is a real one over its own sockets.

mod bedrock;
mod calls;
mod dropped;
mod failures;
mod leaving;
mod limits;
mod memory;
mod offers;
mod rounds;
mod sight;
mod stage;
mod unmade;
mod voice;
mod withdrawn;
