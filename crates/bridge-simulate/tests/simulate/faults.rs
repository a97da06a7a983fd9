//! What goes wrong on request.

use std::io::Read;
use std::time::Duration;

use bridge_simulate::{Ends, SimulateConfig, Simulator};
use flate2::read::GzDecoder;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::client::{Answer, CHAT, MESSAGES, RESPONSES, ask, post, prompt, send, simulator};

const ALL: [&str; 3] = [MESSAGES, CHAT, RESPONSES];

async fn streamed(simulator: &Simulator, path: &str, order: &str) -> Answer {
    ask(simulator, path, &prompt(path, order, true)).await
}

async fn whole(simulator: &Simulator, path: &str, order: &str) -> Answer {
    ask(simulator, path, &prompt(path, order, false)).await
}

#[tokio::test]
async fn errors_have_the_providers_shape() {
    let simulator = simulator(SimulateConfig::default()).await;
    for (path, status, kind) in [
        (MESSAGES, 429, "rate_limit_error"),
        (MESSAGES, 529, "overloaded_error"),
        (MESSAGES, 500, "api_error"),
        (CHAT, 429, "requests"),
        (RESPONSES, 500, "server_error"),
    ] {
        let answer = streamed(&simulator, path, &format!("simulate:error={status}")).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json()["error"]["type"], kind, "{path} {status}");
        assert_eq!(answer.headers.contains_key("retry-after"), status == 429);
    }
    let answer = streamed(
        &simulator,
        CHAT,
        "simulate:error=529 simulate:retry-after=7",
    )
    .await;
    assert_eq!(answer.headers["retry-after"], "7");
}

#[tokio::test]
async fn a_fault_with_times_passes() {
    let simulator = simulator(SimulateConfig::default()).await;
    let order = "simulate:error=503 simulate:times=2";
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(whole(&simulator, CHAT, order).await.status.as_u16());
    }
    assert_eq!(statuses, [503, 503, 200, 200]);
}

#[tokio::test]
async fn a_stream_can_end_with_an_error() {
    let simulator = simulator(SimulateConfig::default()).await;
    for path in ALL {
        let answer = streamed(&simulator, path, "simulate:stream-error").await;
        assert_eq!(answer.status, 200);
        assert!(answer.broken.is_none(), "the stream itself ends well");
        let events = answer.events();
        let (name, data) = events.last().unwrap();
        match path {
            MESSAGES => assert_eq!(data["error"]["type"], "overloaded_error"),
            CHAT => assert_eq!(data["error"]["type"], "server_error"),
            _ => {
                assert_eq!(name, "error");
                assert_eq!(data["sequence_number"], events.len() - 1);
            }
        }
        assert!(events.len() > 5, "something came before");
    }
}

