//! When a call is tried again, and after how long.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use bridge_guard::RetryBudgetConfig;
use bridge_telemetry::wall_clock;
use bridge_upstream::{FailureClass, Reply, UpstreamError};
use http::HeaderMap;
use http::header::HeaderName;

use crate::retry_after;

/// SDKs that try again by themselves say with it how often they did.
const X_STAINLESS_RETRY_COUNT: HeaderName = HeaderName::from_static("x-stainless-retry-count");
/// The provider knows better than its status says.
const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// How long before the second attempt. It doubles with each further one, as in the providers' own
/// SDKs.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// How long it becomes at most.
const LONGEST_DELAY: Duration = Duration::from_secs(8);

/// When calls are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryConfig {
    /// How often a call is tried again, unless the provider's own settings say. Default 2, as the
    /// providers' SDKs do it.
    pub retries: u32,
    /// How much of the traffic to one provider that may be.
    pub budget: RetryBudgetConfig,
    /// How long a provider's own word is waited for. A caller whom it asks for more patience hears
    /// that instead. Default 8 s.
    pub longest_wait: Duration,
    /// Whether it is also done for callers that say that they try again by themselves. Default no:
    /// each of their attempts would become several.
    pub for_retrying_callers: bool,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            retries: 2,
            budget: RetryBudgetConfig::default(),
            longest_wait: LONGEST_DELAY,
            for_retrying_callers: false,
        }
    }
}

/// What one call has left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retries {
    left: u32,
    made: u32,
    longest_wait: Duration,
}

impl Retries {
    /// For a call with these headers, to a provider of which the operator may have said how often.
    pub(crate) fn of(config: &RetryConfig, said: Option<u32>, headers: &HeaderMap) -> Self {
        let is_off = headers.contains_key(X_STAINLESS_RETRY_COUNT) && !config.for_retrying_callers;
        Self {
            left: if is_off {
                0
            } else {
                said.unwrap_or(config.retries)
            },
            made: 0,
            longest_wait: config.longest_wait,
        }
    }

    /// For a further call of one turn. A caller that tries again by itself cannot do it in the middle
    /// of one.
    pub(crate) fn within(config: &RetryConfig, said: Option<u32>) -> Self {
        Self {
            left: said.unwrap_or(config.retries),
            made: 0,
            longest_wait: config.longest_wait,
        }
    }

    /// A call that is never tried again.
    pub(crate) const fn none() -> Self {
        Self {
            left: 0,
            made: 0,
            longest_wait: Duration::ZERO,
        }
    }

    pub(crate) fn are_left(&self) -> bool {
        self.left > 0
    }

    /// Whether this outcome is worth another attempt: how long to wait before it, and why.
    pub(crate) fn another(
        &self,
        outcome: &Result<Reply, UpstreamError>,
    ) -> Option<(Duration, &'static str)> {
        if self.left == 0 {
            return None;
        }
        let reason = reason(outcome)?;
        let told = outcome.as_ref().ok();
        let told = told.and_then(|reply| retry_after::told(&reply.headers, wall_clock()));
        let wait = match told {
            Some(told) => Some(told).filter(|told| *told <= self.longest_wait),
            None => Some(delay(self.made, jitter(self.made))),
        };
        Some((wait?, reason))
    }

    /// One is made.
    pub(crate) fn take(&mut self) {
        self.left = self.left.saturating_sub(1);
        self.made = self.made.saturating_add(1);
    }
}

/// Why an outcome is worth another attempt: nothing has left, or the provider says that it has not
/// done the work. None when it is not.
fn reason(outcome: &Result<Reply, UpstreamError>) -> Option<&'static str> {
    match outcome {
        Err(error) => {
            let is_passing = error.is_passing() && error.class() == FailureClass::NeverSent;
            is_passing.then_some("never_sent")
        }
        Ok(reply) if reply.status.is_success() => None,
        Ok(reply) => {
            let word = reply.headers.get(X_SHOULD_RETRY);
            match word.map(|value| value.as_bytes()) {
                Some(b"true") => Some("asked_for"),
                Some(b"false") => None,
                Some(_) | None => of_status(reply.status.as_u16()),
            }
        }
    }
}

const fn of_status(status: u16) -> Option<&'static str> {
    match status {
        408 => Some("timeout"),
        409 => Some("conflict"),
        429 => Some("rate_limited"),
        503 | 529 => Some("overloaded"),
        500.. => Some("server_error"),
        _ => None,
    }
}

/// Doubles with each attempt; `jitter`, from 0 to 255, takes up to a quarter off, so that those who
/// failed together do not come back together.
fn delay(made: u32, jitter: u8) -> Duration {
    let whole = FIRST_DELAY
        .saturating_mul(1 << made.min(8))
        .min(LONGEST_DELAY);
    whole - whole * u32::from(jitter) / (4 * 255)
}

/// The hasher's secret is another one each time, which is random enough to spread delays.
fn jitter(made: u32) -> u8 {
    let [byte, ..] = RandomState::new().hash_one(made).to_le_bytes();
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_that_are_worth_another_attempt() {
        for status in [408, 409, 429, 500, 501, 502, 503, 504, 520, 529, 599] {
            assert!(of_status(status).is_some(), "{status}");
        }
        for status in [304, 400, 401, 403, 404, 405, 410, 413, 422, 424] {
            assert_eq!(of_status(status), None, "{status}");
        }
    }

    #[test]
    fn delays_double_and_lose_up_to_a_quarter() {
        let millis = |made, jitter| delay(made, jitter).as_millis();
        let whole: Vec<_> = (0..7).map(|made| millis(made, 0)).collect();
        assert_eq!(whole, [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
        assert_eq!(millis(0, 255), 375);
        assert_eq!(millis(u32::MAX, 255), 6_000);
        for made in 0..100 {
            let jittered = delay(made, jitter(made));
            assert!(jittered <= delay(made, 0) && jittered >= delay(made, 255));
        }
    }

    #[test]
    fn callers_that_try_again_themselves_are_left_alone() {
        let mut headers = HeaderMap::new();
        let mut config = RetryConfig::default();
        assert!(Retries::of(&config, None, &headers).are_left());
        headers.insert(X_STAINLESS_RETRY_COUNT, "0".parse().unwrap());
        assert!(!Retries::of(&config, None, &headers).are_left());
        config.for_retrying_callers = true;
        assert!(Retries::of(&config, None, &headers).are_left());
        config.retries = 0;
        assert!(!Retries::of(&config, None, &headers).are_left());
        assert!(Retries::of(&config, Some(1), &headers).are_left());
    }
}
