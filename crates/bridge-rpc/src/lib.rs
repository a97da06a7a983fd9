//! The control-plane client of a gateway: who may come in, what is remembered, which providers
//! there are. One connection carries it all and heals itself.
//!
//! - [`Channel`] is the connection: TCP, TLS or a pipe inside the process, the same above its
//!   constructor. It is checked for version on each connect and dialled again whenever it ends.
//! - [`RemoteAuthorizer`] answers whose credential it is, from a short lease where it can, and for
//!   a grace while the control plane is away.
//! - [`RemoteSink`] delivers records.
//! - [`ProviderWatch`] has the current set of providers and tells of changes; [`SealedProviders`]
//!   is a copy of it on the disk.
//! - [`RemoteToolServers`] asks for tool servers and one user's tokens; [`ToolServerWatch`] tells of
//!   their changes.
//!
//! ```
//! use bridge_rpc::{
//!     AuthorizerConfig, Channel, ChannelConfig, ControlTarget, ProviderWatch, RemoteAuthorizer,
//!     RemoteSink,
//! };
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let target = ControlTarget::Remote("http://127.0.0.1:4100".parse()?);
//! let logger = bridge_telemetry::discard();
//! let channel = Channel::connect(target, ChannelConfig::default(), &logger)?;
//! let authorizer = RemoteAuthorizer::start(&channel, AuthorizerConfig::default())?;
//! let sink = RemoteSink::new(&channel);
//! let providers = ProviderWatch::start(&channel);
//! assert!(providers.current().is_none(), "nobody has answered yet");
//! # drop((authorizer, sink));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate refuses to know what a request looks like, what a set of providers is good for, and
//! who runs the control plane. Its callers meet plain data and the seams of `bridge-auth` and
//! `bridge-record`; the types of the wire stay inside.

mod authorize;
mod channel;
mod config;
mod in_process;
mod private_file;
mod record;
mod sealed;
mod snapshot;
mod status;
mod subscribe;
mod target;
mod tools;
mod watch;

pub use authorize::{
    AuthorizerConfig, AuthorizerStats, Outage, RandomnessError, RemoteAuthorizer,
    forget_kept_grants,
};
pub use channel::{Channel, ChannelError, ConnectionState, ConnectionWatch};
pub use config::ChannelConfig;
pub use in_process::{Dialer, MemoryIncoming, memory_pipe};
pub use record::RemoteSink;
pub use sealed::{SealedProviders, UnsealError};
pub use snapshot::{
    BedrockSettings, MannersSettings, ProviderSettings, ProviderSnapshot, Snapshot,
};
pub use status::{FatalKind, RpcError};
pub use target::{Address, ControlTarget, ParseAddressError};
pub use tools::{
    RefusedToken, RemoteToolServers, TokenChange, TokenChanges, ToolCredential, ToolServerProblem,
    ToolServerProblemKind, ToolServerSet, ToolServerSnapshot, ToolServerWatch, ToolServers,
    ToolServersError, UserToken,
};
pub use watch::ProviderWatch;

/// No message is larger, in either direction: the longest prompt and the largest set of providers
/// fit many times over.
const MESSAGE_LIMIT: usize = 64 << 20;
