//! Keys of gateways: who is served over a network, and for how long.

use std::time::Duration;

use axum::body::Body;
use bridge_control::api::{CreatedGatewayKey, GatewayKeyView, Page};
use bridge_control::store::PageQuery;
use bridge_control::{ListenConfig, TlsIdentity};
use bridge_proto::CONTRACT_VERSION;
use bridge_proto::v1::IsAuthorizedRequest;
use http::Method;
use serde_json::{Value, json};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tonic::{Code, Status};

use crate::remote::{Gateway, bearer, soon, until_connected, until_metric};
use crate::stage::Stage;

async fn last_seen(stage: &Stage) -> Option<jiff::Timestamp> {
    let keys = keys(stage).await;
    keys.first().and_then(|key| key.last_seen_at)
}

async fn keys(stage: &Stage) -> Vec<GatewayKeyView> {
    let page = PageQuery {
        limit: 500,
        after: None,
    };
    stage.control.gateway_keys(page).await.unwrap().items
}

#[tokio::test]
async fn operators_make_list_and_delete_them() {
    let stage = Stage::new();
    let new = json!({"name": "north"});
    let (status, made) = stage.send(Method::POST, "/gateway-keys", &new).await;
    assert_eq!(status, 201);
    let made: CreatedGatewayKey = serde_json::from_value(made).unwrap();
    let secret = made.secret.expose().to_owned();
    assert_eq!(secret.len(), 43);
    assert!(secret.bytes().all(|letter| letter.is_ascii_alphanumeric()));
    assert_eq!(made.key.id, secret[..11]);
    assert_eq!(made.key.last_seen_at, None);

    let (status, taken) = stage.send(Method::POST, "/gateway-keys", &new).await;
    assert_eq!(
        (status.as_u16(), &taken["error"]["field"]),
        (409, &json!("name"))
    );
    for name in ["", "North", "a--b", "-a", "a_b", "a/b", &"a".repeat(65)] {
        let new = json!({ "name": name });
        let (status, _) = stage.send(Method::POST, "/gateway-keys", &new).await;
        assert_eq!(status, 400, "{name}");
    }
    let (status, listed) = stage.get("/gateway-keys").await;
    assert_eq!(status, 200);
    assert!(!listed.to_string().contains(&secret[11..]), "{listed}");
    let listed: Page<GatewayKeyView> = serde_json::from_value(listed).unwrap();
    assert_eq!(listed.items, [made.key]);

    let other = stage.gateway_key("south").await;
    for path in [
        "/gateway-keys/NORTH",
        &format!("/gateway-keys/{}", other.key.id),
    ] {
        let (status, body) = stage.call(Method::DELETE, path, Body::empty()).await;
        assert_eq!((status.as_u16(), body), (204, Value::Null), "{path}");
        let (status, _) = stage.call(Method::DELETE, path, Body::empty()).await;
        assert_eq!(status, 404, "{path}");
    }
    assert!(keys(&stage).await.is_empty());
}

#[tokio::test]
async fn the_key_itself_is_not_in_the_file() {
    let stage = Stage::new();
    let made = stage.gateway_key("north").await;
    let hidden = made.secret.expose().as_bytes()[11..].to_vec();
    let mut has_id = false;
    for entry in std::fs::read_dir(stage.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(hidden.len()).any(|part| part == hidden));
        let id = made.key.id.as_bytes();
        has_id |= bytes.windows(id.len()).any(|part| part == id);
    }
    assert!(has_id, "the files were searched for the right thing");
}

/// Greets and asks, and is noted.
async fn check_served(stage: &Stage, gateway: &Gateway) {
    let greeted = gateway.greet().await.unwrap();
    assert_eq!(greeted.contract_version, CONTRACT_VERSION);
    let key = stage.key("ada").await;
    let request = IsAuthorizedRequest {
        key: key.secret.expose().to_owned(),
        ..IsAuthorizedRequest::default()
    };
    let answer = gateway.authorizer().is_authorized(request).await.unwrap();
    assert_eq!(answer.into_inner().api_key_id, key.key.id);
    assert!(last_seen(stage).await.is_some());
    until_connected(stage, 1).await;
}

