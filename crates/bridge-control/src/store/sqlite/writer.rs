//! The one thread that writes, and the queue before it.
//!
//! Jobs that wait together are committed together, each behind a savepoint of its own, so that one
//! that fails leaves nothing and harms no other. An answer is given after the commit.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::column::closed;
use crate::store::StoreError;

/// Jobs that may wait; those who bring more wait themselves.
const WAITING: usize = 256;
/// Jobs that are committed together at most.
const TOGETHER: usize = 64;

/// Work on the database that has not begun or is not committed.
trait Job: Send {
    fn run(&mut self, connection: &Connection);
    fn finish(self: Box<Self>, commit: Result<(), StoreError>);
}

struct Pending<F, T> {
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Pending<F, T>
where
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, connection: &Connection) {
        self.outcome = self.work.take().map(|work| apart(connection, work));
    }

    fn finish(self: Box<Self>, commit: Result<(), StoreError>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(closed()));
        // An asker that went away is no concern of the writer.
        let _gone = self.answer.send(commit.and(outcome));
    }
}

/// Does the work; when it fails, what it wrote is undone.
fn apart<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.execute_batch("SAVEPOINT job")?;
    let outcome = work(connection);
    if outcome.is_err() {
        connection.execute_batch("ROLLBACK TO job")?;
    }
    connection.execute_batch("RELEASE job")?;
    outcome
}

/// The queue before the thread. Dropping it lets the thread finish what waits and joins it.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("store writer".to_owned())
            .spawn(move || write(&connection, waiting))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Does the work and waits until it is committed. Dropping the future may or may not leave it
    /// done.
    pub(super) async fn run<F, T>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (job, answer) = pending(work);
        let jobs = self.jobs.as_ref().ok_or_else(closed)?;
        jobs.send(job).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Leaves the work for later, or undone when many jobs wait.
    pub(super) fn leave<F>(&self, work: F)
    where
        F: FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static,
    {
        let (job, _) = pending(work);
        if let Some(jobs) = &self.jobs {
            let _full = jobs.try_send(job);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has answered nobody; there is nothing more to tell.
            let _panicked = thread.join();
        }
    }
}

type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

fn pending<F, T>(work: F) -> (Box<dyn Job>, Answer<T>)
where
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    T: Send + 'static,
{
    let (answer, waiting) = oneshot::channel();
    let job = Pending {
        work: Some(work),
        outcome: None,
        answer,
    };
    (Box::new(job), waiting)
}

fn write(connection: &Connection, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut together = vec![first];
        let end = commit(connection, &mut together, &mut waiting);
        for job in together {
            job.finish(end.clone());
        }
    }
}

fn commit(
    connection: &Connection,
    together: &mut Vec<Box<dyn Job>>,
    waiting: &mut mpsc::Receiver<Box<dyn Job>>,
) -> Result<(), StoreError> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for job in together.iter_mut() {
        job.run(connection);
    }
    while together.len() < TOGETHER
        && let Ok(mut job) = waiting.try_recv()
    {
        job.run(connection);
        together.push(job);
    }
    let end = connection.execute_batch("COMMIT");
    if end.is_err() && !connection.is_autocommit() {
        // The transaction is open still (the disk is full, say): leave nothing of it.
        connection.execute_batch("ROLLBACK")?;
    }
    end.map_err(|cause| StoreError::Unavailable(Arc::new(cause)))
}
