//! Connections: they are taken, served over HTTP/1.1, and ended.

use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::ErrorChain;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use slog::{Logger, debug, error, warn};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

/// How long accepting pauses when the process is out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The connection is to be reset instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset because the request asked for it")]
pub(crate) struct Reset;

/// What answers requests.
pub(crate) trait Answers: Send + Sync + 'static {
    /// What its answers consist of.
    type Body: Body<Data = Bytes, Error = io::Error> + Send + 'static;

    /// Answers one request. Dropping the future leaves it without an answer.
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Reset>> + Send;
}

/// Serves until the order to stop comes, lets running answers finish until the instant that is
/// told with it, and says how many connections were cut then. Dropping the future cuts at once.
pub(crate) async fn serve<A: Answers>(
    listener: TcpListener,
    answers: Arc<A>,
    mut stopping: watch::Receiver<Option<Instant>>,
    logger: Logger,
) -> usize {
    let mut connections = JoinSet::new();
    loop {
        let accepted = select! {
            biased;
            () = stopped(&mut stopping) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let answers = Arc::clone(&answers);
                connections.spawn(converse(stream, answers, stopping.clone(), logger.clone()));
            }
            Err(cause) => {
                error!(logger, "cannot accept connections"; "error" => ErrorChain(&cause));
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let deadline = stopping.borrow().unwrap_or_else(Instant::now);
    while !connections.is_empty() {
        if timeout_at(deadline, connections.join_next()).await.is_err() {
            break;
        }
    }
    let cut = connections.len();
    if cut > 0 {
        warn!(logger, "connections cut"; "connections" => cut);
    }
    connections.shutdown().await;
    cut
}

/// Waits for the order to stop. The owner going away is one, too.
async fn stopped(stopping: &mut watch::Receiver<Option<Instant>>) {
    let _ignored = stopping.wait_for(Option::is_some).await;
}

async fn converse<A: Answers>(
    stream: TcpStream,
    answers: Arc<A>,
    mut stopping: watch::Receiver<Option<Instant>>,
    logger: Logger,
) {
    // Each event is a message of its own.
    let _ignored = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let answers = Arc::clone(&answers);
        Box::pin(async move { answers.answer(request).await })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    let outcome = select! {
        outcome = poll_fn(|cx| connection.poll_without_shutdown(cx)) => outcome,
        () = stopped(&mut stopping) => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    let stream = connection.into_parts().io.into_inner();
    match outcome {
        Ok(()) => {}
        Err(cause) if is_reset(&cause) => {
            // The caller gets a reset and not a polite end.
            let _ignored = stream.set_zero_linger();
        }
        Err(cause) => debug!(logger, "connection broke"; "error" => ErrorChain(&cause)),
    }
}

fn is_reset(cause: &hyper::Error) -> bool {
    std::error::Error::source(cause).is_some_and(|source| source.is::<Reset>())
}
