//! Exchanges that share connections.

mod frames;
mod server;

use std::time::Duration;

use bridge_telemetry::{Metrics, task};
use bridge_upstream::{
    Client, ClientConfig, Endpoint, Exchange, ExtraRoots, FailureClass, HttpVersion, Manners,
    Outbound, ProxyAddress, ProxyChoice, UpstreamError,
};
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;

use self::frames::{
    EVENT, EVENTS, Frames, begins, goes_away, is_late, leaves, refuses, tells_much,
};
use self::server::{Habit, Http2};
use crate::proxies::Proxy;
use crate::support::{ANSWER, Server, client, endpoint, identity, outbound, text};

fn http2() -> Manners {
    Manners {
        http_version: HttpVersion::Http2,
        ..Manners::default()
    }
}

fn plain(port: u16) -> Endpoint {
    endpoint(&format!("http://127.0.0.1:{port}"), http2())
}

fn trusting(pem: &str, http_version: HttpVersion) -> Manners {
    Manners {
        extra_roots: Some(ExtraRoots::from_pem(pem).unwrap()),
        http_version,
        ..Manners::default()
    }
}

/// Asks so many times at once.
async fn burst(client: &Client, to: &Endpoint, times: usize) -> Vec<Result<String, UpstreamError>> {
    let logger = bridge_telemetry::discard();
    let asking: Vec<_> = (0..times)
        .map(|_| {
            let (client, to) = (client.clone(), to.clone());
            task::spawn(&logger, "caller", async move { text(&client, &to).await })
        })
        .collect();
    let mut answers = Vec::new();
    for one in asking {
        answers.push(one.join().await.unwrap());
    }
    answers
}

#[tokio::test]
async fn a_provider_that_offers_it_is_spoken_to_on_one_connection() {
    let (pem, acceptor) = identity(&[b"h2", b"http/1.1"]);
    let server = Http2::start(Some(acceptor), Habit::Answer, 100).await;
    let base_url = format!("https://localhost:{}/base", server.port);
    let to = endpoint(&base_url, trusting(&pem, HttpVersion::Auto));
    let metrics = Metrics::default();
    let logger = bridge_telemetry::discard();
    let client = Client::try_new(&ClientConfig::default(), &metrics, &logger).unwrap();
    for answer in burst(&client, &to, 40).await {
        assert_eq!(answer.unwrap(), "ok");
    }
    assert_eq!(*server.connections.lock(), 1);
    assert_eq!(client.idle_connections(), 1);
    let heads = server.heads.lock();
    assert_eq!(heads.len(), 40);
    let head = &heads[0];
    let target = format!("POST {base_url}/v1/messages?beta=true HTTP/2.0");
    assert!(head.starts_with(&target), "{head}");
    assert!(
        head.contains("authorization: Bearer operator-key"),
        "{head}"
    );
    assert!(head.contains("content-length: 2"), "{head}");
    assert!(!head.contains("\nhost:"), "{head}");
    let page = metrics.expose();
    let sample = "bridge_upstream_connections_total{protocol=\"http2\"} 1";
    assert!(page.contains(sample), "{page}");
}

#[tokio::test]
async fn the_version_is_agreed_on_or_insisted_on() {
    let (pem, acceptor) = identity(&[b"h2", b"http/1.1"]);
    let both = Http2::start(Some(acceptor), Habit::Answer, 100).await;
    let (old_pem, acceptor) = identity(&[b"http/1.1"]);
    let old = Server::start(Some(acceptor), ANSWER).await;
    let (silent_pem, acceptor) = identity(&[]);
    let silent = Server::start(Some(acceptor), ANSWER).await;
    let client = client(&ClientConfig::default());
    let ask = async |port: u16, pem: &str, version| {
        let to = endpoint(&format!("https://localhost:{port}"), trusting(pem, version));
        text(&client, &to).await
    };
    let ports = [(old.port, &old_pem), (silent.port, &silent_pem)];
    for (port, pem) in ports {
        for version in [HttpVersion::Auto, HttpVersion::Http1] {
            assert_eq!(ask(port, pem, version).await.unwrap(), "ok");
        }
        // A server that offers nothing in common may end the handshake, or leave the choice open.
        let error = ask(port, pem, HttpVersion::Http2).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::NeverSent, "{error}");
    }
    let error = ask(silent.port, &silent_pem, HttpVersion::Http2).await;
    let error = error.unwrap_err();
    assert!(matches!(error, UpstreamError::NoHttp2 { .. }), "{error}");
    assert!(error.to_string().contains("http_version"), "{error}");
    for version in [HttpVersion::Auto, HttpVersion::Http2] {
        assert_eq!(ask(both.port, &pem, version).await.unwrap(), "ok");
    }
    let heads = both.heads.lock().clone();
    assert!(
        heads.iter().all(|head| head.contains("HTTP/2.0")),
        "{heads:?}"
    );
}

