//! The pipe between a gateway and a control plane in one process.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

/// How many bytes may be under way in each direction of a connection.
const PIPE_BYTES: usize = 256 * 1024;
/// How many connections may wait to be accepted, as in a listener's backlog.
const BACKLOG: usize = 16;

/// Both ends of a pipe inside this process: one dials, the other accepts.
///
/// The accepting end is what `tonic::transport::Server::serve_with_incoming` takes.
#[must_use]
pub fn memory_pipe() -> (Dialer, MemoryIncoming) {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    (Dialer(sender), MemoryIncoming(receiver))
}

/// The end of a memory pipe that opens connections. Cloning shares it.
#[derive(Clone)]
pub struct Dialer(mpsc::Sender<DuplexStream>);

impl Dialer {
    /// Opens a connection. Waits while the backlog is full; dropping the future opens none.
    ///
    /// # Errors
    /// When the accepting end was dropped.
    pub async fn dial(&self) -> io::Result<DuplexStream> {
        let (ours, theirs) = duplex(PIPE_BYTES);
        match self.0.send(theirs).await {
            Ok(()) => Ok(ours),
            Err(_) => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}

/// The end of a memory pipe that accepts connections. It ends when every [`Dialer`] is gone.
/// Dropping it refuses further connections and leaves accepted ones alone.
pub struct MemoryIncoming(mpsc::Receiver<DuplexStream>);

impl Stream for MemoryIncoming {
    type Item = io::Result<DuplexStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|accepted| accepted.map(Ok))
    }
}

impl fmt::Debug for MemoryIncoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryIncoming")
    }
}
