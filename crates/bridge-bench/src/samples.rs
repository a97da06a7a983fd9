//! What was measured, and how it is summed up.

use std::time::Duration;

/// The samples of one side of a case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples {
    pub(crate) requests: u64,
    pub(crate) events: u64,
    pub(crate) errors: u64,
    /// What went wrong first.
    pub(crate) first_error: Option<String>,
    /// How long requests were being made.
    pub(crate) elapsed: Duration,
    /// Delays in microseconds.
    pub(crate) delays: Vec<u32>,
}

impl Samples {
    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.events += other.events;
        self.errors += other.errors;
        if self.first_error.is_none() {
            self.first_error = other.first_error;
        }
        self.delays.extend(other.delays);
    }

    pub(crate) fn answered(&mut self, delay: Duration, events: u64) {
        self.requests += 1;
        self.events += events;
        self.delays
            .push(u32::try_from(delay.as_micros()).unwrap_or(u32::MAX));
    }

    pub(crate) fn failed(&mut self, why: String) {
        self.errors += 1;
        self.first_error.get_or_insert(why);
    }

    pub(crate) fn per_second(&self) -> f64 {
        count(self.requests) / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The delay in microseconds that this part of a thousand stays below.
    pub(crate) fn permille(&mut self, permille: usize) -> Option<u32> {
        let last = self.delays.len().checked_sub(1)?;
        let at = (self.delays.len() * permille)
            .div_ceil(1000)
            .saturating_sub(1);
        let (_, found, _) = self.delays.select_nth_unstable(at.min(last));
        Some(*found)
    }
}

/// A count as a number to divide by.
pub(crate) fn count(count: u64) -> f64 {
    // Counts here stay far below 2^32.
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permilles_are_those_of_the_nearest_rank() {
        let check = |delays: &[u32], permille, wanted| {
            let mut samples = Samples {
                delays: delays.to_vec(),
                ..Samples::default()
            };
            assert_eq!(samples.permille(permille), wanted, "{delays:?}");
        };
        check(&[], 500, None);
        check(&[7], 500, Some(7));
        check(&[7], 990, Some(7));
        check(&[4, 1, 3, 2], 500, Some(2));
        check(&[4, 1, 3, 2], 990, Some(4));
        let hundred: Vec<u32> = (1..=100).rev().collect();
        check(&hundred, 990, Some(99));
        check(&hundred, 500, Some(50));
    }
}
