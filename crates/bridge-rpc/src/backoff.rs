//! Delays between attempts: they double, they are jittered, and they have a ceiling.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// The first delay; the jitter may double it.
const FLOOR: Duration = Duration::from_millis(50);
/// No delay is longer.
pub(crate) const CEILING: Duration = Duration::from_secs(10);

/// Delays without an end, until they are reset.
#[derive(Debug)]
pub(crate) struct Backoff(ExponentialBackoff);

impl Default for Backoff {
    fn default() -> Self {
        Self(
            ExponentialBuilder::default()
                .with_min_delay(FLOOR)
                .with_max_delay(CEILING)
                .with_jitter()
                .without_max_times()
                .build(),
        )
    }
}

impl Backoff {
    /// How long to wait before the next attempt.
    pub(crate) fn delay(&mut self) -> Duration {
        // The jitter is added above the ceiling, so the ceiling is applied once more.
        self.0.next().unwrap_or(CEILING).min(CEILING)
    }

    /// Begins with the shortest delay again.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_from_the_floor_to_the_ceiling_and_stay_there() {
        let mut backoff = Backoff::default();
        let mut step = FLOOR;
        for _ in 0..40 {
            let delay = backoff.delay();
            assert!(delay >= step.min(CEILING), "{delay:?} is below {step:?}");
            assert!(delay <= (step * 2).min(CEILING), "{delay:?}, step {step:?}");
            step = (step * 2).min(CEILING);
        }
        backoff.reset();
        assert!(backoff.delay() < FLOOR * 2);
    }

    #[test]
    fn two_gateways_do_not_wait_equally_long() {
        let (mut one, mut other) = (Backoff::default(), Backoff::default());
        let equal = (0..7).all(|_| one.delay() == other.delay());
        assert!(!equal, "seven delays in a row were equal");
    }
}
