//! Where log lines go.

mod credential_shapes;
mod flood;
mod level;
mod queue;
mod redact;

use std::fmt;
use std::io::{IsTerminal, LineWriter};
use std::str::FromStr;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use slog::{Drain, Level, Logger, Never, o};
use slog_async::AsyncGuard;

use self::flood::Flood;
pub use self::level::LevelSwitch;
pub use self::queue::LogLosses;
use self::queue::Queue;
use self::redact::Redact;

/// How many lines may wait for a slow terminal or disk. More are dropped and counted.
const WAITING_LINES: usize = 8_192;

/// How long the last lines may take. A terminal that is held or a pipe that nobody reads must not
/// keep a process that has done everything else.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text when the destination is a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Text,
    /// For machines: one object a line.
    Json,
}

/// What is logged, and how. Lines go to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogConfig {
    /// The lowest level that is logged.
    pub level: Level,
    /// How a line looks.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: Level::Info,
            format: LogFormat::Auto,
        }
    }
}

/// A word that names no level or format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is none of {known}")]
pub struct ParseLogError {
    word: String,
    known: &'static str,
}

impl FromStr for LogFormat {
    type Err = ParseLogError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "auto" => Ok(Self::Auto),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(ParseLogError {
                word: word.to_owned(),
                known: "auto, text, json",
            }),
        }
    }
}

impl LogConfig {
    /// Reads a level by its name.
    ///
    /// # Errors
    /// When the word is no level.
    pub fn parse_level(word: &str) -> Result<Level, ParseLogError> {
        match word {
            "trace" => Ok(Level::Trace),
            "debug" => Ok(Level::Debug),
            "info" => Ok(Level::Info),
            "warning" | "warn" => Ok(Level::Warning),
            "error" => Ok(Level::Error),
            "critical" => Ok(Level::Critical),
            _ => Err(ParseLogError {
                word: word.to_owned(),
                known: "trace, debug, info, warning, error, critical",
            }),
        }
    }

    /// The name of a level, as [`LogConfig::parse_level`] reads it.
    #[must_use]
    pub fn level_name(level: Level) -> &'static str {
        match level {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
            Level::Critical => "critical",
        }
    }
}

/// The running log. Dropping it writes the lines that still wait, so it is dropped last. That takes
/// five seconds at most: what is not written then is given up.
pub struct Logging {
    /// Gone once it is dropped.
    guard: Option<AsyncGuard>,
    patience: Duration,
    level: LevelSwitch,
    losses: LogLosses,
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logging")
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

/// Lines up to this many bytes are written at once.
const LONGEST_LINE: usize = 8 << 10;

impl Logging {
    /// Starts the log's thread and gives the root logger.
    pub fn start(config: LogConfig) -> (Self, Logger) {
        let as_text = match config.format {
            LogFormat::Text => true,
            LogFormat::Json => false,
            LogFormat::Auto => std::io::stderr().is_terminal(),
        };
        if as_text {
            let decorator = slog_term::TermDecorator::new().stderr().build();
            Self::as_text(config.level, decorator)
        } else {
            // One write for each line and not for each of its parts.
            let lines = LineWriter::with_capacity(LONGEST_LINE, std::io::stderr());
            let drain = slog_json::Json::new(lines).add_default_keys().build();
            Self::with_drain(config.level, drain.ignore_res())
        }
    }

    fn as_text(
        level: Level,
        decorator: impl slog_term::Decorator + Send + 'static,
    ) -> (Self, Logger) {
        let drain = slog_term::FullFormat::new(decorator)
            .use_utc_timestamp()
            .use_original_order()
            .build();
        Self::begin(level, Redact::before_text(drain.ignore_res()))
    }

    /// The same with a destination of one's own, for tests and embedding programs.
    pub fn with_drain<D>(level: Level, drain: D) -> (Self, Logger)
    where
        D: Drain<Ok = (), Err = Never> + Send + 'static,
    {
        Self::begin(level, Redact::before(drain))
    }

    fn begin<D>(level: Level, drain: Redact<D>) -> (Self, Logger)
    where
        D: Drain<Ok = (), Err = Never> + Send + 'static,
    {
        let losses = LogLosses::default();
        let (queue, guard) = Queue::start(drain, WAITING_LINES, losses.clone());
        let switch = LevelSwitch::new(level);
        let drain = switch.before(Flood::before(queue, losses.clone()));
        (
            Self {
                guard: Some(guard),
                patience: LAST_PATIENCE,
                level: switch,
                losses,
            },
            Logger::root(drain.fuse(), o!()),
        )
    }

    /// Changes the level while the process runs.
    #[must_use]
    pub fn level_switch(&self) -> LevelSwitch {
        self.level.clone()
    }

