//! A connection that heals itself.

mod dial;
mod supervise;
mod wire;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::keys;
use bridge_telemetry::task::{self, Task};
use slog::{Logger, o};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tonic::{Response, Status};

use self::dial::Dialling;
use self::supervise::Supervisor;
pub(crate) use self::wire::{Live, Wire};
use crate::status::{FatalKind, RpcError, is_broken_connection, is_unwelcome};
use crate::{ChannelConfig, ControlTarget};

/// How things stand between this process and the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    /// There is no connection, and attempts go on.
    Connecting {
        /// When the last connection ended, or when the first attempt began.
        since: Instant,
        /// How many attempts have failed since then.
        attempts: u32,
    },
    /// Calls can be made.
    Connected {
        /// When the control plane accepted this gateway.
        since: Instant,
    },
    /// The control plane refused this gateway for good; there are no more attempts.
    Fatal {
        /// What is wrong.
        kind: FatalKind,
        /// What it said.
        reason: String,
    },
}

/// Why a channel cannot be made. Nothing of this depends on whether the control plane is there.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The file with extra certificates cannot be read.
    #[error("cannot read certificates from {}", path.display())]
    ExtraRoots {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The connection cannot be set up.
    #[error("cannot set up the connection")]
    Setup(#[source] Box<dyn Error + Send + Sync>),
    /// The gateway's key has characters that cannot travel in a header.
    #[error("the gateway key has characters that cannot be sent")]
    GatewayKey,
}

/// A connection to the control plane. Cloning shares it.
///
/// It dials at once and again whenever the connection ends, with delays from 50 ms to 10 s. Each
/// new connection begins with the version check. Dropping the last clone closes the connection and
/// ends the attempts; what was built on the channel holds a clone.
#[derive(Clone)]
pub struct Channel(Arc<Inner>);

struct Inner {
    target: String,
    link: watch::Receiver<Link>,
    config: ChannelConfig,
    logger: Logger,
    _supervisor: Task<()>,
}

/// The state for others, and the connection itself while there is one.
struct Link {
    state: ConnectionState,
    live: Option<Live>,
}

impl Link {
    fn live(&self) -> Option<Result<Live, RpcError>> {
        match (&self.live, &self.state) {
            (Some(live), _) => Some(Ok(live.clone())),
            (None, ConnectionState::Fatal { reason, .. }) => Some(Err(RpcError::Fatal {
                reason: reason.clone(),
            })),
            (None, _) => None,
        }
    }
}

/// Whether calls can be made at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// On this connection; numbers grow.
    Up(u64),
    /// Not since then.
    Down(Instant),
    /// No, and never again.
    Refused,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl Channel {
    /// Starts to connect and returns at once. It must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the settings cannot be used. A control plane that is away is no error.
    pub fn connect(
        target: ControlTarget,
        config: ChannelConfig,
        logger: &Logger,
    ) -> Result<Self, ChannelError> {
        let logger = logger.new(o!(keys::COMPONENT => "rpc", "control" => target.to_string()));
        let name = target.to_string();
        let dialling = Dialling::try_new(target, &config)?;
        let (sender, link) = watch::channel(Link {
            state: ConnectionState::Connecting {
                since: Instant::now(),
                attempts: 0,
            },
            live: None,
        });
        let supervisor = Supervisor::new(dialling, config.clone(), sender, logger.clone());
        let task = task::spawn(&logger, "control connection", supervisor.run());
        Ok(Self(Arc::new(Inner {
            target: name,
            link,
            config,
            logger,
            _supervisor: task,
        })))
    }

    /// How things stand now.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.0.link.borrow().state.clone()
    }

    /// Follows the changes of the state from now on.
    #[must_use]
    pub fn watch_state(&self) -> ConnectionWatch {
        let mut link = self.0.link.clone();
        link.mark_unchanged();
        ConnectionWatch(link)
    }

    /// Waits, however long it takes, until calls can be made. Dropping the future changes nothing.
    ///
    /// # Errors
    /// [`RpcError::Fatal`] when that will never be.
    pub async fn connected(&self) -> Result<(), RpcError> {
        self.live().await.map(drop)
    }

    pub(crate) fn config(&self) -> &ChannelConfig {
        &self.0.config
    }

    /// Where the control plane is. What was kept of one is none of another's business.
    pub(crate) fn target(&self) -> &str {
        &self.0.target
    }

    pub(crate) fn logger(&self) -> &Logger {
        &self.0.logger
    }

    pub(crate) fn line(&self) -> Line {
        let link = self.0.link.borrow();
        match (&link.live, &link.state) {
            (Some(live), _) => Line::Up(live.number),
            (None, ConnectionState::Fatal { .. }) => Line::Refused,
            (
                None,
                ConnectionState::Connecting { since, .. } | ConnectionState::Connected { since },
            ) => Line::Down(*since),
        }
    }

    /// Returns when there is no connection.
    pub(crate) async fn down(&self) {
        let mut link = self.0.link.clone();
        // An error means that the attempts have ended, so there is no connection either.
        let _ended = link.wait_for(|link| link.live.is_none()).await;
    }

    /// The connection, as soon as there is one.
    pub(crate) async fn live(&self) -> Result<Live, RpcError> {
        self.live_after(None).await
    }

    /// Returns when the connection with this number is no longer the current one and another is.
    pub(crate) async fn superseded(&self, number: u64) {
        if self.live_after(Some(number)).await.is_err() {
            // No other connection will ever take its place.
            std::future::pending::<()>().await;
        }
    }

    async fn live_after(&self, old: Option<u64>) -> Result<Live, RpcError> {
        let mut link = self.0.link.clone();
        loop {
            match link.borrow_and_update().live() {
                Some(Ok(live)) if Some(live.number) == old => {}
                Some(outcome) => return outcome,
                None => {}
            }
            if link.changed().await.is_err() {
                return Err(RpcError::Fatal {
                    reason: "the connection was shut down".to_owned(),
                });
            }
        }
    }

    async fn live_within(&self, wait: Duration, old: Option<u64>) -> Result<Live, RpcError> {
        timeout(wait, self.live_after(old))
            .await
            .map_err(|_| RpcError::NotConnected { after: wait })?
    }

    /// Makes a call, and makes it again when the connection breaks under it: every call of the
    /// contract may be repeated.
    ///
    /// The outer error says that there is no answer, the inner one is the answer of the other side.
    pub(crate) async fn call<T, F, Fut>(
        &self,
        name: &'static str,
        after: Duration,
        call: F,
    ) -> Result<Result<T, Status>, RpcError>
    where
        F: Fn(Wire) -> Fut,
        Fut: Future<Output = Result<Response<T>, Status>>,
    {
        let answer = timeout(after, self.attempts(call))
            .await
            .map_err(|_| RpcError::Timeout { call: name, after })??;
        match answer {
            Err(status) if is_broken_connection(&status) => Err(RpcError::failed(name, status)),
            answer => Ok(answer.map(Response::into_inner)),
        }
    }

    /// Three attempts at most, and a new greeting when this gateway is no longer welcome. The second
    /// may be on the same connection: if that cannot be used any more, it fails at once and tells the
    /// supervisor so; the third is on another one.
    async fn attempts<T, F, Fut>(&self, call: F) -> Result<Result<Response<T>, Status>, RpcError>
    where
        F: Fn(Wire) -> Fut,
        Fut: Future<Output = Result<Response<T>, Status>>,
    {
        let wait = self.0.config.wait;
        let mut number = None;
        for _ in 0..2 {
            let live = self.live_within(wait, None).await?;
            number = Some(live.number);
            match call(live.wire.clone()).await {
                Err(status) if is_broken_connection(&status) => {}
                Err(status) if is_unwelcome(&status) => live.give_up(),
                answer => return Ok(answer),
            }
        }
        let live = self.live_within(wait, number).await?;
        Ok(call(live.wire).await)
    }
}

/// Follows the state of a channel. It does not keep the channel alive.
#[derive(Clone)]
pub struct ConnectionWatch(watch::Receiver<Link>);

impl fmt::Debug for ConnectionWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConnectionWatch")
            .field(&self.current())
            .finish()
    }
}

impl ConnectionWatch {
    /// How things stand now.
    #[must_use]
    pub fn current(&self) -> ConnectionState {
        self.0.borrow().state.clone()
    }

    /// Waits for the next state and gives it, or nothing when there will be none. States that
    /// follow each other closely may arrive as one. Dropping the future loses none.
    pub async fn changed(&mut self) -> Option<ConnectionState> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().state.clone())
    }
}
