//! The beginning of a shared connection, and the task that keeps it going.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bridge_telemetry::task;
use bytes::Bytes;
use h2::client::{Builder, Connection};
use h2::{Ping, PingPong};
use parking_lot::Mutex;
use slog::{Logger, debug};
use tokio::time::{Instant, sleep, timeout};

use super::{Inner, Seats, Shared};
use crate::links::Open;
use crate::wire::Wire;

/// How much of one answer may wait for its caller: 256 KiB are thousands of events.
const STREAM_WINDOW: u32 = 256 << 10;

/// The most that the windows of one connection add up to: the protocol has no more.
const HIGHEST_WINDOW: u32 = (1 << 31) - 1;

/// How much small frames may cost beside their bytes, for each byte of the windows. The library
/// counts up to 256 bytes for each that waits for its caller, and ends the connection with all its
/// exchanges when that is too much: events of 29 bytes fill a window before.
const COST_OF_SMALL: usize = 8;

/// How large the head of an answer may be.
const HEAD_BYTES: u32 = 64 << 10;

/// How often the other end of a connection that is used is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);

/// How long it may take to say so. All exchanges of the connection are given up then.
const PING_PATIENCE: Duration = Duration::from_secs(20);

/// Begins a connection, with the other end's own limit on exchanges known: a request that is sent
/// before would have to guess, and be refused if it guessed too high. Up to `most` exchanges share
/// it. The caller limits the time.
pub(crate) async fn open(
    wire: Wire,
    most: usize,
    open: Open,
    logger: &Logger,
) -> io::Result<Shared> {
    let streams = u32::try_from(most).unwrap_or(HIGHEST_WINDOW);
    // Callers who take nothing fill the windows of their own exchanges and never this one, so that
    // the others go on.
    let window = STREAM_WINDOW.saturating_mul(streams).min(HIGHEST_WINDOW);
    let (sender, mut connection) = Builder::new()
        .enable_push(false)
        // Until the other end has spoken this is how it can be told that it has not.
        .initial_max_send_streams(0)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(window)
        .data_frame_budget((window as usize).saturating_mul(COST_OF_SMALL))
        // What is on its way when callers leave is for none of the others, even if all leave.
        .max_concurrent_reset_streams(most)
        .max_header_list_size(HEAD_BYTES)
        .handshake::<Wire, Bytes>(wire)
        .await
        .map_err(io::Error::other)?;
    let ping = connection.ping_pong();
    until_heard(&mut connection).await?;
    let seats = Arc::new(Seats {
        taken: AtomicUsize::new(0),
        most,
        free_since: Mutex::new(Instant::now()),
    });
    let alive = is_dead(ping, Arc::clone(&seats));
    let own = logger.clone();
    let work = task::spawn(logger, "http2 connection", async move {
        tokio::select! {
            end = connection => if let Err(cause) = end {
                debug!(own, "connection of http2 broke"; bridge_telemetry::keys::ERROR => %cause);
            },
            () = alive => debug!(own, "connection of http2 does not answer and is given up"),
        }
    });
    Ok(Shared(Arc::new(Inner {
        sender,
        seats,
        is_closing: AtomicBool::new(false),
        work,
        _open: open,
    })))
}

/// Waits for the other end's settings, which come first.
async fn until_heard(connection: &mut Connection<Wire, Bytes>) -> io::Result<()> {
    poll_fn(|cx| match Pin::new(&mut *connection).poll(cx) {
        Poll::Ready(Err(cause)) => Poll::Ready(Err(io::Error::other(cause))),
        Poll::Ready(Ok(())) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
        Poll::Pending if connection.max_concurrent_send_streams() > 0 => Poll::Ready(Ok(())),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Done when the other end is not there any more. A network that lost a connection does not say so,
/// and many exchanges would wait for it.
async fn is_dead(ping: Option<PingPong>, seats: Arc<Seats>) {
    let Some(mut ping) = ping else {
        return std::future::pending().await;
    };
    loop {
        sleep(PING_EVERY).await;
        if seats.taken.load(Ordering::Acquire) == 0 {
            continue;
        }
        match timeout(PING_PATIENCE, ping.ping(Ping::opaque())).await {
            Ok(Ok(_)) => {}
            // The connection has ended, which it tells by itself.
            Ok(Err(_)) => return std::future::pending().await,
            Err(_) => return,
        }
    }
}
