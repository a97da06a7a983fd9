//! One request and its answer.

use std::time::Duration;

use bridge_auth::Secret;
use bridge_aws::{BaseCredentials, CredentialSource, Signer, StaticKeys};
use bridge_telemetry::task;
use bridge_upstream::{ClientConfig, Endpoint, Exchange, FailureClass, Outbound, UpstreamError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{ANSWER, Server, client, outbound, text};

#[tokio::test]
async fn requests_carry_the_credential_of_their_endpoint_and_share_a_connection() {
    let server = Server::start(None, ANSWER).await;
    let endpoint = Endpoint::try_new(&format!("http://127.0.0.1:{}/base/", server.port)).unwrap();
    let client = client(&ClientConfig::default());
    for _ in 0..3 {
        assert_eq!(text(&client, &endpoint).await.unwrap(), "ok");
    }
    assert_eq!(
        (*server.connections.lock(), client.idle_connections()),
        (1, 1)
    );
    let head = server.heads.lock()[0].clone();
    assert!(
        head.starts_with("POST /base/v1/messages?beta=true HTTP/1.1"),
        "{head}"
    );
    assert!(
        head.contains("authorization: Bearer operator-key"),
        "{head}"
    );
    assert!(head.contains("content-length: 2"), "{head}");
}

#[tokio::test]
async fn a_waiting_connection_that_the_provider_closed_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint::try_new(&format!("http://127.0.0.1:{port}")).unwrap();
    let client = client(&ClientConfig::default());
    let logger = bridge_telemetry::discard();
    for _ in 0..3 {
        // Answers one request, and closes the connection when it waits for the next one.
        let serve_one = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = Vec::new();
            while !buffer.ends_with(b"\r\n\r\n{}") {
                assert!(stream.read_buf(&mut buffer).await.unwrap() > 0);
            }
            stream.write_all(ANSWER).await.unwrap();
            stream
        };
        let (asking, to) = (client.clone(), endpoint.clone());
        let asking = task::spawn(&logger, "caller", async move { text(&asking, &to).await });
        let answered = async { asking.join().await.unwrap() };
        let patience = Duration::from_secs(20);
        let both = async { tokio::join!(serve_one, answered) };
        let (stream, answered) = tokio::time::timeout(patience, both).await.unwrap();
        assert_eq!(answered.unwrap(), "ok");
        assert_eq!(client.idle_connections(), 1);
        drop(stream);
        // What another connection says now comes after the end of that one.
        let later = async {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            stream.write_all(b"x").await.unwrap();
        };
        let ((mut heard, _), ()) = tokio::join!(async { listener.accept().await.unwrap() }, later);
        heard.read_u8().await.unwrap();
    }
}

#[tokio::test]
async fn a_credential_goes_nowhere_but_to_its_place() {
    let server = Server::start(None, ANSWER).await;
    let here = Endpoint::try_new(&format!("http://127.0.0.1:{}", server.port)).unwrap();
    let elsewhere = Endpoint::try_new("http://example.com").unwrap();
    let client = client(&ClientConfig::default());
    let refused = client
        .exchange(&here, outbound(&elsewhere))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, UpstreamError::WrongDestination { .. }),
        "{refused}"
    );
    assert_eq!(refused.class(), FailureClass::NeverSent);
    assert_eq!(*server.connections.lock(), 0);
}

#[tokio::test]
async fn headers_go_to_their_place_only_in_place_of_others_and_are_never_shown() {
    let server = Server::start(None, ANSWER).await;
    let endpoint = Endpoint::try_new(&format!("http://127.0.0.1:{}", server.port)).unwrap();
    let client = client(&ClientConfig::default());
    let own = [("accept", "text/own"), ("x-team", "a value")];
    let own = own.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let bound = endpoint.bind_headers(own);
    assert!(!format!("{bound:?}").contains("a value"));
    let request = |to: &Endpoint| Outbound {
        credential: Some(bound.clone()),
        ..outbound(to)
    };
    client
        .exchange(&endpoint, request(&endpoint))
        .await
        .unwrap();
    let head = server.heads.lock()[0].clone();
    assert!(
        head.contains("accept: text/own") && head.contains("x-team: a value"),
        "{head}"
    );
    let elsewhere = Endpoint::try_new(&format!("http://localhost:{}", server.port)).unwrap();
    let error = client
        .exchange(&elsewhere, request(&elsewhere))
        .await
        .unwrap_err();
    assert!(
        matches!(error, UpstreamError::WrongDestination { .. }),
        "{error}"
    );
}

fn signer() -> Signer {
    let keys = StaticKeys {
        access_key_id: "SIGNER".to_owned(),
        secret_access_key: Secret::new("signing secret".to_owned()),
        session_token: None,
    };
    let source = CredentialSource {
        base: BaseCredentials::Static(keys),
        role: None,
    };
    Signer::try_new("eu-west-1", "bedrock", source).unwrap()
}

#[tokio::test]
async fn a_signer_signs_what_is_sent_and_for_its_place_only() {
    let server = Server::start(None, ANSWER).await;
    let here = Endpoint::try_new(&format!("http://127.0.0.1:{}", server.port)).unwrap();
    let elsewhere = Endpoint::try_new("http://example.com").unwrap();
    let client = client(&ClientConfig::default());
    let signed = |bound: &Endpoint| Outbound {
        credential: Some(bound.bind_signer(signer())),
        ..outbound(&here)
    };
    let refused = client.exchange(&here, signed(&elsewhere)).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, UpstreamError::WrongDestination { .. }),
        "{refused}"
    );
    assert_eq!(*server.connections.lock(), 0);

    client.exchange(&here, signed(&here)).await.unwrap();
    let head = server.heads.lock().first().unwrap().clone();
    let authorization = head
        .lines()
        .find_map(|line| line.strip_prefix("authorization: "))
        .unwrap();
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=SIGNER/"),
        "{head}"
    );
    assert!(authorization.contains("SignedHeaders=host;x-amz-date,"));
    assert!(!head.contains("signing secret"), "{head}");
    let shown = format!("{:?}", signed(&here));
    assert!(!shown.contains("signing secret"), "{shown}");
}

#[tokio::test]
async fn a_dropped_answer_closes_its_connection() {
    let server = Server::start(None, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await;
    let endpoint = Endpoint::try_new(&format!("http://127.0.0.1:{}", server.port)).unwrap();
    let client = client(&ClientConfig::default());
    let reply = client
        .exchange(&endpoint, outbound(&endpoint))
        .await
        .unwrap();
    drop(reply);
    assert_eq!(client.idle_connections(), 0);
}
