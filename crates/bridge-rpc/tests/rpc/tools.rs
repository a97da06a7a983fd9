//! Tool servers, users' tokens, and notice of their changes.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bridge_auth::{ActorId, RefusalReason, Secret};
use bridge_proto::v1::tool_configurator_service_server::{
    ToolConfiguratorService, ToolConfiguratorServiceServer,
};
use bridge_proto::v1::tool_credential::Kind;
use bridge_proto::v1::{self, *};
use bridge_rpc::{
    Channel, MannersSettings, RemoteToolServers, TokenChange, ToolServerProblemKind, ToolServerSet,
    ToolServerWatch, ToolServersError, memory_pipe,
};
use bridge_telemetry::discard;
use bridge_telemetry::task::{self, Task};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::control::{Control, connect, settle, soon, user_id};

/// The part of a control plane that knows tool servers.
#[derive(Clone, Default)]
struct Tools(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answer: Option<Result<GetToolServersResponse, Status>>,
    asked: Vec<GetToolServersRequest>,
    first: WatchToolServersResponse,
    watchers: Vec<mpsc::Sender<Result<WatchToolServersResponse, Status>>>,
}

#[tonic::async_trait]
impl ToolConfiguratorService for Tools {
    async fn get_tool_servers(
        &self,
        request: Request<GetToolServersRequest>,
    ) -> Result<Response<GetToolServersResponse>, Status> {
        let mut script = self.0.lock();
        script.asked.push(request.into_inner());
        script.answer.clone().unwrap().map(Response::new)
    }

    type WatchToolServersStream = ReceiverStream<Result<WatchToolServersResponse, Status>>;

