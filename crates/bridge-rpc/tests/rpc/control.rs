//! A control plane for tests: the real contract over real HTTP/2, with answers that a test decides.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bridge_proto::CONTRACT_VERSION;
use bridge_proto::v1::authorizer_service_server::{AuthorizerService, AuthorizerServiceServer};
use bridge_proto::v1::provider_configurator_service_server::{
    ProviderConfiguratorService, ProviderConfiguratorServiceServer,
};
use bridge_proto::v1::recorder_service_server::{RecorderService, RecorderServiceServer};
use bridge_proto::v1::session_service_server::{SessionService, SessionServiceServer};
use bridge_proto::v1::*;
use bridge_rpc::{
    AuthorizerConfig, Channel, ChannelConfig, ControlTarget, Dialer, MemoryIncoming,
    RemoteAuthorizer, memory_pipe,
};
use bridge_telemetry::discard;
use bridge_telemetry::task::{self, Task};
use futures_core::Stream;
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status};

/// Larger than anything a test waits for, so that a hang fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the control plane answers, and what it was asked.
#[derive(Clone)]
pub(crate) struct Control(Arc<Inner>);

struct Inner {
    script: Mutex<Script>,
    /// Answers to `IsAuthorized` and `RecordBatch` leave while this is open.
    is_open: watch::Sender<bool>,
    progress: watch::Sender<u64>,
}

#[derive(Default)]
struct Script {
    refuse_connect: Option<Status>,
    contract_version: Option<String>,
    answers: HashMap<String, Result<IsAuthorizedResponse, Status>>,
    asked: Vec<IsAuthorizedRequest>,
    checked: Vec<Vec<String>>,
    refuse_check: Option<Status>,
    greeted: Vec<(ConnectRequest, Option<String>)>,
    batches: Vec<RecordBatchRequest>,
    rejected: Vec<RejectedRecord>,
    refuse_batch: Option<Status>,
    providers: ProviderSet,
    refuse_revocations: bool,
    revocations: Vec<mpsc::Sender<Result<WatchRevocationsResponse, Status>>>,
    watchers: Vec<mpsc::Sender<Result<WatchProvidersResponse, Status>>>,
}

impl Default for Control {
    fn default() -> Self {
        Self(Arc::new(Inner {
            script: Mutex::default(),
            is_open: watch::channel(true).0,
            progress: watch::channel(0).0,
        }))
    }
}

