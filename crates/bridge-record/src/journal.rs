//! The journal: records on the disk of the gateway, until the sink has them.
//!
//! A record is *safe* when the group it was written with is synced; it is *acknowledged* when the
//! sink has it. [`Recorder::start`] returns when the first record of an interception is safe, and
//! [`Recorder::settle`] when everything is that was taken before. One thread writes, and whatever
//! waits shares one sync. A task delivers what is safe, in the order in which it was taken, and
//! when all of a segment is acknowledged its file is removed.
//!
//! A process may end at any instant. The next one cuts what was being written, sets damaged
//! segments aside with their whole records kept, delivers everything that was not acknowledged,
//! and records an end for each interception that was left open.

mod backlog;
mod config;
mod deliver;
mod folder;
mod format;
mod open_set;
mod queue;
mod reader;
mod recover;
mod repair;
mod replay;
mod safety;
mod scan;
mod segment;
mod shared;
mod state;
mod writer;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bridge_telemetry::task::{self, Task};
use bridge_telemetry::{Metrics, keys, wall_clock};
use parking_lot::Mutex;
use slog::{Logger, info, o};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use self::backlog::Backlog;
pub use self::config::{Durability, JournalConfig};
use self::folder::Folder;
use self::queue::Queue;
pub use self::reader::{JournalFile, JournalReader, SegmentContent, SegmentFault};
pub use self::recover::{DamagedSegment, OpenError, Recovery};
use self::recover::{Recovered, recover};
pub use self::replay::{ReplayError, Replayed};
pub use self::scan::FaultKind;
use self::shared::Shared;
pub use self::state::{JournalState, JournalStatus};
use self::writer::Writer;
use crate::delivery::Delivery;
use crate::{Ended, Event, InterceptionId, Outcome, Record, RecordError, Recorder, Sink};

/// What the record says that ends an interception in place of a process that could not.
const LEFT_OPEN: &str = "the gateway's process ended before the answer did";
/// What it says when the beginning could not be made safe, so that the request was refused.
const NOT_BEGUN: &str = "the request was refused: its record could not be made safe";
/// How long the writer's last words may take.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Keeps records on the disk until a [`Sink`] has them. Cloning shares the journal.
///
/// Dropping the last one ends the writer and the delivery; what is safe stays on the disk and is
/// delivered after the next start.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    delivery: Arc<Delivery>,
    recovery: Recovery,
    task: Mutex<Option<Task<()>>>,
    /// Told when the writer has ended and others may write.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.end();
    }
}

/// What a closed journal leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "records may be lost"]
pub struct Remains {
    /// Records that are safe on the disk and were not delivered. They are after the next start.
    pub on_disk: u64,
    /// Records that are neither safe nor delivered.
    pub lost: usize,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl Journal {
    /// Opens the journal in this folder, which is made if it is not there, and begins to deliver
    /// to `sink`.
    ///
    /// # Errors
    /// When the folder cannot be used, another process writes to it, or a later version did.
    pub async fn open(
        path: &Path,
        sink: Arc<dyn Sink>,
        config: JournalConfig,
        metrics: Metrics,
        logger: &Logger,
    ) -> Result<Self, OpenError> {
        let logger = logger.new(o!(keys::COMPONENT => "journal"));
        let (folder, lock, recovered) = take_folder(path, &logger).await?;
        let recovery = recovered.report.clone();
        say(&recovery, &logger);
        metrics.journal_damaged(recovery.faulty() as u64);
        let left_open = recovered.open.list();
        let queue = Queue::new(config, &recovered);
        let shared = Arc::new(Shared::new(queue, config, metrics.clone(), logger.clone()));
        let position = recovered.acknowledged;
        let ended = start_writer(&shared, folder.clone(), recovered, lock).map_err(|source| {
            OpenError::Disk {
                path: path.to_owned(),
                source,
            }
        })?;
        let delivery = Arc::new(Delivery::new(sink, metrics, logger.clone()));
        let work = deliver::deliver(
            Arc::clone(&shared),
            Arc::clone(&delivery),
            Backlog::new(folder),
            position,
        );
        let journal = Self(Arc::new(Inner {
            task: Mutex::new(Some(task::spawn(&logger, "journal delivery", work))),
            shared,
            delivery,
            recovery,
            ended: Mutex::new(Some(ended)),
        }));
        for interception in left_open {
            journal.record(end(interception, LEFT_OPEN));
        }
        Ok(journal)
    }

    /// What was found at the start.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.0.recovery
    }

    /// Whether records can be made safe now.
    #[must_use]
    pub fn state(&self) -> JournalState {
        self.0.shared.queue.lock().state()
    }

