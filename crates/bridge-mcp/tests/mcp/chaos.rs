//! Five servers, each with its own way of being trouble. What must hold is listed in the README.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;

use bridge_auth::ActorId;
use bridge_mcp::{Caller, McpConfig};

use crate::authority::{LONG, Told, arrive, caller, house, names, open, quick, spec};
use crate::server::{Reply, ToolHall, tool};

/// Nothing listens there.
async fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/mcp")
}

#[tokio::test]
async fn each_kind_of_trouble_costs_its_own_tools_only() {
    let good = ToolHall::start(&["a"]).await;
    let slow = ToolHall::start(&["s"]).await;
    slow.script(|_| Some(Reply::Stall(b"")));
    let broken = ToolHall::start(&["x"]).await;
    broken.script(|seen| {
        let listing = r#"{"tools":[{"name":"x"},"#.to_owned();
        (seen.method() == "tools/list").then_some(Reply::Result(listing))
    });
    let doubled = ToolHall::start(&["ok"]).await;
    let twice = r#"{"name":"t","inputSchema":{"type":"object","type":"object"}}"#;
    doubled.state.tools.lock().push(twice.to_owned());
    let (_told, house, catalogue) = open(&[
        ("broken", broken.url()),
        ("dead", dead().await),
        ("doubled", doubled.url()),
        ("good", good.url()),
        ("slow", slow.url()),
    ]);

    let wait = Duration::from_millis(300);
    let started = tokio::time::Instant::now();
    catalogue.ready(wait).await;
    assert!(started.elapsed() >= wait, "the slow one was waited for");
    arrive(&catalogue, &["bmcp_doubled_ok", "bmcp_good_a"]).await;
    let shelf = catalogue.current();
    let good_one = shelf.tool("bmcp_good_a").unwrap();
    catalogue.call(good_one, "{}", LONG).await.unwrap();

    // Once waited for, nobody waits again, whatever `wait` says.
    let again = tokio::time::timeout(LONG, catalogue.ready(Duration::from_secs(3_600)));
    assert_eq!(again.await.unwrap().version(), shelf.version());

    let figures = house.figures();
    let broken_one = &figures.servers[0];
    assert_eq!(
        (broken_one.down, broken_one.trouble),
        (1, Some("malformed"))
    );
    assert_eq!(figures.servers[1].trouble, Some("unreachable"));
    assert_eq!(
        (figures.servers[2].open, figures.servers[2].left_out),
        (1, 1)
    );
    assert_eq!((figures.servers[4].opening, figures.catalogues), (1, 1));
    house.close().await;
}

#[tokio::test]
async fn what_one_identity_waited_for_in_vain_costs_no_other_the_time() {
    let good = ToolHall::start(&["a"]).await;
    let slow = ToolHall::start(&["s"]).await;
    slow.script(|_| Some(Reply::Stall(b"")));
    let (_told, house, first) = open(&[("good", good.url()), ("slow", slow.url())]);
    // Nothing comes in no time at all.
    assert!(first.ready(Duration::ZERO).await.is_empty());
    arrive(&first, &["bmcp_good_a"]).await;

    let other = || Caller {
        actor: ActorId::from_bytes([8; 16]),
        ..caller()
    };
    let hour = Duration::from_secs(3_600);
    let second = house.catalogue(other());
    tokio::time::timeout(LONG, second.ready(hour))
        .await
        .unwrap();
    arrive(&second, &["bmcp_good_a"]).await;

    // It is as quick as others now.
    slow.behave();
    drop((first, second));
    let third = house.catalogue(other());
    tokio::time::timeout(LONG, third.ready(hour)).await.unwrap();
    arrive(&third, &["bmcp_good_a", "bmcp_slow_s"]).await;
    let fourth = house.catalogue(caller());
    let shelf = tokio::time::timeout(LONG, fourth.ready(hour))
        .await
        .unwrap();
    assert_eq!(shelf.tools().len(), 2);
}

#[tokio::test]
async fn a_server_that_comes_back_has_its_tools_in_the_next_request() {
    let hall = ToolHall::start(&["a"]).await;
    hall.script(|_| Some(Reply::Status(503, String::new())));
    let (_told, house, catalogue) = open(&[("one", hall.url())]);
    assert!(catalogue.ready(LONG).await.is_empty());
    assert_eq!(house.figures().servers[0].trouble, Some("status"));
    hall.behave();
    arrive(&catalogue, &["bmcp_one_a"]).await;
}

