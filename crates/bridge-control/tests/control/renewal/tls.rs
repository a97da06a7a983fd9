//! Endpoints behind TLS.

use std::sync::Arc;

use bridge_control::api::{ClientAuth, ToolServerPatch, UpstreamChange};
use bridge_proto::v1::ToolServerProblemKind;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::scene::{Endpoint, Scene, granted, wiki};
use crate::tool_answers::{problem, user_token};

/// A certificate for localhost that signs itself, and the endpoint's side of it.
fn tls() -> (String, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn tokens_are_got_over_tls_from_whom_the_operator_trusts() {
    let (pem, acceptor) = tls();
    let endpoint = Endpoint::new();
    endpoint.answer(200, &granted(1, 3_600));
    let (address, task) = endpoint.serve(Some(acceptor)).await;
    let mut wiki = wiki(format!("https://localhost:{}/token", address.port()));
    wiki.oauth.as_mut().unwrap().client_auth = Some(ClientAuth::Post);
    let scene = Scene::with(endpoint, Some(task), wiki).await;
    scene.set("token-0", -5).await;
    let (kind, message) = problem(&scene.ask().await, "wiki");
    assert_eq!(kind, ToolServerProblemKind::NotRefreshed);
    assert!(message.contains("certificate"), "{message}");
    assert!(scene.endpoint.asked().is_empty());

    let patch = ToolServerPatch {
        upstream: Some(Some(UpstreamChange {
            ca_pem: Some(Some(pem)),
            ..UpstreamChange::default()
        })),
        ..ToolServerPatch::default()
    };
    scene
        .stage
        .control
        .change_tool_server("wiki", patch)
        .await
        .unwrap();
    // A token of another revision is not held back by what failed before.
    scene.set("token-0", -5).await;
    assert_eq!(user_token(&scene.ask().await, "wiki").token, "token-1");
    let asked = scene.endpoint.asked();
    assert_eq!(asked[0].0, None);
    assert!(
        asked[0]
            .1
            .ends_with("&client_id=bridged&client_secret=word"),
        "{}",
        asked[0].1
    );
}