#[tokio::test]
async fn a_gateway_with_a_key_is_served_over_tcp() {
    let stage = Stage::new();
    stage.user("ada").await;
    let before = stage.gateway_key("north").await;
    let (address, served) = stage.listen(ListenConfig::default()).await;
    check_served(&stage, &Gateway::with_key(address, &before).await).await;
    // One that is made while gateways are served is as good.
    let after = stage.gateway_key("south").await;
    let other = Gateway::with_key(address, &after).await;
    other.greet().await.unwrap();
    drop(other);
    served.stop().await;
    until_connected(&stage, 0).await;
}

#[tokio::test]
async fn a_gateway_with_a_key_is_served_over_tls() {
    let stage = Stage::new();
    stage.user("ada").await;
    let key = stage.gateway_key("north").await;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, private) = (made.cert.pem(), made.signing_key.serialize_pem());
    let identity = TlsIdentity::from_pem(certificate.as_bytes(), private.as_bytes()).unwrap();
    let config = ListenConfig {
        identity: Some(identity),
        ..ListenConfig::default()
    };
    let (address, _served) = stage.listen(config).await;
    let tls = ClientTlsConfig::new()
        .domain_name("localhost")
        .ca_certificate(Certificate::from_pem(certificate));
    let endpoint = Endpoint::from_shared(format!("https://{address}"))
        .unwrap()
        .tls_config(tls)
        .unwrap();
    let gateway = Gateway::dial_endpoint(endpoint, &[&bearer(&key)]).await;
    check_served(&stage, &gateway).await;
    let mut watch = gateway.watch().await;
    stage.control.delete_gateway_key("north").await.unwrap();
    assert!(soon(watch.message()).await.is_err(), "cut through TLS");
}

#[test]
fn what_is_no_identity_is_refused_at_once() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, private) = (made.cert.pem(), made.signing_key.serialize_pem());
    let strange = other.signing_key.serialize_pem();
    for (certificate, private) in [
        ("", private.as_str()),
        (certificate.as_str(), ""),
        ("garbage", "garbage"),
        (private.as_str(), certificate.as_str()),
        (certificate.as_str(), strange.as_str()),
    ] {
        let read = TlsIdentity::from_pem(certificate.as_bytes(), private.as_bytes());
        assert!(read.is_err(), "{certificate}");
    }
}

#[tokio::test]
async fn without_a_good_key_nothing_is_served() {
    let stage = Stage::new();
    stage.user("ada").await;
    let callers = stage.key("ada").await;
    let good = bearer(&stage.gateway_key("north").await);
    let (address, _served) = stage.listen(ListenConfig::default()).await;
    let (last, wrong) = good.split_at(good.len() - 1);
    let wrong = format!("{last}{}", if wrong == "a" { "b" } else { "a" });
    let unknown = format!("Bearer {}", "a".repeat(43));
    let callers = format!("Bearer {}", callers.secret.expose());
    let basic = good.replacen("Bearer", "Basic", 1);
    let (required, invalid) = ("gateway key required.", "gateway key invalid.");
    for (headers, text) in [
        (vec![], required),
        (vec![basic.as_str()], required),
        (vec!["Bearer"], required),
        (vec!["Bearer "], required),
        (vec![good.as_str(), good.as_str()], required),
        (vec![wrong.as_str()], invalid),
        (vec![unknown.as_str()], invalid),
        (vec![callers.as_str()], invalid),
        (vec!["Bearer a"], invalid),
    ] {
        let check = |refused: Status, code: Code| {
            let found = (refused.code(), refused.message());
            assert_eq!(found, (code, text), "{headers:?}");
        };
        let gateway = Gateway::dial(address, &headers).await;
        check(gateway.greet().await.unwrap_err(), Code::Unauthenticated);
        // Not the word for a caller's bad key: a gateway would tell the caller so.
        let request = IsAuthorizedRequest::default();
        let asked = gateway.authorizer().is_authorized(request).await;
        check(asked.unwrap_err(), Code::FailedPrecondition);
    }
    assert_eq!(last_seen(&stage).await, None);
    let exposed = stage.metrics.expose();
    assert!(
        exposed.contains("bridge_gateway_refusals_total{kind=\"required\"} 10"),
        "{exposed}"
    );
}