#[tokio::test]
async fn a_server_that_breaks_every_stream_is_not_asked_for_one_all_the_time() {
    let hall = ToolHall::start(&["a"]).await;
    hall.script(|seen| {
        let broken = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
            Content-Length: 99\r\n\r\nretry: 0\n\n";
        (seen.verb == "GET").then(|| Reply::Raw(broken.as_bytes().to_vec()))
    });
    let started = tokio::time::Instant::now();
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    assert_eq!(catalogue.ready(LONG).await.tools().len(), 1);
    hall.until("it was asked twice", |state| {
        let seen = state.seen.lock();
        seen.iter().filter(|seen| seen.verb == "GET").count() >= 2
    })
    .await;
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_server_that_opens_well_and_fails_at_once_is_not_opened_all_the_time() {
    let hall = ToolHall::start(&["a"]).await;
    let mut listed = HashSet::new();
    hall.script(move |seen| {
        let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
        if seen.verb == "GET" {
            return Some(Reply::Events(vec![changed.to_owned()]));
        }
        let session = seen.header("mcp-session-id").to_owned();
        let is_second = seen.method() == "tools/list" && !listed.insert(session);
        is_second.then(|| Reply::Status(503, String::new()))
    });
    let told = Arc::new(Told::default());
    told.grant(vec![(spec("one", &hall.url()), None)]);
    let pause = Duration::from_millis(500);
    let config = McpConfig {
        first_retry: pause,
        last_retry: Duration::from_secs(60),
        ..quick()
    };
    let house = house(&told, config);
    let catalogue = house.catalogue(caller());
    let started = tokio::time::Instant::now();
    catalogue.ready(LONG).await;
    hall.until("it is opened a third time", |_| {
        hall.count("initialize") >= 3
    })
    .await;
    assert!(started.elapsed() >= pause);
    // Its tools are there all the while.
    assert_eq!(names(&catalogue), ["bmcp_one_a"]);
}

#[tokio::test]
async fn a_server_that_asks_and_takes_no_answers_piles_up_nothing() {
    let hall = ToolHall::start(&["a"]).await;
    hall.script(|seen| {
        if seen.verb == "GET" {
            let pings =
                (0..5_000).map(|n| format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"ping"}}"#));
            return Some(Reply::Events(pings.collect()));
        }
        let is_answer = seen.verb == "POST" && seen.method().is_empty();
        is_answer.then_some(Reply::Stall(b""))
    });
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    let shelf = catalogue.ready(LONG).await;
    hall.until("all of the first stream was read", |state| {
        let seen = state.seen.lock();
        seen.iter().filter(|seen| seen.verb == "GET").count() >= 2
    })
    .await;
    let tasks = tokio::runtime::Handle::current().metrics();
    assert!(tasks.num_alive_tasks() < 500, "{}", tasks.num_alive_tasks());
    catalogue.call(&shelf.tools()[0], "{}", LONG).await.unwrap();
}

#[tokio::test]
async fn changes_that_a_server_tells_are_heard() {
    let hall = ToolHall::start(&["a"]).await;
    hall.script(|seen| (seen.verb == "GET").then_some(Reply::Status(202, String::new())));
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    catalogue.ready(LONG).await;
    hall.until("it is listened to", |state| {
        state.seen.lock().iter().any(|seen| seen.verb == "GET")
    })
    .await;
    *hall.state.tools.lock() = vec![tool("b")];
    hall.tell_changed();
    arrive(&catalogue, &["bmcp_one_b"]).await;
    // A tool that is gone is the server's to refuse.
    let gone = catalogue.current();
    assert!(gone.tool("bmcp_one_a").is_none());
}

#[tokio::test]
async fn a_server_that_dies_loses_its_tools_when_a_call_finds_out() {
    let hall = ToolHall::start(&["a"]).await;
    let (_told, house, catalogue) = open(&[("one", hall.url())]);
    let shelf = catalogue.ready(LONG).await;
    hall.script(|_| {
        Some(Reply::Raw(
            b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n".to_vec(),
        ))
    });
    let tool = shelf.tool("bmcp_one_a").unwrap();
    let error = catalogue.call(tool, "{}", LONG).await.unwrap_err();
    assert_eq!(error.kind(), "status", "{error}");
    arrive(&catalogue, &[]).await;
    assert_eq!(
        catalogue.call(tool, "{}", LONG).await.unwrap_err().kind(),
        "not_open"
    );
    hall.behave();
    arrive(&catalogue, &["bmcp_one_a"]).await;
    catalogue.call(tool, "{}", LONG).await.unwrap();
    house.close().await;
}

