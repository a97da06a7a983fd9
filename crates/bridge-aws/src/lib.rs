//! AWS credentials and request signatures.
//!
//! A [`Signer`] puts a signature (Signature Version 4) on the headers of a request. It gets its
//! credentials from a [`CredentialSource`]: keys that an operator gave, what the surroundings of
//! the process offer, or a role that is assumed with either. Credentials are fetched once for
//! everybody who waits, kept, and renewed before they expire.
//!
//! ```
//! use bridge_auth::Secret;
//! use bridge_aws::{BaseCredentials, CredentialSource, Signer, StaticKeys, Unsigned};
//! use http::{HeaderMap, HeaderValue, header::HOST};
//!
//! # async fn example(now: std::time::SystemTime) -> Result<(), Box<dyn std::error::Error>> {
//! let keys = StaticKeys {
//!     access_key_id: "the operator's id".to_owned(),
//!     secret_access_key: Secret::new("the operator's secret".to_owned()),
//!     session_token: None,
//! };
//! let source = CredentialSource {
//!     base: BaseCredentials::Static(keys),
//!     role: None,
//! };
//! let signer = Signer::try_new("eu-central-1", "bedrock", source)?;
//! let mut headers = HeaderMap::new();
//! headers.insert(HOST, HeaderValue::from_static("bedrock-runtime.eu-central-1.amazonaws.com"));
//! let request = Unsigned { method: "POST", path_and_query: "/model/m/invoke", body: b"{}" };
//! signer.sign(&request, &mut headers, now).await?;
//! assert!(headers.contains_key("authorization"));
//! # Ok(()) }
//! ```
//!
//! Without the feature `default-chain` it opens no connection and reads nothing of its
//! surroundings. It refuses to know providers, dialects and users.

mod cache;
#[cfg(feature = "default-chain")]
mod chain;
mod error;
mod signer;
mod source;

pub use error::{CredentialsError, SignError, SignerError};
pub use signer::{SignedBy, Signer, Unsigned};
pub use source::{AssumedRole, BaseCredentials, CredentialSource, StaticKeys};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
