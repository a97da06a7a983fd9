//! What can go wrong before a request is signed.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// There are no credentials. It is shared by everybody who waited for them.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CredentialsError {
    /// Nothing in the surroundings of the process has any.
    #[error(
        "no AWS credentials found: give the provider an access key, or the gateway's process a \
         role, a profile or AWS_ACCESS_KEY_ID"
    )]
    NotFound(#[source] Arc<dyn Error + Send + Sync>),
    /// The role cannot be assumed.
    #[error(
        "AWS role {role} cannot be assumed: its trust policy must name the gateway's own identity \
         and the external id of this provider"
    )]
    Role {
        /// Its name.
        role: String,
        /// What AWS said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// What the surroundings say of credentials cannot be used.
    #[error("the AWS configuration around the gateway's process cannot be used")]
    Configuration(#[source] Arc<dyn Error + Send + Sync>),
    /// They could not be fetched.
    #[error("AWS credentials could not be fetched")]
    Unavailable(#[source] Arc<dyn Error + Send + Sync>),
    /// They did not come in time.
    #[error("AWS credentials did not come within {} s", after.as_secs())]
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// The program was built without the means to look for them.
    #[error(
        "this build cannot look for AWS credentials or assume roles: give the provider an access \
         key, or build with the feature `default-chain`"
    )]
    NotBuilt,
}

/// A request cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// There is nothing to sign with.
    #[error("no AWS credentials")]
    Credentials(#[source] CredentialsError),
    /// The request or the credentials cannot be written into a signature.
    #[error("request cannot be signed")]
    Request(#[source] Box<dyn Error + Send + Sync>),
}

/// A signer cannot be made of what the operator gave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The region is no region.
    #[error("{0:?} is no AWS region: expected something like eu-central-1")]
    Region(String),
    /// An access key without its secret, or the other way round.
    #[error("both access key and access key secret must be provided together")]
    HalfAKey,
    /// The role is no role.
    #[error("{0:?} is no ARN of an IAM role: expected arn:aws:iam::<account>:role/<name>")]
    Role(String),
}