#[tokio::test]
async fn all_pages_are_read_and_no_more_than_there_may_be() {
    let hall = ToolHall::start(&[]).await;
    hall.script(|seen| {
        let page = |page: u32| {
            let tool = tool(&format!("t{page}"));
            let next = if page < 3 {
                format!(r#","nextCursor":"{}""#, page + 1)
            } else {
                String::new()
            };
            Reply::Result(format!(r#"{{"tools":[{tool}]{next}}}"#))
        };
        let at = seen.body.split(r#""cursor":""#).nth(1);
        let at = at.map_or(0, |rest| rest[..1].parse().unwrap());
        (seen.method() == "tools/list").then(|| page(at))
    });
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    catalogue.ready(LONG).await;
    assert_eq!(
        names(&catalogue),
        ["bmcp_one_t0", "bmcp_one_t1", "bmcp_one_t2", "bmcp_one_t3"]
    );

    // One that always has another page, one that has too many tools, and one that has too much.
    let trouble = |hall: &ToolHall| {
        let (told, house, catalogue) = open(&[("one", hall.url())]);
        async move {
            assert!(catalogue.ready(LONG).await.is_empty());
            let trouble = house.figures().servers[0].trouble;
            drop(told);
            trouble
        }
    };
    hall.script(|seen| {
        let endless = r#"{"tools":[],"nextCursor":"x"}"#.to_owned();
        (seen.method() == "tools/list").then_some(Reply::Result(endless))
    });
    assert_eq!(trouble(&hall).await, Some("too_many"));
    hall.behave();
    *hall.state.tools.lock() = (0..129).map(|n| tool(&format!("t{n}"))).collect();
    assert_eq!(trouble(&hall).await, Some("too_many"));
    // What an operator does not let through does not count.
    let told = Arc::new(Told::default());
    let mut few = spec("one", &hall.url());
    few.allow = vec!["^t7$".to_owned()];
    told.grant(vec![(few, None)]);
    let house = house(&told, quick());
    let catalogue = house.catalogue(caller());
    catalogue.ready(LONG).await;
    assert_eq!(names(&catalogue), ["bmcp_one_t7"]);
    *hall.state.tools.lock() = vec![tool(&"t".repeat(2 << 20))];
    assert_eq!(trouble(&hall).await, Some("too_large"));
}

#[tokio::test]
async fn nonsense_of_every_kind_is_an_error_and_nothing_worse() {
    let nonsense: &[&[u8]] = &[
        b"",
        b"\x00\xff\xfe",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n{]}",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {]}\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 7\n\ndata:\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\
          Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 307 Away\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
    ];
    for (at, bytes) in nonsense.iter().enumerate() {
        for method in ["initialize", "tools/list"] {
            let hall = ToolHall::start(&["a"]).await;
            let asked = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&asked);
            hall.script(move |seen| {
                (seen.method() == method).then(|| {
                    counted.fetch_add(1, Ordering::SeqCst);
                    Reply::Raw(bytes.to_vec())
                })
            });
            let (told, house, catalogue) = open(&[("one", hall.url())]);
            // A request that is answered with "accepted" waits for its answer, within the limit.
            let wait = if bytes.starts_with(b"HTTP/1.1 202") {
                Duration::from_millis(100)
            } else {
                LONG
            };
            assert!(catalogue.ready(wait).await.is_empty(), "{at} {method}");
            hall.until("it was asked", |_| asked.load(Ordering::SeqCst) > 0)
                .await;
            hall.behave();
            if wait == LONG {
                arrive(&catalogue, &["bmcp_one_a"]).await;
            }
            drop(told);
            house.close().await;
        }
    }
}

#[tokio::test]
async fn of_a_server_that_is_too_slow_nothing_is_left_open() {
    let stalls: [&[u8]; 4] = [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: wait\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
        b"HTTP/1.1 500 No\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    ];
    for method in ["initialize", "notifications/initialized", "tools/list"] {
        // To a notification the head of any good answer is enough.
        let is_request = !method.starts_with("notifications/");
        for stall in stalls.into_iter().take(if is_request { 4 } else { 1 }) {
            let hall = ToolHall::start(&["a"]).await;
            hall.script(move |seen| (seen.method() == method).then_some(Reply::Stall(stall)));
            let told = Arc::new(Told::default());
            told.grant(vec![(spec("one", &hall.url()), None)]);
            let patience = McpConfig {
                opening: Duration::from_millis(100),
                listeners: 0,
                ..quick()
            };
            let house = house(&told, patience);
            let catalogue = house.catalogue(caller());
            assert!(catalogue.ready(LONG).await.is_empty());
            let trouble = house.figures().servers[0].trouble;
            assert_eq!(trouble, Some("timed_out"), "{method}");
            hall.until("it was tried", |_| hall.count(method) > 0).await;
            house.close().await;
            hall.until("all is left", |state| {
                *state.left.lock() == hall.count(method)
            })
            .await;
        }
    }
}
