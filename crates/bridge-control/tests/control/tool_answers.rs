//! Tool servers and tokens as gateways learn of them.

use bridge_control::api::{
    NewUserToken, SecretText, ToolCredentialKind, ToolServerPatch, UserPatch, UserStatus, UserView,
};
use bridge_proto::v1::tool_configurator_service_client::ToolConfiguratorServiceClient;
use bridge_proto::v1::tool_credential::Kind;
use bridge_proto::v1::{
    GetToolServersRequest, GetToolServersResponse, RefusedToken, ToolServerProblemKind, UserToken,
    WatchToolServersRequest, WatchToolServersResponse,
};
use jiff::Timestamp;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::stage::Stage;
use crate::tools::server;

type Client = ToolConfiguratorServiceClient<Channel>;

pub(crate) async fn ask(
    client: &mut Client,
    user: &UserView,
    api_key_id: &str,
    refused: Vec<RefusedToken>,
) -> Result<GetToolServersResponse, Status> {
    let request = GetToolServersRequest {
        user_id: user.id.to_string(),
        api_key_id: api_key_id.to_owned(),
        refused_tokens: refused,
    };
    client
        .get_tool_servers(request)
        .await
        .map(tonic::Response::into_inner)
}

pub(crate) fn token(text: &str) -> NewUserToken {
    NewUserToken {
        token: Some(SecretText::new(text.to_owned())),
        ..NewUserToken::default()
    }
}

fn kind<'a>(answer: &'a GetToolServersResponse, name: &str) -> &'a Kind {
    let server = answer.servers.iter().find(|server| server.name == name);
    server
        .unwrap()
        .credential
        .as_ref()
        .unwrap()
        .kind
        .as_ref()
        .unwrap()
}

pub(crate) fn user_token<'a>(answer: &'a GetToolServersResponse, name: &str) -> &'a UserToken {
    let Kind::User(token) = kind(answer, name) else {
        panic!("{answer:?}");
    };
    token
}

pub(crate) fn problem(
    answer: &GetToolServersResponse,
    name: &str,
) -> (ToolServerProblemKind, String) {
    let Kind::Problem(problem) = kind(answer, name) else {
        panic!("{answer:?}");
    };
    (problem.kind(), problem.message.clone())
}

/// What is sent back when a server did not take it.
pub(crate) fn refused(answer: &GetToolServersResponse, name: &str) -> RefusedToken {
    let server = answer.servers.iter().find(|server| server.name == name);
    RefusedToken {
        server_id: server.unwrap().id.clone(),
        revision: user_token(answer, name).revision,
    }
}

#[tokio::test]
async fn servers_and_the_users_own_tokens_come_in_one_answer() {
    let stage = Stage::new();
    let (channel, served) = stage.gateway().await;
    let mut client = Client::new(channel);
    let (ada, bob) = (stage.user("ada").await, stage.user("bob").await);
    let key = stage.key("ada").await.key.id;
    let none = ask(&mut client, &ada, &key, Vec::new()).await.unwrap();
    assert!(none.servers.is_empty());

    let mut fixed = server("fixed", ToolCredentialKind::Token);
    fixed.token = Some(SecretText::new("fixed-token".to_owned()));
    fixed.allow = vec!["^read_".to_owned()];
    fixed.deny = vec!["secret".to_owned()];
    let value = SecretText::new("tenant".to_owned());
    fixed.headers.insert("X-Tenant".to_owned(), value);
    let mut off = server("off", ToolCredentialKind::None);
    off.enabled = false;
    for new in [
        fixed,
        off,
        server("open", ToolCredentialKind::None),
        server("callers", ToolCredentialKind::Caller),
        server("users", ToolCredentialKind::User),
    ] {
        stage.control.create_tool_server(new).await.unwrap();
    }
    let set = stage
        .control
        .set_user_token("users", "ada", token("of-ada"))
        .await;
    set.unwrap();
    let answer = ask(&mut client, &ada, &key, Vec::new()).await.unwrap();
    assert!(answer.generation > none.generation);
    let names: Vec<_> = answer.servers.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["callers", "fixed", "open", "users"]);
    let fixed = &answer.servers[1];
    assert_eq!(fixed.url, "https://fixed.example/mcp");
    assert_eq!(
        (&fixed.allow[..], &fixed.deny[..]),
        (&["^read_".to_owned()][..], &["secret".to_owned()][..])
    );
    assert_eq!(
        (
            fixed.headers[0].name.as_str(),
            fixed.headers[0].value.as_str()
        ),
        ("x-tenant", "tenant")
    );
    assert!(matches!(kind(&answer, "fixed"), Kind::Token(fixed) if fixed.token == "fixed-token"));
    assert!(matches!(kind(&answer, "open"), Kind::None(_)));
    assert!(matches!(kind(&answer, "callers"), Kind::Caller(_)));
    assert_eq!(user_token(&answer, "users").token, "of-ada");

    let of_bob = ask(&mut client, &bob, "", Vec::new()).await.unwrap();
    let (kind, message) = problem(&of_bob, "users");
    assert_eq!(kind, ToolServerProblemKind::NoToken);
    assert!(
        message.contains("bridged tool-server token set users"),
        "{message}"
    );
    served.stop().await;
}

