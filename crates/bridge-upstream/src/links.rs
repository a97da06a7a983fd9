//! Connections that can take a request.
//!
//! One of HTTP/1.1 waits here while no exchange has it. Nobody polls a waiting connection: it is
//! asked whether it still lives when it is taken out. One of HTTP/2 stays here, and has seats.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::Metrics;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::HttpVersion;
use crate::dial::Protocol;
use crate::http1::Link;
use crate::http2::{Seat, Shared};
use crate::place::Place;

/// The connections of all places.
#[derive(Debug)]
pub(crate) struct Links {
    stations: Mutex<HashMap<Arc<Place>, Station>>,
    per_place: usize,
    keep: Duration,
}

/// What leads to one place.
#[derive(Debug, Default)]
struct Station {
    waiting: VecDeque<Waiting>,
    shared: Vec<Shared>,
    /// What was spoken on the last connection that was opened.
    protocol: Option<Protocol>,
    gate: Arc<Gate>,
}

/// Where connections may be shared, they are opened by one request at a time: those who come
/// meanwhile would have opened more than are needed.
pub(crate) type Gate = tokio::sync::Mutex<()>;

#[derive(Debug)]
struct Waiting {
    link: Link,
    since: Instant,
}

/// A connection that takes a request.
pub(crate) enum Found {
    Own(Link),
    Shared(Seat),
}

impl Links {
    pub(crate) fn new(per_place: usize, keep: Duration) -> Self {
        Self {
            stations: Mutex::default(),
            per_place,
            keep,
        }
    }

    /// A connection that can take a request: the one that has waited shortest, which is the
    /// likeliest to be alive, or a seat on a shared one.
    pub(crate) fn take(&self, place: &Arc<Place>, now: Instant) -> Option<Found> {
        let mut stations = self.stations.lock();
        let station = stations.get_mut(place)?;
        if let Some(last) = station.waiting.pop_back()
            && now.duration_since(last.since) < self.keep
        {
            return Some(Found::Own(last.link));
        }
        station.shared.retain(|shared| !shared.is_over());
        let seat = station.shared.iter().find_map(Shared::seat);
        seat.map(Found::Shared)
    }

    /// Keeps a connection for the next request, unless enough are waiting.
    pub(crate) fn put(&self, place: &Arc<Place>, link: Link, now: Instant) {
        let mut stations = self.stations.lock();
        let station = stations.entry(Arc::clone(place)).or_default();
        drop_old(&mut station.waiting, now, self.keep);
        if station.waiting.len() < self.per_place {
            station.waiting.push_back(Waiting { link, since: now });
        }
    }

    /// Who wants to open a connection to this place passes here one at a time; nothing where
    /// connections are known not to be shared.
    pub(crate) fn gate(&self, place: &Arc<Place>) -> Option<Arc<Gate>> {
        let may_be_shared = match place.http_version {
            HttpVersion::Auto => place.tls,
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
        };
        if !may_be_shared {
            return None;
        }
        let mut stations = self.stations.lock();
        let station = stations.entry(Arc::clone(place)).or_default();
        match station.protocol {
            Some(Protocol::Http1) => None,
            Some(Protocol::Http2) | None => Some(Arc::clone(&station.gate)),
        }
    }

    /// What is spoken on a connection that was opened.
    pub(crate) fn learn(&self, place: &Arc<Place>, protocol: Protocol) {
        let mut stations = self.stations.lock();
        if let Some(station) = stations.get_mut(place) {
            station.protocol = Some(protocol);
        }
    }

    /// Lets others use a connection.
    pub(crate) fn share(&self, place: &Arc<Place>, shared: Shared) {
        let mut stations = self.stations.lock();
        let station = stations.entry(Arc::clone(place)).or_default();
        station.shared.push(shared);
    }

    /// Closes what nobody has used for too long.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut stations = self.stations.lock();
        stations.retain(|_, station| {
            drop_old(&mut station.waiting, now, self.keep);
            station.shared.retain(|shared| {
                let is_old = shared.idle_for(now).is_some_and(|idle| idle >= self.keep);
                !is_old && !shared.is_over()
            });
            !station.waiting.is_empty() || !station.shared.is_empty()
        });
    }

    /// How many connections nobody uses.
    pub(crate) fn idle(&self, now: Instant) -> usize {
        let stations = self.stations.lock();
        let idle = stations.values().map(|station| {
            let shared = station.shared.iter();
            let unused = shared.filter(|one| !one.is_over() && one.idle_for(now).is_some());
            station.waiting.len() + unused.count()
        });
        idle.sum()
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

/// Counts a connection as long as it lives.
pub(crate) struct Open {
    metrics: Metrics,
    protocol: Protocol,
}

impl Open {
    pub(crate) fn new(metrics: &Metrics, protocol: Protocol) -> Self {
        metrics.upstream_connection_opened(protocol.as_str());
        Self {
            metrics: metrics.clone(),
            protocol,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics
            .upstream_connection_closed(self.protocol.as_str());
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.protocol, f)
    }
}
