//! Answers whose callers have left: given up at once, or read on for their figures.
//!
//! Providers charge for what a model has written. Giving up ends that at once, and the output is
//! estimated; reading on may cost the rest of the answer, and the records have the provider's own
//! figures.

mod rest;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bridge_telemetry::Metrics;
use bridge_telemetry::task::{self, Task};
use parking_lot::Mutex;
use slog::Logger;
use tokio::runtime::Handle;
use tokio::time::timeout;

pub(crate) use self::rest::{Awaited, Departure, Rest};

/// What becomes of an answer whose caller goes away before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnAbort {
    /// The exchange with the provider ends at once. Output whose figures had not come is estimated.
    #[default]
    Cancel,
    /// The rest is read within limits, to learn the provider's figures. Beyond the limits it is as
    /// with [`OnAbort::Cancel`].
    ReadOn(AftercareLimits),
}

/// How much is done for answers that nobody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AftercareLimits {
    /// How long one may take from when its caller left. Default 60 s.
    pub time: Duration,
    /// How many bytes more of one may be read, as they travel. Default 16 MiB.
    pub bytes: usize,
    /// How many may be read on at once; of further ones the exchange ends at once. Default 64.
    pub at_once: usize,
}

impl Default for AftercareLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            bytes: 16 << 20,
            at_once: 64,
        }
    }
}

/// Reads on what callers have left, each in a task that it owns. Cloning shares it.
///
/// The tasks end at their limits at the latest, and all of them with [`Aftercare::end`].
#[derive(Clone)]
pub struct Aftercare(Arc<Inner>);

struct Inner {
    /// Nothing from the end on. Looked at and added to under one lock, so that no task is begun
    /// behind the end's back.
    tasks: Mutex<Option<Vec<Task<()>>>>,
    places: Arc<Places>,
    logger: Logger,
}

/// How many answers are read on now.
struct Places {
    taken: AtomicUsize,
    metrics: Metrics,
}

impl Aftercare {
    /// Nothing to read yet.
    #[must_use]
    pub fn new(metrics: Metrics, logger: &Logger) -> Self {
        let places = Arc::new(Places {
            taken: AtomicUsize::new(0),
            metrics,
        });
        Self(Arc::new(Inner {
            tasks: Mutex::new(Some(Vec::new())),
            places,
            logger: logger.clone(),
        }))
    }

    /// Gives up what is read on, takes no more, and waits until the end of all of it is recorded.
    /// It belongs before the recorder is closed.
    ///
    /// Dropping the future gives up as well, without waiting.
    pub async fn end(&self) {
        let tasks = self.0.tasks.lock().take().unwrap_or_default();
        tasks.iter().for_each(Task::abort);
        for task in tasks {
            // What has been given up records its end while it goes.
            let _gone = task.join().await;
        }
    }

    /// Reads on, or gives back what cannot be taken.
    fn take(&self, rest: Rest, limits: AftercareLimits) -> Result<(), Rest> {
        let inner = &self.0;
        let mut tasks = inner.tasks.lock();
        // Without a runtime nothing can be read.
        let tasks = tasks.as_mut().filter(|_| Handle::try_current().is_ok());
        let place = tasks.and_then(|tasks| {
            let place = Place::take(&inner.places, limits.at_once)?;
            Some((place, tasks))
        });
        let Some((place, tasks)) = place else {
            inner.places.metrics.aftercare_ended("refused");
            return Err(rest);
        };
        rest.leave();
        let work = async move {
            let reading = timeout(limits.time, rest.read(limits.bytes)).await;
            place.leave(reading.unwrap_or("out_of_time"));
        };
        let task = task::spawn(&inner.logger, "aftercare", work);
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
        Ok(())
    }
}

impl fmt::Debug for Aftercare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aftercare")
            .field("running", &self.0.places.taken)
            .finish_non_exhaustive()
    }
}

/// The right to be read on.
struct Place {
    places: Arc<Places>,
    /// How it ended, for the metric.
    how: &'static str,
}

impl Place {
    fn take(places: &Arc<Places>, at_once: usize) -> Option<Self> {
        let add = |taken: usize| (taken < at_once).then_some(taken + 1);
        let order = Ordering::SeqCst;
        places.taken.fetch_update(order, order, add).ok()?;
        places.metrics.aftercare_began();
        Some(Self {
            places: Arc::clone(places),
            how: "stopped",
        })
    }

    /// Makes room for others. Dropped instead, it was stopped.
    fn leave(mut self, how: &'static str) {
        self.how = how;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::SeqCst);
        self.places.metrics.aftercare_left();
        self.places.metrics.aftercare_ended(self.how);
    }
}
