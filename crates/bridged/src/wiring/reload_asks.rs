//! Who may ask for a reload: a signal, and the operator. One runs at a time, and all who ask before
//! it begins share its outcome.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bridge_telemetry::task::{self, Task};
use bridge_telemetry::wall_clock;
use jiff::Timestamp;
use slog::Logger;
use tokio::sync::{mpsc, oneshot};

use super::readiness::{Reason, State, to_the_second};
use super::settings::Settings;
use crate::reload_view::{ReloadRefused, ReloadView};

/// How many may ask while a reload runs. Signals beyond that are shared with those that wait.
const WAITING: usize = 64;

/// What became of a reload.
pub(crate) type Outcome = Arc<Result<ReloadView, ReloadRefused>>;

/// Somebody who asks, and whether they wait for the outcome.
type Ask = Option<oneshot::Sender<Outcome>>;

/// Asks for reloads. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Reloads {
    asks: mpsc::Sender<Ask>,
    refusal: Arc<ArcSwapOption<Refusal>>,
}

/// The last configuration that was read could not be used.
#[derive(Debug)]
struct Refusal {
    /// When it was read, in whole seconds.
    since: Option<Timestamp>,
    /// How much is wrong with it.
    problems: usize,
}

impl Reloads {
    /// Starts the task that reloads. It ends when it is dropped, between two steps of a reload.
    pub(super) fn start(settings: Settings, logger: &Logger) -> (Self, Task<()>) {
        let (asks, asked) = mpsc::channel(WAITING);
        let refusal = Arc::<ArcSwapOption<Refusal>>::default();
        let work = work(settings, asked, Arc::clone(&refusal));
        (
            Self { asks, refusal },
            task::spawn(logger, "settings", work),
        )
    }

    /// Asks for a reload and does not wait.
    pub(crate) fn nudge(&self) {
        // When no more can wait, those who do have not been served yet: it is the same reload.
        let _shared = self.asks.try_send(None);
    }

    /// Asks for a reload and waits for what becomes of it; nothing when the server ends meanwhile.
    /// Dropping the future does not stop the reload.
    pub(crate) async fn ask(&self) -> Option<Outcome> {
        let (tell, told) = oneshot::channel();
        self.asks.send(Some(tell)).await.ok()?;
        told.await.ok()
    }

    /// Why the configuration in force is not the one in the file, if it is not.
    pub(super) fn trouble(&self) -> Option<Reason> {
        let refusal = self.refusal.load_full()?;
        let problems = match refusal.problems {
            1 => "a problem".to_owned(),
            many => format!("{many} problems"),
        };
        let text = format!(
            "the configuration has {problems} and the one before stays: see `bridged check-config`"
        );
        Some(Reason::new(State::Degraded, "configuration_refused", text).since(refusal.since))
    }
}

async fn work(
    mut settings: Settings,
    mut asked: mpsc::Receiver<Ask>,
    refusal: Arc<ArcSwapOption<Refusal>>,
) {
    let supervisor = settings.rereads.supervisor.clone();
    while let Some(first) = asked.recv().await {
        let mut waiting = vec![first];
        while let Ok(more) = asked.try_recv() {
            waiting.push(more);
        }
        supervisor.reloading();
        let outcome: Outcome = Arc::new(settings.reload().await);
        let refused = outcome.as_ref().as_ref().err();
        refusal.store(refused.map(|refused| {
            Arc::new(Refusal {
                since: to_the_second(wall_clock()),
                problems: refused.problems.len(),
            })
        }));
        supervisor.reloaded();
        for ask in waiting.into_iter().flatten() {
            // Whoever has gone away needs no telling.
            let _gone = ask.send(Arc::clone(&outcome));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use bridge_telemetry::{Logging, Metrics};
    use slog::Level;
    use tokio::sync::watch;

    use super::*;
    use crate::config::env::Environment;
    use crate::log_lines::LogLines;
    use crate::supervisor::Supervisor;
    use crate::wiring::{Rereads, Source};

    /// A process without a gateway and without providers, whose file is this one.
    fn settings(file: &Path, metrics: &Metrics) -> Settings {
        let folder = file.parent().unwrap().join("data");
        let pairs = [("BRIDGED_DATA_FOLDER", folder.into_os_string())];
        let source = Source {
            named: Some(file.to_owned()),
            environment: Environment::from_pairs(pairs),
        };
        let config = source.load().unwrap().config;
        let (logging, logger) = Logging::with_drain(Level::Info, LogLines::default());
        let (level, losses) = (logging.level_switch(), logging.losses());
        Settings {
            rereads: Rereads {
                source,
                level,
                losses,
                supervisor: Supervisor::none(&logger),
            },
            config,
            generations: None,
            control: None,
            patience: watch::Sender::new(Duration::ZERO),
            metrics: metrics.clone(),
            logger,
        }
    }

    fn count(metrics: &Metrics, kind: &str) -> u64 {
        let name = format!("bridge_settings_reloads_total{{kind=\"{kind}\"}} ");
        let exposed = metrics.expose();
        let value = exposed.lines().find_map(|line| line.strip_prefix(&name));
        value.map_or(0, |value| value.parse().unwrap())
    }

    #[tokio::test]
    async fn all_who_ask_before_a_reload_begins_share_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bridged.toml");
        fs::write(&file, "").unwrap();
        let metrics = Metrics::default();
        let logger = bridge_telemetry::discard();
        let (reloads, _task) = Reloads::start(settings(&file, &metrics), &logger);
        // The task has not run yet: this test has the only thread.
        for _ in 0..WAITING * 3 {
            reloads.nudge();
        }
        let (one, other) = tokio::join!(reloads.ask(), reloads.ask());
        assert!(one.unwrap().is_ok() && other.unwrap().is_ok());
        // Whoever found no room among those who waited came after it had begun.
        let shared = count(&metrics, "taken");
        assert!((1..=2).contains(&shared), "{shared}");
        fs::write(&file, "[drain]\npatience = \"7s\"\n").unwrap();
        let outcome = reloads.ask().await.unwrap();
        assert_eq!(
            outcome.as_ref().as_ref().unwrap().changed,
            ["drain.patience"]
        );
        assert_eq!(count(&metrics, "taken"), shared + 1);
    }

    #[tokio::test]
    async fn a_refusal_is_a_trouble_until_a_good_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bridged.toml");
        fs::write(&file, "").unwrap();
        let metrics = Metrics::default();
        let logger = bridge_telemetry::discard();
        let (reloads, _task) = Reloads::start(settings(&file, &metrics), &logger);
        assert_eq!(reloads.trouble(), None);
        let mistakes = "[drain]\npatience = \"soon\"\n[log]\nlevel = 7\n";
        fs::write(&file, mistakes).unwrap();
        let outcome = reloads.ask().await.unwrap();
        let problems = &outcome.as_ref().as_ref().unwrap_err().problems;
        assert_eq!(problems.len(), 2, "{problems:?}");
        let trouble = reloads.trouble().unwrap();
        assert!(trouble.text.contains("2 problems"), "{}", trouble.text);
        fs::remove_file(&file).unwrap();
        let outcome = reloads.ask().await.unwrap();
        let problems = &outcome.as_ref().as_ref().unwrap_err().problems;
        assert!(problems[0].contains("cannot read"), "{problems:?}");
        let trouble = reloads.trouble().unwrap();
        assert!(trouble.text.contains("has a problem "), "{}", trouble.text);
        assert_eq!(count(&metrics, "refused"), 2);
        fs::write(&file, "").unwrap();
        assert!(reloads.ask().await.unwrap().is_ok());
        assert_eq!(reloads.trouble(), None);
    }
}
