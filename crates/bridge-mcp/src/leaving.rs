//! Who takes leave of servers: what is still to be said to them when nobody waits for it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::task::{self, Task};
use parking_lot::Mutex;
use slog::Logger;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout, timeout_at};

/// How long farewells may take: the SDK gives the end of a session five seconds.
pub(crate) const LONGEST: Duration = Duration::from_secs(6);
/// How many may be under way. Of further ones the server is not told.
const MOST: usize = 1_024;

/// The farewells that are under way. Cloning shares it. Each ends within six seconds, and all of
/// them with [`Leaving::end`].
#[derive(Clone)]
pub(crate) struct Leaving(Arc<Mutex<Option<Vec<Task<()>>>>>);

impl Leaving {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    /// Says something that takes a moment.
    pub(crate) fn say<F>(&self, logger: &Logger, name: &'static str, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if Handle::try_current().is_ok() {
            let within = async move {
                let _late = timeout(LONGEST, work).await;
            };
            self.see_off(task::spawn(logger, name, within));
        }
    }

    /// Ends a task at its next wait, and keeps it until then.
    pub(crate) fn stop(&self, task: Task<()>) {
        task.abort();
        self.see_off(task);
    }

    /// Keeps a task until its end. After [`Leaving::end`], and when there are too many, it is
    /// aborted instead.
    pub(crate) fn see_off(&self, task: Task<()>) {
        if let Some(tasks) = &mut *self.0.lock() {
            tasks.retain(|task| !task.is_finished());
            if tasks.len() < MOST {
                tasks.push(task);
            }
        }
    }

    /// Waits until all are done, those included that others bring about, and takes no more. It
    /// takes six seconds at most. Dropping the future aborts what is left.
    pub(crate) async fn end(&self) {
        let late = Instant::now() + LONGEST;
        loop {
            let tasks = self.0.lock().replace(Vec::new()).unwrap_or_default();
            if tasks.is_empty() {
                break;
            }
            for task in tasks {
                let _either = timeout_at(late, task.join()).await;
            }
        }
        let last = self.0.lock().take();
        drop(last);
    }
}

impl fmt::Debug for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let under_way = self.0.lock().as_ref().map(Vec::len);
        f.debug_tuple("Leaving").field(&under_way).finish()
    }
}