    /// What happens to new work while they cannot.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.0.shared.config.durability
    }

    /// Everything an operator may want to know.
    #[must_use]
    pub fn status(&self) -> JournalStatus {
        let queue = self.0.shared.queue.lock();
        JournalStatus {
            state: queue.state(),
            segments: queue.stretches.len(),
            bytes: queue.used_bytes(),
            unacknowledged: queue.unacknowledged(),
            oldest: queue.oldest(),
            damaged: self.0.recovery.faulty() + queue.damaged,
        }
    }

    /// Waits until the sink has everything that was taken so far, at most until `deadline`. Says
    /// how many records it has not.
    pub async fn flush(&self, deadline: Instant) -> u64 {
        let shared = &self.0.shared;
        self.wait_until(deadline, || shared.queue.lock().unacknowledged() == 0)
            .await;
        shared.queue.lock().unacknowledged()
    }

    /// Refuses new interceptions, makes everything safe and delivers what the sink takes, at most
    /// until `deadline`, and ends. A sink that does not answer is not waited for when everything
    /// is safe.
    pub async fn close(&self, deadline: Instant) -> Remains {
        let shared = &self.0.shared;
        shared.queue.lock().is_closed = true;
        shared.work.notify_one();
        shared.deliverable.notify_one();
        self.wait_until(deadline, || self.is_done()).await;
        drop(self.0.task.lock().take());
        shared.end();
        let ended = self.0.ended.lock().take();
        if let Some(ended) = ended {
            let patience = deadline.max(Instant::now() + LAST_WORDS);
            // The writer's end is what is waited for, however it is told.
            let _told = timeout_at(patience, ended).await;
        }
        let mut queue = shared.queue.lock();
        queue.is_over = true;
        let lost = queue.unsafe_records();
        Remains {
            on_disk: queue.unacknowledged().saturating_sub(lost as u64),
            lost,
        }
    }

    fn is_done(&self) -> bool {
        let queue = self.0.shared.queue.lock();
        queue.unacknowledged() == 0 || queue.unsafe_records() == 0 && self.0.delivery.is_failing()
    }

    /// Waits until `is_done`, looking whenever there is progress, and once in a while.
    async fn wait_until(&self, deadline: Instant, is_done: impl Fn() -> bool) {
        loop {
            let progress = self.0.shared.progress.notified();
            if is_done() {
                return;
            }
            let soon = deadline.min(Instant::now() + LOOK_AGAIN);
            let told = timeout_at(soon, progress).await;
            if told.is_err() && Instant::now() >= deadline {
                return;
            }
        }
    }
}

/// How often somebody who waits for the end looks whether the sink still answers.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

#[async_trait]
impl Recorder for Journal {
    async fn start(&self, started: Record) -> Result<(), RecordError> {
        let interception = started.interception;
        let taken = self.0.shared.queue.lock().start(started);
        let seq = match taken {
            Ok(Some(seq)) => seq,
            Ok(None) => return Ok(()),
            Err(refused) => {
                self.0.shared.report();
                return Err(refused);
            }
        };
        if self.is_made_safe(seq).await {
            return Ok(());
        }
        match self.durability() {
            Durability::Relaxed => Ok(()),
            Durability::Strict => {
                // It was taken and may still reach the sink, where it must not stay open.
                self.record(end(interception, NOT_BEGUN));
                Err(self.refusal())
            }
        }
    }

    fn record(&self, record: Record) {
        let shared = &self.0.shared;
        let (was_idle, is_over) = {
            let mut queue = shared.queue.lock();
            let (had_work, _) = queue.to_write();
            queue.take(record);
            (!had_work, queue.is_over)
        };
        if was_idle {
            shared.work.notify_one();
        }
        if is_over {
            shared.report();
        }
    }

    async fn settle(&self) {
        let last = self.0.shared.queue.lock().last_taken();
        // Whether it is safe is told by the state, and counted.
        let _is_safe = self.is_made_safe(last).await;
    }
}

/// The end of an interception that did not come to one.
fn end(interception: InterceptionId, why: &str) -> Record {
    let ended = Ended {
        outcome: Outcome::Cut,
        credential_hint: String::new(),
        provider_status: None,
        error_type: None,
        error_message: Some(why.to_owned()),
    };
    Record::new(interception, wall_clock(), Event::Ended(Box::new(ended)))
}

async fn take_folder(path: &Path, logger: &Logger) -> Result<(Folder, File, Recovered), OpenError> {
    let (path, logger) = (path.to_owned(), logger.clone());
    let taking = spawn_blocking(move || {
        let folder = Folder::at(&path);
        let lock = lock(&folder)?;
        let recovered = recover(&folder, &logger)?;
        Ok((folder, lock, recovered))
    });
    match taking.await {
        Ok(taken) => taken,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn lock(folder: &Folder) -> Result<File, OpenError> {
    let path = || PathBuf::from(folder.path());
    let locked = folder.make().and_then(|()| folder.lock());
    match locked {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(OpenError::InUse(path())),
        Err(source) => Err(OpenError::Disk {
            path: path(),
            source,
        }),
    }
}

/// The lock is let go when the writer has ended.
fn start_writer(
    shared: &Arc<Shared>,
    folder: Folder,
    recovered: Recovered,
    lock: File,
) -> std::io::Result<oneshot::Receiver<()>> {
    let writer = Writer::new(Arc::clone(shared), folder, recovered);
    let (tell, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || {
            writer.run();
            // Not left to the file's end: a child that is being started may still have it open.
            let _ignored = lock.unlock();
            drop(lock);
            // Nobody may be waiting.
            let _gone = tell.send(());
        })?;
    Ok(ended)
}

fn say(recovery: &Recovery, logger: &Logger) {
    if recovery.unacknowledged > 0 || recovery.left_open > 0 {
        info!(logger, "records of the process before are delivered";
            "records" => recovery.unacknowledged, "left_open" => recovery.left_open);
    }
}

#[cfg(test)]
mod tests;
