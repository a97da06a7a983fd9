//! The control plane as a thing: what it is made of, and how it is served.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bridge_auth::Secret;
use bridge_proto::v1::authorizer_service_server::AuthorizerServiceServer;
use bridge_proto::v1::provider_configurator_service_server::ProviderConfiguratorServiceServer;
use bridge_proto::v1::recorder_service_server::RecorderServiceServer;
use bridge_proto::v1::session_service_server::SessionServiceServer;
use bridge_proto::v1::tool_configurator_service_server::ToolConfiguratorServiceServer;
use bridge_telemetry::{Metrics, keys, task, wall_clock};
use futures_core::Stream;
use jiff::Timestamp;
use slog::{Logger, o};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{broadcast, oneshot, watch};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::{Connected, Router, Server};
use uuid::Uuid;

use crate::error::ControlError;
use crate::gateways::{Gate, Gateways};
use crate::renewal::Renewals;
use crate::sealing::{Sealing, SealingKey};
use crate::service::Service;
use crate::store::{Store, StoreError};
use crate::told::Told;

/// Revocations that a slow subscriber may be behind before it is told to forget everything.
const REVOCATIONS_BEHIND: usize = 1_024;
/// The same for changes of tool servers and tokens.
const TOOL_CHANGES_BEHIND: usize = 1_024;
/// Connections that were idle this long are asked whether they are alive.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long an answer to that may take.
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);
/// How long the head of a call may be, in bytes as HTTP/2 counts them.
const HEAD_BYTES: u32 = 16 << 10;
/// How many calls may run at once on one connection.
const CALLS: u32 = 1_024;
/// How much of a batch may be on its way before the sender waits.
const WINDOW_BYTES: u32 = 1 << 20;

/// Settings of a [`ControlServer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlConfig {
    /// What operators present as `Authorization: Bearer ...`.
    pub admin_token: Secret,
    /// The program's own version, told to gateways. Default: that of this crate.
    pub build_version: String,
    /// The longest message of a gateway, in bytes. Default 64 MiB: a prompt may be as long as the
    /// largest request that a gateway takes.
    pub message_bytes: usize,
    /// The longest body of an operator's request, in bytes. Default 64 KiB.
    pub body_bytes: usize,
    /// Under which key secrets of tool servers and tokens of users are encrypted. Default: none, so
    /// that these are refused.
    pub sealing_key: SealingKey,
}

impl ControlConfig {
    /// The defaults, with this token for operators.
    #[must_use]
    pub fn new(admin_token: Secret) -> Self {
        Self {
            admin_token,
            build_version: env!("CARGO_PKG_VERSION").to_owned(),
            message_bytes: 64 << 20,
            body_bytes: 64 << 10,
            sealing_key: SealingKey::None,
        }
    }
}

/// The control plane. Cloning shares it.
///
/// Gateways are served by [`ControlServer::serve_gateways`], operators by [`ControlServer::rest`];
/// a host program may call the operations itself. All of them change things in one place, which
/// tells gateways at once. A change that gateways must hear of is finished and told, even when
/// its future is dropped after it began.
#[derive(Clone)]
pub struct ControlServer(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) config: ControlConfig,
    pub(crate) metrics: Metrics,
    pub(crate) logger: Logger,
    pub(crate) revocations: broadcast::Sender<Revocation>,
    pub(crate) provider_changes: watch::Sender<()>,
    pub(crate) tool_changes: broadcast::Sender<ToolChange>,
    pub(crate) sealing: Sealing,
    pub(crate) renewals: Renewals,
    pub(crate) gateways: Arc<Gateways>,
    /// Bounds the lines about a store that does not answer gateways.
    pub(crate) silence: Told,
}

/// What must no longer be honoured.
#[derive(Debug, Clone)]
pub(crate) enum Revocation {
    Key(String),
    User(Uuid),
}

/// What gateways know of tool servers and is not so any more.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ToolChange {
    Servers,
    /// Those of this user.
    Tokens(Uuid),
}

impl fmt::Debug for ControlServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlServer")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}

