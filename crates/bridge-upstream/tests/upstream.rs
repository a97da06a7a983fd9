//! The client against real sockets, plain and encrypted.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::sync::Arc;
use std::time::Duration;

use bridge_auth::{HeaderPolicy, Secret};
use bridge_aws::{BaseCredentials, CredentialSource, Signer, StaticKeys};
use bridge_telemetry::task::{self, Task};
use bridge_upstream::{
    Client, ClientConfig, CredentialStyle, Endpoint, Exchange, ExtraRoots, FailureClass, Manners,
    Outbound, Timeouts, UpstreamError,
};
use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn outbound(endpoint: &Endpoint) -> Outbound {
    Outbound {
        method: Method::POST,
        path_and_query: endpoint.target("/v1/messages", Some("beta=true")),
        headers: HeaderPolicy::default().admit(HeaderMap::new()).scrubbed,
        credential: Some(endpoint.bind(
            Secret::new("operator-key".to_owned()),
            CredentialStyle::Bearer,
        )),
        body: Bytes::from_static(b"{}"),
    }
}

fn client(config: &ClientConfig) -> Client {
    Client::try_new(config, &bridge_telemetry::discard()).unwrap()
}

/// Answers every request on every connection, and remembers their heads.
struct Server {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    _task: Task<()>,
}

impl Server {
    async fn start(tls: Option<TlsAcceptor>, answer: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let connections = Arc::<Mutex<usize>>::default();
        let (kept, count) = (Arc::clone(&heads), Arc::clone(&connections));
        let logger = bridge_telemetry::discard();
        let _task = task::spawn(&logger.clone(), "server", async move {
            let mut tasks = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                *count.lock() += 1;
                let (kept, tls) = (Arc::clone(&kept), tls.clone());
                tasks.push(task::spawn(&logger, "connection", async move {
                    match tls {
                        None => serve(stream, &kept, answer).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &kept, answer).await;
                            }
                        }
                    }
                }));
            }
        });
        Self {
            port,
            heads,
            connections,
            _task,
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    heads: &Mutex<Vec<String>>,
    answer: &[u8],
) {
    let mut buffer = Vec::new();
    while matches!(stream.read_buf(&mut buffer).await, Ok(read) if read > 0) {
        // Every request here has the two-byte body "{}".
        if buffer.ends_with(b"\r\n\r\n{}") {
            heads
                .lock()
                .push(String::from_utf8_lossy(&buffer).into_owned());
            buffer.clear();
            if answer.is_empty() {
                continue;
            }
            let _ignored = stream.write_all(answer).await;
        }
    }
}

async fn text(client: &Client, endpoint: &Endpoint) -> Result<String, UpstreamError> {
    let reply = client.exchange(endpoint, outbound(endpoint)).await?;
    let bytes = reply.body.collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

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

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up() {
    let server = Server::start(None, b"").await;
    let endpoint = Endpoint::try_new(&format!("http://127.0.0.1:{}", server.port)).unwrap();
    let timeouts = Timeouts {
        connect: Duration::from_millis(100),
        head: Duration::from_millis(100),
        ..Timeouts::default()
    };
    let client = client(&ClientConfig {
        timeouts,
        ..ClientConfig::default()
    });
    let error = text(&client, &endpoint).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::TimedOut, "{error}");
}

#[tokio::test]
async fn an_answer_that_goes_silent_is_given_up() {
    let server = Server::start(None, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await;
    let endpoint = Endpoint::try_new(&format!("http://127.0.0.1:{}", server.port)).unwrap();
    let timeouts = Timeouts {
        silence: Duration::from_millis(100),
        ..Timeouts::default()
    };
    let client = client(&ClientConfig {
        timeouts,
        ..ClientConfig::default()
    });
    let error = text(&client, &endpoint).await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::IdleTimeout { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn tls_needs_a_certificate_that_is_trusted() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("roots.pem");
    std::fs::write(&path, certified.cert.pem()).unwrap();
    let key =
        rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let server = Server::start(Some(TlsAcceptor::from(Arc::new(config))), ANSWER).await;
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
    let extra_roots = Some(ExtraRoots::from_pem(&certified.cert.pem()).unwrap());
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

/// Says less and less often, and never ends.
async fn drip(stream: &mut TcpStream) {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head).await.unwrap();
    while stream.write_all(b"1\r\nx\r\n").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_limits_of_a_provider_go_before_those_of_the_client() {
    let silent = Server::start(None, b"").await;
    let stalled = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    let stalled = Server::start(None, stalled).await;
    let client = client(&ClientConfig::default());
    let short = Some(Duration::from_millis(60));
    let ask = async |port: u16, manners: Manners| {
        let endpoint = Endpoint::try_new(&format!("http://127.0.0.1:{port}")).unwrap();
        let endpoint = endpoint.of_provider("short", manners);
        text(&client, &endpoint).await.unwrap_err()
    };
    let first_byte = Manners {
        connect: short,
        first_byte: short,
        ..Manners::default()
    };
    let error = ask(silent.port, first_byte).await;
    assert!(
        matches!(error, UpstreamError::HeadTimeout { .. }),
        "{error}"
    );
    let idle = Manners {
        idle: short,
        ..Manners::default()
    };
    let error = ask(stalled.port, idle).await;
    assert!(
        matches!(error, UpstreamError::IdleTimeout { .. }),
        "{error}"
    );
    let total = Manners {
        total: short,
        ..Manners::default()
    };
    for port in [silent.port, stalled.port] {
        let error = ask(port, total.clone()).await;
        assert!(
            matches!(error, UpstreamError::TotalTimeout { .. }),
            "{error}"
        );
    }
    assert_eq!(client.idle_connections(), 0);
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up_although_it_is_never_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let _dripping = task::spawn(&bridge_telemetry::discard(), "drip", async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drip(&mut stream).await;
    });
    let manners = Manners {
        total: Some(Duration::from_millis(200)),
        ..Manners::default()
    };
    let endpoint = Endpoint::try_new(&format!("http://127.0.0.1:{port}")).unwrap();
    let endpoint = endpoint.of_provider("dripping", manners);
    let client = client(&ClientConfig::default());
    let reply = client.exchange(&endpoint, outbound(&endpoint)).await;
    let error = reply.unwrap().body.collect().await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::TotalTimeout { .. }),
        "{error}"
    );
    assert_eq!(error.class(), FailureClass::TimedOut);
}

#[tokio::test]
async fn a_missing_certificate_file_is_named() {
    let config = ClientConfig {
        extra_roots: Some("/nowhere/roots.pem".into()),
        ..ClientConfig::default()
    };
    let error = Client::try_new(&config, &bridge_telemetry::discard()).unwrap_err();
    assert!(error.to_string().contains("/nowhere/roots.pem"), "{error}");
}
