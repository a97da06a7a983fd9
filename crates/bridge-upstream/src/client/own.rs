//! Requests of the gateway itself, and of no caller: to a collector that the operator names.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Body as _;
use tokio::time::timeout;

use super::Client;
use crate::patience::Patience;
use crate::ready::Ready;
use crate::{Body, Endpoint, UpstreamError};

/// How much of an answer is read, in bytes. Whoever answers more is not listened to.
const MOST_ANSWER: usize = 64 << 10;

/// A request of the gateway itself. Its headers are the operator's own word, so no policy looks at
/// them.
#[derive(Debug)]
pub struct OwnRequest {
    /// Its whole target, path and query.
    pub path_and_query: String,
    /// All its headers but `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Client {
    /// Posts a request of the gateway itself, and reads the answer. The whole takes as long as the
    /// endpoint's connection and head may take together.
    ///
    /// Dropping the future ends the exchange.
    ///
    /// # Errors
    /// When there is no whole answer in time.
    pub async fn post(
        &self,
        to: &Endpoint,
        request: OwnRequest,
    ) -> Result<(StatusCode, Bytes), UpstreamError> {
        let limits = self.timeouts.of(to.manners());
        let after = limits.head + limits.connect;
        let posted = async {
            let ready = Ready::own(to, self.dialer.asked(to), request)?;
            let mut connecting = Duration::ZERO;
            let (head, content) = self.send(to, ready, &mut connecting).await?;
            let body = Body::new(content, Patience::new(limits.silence, None));
            Ok((head.status, read(body).await?))
        };
        timeout(after, posted)
            .await
            .map_err(|_| UpstreamError::HeadTimeout { after })?
    }
}

async fn read(mut body: Body) -> Result<Bytes, UpstreamError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(piece) = frame?.into_data() {
            whole.extend_from_slice(&piece);
        }
        if whole.len() > MOST_ANSWER {
            break;
        }
    }
    Ok(whole.freeze())
}

impl OwnRequest {
    /// All of it but what a proxy wants.
    pub(crate) fn into_request(self, to: &Endpoint) -> Result<(Request<()>, Bytes), UpstreamError> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.path_and_query)
            .body(())
            .map_err(UpstreamError::InvalidRequest)?;
        *request.headers_mut() = self.headers;
        request.headers_mut().insert(HOST, to.host_header());
        Ok((request, self.body))
    }
}
