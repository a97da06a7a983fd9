//! Connections that wait for their next request.
//!
//! Nobody polls a waiting connection: it is asked whether it still lives when it is taken out.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::place::Place;
use crate::wire::Wire;

/// Both halves of a connection: the one that takes requests, and the one that does the work when
/// it is polled.
pub(crate) struct Link {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    work: Option<Work>,
}

type Work = Pin<Box<Connection<TokioIo<Wire>, Full<Bytes>>>>;

impl Link {
    pub(crate) fn new(
        sender: SendRequest<Full<Bytes>>,
        work: Connection<TokioIo<Wire>, Full<Bytes>>,
    ) -> Self {
        Self {
            sender,
            work: Some(Box::pin(work)),
        }
    }

    /// Lets the connection work. Ready means that it has ended.
    pub(crate) fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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

/// The waiting connections of all places.
#[derive(Debug)]
pub(crate) struct IdleLinks {
    links: Mutex<HashMap<Arc<Place>, VecDeque<Waiting>>>,
    per_place: usize,
    keep: Duration,
}

#[derive(Debug)]
struct Waiting {
    link: Link,
    since: Instant,
}

impl IdleLinks {
    pub(crate) fn new(per_place: usize, keep: Duration) -> Self {
        Self {
            links: Mutex::default(),
            per_place,
            keep,
        }
    }

    /// The connection that has waited shortest: the likeliest to be alive.
    pub(crate) fn take(&self, place: &Arc<Place>, now: Instant) -> Option<Link> {
        let mut links = self.links.lock();
        let waiting = links.get_mut(place)?;
        let last = waiting.pop_back()?;
        (now.duration_since(last.since) < self.keep).then_some(last.link)
    }

    /// Keeps a connection for the next request, unless enough are waiting.
    pub(crate) fn put(&self, place: &Arc<Place>, link: Link, now: Instant) {
        let mut links = self.links.lock();
        let waiting = links.entry(Arc::clone(place)).or_default();
        drop_old(waiting, now, self.keep);
        if waiting.len() < self.per_place {
            waiting.push_back(Waiting { link, since: now });
        }
    }

    /// Closes what has waited too long.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut links = self.links.lock();
        links.retain(|_, waiting| {
            drop_old(waiting, now, self.keep);
            !waiting.is_empty()
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.links.lock().values().map(VecDeque::len).sum()
    }
}

fn drop_old(waiting: &mut VecDeque<Waiting>, now: Instant, keep: Duration) {
    while waiting
        .front()
        .is_some_and(|first| now.duration_since(first.since) >= keep)
    {
        waiting.pop_front();
    }
}
