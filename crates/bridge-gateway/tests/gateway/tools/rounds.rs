//! From call to call: what the client sees, what the provider is asked, and what is recorded.

use bridge_record::Outcome;

use super::stage::Stage;
use super::voice::{DIALECTS, Dialect, Says};

const FIND: &str = "bmcp_docs_find";

#[tokio::test]
async fn a_call_of_ours_is_run_and_the_client_gets_one_answer() {
    for dialect in DIALECTS {
        for is_stream in [true, false] {
            let calls = Says::Calls("let me see", &[("call_1", FIND, "{\"what\":\"hat\"}")]);
            let stage = Stage::playing(vec![
                dialect.answer(is_stream, "first", calls),
                dialect.answer(is_stream, "second", Says::Text("in the attic")),
            ])
            .await;
            let body = dialect.request(is_stream);
            let reply = stage.ask(dialect, &body).await;
            let (case, text) = ((dialect, is_stream), reply.text());
            assert_eq!(
                (reply.status, reply.is_whole),
                (200, true),
                "{case:?} {text}"
            );
            assert!(!text.contains("bmcp_"), "{case:?} {text}");
            for part in ["let me see", "in the attic"] {
                assert!(text.contains(part), "{case:?} {text}");
            }
            let ended = stage.world.ended(1).await.remove(0);
            assert_eq!(ended.outcome, Outcome::Completed, "{case:?}");
            let seen = stage.docs.seen();
            assert_eq!(seen.tools_called(), ["find"], "{case:?}");
            assert_eq!(seen.calls[0].arguments, "{\"what\":\"hat\"}", "{case:?}");
            let [first, second] = stage.asked().try_into().unwrap();
            assert!(first.to_string().contains(FIND), "{case:?} {first}");
            let second = second.to_string();
            assert!(second.contains("it is in the attic"), "{case:?} {second}");
            let used = stage.used();
            assert_eq!(used.len(), 1, "{case:?}");
            let it = &used[0];
            assert_eq!(
                (it.tool.as_str(), it.server.as_deref()),
                ("find", Some("docs"))
            );
            assert_eq!(it.server_url.as_deref(), Some(stage.docs.url().as_str()));
            assert_eq!((it.injected, it.call_id.as_str()), (true, "call_1"));
            assert_eq!(
                (it.response_id.as_str(), &*it.input),
                ("first", "{\"what\":\"hat\"}")
            );
            assert!(
                it.invocation_error.is_none() && it.duration_ms.is_some(),
                "{it:?}"
            );
            let tokens = stage.world.tokens();
            let told: Vec<_> = tokens
                .iter()
                .map(|it| (it.response_id.as_str(), it.input, it.output))
                .collect();
            assert_eq!(told, [("first", 10, 3), ("second", 10, 3)], "{case:?}");
            let order = ["started", "prompt", "tokens", "tool", "tokens", "ended"];
            assert_eq!(stage.order(), order, "{case:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_without_calls_of_ours_passes_byte_for_byte() {
    let dialect = Dialect::Anthropic;
    let own = Says::Calls("x", &[("call_1", "Read", "{}")]);
    for is_stream in [true, false] {
        let script = dialect.answer(is_stream, "only", own);
        let stage = Stage::playing(vec![script]).await;
        let reply = stage.ask(dialect, &dialect.request(is_stream)).await;
        let plain = crate::support::World::playing(vec![dialect.answer(is_stream, "only", own)]);
        let plain = plain.await;
        let lines = [dialect.line(), super::stage::KEY];
        let request = dialect.request(is_stream);
        let expected = crate::support::call(plain.address, &lines, request.as_bytes()).await;
        assert_eq!(reply.text(), expected.text());
        let head = |reply: &crate::support::Reply| {
            let lines = reply.head.lines().map(str::to_lowercase);
            let lasting = lines.filter(|line| !line.starts_with("date:"));
            lasting.collect::<Vec<_>>()
        };
        assert_eq!(head(&reply), head(&expected));
    }
}

#[tokio::test]
async fn the_time_of_tools_is_no_time_of_the_gateways_own() {
    for is_stream in [true, false] {
        let dialect = Dialect::Anthropic;
        let calls = Says::Calls("let me see", &[("call_1", FIND, "{}")]);
        let stage = Stage::playing(vec![
            dialect.answer(is_stream, "first", calls),
            dialect.answer(is_stream, "second", Says::Text("done")),
        ])
        .await;
        stage.ask(dialect, &dialect.request(is_stream)).await;
        stage.world.ended(1).await;
        let has = |sample: &str| stage.world.metrics.expose().contains(sample);
        crate::support::until(|| has("part=\"tools\"")).await;
        assert!(has("bridge_turn_rounds_sum 2.0"));
    }
}
