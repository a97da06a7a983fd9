//! One connection, on which requests follow each other.

use bridge_telemetry::discard;
use bridge_telemetry::task::{self, Task};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::case::{Case, Effort};
use crate::samples::Samples;
use crate::target::Target;

/// Why a request was not answered as it should have been.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("cannot connect")]
    Connect(#[from] std::io::Error),
    #[error("the request failed")]
    Http(#[from] hyper::Error),
    #[error("status {0}")]
    Status(StatusCode),
    #[error("{got} of {wanted} events came")]
    Events { got: u64, wanted: u64 },
}

/// A connection to one target.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    _driver: Task<()>,
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> Result<Self, AskError> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let driver = task::spawn(&discard(), "connection", async move {
            // The request in hand fails and tells why.
            let _ended = connection.await;
        });
        Ok(Self {
            sender,
            _driver: driver,
        })
    }

    /// Makes requests until the turn is over. The first failure ends it, as the connection is of
    /// no more use then.
    pub(crate) async fn turn(
        &mut self,
        case: &Case,
        effort: Effort,
        request: &Request<Full<Bytes>>,
    ) -> Samples {
        let mut samples = Samples::default();
        let end = Instant::now() + effort.turn;
        for _ in 0..effort.most {
            let begun = Instant::now();
            if begun >= end {
                break;
            }
            match self.ask(case, request.clone()).await {
                Ok((first, events)) => {
                    let until = if case.is_paced() {
                        first
                    } else {
                        Instant::now()
                    };
                    samples.answered(until - begun, events);
                }
                Err(error) => {
                    samples.failed(bridge_telemetry::ErrorChain(&error).to_string());
                    break;
                }
            }
        }
        samples
    }

    /// One request. Says when the first bytes of the answer came, and how many events.
    async fn ask(
        &mut self,
        case: &Case,
        request: Request<Full<Bytes>>,
    ) -> Result<(Instant, u64), AskError> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(AskError::Status(response.status()));
        }
        let (first, ends) = read(response.into_body()).await?;
        let Some(stream) = case.stream else {
            return Ok((first, 0));
        };
        let wanted = u64::try_from(stream.events).unwrap_or(u64::MAX);
        match ends == wanted {
            true => Ok((first, ends)),
            false => Err(AskError::Events { got: ends, wanted }),
        }
    }
}

/// Reads a body to its end. Says when its first bytes came, and how many blank lines it has.
async fn read(mut body: Incoming) -> Result<(Instant, u64), hyper::Error> {
    let mut first = None;
    let (mut ends, mut is_after_line) = (0, false);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        first.get_or_insert_with(Instant::now);
        for at in memchr::memchr_iter(b'\n', &data) {
            let before = match at.checked_sub(1) {
                Some(before) => data.get(before) == Some(&b'\n'),
                None => is_after_line,
            };
            ends += u64::from(before);
        }
        is_after_line = data.last() == Some(&b'\n');
    }
    Ok((first.unwrap_or_else(Instant::now), ends))
}
