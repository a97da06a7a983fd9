//! The body of an answer, as it arrives.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::idle::{IdleLinks, Link};
use crate::patience::Patience;
use crate::place::Place;
use crate::{Endpoint, UpstreamError};

/// The body of a provider's answer. Polling it lets its connection work in the caller's task.
///
/// Dropping it before its end closes the connection, so that the provider learns at once that
/// nobody listens. Read to its end, the connection waits for the next request.
pub struct Body {
    incoming: Incoming,
    /// Gone once the connection is put back or has ended.
    link: Option<Link>,
    home: Home,
    patience: Patience,
    ended: bool,
}

/// Where the connection goes back to.
pub(crate) struct Home {
    pub(crate) idle: Weak<IdleLinks>,
    pub(crate) place: Arc<Place>,
}

impl Body {
    pub(crate) fn new(incoming: Incoming, link: Link, home: Home, patience: Patience) -> Self {
        let mut body = Self {
            ended: incoming.is_end_stream(),
            incoming,
            link: Some(link),
            home,
            patience,
        };
        if body.ended {
            body.go_home();
        }
        body
    }

    /// Puts the connection back if it can take another request.
    fn go_home(&mut self) {
        let Some(mut link) = self.link.take() else {
            return;
        };
        // Let the connection notice that the answer is over. It is idle or closed afterwards, so
        // no wake-up is wanted.
        let mut nobody = Context::from_waker(std::task::Waker::noop());
        let is_over = link.poll_work(&mut nobody).is_ready();
        if is_over || !link.sender.is_ready() {
            return;
        }
        if let Some(idle) = self.home.idle.upgrade() {
            idle.put(&self.home.place, link, Instant::now());
        }
    }

    /// Closes the connection and ends with this error.
    fn give_up(
        &mut self,
        error: UpstreamError,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        self.ended = true;
        self.link = None;
        Poll::Ready(Some(Err(error)))
    }

    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        let Some(link) = self.link.as_mut() else {
            return Poll::Pending;
        };
        if link.poll_work(cx).is_ready() {
            // The connection has ended; the body's own channel says whether that is an error.
            self.link = None;
        }
        Pin::new(&mut self.incoming).poll_frame(cx)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.poll_data(cx) {
            Poll::Ready(Some(Ok(frame))) => match self.patience.heard() {
                Ok(()) => Poll::Ready(Some(Ok(frame))),
                Err(too_late) => self.give_up(too_late),
            },
            Poll::Ready(Some(Err(cause))) => {
                self.give_up(UpstreamError::BodyBroken(Box::new(cause)))
            }
            Poll::Ready(None) => {
                self.ended = true;
                self.go_home();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let too_late = ready!(self.patience.poll(cx));
                self.give_up(too_late)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Home {
    pub(crate) fn new(idle: &Arc<IdleLinks>, endpoint: &Endpoint) -> Self {
        Self {
            idle: Arc::downgrade(idle),
            place: Arc::clone(endpoint.place()),
        }
    }
}
