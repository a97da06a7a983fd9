//! The body of an answer, as it arrives.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::idle::{IdleLinks, Link};
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
    silence: Silence,
    ended: bool,
}

/// Where the connection goes back to.
pub(crate) struct Home {
    pub(crate) idle: Weak<IdleLinks>,
    pub(crate) endpoint: Endpoint,
}

/// Watches for answers that stop in the middle. The timer is armed only while nothing arrives and
/// is not moved for each piece: when it goes off it looks at when the last piece came.
struct Silence {
    limit: Duration,
    heard: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = self.heard + self.limit;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if Instant::now() >= self.heard + self.limit {
                return Poll::Ready(());
            }
            timer.as_mut().reset(self.heard + self.limit);
        }
    }
}

impl Body {
    pub(crate) fn new(incoming: Incoming, link: Link, home: Home, silence: Duration) -> Self {
        let heard = Instant::now();
        let mut body = Self {
            ended: incoming.is_end_stream(),
            incoming,
            link: Some(link),
            home,
            silence: Silence {
                limit: silence,
                heard,
                timer: None,
            },
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
            idle.put(&self.home.endpoint, link, Instant::now());
        }
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
            Poll::Ready(Some(Ok(frame))) => {
                self.silence.heard = Instant::now();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(cause))) => {
                self.ended = true;
                self.link = None;
                Poll::Ready(Some(Err(UpstreamError::BodyBroken(Box::new(cause)))))
            }
            Poll::Ready(None) => {
                self.ended = true;
                self.go_home();
                Poll::Ready(None)
            }
            Poll::Pending => {
                ready!(self.silence.poll(cx));
                self.ended = true;
                self.link = None;
                let after = self.silence.limit;
                Poll::Ready(Some(Err(UpstreamError::IdleTimeout { after })))
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
            endpoint: endpoint.clone(),
        }
    }
}
