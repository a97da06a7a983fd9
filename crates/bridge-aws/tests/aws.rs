//! Signatures and credentials as a stranger would use them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(feature = "default-chain")]
#[path = "aws/chain.rs"]
mod chain;
#[path = "aws/signature.rs"]
mod signature;
#[cfg(feature = "default-chain")]
#[path = "aws/sts.rs"]
mod sts;