#[tokio::test]
async fn connections_break_off() {
    let simulator = simulator(SimulateConfig::default()).await;
    for path in ALL {
        for is_stream in [true, false] {
            let request = |order| post(path, prompt(path, order, is_stream).to_string());
            let answer = send(simulator.address(), request("simulate:reset-mid"))
                .await
                .unwrap();
            assert!(answer.broken.is_some(), "{path}");
            assert!(!answer.body.is_empty(), "{path}");
            let failed = send(simulator.address(), request("simulate:reset-before")).await;
            assert!(failed.is_err(), "{path}");
        }
    }
    assert_eq!(
        simulator.ends(),
        Ends {
            finished: 0,
            broken_off: 12
        }
    );
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let simulator = simulator(SimulateConfig::default()).await;
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    let body = prompt(CHAT, "simulate:reset-before", false).to_string();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let end = stream.read(&mut [0; 9]).await.unwrap_err();
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn answers_can_be_nonsense() {
    let simulator = simulator(SimulateConfig::default()).await;
    for path in ALL {
        let html = streamed(&simulator, path, "simulate:html").await;
        assert_eq!(html.status, 200);
        assert_eq!(html.headers["content-type"], "text/html; charset=utf-8");
        assert!(html.body.starts_with(b"<!DOCTYPE html>"));
        let empty = streamed(&simulator, path, "simulate:empty").await;
        assert_eq!((empty.status.as_u16(), empty.body.len()), (200, 0));
        let garbage = whole(&simulator, path, "simulate:garbage").await;
        assert_eq!(garbage.status, 200);
        assert!(serde_json::from_slice::<Value>(&garbage.body).is_err());
    }
}

#[tokio::test]
async fn gzip_holds_the_same_bytes() {
    let simulator = simulator(SimulateConfig::default()).await;
    for path in ALL {
        for is_stream in [true, false] {
            let body = prompt(path, "hello", is_stream).to_string();
            let plain = send(simulator.address(), post(path, body.clone()))
                .await
                .unwrap();
            let mut request = post(path, body);
            request
                .headers_mut()
                .insert("x-simulate", "gzip".parse().unwrap());
            let packed = send(simulator.address(), request).await.unwrap();
            assert_eq!(packed.headers["content-encoding"], "gzip");
            let mut unpacked = Vec::new();
            GzDecoder::new(&*packed.body)
                .read_to_end(&mut unpacked)
                .unwrap();
            assert_eq!(unpacked, plain.body);
        }
    }
}

#[tokio::test]
async fn events_have_the_asked_number_and_size() {
    let simulator = simulator(SimulateConfig::default()).await;
    for (path, pointer) in [
        (MESSAGES, "/delta/text"),
        (CHAT, "/choices/0/delta/content"),
        (RESPONSES, "/delta"),
    ] {
        let order = "simulate:events=500 simulate:bytes=100";
        let answer = streamed(&simulator, path, order).await;
        let events = answer.events();
        let sizes = events
            .iter()
            .filter_map(|event| event.1.pointer(pointer)?.as_str());
        let sizes: Vec<usize> = sizes.map(str::len).filter(|size| *size > 0).collect();
        assert_eq!(sizes, vec![100; 500], "{path}");
    }
}

/// Asks with a header and says how long the answer took, by the clock of tokio.
async fn elapsed(simulator: &Simulator, path: &str, is_stream: bool, order: &str) -> Duration {
    let mut request = post(path, prompt(path, "hello", is_stream).to_string());
    request
        .headers_mut()
        .insert("x-simulate", order.parse().unwrap());
    let asked = Instant::now();
    let answer = send(simulator.address(), request).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.broken.is_none());
    asked.elapsed()
}

#[tokio::test(start_paused = true)]
async fn answers_take_their_time() {
    let simulator = simulator(SimulateConfig::default()).await;
    let check = async |is_stream: bool, order: &str, at_least: u64, below: u64| {
        let took = elapsed(&simulator, CHAT, is_stream, order).await;
        let span = Duration::from_millis(at_least)..Duration::from_millis(below);
        assert!(span.contains(&took), "{order}: {took:?}");
    };
    check(true, "delay=5000", 5000, 6000).await;
    check(false, "delay=5000", 5000, 6000).await;
    check(true, "silence=7000", 7000, 8000).await;
    check(false, "silence=7000", 7000, 8000).await;
    // Ninety pieces of text, and the chunks for the role, the end and `[DONE]`.
    check(true, "pace=1000 events=90", 92_000, 93_500).await;
    check(false, "pace=1000 events=90", 0, 1000).await;
    check(false, "drip pace=10", 3000, 20_000).await;
}

#[tokio::test(start_paused = true)]
async fn a_dripping_stream_says_the_same() {
    let simulator = simulator(SimulateConfig::default()).await;
    let plain = streamed(&simulator, MESSAGES, "simulate:events=1").await;
    let mut request = post(
        MESSAGES,
        prompt(MESSAGES, "simulate:events=1", true).to_string(),
    );
    request
        .headers_mut()
        .insert("x-simulate", "drip".parse().unwrap());
    let asked = Instant::now();
    let dripped = send(simulator.address(), request).await.unwrap();
    assert_eq!(plain.body, dripped.body);
    let seconds = u64::try_from(plain.body.len()).unwrap() - 1;
    assert!(asked.elapsed() >= Duration::from_secs(seconds));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_answer_never_comes_and_is_counted_when_the_caller_leaves() {
    let simulator = simulator(SimulateConfig::default()).await;
    let request = post(CHAT, prompt(CHAT, "simulate:hang", true).to_string());
    let hour = Duration::from_secs(3600);
    assert!(
        timeout(hour, send(simulator.address(), request))
            .await
            .is_err()
    );
    let broken_off = async {
        while simulator.ends().broken_off == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), broken_off).await.unwrap();
}

#[tokio::test]
async fn mistakes_in_orders_are_told() {
    let simulator = simulator(SimulateConfig::default()).await;
    for path in ALL {
        let answer = whole(&simulator, path, "simulate:thunk").await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.json()["error"]["message"],
            "unknown directive `thunk`"
        );
    }
}
