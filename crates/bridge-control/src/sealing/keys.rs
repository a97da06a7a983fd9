//! The keys themselves.

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// How many bytes a key has.
pub(super) const KEY_BYTES: usize = 32;
/// How many bytes name a key beside what it has sealed: enough to tell sixteen keys apart.
pub(super) const ID_BYTES: usize = 8;
/// So many may be there: one that seals, and those before it.
const MOST_KEYS: usize = 16;

/// A key's name: the beginning of a hash, which tells nothing of 256 random bits.
pub(super) type KeyId = [u8; ID_BYTES];

/// The first one seals, all of them open.
pub(super) struct Keys {
    first: (KeyId, LessSafeKey),
    others: Vec<(KeyId, LessSafeKey)>,
}

impl Keys {
    /// Reads one key a line; blank lines and what follows a `#` are left out. Nothing when a line is
    /// no key, or there is none, or there are too many.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let lines = text
            .lines()
            .map(|line| line.split('#').next().unwrap_or(line).trim());
        let keys: Vec<_> = lines
            .filter(|line| !line.is_empty())
            .map(key)
            .collect::<Option<_>>()?;
        if keys.len() > MOST_KEYS {
            return None;
        }
        let mut keys = keys.into_iter();
        Some(Self {
            first: keys.next()?,
            others: keys.collect(),
        })
    }

    pub(super) fn first(&self) -> (&KeyId, &LessSafeKey) {
        (&self.first.0, &self.first.1)
    }

    pub(super) fn find(&self, id: &KeyId) -> Option<&LessSafeKey> {
        let mut all = std::iter::once(&self.first).chain(&self.others);
        all.find(|(known, _)| known == id).map(|(_, key)| key)
    }
}

fn key(line: &str) -> Option<(KeyId, LessSafeKey)> {
    let bytes = Zeroizing::new(HEXLOWER_PERMISSIVE.decode(line.as_bytes()).ok()?);
    if bytes.len() != KEY_BYTES {
        return None;
    }
    let digest = Sha256::new()
        .chain_update(b"bridged sealing key\n")
        .chain_update(bytes.as_slice())
        .finalize();
    let id = digest.first_chunk::<ID_BYTES>()?;
    let key = UnboundKey::new(&AES_256_GCM, &bytes).ok()?;
    Some((*id, LessSafeKey::new(key)))
}
