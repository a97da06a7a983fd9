//! Proxies between the client and providers, written from the standard.

use std::sync::Arc;

use bridge_telemetry::task::{self, Task};
use bridge_upstream::{
    ClientConfig, Endpoint, Exchange, ExtraRoots, FailureClass, Manners, ProxyAddress, ProxyChoice,
    ProxyProblem, ProxyRules, UpstreamError,
};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::{ANSWER, Server, client, endpoint, identity, outbound, text};

/// Leads everything to one provider, and remembers what it was asked.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
    _task: Task<()>,
}

impl Proxy {
    /// `answer` is what it says to `CONNECT`; after one with 200 it leads on to `provider`.
    pub(crate) async fn start(
        tls: Option<TlsAcceptor>,
        answer: &'static str,
        provider: u16,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&heads);
        let logger = bridge_telemetry::discard();
        let _task = task::spawn(&logger.clone(), "proxy", async move {
            let mut tasks = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, tls) = (Arc::clone(&kept), tls.clone());
                tasks.push(task::spawn(&logger, "connection", async move {
                    match tls {
                        None => lead(stream, &kept, answer, provider).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                lead(stream, &kept, answer, provider).await;
                            }
                        }
                    }
                }));
            }
        });
        Self { port, heads, _task }
    }

    fn head(&self) -> String {
        self.heads.lock()[0].clone()
    }
}

async fn lead<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    heads: &Mutex<Vec<String>>,
    answer: &str,
    provider: u16,
) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if !matches!(stream.read_buf(&mut head).await, Ok(read) if read > 0) {
            return;
        }
    }
    let is_tunnel = head.starts_with(b"CONNECT ");
    heads
        .lock()
        .push(String::from_utf8_lossy(&head).into_owned());
    if is_tunnel {
        let _ignored = stream.write_all(answer.as_bytes()).await;
        if !answer.contains(" 200 ") {
            return;
        }
    }
    let mut onward = TcpStream::connect(("127.0.0.1", provider)).await.unwrap();
    if !is_tunnel {
        onward.write_all(&head).await.unwrap();
    }
    let _ignored = copy_bidirectional(&mut stream, &mut onward).await;
}

pub(crate) const LEADS: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

fn through(url: &str) -> Manners {
    Manners {
        proxy: ProxyChoice::Through(ProxyAddress::parse(url).unwrap()),
        ..Manners::default()
    }
}

