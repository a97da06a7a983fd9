//! The last set of providers on disk, sealed with the gateway's key: it holds what pays for answers.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use bridge_auth::Secret;
use bridge_proto::v1::ProviderSet;
use parking_lot::Mutex;
use prost::Message as _;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::{Channel, Snapshot, private_file};

/// The file's name in the data folder.
const NAME: &str = "providers.sealed";
/// The first line, the number of the version last.
const TITLE: &[u8] = b"bridged providers 1\n";
const FAMILY: &[u8] = b"bridged providers ";
const SALT_BYTES: usize = 32;

/// A copy of the last set of providers, for a gateway that is started while the control plane is
/// away. Cloning shares it.
///
/// It is encrypted with AES-256-GCM under a key that HKDF-SHA-256 makes of the gateway's key and a
/// salt of each writing. Whoever has the data folder and not the gateway's key cannot read it, and a
/// changed copy is not used. It is good for one control plane alone. That an older copy was put back
/// is not noticed.
#[derive(Clone)]
pub struct SealedProviders(Arc<Inner>);

struct Inner {
    path: PathBuf,
    gateway_key: Secret,
    /// Whose providers they are.
    control: String,
    writing: Mutex<()>,
}

/// Why a copy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnsealError {
    /// The file cannot be read.
    #[error("the sealed providers cannot be read from {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is another program's.
    #[error("not a file of sealed providers")]
    Foreign,
    /// It is another version's.
    #[error("sealed by another version")]
    Version,
    /// It was changed, torn, or sealed with another key or for another control plane.
    #[error("damaged, or sealed with another gateway key or for another control plane")]
    Damaged,
}

impl fmt::Debug for SealedProviders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedProviders")
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}

impl SealedProviders {
    /// The copy in this folder, of the control plane that the channel leads to. Nothing is read or
    /// written yet.
    #[must_use]
    pub fn new(folder: &Path, gateway_key: Secret, channel: &Channel) -> Self {
        Self::of(folder, gateway_key, channel.target())
    }

    fn of(folder: &Path, gateway_key: Secret, control: &str) -> Self {
        Self(Arc::new(Inner {
            path: folder.join(NAME),
            gateway_key,
            control: control.to_owned(),
            writing: Mutex::new(()),
        }))
    }

    /// Replaces the copy, whole or not at all. Dropping the future may or may not leave it done.
    ///
    /// # Errors
    /// When the disk or the system's randomness refuses. An older copy may stay.
    pub async fn keep(&self, snapshot: Arc<Snapshot>) -> io::Result<()> {
        let inner = Arc::clone(&self.0);
        let work = spawn_blocking(move || {
            let _writing = inner.writing.lock();
            private_file::write(&inner.path, &inner.seal(&snapshot)?)
        });
        work.await.map_err(io::Error::other)?
    }

    /// The copy, if there is one.
    ///
    /// # Errors
    /// When there is one that cannot be used.
    pub async fn read(&self) -> Result<Option<Snapshot>, UnsealError> {
        let inner = Arc::clone(&self.0);
        let work = spawn_blocking(move || {
            let bytes = private_file::read(&inner.path);
            let bytes = bytes.map_err(|source| inner.unreadable(source))?;
            bytes.map(|bytes| inner.open(&bytes)).transpose()
        });
        let read = work.await.map_err(io::Error::other);
        read.map_err(|source| self.0.unreadable(source))?
    }

    /// Takes the copy in this folder away. One that is not there is no error.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn forget(folder: &Path) -> io::Result<()> {
        private_file::remove(&folder.join(NAME))
    }
}

impl Inner {
    fn unreadable(&self, source: io::Error) -> UnsealError {
        UnsealError::Unreadable {
            path: self.path.clone(),
            source,
        }
    }

    /// Title, salt, nonce, and the message with its tag.
    fn seal(&self, snapshot: &Snapshot) -> io::Result<Vec<u8>> {
        let refused = |_: Unspecified| io::Error::other("the set cannot be encrypted");
        let mut salt = [0; SALT_BYTES];
        let mut nonce = [0; NONCE_LEN];
        for random in [salt.as_mut_slice(), nonce.as_mut_slice()] {
            getrandom::fill(random).map_err(io::Error::other)?;
        }
        let mut message = Zeroizing::new(ProviderSet::from(snapshot).encode_to_vec());
        let key = self.key(&salt).map_err(refused)?;
        let sealed = key.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(TITLE),
            &mut message,
        );
        let tag = sealed.map_err(refused)?;
        Ok([TITLE, &salt, &nonce, &message, tag.as_ref()].concat())
    }

    fn open(&self, bytes: &[u8]) -> Result<Snapshot, UnsealError> {
        let Some(rest) = bytes.strip_prefix(TITLE) else {
            return Err(if bytes.starts_with(FAMILY) {
                UnsealError::Version
            } else {
                UnsealError::Foreign
            });
        };
        self.unseal(rest).ok_or(UnsealError::Damaged)
    }

    fn unseal(&self, sealed: &[u8]) -> Option<Snapshot> {
        let (salt, rest) = sealed.split_at_checked(SALT_BYTES)?;
        let (nonce, message) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut message = Zeroizing::new(message.to_vec());
        let key = self.key(salt).ok()?;
        let plain = key
            .open_in_place(nonce, Aad::from(TITLE), &mut message)
            .ok()?;
        let set = ProviderSet::decode(&*plain).ok()?;
        Some(set.into())
    }

    /// A key for one writing. The control plane is part of it, so that another one's set is opened
    /// by nobody.
    fn key(&self, salt: &[u8]) -> Result<LessSafeKey, Unspecified> {
        let secret = Salt::new(HKDF_SHA256, salt).extract(self.gateway_key.expose().as_bytes());
        let info = [TITLE, self.control.as_bytes()];
        let mut bytes = Zeroizing::new([0; 32]);
        secret.expand(&info, Aes256)?.fill(bytes.as_mut_slice())?;
        UnboundKey::new(&AES_256_GCM, bytes.as_slice()).map(LessSafeKey::new)
    }
}

/// How long a key is.
struct Aes256;

impl KeyType for Aes256 {
    fn len(&self) -> usize {
        AES_256_GCM.key_len()
    }
}

#[cfg(test)]
mod tests;
