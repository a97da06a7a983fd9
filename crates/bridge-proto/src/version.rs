//! The rule for comparing two versions of the contract; `proto/README.md` states it.

/// Whether a gateway of version `ours` may go on with a control plane of version `theirs`: the
/// majors are equal and our minor is not above theirs.
#[must_use]
pub fn may_go_on(ours: &str, theirs: &str) -> bool {
    match (parse(ours), parse(theirs)) {
        (Some(ours), Some(theirs)) => ours.0 == theirs.0 && ours.1 <= theirs.1,
        _ => false,
    }
}

fn parse(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((digits(major)?, digits(minor)?))
}

/// `u32::from_str` alone would take a sign.
fn digits(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(())?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_control_planes_serve_older_gateways() {
        for (ours, theirs, expected) in [
            ("1.0", "1.0", true),
            ("1.0", "1.7", true),
            ("1.9", "1.10", true),
            ("1.1", "1.0", false),
            ("1.0", "2.0", false),
            ("2.0", "1.9", false),
            ("1.0", "", false),
            ("1.0", "1", false),
            ("1.0", "1.", false),
            ("1.0", ".1", false),
            ("1.0", "a.b", false),
            ("1.0", "1. 0", false),
            ("1.0", "1.99999999999", false),
            ("+1.0", "1.0", false),
            ("1.0", "1.+2", false),
            ("1.0", "1.0.0", false),
        ] {
            assert_eq!(may_go_on(ours, theirs), expected, "{ours} {theirs}");
        }
    }
}