#[tokio::test]
async fn who_is_not_good_any_more_gets_no_tokens() {
    let stage = Stage::new();
    let (channel, served) = stage.gateway().await;
    let mut client = Client::new(channel);
    let (ada, bob) = (stage.user("ada").await, stage.user("bob").await);
    let key = stage.key("ada").await.key.id;
    let code = async |client: &mut Client, user: &UserView, key: &str| {
        let answer = ask(client, user, key, Vec::new()).await;
        answer
            .map(drop)
            .map_err(|status| (status.code(), status.message().to_owned()))
    };
    let refused = |code, text: &str| Err((code, text.to_owned()));
    assert_eq!(code(&mut client, &ada, &key).await, Ok(()));
    assert_eq!(
        code(&mut client, &bob, &key).await,
        refused(Code::PermissionDenied, "not allowed")
    );
    assert_eq!(
        code(&mut client, &ada, "none").await,
        refused(Code::Unauthenticated, "unknown key")
    );
    let nobody = UserView {
        id: uuid::Uuid::nil(),
        ..bob
    };
    assert_eq!(
        code(&mut client, &nobody, "").await,
        refused(Code::Unauthenticated, "unknown user")
    );
    let suspended = UserPatch {
        status: Some(UserStatus::Suspended),
        ..UserPatch::default()
    };
    stage.control.change_user("ada", suspended).await.unwrap();
    for key in [key.as_str(), ""] {
        assert_eq!(
            code(&mut client, &ada, key).await,
            refused(Code::PermissionDenied, "inactive user")
        );
    }
    let garbled = GetToolServersRequest {
        user_id: "nobody".to_owned(),
        ..GetToolServersRequest::default()
    };
    let status = client.get_tool_servers(garbled).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    served.stop().await;
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_ends() {
    let stage = Stage::new();
    let (channel, served) = stage.gateway().await;
    let mut client = Client::new(channel);
    let ada = stage.user("ada").await;
    let users = server("wiki", ToolCredentialKind::User);
    stage.control.create_tool_server(users).await.unwrap();
    let past = NewUserToken {
        expires_at: Some(Timestamp::from_second(1).unwrap()),
        ..token("old")
    };
    stage
        .control
        .set_user_token("wiki", "ada", past)
        .await
        .unwrap();
    let spent = (
        ToolServerProblemKind::Expired,
        "expired or refused: set a new token".to_owned(),
    );
    let answer = ask(&mut client, &ada, "", Vec::new()).await.unwrap();
    assert_eq!(problem(&answer, "wiki"), spent);

    stage
        .control
        .set_user_token("wiki", "ada", token("one"))
        .await
        .unwrap();
    let answer = ask(&mut client, &ada, "", Vec::new()).await.unwrap();
    let named = refused(&answer, "wiki");
    let again = ask(&mut client, &ada, "", vec![named.clone()])
        .await
        .unwrap();
    assert_eq!(problem(&again, "wiki"), spent);
    let (_, listed) = stage.get("/tool-tokens").await;
    assert_eq!(listed["items"][0]["state"], "refused");
    // It is another one by now: nobody has refused that.
    stage
        .control
        .set_user_token("wiki", "ada", token("two"))
        .await
        .unwrap();
    let answer = ask(&mut client, &ada, "", vec![named]).await.unwrap();
    assert_eq!(user_token(&answer, "wiki").token, "two");
    served.stop().await;
}

async fn next(watch: &mut Streaming<WatchToolServersResponse>) -> WatchToolServersResponse {
    watch.message().await.unwrap().unwrap()
}

#[tokio::test]
async fn changes_are_told_at_once() {
    let stage = Stage::new();
    let (channel, served) = stage.gateway().await;
    let mut client = Client::new(channel);
    let ada = stage.user("ada").await;
    let watch = client.watch_tool_servers(WatchToolServersRequest {}).await;
    let mut watch = watch.unwrap().into_inner();
    let first = next(&mut watch).await;
    assert!(first.reset && !first.has_servers);
    let users = server("wiki", ToolCredentialKind::User);
    stage.control.create_tool_server(users).await.unwrap();
    let made = next(&mut watch).await;
    assert!(made.generation > first.generation && made.has_servers && !made.reset);
    assert!(made.user_ids.is_empty());
    stage
        .control
        .set_user_token("wiki", "ada", token("one"))
        .await
        .unwrap();
    let set = next(&mut watch).await;
    assert_eq!(
        (set.generation, set.user_ids),
        (made.generation, vec![ada.id.to_string()])
    );
    stage
        .control
        .delete_user_token("wiki", "ada")
        .await
        .unwrap();
    assert_eq!(next(&mut watch).await.user_ids, [ada.id.to_string()]);
    let off = ToolServerPatch {
        enabled: Some(false),
        ..ToolServerPatch::default()
    };
    stage
        .control
        .change_tool_server("wiki", off.clone())
        .await
        .unwrap();
    let changed = next(&mut watch).await;
    assert!(changed.generation > made.generation && !changed.has_servers);
    // What changes nothing is not told: the next word is of the user.
    stage.control.change_tool_server("wiki", off).await.unwrap();
    stage.control.delete_user("ada").await.unwrap();
    let gone = next(&mut watch).await;
    assert_eq!(
        (gone.generation, gone.user_ids),
        (changed.generation, vec![ada.id.to_string()])
    );
    stage.control.delete_tool_server("wiki").await.unwrap();
    assert!(next(&mut watch).await.generation > changed.generation);
    served.stop().await;
    assert!(watch.message().await.unwrap().is_none());
}
