//! A small HTTP client for the program's own ends: the operator's API and the demonstration.
//!
//! One request, one connection, the whole answer. Providers are not spoken to from here.

use std::error::Error;
use std::io;
use std::time::Duration;

use bridge_telemetry::{discard, task};
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Larger answers are refused.
const ANSWER_BYTES: usize = 64 << 20;

/// How long a connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// Nobody listens there, or the way there is blocked.
    #[error("cannot connect to {address}")]
    Connect {
        /// Host and port.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// It took too long.
    #[error("no answer from {address} within {} s", after.as_secs())]
    Timeout {
        /// Host and port.
        address: String,
        /// How long was waited.
        after: Duration,
    },
    /// The connection broke, or what came was not HTTP.
    #[error("the connection to {address} broke")]
    Broken {
        /// Host and port.
        address: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Sends a request to `address`, host and port, and reads the whole answer within `patience`.
///
/// Dropping the future closes the connection.
///
/// # Errors
/// When there is no whole answer. A refusal is an answer.
pub(crate) async fn converse(
    address: &str,
    request: Request<Full<Bytes>>,
    patience: Duration,
) -> Result<Response<Bytes>, HttpError> {
    let too_late = |after| HttpError::Timeout {
        address: address.to_owned(),
        after,
    };
    let stream = timeout(CONNECT_PATIENCE, TcpStream::connect(address))
        .await
        .map_err(|_| too_late(CONNECT_PATIENCE))?
        .map_err(|source| HttpError::Connect {
            address: address.to_owned(),
            source,
        })?;
    timeout(patience, answer(stream, address, request))
        .await
        .map_err(|_| too_late(patience))?
        .map_err(|source| HttpError::Broken {
            address: address.to_owned(),
            source,
        })
}

async fn answer(
    stream: TcpStream,
    address: &str,
    mut request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, Box<dyn Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the exchange: dropping it closes the connection.
    let _connection = task::spawn(&discard(), "http connection", connection);
    let host = HeaderValue::from_str(address)?;
    request.headers_mut().insert(HOST, host);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES).collect().await?;
    Ok(Response::from_parts(head, body.to_bytes()))
}
