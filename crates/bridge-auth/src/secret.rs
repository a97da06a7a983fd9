//! Values that cannot be printed, and the masked form that can.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text. It has no `Display`, its `Debug` shows nothing, and it is compared in constant
/// time. Clones share one text, which is wiped when the last of them is dropped.
///
/// The time a comparison takes tells whether the lengths differ, and nothing of the contents.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes the text over. The caller's copies are the caller's to wipe.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }

    /// The text itself, for the one place that has to send or hash it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Secret {
    /// Puts the hint wherever the secret stands in a text that somebody else has written, also
    /// where the text was cut in the middle of it. Of less than eight bytes nothing is masked: they
    /// may stand there by chance.
    ///
    /// ```
    /// use bridge_auth::Secret;
    ///
    /// let key = Secret::new("operator-key".to_owned());
    /// let said = key.mask_in("unknown key operator-key".to_owned());
    /// assert_eq!(said, "unknown key op...ey");
    /// ```
    #[must_use]
    pub fn mask_in(&self, text: String) -> String {
        const SHORTEST: usize = 8;
        let secret = self.expose();
        if secret.len() < SHORTEST {
            return text;
        }
        let mut text = match text.contains(secret) {
            true => text.replace(secret, SecretHint::of(self).as_str()),
            false => text,
        };
        let beginnings = (SHORTEST..secret.len()).rev();
        let mut beginnings = beginnings.filter_map(|end| secret.get(..end));
        if let Some(cut) = beginnings.find(|beginning| text.ends_with(beginning)) {
            text.truncate(text.len() - cut.len());
            text.push_str("...");
        }
        text
    }
}

/// Whether two byte strings are the same, in a time that depends on their lengths only: for
/// hashes of secrets, which need not be wiped.
#[must_use]
pub fn constant_time_eq(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The masked form of a secret, safe to record and log: at most eleven characters, enough to tell
/// one key from another and too little to guess either.
///
/// ```
/// use bridge_auth::{Secret, SecretHint};
///
/// let hint = SecretHint::of(&Secret::new("operator-key".to_owned()));
/// assert_eq!(hint.as_str(), "op...ey");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretHint(String);

impl SecretHint {
    /// Masks a secret. Characters are Unicode scalar values. Four at each end are shown of twenty
    /// or more, two of ten or more, one of five or more, otherwise none. Of an empty secret the
    /// hint is empty.
    #[must_use]
    pub fn of(secret: &Secret) -> Self {
        let text = secret.expose();
        let shown = match text.chars().count() {
            0 => return Self(String::new()),
            1..5 => 0,
            5..10 => 1,
            10..20 => 2,
            _ => 4,
        };
        let mut hint: String = text.chars().take(shown).collect();
        hint.push_str("...");
        let tail = text.char_indices().rev().take(shown).last();
        hint.push_str(tail.and_then(|(at, _)| text.get(at..)).unwrap_or_default());
        Self(hint)
    }

    /// The masked text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, hint: &str) {
        let secret = Secret::new(text.to_owned());
        assert_eq!(SecretHint::of(&secret).as_str(), hint, "{text}");
    }

    #[test]
    fn a_hint_shows_little() {
        check("", "");
        check("a", "...");
        check("ab", "...");
        check("abcd", "...");
        check("short", "s...t");
        check("veryshort", "v...t");
        check("user-token", "us...en");
        check("nineteen-characters", "ni...rs");
        check("twenty-characters-ab", "twen...s-ab");
        check("a-long-secret-of-an-operator", "a-lo...ator");
    }

    #[test]
    fn a_secret_is_masked_in_what_others_write() {
        let check = |secret: &str, text: &str, masked: &str| {
            let secret = Secret::new(secret.to_owned());
            assert_eq!(secret.mask_in(text.to_owned()), masked);
        };
        check("eight-by", "eight-by and eight-by", "e...y and e...y");
        check("eight-by", "nothing", "nothing");
        check("longer-than-eight", "cut: longer-than", "cut: ...");
        check("longer-than-eight", "cut: longer-", "cut: longer-");
        check("seven-b", "seven-b", "seven-b");
        check("", "text", "text");
    }

    #[test]
    fn a_hint_counts_characters_and_not_bytes() {
        check("ééé", "...");
        check("héllo", "h...o");
        check("héllo wörld 🌍!", "hé...🌍!");
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new("operator-key".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(format!("{:?}", Some(&secret)), "Some(Secret(..))");
    }

    #[test]
    fn secrets_are_equal_when_their_texts_are() {
        let secret = |text: &str| Secret::new(text.to_owned());
        assert_eq!(secret("one"), secret("one"));
        assert_ne!(secret("one"), secret("two"));
        assert_ne!(secret("one"), secret("on"));
        assert_eq!(secret(""), secret(""));
    }
}
