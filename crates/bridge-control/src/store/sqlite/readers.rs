//! A few connections that only read, used away from the asynchronous threads.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::column::closed;
use crate::store::StoreError;

/// Connections that read, lent one question at a time.
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

impl Readers {
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(connections.len())),
            idle: Arc::new(Mutex::new(connections)),
        }
    }

    /// Reads at one moment of the database: whatever is written meanwhile is not seen. Dropping
    /// the future lets the question run to its end and its answer fall.
    pub(super) async fn run<F, T>(&self, question: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| closed())?;
        let idle = Arc::clone(&self.idle);
        let work = move || {
            let connection = idle.lock().pop().ok_or_else(closed)?;
            let answer = at_one_moment(&connection, question);
            idle.lock().push(connection);
            drop(permit);
            answer
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|cause| StoreError::Unavailable(Arc::new(cause)))?
    }
}

fn at_one_moment<T>(
    connection: &Connection,
    question: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let moment = connection.unchecked_transaction()?;
    let answer = question(&moment);
    moment.commit()?;
    answer
}
