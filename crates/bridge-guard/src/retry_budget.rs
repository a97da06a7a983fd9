//! How much of the traffic may be tries after the first.

use std::sync::atomic::{AtomicU64, Ordering};

/// Parts of a retry. A request earns `percent` of them, a retry costs all.
const WHOLE: u64 = 100;

/// How much may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudgetConfig {
    /// Retries for each hundred requests, from 0 to 100. Default 10: a provider in trouble gets a
    /// tenth more than it would without retries, and not three times as much.
    pub percent: u8,
    /// How many retries may be saved up, and are there at the start, so that few requests may be
    /// tried again too. Default 10.
    pub reserve: u32,
}

impl Default for RetryBudgetConfig {
    fn default() -> Self {
        Self {
            percent: 10,
            reserve: 10,
        }
    }
}

impl RetryBudgetConfig {
    fn full(self) -> u64 {
        u64::from(self.reserve) * WHOLE
    }
}

/// Keeps retries a small part of the traffic. Of any requests in a row, at most `percent` of a
/// hundred are tried again, and `reserve` more.
#[derive(Debug)]
pub struct RetryBudget {
    /// What was spent and not earned back: never more than the reserve.
    spent: AtomicU64,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryBudget {
    /// A budget of which nothing was spent.
    #[must_use]
    pub fn new() -> Self {
        Self {
            spent: AtomicU64::new(0),
        }
    }

    /// A request was made, whatever will come of it.
    pub fn earn(&self, config: RetryBudgetConfig) {
        let earned = u64::from(config.percent).min(WHOLE);
        let order = Ordering::Relaxed;
        if self.spent.load(order) == 0 {
            return;
        }
        let give_back = |spent: u64| Some(spent.saturating_sub(earned));
        let _always = self.spent.fetch_update(order, order, give_back);
    }

    /// Takes one retry out, if one is there.
    #[must_use]
    pub fn spend(&self, config: RetryBudgetConfig) -> bool {
        let full = config.full();
        let order = Ordering::Relaxed;
        let take = |spent: u64| {
            let after = spent.saturating_add(WHOLE);
            (after <= full).then_some(after)
        };
        self.spent.fetch_update(order, order, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spend_all(budget: &RetryBudget, config: RetryBudgetConfig) -> usize {
        std::iter::repeat_with(|| budget.spend(config))
            .take(10_000)
            .take_while(|is_there| *is_there)
            .count()
    }

    #[test]
    fn the_reserve_is_there_at_the_start_and_a_tenth_is_earned() {
        let config = RetryBudgetConfig::default();
        let budget = RetryBudget::new();
        assert_eq!(spend_all(&budget, config), 10);
        for _ in 0..9 {
            budget.earn(config);
        }
        assert!(!budget.spend(config));
        budget.earn(config);
        assert_eq!(spend_all(&budget, config), 1);
        for _ in 0..100_000 {
            budget.earn(config);
        }
        assert_eq!(spend_all(&budget, config), 10, "no more is saved up");
    }

    #[test]
    fn without_a_reserve_there_are_no_retries() {
        let config = RetryBudgetConfig {
            percent: 100,
            reserve: 0,
        };
        let budget = RetryBudget::new();
        budget.earn(config);
        assert!(!budget.spend(config));
    }

    #[test]
    fn a_smaller_reserve_counts_what_was_spent_before() {
        let budget = RetryBudget::new();
        assert_eq!(spend_all(&budget, RetryBudgetConfig::default()), 10);
        let smaller = RetryBudgetConfig {
            percent: 10,
            reserve: 1,
        };
        assert!(!budget.spend(smaller));
        for _ in 0..100 {
            budget.earn(smaller);
        }
        assert_eq!(spend_all(&budget, smaller), 1);
    }

    proptest! {
        #[test]
        fn retries_stay_within_their_part_of_the_traffic(
            percent in 0_u8..=100,
            reserve in 0_u32..20,
            deeds in prop::collection::vec(any::<bool>(), 0..500),
        ) {
            let config = RetryBudgetConfig { percent, reserve };
            let budget = RetryBudget::new();
            let (mut requests, mut retries) = (0_u64, 0_u64);
            for is_request in deeds {
                if is_request {
                    budget.earn(config);
                    requests += 1;
                } else if budget.spend(config) {
                    retries += 1;
                }
                let allowed = requests * u64::from(percent) + u64::from(reserve) * 100;
                prop_assert!(retries * 100 <= allowed);
            }
        }
    }
}
