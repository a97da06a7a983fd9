//! One place of the code that says the same over and over must not drown the rest.
//!
//! Only warnings and errors are held back: the lines below them are said once for a request, and
//! each of those counts.

use std::collections::HashMap;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use parking_lot::Mutex;
use slog::{Drain, Level, Never, OwnedKVList, Record, b, o, record};
use tokio::time::Instant;

use super::queue::LogLosses;

/// How many lines of one place pass in each window.
const PASSING: u32 = 100;
/// How long a window is.
const WINDOW: Duration = Duration::from_secs(1);

/// A place in the code: its file and line. There are as many as the program has statements that
/// log, so they need no limit.
type Site = (&'static str, u32);

/// Holds back what one place says too often. What was held back is counted, and told with the
/// place's next line in a later window.
pub(super) struct Flood<D> {
    inner: D,
    sites: Mutex<HashMap<Site, Window>>,
    losses: LogLosses,
}

/// A panic while the windows are held leaves a count that is off by one.
impl<D: RefUnwindSafe> RefUnwindSafe for Flood<D> {}
impl<D: UnwindSafe> UnwindSafe for Flood<D> {}

struct Window {
    began: Instant,
    passed: u32,
    suppressed: u64,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It passes, behind the word that so many before it did not.
    Pass {
        untold: u64,
    },
    Suppress,
}

impl<D> Flood<D> {
    pub(super) fn before(inner: D, losses: LogLosses) -> Self {
        Self {
            inner,
            sites: Mutex::default(),
            losses,
        }
    }

    fn judge(&self, site: Site, now: Instant) -> Fate {
        let mut sites = self.sites.lock();
        let window = sites.entry(site).or_insert(Window {
            began: now,
            passed: 0,
            suppressed: 0,
        });
        let mut untold = 0;
        if now.saturating_duration_since(window.began) >= WINDOW {
            untold = window.suppressed;
            *window = Window {
                began: now,
                passed: 0,
                suppressed: 0,
            };
        }
        if window.passed < PASSING {
            window.passed += 1;
            return Fate::Pass { untold };
        }
        window.suppressed += 1;
        Fate::Suppress
    }
}

impl<D: Drain<Ok = (), Err = Never>> Drain for Flood<D> {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        if !record.level().is_at_least(Level::Warning) {
            return self.inner.log(record, values);
        }
        match self.judge((record.file(), record.line()), Instant::now()) {
            Fate::Suppress => {
                self.losses.one_suppressed();
                return Ok(());
            }
            Fate::Pass { untold: 0 } => {}
            Fate::Pass { untold } => {
                let site = format!("{}:{}", record.file(), record.line());
                self.inner.log(
                    &record!(
                        Level::Warning,
                        "",
                        &format_args!("log lines of one place suppressed"),
                        b!("lines" => untold, "place" => site)
                    ),
                    &o!().into(),
                )?;
            }
        }
        self.inner.log(record, values)
    }

    fn is_enabled(&self, level: Level) -> bool {
        self.inner.is_enabled(level)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use slog::{Logger, info, warn};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    impl RefUnwindSafe for Lines {}
    impl UnwindSafe for Lines {}

    impl Drain for Lines {
        type Ok = ();
        type Err = Never;

        fn log(&self, record: &Record<'_>, _: &OwnedKVList) -> Result<(), Never> {
            self.0.lock().push(record.msg().to_string());
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_place_cannot_drown_the_rest() {
        let (lines, losses) = (Lines::default(), LogLosses::default());
        let drain = Flood::before(lines.clone(), losses.clone());
        let logger = Logger::root(drain.fuse(), o!());
        let repeat = |times: usize| {
            for _ in 0..times {
                warn!(logger, "again");
            }
        };
        repeat(130);
        warn!(logger, "elsewhere");
        for _ in 0..130 {
            info!(logger, "a request");
        }
        let count = |text: &str| lines.0.lock().iter().filter(|line| *line == text).count();
        assert_eq!(
            (count("again"), count("elsewhere"), count("a request")),
            (100, 1, 130)
        );
        assert_eq!(losses.suppressed(), 30);
        tokio::time::advance(WINDOW).await;
        repeat(1);
        let last = lines
            .0
            .lock()
            .iter()
            .rev()
            .take(2)
            .cloned()
            .collect::<Vec<_>>();
        assert_eq!(last, ["again", "log lines of one place suppressed"]);
        repeat(1);
        assert_eq!(count("log lines of one place suppressed"), 1);
    }
}
