//! Several keys of one provider: the next one when the provider refuses, and what is said when none
//! is left.

use std::sync::Arc;

use bridge_auth::Secret;
use bridge_gateway::GatewayConfig;
use bridge_intercept::{AftercareLimits, Blueprint, KeyCounts, OnAbort, ProviderSet, ProviderSpec};
use bridge_record::{ErrorType, Event, Outcome};

use crate::support::{Reply, Script, Setup, Step, World, call, json, open, sse, until};

const KEY: &str = "Authorization: Bearer alice-key";
const MESSAGES: &str = "POST /anthropic/v1/messages HTTP/1.1";
const CHAT: &str = "POST /openai/v1/chat/completions HTTP/1.1";
const RESPONSES: &str = "POST /openai/v1/responses HTTP/1.1";
const BODY: &[u8] =
    br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}"#;
const ANSWER: &str = r#"{"id":"x","type":"message","object":"response","status":"completed","content":[],"output":[],"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}],"usage":{"input_tokens":3,"output_tokens":4}}"#;
/// A whole stream of each dialect, with the line that asks for it and the provider.
const STREAMS: [(&str, &str, &str); 3] = [
    (
        MESSAGES,
        "anthropic",
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ),
    (
        CHAT,
        "openai",
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
    ),
    (
        RESPONSES,
        "openai",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\",\"output\":[]}}\n\n",
    ),
];

fn with_keys(keys: &[&'static str], scripts: Vec<Script>) -> Setup {
    Setup {
        keys: keys.to_vec(),
        ..Setup::playing(scripts)
    }
}

/// A refusal with these headers.
fn refusal(status: &str, headers: &str) -> Script {
    let body = r#"{"type":"error","error":{"type":"t","message":"no"}}"#;
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         {headers}\r\n{body}"
    );
    vec![Step::Send(head.into_bytes())]
}

fn ok() -> Script {
    json("200 OK", ANSWER)
}

async fn ask(world: &World, line: &str) -> Reply {
    call(world.address, &[line, KEY], BODY).await
}

/// The keys in the order in which the provider saw them.
fn presented(world: &World) -> Vec<String> {
    let seen = world.provider.seen();
    let key = |it: &crate::support::Seen| {
        let bearer = it
            .header("authorization")
            .map(|text| text.replace("Bearer ", ""));
        it.header("x-api-key")
            .map(str::to_owned)
            .or(bearer)
            .unwrap_or_default()
    };
    seen.iter().map(key).collect()
}

fn counts(world: &World, provider: &str) -> KeyCounts {
    let listed = world.blueprint.providers.find(provider).unwrap();
    listed.provider().unwrap().key_counts()
}

#[tokio::test]
async fn a_key_that_is_used_too_often_gives_way_to_the_next_and_rests() {
    for (line, provider, stream) in STREAMS {
        for good in [ok(), sse(&[stream])] {
            let scripts = vec![
                refusal("429 Too Many Requests", "retry-after: 60\r\n"),
                good,
            ];
            let world = World::with(with_keys(&["key-0", "key-1"], scripts)).await;
            for _ in 0..2 {
                let reply = ask(&world, line).await;
                assert_eq!(reply.status, 200, "{line}: {}", reply.text());
            }
            assert_eq!(presented(&world), ["key-0", "key-1", "key-1"], "{line}");
            let counts = counts(&world, provider);
            assert_eq!((counts.valid, counts.rate_limited), (1, 1), "{line}");
            let bodies = world.provider.seen();
            assert!(bodies.iter().all(|seen| seen.body == BODY), "{line}");
            for ended in world.ended(2).await {
                assert_eq!(ended.outcome, Outcome::Completed, "{line}");
                assert_eq!(ended.credential_hint, "k...1", "{line}");
            }
        }
    }
}

#[tokio::test]
async fn the_connection_of_a_refusal_is_used_again() {
    let scripts = vec![refusal("429 Too Many Requests", ""), ok()];
    let world = World::with(with_keys(&["key-0", "key-1"], scripts)).await;
    assert_eq!(ask(&world, MESSAGES).await.status, 200);
    assert_eq!(world.provider.connections(), 1);
}

