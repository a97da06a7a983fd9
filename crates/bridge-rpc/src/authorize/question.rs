//! What the control plane can be asked, and the hash by which an answer is found again.

use bridge_auth::Secret;
use bridge_proto::v1::IsAuthorizedRequest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::cache::{Digest, Subject};

/// A question, borrowed from the request that raises it.
pub(super) enum Question<'a> {
    /// Whose credential is this?
    Key(&'a Secret),
    /// Whose key has this id? A trusted host vouches for the rest.
    KeyId(&'a str),
    /// May the owner of this key use this model?
    Permit {
        key_id: &'a str,
        provider: &'a str,
        model: &'a str,
    },
}

/// The same, on its way. The secret is wiped when the question is settled.
pub(super) enum OwnedQuestion {
    Key(Secret),
    KeyId(String),
    Permit {
        key_id: String,
        provider: String,
        model: String,
    },
}

impl Question<'_> {
    pub(super) fn to_owned(&self) -> OwnedQuestion {
        match *self {
            Self::Key(secret) => OwnedQuestion::Key(secret.clone()),
            Self::KeyId(id) => OwnedQuestion::KeyId(id.to_owned()),
            Self::Permit {
                key_id,
                provider,
                model,
            } => OwnedQuestion::Permit {
                key_id: key_id.to_owned(),
                provider: provider.to_owned(),
                model: model.to_owned(),
            },
        }
    }
}

impl OwnedQuestion {
    pub(super) const fn subject(&self) -> Subject {
        match self {
            Self::Key(_) | Self::KeyId(_) => Subject::Key,
            Self::Permit { .. } => Subject::Permit,
        }
    }

    pub(super) fn to_request(&self) -> IsAuthorizedRequest {
        match self {
            Self::Key(secret) => IsAuthorizedRequest {
                key: secret.expose().to_owned(),
                ..IsAuthorizedRequest::default()
            },
            Self::KeyId(key_id) => IsAuthorizedRequest {
                key_id: key_id.clone(),
                ..IsAuthorizedRequest::default()
            },
            Self::Permit {
                key_id,
                provider,
                model,
            } => IsAuthorizedRequest {
                key: String::new(),
                key_id: key_id.clone(),
                provider_name: provider.clone(),
                model: model.clone(),
            },
        }
    }
}

/// HMAC-SHA-256 (RFC 2104) under a key that this gateway alone has and never tells: nobody can
/// find two credentials that meet, and what is kept says nothing about them.
pub(super) struct Hasher(Hmac<Sha256>);

impl Hasher {
    pub(super) fn try_new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 64];
        getrandom::fill(&mut key)?;
        Ok(Self::with_key(&key))
    }

    /// With a key that an earlier process had, too.
    pub(super) fn with_key(key: &[u8; 64]) -> Self {
        Self(Hmac::new(&(*key).into()))
    }

    /// Proves that whoever has the key wrote this text, given in parts that are one text. Its first
    /// byte is none that a question has.
    pub(super) fn authenticate(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(&[0]);
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The whole of the question goes in. The first byte keeps the kinds apart, and all parts but
    /// the last are preceded by their length, so different questions are different texts.
    pub(super) fn digest(&self, question: &Question<'_>) -> Digest {
        let mut mac = self.0.clone();
        let (kind, parts, last) = match *question {
            Question::Key(secret) => (1, [None, None], secret.expose()),
            Question::KeyId(id) => (2, [None, None], id),
            Question::Permit {
                key_id,
                provider,
                model,
            } => (3, [Some(key_id), Some(provider)], model),
        };
        mac.update(&[kind]);
        for part in parts.into_iter().flatten() {
            mac.update(&part.len().to_le_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(last.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn permit<'a>(key_id: &'a str, provider: &'a str, model: &'a str) -> Question<'a> {
        Question::Permit {
            key_id,
            provider,
            model,
        }
    }

    #[test]
    fn different_questions_have_different_digests() {
        let long = "same-long-prefix-".repeat(20);
        let (one, other) = (
            Secret::new(format!("{long}1")),
            Secret::new(format!("{long}2")),
        );
        let (prefix, short) = (Secret::new(long), Secret::new("key-1".to_owned()));
        let questions = [
            ("one", Question::Key(&one)),
            ("other", Question::Key(&other)),
            ("their prefix", Question::Key(&prefix)),
            ("a key that reads like an id", Question::Key(&short)),
            ("that id", Question::KeyId("key-1")),
            ("abc", permit("a", "b", "c")),
            ("ab and c", permit("ab", "", "c")),
            ("a and bc", permit("a", "bc", "")),
            ("a b c in one", permit("", "", "abc")),
        ];
        let hasher = Hasher::with_key(&[7; 64]);
        let mut seen = HashMap::new();
        for (name, question) in &questions {
            if let Some(before) = seen.insert(hasher.digest(question), name) {
                panic!("{name} and {before} have the same digest");
            }
        }
    }

    #[test]
    fn digests_differ_from_process_to_process() {
        let question = Question::KeyId("key-1");
        let one = Hasher::with_key(&[7; 64]);
        let other = Hasher::with_key(&[8; 64]);
        assert_eq!(one.digest(&question), one.digest(&question));
        assert_ne!(one.digest(&question), other.digest(&question));
    }

    /// RFC 4231, test case 2, with its key padded to a block as HMAC does it.
    #[test]
    fn the_digest_is_an_hmac() {
        let mut key = [0; 64];
        key[..4].copy_from_slice(b"Jefe");
        let mut mac = Hasher::with_key(&key).0;
        mac.update(b"what do ya want for nothing?");
        let bytes = mac.finalize().into_bytes();
        assert_eq!(bytes[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(bytes[28..], [0x64, 0xec, 0x38, 0x43]);
    }
}
