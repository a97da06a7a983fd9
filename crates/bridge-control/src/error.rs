//! Why the control plane did not do what an operator asked.

use crate::sealing::SealingError;
use crate::store::StoreError;

/// Why an operation was not done. Its text is for the operator and holds no secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControlError {
    /// A value breaks a rule.
    #[error("{field}: {message}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// Which rule.
        message: String,
    },
    /// There is no such thing.
    #[error("no {what} named {name:?}")]
    NotFound {
        /// What sort of thing.
        what: &'static str,
        /// The name or id, as it was given, cut to 64 characters.
        name: String,
    },
    /// It does not go together with what is there.
    #[error("{field}: {message}")]
    Conflict {
        /// Which value.
        field: &'static str,
        /// Why not.
        message: String,
    },
    /// The system gave no random numbers for a key.
    #[error("no random numbers")]
    Random(#[source] getrandom::Error),
    /// A secret can be neither encrypted nor decrypted. Nothing was changed.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The process is going down.
    #[error("interrupted")]
    Interrupted,
    /// The store did not answer. Nothing was changed, as far as is known.
    #[error("the store did not answer")]
    Store(#[source] StoreError),
}

impl ControlError {
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            message: message.into(),
        }
    }

    pub(crate) fn conflict(field: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict {
            field,
            message: message.into(),
        }
    }

    pub(crate) fn not_found(what: &'static str, name: &str) -> Self {
        Self::NotFound {
            what,
            name: name.chars().take(64).collect(),
        }
    }
}

impl From<StoreError> for ControlError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(field) => Self::conflict(field, "is taken"),
            StoreError::Full(field) => Self::conflict(field, "is one more than there may be"),
            StoreError::Stale => Self::conflict("provider", "was changed meanwhile: try again"),
            StoreError::Ambiguous => {
                Self::conflict("user", "several users have a session of this id: name one")
            }
            StoreError::BadCursor => Self::invalid("after", "is no cursor of this list"),
            StoreError::Unavailable(_) => Self::Store(error),
        }
    }
}