#[tokio::test]
async fn in_plain_text_it_is_spoken_where_it_is_asked_for() {
    let server = Http2::start(None, Habit::Answer, 100).await;
    let client = client(&ClientConfig::default());
    let to = plain(server.port);
    assert_eq!(text(&client, &to).await.unwrap(), "ok");
    assert_eq!(text(&client, &to).await.unwrap(), "ok");
    assert_eq!(*server.connections.lock(), 1);

    let old = Server::start(None, ANSWER).await;
    let hasty = Manners {
        connect: Some(Duration::from_millis(200)),
        ..http2()
    };
    let to = endpoint(&format!("http://127.0.0.1:{}", old.port), hasty);
    let error = text(&client, &to).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::NeverSent, "{error}");
    assert!(old.heads.lock().is_empty());
}

#[tokio::test]
async fn a_connection_has_as_many_exchanges_as_both_ends_want() {
    let check = async |ours: usize, theirs: u32, connections: usize| {
        let server = Http2::start(None, Habit::AnswerTogether(6), theirs).await;
        let client = client(&ClientConfig {
            streams_per_connection: ours,
            ..ClientConfig::default()
        });
        for answer in burst(&client, &plain(server.port), 6).await {
            assert_eq!(answer.unwrap(), "ok");
        }
        assert_eq!(*server.connections.lock(), connections, "{ours} {theirs}");
    };
    check(100, 100, 1).await;
    check(2, 100, 3).await;
    check(100, 3, 2).await;
}

