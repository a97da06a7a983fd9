//! Keeping one server of one identity open.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bridge_telemetry::{ErrorChain, keys};
use slog::{debug, warn};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Shared;
use super::slot::Slot;
use crate::access::Access;
use crate::pause::Pauses;
use crate::session::Session;
use crate::{McpError, ToolServer};

/// How long a server is left alone that was listed because it said so: one that says so all the
/// time is asked once in this time.
const BREATH: Duration = Duration::from_secs(1);
/// How soon after a failure a server is tried again because somebody wants it.
const SOONEST: Duration = Duration::from_secs(1);

/// Opens the server and keeps it open, without end. Dropping it leaves the server as it is.
pub(super) async fn open(shared: Arc<Shared>, slot: Arc<Slot>) {
    let Some(access) = slot.access() else {
        return;
    };
    let mut pauses = Pauses::new(&shared.house.config);
    let mut told = None;
    let mut quiet = Duration::ZERO;
    loop {
        match open_once(&shared, &slot, &access).await {
            Ok(session) => {
                told = None;
                let since = Instant::now();
                let why = tend(&shared, &slot, &session, quiet).await;
                // One that opens well and fails soon after is left alone longer and longer.
                quiet = if since.elapsed() >= shared.house.config.last_retry {
                    pauses.reset();
                    Duration::ZERO
                } else {
                    pauses.next()
                };
                debug!(shared.logger, "tool server is opened again"; keys::TOOL_SERVER => slot.of().name(),
                    keys::ERROR => ErrorChain(&why));
            }
            Err(error) => {
                slot.failed(&error);
                let name = slot.of().endpoint().provider();
                shared.house.metrics.tool_server_failed(name, error.kind());
                shared.publish();
                let pause = pauses.next();
                tell(&shared, &slot, &error, &mut told, pause);
                rest(&shared, &slot, pause).await;
            }
        }
    }
}

async fn open_once(
    shared: &Shared,
    slot: &Slot,
    access: &Arc<Access>,
) -> Result<Arc<Session>, McpError> {
    let after = shared.house.config.opening;
    let since = Instant::now();
    let opened = async {
        let session = shared.house.opener.open(Arc::clone(access)).await?;
        let listing = session.list().await?;
        Ok((session, listing))
    };
    let (session, listing) = within(after, opened).await?;
    let session = Arc::new(session);
    slot.of()
        .set_late(shared.house.is_too_long(since.elapsed()));
    let listing = slot.of().admit(listing, shared.house.config.tools)?;
    debug!(shared.logger, "tool server open"; keys::TOOL_SERVER => slot.of().name(),
        "tools" => listing.tools.len(), "left_out" => listing.left_out);
    let open: Arc<dyn ToolServer> = Arc::<Session>::clone(&session);
    slot.opened(open, listing);
    shared.publish();
    Ok(session)
}

/// Lists the tools again when there is a reason, but not within `quiet`, unless there is something
/// else to present. Says why the session is no good any more.
async fn tend(shared: &Shared, slot: &Slot, session: &Session, quiet: Duration) -> McpError {
    let refresh = shared.house.config.refresh;
    tokio::select! {
        () = session.ended() => return McpError::SessionEnded,
        () = slot.renewed.notified() => slot.renewed.notify_one(),
        () = sleep(quiet) => {}
    }
    let mut due = Instant::now() + refresh;
    loop {
        tokio::select! {
            () = session.ended() => return McpError::SessionEnded,
            () = session.changed() => {}
            () = slot.doubted() => {}
            () = slot.renewed.notified() => {}
            () = sleep_until(due) => {
                due = Instant::now() + refresh;
                if !shared.is_used.swap(false, Ordering::Relaxed) {
                    continue;
                }
            }
        }
        let config = &shared.house.config;
        let listing = within(config.opening, session.list()).await;
        match listing.and_then(|listing| slot.of().admit(listing, config.tools)) {
            Ok(listing) => {
                debug!(shared.logger, "tools listed again"; keys::TOOL_SERVER => slot.of().name(),
                    "tools" => listing.tools.len());
                slot.listed(listing);
                shared.publish();
                due = Instant::now() + refresh;
            }
            Err(error) => return error,
        }
        sleep(BREATH).await;
    }
}

async fn within<T>(
    after: Duration,
    work: impl Future<Output = Result<T, McpError>>,
) -> Result<T, McpError> {
    let done = timeout(after, work).await;
    done.map_err(|_| McpError::TimedOut { after })?
}

/// Waits until it is time to try again: at the end of the pause, when there is something else to
/// present, or soon when somebody wants the tools.
async fn rest(shared: &Shared, slot: &Slot, pause: Duration) {
    let since = Instant::now();
    let wanted = async {
        sleep(SOONEST).await;
        shared.wanted.notified().await;
    };
    tokio::select! {
        () = sleep_until(since + pause) => {}
        () = wanted => {}
        () = slot.renewed.notified() => {}
    }
}

/// A kind of failure is told once, until the server has been open or fails otherwise.
fn tell(
    shared: &Shared,
    slot: &Slot,
    error: &McpError,
    told: &mut Option<&'static str>,
    pause: Duration,
) {
    let server = slot.of().name();
    let retry = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    if told.replace(error.kind()) == Some(error.kind()) {
        debug!(shared.logger, "tool server still not open"; keys::TOOL_SERVER => server,
            keys::RETRY_IN_MS => retry, keys::ERROR => ErrorChain(error));
    } else {
        warn!(shared.logger, "tool server not open"; keys::TOOL_SERVER => server,
            keys::KIND => error.kind(), keys::RETRY_IN_MS => retry,
            keys::ERROR => ErrorChain(error));
    }
}