impl Control {
    fn change<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        let outcome = change(&mut self.0.script.lock());
        self.0.progress.send_modify(|count| *count += 1);
        outcome
    }

    /// Waits until something is so.
    async fn until(&self, what: &str, is_so: impl Fn(&Script) -> bool) {
        let mut progress = self.0.progress.subscribe();
        let waiting = async {
            while !is_so(&self.0.script.lock()) {
                progress.changed().await.unwrap();
            }
        };
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "never: {what}");
    }

    pub(crate) fn refuse_connect(&self, status: Option<Status>) {
        self.change(|script| script.refuse_connect = status);
    }

    pub(crate) fn speak(&self, version: &str) {
        self.change(|script| script.contract_version = Some(version.to_owned()));
    }

    /// Decides the answer for a key, or for a key id.
    pub(crate) fn answer(&self, key: &str, answer: Result<IsAuthorizedResponse, Status>) {
        self.change(|script| script.answers.insert(key.to_owned(), answer));
    }

    pub(crate) fn asked(&self) -> Vec<IsAuthorizedRequest> {
        self.0.script.lock().asked.clone()
    }

    pub(crate) async fn until_asked(&self, times: usize) {
        self.until("asked", |script| script.asked.len() >= times)
            .await;
    }

    /// The ids of each check of kept grants.
    pub(crate) fn checked(&self) -> Vec<Vec<String>> {
        self.0.script.lock().checked.clone()
    }

    pub(crate) async fn until_checked(&self, times: usize) {
        self.until("checked", |script| script.checked.len() >= times)
            .await;
    }

    pub(crate) fn refuse_check(&self, status: Option<Status>) {
        self.change(|script| script.refuse_check = status);
    }

    /// Holds the answers to `IsAuthorized` back until [`Control::open_gate`].
    pub(crate) fn close_gate(&self) {
        self.0.is_open.send_replace(false);
    }

    pub(crate) fn open_gate(&self) {
        self.0.is_open.send_replace(true);
    }

    pub(crate) fn greeted(&self) -> Vec<(ConnectRequest, Option<String>)> {
        self.0.script.lock().greeted.clone()
    }

    pub(crate) async fn until_greeted(&self, times: usize) {
        self.until("greeted", |script| script.greeted.len() >= times)
            .await;
    }

    pub(crate) fn batches(&self) -> Vec<RecordBatchRequest> {
        self.0.script.lock().batches.clone()
    }

    pub(crate) fn reject(&self, rejected: Vec<RejectedRecord>) {
        self.change(|script| script.rejected = rejected);
    }

    pub(crate) fn refuse_batch(&self, status: Option<Status>) {
        self.change(|script| script.refuse_batch = status);
    }

    /// Waits until somebody listens for revocations.
    pub(crate) async fn until_subscribed(&self) {
        self.until("subscribed", |script| !script.revocations.is_empty())
            .await;
    }

    pub(crate) async fn revoke(&self, keys: &[&str], users: &[&str]) {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let message = WatchRevocationsResponse {
            reset: false,
            api_key_ids: names(keys),
            user_ids: names(users),
        };
        let listeners = self.0.script.lock().revocations.clone();
        for listener in listeners {
            listener.send(Ok(message.clone())).await.unwrap();
        }
    }

    /// From now on nobody is told of revocations, or somebody is again.
    pub(crate) fn refuse_revocations(&self, is_so: bool) {
        self.change(|script| script.refuse_revocations = is_so);
    }

    /// Ends the streams of revocations, and of providers, with or without an error.
    pub(crate) async fn break_streams(&self, status: Option<Status>) {
        let (revocations, watchers) = self.change(|script| {
            (
                std::mem::take(&mut script.revocations),
                std::mem::take(&mut script.watchers),
            )
        });
        if let Some(status) = status {
            for listener in revocations {
                let _gone = listener.send(Err(status.clone())).await;
            }
            for watcher in watchers {
                let _gone = watcher.send(Err(status.clone())).await;
            }
        }
    }

    /// Changes the set of providers without telling anybody.
    pub(crate) fn set_providers(&self, providers: ProviderSet) {
        self.change(|script| script.providers = providers);
    }

    pub(crate) async fn until_watched(&self) {
        self.until("watched", |script| !script.watchers.is_empty())
            .await;
    }

    /// Changes the set of providers and tells everybody.
    pub(crate) async fn push_providers(&self, providers: ProviderSet) {
        self.set_providers(providers.clone());
        let watchers = self.0.script.lock().watchers.clone();
        for watcher in watchers {
            let providers = Some(providers.clone());
            let message = WatchProvidersResponse { providers };
            watcher.send(Ok(message)).await.unwrap();
        }
    }

    fn router(&self) -> tonic::transport::server::Router {
        self.router_on(tonic::transport::Server::builder())
    }

    pub(crate) fn router_on(
        &self,
        mut server: tonic::transport::Server,
    ) -> tonic::transport::server::Router {
        const LIMIT: usize = 64 << 20;
        server
            .add_service(SessionServiceServer::new(self.clone()))
            .add_service(AuthorizerServiceServer::new(self.clone()))
            .add_service(RecorderServiceServer::new(self.clone()).max_decoding_message_size(LIMIT))
            .add_service(ProviderConfiguratorServiceServer::new(self.clone()))
    }

    /// Serves until the task is dropped; then open connections are cut.
    pub(crate) fn serve<S, IO>(&self, incoming: S) -> Task<()>
    where
        S: Stream<Item = std::io::Result<IO>> + Send + Unpin + 'static,
        IO: tokio::io::AsyncRead
            + tokio::io::AsyncWrite
            + tonic::transport::server::Connected
            + Unpin
            + Send
            + 'static,
    {
        let router = self.router();
        task::spawn(&discard(), "test control plane", async move {
            router.serve_with_incoming(incoming).await.unwrap();
        })
    }

    /// Serves as a process of its own would: shutting the runtime down kills it at once.
    pub(crate) fn serve_apart(&self, listener: TcpListener) -> Runtime {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let router = self.router();
        let listener = listener.into_std().unwrap();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let incoming = TcpListenerStream::new(listener);
            router.serve_with_incoming(incoming).await.unwrap();
        });
        runtime
    }

    /// Serves a pipe and hands the connections to a wire that can be cut.
    pub(crate) fn serve_pipe(&self) -> (Dialer, Cutter) {
        let (dialer, incoming) = memory_pipe();
        let (cutter, wires) = Cutter::new(incoming);
        let task = self.serve(wires);
        (
            dialer,
            Cutter {
                _server: Some(task),
                ..cutter
            },
        )
    }
}

