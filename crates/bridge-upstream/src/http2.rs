//! Connections that several exchanges share.
//!
//! Each has a task that reads and writes frames for all of them. What an exchange itself has to do,
//! sending its request and taking its answer, it does in its own task.

mod content;
mod opening;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bridge_telemetry::task::Task;
use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Error, Reason};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderValue, Request, Version, response};
use parking_lot::Mutex;
use tokio::time::Instant;

pub(crate) use self::content::Content;
use self::content::Upload;
pub(crate) use self::opening::open;
use crate::links::Open;
use crate::ready::Ready;
use crate::{Endpoint, UpstreamError};

/// A connection with seats for exchanges. Dropping it lets those that sit finish.
pub(crate) struct Shared(Arc<Inner>);

struct Inner {
    sender: SendRequest<Bytes>,
    seats: Arc<Seats>,
    /// The other end takes nothing new.
    is_closing: AtomicBool,
    work: Task<()>,
    _open: Open,
}

/// How many exchanges use a connection.
struct Seats {
    taken: AtomicUsize,
    most: usize,
    free_since: Mutex<Instant>,
}

/// The right to one exchange on a connection. The connection lives as long as somebody has a seat.
pub(crate) struct Seat(Arc<Inner>);

impl Shared {
    /// A seat, if one is free and the other end takes new exchanges.
    pub(crate) fn seat(&self) -> Option<Seat> {
        if self.is_over() {
            return None;
        }
        let most = self
            .0
            .seats
            .most
            .min(self.0.sender.current_max_send_streams());
        let more = |taken: usize| (taken < most).then_some(taken + 1);
        let seats = &self.0.seats.taken;
        seats
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .ok()?;
        Some(Seat(Arc::clone(&self.0)))
    }

    /// Whether there will never be a seat again.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_closing.load(Ordering::Acquire) || self.0.work.is_finished()
    }

    /// How long nobody has used it; none while somebody does.
    pub(crate) fn idle_for(&self, now: Instant) -> Option<Duration> {
        let is_used = self.0.seats.taken.load(Ordering::Acquire) > 0;
        (!is_used).then(|| now.duration_since(*self.0.seats.free_since.lock()))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let seats = &self.0.seats;
        *seats.free_since.lock() = Instant::now();
        seats.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A request without an answer.
pub(crate) enum Unanswered {
    /// The connection takes nothing new, and the provider has not looked at the request: another
    /// connection may take it.
    Elsewhere {
        cause: UpstreamError,
        /// Whether the request was sent, so that the provider turned it away itself.
        was_sent: bool,
    },
    /// It failed.
    Failed(UpstreamError),
}

/// Sends a request and waits for the head of its answer. Dropping the future resets the exchange,
/// so that the provider learns of it; the connection and its other exchanges go on.
pub(crate) async fn converse(
    seat: Seat,
    ready: &Ready,
    to: &Endpoint,
) -> Result<(response::Parts, Content), Unanswered> {
    let request = request(ready, to).map_err(Unanswered::Failed)?;
    let mut sender = seat.0.sender.clone();
    let refused = |cause| {
        // Before anything of the request was sent this can be the connection's end alone.
        seat.0.is_closing.store(true, Ordering::Release);
        Unanswered::Elsewhere {
            cause: unprocessed(to, cause),
            was_sent: false,
        }
    };
    poll_fn(|cx| sender.poll_ready(cx)).await.map_err(refused)?;
    let (mut answer, stream) = sender
        .send_request(request, ready.body.is_empty())
        .map_err(refused)?;
    let mut upload = Upload::new(stream, ready.body.clone());
    let outcome = poll_fn(|cx| {
        upload.poll(cx);
        Pin::new(&mut answer).poll(cx)
    });
    match outcome.await {
        Ok(response) => {
            let (head, stream) = response.into_parts();
            let content = Content::new(stream, upload, &head.headers, seat);
            Ok((head, content))
        }
        Err(cause) => Err(judged(&seat, to, cause)),
    }
}

/// What it means that an exchange ended without a head.
fn judged(seat: &Seat, to: &Endpoint, cause: Error) -> Unanswered {
    // The provider goes away and tells which exchanges it will not look at (RFC 9113, section 6.8).
    if cause.is_go_away() && cause.is_remote() {
        seat.0.is_closing.store(true, Ordering::Release);
        return Unanswered::Elsewhere {
            cause: unprocessed(to, cause),
            was_sent: true,
        };
    }
    // It has not looked at this one (RFC 9113, section 8.7). It asks for less, so it is not asked
    // again at once.
    if cause.is_reset() && cause.is_remote() && cause.reason() == Some(Reason::REFUSED_STREAM) {
        return Unanswered::Failed(unprocessed(to, cause));
    }
    Unanswered::Failed(UpstreamError::NoHead(Box::new(cause)))
}

fn unprocessed(to: &Endpoint, cause: Error) -> UpstreamError {
    UpstreamError::Unprocessed {
        authority: to.authority().to_owned(),
        source: Box::new(cause),
    }
}

/// The request as HTTP/2 has it: the host is a field of its own, and what belongs to a connection of
/// HTTP/1.1 does not exist (RFC 9113, section 8.2.2).
fn request(ready: &Ready, to: &Endpoint) -> Result<Request<()>, UpstreamError> {
    let mut request = Request::new(());
    *request.method_mut() = ready.parts.method.clone();
    *request.uri_mut() = ready.whole_address(to)?;
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    headers.clone_from(&ready.parts.headers);
    const OF_CONNECTIONS: [HeaderName; 5] = [HOST, CONNECTION, TRANSFER_ENCODING, UPGRADE, TE];
    for name in OF_CONNECTIONS {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection"] {
        headers.remove(name);
    }
    if !ready.body.is_empty() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(ready.body.len()));
    }
    Ok(request)
}
