//! The loop that keeps a stream from the control plane open.

use std::future::Future;

use bridge_record::Backoff;
use bridge_telemetry::{ErrorChain, keys};
use slog::{Logger, debug, warn};
use tokio::time::{sleep, timeout};
use tonic::{Response, Status, Streaming};

use crate::channel::{Channel, Live, Wire};
use crate::status::{RpcError, is_unknown, is_unwelcome};

/// Opens a stream and gives each message to `take`, and nothing when it has ended; opens it again
/// then, after a delay that is the shortest again once a message has come. Moves to a new connection
/// when there is one, so that a control plane which is being drained does not hold the stream. One
/// that does not know the stream is not asked again on the same connection. Ends when the connection
/// is refused for good.
pub(crate) async fn follow<M, F, Fut>(
    channel: Channel,
    name: &'static str,
    logger: Logger,
    open: F,
    mut take: impl FnMut(Option<M>),
) where
    F: Fn(Wire) -> Fut,
    Fut: Future<Output = Result<Response<Streaming<M>>, Status>>,
{
    let mut backoff = Backoff::default();
    while let Ok(live) = channel.live().await {
        let mut has_come = false;
        let end = read(&channel, live, name, &open, |message| {
            has_come = true;
            take(Some(message));
        })
        .await;
        take(None);
        if has_come {
            backoff.reset();
        }
        let delay = backoff.delay();
        let in_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        match end {
            Ok(()) => debug!(logger, "stream ended, opening it again";
                "stream" => name, keys::RETRY_IN_MS => in_ms),
            Err(cause) => warn!(logger, "stream broke, opening it again"; "stream" => name,
                keys::ERROR => ErrorChain(&cause), keys::RETRY_IN_MS => in_ms),
        }
        sleep(delay).await;
    }
}

/// Reads one stream to its end.
async fn read<M, F, Fut>(
    channel: &Channel,
    live: Live,
    name: &'static str,
    open: &F,
    mut take: impl FnMut(M),
) -> Result<(), RpcError>
where
    F: Fn(Wire) -> Fut,
    Fut: Future<Output = Result<Response<Streaming<M>>, Status>>,
{
    let failed = |status| RpcError::failed(name, status);
    let after = channel.config().call_timeout;
    let opened = timeout(after, open(live.wire.clone()))
        .await
        .map_err(|_| RpcError::Timeout { call: name, after })?;
    if opened.as_ref().is_err_and(is_unwelcome) {
        live.give_up();
    }
    if opened.as_ref().is_err_and(is_unknown) {
        debug!(channel.logger(), "control plane has no such stream"; "stream" => name);
        channel.superseded(live.number).await;
        return Ok(());
    }
    let mut messages = opened.map_err(failed)?.into_inner();
    loop {
        tokio::select! {
            message = messages.message() => match message.map_err(failed)? {
                Some(message) => take(message),
                None => return Ok(()),
            },
            () = channel.superseded(live.number) => return Ok(()),
        }
    }
}