/// Cuts connections that pass through it.
pub(crate) struct Cutter {
    cut: watch::Sender<u64>,
    _server: Option<Task<()>>,
}

impl Cutter {
    fn new(
        incoming: MemoryIncoming,
    ) -> (
        Self,
        impl Stream<Item = std::io::Result<tokio::io::DuplexStream>> + Send + Unpin,
    ) {
        let cut = watch::channel(0).0;
        let sender = cut.clone();
        let wires = incoming.map(move |accepted| {
            let mut outer = accepted?;
            let (mut inner, served) = tokio::io::duplex(1 << 16);
            let mut cut = sender.subscribe();
            task::spawn(&discard(), "wire", async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut outer, &mut inner) => {}
                    _ = cut.changed() => {}
                }
            })
            // It ends with the connection, or when it is cut.
            .detach();
            Ok(served)
        });
        let cutter = Self { cut, _server: None };
        (cutter, wires)
    }

    /// Cuts every open connection.
    pub(crate) fn cut(&self) {
        self.cut.send_modify(|count| *count += 1);
    }
}

/// Waits for something that must come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it came in time")
}

/// A yes for this key and user.
pub(crate) fn yes(key_id: &str, user: u8) -> IsAuthorizedResponse {
    IsAuthorizedResponse {
        owner_id: user_id(user),
        api_key_id: key_id.to_owned(),
        username: format!("user-{user}"),
        ..IsAuthorizedResponse::default()
    }
}

pub(crate) fn user_id(user: u8) -> String {
    bridge_auth::ActorId::from_bytes([user; 16]).to_string()
}

/// A channel to this control plane over memory.
pub(crate) fn connect(dialer: Dialer) -> Channel {
    connect_with(dialer, ChannelConfig::default())
}

pub(crate) fn connect_with(dialer: Dialer, config: ChannelConfig) -> Channel {
    Channel::connect(ControlTarget::Memory(dialer), config, &discard()).unwrap()
}

/// A control plane, an authorizer that has subscribed to it, and what keeps them alive.
pub(crate) async fn authorizer(config: AuthorizerConfig) -> (Control, RemoteAuthorizer, Cutter) {
    let control = Control::default();
    let (dialer, cutter) = control.serve_pipe();
    let channel = connect(dialer);
    let authorizer = RemoteAuthorizer::start(&channel, config).unwrap();
    if config.lease.is_some() {
        control.until_subscribed().await;
        settle().await;
    }
    (control, authorizer, cutter)
}

/// Lets everything that can run without time passing run. Only for paused time over memory.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

fn bearer<T>(request: &Request<T>) -> Option<String> {
    let value = request.metadata().get("authorization")?;
    Some(value.to_str().unwrap().to_owned())
}

#[tonic::async_trait]
impl SessionService for Control {
    async fn connect(
        &self,
        request: Request<ConnectRequest>,
    ) -> Result<Response<ConnectResponse>, Status> {
        let bearer = bearer(&request);
        self.change(|script| {
            script.greeted.push((request.into_inner(), bearer));
            if let Some(status) = &script.refuse_connect {
                return Err(status.clone());
            }
            let version = script.contract_version.as_deref();
            Ok(Response::new(ConnectResponse {
                contract_version: version.unwrap_or(CONTRACT_VERSION).to_owned(),
                build_version: "test".to_owned(),
            }))
        })
    }
}

