//! Where a provider is, and what is there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bridge_telemetry::task::{self, Task};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::support::{Provider, Script};

use super::http2::Broken;

/// What is at a provider's address.
pub(super) enum Site {
    /// A provider that plays these scripts in turn, the last one again and again.
    Plays(Vec<Script>),
    /// A port that is taken and not listened at.
    Refusing,
    /// A host name that cannot be: its first label is longer than labels may be.
    Nameless,
    /// HTTP where TLS is expected.
    Speechless,
    /// TLS with a certificate that it signed itself.
    Untrusted,
    /// Connections that are read from and nothing else, where TLS is expected.
    Mute,
    /// HTTP/2 that breaks.
    Http2(Broken),
}

/// A site that was opened. What it is made of goes with it.
pub(super) enum Opened {
    Playing(Provider),
    Taken(
        SocketAddr,
        #[expect(dead_code, reason = "it keeps the port taken")] TcpSocket,
    ),
    Nowhere,
    Counted {
        scheme: &'static str,
        address: SocketAddr,
        /// Connections, or requests where they can be told.
        count: Arc<AtomicUsize>,
        _task: Task<()>,
    },
}

impl Site {
    pub(super) async fn open(self) -> Opened {
        match self {
            Self::Plays(scripts) => Opened::Playing(Provider::start(scripts).await),
            Self::Refusing => {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
                Opened::Taken(socket.local_addr().unwrap(), socket)
            }
            Self::Nameless => Opened::Nowhere,
            Self::Speechless => counted("https", Greeting::Http).await,
            Self::Untrusted => counted("https", Greeting::Certificate(acceptor())).await,
            Self::Mute => counted("https", Greeting::Nothing).await,
            Self::Http2(broken) => counted("http", Greeting::Http2(broken)).await,
        }
    }
}

impl Opened {
    /// Where it is, as an operator would write it.
    pub(super) fn base_url(&self, path: &str) -> String {
        match self {
            Self::Playing(provider) => format!("http://{}{path}", provider.address),
            Self::Taken(address, _) => format!("http://{address}{path}"),
            Self::Nowhere => format!("http://{}.invalid{path}", "x".repeat(70)),
            Self::Counted {
                scheme, address, ..
            } => format!("{scheme}://{address}{path}"),
        }
    }

    /// How many requests came, or where none can, how many connections; nothing where that cannot
    /// be known.
    pub(super) fn asked(&self) -> Option<usize> {
        match self {
            Self::Playing(provider) => Some(provider.seen().len()),
            Self::Counted { count, .. } => Some(count.load(Ordering::SeqCst)),
            Self::Taken(..) | Self::Nowhere => None,
        }
    }
}

#[derive(Clone)]
enum Greeting {
    Http,
    Certificate(TlsAcceptor),
    Nothing,
    Http2(Broken),
}

async fn counted(scheme: &'static str, greeting: Greeting) -> Opened {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&count);
    let logger = bridge_telemetry::discard();
    let work = async move {
        let mut greeted = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            let logger = bridge_telemetry::discard();
            let work = greet(stream, greeting.clone(), Arc::clone(&counting));
            greeted.push(task::spawn(&logger, "greeting", work));
        }
    };
    Opened::Counted {
        scheme,
        address,
        count,
        _task: task::spawn(&logger, "site", work),
    }
}

async fn greet(mut stream: TcpStream, greeting: Greeting, count: Arc<AtomicUsize>) {
    if !matches!(greeting, Greeting::Http2(_)) {
        count.fetch_add(1, Ordering::SeqCst);
    }
    match greeting {
        Greeting::Http => {
            let _ignored = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ignored = stream.read(&mut [0; 1_024]).await;
        }
        Greeting::Certificate(acceptor) => {
            assert!(acceptor.accept(stream).await.is_err(), "nobody trusts it");
        }
        Greeting::Http2(broken) => broken.converse(stream, count).await,
        Greeting::Nothing => {
            while matches!(stream.read(&mut [0; 1_024]).await, Ok(length) if length > 0) {}
        }
    }
}

fn acceptor() -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
