//! Gateway keys as gateways present them: forty-three letters and digits.
//!
//! The first eleven are the id, which is public. The other thirty-two have 190 random bits. Only the
//! id and the SHA-256 of the whole are kept: with that much randomness a slow hash would add nothing.

use bridge_auth::{Secret, constant_time_eq};

use crate::key::{digest, is_word, word};

const LENGTH: usize = 43;
const ID: usize = 11;

/// A gateway key whose form is right.
pub(crate) struct Presented<'a> {
    pub(crate) id: &'a str,
    hash: [u8; 32],
}

impl<'a> Presented<'a> {
    /// Reads a key; none when its form is wrong.
    pub(crate) fn read(key: &'a str) -> Option<Self> {
        Some(Self {
            id: key.get(..ID).filter(|_| is_word(key, LENGTH))?,
            hash: digest(key),
        })
    }

    /// Whether this is the key that was hashed. Takes the same time for every wrong key.
    pub(crate) fn matches(&self, hash: &[u8; 32]) -> bool {
        constant_time_eq(&self.hash, hash)
    }
}

/// A gateway key that was just made.
#[derive(Debug)]
pub(crate) struct Minted {
    pub(crate) id: String,
    pub(crate) hash: [u8; 32],
    /// The whole of it, to be shown once.
    pub(crate) whole: Secret,
}

/// Makes a key from the system's random numbers.
pub(crate) fn mint() -> Result<Minted, getrandom::Error> {
    let whole = Secret::new(word(LENGTH)?);
    Ok(Minted {
        id: whole.expose().chars().take(ID).collect(),
        hash: digest(whole.expose()),
        whole,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_minted_is_read_and_matches() {
        let minted = mint().unwrap();
        let presented = Presented::read(minted.whole.expose()).unwrap();
        assert_eq!(presented.id, minted.id);
        assert!(presented.matches(&minted.hash));
        let other = mint().unwrap();
        assert!(!presented.matches(&other.hash));
        assert_ne!(minted.id, other.id);
    }

    #[test]
    fn every_letter_counts() {
        let minted = mint().unwrap();
        for at in 0..LENGTH {
            let mut bytes = minted.whole.expose().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
            let other = String::from_utf8(bytes).unwrap();
            assert!(!Presented::read(&other).unwrap().matches(&minted.hash));
        }
    }

    #[test]
    fn other_forms_are_no_keys() {
        let check = |key: String, is_key: bool| {
            assert_eq!(Presented::read(&key).is_some(), is_key, "{key:?}");
        };
        check("a".repeat(LENGTH), true);
        check(String::new(), false);
        check("a".repeat(LENGTH - 1), false);
        check("a".repeat(LENGTH + 1), false);
        check(format!("{}-", "a".repeat(LENGTH - 1)), false);
        check(format!("{} ", "a".repeat(LENGTH - 1)), false);
        check(format!("{}é", "a".repeat(LENGTH - 2)), false);
        check(format!("{}é", "a".repeat(LENGTH - 1)), false);
        check("é".repeat(LENGTH), false);
    }
}