#[tokio::test]
async fn large_bodies_travel_both_ways() {
    let server = Http2::start(None, Habit::Echo, 100).await;
    let client = client(&ClientConfig::default());
    let to = plain(server.port);
    let body: Vec<u8> = (0..3_000_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    let request = Outbound {
        body: Bytes::from(body.clone()),
        ..outbound(&to)
    };
    let reply = client.exchange(&to, request).await.unwrap();
    let promised = reply.body.size_hint().exact();
    assert_eq!(promised, Some(3_000_000));
    let echoed = reply.body.collect().await.unwrap().to_bytes();
    assert!(echoed == body, "{} bytes", echoed.len());
}

#[tokio::test]
async fn an_answer_goes_on_when_its_client_is_replaced() {
    let server = Http2::start(None, Habit::Echo, 100).await;
    let client = client(&ClientConfig::default());
    let to = plain(server.port);
    // More than fits into any window.
    let request = Outbound {
        body: Bytes::from(vec![b'x'; 3_000_000]),
        ..outbound(&to)
    };
    let reply = client.exchange(&to, request).await.unwrap();
    drop(client);
    let echoed = reply.body.collect().await.unwrap().to_bytes();
    assert_eq!(echoed.len(), 3_000_000);
    let mut open = server.connections_open.clone();
    open.wait_for(|open| *open == 0).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_has_ended_is_heard() {
    let server = Http2::start(None, Habit::RefuseUnread, 100).await;
    let client = client(&ClientConfig::default());
    let to = plain(server.port);
    let request = Outbound {
        body: Bytes::from(vec![b'x'; 3_000_000]),
        ..outbound(&to)
    };
    let reply = client.exchange(&to, request).await.unwrap();
    assert_eq!(reply.status, 413);
    let told = reply.body.collect().await.unwrap().to_bytes();
    assert_eq!(told, "too much");
    assert_eq!(client.idle_connections(), 1);
}

#[tokio::test]
async fn what_is_dropped_is_reset_and_its_connection_goes_on() {
    let server = Http2::start(None, Habit::Half, 100).await;
    let client = client(&ClientConfig::default());
    let to = plain(server.port);
    // After its head.
    let reply = client.exchange(&to, outbound(&to)).await.unwrap();
    drop(reply);
    server.until_reset(1).await;
    // Before its head.
    let silent = Http2::start(None, Habit::Silent, 100).await;
    let asked = plain(silent.port);
    let asking = client.exchange(&asked, outbound(&asked));
    tokio::select! {
        _ = asking => panic!("nobody answers"),
        () = silent.until_asked(1) => {}
    }
    silent.until_reset(1).await;
    let again = client.exchange(&to, outbound(&to)).await.unwrap();
    assert_eq!(again.status, 200);
    assert_eq!(*server.connections.lock(), 1);
}

#[tokio::test]
async fn an_exchange_that_is_reset_says_how_far_it_came() {
    let client = client(&ClientConfig::default());
    let server = Http2::start(None, Habit::Reset, 100).await;
    let error = text(&client, &plain(server.port)).await.unwrap_err();
    assert!(matches!(error, UpstreamError::NoHead(_)), "{error}");
    assert_eq!(error.class(), FailureClass::BrokenOff);

    let server = Http2::start(None, Habit::ResetHalfway, 100).await;
    let error = text(&client, &plain(server.port)).await.unwrap_err();
    assert!(matches!(error, UpstreamError::BodyBroken(_)), "{error}");

    // The connection was none the worse.
    assert_eq!(client.idle_connections(), 2);
}

#[tokio::test]
async fn limits_hold_on_shared_connections() {
    let client = client(&ClientConfig::default());
    let short = Some(Duration::from_millis(80));
    let check = async |habit: Habit, manners: Manners| {
        let server = Http2::start(None, habit, 100).await;
        let to = endpoint(&format!("http://127.0.0.1:{}", server.port), manners);
        let error = text(&client, &to).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::TimedOut, "{error}");
        server.until_reset(1).await;
        error
    };
    let connect = short;
    let head = Manners {
        connect,
        first_byte: short,
        ..http2()
    };
    let error = check(Habit::Silent, head).await;
    assert!(
        matches!(error, UpstreamError::HeadTimeout { .. }),
        "{error}"
    );
    let idle = Manners {
        idle: short,
        ..http2()
    };
    let error = check(Habit::Half, idle).await;
    assert!(
        matches!(error, UpstreamError::IdleTimeout { .. }),
        "{error}"
    );
    let total = Manners {
        total: short,
        ..http2()
    };
    let error = check(Habit::Half, total).await;
    assert!(
        matches!(error, UpstreamError::TotalTimeout { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_refused_exchange_was_never_sent() {
    let server = Frames::start(refuses).await;
    let client = client(&ClientConfig::default());
    let error = text(&client, &plain(server.port)).await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::Unprocessed { .. }),
        "{error}"
    );
    assert_eq!(error.class(), FailureClass::NeverSent);
    assert!(error.is_passing());
    // It is not asked again at once.
    assert_eq!(*server.asked.lock(), 1);
}

#[tokio::test]
async fn who_goes_away_unasked_is_asked_on_another_connection() {
    let server = Frames::start(goes_away).await;
    let client = client(&ClientConfig::default());
    let error = text(&client, &plain(server.port)).await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::Unprocessed { .. }),
        "{error}"
    );
    assert_eq!(error.class(), FailureClass::NeverSent);
    assert_eq!(*server.asked.lock(), 3, "there is an end to it");
    assert_eq!(client.idle_connections(), 0);
}

#[tokio::test]
async fn a_provider_that_restarts_is_not_noticed() {
    let server = Http2::start(None, Habit::AnswerAndLeave, 100).await;
    let client = client(&ClientConfig::default());
    let to = plain(server.port);
    for _ in 0..5 {
        assert_eq!(text(&client, &to).await.unwrap(), "ok");
    }
    assert!(*server.connections.lock() >= 2);
    for answer in burst(&client, &to, 20).await {
        assert_eq!(answer.unwrap(), "ok");
    }
}

#[tokio::test]
async fn many_connections_that_go_away_at_once_are_not_noticed() {
    let server = Frames::with(begins, leaves).await;
    let client = client(&ClientConfig {
        streams_per_connection: 2,
        ..ClientConfig::default()
    });
    let to = plain(server.port);
    let mut replies = Vec::new();
    for _ in 0..10 {
        replies.push(client.exchange(&to, outbound(&to)).await.unwrap());
    }
    // One seat of each connection is free again, and worth nothing.
    let mut is_second = false;
    replies.retain(|_| {
        is_second = !is_second;
        is_second
    });
    let mut pongs = server.pongs.clone();
    pongs.wait_for(|pongs| *pongs == 5).await.unwrap();
    let reply = client.exchange(&to, outbound(&to)).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(*server.asked.lock(), 11, "nobody else was asked");
}

#[tokio::test]
async fn callers_who_read_nothing_take_nobody_along() {
    let server = Frames::start(tells_much).await;
    let client = client(&ClientConfig::default());
    let to = plain(server.port);
    let mut replies = Vec::new();
    for _ in 0..30 {
        replies.push(client.exchange(&to, outbound(&to)).await.unwrap());
    }
    for reply in replies {
        let body = reply.body.collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), EVENT * EVENTS);
    }
    assert_eq!(client.idle_connections(), 1);
}

