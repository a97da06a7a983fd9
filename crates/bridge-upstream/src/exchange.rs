//! The seam between the engine and the network.

use std::time::Duration;

use async_trait::async_trait;
use bridge_auth::Scrubbed;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::{Body, BoundCredential, Endpoint, UpstreamError};

/// One request out, one answer back.
///
/// Dropping the future, or the body of the answer, ends the exchange: the connection is closed, or
/// the exchange reset where others share the connection, so that the provider stops working for
/// nobody.
#[async_trait]
pub trait Exchange: Send + Sync {
    /// Sends a request and waits for the head of its answer. The body follows as it arrives.
    ///
    /// # Errors
    /// When there is no head; [`UpstreamError::class`] tells whether the provider may have worked.
    async fn exchange(&self, to: &Endpoint, request: Outbound) -> Result<Reply, UpstreamError>;
}

/// A request that may leave.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// Its method.
    pub method: Method,
    /// Its whole target, made with [`Endpoint::target`].
    pub path_and_query: String,
    /// What the caller sent, after the header policy. `Host` and `Content-Length` are set here.
    pub headers: Scrubbed,
    /// The credential to present; none leaves the headers as they are.
    pub credential: Option<BoundCredential>,
    /// Its body, byte for byte.
    pub body: Bytes,
}

/// The head of an answer, and the body that follows.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// All its headers, as the provider sent them.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Body,
    /// How much of the time until now went into opening a connection; zero when one was open.
    pub connecting: Duration,
}
