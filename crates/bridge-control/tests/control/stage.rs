//! A control plane in a folder of its own, a gateway's channel to it, an operator's calls.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use bridge_auth::Secret;
use bridge_control::api::{CreatedKey, NewKey, NewUser, UserView};
use bridge_control::store::SqliteStore;
use bridge_control::{ControlConfig, ControlServer, SealingKey, ServeError};
use bridge_telemetry::task::{self, Task};
use bridge_telemetry::{Metrics, discard};
use futures_util::{StreamExt as _, stream};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::oneshot;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt as _;

pub(crate) const TOKEN: &str = "operator-token";

pub(crate) struct Stage {
    pub(crate) control: ControlServer,
    pub(crate) metrics: Metrics,
    pub(crate) folder: TempDir,
}

/// Gateways that are being served, until they are told to stop.
pub(crate) struct Served {
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) end: Task<Result<(), ServeError>>,
}

impl Served {
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.end.join().await.unwrap().unwrap();
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with_config(ControlConfig::new(Secret::new(TOKEN.to_owned())))
    }

    pub(crate) fn with_config(config: ControlConfig) -> Self {
        let folder = TempDir::new().unwrap();
        let config = ControlConfig {
            sealing_key: SealingKey::File(folder.path().join("sealing.key")),
            ..config
        };
        Self::over(folder, config)
    }

    /// Over what is in the folder already, as after a restart.
    pub(crate) fn over(folder: TempDir, config: ControlConfig) -> Self {
        let store = SqliteStore::open(folder.path().join("control.db")).unwrap();
        let metrics = Metrics::default();
        let control = ControlServer::new(Arc::new(store), config, metrics.clone(), &discard());
        Self {
            control,
            metrics,
            folder,
        }
    }

    /// A gateway's connection over a pipe.
    pub(crate) async fn gateway(&self) -> (Channel, Served) {
        let (ours, theirs) = duplex(64 << 10);
        let incoming = stream::iter([io::Result::Ok(ours)]).chain(stream::pending());
        let (stop, stopped) = oneshot::channel();
        let control = self.control.clone();
        let work = async move {
            let stopped = async { stopped.await.unwrap_or_default() };
            control.serve_gateways(incoming, stopped).await
        };
        let end = task::spawn(&discard(), "control", work);
        (connect(theirs).await, Served { stop, end })
    }

    pub(crate) async fn user(&self, username: &str) -> UserView {
        let new = NewUser {
            username: username.to_owned(),
            ..NewUser::default()
        };
        self.control.create_user(new).await.unwrap()
    }

    pub(crate) async fn key(&self, user: &str) -> CreatedKey {
        let new = NewKey {
            user: user.to_owned(),
            ..NewKey::default()
        };
        self.control.create_key(new).await.unwrap()
    }

    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        self.control.rest().oneshot(request).await.unwrap()
    }

    /// An operator's call below `/api/v1`.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Body>,
    ) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(body.into())
            .unwrap();
        read(self.answer(request).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, Body::empty()).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        self.call(method, path, body.to_string()).await
    }
}

pub(crate) async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    if bytes.is_empty() {
        return (status, Value::Null);
    }
    (status, serde_json::from_slice(&bytes).unwrap())
}

async fn connect(pipe: DuplexStream) -> Channel {
    let mut pipe = Some(pipe);
    let connector = tower::service_fn(move |_| {
        let pipe = pipe.take().map(TokioIo::new);
        std::future::ready(pipe.ok_or_else(|| io::Error::other("the pipe is used")))
    });
    let endpoint = Endpoint::from_static("http://control");
    endpoint.connect_with_connector(connector).await.unwrap()
}
