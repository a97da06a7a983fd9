//! Secrets of tool servers and tokens of users, sealed before they reach the store.
//!
//! Each is encrypted with AES-256-GCM under a sealing key that is not in the store, with what it
//! belongs to as associated data: a secret that is moved to another server or user opens for nobody.
//! Nonces are random: with 96 bits of them, one key may seal 2^32 secrets (NIST SP 800-38D, 8.3),
//! a secret each second for a century.

mod key_file;
mod keys;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use bridge_auth::Secret;
use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use uuid::Uuid;
use zeroize::Zeroizing;

use self::keys::{ID_BYTES, Keys};
use crate::store::{Store, StoreError};

/// The form of what is sealed. It is the first byte, and a part of the associated data.
const FORM: u8 = 1;

/// Where the sealing key of a control plane is. One key stands in a line, as 64 hexadecimal digits;
/// the first one seals, all of them open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SealingKey {
    /// Nowhere: tool servers with secrets, and tokens of users, are refused.
    #[default]
    None,
    /// In this file, which is made, for its owner alone, when the first secret is sealed.
    File(PathBuf),
    /// Here.
    Given(Secret),
}

impl SealingKey {
    /// Whether this can be one: a key that is given has to be; what a file holds is not looked at.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        match self {
            Self::None | Self::File(_) => true,
            Self::Given(text) => Keys::parse(text.expose()).is_some(),
        }
    }
}

/// What a secret belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belonging {
    /// The secrets of a tool server.
    Server(Uuid),
    /// A user's token for a tool server.
    Token { server: Uuid, user: Uuid },
}

impl Belonging {
    fn associated_data(self) -> Vec<u8> {
        let (word, ids): (&[u8], _) = match self {
            Self::Server(server) => (b"server", vec![server]),
            Self::Token { server, user } => (b"token", vec![server, user]),
        };
        let mut data = vec![FORM];
        data.extend_from_slice(word);
        for id in ids {
            data.extend_from_slice(id.as_bytes());
        }
        data
    }
}

