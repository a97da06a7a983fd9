//! Chance that can be repeated: everything that is thrown follows from one number.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The odd constant of the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A source of numbers. The same seed gives the same numbers in the same order.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    #[cfg(test)]
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed for a run that was given none; short, as people will type it again.
    pub(super) fn any_seed() -> u64 {
        RandomState::new().build_hasher().finish() % 1_000_000
    }

    /// Dice of their own for one of many threads, so that their order does not matter.
    pub(super) fn of(seed: u64, number: u64) -> Self {
        let mut dice = Self(seed ^ number.wrapping_add(1).wrapping_mul(SPREAD));
        dice.number();
        dice
    }

    /// The next number (SplitMix64: Steele, Lea and Flood, OOPSLA 2014).
    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(SPREAD);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`, both included.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.number() % (most.saturating_sub(least) + 1)
    }

    /// A time from `least` to `most` milliseconds.
    pub(super) fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.between(least, most))
    }

    /// True once in so many times.
    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.between(1, times) == 1
    }

    /// One of some.
    pub(super) fn pick<T: Copy>(&mut self, some: &[T]) -> Option<T> {
        let last = u64::try_from(some.len()).ok()?.checked_sub(1)?;
        let at = usize::try_from(self.between(0, last)).ok()?;
        some.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same() {
        let throw = |seed| {
            let mut dice = Dice::new(seed);
            [dice.number(), dice.between(3, 9), dice.number()]
        };
        assert_eq!(throw(7), throw(7));
        assert_ne!(throw(7), throw(8));
        assert_ne!(Dice::of(7, 0).number(), Dice::of(7, 1).number());
    }

    #[test]
    fn throws_stay_in_their_range() {
        let mut dice = Dice::new(1);
        let thrown: Vec<u64> = (0..200).map(|_| dice.between(3, 5)).collect();
        for wanted in [3, 4, 5] {
            assert!(thrown.contains(&wanted));
        }
        assert!(thrown.iter().all(|number| (3..=5).contains(number)));
        assert_eq!(dice.between(4, 4), 4);
        assert_eq!(dice.pick::<u8>(&[]), None);
        assert_eq!(dice.pick(&[9]), Some(9));
    }
}
