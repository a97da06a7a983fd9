//! Providers that take too long.

use std::time::Duration;

use bridge_telemetry::task;
use bridge_upstream::{
    ClientConfig, Endpoint, Exchange, FailureClass, Manners, Timeouts, UpstreamError,
};
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Server, client, outbound, text};

/// Says a little again and again, and never ends.
async fn drip(stream: &mut TcpStream) {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head).await.unwrap();
    while stream.write_all(b"1\r\nx\r\n").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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
