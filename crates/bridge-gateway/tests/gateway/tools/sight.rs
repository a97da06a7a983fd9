//! What those see of rounds who look from outside: breakers, traces and dumps.

use std::fs;
use std::sync::Arc;

use bridge_gateway::GatewayConfig;
use bridge_intercept::{Blueprint, BreakerConfig};
use bridge_telemetry::Metrics;
use bridge_telemetry::trace::{Ratio, Tracer, TracerConfig};
use bridge_upstream::{DumpConfig, Dumps};

use super::stage::{Stage, patient};
use super::voice::{Call, DIALECTS, Dialect, Says};
use crate::support::{Script, Setup, Step, json};

const CALLS: [Call; 1] = [("call_1", "bmcp_docs_find", "{}")];

fn two_rounds(dialect: Dialect, is_stream: bool) -> Vec<Script> {
    vec![
        dialect.answer(is_stream, "first", Says::Calls("a", &CALLS)),
        dialect.answer(is_stream, "second", Says::Text("done")),
    ]
}

#[tokio::test]
async fn a_further_round_that_fails_opens_the_breaker() {
    for dialect in DIALECTS {
        for is_stream in [true, false] {
            let overloaded = || json("503 Busy", "{}");
            let reset = || vec![Step::Reset];
            for fault in [overloaded(), reset()] {
                let calls = || dialect.answer(is_stream, "first", Says::Calls("a", &CALLS));
                let mut setup = Setup::playing(vec![calls(), fault]);
                setup.intercept.breaker = Some(BreakerConfig {
                    failures: 1,
                    ..BreakerConfig::default()
                });
                let stage = Stage::with(setup, patient()).await;
                let body = dialect.request(is_stream);
                stage.ask(dialect, &body).await;
                stage.world.ended(1).await;
                let reply = stage.ask(dialect, &body).await;
                assert_eq!(reply.status, 503, "{dialect:?} {}", reply.text());
                assert_eq!(stage.world.provider.seen().len(), 2);
            }
        }
    }
}

#[tokio::test]
async fn a_trace_shows_each_round_and_the_call_between_them() {
    for is_stream in [true, false] {
        let config = TracerConfig {
            ratio: Ratio::ALL,
            follow_callers: true,
            content: false,
            tell_providers: false,
            waiting: 64,
        };
        let (tracer, mut queue) = Tracer::start(config, &Metrics::default());
        let dialect = Dialect::Anthropic;
        let setup = Setup {
            tracer,
            ..Setup::playing(two_rounds(dialect, is_stream))
        };
        let stage = Stage::with(setup, patient()).await;
        stage.ask(dialect, &dialect.request(is_stream)).await;
        let (mut spans, mut shown) = (Vec::new(), Vec::<String>::new());
        while !shown.iter().any(|span| span.contains("Server")) {
            assert!(queue.more(&mut spans, 64).await);
            shown = spans.iter().map(|span| format!("{span:?}")).collect();
        }
        let of = |part: &str| shown.iter().filter(|span| span.contains(part)).count();
        assert_eq!(
            (of("\"chat m\""), of("execute_tool bmcp_docs_find")),
            (2, 1)
        );
        let first = shown.iter().find(|span| span.contains("Text(\"first\")"));
        assert!(!first.unwrap().contains("bridge.outcome"), "{shown:?}");
        let second = shown.iter().find(|span| span.contains("Text(\"second\")"));
        assert!(second.unwrap().contains("bridge.outcome"), "{shown:?}");
    }
}

#[tokio::test]
async fn rounds_are_dumped_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let dialect = Dialect::Anthropic;
    let stage = Stage::playing(two_rounds(dialect, true)).await;
    let world = &stage.world;
    let config = DumpConfig::new(folder.path().join("dumps"));
    let dumps = Dumps::start(config, &world.metrics, &world.blueprint.logger).unwrap();
    let blueprint = Blueprint {
        dumps: Some(dumps.clone()),
        ..world.blueprint.clone()
    };
    world
        .gateway
        .replace(Arc::new(blueprint), GatewayConfig::default());
    let reply = stage.ask(dialect, &dialect.request(true)).await;
    assert!(reply.text().contains("done"), "{}", reply.text());
    dumps.written().await;
    let inner = folder.path().join("dumps/anthropic/m");
    let files = fs::read_dir(inner)
        .unwrap()
        .map(|file| file.unwrap().path());
    let requests = files.filter(|path| path.to_string_lossy().ends_with(".req.txt"));
    let bodies: Vec<_> = requests
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert_eq!(bodies.len(), 2);
    let results = bodies.iter().filter(|body| body.contains("tool_result"));
    assert_eq!(results.count(), 1);
}
