//! Delays between attempts: they double, they are jittered, and they have a ceiling.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// The first delay; the jitter may double it.
const FLOOR: Duration = Duration::from_millis(50);
/// No delay is longer, unless another ceiling is given.
const CEILING: Duration = Duration::from_secs(10);

/// Delays without an end, until they are reset: from 50 ms up to a ceiling of 10 s.
#[derive(Debug)]
pub struct Backoff {
    delays: ExponentialBackoff,
    ceiling: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::up_to(CEILING)
    }
}

impl Backoff {
    /// Delays of which none is longer than `ceiling`.
    #[must_use]
    pub fn up_to(ceiling: Duration) -> Self {
        let delays = ExponentialBuilder::default()
            .with_min_delay(FLOOR)
            .with_max_delay(ceiling)
            .with_jitter()
            .without_max_times()
            .build();
        Self { delays, ceiling }
    }

    /// How long to wait before the next attempt.
    pub fn delay(&mut self) -> Duration {
        // The jitter is added above the ceiling, so the ceiling is applied once more.
        let delay = self.delays.next().unwrap_or(self.ceiling);
        delay.min(self.ceiling)
    }

    /// Begins with the shortest delay again.
    pub fn reset(&mut self) {
        *self = Self::up_to(self.ceiling);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_from_the_floor_to_the_ceiling_and_stay_there() {
        let lower = Duration::from_secs(5);
        for (mut backoff, ceiling) in [
            (Backoff::default(), CEILING),
            (Backoff::up_to(lower), lower),
        ] {
            let mut step = FLOOR;
            for _ in 0..40 {
                let delay = backoff.delay();
                assert!(delay >= step.min(ceiling), "{delay:?} is below {step:?}");
                assert!(delay <= (step * 2).min(ceiling), "{delay:?}, step {step:?}");
                step = (step * 2).min(ceiling);
            }
            backoff.reset();
            assert!(backoff.delay() < FLOOR * 2);
        }
    }

    #[test]
    fn two_gateways_do_not_wait_equally_long() {
        let (mut one, mut other) = (Backoff::default(), Backoff::default());
        let equal = (0..7).all(|_| one.delay() == other.delay());
        assert!(!equal, "seven delays in a row were equal");
    }
}
