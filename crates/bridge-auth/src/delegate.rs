//! Identity vouched for by a trusted host in this process.

use std::fmt;
use std::sync::Arc;

/// A capability made once at start. Only its holder can vouch for others.
#[derive(Clone)]
pub struct Seal(Arc<()>);

/// Where a delegated request comes from, for logs and records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSource(String);

/// Proof that a trusted host vouches for the owner of a key. Made only with a [`Seal`].
#[derive(Clone)]
pub struct Delegation {
    seal: Seal,
    key_id: String,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

impl fmt::Debug for Delegation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delegation")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl Delegation {
    /// The id of the key whose owner is vouched for.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Whether it was minted with this seal.
    #[must_use]
    pub fn is_sealed_by(&self, seal: &Seal) -> bool {
        Arc::ptr_eq(&self.seal.0, &seal.0)
    }
}
