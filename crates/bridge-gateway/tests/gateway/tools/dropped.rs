//! A turn that is dropped, wherever it is: its records are whole, and nothing ran twice.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bridge_auth::RequestSource;
use bridge_gateway::InProcess;
use bridge_intercept::{AftercareLimits, OnAbort};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};

use super::stage::{Stage, patient};
use super::voice::{Call, Dialect, Says};
use crate::support::Setup;

const CALLS: [Call; 2] = [
    ("call_1", "bmcp_docs_find", "{}"),
    ("call_2", "bmcp_docs_echo", "{}"),
];
/// More often than this no turn is polled.
const MOST_POLLS: usize = 400;

/// Polls a turn so many times at most and drops it. Says whether it came to its end before.
async fn polled(stage: &Stage, dialect: Dialect, is_stream: bool, polls: usize) -> bool {
    let world = &stage.world;
    let host = InProcess::new(world.gateway.clone(), world.seal.clone());
    let agents = RequestSource::new("agents").unwrap();
    let transport = host.transport_for("anthropic", agents).unwrap();
    let request = Request::post("https://ignored/v1/messages");
    let request = request.body(Full::<Bytes>::from(dialect.request(is_stream)));
    let turn = async {
        let sent = transport.send("alice-id", request.unwrap()).await.unwrap();
        sent.into_body().collect().await.unwrap()
    };
    let (mut turn, mut left) = (pin!(turn), polls);
    poll_fn(|cx| {
        let Some(fewer) = left.checked_sub(1) else {
            return Poll::Ready(false);
        };
        left = fewer;
        turn.as_mut().poll(cx).map(|_| true)
    })
    .await
}

fn assert_whole(stage: &Stage, case: &str) {
    let order = stage.order();
    let count = |kind| order.iter().filter(|it| **it == kind).count();
    assert_eq!(count("started"), 1, "{case} {order:?}");
    assert_eq!(count("ended"), 1, "{case} {order:?}");
    assert_eq!(order.last(), Some(&"ended"), "{case} {order:?}");
    assert!(count("prompt") <= 1, "{case} {order:?}");
    let used = stage.used();
    let mut ids: Vec<_> = used.iter().map(|it| it.call_id.as_str()).collect();
    ids.sort_unstable();
    match count("tokens") {
        // Dropped in the middle of the first answer, of which a call may have been seen.
        0 => assert!(ids.windows(2).all(|two| two[0] != two[1]), "{case} {ids:?}"),
        1 | 2 if ids.is_empty() => assert!(count("tokens") == 1, "{case} {order:?}"),
        1 | 2 => assert!(
            ids == ["call_1", "call_2"] || (ids == ["call_1"] && count("tokens") == 1),
            "{case} {ids:?}"
        ),
        more => panic!("{case} {more} times tokens"),
    }
    let seen = stage.docs.seen();
    let mut ran: Vec<_> = seen.calls.iter().map(|call| call.tool.clone()).collect();
    ran.sort_unstable();
    assert!(ran.windows(2).all(|two| two[0] != two[1]), "{case} {ran:?}");
    assert!(stage.world.provider.seen().len() <= 2, "{case}");
}

#[tokio::test]
async fn a_turn_that_is_dropped_at_any_time_leaves_whole_records() {
    let dialect = Dialect::Anthropic;
    for on_abort in [OnAbort::Cancel, OnAbort::ReadOn(AftercareLimits::default())] {
        for is_stream in [true, false] {
            for polls in 0..=MOST_POLLS {
                let case = format!("{on_abort:?} {is_stream} {polls}");
                let mut setup = Setup::playing(vec![
                    dialect.answer(is_stream, "first", Says::Calls("a", &CALLS)),
                    dialect.answer(is_stream, "second", Says::Text("done")),
                ]);
                setup.intercept.on_abort = on_abort;
                let stage = Stage::with(setup, patient()).await;
                let is_over = polled(&stage, dialect, is_stream, polls).await;
                if !stage.world.started().is_empty() {
                    stage.world.ended(1).await;
                    assert_whole(&stage, &case);
                }
                if is_over {
                    assert_eq!(stage.used().len(), 2, "{case}");
                    break;
                }
                assert!(polls < MOST_POLLS, "{case}: it never ends");
            }
        }
    }
}