#[tokio::test]
async fn what_is_said_when_all_keys_are_used_too_often() {
    let scripts = vec![
        refusal("429 Too Many Requests", "retry-after: 30\r\n"),
        refusal(
            "429 Too Many Requests",
            "retry-after: 90\r\nretry-after-ms: 90000\r\n",
        ),
    ];
    let world = World::with(with_keys(&["key-0", "key-1"], scripts)).await;
    let own_words = ask(&world, MESSAGES).await;
    assert_eq!(
        (own_words.status, own_words.header("retry-after")),
        (429, Some("30"))
    );
    assert_eq!(own_words.header("retry-after-ms"), None);
    assert!(
        own_words.text().contains(r#""message":"no""#),
        "{}",
        own_words.text()
    );

    let ours = ask(&world, MESSAGES).await;
    assert_eq!((ours.status, ours.header("retry-after")), (429, Some("30")));
    assert!(
        ours.text().contains(r#""type":"rate_limit_error""#),
        "{}",
        ours.text()
    );
    assert_eq!(
        presented(&world),
        ["key-0", "key-1"],
        "nothing is asked while all rest"
    );

    for (at, ended) in world.ended(2).await.into_iter().enumerate() {
        assert_eq!(ended.outcome, Outcome::Failed, "{at}");
        assert_eq!(ended.error_type, Some(ErrorType::RateLimited), "{at}");
    }
    let prompts = world.events().into_iter();
    let prompts = prompts.filter(|event| matches!(event, Event::Prompt(_)));
    assert_eq!(prompts.count(), 0, "nobody has read what was asked");
    world.blueprint.providers.measure(&world.metrics);
    let metrics = world.metrics.expose();
    for sample in [
        r#"bridge_key_ring_keys{provider="anthropic",state="rate_limited"} 2"#,
        r#"bridge_key_ring_keys{provider="openai",state="ready"} 2"#,
        r#"bridge_key_ring_transitions_total{provider="anthropic",reason="rate_limited"} 2"#,
        r#"bridge_key_ring_exhaustions_total{provider="anthropic",reason="rate_limited"} 2"#,
    ] {
        assert!(metrics.contains(sample), "{sample} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn one_key_alone_leaves_the_provider_its_own_words() {
    let limit = refusal(
        "429 Too Many Requests",
        "retry-after: 7\r\nx-ratelimit-reset: 3\r\n",
    );
    let world = World::with(with_keys(&["key-0"], vec![limit])).await;
    let reply = ask(&world, CHAT).await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("7"))
    );
    assert_eq!(reply.header("x-ratelimit-reset"), Some("3"));
    let reply = ask(&world, CHAT).await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("7"))
    );
    assert!(
        reply.text().contains("rate_limit_exceeded"),
        "{}",
        reply.text()
    );
    assert_eq!(presented(&world).len(), 1);
}

#[tokio::test]
async fn keys_that_the_provider_does_not_know_are_no_matter_of_the_caller() {
    let scripts = vec![refusal("401 Unauthorized", "")];
    let world = World::with(with_keys(&["key-0", "key-1"], scripts)).await;
    for (line, kind) in [(MESSAGES, "api_error"), (CHAT, "server_error")] {
        for _ in 0..2 {
            let reply = ask(&world, line).await;
            assert_eq!(reply.status, 502, "{}", reply.text());
            assert_eq!(reply.header("x-should-retry"), Some("false"));
            let text = reply.text();
            assert!(
                text.contains("all configured keys failed authentication"),
                "{text}"
            );
            assert!(text.contains(kind) && !text.contains("key-"), "{text}");
        }
    }
    assert_eq!(presented(&world), ["key-0", "key-1", "key-0", "key-1"]);
    assert_eq!(counts(&world, "anthropic").unauthorized, 2);
    for ended in world.ended(4).await {
        assert_eq!(ended.outcome, Outcome::Failed);
        assert_eq!(ended.error_type, Some(ErrorType::Unauthorized));
    }
}

#[tokio::test]
async fn a_key_that_stands_there_twice_is_used_once() {
    let scripts = vec![refusal("401 Unauthorized", "")];
    let world = World::with(with_keys(&["key-0", "key-0"], scripts)).await;
    assert_eq!(ask(&world, MESSAGES).await.status, 502);
    assert_eq!(presented(&world), ["key-0"]);
}

#[tokio::test]
async fn a_caller_who_leaves_is_not_served_with_another_key() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let mut held = refusal("429 Too Many Requests", "");
    held.insert(0, Step::Wait(Arc::clone(&gate)));
    let mut setup = with_keys(&["key-0", "key-1"], vec![held]);
    setup.intercept.on_abort = OnAbort::ReadOn(AftercareLimits::default());
    let world = World::with(setup).await;
    let stream = open(world.address, &[MESSAGES, KEY], BODY).await;
    until(|| presented(&world).len() == 1).await;
    drop(stream);
    until(|| {
        world
            .metrics
            .expose()
            .contains("bridge_aftercare_running 1")
    })
    .await;
    gate.notify_one();
    let ended = world.ended(1).await.remove(0);
    assert_eq!(ended.outcome, Outcome::Aborted);
    assert_eq!(presented(&world), ["key-0"]);
    assert_eq!(
        counts(&world, "anthropic").rate_limited,
        1,
        "what was learnt stays"
    );
}

#[tokio::test]
async fn a_limit_among_unknown_keys_is_what_the_caller_waits_for() {
    let scripts = vec![
        refusal("429 Too Many Requests", "retry-after: 12\r\n"),
        refusal("401 Unauthorized", ""),
    ];
    let world = World::with(with_keys(&["key-0", "key-1"], scripts)).await;
    let reply = ask(&world, MESSAGES).await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("12"))
    );
}

