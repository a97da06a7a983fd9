//! Versions, keys, revocations.

use std::future::Future as _;
use std::task::{Context, Waker};

use bridge_control::api::{NewKey, UserPatch, UserStatus};
use bridge_proto::v1::authorizer_service_client::AuthorizerServiceClient;
use bridge_proto::v1::session_service_client::SessionServiceClient;
use bridge_proto::v1::{
    CheckKeysRequest, ConnectRequest, IsAuthorizedRequest, WatchRevocationsRequest,
    WatchRevocationsResponse,
};
use tonic::{Code, Streaming};
use uuid::Uuid;

use crate::stage::Stage;

#[tokio::test]
async fn versions_are_compared_at_connect() {
    let stage = Stage::new();
    let (channel, _served) = stage.gateway().await;
    let mut session = SessionServiceClient::new(channel);
    let mut connect = async |version: &str| {
        let request = ConnectRequest {
            contract_version: version.to_owned(),
            build_version: "1.2.3".to_owned(),
            gateway_name: "test".to_owned(),
        };
        session.connect(request).await
    };
    for version in ["1.0", "1.1"] {
        let answer = connect(version).await.unwrap().into_inner();
        assert_eq!(answer.contract_version, bridge_proto::CONTRACT_VERSION);
    }
    for version in ["1.4", "2.0", "0.9", "", "one"] {
        let status = connect(version).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition, "{version}");
        let text = status.message();
        assert!(
            text.starts_with("Incompatible or unparsable version"),
            "{text}"
        );
    }
}

fn by_key(key: &str) -> IsAuthorizedRequest {
    IsAuthorizedRequest {
        key: key.to_owned(),
        ..IsAuthorizedRequest::default()
    }
}

fn by_id(id: &str) -> IsAuthorizedRequest {
    IsAuthorizedRequest {
        key_id: id.to_owned(),
        ..IsAuthorizedRequest::default()
    }
}

#[tokio::test]
async fn owners_are_found_or_refused() {
    let stage = Stage::new();
    let ada = stage.user("ada").await;
    let workspace = Uuid::from_u128(5);
    let new = NewKey {
        user: "ada".to_owned(),
        lifetime_seconds: Some(3_600),
        workspace_id: Some(workspace),
        ..NewKey::default()
    };
    let key = stage.control.create_key(new).await.unwrap();
    let (whole, id) = (key.secret.expose(), key.key.id.as_str());
    let other = stage.key("ada").await;
    let mixed = format!("{id}-{}", other.secret.expose().split_once('-').unwrap().1);
    let (channel, _served) = stage.gateway().await;
    let mut client = AuthorizerServiceClient::new(channel);

    for request in [by_key(whole), by_id(id)] {
        let answer = client.is_authorized(request).await.unwrap().into_inner();
        assert_eq!(answer.owner_id, ada.id.to_string());
        assert_eq!(answer.api_key_id, id);
        assert_eq!(answer.username, "ada");
        assert_eq!(answer.workspace_id, workspace.to_string());
        let expires = answer.expires_at.map(|at| at.seconds);
        assert_eq!(expires, key.key.expires_at.map(|at| at.as_second()));
    }
    // The use is noted behind the answer; whatever is written next is written after it.
    stage.user("bob").await;
    assert!(stage.control.key(id).await.unwrap().last_used_at.is_some());
    let model = IsAuthorizedRequest {
        provider_name: "main".to_owned(),
        model: "model-one".to_owned(),
        ..by_key(whole)
    };
    client.is_authorized(model.clone()).await.unwrap();

    let mut check = async |request: IsAuthorizedRequest, code: Code, text: &str| {
        let status = client.is_authorized(request).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, text));
    };
    let unknown = format!("{}-{}", "a".repeat(10), "b".repeat(22));
    check(by_key(""), Code::Unauthenticated, "invalid key").await;
    check(by_key("foo"), Code::Unauthenticated, "invalid key").await;
    check(
        by_key(&"é-".repeat(500)),
        Code::Unauthenticated,
        "invalid key",
    )
    .await;
    check(by_key(&mixed), Code::Unauthenticated, "invalid key").await;
    check(by_key(&unknown), Code::Unauthenticated, "unknown key").await;
    check(
        by_id("'; DROP TABLE keys"),
        Code::Unauthenticated,
        "unknown key",
    )
    .await;
    let both = IsAuthorizedRequest {
        key_id: id.to_owned(),
        ..by_key(whole)
    };
    let text = "both key and key_id set; exactly one required";
    check(both, Code::Unauthenticated, text).await;
    let half = IsAuthorizedRequest {
        model: String::new(),
        ..model
    };
    let text = "provider_name and model go together";
    check(half, Code::InvalidArgument, text).await;

    for status in [UserStatus::Suspended, UserStatus::Dormant] {
        patch(&stage, "ada", status).await;
        check(by_key(whole), Code::PermissionDenied, "inactive user").await;
    }
    patch(&stage, "ada", UserStatus::Active).await;
    stage.control.delete_user("ada").await.unwrap();
    check(by_key(whole), Code::PermissionDenied, "deleted user").await;
    check(by_id(id), Code::PermissionDenied, "deleted user").await;
    stage.control.delete_key(id).await.unwrap();
    check(by_key(whole), Code::Unauthenticated, "unknown key").await;
}