#[tokio::test]
async fn an_encrypted_provider_is_reached_through_a_tunnel() {
    let (pem, acceptor) = identity(&[]);
    let server = Server::start(Some(acceptor), ANSWER).await;
    let proxy = Proxy::start(None, LEADS, server.port).await;
    let manners = Manners {
        extra_roots: Some(ExtraRoots::from_pem(&pem).unwrap()),
        ..through(&format!("http://me:hidden@127.0.0.1:{}", proxy.port))
    };
    // Nobody listens there: the proxy alone knows the way.
    let to = endpoint("https://localhost:1/v1", manners);
    let client = client(&ClientConfig::default());
    for _ in 0..2 {
        assert_eq!(text(&client, &to).await.unwrap(), "ok");
    }
    let asked = proxy.head();
    assert!(
        asked.starts_with("CONNECT localhost:1 HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(asked.contains("host: localhost:1\r\n"), "{asked}");
    let word = "proxy-authorization: Basic bWU6aGlkZGVu\r\n";
    assert!(asked.contains(word), "{asked}");
    assert!(!asked.contains("operator-key"), "{asked}");
    assert_eq!(proxy.heads.lock().len(), 1, "the connection is kept");
    let head = server.heads.lock()[0].clone();
    assert!(head.starts_with("POST /v1/v1/messages"), "{head}");
    assert!(!head.to_lowercase().contains("proxy"), "{head}");
}

#[tokio::test]
async fn a_proxy_may_be_encrypted_itself() {
    let (pem, acceptor) = identity(&[]);
    let (proxy_pem, proxy_acceptor) = identity(&[]);
    let server = Server::start(Some(acceptor), ANSWER).await;
    let proxy = Proxy::start(Some(proxy_acceptor), LEADS, server.port).await;
    let both = format!("{pem}{proxy_pem}");
    let manners = Manners {
        extra_roots: Some(ExtraRoots::from_pem(&both).unwrap()),
        ..through(&format!("https://localhost:{}", proxy.port))
    };
    let to = endpoint("https://localhost:1", manners);
    let usual = client(&ClientConfig::default());
    assert_eq!(text(&usual, &to).await.unwrap(), "ok");

    let stranger = through(&format!("https://localhost:{}", proxy.port));
    let to = endpoint("https://localhost:1", stranger);
    let error = text(&usual, &to).await.unwrap_err();
    let UpstreamError::Proxy { source, .. } = error else {
        panic!("{error}");
    };
    assert!(matches!(source, ProxyProblem::Tls(_)), "{source}");
}

#[tokio::test]
async fn a_provider_in_plain_text_is_asked_for_by_its_whole_address() {
    let server = Server::start(None, ANSWER).await;
    let proxy = Proxy::start(None, LEADS, server.port).await;
    let url = format!("http://me:hidden@127.0.0.1:{}", proxy.port);
    let to = endpoint("http://provider.example/v1", through(&url));
    let client = client(&ClientConfig::default());
    assert_eq!(text(&client, &to).await.unwrap(), "ok");
    let asked = proxy.head();
    let line = "POST http://provider.example/v1/v1/messages?beta=true HTTP/1.1\r\n";
    assert!(asked.starts_with(line), "{asked}");
    assert!(asked.contains("host: provider.example\r\n"), "{asked}");
    let word = "proxy-authorization: Basic bWU6aGlkZGVu\r\n";
    assert!(asked.contains(word), "{asked}");
}

#[tokio::test]
async fn the_environment_is_followed_where_a_provider_says_nothing() {
    let server = Server::start(None, ANSWER).await;
    let proxy = Proxy::start(None, LEADS, server.port).await;
    let address = ProxyAddress::parse(&format!("127.0.0.1:{}", proxy.port)).unwrap();
    let client = client(&ClientConfig {
        proxies: ProxyRules {
            http: Some(address),
            bypass: "127.1".to_owned(),
            ..ProxyRules::default()
        },
        ..ClientConfig::default()
    });
    let to = Endpoint::try_new("http://provider.example").unwrap();
    assert_eq!(text(&client, &to).await.unwrap(), "ok");
    assert_eq!(proxy.heads.lock().len(), 1);
    // These are reached without it: the first is refused for where its name leads.
    let to = Endpoint::try_new("http://127.1:1").unwrap();
    let error = text(&client, &to).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Egress { .. }), "{error}");
    let to = Endpoint::try_new(&format!("http://127.0.0.1:{}", server.port)).unwrap();
    assert_eq!(text(&client, &to).await.unwrap(), "ok");
    assert_eq!(proxy.heads.lock().len(), 1);
}

#[tokio::test]
async fn a_proxy_that_does_not_lead_on_is_named_without_its_password() {
    let server = Server::start(None, ANSWER).await;
    let check = async |answer: &'static str, part: &str| {
        let proxy = Proxy::start(None, answer, server.port).await;
        let url = format!("http://me:hidden@127.0.0.1:{}", proxy.port);
        let to = endpoint("https://provider.example", through(&url));
        let client = client(&ClientConfig::default());
        let error = client.exchange(&to, outbound(&to)).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::NeverSent);
        let told = bridge_telemetry::ErrorChain(&error).to_string();
        assert!(told.contains("provider.example"), "{told}");
        assert!(
            told.contains(&format!("127.0.0.1:{}", proxy.port)),
            "{told}"
        );
        assert!(told.contains(part), "{told}");
        assert!(!told.contains("hidden"), "{told}");
    };
    check("HTTP/1.1 407 Who are you\r\n\r\n", "user and password").await;
    check(
        "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
        "status 403",
    )
    .await;
    check("no HTTP\r\n\r\n", "does not answer in HTTP").await;
    check("", "does not answer in HTTP").await;
    check("HTTP/1.1 200 Yes\r\n\r\nand more", "speaks before").await;
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let to = endpoint(
        "https://provider.example",
        through(&format!("127.0.0.1:{port}")),
    );
    let error = text(&client(&ClientConfig::default()), &to).await;
    let told = bridge_telemetry::ErrorChain(&error.unwrap_err()).to_string();
    assert!(told.contains("cannot connect to the proxy"), "{told}");
    assert!(told.contains(&format!("127.0.0.1:{port}")), "{told}");
}
