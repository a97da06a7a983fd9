//! What was good for the first round and is not for the second.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bridge_guard::BreakerConfig;
use bridge_record::{ErrorType, Outcome};
use tokio::sync::Notify;

use super::stage::{KEY, Stage, held, patient};
use super::voice::{Call, DIALECTS, Dialect, Says};
use crate::support::{Reply, Script, Setup, call, json, until};

const CALLS: [Call; 1] = [("call_1", "bmcp_docs_find", "{}")];

/// An answer that calls a tool, and says its last word when it is let.
fn calling(dialect: Dialect, is_stream: bool, release: &Arc<Notify>) -> Script {
    let script = dialect.answer(is_stream, "first", Says::Calls("a", &CALLS));
    held(script, is_stream, release)
}

/// Asks, and does something while the first answer has not come to its end.
async fn meanwhile(
    stage: &Stage,
    dialect: Dialect,
    is_stream: bool,
    release: &Notify,
    then: impl Future<Output = ()>,
) -> Reply {
    let body = dialect.request(is_stream);
    let asking = stage.ask(dialect, &body);
    let doing = async {
        until(|| !stage.world.provider.seen().is_empty()).await;
        then.await;
        release.notify_one();
    };
    tokio::join!(asking, doing).0
}

fn assert_failed(reply: &Reply, is_stream: bool, status: u16) {
    let text = reply.text();
    assert!(text.contains("error"), "{text}");
    assert!(
        !text.contains("[DONE]") && !text.contains("message_stop"),
        "{text}"
    );
    if is_stream {
        assert_eq!((reply.status, reply.is_whole), (200, true), "{text}");
    } else {
        assert_eq!(reply.status, status, "{text}");
        assert_eq!(reply.header("x-should-retry"), Some("false"));
    }
}

#[tokio::test]
async fn who_may_not_use_the_model_any_more_gets_no_further_round() {
    for dialect in DIALECTS {
        for is_stream in [true, false] {
            let release = Arc::new(Notify::new());
            let scripts = vec![calling(dialect, is_stream, &release)];
            let stage = Stage::playing(scripts).await;
            let then = async {
                let withdrawn = &stage.world.asked.is_withdrawn;
                withdrawn.store(true, Ordering::SeqCst);
            };
            let reply = meanwhile(&stage, dialect, is_stream, &release, then).await;
            assert_failed(&reply, is_stream, 403);
            let ended = stage.world.ended(1).await.remove(0);
            assert_eq!(ended.outcome, Outcome::Failed);
            assert_eq!(ended.error_type, Some(ErrorType::Unauthorized));
            assert_eq!(stage.world.provider.seen().len(), 1);
            let order = ["started", "prompt", "tokens", "tool", "ended"];
            assert_eq!(stage.order(), order, "{dialect:?} {is_stream}");
        }
    }
}

#[tokio::test]
async fn a_breaker_that_opened_meanwhile_ends_the_turn() {
    for is_stream in [true, false] {
        let dialect = Dialect::Anthropic;
        let release = Arc::new(Notify::new());
        let mut setup = Setup::playing(vec![
            calling(dialect, is_stream, &release),
            json("503 Busy", "{}"),
        ]);
        setup.intercept.breaker = Some(BreakerConfig {
            failures: 1,
            ..BreakerConfig::default()
        });
        let stage = Stage::with(setup, patient()).await;
        let then = async {
            let body = dialect.request(is_stream);
            let lines = [dialect.line(), KEY];
            let busy = call(stage.world.address, &lines, body.as_bytes()).await;
            assert_eq!(busy.status, 503, "{}", busy.text());
        };
        let reply = meanwhile(&stage, dialect, is_stream, &release, then).await;
        assert_failed(&reply, is_stream, 503);
        let ended = stage.world.ended(2).await.remove(1);
        assert_eq!(ended.outcome, Outcome::Failed);
        assert_eq!(ended.error_type, Some(ErrorType::Overloaded));
        assert_eq!(stage.world.provider.seen().len(), 2);
        assert_eq!(stage.docs.seen().calls.len(), 1);
    }
}
