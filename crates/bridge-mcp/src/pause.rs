//! Pauses between attempts, longer and longer.

use std::fmt;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use crate::McpConfig;

/// The pauses of one thing that is tried again and again.
pub(crate) struct Pauses {
    builder: ExponentialBuilder,
    going: ExponentialBackoff,
    longest: Duration,
}

impl Pauses {
    pub(crate) fn new(config: &McpConfig) -> Self {
        // Jitter keeps the identities of a gateway from coming all at once.
        let builder = ExponentialBuilder::new()
            .with_min_delay(config.first_retry)
            .with_max_delay(config.last_retry)
            .with_jitter()
            .without_max_times();
        Self {
            builder,
            going: builder.build(),
            longest: config.last_retry,
        }
    }

    /// It worked.
    pub(crate) fn reset(&mut self) {
        self.going = self.builder.build();
    }

    /// How long to wait now.
    pub(crate) fn next(&mut self) -> Duration {
        self.going.next().unwrap_or(self.longest)
    }
}

impl fmt::Debug for Pauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pauses").finish_non_exhaustive()
    }
}
