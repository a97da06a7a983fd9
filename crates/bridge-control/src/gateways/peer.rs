//! One connection of a gateway: who is at its other end, and how it is closed from here.

use std::fmt;
use std::future::Future as _;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bridge_telemetry::Metrics;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tonic::transport::server::Connected;

use super::Gateways;

/// So many calls of a stranger are answered.
const MOST_REFUSALS: u32 = 8;

/// What is known of the other end. It lives as long as the connection.
pub(crate) struct Peer {
    pub(super) number: u64,
    pub(super) address: SocketAddr,
    place: Mutex<Place>,
    refusals: AtomicU32,
    is_closed: AtomicBool,
    waker: AtomicWaker,
    metrics: Metrics,
}

/// A stranger's place at first, and a gateway's once a key was proven.
struct Place {
    keys: Vec<String>,
    _permit: OwnedSemaphorePermit,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("number", &self.number)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Peer {
    pub(super) fn new(
        number: u64,
        address: SocketAddr,
        permit: OwnedSemaphorePermit,
        metrics: Metrics,
    ) -> Self {
        Self {
            number,
            address,
            place: Mutex::new(Place {
                keys: Vec::new(),
                _permit: permit,
            }),
            refusals: AtomicU32::new(0),
            is_closed: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            metrics,
        }
    }

    /// Notes that this key was presented here. The first one needs a gateway's place; says whether
    /// there was one.
    pub(super) fn prove(&self, id: &str, room: &Arc<Semaphore>) -> bool {
        let mut place = self.place.lock();
        if place.keys.iter().any(|known| known == id) {
            return true;
        }
        if place.keys.is_empty() {
            let Ok(permit) = Arc::clone(room).try_acquire_owned() else {
                return false;
            };
            place._permit = permit;
            self.metrics.gateway_connected();
        }
        place.keys.push(id.to_owned());
        true
    }

    /// A call was refused. Says whether that is news; a stranger who goes on is shut out.
    pub(super) fn refuse(&self) -> bool {
        let before = self.refusals.fetch_add(1, Ordering::Relaxed);
        if before >= MOST_REFUSALS && self.is_stranger() {
            self.close();
        }
        before == 0
    }

    pub(super) fn has_proven(&self, id: &str) -> bool {
        self.place.lock().keys.iter().any(|known| known == id)
    }

    pub(super) fn proven(&self) -> Vec<String> {
        self.place.lock().keys.clone()
    }

    fn is_stranger(&self) -> bool {
        self.place.lock().keys.is_empty()
    }

    /// Ends the connection at once, with whatever runs on it.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.waker.wake();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if !self.is_stranger() {
            self.metrics.gateway_disconnected();
        }
    }
}

/// A connection that can be closed from here, and that closes by itself when nobody has proven a
/// key on it in time. Dropping it takes it off the list.
pub(super) struct Guarded<C> {
    io: C,
    peer: Arc<Peer>,
    gateways: Arc<Gateways>,
    /// Until when a key has to be proven; none once it was.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<C> Guarded<C> {
    pub(super) fn new(io: C, peer: Peer, gateways: Arc<Gateways>, patience: Duration) -> Self {
        let peer = Arc::new(peer);
        gateways.enter(&peer);
        Self {
            io,
            peer,
            gateways,
            patience: Some(Box::pin(sleep(patience))),
        }
    }

    /// Fails once the connection is closed; else the task is woken when it will be.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        // Registered before looking: who closes in between wakes the task.
        self.peer.waker.register(cx.waker());
        if self.peer.is_closed.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if let Some(patience) = &mut self.patience
            && patience.as_mut().poll(cx).is_ready()
        {
            if self.peer.is_stranger() {
                self.peer.close();
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.patience = None;
        }
        Ok(())
    }
}

impl<C> Drop for Guarded<C> {
    fn drop(&mut self) {
        self.gateways.leave(&self.peer);
    }
}

impl<C> Connected for Guarded<C> {
    type ConnectInfo = Arc<Peer>;

    fn connect_info(&self) -> Self::ConnectInfo {
        Arc::clone(&self.peer)
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Guarded<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Guarded<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }
}
