//! The one place that reads the wall clock.

use std::time::SystemTime;

/// The time of day, for records and certificates. Durations are measured with `tokio::time`, which
/// a test can hold still.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place the ban points to"
)]
pub fn wall_clock() -> SystemTime {
    SystemTime::now()
}
