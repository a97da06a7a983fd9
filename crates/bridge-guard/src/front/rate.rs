//! How fast one caller comes: a sliding window over one second, in constant memory.

use std::time::{Duration, Instant};

/// The span that a rate is counted over. Refused callers are told to wait as long.
pub(super) const WINDOW: Duration = Duration::from_secs(1);

/// How many came in the current second and in the one before. The seconds of a caller begin with
/// their first request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RateWindow {
    /// When the current second began; nothing before the first request.
    begun: Option<Instant>,
    before: u32,
    within: u32,
}

impl RateWindow {
    /// Whether one more may come now: as many have come within the last second as in the current
    /// one, and that part of those before it which is not yet a second ago.
    pub(super) fn admits(&mut self, limit: u32, now: Instant) -> bool {
        let elapsed = self.advance(now);
        let left = WINDOW.saturating_sub(elapsed);
        let still = u128::from(self.before) * left.as_nanos() / WINDOW.as_nanos();
        still + u128::from(self.within) < u128::from(limit)
    }

    /// One came.
    pub(super) fn count(&mut self) {
        self.within = self.within.saturating_add(1);
    }

    /// Whether nothing of it counts any more.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.begun
            .is_none_or(|begun| now.saturating_duration_since(begun) >= 2 * WINDOW)
    }

    /// Moves on to the second that `now` is in. Says how long ago it began. Requests read the clock
    /// before they come here, so instants may run backwards a little.
    fn advance(&mut self, now: Instant) -> Duration {
        let begun = self.begun.unwrap_or(now);
        let elapsed = now.saturating_duration_since(begun);
        if elapsed < WINDOW {
            self.begun = Some(begun);
            return elapsed;
        }
        let is_next = elapsed < 2 * WINDOW;
        self.before = if is_next { self.within } else { 0 };
        self.within = 0;
        let begins = if is_next { begun + WINDOW } else { now };
        self.begun = Some(begins);
        now.saturating_duration_since(begins)
    }
}
