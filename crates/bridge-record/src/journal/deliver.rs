//! The task that delivers: from memory when it has the records, from the segments when not.

use std::sync::Arc;
use std::time::Duration;

use backon::BackoffBuilder as _;
use bridge_telemetry::{ErrorChain, keys};
use slog::{error, warn};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::backlog::{Backlog, BacklogFault, Portion};
use super::queue::{Next, tell};
use super::recover::Stretch;
use super::shared::Shared;
use crate::delivery::Delivery;

/// Delays between attempts to read a segment, which is passed over when none succeeds: the disk, or
/// a limit on open files, may refuse for a moment.
const RETRY_FLOOR: Duration = Duration::from_millis(50);
const RETRY_CEILING: Duration = Duration::from_secs(2);
const RETRIES: usize = 9;

/// Delivers everything after `position`, and whatever comes, until it is dropped.
pub(super) async fn deliver(
    shared: Arc<Shared>,
    delivery: Arc<Delivery>,
    mut backlog: Backlog,
    mut position: u64,
) {
    loop {
        let next = shared.queue.lock().next_after(position);
        match next {
            Next::Nothing => {
                shared.deliverable.notified().await;
                if !shared.queue.lock().is_closed {
                    sleep(shared.config.delivery.linger).await;
                }
            }
            Next::Records(records, through) => {
                if !records.is_empty() {
                    delivery.deliver(&records).await;
                }
                position = through;
                acknowledge(&shared, position);
            }
            Next::Backlog(stretch) => {
                let portion;
                (backlog, portion) = read(&shared, backlog, stretch, position).await;
                if !portion.records.is_empty() {
                    delivery.deliver(&portion.records).await;
                }
                position = portion.position;
                acknowledge(&shared, position);
            }
        }
    }
}

async fn read(
    shared: &Shared,
    mut backlog: Backlog,
    stretch: Stretch,
    position: u64,
) -> (Backlog, Portion) {
    let mut delays = backon::ExponentialBuilder::default()
        .with_min_delay(RETRY_FLOOR)
        .with_max_delay(RETRY_CEILING)
        .with_max_times(RETRIES)
        .build();
    let mut portion;
    loop {
        (backlog, portion) = read_once(shared, backlog, stretch, position).await;
        let Some(BacklogFault::Unreadable(cause)) = &portion.fault else {
            break;
        };
        let Some(delay) = delays.next() else {
            break;
        };
        warn!(shared.logger, "a segment of the journal cannot be read now, trying again";
            "segment" => stretch.number, keys::ERROR => ErrorChain(cause));
        sleep(delay).await;
    }
    if let Some(fault) = &portion.fault {
        error!(shared.logger, "a segment of the journal is damaged: what is whole is delivered";
            "segment" => stretch.number, keys::ERROR => ErrorChain(fault));
        shared.metrics.journal_damaged(1);
        shared.queue.lock().mark_damaged(stretch.number);
    }
    (backlog, portion)
}

async fn read_once(
    shared: &Shared,
    mut backlog: Backlog,
    stretch: Stretch,
    position: u64,
) -> (Backlog, Portion) {
    let limits = shared.config.delivery;
    let reading = spawn_blocking(move || {
        let portion = backlog.next(stretch, position, &limits);
        (backlog, portion)
    });
    match reading.await {
        Ok(read) => read,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn acknowledge(shared: &Shared, position: u64) {
    tell(shared.queue.lock().acknowledge(position));
    shared.work.notify_one();
    shared.progress.notify_waiters();
}
