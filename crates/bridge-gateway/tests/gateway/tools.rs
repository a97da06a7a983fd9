//! Tools of ours: offered, run, hidden from the client, and recorded.
//!
//! The provider plays scripts, and the tool server is a real one over its own sockets.

mod rounds;
mod stage;
mod voice;
