//! Spawned tasks: each has an owner, a name and an end.

use std::future::Future;

use futures_util::FutureExt as _;
use slog::{Logger, trace};
use tokio::task::{JoinError, JoinHandle};

/// A running task. Dropping it aborts the task.
#[derive(Debug)]
#[must_use = "dropping a task aborts it"]
pub struct Task<T>(Option<JoinHandle<T>>);

impl<T> Task<T> {
    /// Waits for the task's end. Dropping the future aborts the task.
    ///
    /// # Errors
    /// When the task panicked.
    pub async fn join(mut self) -> Result<T, JoinError> {
        match self.0.as_mut() {
            Some(handle) => {
                let end = handle.await;
                self.0 = None;
                end
            }
            None => unreachable!("the handle is taken only when the task is consumed"),
        }
    }

    /// Lets the task run to its end without an owner. Say at the call why it needs none.
    pub fn detach(mut self) {
        self.0 = None;
    }

    /// Ends the task at its next wait.
    pub fn abort(&self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.abort();
    }
}

/// Starts a task. `name` appears in the log when it starts and when it ends by itself.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place the ban points to"
)]
pub fn spawn<F>(logger: &Logger, name: &'static str, work: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    trace!(logger, "task started"; "task" => name);
    Task(Some(tokio::spawn(telling_its_end(logger, name, work))))
}

/// The same work, with a line behind it. An `async` block would keep the work twice: as what it
/// captures and as what it awaits.
fn telling_its_end<F: Future>(
    logger: &Logger,
    name: &'static str,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    let logger = logger.clone();
    work.map(move |output| {
        trace!(logger, "task ended"; "task" => name);
        output
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discard;

    #[tokio::test]
    async fn a_task_keeps_its_work_once() {
        let work = async {
            let held = [7_u8; 4_096];
            tokio::task::yield_now().await;
            held.len()
        };
        let alone = size_of_val(&work);
        let told = telling_its_end(&discard(), "work", work);
        assert!(size_of_val(&told) <= alone + 64, "{}", size_of_val(&told));
        assert_eq!(spawn(&discard(), "work", told).join().await.unwrap(), 4_096);
    }
}
