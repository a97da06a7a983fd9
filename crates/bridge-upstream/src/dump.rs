//! What travels to providers and back, written to files for whoever looks for a mistake.
//!
//! A dump holds prompts and answers, so it is off unless an operator names a folder. It is an
//! [`Exchange`] around another one: a pair of files for each attempt, the request as it leaves and
//! the answer as it arrives. Credentials are masked.
//!
//! Traffic never waits for it. Pieces of an answer are shared with a thread that writes them,
//! through a queue of bounded length and size; what finds no room is left out and counted.

mod mask;
mod name;
mod pretty;
mod sheet;
mod shelf;
mod text;
mod veil;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bridge_telemetry::{ErrorChain, Metrics};
use http::HeaderName;
use slog::{Logger, o};

use self::mask::Masks;
use self::name::Stem;
pub(crate) use self::sheet::Tap;
use self::shelf::Shelf;
use self::text::RequestText;
use self::writer::{Note, Queue};
use crate::{BoundCredential, Endpoint, Exchange, Outbound, Reply, UpstreamError};

/// Where dumps go and how much of them is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpConfig {
    /// The folder, made when it is not there. Nobody but its owner may write into it.
    pub folder: PathBuf,
    /// How many bytes of a request or answer are written. Default 4 MiB.
    pub file_bytes: usize,
    /// How many bytes all files may have together; the oldest go first. Default 1 GiB.
    pub folder_bytes: u64,
    /// How old a file may become. Default one day.
    pub max_age: Duration,
    /// Headers whose values are masked, besides those that always are.
    pub masked: Vec<HeaderName>,
}

impl DumpConfig {
    /// The usual limits, in this folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            file_bytes: 4 << 20,
            folder_bytes: 1 << 30,
            max_age: Duration::from_secs(24 * 60 * 60),
            masked: Vec::new(),
        }
    }
}

/// Why there can be no dumps.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The folder cannot be made or looked at.
    #[error("cannot use the folder for dumps {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something else is in its place.
    #[error("{} is not a folder: name another one for dumps", .0.display())]
    NotFolder(PathBuf),
    /// Others could put files there.
    #[error(
        "others than its owner may write into the folder for dumps {}: take that right away with \
         chmod go-w, or name another folder", .0.display()
    )]
    Open(PathBuf),
    /// The thread that writes cannot be started.
    #[error("cannot start the thread that writes dumps")]
    Thread(#[source] std::io::Error),
}

/// What an attempt's files are called after.
#[derive(Debug, Clone)]
pub struct DumpLabel<'l> {
    /// Name of the provider: the first folder.
    pub provider: &'l str,
    /// The model, or `passthrough`: the second folder.
    pub group: &'l str,
    /// What its names begin with, if anything: the path of a request without a model.
    pub path: Option<&'l str>,
    /// The request's id.
    pub id: String,
    /// Which attempt of the request, from one.
    pub attempt: u32,
}

/// Writes dumps. Cloning shares it; the thread ends when the last one is dropped, with everything
/// written that is in the queue then.
#[derive(Debug, Clone)]
pub struct Dumps(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: Queue,
    config: DumpConfig,
    masks: Arc<Masks>,
}

impl Dumps {
    /// Makes the folder and starts the thread that writes.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn start(
        config: DumpConfig,
        metrics: &Metrics,
        logger: &Logger,
    ) -> Result<Self, DumpError> {
        let shelf = Shelf::open(&config)?;
        let masks = Arc::new(Masks::new(&config.masked));
        let logger = logger.new(o!(bridge_telemetry::keys::COMPONENT => "dumps"));
        let queue = Queue::start(shelf, metrics, &logger).map_err(DumpError::Thread)?;
        Ok(Self(Arc::new(Inner {
            queue,
            config,
            masks,
        })))
    }

    /// Where they go and how much is kept.
    #[must_use]
    pub fn config(&self) -> &DumpConfig {
        &self.0.config
    }

    /// An exchange that dumps what goes through this one.
    pub fn around<'a>(&self, exchange: &'a dyn Exchange, label: &DumpLabel<'_>) -> Dumped<'a> {
        Dumped {
            exchange,
            stem: Stem::of(label),
            dumps: self.clone(),
        }
    }

    /// Waits until everything is written that was queued before. Dropping the future changes
    /// nothing.
    pub async fn written(&self) {
        self.0.queue.written().await;
    }
}

/// An exchange whose requests and answers are written to files.
#[derive(Debug)]
pub struct Dumped<'a> {
    exchange: &'a dyn Exchange,
    stem: Stem,
    dumps: Dumps,
}

#[async_trait]
impl Exchange for Dumped<'_> {
    async fn exchange(&self, to: &Endpoint, request: Outbound) -> Result<Reply, UpstreamError> {
        let inner = &self.dumps.0;
        let credential = request.credential.clone();
        let travelling = || credential.as_ref().and_then(BoundCredential::travelling);
        let text = RequestText::of(&request);
        inner.queue.put(Note::Request {
            stem: self.stem.clone(),
            text,
            masks: Arc::clone(&inner.masks),
            veil: travelling(),
            limit: inner.config.file_bytes,
        });
        match self.exchange.exchange(to, request).await {
            Ok(mut reply) => {
                let tap = Tap::begin(
                    &inner.queue,
                    &self.stem,
                    &reply,
                    &inner.masks,
                    // Asked again: what signs may have fetched another token for this request.
                    travelling(),
                    inner.config.file_bytes,
                );
                reply.body.listen(tap);
                Ok(reply)
            }
            Err(error) => {
                inner.queue.put(Note::Failure {
                    stem: self.stem.clone(),
                    text: ErrorChain(&error).to_string(),
                });
                Err(error)
            }
        }
    }
}

impl std::fmt::Debug for dyn Exchange + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exchange")
    }
}

#[cfg(test)]
mod tests;