#[tokio::test]
async fn deleting_a_key_ends_its_connections_and_no_others() {
    let stage = Stage::new();
    let north = stage.gateway_key("north").await;
    let south = stage.gateway_key("south").await;
    let (address, _served) = stage.listen(ListenConfig::default()).await;
    let one = Gateway::with_key(address, &north).await;
    let two = Gateway::with_key(address, &north).await;
    let other = Gateway::with_key(address, &south).await;
    for gateway in [&one, &two, &other] {
        gateway.greet().await.unwrap();
    }
    let (mut first, mut second) = (one.watch().await, two.watch().await);
    let mut stays = other.watch().await;
    until_connected(&stage, 3).await;

    stage.control.delete_gateway_key("north").await.unwrap();
    assert!(soon(first.message()).await.is_err());
    assert!(soon(second.message()).await.is_err());
    until_connected(&stage, 1).await;

    let again = Gateway::with_key(address, &north).await;
    let refused = again.greet().await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);

    let spec = json!({"type": "openai", "base_url": "https://example.com/v1"});
    stage.send(Method::PUT, "/providers/main", &spec).await;
    let message = soon(stays.message()).await.unwrap().unwrap();
    assert_eq!(message.providers.unwrap().providers[0].name, "main");

    // A key of the same name is another key.
    let new = stage.gateway_key("north").await;
    Gateway::with_key(address, &new)
        .await
        .greet()
        .await
        .unwrap();
    let refused = Gateway::with_key(address, &north).await.greet().await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_refusal_for_the_version_names_both() {
    let stage = Stage::new();
    let key = stage.gateway_key("north").await;
    let (address, _served) = stage.listen(ListenConfig::default()).await;
    let gateway = Gateway::with_key(address, &key).await;
    for version in ["0.9", "99.0", "1.999", "banana", ""] {
        let refused = gateway.greet_with(version).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{version}");
        let text = refused.message();
        assert!(
            text.starts_with("Incompatible or unparsable version"),
            "{text}"
        );
        for version in [version, CONTRACT_VERSION] {
            assert!(text.contains(&format!("{version:?}")), "{text}");
        }
    }
    let long = gateway.greet_with(&"9".repeat(8_000)).await.unwrap_err();
    assert!(long.message().len() < 300, "{}", long.message());
    gateway.greet().await.unwrap();
}

/// Changes the file behind the store's back.
fn behind(stage: &Stage, sql: &str) {
    let file = stage.folder.path().join("control.db");
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn often() -> ListenConfig {
    ListenConfig {
        heartbeat: Duration::from_millis(5),
        ..ListenConfig::default()
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_costs_no_connection() {
    let stage = Stage::new();
    let key = stage.gateway_key("north").await;
    let (address, _served) = stage.listen(often()).await;
    let gateway = Gateway::with_key(address, &key).await;
    gateway.greet().await.unwrap();
    behind(&stage, "ALTER TABLE gateway_keys RENAME TO away");
    let failures = "bridge_gateway_heartbeat_failures_total";
    until_metric(&stage, failures, |count| count >= 4).await;
    gateway.greet().await.unwrap();
    // Keys are known without the store.
    Gateway::with_key(address, &key)
        .await
        .greet()
        .await
        .unwrap();
    behind(
        &stage,
        "UPDATE away SET last_seen_at = 0; ALTER TABLE away RENAME TO gateway_keys",
    );
    soon(async {
        while last_seen(&stage).await == Some(jiff::Timestamp::UNIX_EPOCH) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gateway.greet().await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_gone_from_the_store_loses_its_connections() {
    let stage = Stage::new();
    let key = stage.gateway_key("north").await;
    let (address, _served) = stage.listen(often()).await;
    let gateway = Gateway::with_key(address, &key).await;
    gateway.greet().await.unwrap();
    let mut watch = gateway.watch().await;
    behind(&stage, "DELETE FROM gateway_keys");
    assert!(soon(watch.message()).await.is_err());
    let refused = Gateway::with_key(address, &key).await.greet().await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn at_the_end_streams_end_and_nobody_holds_it_up() {
    let stage = Stage::new();
    let key = stage.gateway_key("north").await;
    let config = ListenConfig {
        leave_within: Duration::from_millis(50),
        ..ListenConfig::default()
    };
    let (address, served) = stage.listen(config).await;
    let gateway = Gateway::with_key(address, &key).await;
    gateway.greet().await.unwrap();
    let mut watch = gateway.watch().await;
    // Somebody who says nothing at all would hold the end up.
    let _silent = tokio::net::TcpStream::connect(address).await.unwrap();
    until_connected(&stage, 1).await;
    let stopping = soon(served.stop());
    let (ended, ()) = tokio::join!(soon(watch.message()), stopping);
    assert!(ended.unwrap().is_none(), "a watch ends without an error");
}