    /// Tells how many lines were not written.
    #[must_use]
    pub fn losses(&self) -> LogLosses {
        self.losses.clone()
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let guard = self.guard.take();
        let (tell, told) = sync_channel(1);
        let ending = std::thread::Builder::new()
            .name("log end".to_owned())
            .spawn(move || {
                drop(guard);
                let _nobody_waits = tell.send(());
            });
        // Without a thread the guard was dropped here.
        if ending.is_ok() {
            let _either = told.recv_timeout(self.patience);
        }
    }
}

/// A logger that says nothing.
pub fn discard() -> Logger {
    Logger::root(slog::Discard, o!())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use slog::{debug, info};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: Level, say: impl FnOnce(&Logger, &LevelSwitch)) -> String {
        let lines = Lines::default();
        let drain = slog_json::Json::new(lines.clone())
            .add_default_keys()
            .build();
        let (logging, logger) = Logging::with_drain(level, drain.ignore_res());
        say(&logger, &logging.level_switch());
        drop(logging);
        let bytes = lines.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn values_of_secret_sounding_keys_are_withheld() {
        let text = logged(Level::Info, |logger, _| {
            let child = logger.new(o!("upstream_token" => "alpha-value", "request_id" => "r-1"));
            info!(child, "hello"; "api_key" => "beta-value", "api_key_id" => "id-1");
        });
        assert!(
            text.contains("hello") && text.contains("r-1") && text.contains("id-1"),
            "{text}"
        );
        assert!(
            !text.contains("alpha-value") && !text.contains("beta-value"),
            "{text}"
        );
        assert_eq!(text.matches("(withheld)").count(), 2, "{text}");
    }

    #[test]
    fn credentials_in_values_are_withheld_whatever_their_key_is() {
        let token = format!("sk-{}", "a1B2c3D4e5F6g7H8");
        let text = logged(Level::Info, |logger, _| {
            info!(logger, "refused"; "error" => format!("the key {token} is wrong"),
                "key_hint" => "sk-a...g7H8", "bytes" => 7);
        });
        assert!(!text.contains(&token), "{text}");
        assert!(text.contains("the key (withheld) is wrong"), "{text}");
        assert!(text.contains("sk-a...g7H8"), "{text}");
        // What is not withheld keeps its type.
        assert!(text.contains("\"bytes\":7"), "{text}");
    }

    /// Writes nothing for as long as it is held.
    struct Stuck(Mutex<std::sync::mpsc::Receiver<()>>);

    impl Drain for Stuck {
        type Ok = ();
        type Err = Never;

        fn log(&self, _: &slog::Record<'_>, _: &slog::OwnedKVList) -> Result<(), Never> {
            let _go_on_when_nobody_holds_back = self.0.lock().recv();
            Ok(())
        }
    }

    #[test]
    fn a_destination_that_is_stuck_does_not_keep_the_process() {
        let (hold, held) = sync_channel::<()>(1);
        let (mut logging, logger) = Logging::with_drain(Level::Info, Stuck(Mutex::new(held)));
        info!(logger, "one");
        logging.patience = Duration::from_millis(1);
        drop(logging);
        drop(hold);
    }

    #[test]
    fn a_value_neither_begins_a_line_nor_moves_the_cursor() {
        let lines = Lines::default();
        let decorator = slog_term::PlainDecorator::new(lines.clone());
        let (logging, logger) = Logging::as_text(Level::Info, decorator);
        info!(logger, "served"; "model" => "m\nJan 01 INFO forged\u{1b}[2J", "bytes" => 7);
        drop((logging, logger));
        let text = String::from_utf8(lines.0.lock().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.contains("model: m\\nJan 01 INFO forged\\u{1b}[2J"),
            "{text}"
        );
        assert!(text.contains("bytes: 7"), "{text}");
    }

    #[test]
    fn the_level_changes_while_running() {
        let text = logged(Level::Info, |logger, switch| {
            debug!(logger, "one");
            switch.set(Level::Debug);
            debug!(logger, "two");
            switch.set(Level::Error);
            info!(logger, "three");
        });
        assert!(
            !text.contains("one") && text.contains("two") && !text.contains("three"),
            "{text}"
        );
    }

    #[test]
    fn words_are_read() {
        assert_eq!(LogConfig::parse_level("warn"), Ok(Level::Warning));
        for level in [Level::Trace, Level::Debug, Level::Info, Level::Critical] {
            assert_eq!(
                LogConfig::parse_level(LogConfig::level_name(level)),
                Ok(level)
            );
        }
        assert!(
            LogConfig::parse_level("loud")
                .unwrap_err()
                .to_string()
                .contains("loud")
        );
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        assert!("xml".parse::<LogFormat>().is_err());
    }
}
