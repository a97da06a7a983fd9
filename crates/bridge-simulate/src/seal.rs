//! What stands for a thought's signature and for an encrypted thought: letters of which the last
//! follow from the others and from the text, so that it is seen when either was changed.

use crate::fingerprint::{self, Ids};

/// Letters that mean nothing. Real ones differ in length.
const FREE: usize = 168;

/// Letters that follow from them.
const BOUND: usize = 32;

/// It keeps the letters apart from ids that follow from the same bytes.
const SALT: u64 = 0x7365_616c;

/// A seal of this text.
pub(crate) fn make(ids: &mut Ids, text: &str) -> String {
    let mut seal = ids.letters("", FREE);
    let bound = bound(&seal, text);
    seal.push_str(&bound);
    seal
}

/// Whether this is a seal of this text, whoever made it.
pub(crate) fn is_good(seal: &str, text: &str) -> bool {
    let parts = seal.split_at_checked(FREE);
    parts.is_some_and(|(free, end)| end == bound(free, text))
}

fn bound(free: &str, text: &str) -> String {
    let start = fingerprint::of(fingerprint::of(SALT, free.as_bytes()), text.as_bytes());
    Ids::new(start).letters("", BOUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_belongs_to_its_text() {
        let seal = make(&mut Ids::new(1), "a thought");
        assert_eq!(seal.len(), FREE + BOUND);
        assert!(is_good(&seal, "a thought"));
        assert!(!is_good(&seal, "a thought."));
        assert!(!is_good(&seal[1..], "a thought"));
        assert!(!is_good("", ""));
        let other = make(&mut Ids::new(2), "a thought");
        let mixed = format!("{}{}", &seal[..FREE], &other[FREE..]);
        assert!(!is_good(&mixed, "a thought"));
    }
}
