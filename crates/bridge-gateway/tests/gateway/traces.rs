//! What a trace says of attempts, and what providers are told of it.

use bridge_telemetry::Metrics;
use bridge_telemetry::trace::{FinishedSpan, Ratio, SpanQueue, TraceContext, Tracer, TracerConfig};

use crate::support::{Setup, World, call, json};

const KEY: &str = "Authorization: Bearer alice-key";
const LINE: &str = "POST /anthropic/v1/messages HTTP/1.1";
const BODY: &[u8] = br#"{"model":"m","messages":[]}"#;
const ANSWER: &str =
    r#"{"id":"x","type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":4}}"#;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Traces of all requests, with the end of the queue at which spans come out.
fn tracer(tell_providers: bool) -> (Tracer, SpanQueue) {
    let config = TracerConfig {
        ratio: Ratio::ALL,
        follow_callers: true,
        content: false,
        tell_providers,
        waiting: 64,
    };
    Tracer::start(config, &Metrics::default())
}

/// All spans of the one request that this world serves, as they are shown.
async fn spans(setup: Setup, mut queue: SpanQueue, key: &str) -> Vec<String> {
    let world = World::with(setup).await;
    call(world.address, &[LINE, key], BODY).await;
    let mut spans = Vec::new();
    let is_over = |spans: &[FinishedSpan]| spans.iter().any(|span| shown(span).contains("Server"));
    while !is_over(&spans) {
        assert!(queue.more(&mut spans, 64).await);
    }
    spans.iter().map(shown).collect()
}

fn shown(span: &FinishedSpan) -> String {
    format!("{span:?}")
}

#[tokio::test]
async fn the_last_refusal_of_all_keys_is_the_attempt_that_says_how_it_ended() {
    let (tracer, queue) = tracer(false);
    let refused = || json("429 Too Many Requests", "{\"error\":{}}");
    let setup = Setup {
        tracer,
        keys: vec!["key-0", "key-1"],
        ..Setup::playing(vec![refused(), refused()])
    };
    let spans = spans(setup, queue, KEY).await;
    let attempts: Vec<_> = spans
        .iter()
        .filter(|it| it.contains("\"chat m\""))
        .collect();
    let [first, last] = attempts[..] else {
        panic!("{spans:?}");
    };
    assert!(!first.contains("bridge.outcome"), "{first}");
    for refused in [first, last] {
        let status = "(\"error.type\", Text(\"429\"))";
        assert!(refused.contains(status), "{refused}");
    }
    assert!(
        last.contains("bridge.outcome") && last.contains("k...1"),
        "{last}"
    );
}

#[tokio::test]
async fn an_address_of_version_6_is_shown_without_its_brackets() {
    let (tracer, queue) = tracer(false);
    let setup = Setup {
        tracer,
        base_url: Some("http://[::1]".to_owned()),
        ..Setup::playing(Vec::new())
    };
    let spans = spans(setup, queue, KEY).await;
    let attempt = spans.iter().find(|it| it.contains("\"chat m\"")).unwrap();
    assert!(
        attempt.contains("(\"server.address\", Text(\"::1\"))"),
        "{attempt}"
    );
    assert!(
        attempt.contains("(\"server.port\", Whole(80))"),
        "{attempt}"
    );
}

#[tokio::test]
async fn who_is_not_let_in_is_refused_for_the_same_reason_everywhere() {
    let (tracer, queue) = tracer(false);
    let setup = Setup {
        tracer,
        ..Setup::playing(Vec::new())
    };
    let spans = spans(setup, queue, "Authorization: Basic a2V5").await;
    assert_eq!(spans.len(), 2, "{spans:?}");
    for span in &spans {
        assert!(
            span.contains("(\"error.type\", Text(\"malformed_credential\"))"),
            "{span}"
        );
    }
}

/// The `traceparent` and `tracestate` of each attempt, of a caller whose trace this is.
async fn told(tell_providers: bool, flags: &str) -> Vec<(String, String)> {
    let (tracer, _queue) = tracer(tell_providers);
    let refused = json("429 Too Many Requests", "{\"error\":{}}");
    let world = World::with(Setup {
        tracer,
        keys: vec!["key-0", "key-1"],
        ..Setup::playing(vec![refused, json("200 OK", ANSWER)])
    })
    .await;
    let parent = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-{flags}");
    let reply = call(
        world.address,
        &[LINE, KEY, &parent, "tracestate: v=1"],
        BODY,
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = world.provider.seen();
    let header = |at: usize, name: &str| seen[at].header(name).unwrap_or_default().to_owned();
    (0..seen.len())
        .map(|at| (header(at, "traceparent"), header(at, "tracestate")))
        .collect()
}

#[tokio::test]
async fn what_a_caller_says_of_its_trace_passes_unless_the_gateway_tells_of_its_own() {
    let own = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let passed = told(false, "01").await;
    assert_eq!(
        passed,
        [(own.clone(), "v=1".to_owned()), (own, "v=1".to_owned())]
    );
    let told = told(true, "01").await;
    let spans: Vec<_> = told
        .iter()
        .map(|(parent, state)| {
            let context = TraceContext::parse(parent).unwrap();
            assert_eq!(
                (context.trace_id().as_str(), state.as_str()),
                (TRACE, "v=1")
            );
            assert!(context.is_sampled());
            context.span_id()
        })
        .collect();
    assert_eq!(spans.len(), 2);
    assert!(
        spans[0] != spans[1],
        "each attempt has a span of its own: {spans:?}"
    );
    assert!(!spans.contains(&"00f067aa0ba902b7".to_owned()), "{spans:?}");
}

#[tokio::test]
async fn a_trace_that_nobody_writes_down_is_told_as_such() {
    for (parent, _) in told(true, "00").await {
        let context = TraceContext::parse(&parent).unwrap();
        assert_eq!(context.trace_id(), TRACE);
        assert!(!context.is_sampled());
    }
}
