//! Word to the supervisor that runs this process: ready, reloading, stopping (`sd_notify`).
//!
//! Without one nothing is said. What cannot be said is no reason to stop, and nobody here waits for
//! a supervisor that does not listen: a thread speaks.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use bridge_telemetry::{ErrorChain, keys};
use parking_lot::Mutex;
use sd_notify::NotifyState;
use slog::{Logger, debug, warn};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::config::env::Environment;

/// Where a supervisor listens, if there is one.
const SOCKET: &str = "NOTIFY_SOCKET";
/// How many words may wait. A supervisor that has left more behind is not listening.
const WAITING: usize = 64;
/// How long the last word may take before the process leaves without it.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Tells the supervisor how this process is. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stage: Mutex<Stage>,
    /// Absent when nobody supervises.
    words: Option<SyncSender<Word>>,
    logger: Logger,
}

/// What the supervisor has been told last. A word that does not fit it is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Starting,
    Ready,
    Stopping,
}

enum Word {
    Say(Vec<NotifyState<'static>>),
    /// Everything before it has been said.
    End(oneshot::Sender<()>),
}

impl Supervisor {
    /// Nobody.
    pub(crate) fn none(logger: &Logger) -> Self {
        Self::with(None, logger)
    }

    /// The one that the environment names, if it names one.
    pub(crate) fn of_process(environment: &Environment, logger: &Logger) -> Self {
        if environment.path(SOCKET).is_none() {
            return Self::none(logger);
        }
        let words = match speak(logger.clone()) {
            Ok(words) => Some(words),
            Err(cause) => {
                warn!(logger, "nobody can speak to the supervisor"; keys::ERROR => ErrorChain(&cause));
                None
            }
        };
        Self::with(words, logger)
    }

    fn with(words: Option<SyncSender<Word>>, logger: &Logger) -> Self {
        Self(Arc::new(Inner {
            stage: Mutex::new(Stage::Starting),
            words,
            logger: logger.clone(),
        }))
    }

    /// Requests are taken from now on.
    pub(crate) fn ready(&self) {
        let mut stage = self.0.stage.lock();
        if *stage == Stage::Starting {
            *stage = Stage::Ready;
            self.say(serving());
        }
    }

    /// The configuration is being read again. [`Supervisor::reloaded`] follows, whatever comes of
    /// it.
    pub(crate) fn reloading(&self) {
        let stage = self.0.stage.lock();
        if *stage != Stage::Ready {
            return;
        }
        let mut states = vec![NotifyState::Reloading];
        match NotifyState::monotonic_usec_now() {
            Ok(now) => states.push(now),
            Err(cause) => {
                debug!(self.0.logger, "no clock for the supervisor"; keys::ERROR => %cause);
            }
        }
        self.say(states);
    }

    /// The configuration has been read again. A process that stops has said so, and does not take
    /// it back.
    pub(crate) fn reloaded(&self) {
        let stage = self.0.stage.lock();
        if *stage == Stage::Ready {
            self.say(serving());
        }
    }

    /// Nothing new is taken from now on.
    pub(crate) fn stopping(&self) {
        let mut stage = self.0.stage.lock();
        if *stage != Stage::Stopping {
            *stage = Stage::Stopping;
            let status = NotifyState::Status("stopping: running requests finish");
            self.say(vec![NotifyState::Stopping, status]);
        }
    }

    /// Waits until everything has been said, for a second at most.
    pub(crate) async fn said_everything(&self) {
        let Some(words) = &self.0.words else {
            return;
        };
        let (tell, told) = oneshot::channel();
        if words.try_send(Word::End(tell)).is_ok() {
            // Late or never is the same: the process ends, and that is seen.
            let _either = timeout(LAST_WORD, told).await;
        }
    }

    /// Leaves it to the thread. Called with the stage locked, so that words keep their order.
    fn say(&self, states: Vec<NotifyState<'static>>) {
        let Some(words) = &self.0.words else {
            return;
        };
        if words.try_send(Word::Say(states)).is_err() {
            debug!(self.0.logger, "the supervisor does not listen");
        }
    }
}

fn serving() -> Vec<NotifyState<'static>> {
    vec![NotifyState::Ready, NotifyState::Status("serving")]
}

/// Starts the thread that speaks, which may take as long as the supervisor does. It ends when nobody
/// holds the sender any more, and with the process.
fn speak(logger: Logger) -> io::Result<SyncSender<Word>> {
    let (words, waiting) = sync_channel(WAITING);
    thread::Builder::new()
        .name("supervisor".to_owned())
        .spawn(move || say_all(&waiting, &logger))?;
    Ok(words)
}

fn say_all(words: &Receiver<Word>, logger: &Logger) {
    for word in words {
        match word {
            Word::Say(states) => {
                if let Err(cause) = sd_notify::notify(&states) {
                    debug!(logger, "the supervisor does not listen"; keys::ERROR => ErrorChain(&cause));
                }
            }
            Word::End(tell) => {
                // Whoever has gone away needs no telling.
                let _gone = tell.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a supervisor would hear, in short.
    fn heard(words: &Receiver<Word>) -> Vec<String> {
        let said = words.try_iter().filter_map(|word| match word {
            Word::Say(states) => states.first().map(ToString::to_string),
            Word::End(_) => None,
        });
        said.collect()
    }

    #[test]
    fn only_words_that_fit_are_said() {
        let (words, waiting) = sync_channel(WAITING);
        let supervisor = Supervisor::with(Some(words), &bridge_telemetry::discard());
        supervisor.reloading();
        supervisor.reloaded();
        assert_eq!(heard(&waiting), [""; 0], "not before it is ready");
        supervisor.ready();
        supervisor.ready();
        supervisor.reloading();
        supervisor.reloaded();
        assert_eq!(heard(&waiting), ["READY=1", "RELOADING=1", "READY=1"]);
        supervisor.reloading();
        supervisor.stopping();
        supervisor.reloaded();
        supervisor.stopping();
        supervisor.ready();
        assert_eq!(heard(&waiting), ["RELOADING=1", "STOPPING=1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_supervisor_that_does_not_listen() {
        let (words, waiting) = sync_channel(1);
        let supervisor = Supervisor::with(Some(words), &bridge_telemetry::discard());
        supervisor.ready();
        supervisor.stopping();
        supervisor.said_everything().await;
        assert_eq!(heard(&waiting), ["READY=1"]);
        // There is room for the last word now, and nobody who hears it.
        let begun = tokio::time::Instant::now();
        supervisor.said_everything().await;
        assert_eq!(begun.elapsed(), LAST_WORD);
    }
}