#[tokio::test]
async fn other_refusals_are_not_the_keys_fault() {
    for status in [
        "400 Bad Request",
        "403 Forbidden",
        "404 Not Found",
        "500 Oh",
        "529 Busy",
    ] {
        let world = World::with(with_keys(&["key-0", "key-1"], vec![refusal(status, "")])).await;
        for _ in 0..2 {
            let reply = ask(&world, MESSAGES).await;
            assert!(status.starts_with(&reply.status.to_string()), "{status}");
            assert!(reply.text().contains(r#""message":"no""#), "{status}");
        }
        assert_eq!(presented(&world), ["key-0", "key-0"], "{status}");
        assert_eq!(counts(&world, "anthropic").valid, 2, "{status}");
    }
}

#[tokio::test]
async fn callers_own_keys_are_theirs_to_look_after() {
    let own = "X-Coder-AI-Governance-Token: alice-key";
    for status in ["401 Unauthorized", "429 Too Many Requests"] {
        let world = World::with(with_keys(&["key-0", "key-1"], vec![refusal(status, "")])).await;
        let lines = [MESSAGES, own, "X-Api-Key: her-own"];
        let reply = call(world.address, &lines, BODY).await;
        assert!(status.starts_with(&reply.status.to_string()), "{status}");
        assert!(reply.text().contains(r#""message":"no""#), "{status}");
        assert_eq!(presented(&world), ["her-own"], "{status}");
        assert_eq!(counts(&world, "anthropic").valid, 2, "{status}");
    }
}

#[tokio::test]
async fn what_passes_through_goes_along_the_same_keys() {
    let scripts = vec![refusal("429 Too Many Requests", "retry-after: 9\r\n"), ok()];
    let world = World::with(with_keys(&["key-0", "key-1"], scripts)).await;
    let line = "POST /anthropic/v1/messages/count_tokens HTTP/1.1";
    assert_eq!(ask(&world, line).await.status, 200);
    assert_eq!(ask(&world, MESSAGES).await.status, 200);
    assert_eq!(presented(&world), ["key-0", "key-1", "key-1"]);
    let bodies = world.provider.seen();
    assert!(bodies.iter().all(|seen| seen.body == BODY));

    let scripts = vec![
        refusal("429 Too Many Requests", ""),
        refusal("401 Unauthorized", ""),
    ];
    let world = World::with(with_keys(&["key-0", "key-1"], scripts)).await;
    let reply = ask(&world, line).await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("60"))
    );
}

#[tokio::test]
async fn a_conversation_stays_with_its_key_when_the_first_is_good_again() {
    let scripts = vec![
        refusal("429 Too Many Requests", "retry-after-ms: 1\r\n"),
        ok(),
    ];
    let world = World::with(with_keys(&["key-0", "key-1"], scripts)).await;
    let session = |id: &str| format!("X-Claude-Code-Session-Id: {id}");
    let one = session("one");
    let ask = async |session: &str| {
        let reply = call(world.address, &[MESSAGES, KEY, session], BODY).await;
        assert_eq!(reply.status, 200);
    };
    ask(&one).await;
    until(|| counts(&world, "anthropic").valid == 2).await;
    ask(&one).await;
    ask(&session("two")).await;
    ask(&one).await;
    assert_eq!(
        presented(&world),
        ["key-0", "key-1", "key-1", "key-0", "key-1"]
    );
}

#[tokio::test]
async fn a_reload_keeps_what_is_known_of_keys_that_stay() {
    let scripts = vec![
        refusal("429 Too Many Requests", "retry-after: 60\r\n"),
        ok(),
    ];
    let world = World::with(with_keys(&["key-0", "key-1"], scripts)).await;
    assert_eq!(ask(&world, MESSAGES).await.status, 200);
    let spec = |keys: &[&str]| ProviderSpec {
        name: "anthropic".to_owned(),
        provider_type: "anthropic".to_owned(),
        enabled: true,
        base_url: format!("http://{}/", world.provider.address),
        keys: keys
            .iter()
            .map(|key| Secret::new((*key).to_owned()))
            .collect(),
        ..ProviderSpec::default()
    };
    let replace = |keys: &[&str], before: &ProviderSet| {
        let providers = ProviderSet::try_new(vec![spec(keys)]).unwrap();
        let providers = Arc::new(providers.keeping(before));
        let blueprint = Blueprint {
            providers: Arc::clone(&providers),
            ..world.blueprint.clone()
        };
        world
            .gateway
            .replace(Arc::new(blueprint), GatewayConfig::default());
        providers
    };
    let same = replace(&["key-0", "key-1"], &world.blueprint.providers);
    assert_eq!(ask(&world, MESSAGES).await.status, 200);
    replace(&["key-0", "key-2"], &same);
    assert_eq!(ask(&world, MESSAGES).await.status, 200);
    assert_eq!(presented(&world), ["key-0", "key-1", "key-1", "key-0"]);
}