type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AuthorizerService for Control {
    async fn is_authorized(
        &self,
        request: Request<IsAuthorizedRequest>,
    ) -> Result<Response<IsAuthorizedResponse>, Status> {
        let request = request.into_inner();
        let answer = self.change(|script| {
            let name = if request.key.is_empty() {
                &request.key_id
            } else {
                &request.key
            };
            let answer = script.answers.get(name).cloned();
            script.asked.push(request.clone());
            answer.unwrap_or_else(|| Err(Status::unauthenticated("unknown key")))
        });
        let mut is_open = self.0.is_open.subscribe();
        is_open.wait_for(|is_open| *is_open).await.unwrap();
        answer.map(Response::new)
    }

    /// A key is good when some question about it would be answered so.
    async fn check_keys(
        &self,
        request: Request<CheckKeysRequest>,
    ) -> Result<Response<CheckKeysResponse>, Status> {
        let asked = request.into_inner().api_key_ids;
        let answer = self.change(|script| {
            script.checked.push(asked.clone());
            if let Some(status) = &script.refuse_check {
                return Err(status.clone());
            }
            let answers = script.answers.values();
            let good: HashSet<_> = answers
                .filter_map(|answer| Some(answer.as_ref().ok()?.api_key_id.clone()))
                .collect();
            let refused = asked.into_iter().filter(|id| !good.contains(id));
            Ok(CheckKeysResponse {
                refused_api_key_ids: refused.collect(),
            })
        });
        let mut is_open = self.0.is_open.subscribe();
        is_open.wait_for(|is_open| *is_open).await.unwrap();
        answer.map(Response::new)
    }

    type WatchRevocationsStream = Messages<WatchRevocationsResponse>;

    async fn watch_revocations(
        &self,
        _: Request<WatchRevocationsRequest>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        if self.0.script.lock().refuse_revocations {
            return Err(Status::unavailable("not now"));
        }
        let (sender, receiver) = mpsc::channel(16);
        let reset = WatchRevocationsResponse {
            reset: true,
            ..WatchRevocationsResponse::default()
        };
        sender.send(Ok(reset)).await.unwrap();
        self.change(|script| script.revocations.push(sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

#[tonic::async_trait]
impl RecorderService for Control {
    async fn record_batch(
        &self,
        request: Request<RecordBatchRequest>,
    ) -> Result<Response<RecordBatchResponse>, Status> {
        let mut is_open = self.0.is_open.subscribe();
        is_open.wait_for(|is_open| *is_open).await.unwrap();
        self.change(|script| {
            if let Some(status) = &script.refuse_batch {
                return Err(status.clone());
            }
            script.batches.push(request.into_inner());
            let rejected = script.rejected.clone();
            Ok(Response::new(RecordBatchResponse { rejected }))
        })
    }
}

#[tonic::async_trait]
impl ProviderConfiguratorService for Control {
    async fn get_providers(
        &self,
        _: Request<GetProvidersRequest>,
    ) -> Result<Response<GetProvidersResponse>, Status> {
        let providers = Some(self.0.script.lock().providers.clone());
        Ok(Response::new(GetProvidersResponse { providers }))
    }

    type WatchProvidersStream = Messages<WatchProvidersResponse>;

    async fn watch_providers(
        &self,
        request: Request<WatchProvidersRequest>,
    ) -> Result<Response<Self::WatchProvidersStream>, Status> {
        if !request.into_inner().takes_every_type {
            return Err(Status::invalid_argument("some types would be left out"));
        }
        let (sender, receiver) = mpsc::channel(16);
        let providers = Some(self.0.script.lock().providers.clone());
        let first = WatchProvidersResponse { providers };
        sender.send(Ok(first)).await.unwrap();
        self.change(|script| script.watchers.push(sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}
