//! Word to the supervisor that runs this process: ready, reloading, stopping (`sd_notify`).
//!
//! Without one nothing is said. What cannot be said is no reason to stop.

use sd_notify::NotifyState;
use slog::{Logger, debug};

use bridge_telemetry::{ErrorChain, keys};

/// Requests are taken from now on.
pub(crate) fn ready(logger: &Logger) {
    let states = [NotifyState::Ready, NotifyState::Status("serving")];
    say(&states, logger);
}

/// The configuration is being read again. [`ready`] follows, whatever comes of it.
pub(crate) fn reloading(logger: &Logger) {
    let mut states = vec![NotifyState::Reloading];
    match NotifyState::monotonic_usec_now() {
        Ok(now) => states.push(now),
        Err(cause) => debug!(logger, "no clock for the supervisor"; keys::ERROR => %cause),
    }
    say(&states, logger);
}

/// Nothing new is taken from now on.
pub(crate) fn stopping(logger: &Logger) {
    let status = NotifyState::Status("stopping: running requests finish");
    say(&[NotifyState::Stopping, status], logger);
}

fn say(states: &[NotifyState<'_>], logger: &Logger) {
    if let Err(cause) = sd_notify::notify(states) {
        debug!(logger, "the supervisor does not listen"; keys::ERROR => ErrorChain(&cause));
    }
}
