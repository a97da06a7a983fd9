//! Tasks that serve until they are told to stop.

use std::future::Future;
use std::time::Duration;

use bridge_telemetry::ErrorChain;
use bridge_telemetry::task::{self, Task};
use slog::{Logger, warn};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

/// How long a task may take to end once it is told to.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// A task that serves until it is told to stop. Dropping it ends it at once.
pub(super) struct Running {
    name: &'static str,
    stop: oneshot::Sender<()>,
    task: Task<()>,
    pulse: Pulse,
}

/// Tells whether a task still serves, also when it broke. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Pulse(watch::Receiver<()>);

impl Pulse {
    /// Whether the task has ended, for whatever reason.
    pub(super) fn has_stopped(&self) -> bool {
        self.0.has_changed().is_err()
    }
}

/// Done when a task is to stop.
pub(super) struct Stopped(oneshot::Receiver<()>);

impl Stopped {
    /// Waits for the order.
    pub(super) async fn wait(self) {
        // The owner going away is an order to stop, too.
        let _ignored = self.0.await;
    }
}

impl Running {
    /// Starts what `serve` makes of the order to stop.
    pub(super) fn start<F>(
        logger: &Logger,
        name: &'static str,
        serve: impl FnOnce(Stopped) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let (alive, pulse) = watch::channel(());
        let serving = serve(Stopped(stopped));
        let work = async move {
            // Goes with the task, however that ends.
            let _alive = alive;
            serving.await;
        };
        Self {
            name,
            stop,
            task: task::spawn(logger, name, work),
            pulse: Pulse(pulse),
        }
    }

    /// Whether it serves, for others to look at.
    pub(super) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Tells it to stop and waits for its end; ends it when it takes too long.
    pub(super) async fn stop(self, logger: &Logger) {
        // Whoever has gone away needs no telling.
        let _gone = self.stop.send(());
        match timeout(STOP_PATIENCE, self.task.join()).await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => {
                warn!(logger, "a task broke"; "task" => self.name, "error" => ErrorChain(&cause));
            }
            Err(_) => warn!(logger, "a task was ended"; "task" => self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use bridge_telemetry::discard;

    use super::*;

    #[tokio::test]
    async fn an_end_is_noticed_whatever_it_is() {
        let logger = discard();
        let serves = Running::start(&logger, "serves", Stopped::wait);
        let ends = Running::start(&logger, "ends", |_| async {});
        let breaks = Running::start(&logger, "breaks", |_| async { panic!("on purpose") });
        for mut ended in [ends.pulse(), breaks.pulse()] {
            ended.0.changed().await.unwrap_err();
            assert!(ended.has_stopped());
        }
        let pulse = serves.pulse();
        assert!(!pulse.has_stopped());
        serves.stop(&logger).await;
        assert!(pulse.has_stopped());
    }
}
