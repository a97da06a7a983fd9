//! Certificates.

use bridge_telemetry::Metrics;
use bridge_upstream::{Client, ClientConfig, Endpoint, ExtraRoots, Manners, UpstreamError};

use crate::support::{ANSWER, Server, client, identity, text};

#[tokio::test]
async fn tls_needs_a_certificate_that_is_trusted() {
    let (pem, acceptor) = identity(&[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("roots.pem");
    std::fs::write(&path, &pem).unwrap();
    let server = Server::start(Some(acceptor), ANSWER).await;
    let endpoint = Endpoint::try_new(&format!("https://localhost:{}", server.port)).unwrap();

    let error = text(&client(&ClientConfig::default()), &endpoint)
        .await
        .unwrap_err();
    assert!(matches!(error, UpstreamError::Tls { .. }), "{error}");
    assert!(
        server.heads.lock().is_empty(),
        "nothing is sent to a stranger"
    );

    let trusting = client(&ClientConfig {
        extra_roots: Some(path),
        ..ClientConfig::default()
    });
    assert_eq!(text(&trusting, &endpoint).await.unwrap(), "ok");

    // One provider's certificates are trusted at that provider, and its connection is its own.
    let usual = client(&ClientConfig::default());
    let extra_roots = Some(ExtraRoots::from_pem(&pem).unwrap());
    let manners = Manners {
        extra_roots,
        ..Manners::default()
    };
    let insider = endpoint.clone().of_provider("insider", manners);
    assert_eq!(text(&usual, &insider).await.unwrap(), "ok");
    assert_eq!(usual.idle_connections(), 1);
    let error = text(&usual, &endpoint).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_certificate_file_is_named() {
    let config = ClientConfig {
        extra_roots: Some("/nowhere/roots.pem".into()),
        ..ClientConfig::default()
    };
    let error =
        Client::try_new(&config, &Metrics::default(), &bridge_telemetry::discard()).unwrap_err();
    assert!(error.to_string().contains("/nowhere/roots.pem"), "{error}");
}
