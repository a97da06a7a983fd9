//! How often the same thing is told in the log: whoever comes again and again must not fill it.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// So many lines are written in one span.
const LINES: u32 = 10;
const SPAN: Duration = Duration::from_secs(1);

/// Counts what was told in this span, and what was not since the last line.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<Span>);

#[derive(Debug, Default)]
struct Span {
    began: Option<Instant>,
    told: u32,
    held_back: u64,
}

impl Told {
    /// Whether it may be told now, and how many before it were not. Nothing when it may not.
    pub(crate) fn may_tell(&self, now: Instant) -> Option<u64> {
        let mut span = self.0.lock();
        let is_over = span.began.is_none_or(|began| now >= began + SPAN);
        if is_over {
            (span.began, span.told) = (Some(now), 0);
        }
        if span.told >= LINES {
            span.held_back += 1;
            return None;
        }
        span.told += 1;
        Some(std::mem::take(&mut span.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_told_in_bounds_and_nothing_of_it_is_forgotten() {
        let told = Told::default();
        let start = Instant::now();
        let lines: Vec<_> = (0..1_000).filter_map(|_| told.may_tell(start)).collect();
        assert_eq!(lines, [0; 10]);
        assert_eq!(told.may_tell(start + SPAN / 2), None);
        assert_eq!(told.may_tell(start + SPAN), Some(991));
        assert_eq!(told.may_tell(start + SPAN), Some(0));
        assert_eq!(told.may_tell(start + 9 * SPAN), Some(0));
    }
}
