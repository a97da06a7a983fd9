//! The only place where a task asks for the time.

use std::time::{Duration, Instant};

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "tasks run outside of any tokio runtime, and no test of them holds time still"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// What so many of a thousand of these do not exceed, in milliseconds; zero when there are none.
/// They are in order.
pub(crate) fn permille(delays: &[Duration], permille: usize) -> f64 {
    let found = delays.get(delays.len().saturating_sub(1) * permille / 1000);
    found.map_or(0.0, Duration::as_secs_f64) * 1e3
}

/// A duration for people.
pub(crate) fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:.0} s", duration.as_secs() / 60, seconds % 60.0)
    }
}
