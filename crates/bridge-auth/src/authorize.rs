//! The seam behind which a control plane answers who a credential belongs to.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{Delegation, Grant, Secret};

/// What a request claims about its identity.
#[derive(Debug, Clone, Copy)]
pub enum Claim<'a> {
    /// A whole credential, presented by the caller.
    Key(&'a Secret),
    /// A key id that a trusted host in this process vouches for. The secret is not known.
    Delegated(&'a Delegation),
}

/// Answers whose credential it is, and whether they may do what they ask.
///
/// Implementations are shared by all requests. Dropping a returned future gives the question up
/// and leaves the authorizer as it was.
#[async_trait]
pub trait Authorizer: Send + Sync {
    /// Whose claim is this, and may they use the gateway at all?
    ///
    /// # Errors
    /// [`AuthError::Refused`] when the answer is no; [`AuthError::Unavailable`] when there is no
    /// answer, which says nothing about the claim.
    async fn authorize(&self, claim: Claim<'_>) -> Result<Arc<Grant>, AuthError>;

    /// May the owner of this grant use this provider and model? Asked after the model is known and
    /// before anything leaves for the provider. The default answer is yes.
    ///
    /// # Errors
    /// As [`Authorizer::authorize`].
    async fn permit(&self, grant: &Grant, provider: &str, model: &str) -> Result<(), AuthError> {
        let (_, _, _) = (grant, provider, model);
        Ok(())
    }
}

/// Why a claim was refused. For the operator's log: callers are told one text for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RefusalReason {
    /// The credential is not of the form that keys have, or its secret part is wrong.
    #[error("invalid key")]
    InvalidKey,
    /// No key has this id.
    #[error("unknown key")]
    UnknownKey,
    /// The key was good once.
    #[error("expired")]
    Expired,
    /// The key's owner does not exist.
    #[error("unknown user")]
    UnknownUser,
    /// The key's owner was deleted.
    #[error("deleted user")]
    DeletedUser,
    /// The key's owner is suspended or dormant.
    #[error("inactive user")]
    InactiveUser,
    /// The key's owner is not a person.
    #[error("system user")]
    SystemUser,
    /// The owner may not use this provider or model.
    #[error("not allowed")]
    NotAllowed,
    /// The control plane refused for a reason this version has no word for.
    #[error("refused")]
    Other,
}

/// Why there is no grant.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The answer is no.
    #[error("refused")]
    Refused(#[source] RefusalReason),
    /// There is no answer: the control plane cannot be reached or cannot tell.
    #[error("authorizer unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}
