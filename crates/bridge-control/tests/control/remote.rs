//! Gateways on other machines: real sockets on this one.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bridge_control::ListenConfig;
use bridge_control::api::{CreatedGatewayKey, NewGatewayKey};
use bridge_proto::CONTRACT_VERSION;
use bridge_proto::v1::authorizer_service_client::AuthorizerServiceClient;
use bridge_proto::v1::provider_configurator_service_client::ProviderConfiguratorServiceClient;
use bridge_proto::v1::session_service_client::SessionServiceClient;
use bridge_proto::v1::{ConnectRequest, ConnectResponse, WatchProvidersResponse};
use bridge_telemetry::{discard, task};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

use crate::stage::{Served, Stage};

/// Larger than anything a test waits for, so that a hang fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.expect("it never came")
}

impl Stage {
    /// Serves gateways on a socket.
    pub(crate) async fn listen(&self, config: ListenConfig) -> (SocketAddr, Served) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let control = self.control.clone();
        let work = async move {
            let stopped = async { stopped.await.unwrap_or_default() };
            control.listen(listener, config, stopped).await
        };
        let end = task::spawn(&discard(), "control", work);
        (address, Served { stop, end })
    }

    pub(crate) async fn gateway_key(&self, name: &str) -> CreatedGatewayKey {
        let name = name.to_owned();
        let made = self.control.create_gateway_key(NewGatewayKey { name });
        made.await.unwrap()
    }
}

/// One connection, on which every call carries these headers.
#[derive(Clone)]
pub(crate) struct Gateway(InterceptedService<Channel, Bearers>);

#[derive(Clone)]
pub(crate) struct Bearers(Vec<String>);

impl tonic::service::Interceptor for Bearers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for value in &self.0 {
            let value = value.parse().unwrap();
            request.metadata_mut().append("authorization", value);
        }
        Ok(request)
    }
}

impl Gateway {
    pub(crate) async fn dial(address: SocketAddr, headers: &[&str]) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self::dial_endpoint(endpoint, headers).await
    }

    pub(crate) async fn dial_endpoint(endpoint: Endpoint, headers: &[&str]) -> Self {
        let channel = soon(endpoint.connect()).await.unwrap();
        Self::on(channel, headers)
    }

    /// More calls on a connection that there is, with other headers.
    pub(crate) fn on(channel: Channel, headers: &[&str]) -> Self {
        let headers = headers.iter().map(|&header| header.to_owned()).collect();
        Self(InterceptedService::new(channel, Bearers(headers)))
    }

    pub(crate) async fn with_key(address: SocketAddr, key: &CreatedGatewayKey) -> Self {
        Self::dial(address, &[&bearer(key)]).await
    }

    /// Dials and greets, again and again: where strangers have little time, a busy machine may be
    /// too slow for the first attempt.
    pub(crate) async fn greeted(address: SocketAddr, key: &CreatedGatewayKey) -> Self {
        soon(async {
            loop {
                let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
                if let Ok(channel) = endpoint.connect().await {
                    let gateway = Self::on(channel, &[&bearer(key)]);
                    if gateway.greet().await.is_ok() {
                        return gateway;
                    }
                }
            }
        })
        .await
    }

    pub(crate) async fn greet(&self) -> Result<ConnectResponse, Status> {
        self.greet_with(CONTRACT_VERSION).await
    }

    pub(crate) async fn greet_with(&self, version: &str) -> Result<ConnectResponse, Status> {
        let request = ConnectRequest {
            contract_version: version.to_owned(),
            gateway_name: "north".to_owned(),
            ..ConnectRequest::default()
        };
        let mut client = SessionServiceClient::new(self.0.clone());
        soon(client.connect(request))
            .await
            .map(Response::into_inner)
    }

    pub(crate) fn authorizer(
        &self,
    ) -> AuthorizerServiceClient<InterceptedService<Channel, Bearers>> {
        AuthorizerServiceClient::new(self.0.clone())
    }

    /// A stream of providers, of which the first set has come.
    pub(crate) async fn watch(&self) -> Streaming<WatchProvidersResponse> {
        let mut client = ProviderConfiguratorServiceClient::new(self.0.clone());
        let request = bridge_proto::v1::WatchProvidersRequest {
            takes_every_type: true,
        };
        let mut stream = soon(client.watch_providers(request))
            .await
            .unwrap()
            .into_inner();
        soon(stream.message()).await.unwrap().unwrap();
        stream
    }
}

pub(crate) fn bearer(key: &CreatedGatewayKey) -> String {
    format!("Bearer {}", key.secret.expose())
}

/// Waits until a metric without labels has such a value.
pub(crate) async fn until_metric(stage: &Stage, name: &str, is_so: impl Fn(u64) -> bool) {
    let read = || {
        let exposed = stage.metrics.expose();
        let mut lines = exposed.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap().parse().unwrap()
    };
    soon(async {
        while !is_so(read()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Waits until so many connections of gateways are open.
pub(crate) async fn until_connected(stage: &Stage, wanted: u64) {
    until_metric(stage, "bridge_gateways_connected", |count| count == wanted).await;
}
