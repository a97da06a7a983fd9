//! Durations and sizes as people write them.

use std::time::Duration;

/// Longer spans are mistakes, and would overflow deadlines.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Units of time, in milliseconds. `ms` stands before `m` and `s`: the longest unit that fits wins.
const TIME_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// Reads `500ms`, `30s`, `15m` or `1h30m`. Nothing when it is no duration, is zero, or is longer
/// than a year.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (amount, after) = number(rest)?;
        let end = after
            .find(|next: char| !next.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        total = total.checked_add(amount.checked_mul(factor(unit, &TIME_UNITS)?)?)?;
        rest = after;
    }
    let span = Duration::from_millis(total);
    (!span.is_zero() && span <= LONGEST).then_some(span)
}

/// Reads `32MiB`, `64 kB` or a bare number of bytes. Nothing when it is no size or zero.
pub(crate) fn size(text: &str) -> Option<usize> {
    let (amount, unit) = number(text.trim())?;
    let unit = unit.trim_start();
    let factor = if unit.is_empty() {
        1
    } else {
        factor(unit, &SIZE_UNITS)?
    };
    let bytes = usize::try_from(amount.checked_mul(factor)?).ok()?;
    (bytes > 0).then_some(bytes)
}

fn number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|next: char| !next.is_ascii_digit() && next != '_')
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.replace('_', "").parse().ok()?, rest))
}

fn factor(unit: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    Some(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let check = |text: &str, millis: Option<u64>| {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        };
        check("500ms", Some(500));
        check("30s", Some(30_000));
        check("15m", Some(900_000));
        check("1h30m", Some(5_400_000));
        check("1d", Some(86_400_000));
        check(" 2s ", Some(2_000));
        check("30", None);
        check("", None);
        check("s", None);
        check("-1s", None);
        check("1.5s", None);
        check("0s", None);
        check("30 s", None);
        check("30sec", None);
        check("400d", None);
        check("99999999999999999999s", None);
        check("18446744073709551615d", None);
    }

    #[test]
    fn sizes_may_have_units() {
        let check = |text: &str, bytes: Option<usize>| assert_eq!(size(text), bytes, "{text}");
        check("4096", Some(4_096));
        check("10_000", Some(10_000));
        check("64KiB", Some(65_536));
        check("32 MiB", Some(33_554_432));
        check("1GiB", Some(1_073_741_824));
        check("5kB", Some(5_000));
        check("7B", Some(7));
        check("0", None);
        check("MiB", None);
        check("32mib", None);
        check("-1", None);
        check("1.5MiB", None);
        check("99999999999GiB", None);
    }
}
