//! Which traces are written down.

use std::str::FromStr;

/// How many of the traces that begin here are written down, from none to all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio(f64);

/// A text that is no ratio.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a ratio: give a number from 0 to 1")]
pub struct InvalidRatio(String);

impl Ratio {
    /// All of them.
    pub const ALL: Self = Self(1.0);

    /// Whether the trace of this id is written down. The answer is the same wherever the same id
    /// and ratio are asked about.
    pub(super) fn takes(self, trace_id: [u8; 16]) -> bool {
        let (high, low) = uuid::Uuid::from_bytes(trace_id).as_u64_pair();
        // A number of 53 bits is exact.
        let drawn = (mixed(high ^ low) >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < self.0
    }
}

/// Spreads a number evenly over all others (the finalizer of SplitMix64): an id counts up within a
/// millisecond and is not random in each of its parts.
const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl Eq for Ratio {}

impl FromStr for Ratio {
    type Err = InvalidRatio;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number: Option<f64> = text.parse().ok();
        let number = number.filter(|number| (0.0..=1.0).contains(number));
        number
            .map(Self)
            .ok_or_else(|| InvalidRatio(text.chars().take(20).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_from_none_to_all() {
        for text in ["0", "0.25", "1", "1.0"] {
            assert!(text.parse::<Ratio>().is_ok(), "{text}");
        }
        for text in ["", "-0.1", "1.1", "NaN", "half"] {
            assert!(text.parse::<Ratio>().is_err(), "{text}");
        }
    }

    #[test]
    fn as_many_are_taken_as_the_ratio_says() {
        let taken = |ratio: &str| {
            let ratio: Ratio = ratio.parse().unwrap();
            let ids = (0..4_000).map(|_| uuid::Uuid::now_v7().into_bytes());
            ids.filter(|id| ratio.takes(*id)).count()
        };
        assert_eq!(taken("0"), 0);
        assert_eq!(taken("1"), 4_000);
        // Six standard deviations of a fair draw.
        let quarter = taken("0.25");
        assert!((836..=1_164).contains(&quarter), "{quarter}");
    }
}
