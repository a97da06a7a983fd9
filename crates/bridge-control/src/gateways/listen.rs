//! Serving gateways of other machines.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use slog::warn;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use super::Gate;
use super::accept::Acceptor;
use crate::control::{ControlServer, ServeError};

/// Settings of [`ControlServer::listen`].
#[derive(Debug, Clone)]
pub struct ListenConfig {
    /// What the control plane proves itself with. Without one, connections are not encrypted.
    pub identity: Option<TlsIdentity>,
    /// How many gateways may be connected. Further ones are told to come again. Default 1,024.
    pub gateways: usize,
    /// How many connections may be open that have not presented a gateway key; further ones wait.
    /// Default 128.
    pub strangers: usize,
    /// How long a connection may take to present one, TLS included. Default 10 s.
    pub patience: Duration,
    /// How often it is noted which keys have connections; a key that is gone from the store then
    /// loses them. Default 60 s.
    pub heartbeat: Duration,
    /// How long calls may run on after the shutdown has begun. Default 3 s.
    pub leave_within: Duration,
}

impl Default for ListenConfig {
    fn default() -> Self {
        Self {
            identity: None,
            gateways: 1_024,
            strangers: 128,
            patience: Duration::from_secs(10),
            heartbeat: Duration::from_secs(60),
            leave_within: Duration::from_secs(3),
        }
    }
}

/// A certificate with its private key, checked.
#[derive(Clone)]
pub struct TlsIdentity(ServerTlsConfig);

/// Why a certificate and a key are no identity.
#[derive(Debug, thiserror::Error)]
#[error("certificate and private key cannot be used together")]
pub struct IdentityError(#[source] tonic::transport::Error);

impl TlsIdentity {
    /// Reads a chain of certificates, the control plane's own first, and its private key, both in
    /// PEM form.
    ///
    /// # Errors
    /// When one of them cannot be read, or they do not belong together.
    pub fn from_pem(certificates: &[u8], private_key: &[u8]) -> Result<Self, IdentityError> {
        let identity = Identity::from_pem(certificates, private_key);
        let config = ServerTlsConfig::new().identity(identity);
        Server::builder()
            .tls_config(config.clone())
            .map_err(IdentityError)?;
        Ok(Self(config))
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity(..)")
    }
}

impl ControlServer {
    /// Reads from the store which gateway keys there are, unless that was done before.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn read_gateway_keys(&self) -> Result<(), ServeError> {
        let read = self.0.gateways.read(self.0.store.as_ref()).await;
        read.map_err(ServeError::Keys)
    }

    /// Serves gateways that connect to this listener, until `shutdown` is done; then watch streams
    /// end, running calls are answered, and the future is ready when the last connection has
    /// closed, which is after [`ListenConfig::leave_within`] at the latest. Dropping the future
    /// closes all of them at once.
    ///
    /// Each call has to carry a gateway key, and deleting the key closes the connections on which
    /// it was presented.
    ///
    /// # Errors
    /// When the store does not say which gateway keys there are, if
    /// [`ControlServer::read_gateway_keys`] was not called before, or TLS cannot be set up.
    pub async fn listen(
        &self,
        listener: TcpListener,
        config: ListenConfig,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        self.read_gateway_keys().await?;
        let (close, closing) = watch::channel(false);
        let room = Arc::new(Semaphore::new(config.gateways));
        let gate = |greets| Gate::Keyed {
            control: self.clone(),
            room: Arc::clone(&room),
            greets,
        };
        let mut server = self.server();
        if let Some(TlsIdentity(identity)) = config.identity {
            server = server
                .tls_config(identity.timeout(config.patience))
                .map_err(ServeError::Transport)?;
        }
        let acceptor = Acceptor {
            control: self.clone(),
            listener,
            strangers: Arc::new(Semaphore::new(config.strangers)),
            patience: config.patience,
        };
        let incoming = acceptor.incoming();
        let serving = self
            .router(server, closing.clone(), gate(true), gate(false))
            .serve_with_incoming_shutdown(incoming, async move {
                shutdown.await;
                let _nobody_watches = close.send(true);
            });
        // The connections are tasks of the library, which would outlive this future.
        let closer = Closer(self.clone());
        tokio::select! {
            served = serving => served.map_err(ServeError::Transport),
            never = self.watch_gateways(config.heartbeat) => match never {},
            never = closer.close_after(closing, config.leave_within) => match never {},
        }
    }
}

/// Closes every connection when it is dropped.
struct Closer(ControlServer);

impl Closer {
    /// Closes what is still open so long after the shutdown has begun, and waits for ever.
    async fn close_after(
        &self,
        mut closing: watch::Receiver<bool>,
        patience: Duration,
    ) -> Infallible {
        // An error means that the server has ended.
        if closing.wait_for(|closing| *closing).await.is_ok() {
            sleep(patience).await;
            let closed = self.0.0.gateways.close_all();
            if closed > 0 {
                warn!(self.0.0.logger, "connections of gateways were closed";
                    "connections" => closed);
            }
        }
        std::future::pending().await
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.0.gateways.close_all();
    }
}