#[tokio::test]
async fn many_callers_who_leave_at_once_take_nobody_along() {
    let server = Frames::with(begins, is_late).await;
    let client = client(&ClientConfig::default());
    let to = plain(server.port);
    let mut replies = Vec::new();
    for _ in 0..100 {
        replies.push(client.exchange(&to, outbound(&to)).await.unwrap());
    }
    let mut stays = replies.remove(0).body;
    drop(replies);
    for left in 0..99 {
        let piece = stays.frame().await.unwrap();
        assert_eq!(piece.unwrap().into_data().unwrap(), "y", "{left}");
    }
}

#[tokio::test]
async fn unused_connections_are_closed_in_time() {
    let server = Http2::start(None, Habit::Half, 100).await;
    let client = client(&ClientConfig {
        idle_keep: Duration::ZERO,
        ..ClientConfig::default()
    });
    let to = plain(server.port);
    let reply = client.exchange(&to, outbound(&to)).await.unwrap();
    client.sweep();
    assert_eq!(*server.connections_open.borrow(), 1, "it is used");
    drop(reply);
    assert_eq!(client.idle_connections(), 1);
    client.sweep();
    assert_eq!(client.idle_connections(), 0);
    let mut open = server.connections_open.clone();
    open.wait_for(|open| *open == 0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_lost_silently_is_given_up() {
    let server = Frames::start(frames::hears_nothing).await;
    let client = client(&ClientConfig::default());
    let error = text(&client, &plain(server.port)).await.unwrap_err();
    assert!(matches!(error, UpstreamError::NoHead(_)), "{error}");
    assert_eq!(error.class(), FailureClass::BrokenOff);
    assert_eq!(client.idle_connections(), 0);
}

#[tokio::test]
async fn a_tunnel_carries_it() {
    let (pem, acceptor) = identity(&[b"h2"]);
    let server = Http2::start(Some(acceptor), Habit::Answer, 100).await;
    let proxy = Proxy::start(None, crate::proxies::LEADS, server.port).await;
    let proxy_url = format!("http://127.0.0.1:{}", proxy.port);
    let manners = Manners {
        proxy: ProxyChoice::Through(ProxyAddress::parse(&proxy_url).unwrap()),
        ..trusting(&pem, HttpVersion::Auto)
    };
    let to = endpoint("https://localhost:1", manners);
    let client = client(&ClientConfig::default());
    for answer in burst(&client, &to, 5).await {
        assert_eq!(answer.unwrap(), "ok");
    }
    assert_eq!(proxy.heads.lock().len(), 1);
}