#[tokio::test]
async fn many_keys_are_checked_at_once() {
    let stage = Stage::new();
    for name in ["ada", "bob", "cy"] {
        stage.user(name).await;
    }
    let id = async |owner: &str| stage.key(owner).await.key.id;
    let (good, gone, of_bob, of_cy) = (
        id("ada").await,
        id("ada").await,
        id("bob").await,
        id("cy").await,
    );
    stage.control.delete_key(&gone).await.unwrap();
    stage.control.delete_user("bob").await.unwrap();
    patch(&stage, "cy", UserStatus::Suspended).await;
    let (channel, _served) = stage.gateway().await;
    let mut client = AuthorizerServiceClient::new(channel);
    let mut check = async |ids: Vec<String>| {
        client
            .check_keys(CheckKeysRequest { api_key_ids: ids })
            .await
    };

    let asked = [&good, &gone, &of_bob, &of_cy, "never"].map(str::to_owned);
    let answer = check(asked.to_vec()).await.unwrap().into_inner();
    assert_eq!(answer.refused_api_key_ids, asked[1..]);
    let answer = check(Vec::new()).await.unwrap().into_inner();
    assert!(answer.refused_api_key_ids.is_empty());
    let answer = check(vec![good.clone(); 1_000]).await.unwrap().into_inner();
    assert!(answer.refused_api_key_ids.is_empty());
    let status = check(vec![good; 1_001]).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

async fn patch(stage: &Stage, user: &str, status: UserStatus) {
    let patch = UserPatch {
        status: Some(status),
        email: None,
    };
    stage.control.change_user(user, patch).await.unwrap();
}

async fn next(stream: &mut Streaming<WatchRevocationsResponse>) -> WatchRevocationsResponse {
    stream.message().await.unwrap().unwrap()
}

#[tokio::test]
async fn revocations_are_pushed_at_once() {
    let stage = Stage::new();
    let ada = stage.user("ada").await.id.to_string();
    let key = stage.key("ada").await.key.id;
    let (channel, served) = stage.gateway().await;
    let mut client = AuthorizerServiceClient::new(channel);
    let watch = client.watch_revocations(WatchRevocationsRequest {}).await;
    let mut watch = watch.unwrap().into_inner();
    assert!(next(&mut watch).await.reset);

    patch(&stage, "ada", UserStatus::Suspended).await;
    let message = next(&mut watch).await;
    assert_eq!(
        (message.reset, message.user_ids),
        (false, vec![ada.clone()])
    );

    let (status, _) = stage
        .call(http::Method::DELETE, &format!("/keys/{key}"), "")
        .await;
    assert_eq!(status, 204);
    assert_eq!(next(&mut watch).await.api_key_ids, [key]);

    stage.control.delete_user("ada").await.unwrap();
    assert_eq!(next(&mut watch).await.user_ids, [ada]);

    // A watch does not hold up a shutdown.
    served.stop().await;
    assert!(watch.message().await.unwrap().is_none());
}

#[tokio::test]
async fn a_change_whose_asker_left_is_still_told() {
    let stage = Stage::new();
    stage.user("ada").await;
    let key = stage.key("ada").await.key.id;
    let (channel, _served) = stage.gateway().await;
    let mut client = AuthorizerServiceClient::new(channel);
    let watch = client.watch_revocations(WatchRevocationsRequest {}).await;
    let mut watch = watch.unwrap().into_inner();
    assert!(next(&mut watch).await.reset);

    let mut asker = Box::pin(stage.control.delete_key(&key));
    let mut once = Context::from_waker(Waker::noop());
    assert!(asker.as_mut().poll(&mut once).is_pending());
    drop(asker);
    assert_eq!(next(&mut watch).await.api_key_ids, [key]);
}
