//! Whether and how providers are told who is asking.

use std::sync::Arc;

use bridge_auth::{ActorHeader, HeaderPolicy, HeaderPolicyConfig};
use bridge_gateway::GatewayConfig;

use crate::support::{Seen, World, call, json, sse};

const KEY: &str = "Authorization: Bearer alice-key";
const BODY: &[u8] = br#"{"model":"m","messages":[],"input":"hello"}"#;
const STREAM: &[u8] = br#"{"model":"m","stream":true,"messages":[],"input":"hello"}"#;
const ANSWER: &str = r#"{"id":"msg_1","content":[],"usage":{"input_tokens":3,"output_tokens":4}}"#;
const EVENT: &str = "data: {}\n\n";
const ROUTES: [&str; 3] = [
    "POST /anthropic/v1/messages HTTP/1.1",
    "POST /openai/v1/chat/completions HTTP/1.1",
    "POST /openai/v1/responses HTTP/1.1",
];

/// A gateway that tells providers who is asking, in the headers of this policy.
async fn telling(config: &HeaderPolicyConfig) -> World {
    let world = World::playing(vec![json("200 OK", ANSWER)]).await;
    let mut blueprint = world.blueprint.clone();
    blueprint.config.send_actor = true;
    blueprint.policy = Arc::new(HeaderPolicy::try_new(config).unwrap());
    let limits = GatewayConfig::default();
    world.gateway.replace(Arc::new(blueprint), limits);
    world
}

fn told(seen: &Seen) -> [Option<&str>; 3] {
    [
        "x-ai-bridge-actor-id",
        "x-ai-bridge-actor-metadata-username",
        "x-mail",
    ]
    .map(|name| seen.header(name))
}

#[tokio::test]
async fn all_dialects_tell_who_asks_and_nothing_when_it_is_off() {
    let id = "07070707-0707-0707-0707-070707070707";
    for (answer, body) in [(json("200 OK", ANSWER), BODY), (sse(&[EVENT]), STREAM)] {
        for line in ROUTES {
            let world = World::playing(vec![answer.clone()]).await;
            call(world.address, &[line, KEY], body).await;
            assert_eq!(told(&world.provider.seen()[0]), [None; 3], "{line}");
            let mut blueprint = world.blueprint.clone();
            blueprint.config.send_actor = true;
            let limits = GatewayConfig::default();
            world.gateway.replace(Arc::new(blueprint), limits);
            call(world.address, &[line, KEY], body).await;
            let wanted = [Some(id), Some("alice"), None];
            assert_eq!(told(&world.provider.seen()[1]), wanted, "{line}");
        }
    }
}

#[tokio::test]
async fn what_callers_say_of_themselves_is_not_passed_on() {
    let config = HeaderPolicyConfig {
        actor_prefix: "X-House-User-".to_owned(),
        actor_id: ActorHeader::Off,
        actor_email: ActorHeader::Named("X-Mail".to_owned()),
        ..HeaderPolicyConfig::default()
    };
    let world = telling(&config).await;
    let forged = [
        ROUTES[0],
        KEY,
        "X-AI-Bridge-Actor-ID: somebody",
        "X-AI-Bridge-Actor-Metadata-Username: somebody",
        "X-House-User-ID: somebody",
        "X-House-User-Metadata-Role: somebody",
        "X-Mail: somebody",
    ];
    call(world.address, &forged, BODY).await;
    let seen = world.provider.seen().remove(0);
    assert!(!seen.head.contains("somebody"), "{}", seen.head);
    assert_eq!(seen.header("x-house-user-metadata-username"), Some("alice"));
    assert_eq!(seen.header("x-house-user-id"), None, "it is off");
    assert_eq!(seen.header("x-mail"), None, "she has no address");
}

#[tokio::test]
async fn who_pays_themselves_or_passes_through_is_not_named() {
    let world = telling(&HeaderPolicyConfig::default()).await;
    let rows: [&[&str]; 3] = [
        &["GET /anthropic/v1/models HTTP/1.1", KEY],
        &[
            ROUTES[0],
            "X-Coder-AI-Governance-Token: alice-key",
            "X-Api-Key: own",
        ],
        &[
            "POST /copilot/chat/completions HTTP/1.1",
            "X-Coder-AI-Governance-Token: alice-key",
            "Authorization: Bearer own",
        ],
    ];
    for (row, lines) in rows.iter().enumerate() {
        let reply = call(world.address, lines, BODY).await;
        assert_eq!(reply.status, 200, "row {row}: {}", reply.text());
        assert_eq!(told(&world.provider.seen()[row]), [None; 3], "row {row}");
    }
}
