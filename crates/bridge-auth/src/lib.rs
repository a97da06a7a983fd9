//! Who is asking, with which credential, and which headers may pass.
//!
//! A gateway in front of model providers has to read the organisation's credential from a request,
//! ask whose it is, and take it out before the request goes on. This crate is those three steps,
//! as values: a [`HeaderPolicy`] turns a header map into what was [`Presented`] and what may go on,
//! [`Scrubbed`]; the [`Authorizer`] seam answers with a [`Grant`].
//!
//! ```
//! use bridge_auth::{HeaderPolicy, KeySource, Verdict};
//! use http::{HeaderMap, HeaderValue};
//!
//! let mut headers = HeaderMap::new();
//! headers.insert("authorization", HeaderValue::from_static("Bearer key-of-the-organisation"));
//! headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
//! headers.insert("cookie", HeaderValue::from_static("session=1"));
//!
//! let admitted = HeaderPolicy::default().admit(headers);
//! assert_eq!(admitted.presented.key_mode(), KeySource::Centralized);
//! assert!(matches!(admitted.presented.verdict(), Verdict::Found(_)));
//! assert_eq!(admitted.scrubbed.headers().len(), 1);
//! assert_eq!(admitted.scrubbed.headers()["anthropic-version"], "2023-06-01");
//! ```
//!
//! # Two modes
//!
//! A caller who brings only the organisation's credential is served with the operator's provider
//! key: [`KeySource::Centralized`]. A caller who puts it into the own-key header keeps
//! `Authorization` and `X-Api-Key` for a provider credential of their own: [`KeySource::Byok`].
//!
//! # Identity without a network
//!
//! A host program in the same process can vouch for a user: the holder of a [`Seal`] mints a
//! [`Delegation`], a value beside the request. No header can become one.
//!
//! # What it refuses to know
//!
//! Providers, pools, control planes, sockets, logs and clocks. Its public API names `http`, the
//! standard library and itself, and nothing else. It decides nothing about status codes.

mod actor;
mod authorize;
mod delegate;
mod hygiene;
mod policy;
mod present;
mod scheme;
mod scrubbed;
mod secret;

pub use actor::{Actor, ActorId, Grant, KeySource, ParseActorIdError, Standing};
pub use authorize::{AuthError, Authorizer, Claim, RefusalReason};
pub use delegate::{Delegation, RequestSource, Seal};
pub use policy::{ActorHeader, Admitted, HeaderPolicy, HeaderPolicyConfig, HeaderPolicyError};
pub use present::Presented;
pub use scheme::{Credential, Scheme, Verdict};
pub use scrubbed::Scrubbed;
pub use secret::{Secret, SecretHint, constant_time_eq};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
