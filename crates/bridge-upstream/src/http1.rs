//! Connections of one exchange at a time, polled in the task of the exchange.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::{Request, response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::UpstreamError;
use crate::links::{Links, Open};
use crate::place::Place;
use crate::ready::Ready;
use crate::wire::Wire;

/// Both halves of a connection: the one that takes requests, and the one that does the work when
/// it is polled.
pub(crate) struct Link {
    sender: SendRequest<Full<Bytes>>,
    work: Option<Work>,
    _open: Open,
}

type Work = Pin<Box<Connection<TokioIo<Wire>, Full<Bytes>>>>;

impl Link {
    pub(crate) async fn new(wire: Wire, open: Open) -> Result<Self, UpstreamError> {
        let (sender, work) = handshake(TokioIo::new(wire))
            .await
            .map_err(|cause| UpstreamError::NoHead(Box::new(cause)))?;
        Ok(Self {
            sender,
            work: Some(Box::pin(work)),
            _open: open,
        })
    }

    /// Lets the connection work. Ready means that it has ended.
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        poll(&mut self.work, cx)
    }
}

/// A connection that has ended is dropped at once: what was handed to it and not sent comes back
/// only then, and whoever waits for an answer would wait for ever.
fn poll(work: &mut Option<Work>, cx: &mut Context<'_>) -> Poll<()> {
    let Some(connection) = work else {
        return Poll::Ready(());
    };
    // Why it ended is told to those who wait for a head or a body.
    let _told_elsewhere = ready!(connection.as_mut().poll(cx));
    *work = None;
    Poll::Ready(())
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

/// A request without an answer, and the request itself when nothing of it was sent.
pub(crate) struct Unanswered {
    pub(crate) cause: UpstreamError,
    pub(crate) unsent: Option<Ready>,
}

/// Sends a request over a connection and lets the connection work until the head has come.
pub(crate) async fn converse(
    mut link: Link,
    ready: Ready,
    home: Home,
) -> Result<(response::Parts, Content), Unanswered> {
    let Ready { parts, body } = ready;
    let request = Request::from_parts(parts, Full::new(body.clone()));
    let mut answer = pin!(link.sender.try_send_request(request));
    let outcome = poll_fn(|cx| {
        if let Poll::Ready(outcome) = answer.as_mut().poll(cx) {
            return Poll::Ready(outcome);
        }
        // Once the connection has ended, the answer, or that there is none, is told.
        let _is_over = poll(&mut link.work, cx);
        answer.as_mut().poll(cx)
    })
    .await;
    match outcome {
        Ok(response) => {
            let (head, incoming) = response.into_parts();
            Ok((head, Content::new(incoming, link, home)))
        }
        Err(mut refused) => {
            let unsent = refused.take_message().map(|request| Ready {
                parts: request.into_parts().0,
                body,
            });
            let cause = UpstreamError::NoHead(Box::new(refused.into_error()));
            Err(Unanswered { cause, unsent })
        }
    }
}

/// Where a connection goes back to.
pub(crate) struct Home {
    links: Weak<Links>,
    place: Arc<Place>,
}

impl Home {
    pub(crate) fn new(links: &Arc<Links>, place: &Arc<Place>) -> Self {
        Self {
            links: Arc::downgrade(links),
            place: Arc::clone(place),
        }
    }
}

/// The body of an answer and the connection that it comes on. Dropping it closes the connection.
pub(crate) struct Content {
    incoming: Incoming,
    /// Gone once the connection is put back or has ended.
    link: Option<Link>,
    home: Home,
}

impl Content {
    fn new(incoming: Incoming, link: Link, home: Home) -> Self {
        Self {
            incoming,
            link: Some(link),
            home,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.incoming.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }

    /// Puts the connection back if it can take another request.
    pub(crate) fn go_home(&mut self) {
        let Some(mut link) = self.link.take() else {
            return;
        };
        // Let the connection notice that the answer is over. It is idle or closed afterwards, so
        // no wake-up is wanted.
        let mut nobody = Context::from_waker(Waker::noop());
        let is_over = link.poll_work(&mut nobody).is_ready();
        if is_over || !link.sender.is_ready() {
            return;
        }
        if let Some(links) = self.home.links.upgrade() {
            links.put(&self.home.place, link, Instant::now());
        }
    }

    pub(crate) fn poll_frame(
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