/// Why gateways could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The connections cannot be served at all.
    #[error("gateways cannot be served")]
    Transport(#[source] tonic::transport::Error),
    /// The store does not say which gateway keys there are.
    #[error("the keys of gateways cannot be read")]
    Keys(#[source] StoreError),
}

impl ControlServer {
    /// A control plane over this store. Nothing is served yet.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        config: ControlConfig,
        metrics: Metrics,
        logger: &Logger,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            sealing: Sealing::new(config.sealing_key.clone()),
            renewals: Renewals::default(),
            config,
            gateways: Arc::new(Gateways::new()),
            metrics,
            logger: logger.new(o!(keys::COMPONENT => "control")),
            revocations: broadcast::Sender::new(REVOCATIONS_BEHIND),
            provider_changes: watch::Sender::new(()),
            tool_changes: broadcast::Sender::new(TOOL_CHANGES_BEHIND),
            silence: Told::default(),
        }))
    }

    /// Serves gateways over these connections until `shutdown` is done; then watch streams end,
    /// running calls are answered, and the future is ready when the last connection has closed.
    /// Dropping the future stops taking connections.
    ///
    /// Nobody is asked for a gateway key: this is for gateways that are trusted as they come, in
    /// this process. Those on other machines are served by [`ControlServer::listen`].
    ///
    /// # Errors
    /// When the connections cannot be served at all.
    pub async fn serve_gateways<S, C>(
        &self,
        incoming: S,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError>
    where
        S: Stream<Item = io::Result<C>> + Send + 'static,
        C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let (close, closing) = watch::channel(false);
        self.router(self.server(), closing, Gate::Open, Gate::Open)
            .serve_with_incoming_shutdown(incoming, async move {
                shutdown.await;
                let _nobody_watches = close.send(true);
            })
            .await
            .map_err(ServeError::Transport)
    }

    /// What is the same for connections of every kind.
    pub(crate) fn server(&self) -> Server {
        Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER))
            .http2_max_header_list_size(HEAD_BYTES)
            .max_concurrent_streams(CALLS)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(4 * WINDOW_BYTES)
    }

    /// The five services, with a gate before the greeting and one before everything else.
    pub(crate) fn router(
        &self,
        mut server: Server,
        closing: watch::Receiver<bool>,
        greeting: Gate,
        calls: Gate,
    ) -> Router {
        let service = Service {
            control: self.clone(),
            closing,
        };
        let limit = self.0.config.message_bytes;
        let session = SessionServiceServer::new(service.clone());
        let authorizer = AuthorizerServiceServer::new(service.clone());
        let configurator = ProviderConfiguratorServiceServer::new(service.clone());
        let tools = ToolConfiguratorServiceServer::new(service.clone());
        let recorder = RecorderServiceServer::new(service).max_decoding_message_size(limit);
        server
            .add_service(InterceptedService::new(session, greeting))
            .add_service(InterceptedService::new(authorizer, calls.clone()))
            .add_service(InterceptedService::new(configurator, calls.clone()))
            .add_service(InterceptedService::new(tools, calls.clone()))
            .add_service(InterceptedService::new(recorder, calls))
    }

    pub(crate) fn revoke(&self, revocation: Revocation) {
        // Without subscribers there is nobody to tell: whoever subscribes is told to forget all.
        let _nobody = self.0.revocations.send(revocation);
    }

    pub(crate) fn providers_changed(&self) {
        self.0.provider_changes.send_replace(());
    }

    pub(crate) fn tools_changed(&self, change: ToolChange) {
        // Whoever subscribes later begins with how things are then.
        let _nobody = self.0.tool_changes.send(change);
    }

    /// Does a change and tells gateways, whether or not the asker stays to hear of it.
    pub(crate) async fn whole<T, W>(&self, change: W) -> Result<T, ControlError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, ControlError>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work = async move {
            let _gone = answer.send(change.await);
        };
        // Detached: an HTTP client that hangs up drops the asker, and a change that is made
        // without telling gateways would be worse than one nobody waits for. It ends with the
        // store's answer.
        task::spawn(&self.0.logger, "change", work).detach();
        answered.await.map_err(|_| ControlError::Interrupted)?
    }
}

/// The time of day, to the microsecond that stores keep.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::try_from(wall_clock()).unwrap_or(Timestamp::UNIX_EPOCH);
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