    async fn watch_tool_servers(
        &self,
        _: Request<WatchToolServersRequest>,
    ) -> Result<Response<Self::WatchToolServersStream>, Status> {
        let (sender, receiver) = mpsc::channel(16);
        let first = self.0.lock().first.clone();
        sender.send(Ok(first)).await.unwrap();
        self.0.lock().watchers.push(sender);
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

impl Tools {
    fn serve(&self) -> (Channel, Task<()>) {
        let (dialer, incoming) = memory_pipe();
        let router = Control::default().router_on(tonic::transport::Server::builder());
        let router = router.add_service(ToolConfiguratorServiceServer::new(self.clone()));
        let server = task::spawn(&discard(), "test control plane", async move {
            router.serve_with_incoming(incoming).await.unwrap();
        });
        (connect(dialer), server)
    }

    fn answer(&self, answer: Result<GetToolServersResponse, Status>) {
        self.0.lock().answer = Some(answer);
    }

    async fn tell(&self, message: WatchToolServersResponse) {
        let watchers = self.0.lock().watchers.clone();
        for watcher in watchers {
            watcher.send(Ok(message.clone())).await.unwrap();
        }
    }
}

fn actor(user: u8) -> ActorId {
    ActorId::from_bytes([user; 16])
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn server(name: &str, kind: Option<Kind>) -> ToolServer {
    ToolServer {
        id: format!("id-of-{name}"),
        name: name.to_owned(),
        url: format!("https://{name}.example/mcp"),
        credential: Some(ToolCredential { kind }),
        ..ToolServer::default()
    }
}

fn problem(kind: v1::ToolServerProblemKind) -> Option<Kind> {
    Some(Kind::Problem(ToolServerProblem {
        kind: kind.into(),
        message: "what to do".to_owned(),
    }))
}

#[tokio::test(start_paused = true)]
async fn servers_and_tokens_arrive_as_plain_data() {
    let tools = Tools::default();
    let (channel, _server) = tools.serve();
    let full = ToolServer {
        allow: vec!["^read_".to_owned()],
        deny: vec!["secret".to_owned()],
        headers: vec![ToolServerHeader {
            name: "x-tenant".to_owned(),
            value: "one".to_owned(),
        }],
        manners: Some(Manners {
            connect_timeout_ms: Some(5),
            ..Manners::default()
        }),
        ..server("full", Some(Kind::None(NoToken {})))
    };
    let fixed = FixedToken {
        token: "fixed".to_owned(),
    };
    let user = UserToken {
        token: "users".to_owned(),
        revision: 7,
        expires_at: Some(prost_types::Timestamp {
            seconds: 60,
            nanos: 0,
        }),
    };
    tools.answer(Ok(GetToolServersResponse {
        generation: 3,
        servers: vec![
            full,
            server("fixed", Some(Kind::Token(fixed))),
            server("callers", Some(Kind::Caller(CallersKey {}))),
            server("users", Some(Kind::User(user))),
            server("later", None),
        ],
    }));
    let refused = [bridge_rpc::RefusedToken {
        server_id: "id-of-users".to_owned(),
        revision: 6,
    }];
    let asked = RemoteToolServers::new(&channel);
    let answer = soon(asked.ask(actor(1), "key-one", &refused))
        .await
        .unwrap();
    assert_eq!(answer.generation, 3);
    let [full, fixed, callers, users, later] = answer.servers.as_slice() else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (full.name.as_str(), full.id.as_str()),
        ("full", "id-of-full")
    );
    assert_eq!(full.url, "https://full.example/mcp");
    assert_eq!(
        (full.allow.as_slice(), full.deny.as_slice()),
        (&["^read_".to_owned()][..], &["secret".to_owned()][..])
    );
    assert_eq!(full.headers, [("x-tenant".to_owned(), secret("one"))]);
    assert_eq!(full.manners.connect_timeout, Some(Duration::from_millis(5)));
    assert_eq!(full.credential, Ok(bridge_rpc::ToolCredential::None));
    assert_eq!(fixed.manners, MannersSettings::default());
    assert_eq!(
        fixed.credential,
        Ok(bridge_rpc::ToolCredential::Token(secret("fixed")))
    );
    assert_eq!(
        callers.credential,
        Ok(bridge_rpc::ToolCredential::CallersKey)
    );
    let token = bridge_rpc::UserToken {
        token: secret("users"),
        revision: 7,
        expires_at: Some(UNIX_EPOCH + Duration::from_secs(60)),
    };
    assert_eq!(
        users.credential,
        Ok(bridge_rpc::ToolCredential::User(token))
    );
    let kind = later.credential.as_ref().map_err(|problem| problem.kind);
    assert_eq!(kind, Err(ToolServerProblemKind::Unknown));

    let request = tools.0.lock().asked.pop().unwrap();
    assert_eq!(
        (request.user_id, request.api_key_id),
        (user_id(1), "key-one".to_owned())
    );
    let [named] = request.refused_tokens.as_slice() else {
        panic!("{:?}", request.refused_tokens);
    };
    assert_eq!(
        (named.server_id.as_str(), named.revision),
        ("id-of-users", 6)
    );
}

#[tokio::test(start_paused = true)]
async fn problems_are_told_apart() {
    use v1::ToolServerProblemKind as Wire;
    let tools = Tools::default();
    let (channel, _server) = tools.serve();
    for (wire, word) in [
        (Wire::NoToken, "no_token"),
        (Wire::Expired, "expired"),
        (Wire::NotRefreshed, "not_refreshed"),
        (Wire::Unreadable, "unreadable"),
        (Wire::Unspecified, "unknown"),
    ] {
        tools.answer(Ok(GetToolServersResponse {
            generation: 1,
            servers: vec![server("wiki", problem(wire))],
        }));
        let asked = RemoteToolServers::new(&channel);
        let answer = soon(asked.ask(actor(1), "key", &[])).await.unwrap();
        let told = answer.servers[0].credential.clone().unwrap_err();
        assert_eq!(
            (told.kind.as_str(), told.message.as_str()),
            (word, "what to do")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_are_told_from_silence() {
    let tools = Tools::default();
    let (channel, _server) = tools.serve();
    let asked = RemoteToolServers::new(&channel);
    tools.answer(Err(Status::permission_denied("inactive user")));
    let cause = soon(asked.ask(actor(1), "key", &[])).await.unwrap_err();
    assert!(
        matches!(
            cause,
            ToolServersError::Refused(RefusalReason::InactiveUser)
        ),
        "{cause:?}"
    );
    tools.answer(Err(Status::unavailable("store unavailable")));
    let cause = soon(asked.ask(actor(1), "key", &[])).await.unwrap_err();
    assert!(
        matches!(cause, ToolServersError::Unavailable(_)),
        "{cause:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_of_an_earlier_version_has_no_tool_servers() {
    let control = Control::default();
    control.speak("1.2");
    let (dialer, cutter) = control.serve_pipe();
    let channel = connect(dialer);
    let watch = ToolServerWatch::start(&channel);
    let asked = RemoteToolServers::new(&channel);
    for times in 1..=2 {
        control.until_greeted(times).await;
        let answer = soon(asked.ask(actor(1), "key", &[])).await.unwrap();
        assert_eq!(answer, bridge_rpc::ToolServers::default());
        settle().await;
        assert_eq!(watch.current(), None);
        cutter.cut();
    }
}

#[tokio::test(start_paused = true)]
async fn changes_are_told() {
    let tools = Tools::default();
    tools.0.lock().first = WatchToolServersResponse {
        generation: 4,
        has_servers: false,
        reset: true,
        user_ids: Vec::new(),
    };
    let (channel, _server) = tools.serve();
    let mut watch = ToolServerWatch::start(&channel);
    let mut changes = watch.token_changes();
    let set = |generation, has_servers| ToolServerSet {
        generation,
        has_servers,
    };
    assert_eq!(watch.current(), None);
    assert_eq!(soon(watch.changed()).await, Some(set(4, false)));
    assert_eq!(soon(changes.next()).await, Some(TokenChange::OfAnybody));

    let message = |generation, has_servers, users: &[u8]| WatchToolServersResponse {
        generation,
        has_servers,
        reset: false,
        user_ids: users.iter().map(|&user| user_id(user)).collect(),
    };
    tools.tell(message(5, true, &[])).await;
    assert_eq!(soon(watch.changed()).await, Some(set(5, true)));
    tools.tell(message(5, true, &[1, 2])).await;
    for user in [1, 2] {
        let change = soon(changes.next()).await;
        assert_eq!(change, Some(TokenChange::Of(actor(user))));
    }
    let unreadable = WatchToolServersResponse {
        user_ids: vec!["nobody".to_owned()],
        ..message(6, true, &[])
    };
    tools.tell(unreadable).await;
    assert_eq!(soon(changes.next()).await, Some(TokenChange::OfAnybody));
    // Tokens alone are no change of the set.
    assert_eq!(soon(watch.changed()).await, Some(set(6, true)));
}

#[tokio::test(start_paused = true)]
async fn who_is_far_behind_is_told_once_that_all_may_have_changed() {
    let tools = Tools::default();
    let (channel, _server) = tools.serve();
    let mut watch = ToolServerWatch::start(&channel);
    soon(watch.changed()).await.unwrap();
    let mut changes = watch.token_changes();
    let mut prompt = watch.token_changes();
    for _ in 0..3 {
        let message = WatchToolServersResponse {
            user_ids: (0..=255).cycle().take(1_000).map(user_id).collect(),
            ..WatchToolServersResponse::default()
        };
        tools.tell(message).await;
        for _ in 0..1_000 {
            assert!(matches!(
                soon(prompt.next()).await,
                Some(TokenChange::Of(_))
            ));
        }
    }
    assert_eq!(soon(changes.next()).await, Some(TokenChange::OfAnybody));
    let message = WatchToolServersResponse {
        user_ids: vec![user_id(9)],
        ..WatchToolServersResponse::default()
    };
    tools.tell(message).await;
    let change = soon(changes.next()).await;
    assert_eq!(change, Some(TokenChange::Of(actor(9))));
    drop(watch);
    assert_eq!(soon(changes.next()).await, None);
}
