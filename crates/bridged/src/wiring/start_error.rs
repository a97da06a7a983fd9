//! Why a server cannot start.

use std::io;
use std::net::SocketAddr;

use bridge_auth::HeaderPolicyError;
use bridge_control::store::OpenError;
use bridge_control::{ControlError, ServeError};
use bridge_rpc::{ChannelError, RandomnessError};
use bridge_upstream::{ClientError, DumpError, EndpointError};

use super::FIRST_PROVIDERS;
use crate::sockets::SocketError;

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The sockets of the supervisor cannot be used.
    #[error(transparent)]
    Sockets(#[from] SocketError),
    /// A listener cannot be opened.
    #[error("cannot listen on {address} ({setting}): is another bridged running there?")]
    Listen {
        /// Which setting says so.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The database cannot be used.
    #[error("the control plane cannot open its database")]
    Store(#[source] OpenError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(bridge_record::OpenError),
    /// The listener for gateways has nothing to prove itself with.
    #[error("{setting}: {problem}")]
    Identity {
        /// Which setting is at fault.
        setting: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Gateways of other machines cannot be served.
    #[error(transparent)]
    Gateways(ServeError),
    /// A configured provider cannot be stored.
    #[error("provider {name:?} cannot be stored")]
    Seed {
        /// Its name.
        name: String,
        /// Why not.
        source: ControlError,
    },
    /// None of the configured providers was stored.
    #[error("the configured providers cannot be stored")]
    SeedAll(#[source] ControlError),
    /// The control plane could not be asked.
    #[error("the control plane does not answer")]
    Control(#[source] ControlError),
    /// Header names do not fit together.
    #[error("header names cannot be used")]
    Headers(#[source] HeaderPolicyError),
    /// Connections to providers cannot be set up.
    #[error("connections to providers cannot be set up")]
    Upstream(#[source] ClientError),
    /// Exchanges with providers cannot be written to files.
    #[error("dump.folder")]
    Dumps(#[source] DumpError),
    /// Spans cannot be sent to their collector.
    #[error("traces.endpoint")]
    Collector(#[source] EndpointError),
    /// The way to the control plane cannot be set up.
    #[error("the way to the control plane cannot be set up")]
    Channel(#[source] ChannelError),
    /// The system has no random numbers.
    #[error(transparent)]
    Random(RandomnessError),
    /// No set of providers came.
    #[error("no set of providers came from the control plane within {} s", FIRST_PROVIDERS.as_secs())]
    NoProviders,
}
