//! Keys as callers present them: `<id>-<secret>`, ten and twenty-two letters and digits.
//!
//! The id is public. The secret has 131 random bits and is stored as its SHA-256 only: with that
//! much randomness a slow hash would add nothing.

use bridge_auth::{Secret, constant_time_eq};
use sha2::{Digest as _, Sha256};

const ID: usize = 10;
const SECRET: usize = 22;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key whose form is right.
#[derive(Debug)]
pub(crate) struct Presented<'a> {
    pub(crate) id: &'a str,
    secret: &'a str,
}

impl<'a> Presented<'a> {
    /// Reads a key; none when its form is wrong.
    pub(crate) fn read(key: &'a str) -> Option<Self> {
        let (id, secret) = key.split_once('-')?;
        let is_key = is_word(id, ID) && is_word(secret, SECRET);
        is_key.then_some(Self { id, secret })
    }

    /// Whether this is the secret that was hashed. Takes the same time for every wrong secret.
    pub(crate) fn matches(&self, hash: &[u8; 32]) -> bool {
        constant_time_eq(&digest(self.secret), hash)
    }
}

pub(crate) fn is_word(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub(crate) fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// A key that was just made.
#[derive(Debug)]
pub(crate) struct Minted {
    pub(crate) id: String,
    pub(crate) secret_hash: [u8; 32],
    /// The whole of it, to be shown once.
    pub(crate) whole: Secret,
}

/// Makes a key from the system's random numbers.
pub(crate) fn mint() -> Result<Minted, getrandom::Error> {
    let id = word(ID)?;
    let secret = Secret::new(word(SECRET)?);
    Ok(Minted {
        secret_hash: digest(secret.expose()),
        whole: Secret::new(format!("{id}-{}", secret.expose())),
        id,
    })
}

/// Letters and digits, each equally likely: bytes that would favour some are thrown away.
pub(crate) fn word(length: usize) -> Result<String, getrandom::Error> {
    let mut word = String::with_capacity(length);
    while word.len() < length {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let fair = bytes.iter().filter(|byte| **byte < 248);
        let letters = fair.filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()));
        let missing = length - word.len();
        word.extend(letters.take(missing).map(|letter| char::from(*letter)));
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_minted_is_read_and_matches() {
        let minted = mint().unwrap();
        let presented = Presented::read(minted.whole.expose()).unwrap();
        assert_eq!(presented.id, minted.id);
        assert!(presented.matches(&minted.secret_hash));
        let other = mint().unwrap();
        assert!(!presented.matches(&other.secret_hash));
        assert_ne!(minted.id, other.id);
    }

    #[test]
    fn other_forms_are_no_keys() {
        let (id, secret) = ("a".repeat(10), "b".repeat(22));
        let check = |key: String, is_key: bool| {
            assert_eq!(Presented::read(&key).is_some(), is_key, "{key}");
        };
        check(format!("{id}-{secret}"), true);
        check(String::new(), false);
        check("-".to_owned(), false);
        check("foo".to_owned(), false);
        check(format!("{id}{secret}"), false);
        check(format!("{id}x-{secret}"), false);
        check(format!("{id}-{secret}x"), false);
        check(format!("{id}-{}-{}", "b".repeat(10), "c".repeat(11)), false);
        check(format!("{id}-{}é", "b".repeat(20)), false);
        check(format!(" {id}-{secret}"), false);
        check(format!("{id}-{secret}\0"), false);
    }
}
