//! Clients that go away while tools run, and those that wait.

use std::time::Duration;

use bridge_intercept::{AftercareLimits, OnAbort};
use bridge_record::Outcome;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::stage::{KEY, Stage, patient};
use super::voice::{Call, DIALECTS, Dialect, Says};
use crate::support::{Setup, open, take_ready, until};

const NEVER: [Call; 1] = [("call_1", "bmcp_docs_never", "{}")];

/// A turn whose tool runs, with the client's connection.
async fn running(dialect: Dialect, is_stream: bool, on_abort: OnAbort) -> (Stage, TcpStream) {
    let says = Says::Calls("well", &NEVER);
    let mut setup = Setup::playing(vec![
        dialect.answer(is_stream, "first", says),
        dialect.answer(is_stream, "second", Says::Text("never asked")),
    ]);
    setup.intercept.on_abort = on_abort;
    setup.intercept.ping_after = Duration::from_millis(1);
    let stage = Stage::with(setup, patient()).await;
    let body = dialect.request(is_stream);
    let stream = open(stage.world.address, &[dialect.line(), KEY], body.as_bytes()).await;
    let began = stage.docs.wait_for(|seen| !seen.calls.is_empty());
    timeout(Duration::from_secs(20), began).await.unwrap();
    (stage, stream)
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_call_of_the_tool() {
    let reading_on = OnAbort::ReadOn(AftercareLimits::default());
    for on_abort in [OnAbort::Cancel, reading_on] {
        for dialect in DIALECTS {
            for is_stream in [true, false] {
                let (stage, stream) = running(dialect, is_stream, on_abort).await;
                drop(stream);
                let ended = stage.world.ended(1).await.remove(0);
                let case = (dialect, is_stream, on_abort);
                assert_eq!(ended.outcome, Outcome::Aborted, "{case:?}");
                stage.sees_cancellation().await;
                assert_eq!(stage.world.provider.seen().len(), 1, "{case:?}");
                let used = stage.used().remove(0);
                assert_eq!(
                    used.invocation_error.as_deref(),
                    Some("cancelled"),
                    "{case:?}"
                );
                let order = ["started", "prompt", "tokens", "tool", "ended"];
                assert_eq!(stage.order(), order, "{case:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_waits_hears_that_somebody_is_there() {
    for dialect in DIALECTS {
        let (stage, stream) = running(dialect, true, OnAbort::Cancel).await;
        let sign = match dialect {
            Dialect::Anthropic => "event: ping\ndata: ",
            Dialect::Chat | Dialect::Responses => ": still here\n\n",
        };
        let seen = std::cell::RefCell::new(Vec::new());
        let count = || {
            let mut bytes = seen.borrow_mut();
            take_ready(&stream, &mut bytes);
            String::from_utf8_lossy(&bytes).matches(sign).count()
        };
        until(|| count() > 3).await;
        drop(stream);
        stage.world.ended(1).await;
    }
}