/// Why a secret cannot be sealed or opened. Its text says what to do, and holds no secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SealingError {
    /// The control plane was given no key.
    #[error("secrets cannot be encrypted: this control plane has no sealing key")]
    NoKey,
    /// Secrets are stored, and the key under which they are sealed is gone.
    #[error(
        "the sealing key {} is missing, and stored secrets need it: restore the file from a backup; \
         if it is lost, write a new key of 64 hexadecimal digits there and give the secrets anew",
        .0.display()
    )]
    Missing(PathBuf),
    /// The file cannot be read or written.
    #[error("the sealing key {} cannot be used: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why. A part of the text, which operators read without its sources.
        cause: Arc<io::Error>,
    },
    /// There is something else in its place.
    #[error("{place} is no sealing key: one key a line, each of 64 hexadecimal digits, at most 16")]
    NotKeys {
        /// The file, or that it was given.
        place: String,
    },
    /// It was sealed with a key that is not there any more.
    #[error(
        "it was encrypted with a sealing key that is not in {place}: add that key there below the \
         first one, or give the secret anew"
    )]
    OtherKey {
        /// The file, or that it was given.
        place: String,
    },
    /// It was changed, or belongs to something else.
    #[error("what is stored is damaged: give the secret anew")]
    Damaged,
    /// The system gave no random numbers.
    #[error("no random numbers")]
    Random(#[source] getrandom::Error),
    /// Whether secrets are stored already cannot be told.
    #[error("the store did not answer")]
    Store(#[source] StoreError),
}

/// Seals and opens.
pub(crate) struct Sealing {
    key: SealingKey,
    /// Once they were read.
    known: Mutex<Option<Arc<Keys>>>,
    /// One file is made, however many secrets come at once.
    making: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Sealing {
    /// Nothing is read yet.
    pub(crate) fn new(key: SealingKey) -> Self {
        Self {
            key,
            known: Mutex::new(None),
            making: tokio::sync::Mutex::new(()),
        }
    }

    /// Seals a secret. The first one of all makes the key's file.
    pub(crate) async fn seal(
        &self,
        store: &dyn Store,
        belonging: Belonging,
        secret: &[u8],
    ) -> Result<Vec<u8>, SealingError> {
        let keys = self.keys_or_new(store).await?;
        seal(&keys, belonging, secret)
    }

    /// Opens what was sealed for the same belonging.
    pub(crate) async fn open(
        &self,
        belonging: Belonging,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealingError> {
        let mut id = [0; ID_BYTES];
        let (form, rest) = sealed.split_first().ok_or(SealingError::Damaged)?;
        let (named, rest) = rest
            .split_at_checked(ID_BYTES)
            .filter(|_| *form == FORM)
            .ok_or(SealingError::Damaged)?;
        id.copy_from_slice(named);
        let known = self.known.lock().clone();
        let keys = match known.filter(|keys| keys.find(&id).is_some()) {
            Some(keys) => keys,
            // A key may have been put back meanwhile.
            None => self.read().await?.ok_or_else(|| self.missing())?,
        };
        let place = || self.place();
        let key = keys
            .find(&id)
            .ok_or_else(|| SealingError::OtherKey { place: place() })?;
        let (nonce, text) = rest
            .split_at_checked(NONCE_LEN)
            .ok_or(SealingError::Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealingError::Damaged)?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = key.open_in_place(nonce, Aad::from(belonging.associated_data()), &mut text);
        let length = opened.map_err(|_| SealingError::Damaged)?.len();
        text.truncate(length);
        Ok(text)
    }

    async fn keys_or_new(&self, store: &dyn Store) -> Result<Arc<Keys>, SealingError> {
        let known = self.known.lock().clone();
        if let Some(keys) = known {
            return Ok(keys);
        }
        let _alone = self.making.lock().await;
        if let Some(keys) = self.read().await? {
            return Ok(keys);
        }
        let SealingKey::File(path) = &self.key else {
            return Err(SealingError::NoKey);
        };
        // A new key in place of a lost one would look as if everything were well.
        if store.has_sealed().await.map_err(SealingError::Store)? {
            return Err(self.missing());
        }
        let path = path.clone();
        let made = blocking(&path.clone(), move || key_file::make(&path)).await?;
        made?;
        self.read().await?.ok_or_else(|| self.missing())
    }

    /// The keys as they are now; none when their file is not there.
    async fn read(&self) -> Result<Option<Arc<Keys>>, SealingError> {
        let text = match &self.key {
            SealingKey::None => return Err(SealingError::NoKey),
            SealingKey::Given(text) => Some(Zeroizing::new(text.expose().to_owned())),
            SealingKey::File(path) => {
                let file = path.clone();
                blocking(path, move || key_file::read(&file)).await??
            }
        };
        let Some(text) = text else { return Ok(None) };
        let keys = Keys::parse(&text).ok_or_else(|| SealingError::NotKeys {
            place: self.place(),
        })?;
        let keys = Arc::new(keys);
        *self.known.lock() = Some(Arc::clone(&keys));
        Ok(Some(keys))
    }

    fn missing(&self) -> SealingError {
        match &self.key {
            SealingKey::File(path) => SealingError::Missing(path.clone()),
            SealingKey::None | SealingKey::Given(_) => SealingError::NoKey,
        }
    }

    fn place(&self) -> String {
        match &self.key {
            SealingKey::File(path) => path.display().to_string(),
            SealingKey::None | SealingKey::Given(_) => "the configured sealing key".to_owned(),
        }
    }
}

/// Form, id of the key, nonce, and the secret with its tag.
fn seal(keys: &Keys, belonging: Belonging, secret: &[u8]) -> Result<Vec<u8>, SealingError> {
    let (id, key) = keys.first();
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(SealingError::Random)?;
    let mut text = Zeroizing::new(secret.to_vec());
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(belonging.associated_data()),
            &mut text,
        )
        // Only a secret of 64 GiB is too long for it.
        .map_err(|_| SealingError::Damaged)?;
    Ok([&[FORM], id.as_slice(), &nonce, &text, tag.as_ref()].concat())
}

/// Waits for a disk on a thread that may wait.
async fn blocking<T: Send + 'static>(
    path: &std::path::Path,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SealingError> {
    spawn_blocking(work)
        .await
        .map_err(|cause| SealingError::File {
            path: path.to_owned(),
            cause: Arc::new(io::Error::other(cause)),
        })
}

#[cfg(test)]
mod tests;
