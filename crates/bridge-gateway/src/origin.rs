//! Which door a request came through.

use std::net::SocketAddr;

use bridge_auth::Delegation;

/// Which door a request came through.
#[derive(Debug)]
pub enum Origin {
    /// A socket.
    Network {
        /// The other end of it.
        peer: SocketAddr,
    },
    /// A host program in this process, which vouches for a user.
    InProcess(Delegation),
}
