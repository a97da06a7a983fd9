//! The one way out: connections to providers, their time limits and their credentials.
//!
//! A request leaves through the [`Exchange`] seam and comes back as a [`Reply`] whose body is
//! polled in the caller's own task: over HTTP/1.1, one task carries a stream from the provider to
//! the client. Over HTTP/2, exchanges share connections, each of which has a task for its frames.
//! Nothing but [`Scrubbed`](bridge_auth::Scrubbed) headers is accepted, and a credential travels
//! only to the [`Endpoint`] it was bound to.
//!
//! ```no_run
//! use bridge_auth::{HeaderPolicy, Secret};
//! use bridge_upstream::{Client, ClientConfig, CredentialStyle, Endpoint, Exchange, Outbound};
//!
//! # async fn example(headers: http::HeaderMap) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::try_new(
//!     &ClientConfig::default(),
//!     &bridge_telemetry::Metrics::default(),
//!     &bridge_telemetry::discard(),
//! )?;
//! let endpoint = Endpoint::try_new("https://api.anthropic.com/")?;
//! let key = endpoint.bind(Secret::new("operator key".to_owned()), CredentialStyle::XApiKey);
//! let request = Outbound {
//!     method: http::Method::POST,
//!     path_and_query: "/v1/messages?beta=true".to_owned(),
//!     headers: HeaderPolicy::default().admit(headers).scrubbed,
//!     credential: Some(key),
//!     body: bytes::Bytes::from_static(b"{}"),
//! };
//! let reply = client.exchange(&endpoint, request).await?;
//! assert_eq!(reply.status, 200);
//! # Ok(()) }
//! ```
//!
//! It refuses to know providers' dialects, users and records, and it never tries a request twice
//! once a byte of it may have been processed.

mod body;
mod client;
mod config;
mod credential;
mod dial;
mod dump;
mod egress;
mod endpoint;
mod error;
mod exchange;
mod http1;
mod http2;
mod links;
mod manners;
mod network;
mod patience;
mod place;
mod proxy;
mod race;
mod ready;
mod roots;
mod tls;
mod wire;

pub use body::Body;
pub use client::{Client, OwnRequest};
pub use config::{ClientConfig, Timeouts};
pub use credential::{BoundCredential, CredentialStyle};
pub use dump::{DumpConfig, DumpError, DumpLabel, Dumped, Dumps};
pub use egress::AddressKind;
pub use endpoint::{Endpoint, EndpointError};
pub use error::{FailureClass, UpstreamError};
pub use exchange::{Exchange, Outbound, Reply};
pub use manners::{HttpVersion, Manners, ProxyChoice};
pub use network::{Network, NetworkError};
pub use proxy::{ProxyAddress, ProxyError, ProxyProblem, ProxyRules};
pub use roots::{ExtraRoots, RootsError};
pub use tls::ClientError;
