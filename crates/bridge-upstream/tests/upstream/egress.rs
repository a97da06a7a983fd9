//! Where requests may go.

use bridge_telemetry::Metrics;
use bridge_upstream::{
    Client, ClientConfig, FailureClass, Manners, ProxyAddress, ProxyChoice, UpstreamError,
};

use crate::support::{ANSWER, Server, client, endpoint, text};

/// Not an address to us, and one of this machine to the resolver: as any name may be.
const NAME: &str = "127.1";

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to_unless_that_is_allowed() {
    let server = Server::start(None, ANSWER).await;
    let base_url = format!("http://{NAME}:{}", server.port);
    let (metrics, logger) = (Metrics::default(), bridge_telemetry::discard());
    let usual = Client::try_new(&ClientConfig::default(), &metrics, &logger).unwrap();
    let stranger = endpoint(&base_url, Manners::default());
    let error = text(&usual, &stranger).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Egress { .. }), "{error}");
    assert_eq!(error.class(), FailureClass::NeverSent);
    let told = error.to_string();
    for part in ["\"provider\"", NAME, "127.0.0.1", "allowed_private"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert_eq!(*server.connections.lock(), 0);
    let page = metrics.expose();
    let sample = r#"bridge_egress_refusals_total{provider="provider",reason="loopback"} 1"#;
    assert!(page.contains(sample), "{page}");

    let manners = Manners {
        allowed_private: vec!["127.0.0.0/8".parse().unwrap()],
        ..Manners::default()
    };
    let insider = endpoint(&base_url, manners);
    assert_eq!(text(&usual, &insider).await.unwrap(), "ok");
    // Its connection waits, and is not for those who might not have opened it.
    assert_eq!(usual.idle_connections(), 1);
    let error = text(&usual, &stranger).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Egress { .. }), "{error}");

    let generous = client(&ClientConfig {
        allowed_private: vec!["127.0.0.1".parse().unwrap()],
        ..ClientConfig::default()
    });
    assert_eq!(text(&generous, &stranger).await.unwrap(), "ok");
}

#[tokio::test]
async fn metadata_is_not_asked_for_through_a_proxy_either() {
    let server = Server::start(None, ANSWER).await;
    let proxy = ProxyAddress::parse(&format!("127.0.0.1:{}", server.port)).unwrap();
    let client = client(&ClientConfig::default());
    for base_url in ["http://169.254.169.254", "http://[fd00:ec2::254]"] {
        let manners = Manners {
            proxy: ProxyChoice::Through(proxy.clone()),
            ..Manners::default()
        };
        let error = text(&client, &endpoint(base_url, manners)).await;
        let error = error.unwrap_err();
        assert!(matches!(error, UpstreamError::Egress { .. }), "{error}");
    }
    assert_eq!(*server.connections.lock(), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let away =
        b"HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(None, away).await;
    let to = endpoint(
        &format!("http://127.0.0.1:{}", server.port),
        Manners::default(),
    );
    let client = client(&ClientConfig::default());
    assert_eq!(text(&client, &to).await.unwrap(), "");
    assert_eq!(server.heads.lock().len(), 1);
}
