//! Who is asking, with which credential, and which headers may pass.

mod actor;
mod authorize;
mod delegate;
mod secret;

pub use actor::{Actor, ActorId, Grant, KeySource, ParseActorIdError};
pub use authorize::{AuthError, Authorizer, Claim, RefusalReason};
pub use delegate::{Delegation, RequestSource, Seal};
pub use secret::{Secret, SecretHint};
