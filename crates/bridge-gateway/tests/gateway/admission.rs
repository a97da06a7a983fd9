//! Who gets in, with what, and what the provider sees of it.

use bridge_auth::KeySource;

use crate::support::{Provider, Reply, Step, World, call, json};

const BODY: &[u8] =
    br#"{"model":"m-1","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}"#;
const ANSWER: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m-1","content":[],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}"#;

async fn world() -> World {
    World::playing(vec![json("200 OK", ANSWER)]).await
}

async fn ask(world: &World, headers: &[&str]) -> Reply {
    let mut lines = vec!["POST /anthropic/v1/messages?beta=true HTTP/1.1"];
    lines.extend_from_slice(headers);
    call(world.address, &lines, BODY).await
}

#[tokio::test]
async fn callers_without_a_good_credential_are_told_one_thing() {
    let mut world = world().await;
    let rows: [(&[&str], u16, &str); 9] = [
        (&[], 400, "no authentication key provided"),
        (
            &["Coder-Session-Token: alice-key"],
            400,
            "no authentication key provided",
        ),
        (&["X-Api-Key:   "], 400, "no authentication key provided"),
        (&["Authorization: Bearer gone-key"], 403, "unauthorized"),
        (&["Authorization: Bearer nobody-key"], 403, "unauthorized"),
        (
            &["Authorization: Bearer quiet-key"],
            503,
            "could not connect to control plane",
        ),
        (
            &["Authorization: Basic alice-key", "X-Api-Key: gone-key"],
            403,
            "unauthorized",
        ),
        (
            &[
                "X-Coder-AI-Governance-Token: gone-key",
                "Authorization: Bearer alice-key",
            ],
            403,
            "unauthorized",
        ),
        (
            &[
                "Authorization: Bearer gone-key",
                "Authorization: Bearer alice-key",
            ],
            403,
            "unauthorized",
        ),
    ];
    for (headers, status, text) in rows {
        let reply = ask(&world, headers).await;
        assert_eq!(reply.status, status, "{headers:?} {}", reply.text());
        assert!(reply.text().contains(text), "{headers:?} {}", reply.text());
        assert!(
            reply.text().contains(r#""type":"error""#),
            "{}",
            reply.text()
        );
    }
    assert!(world.provider.seen().is_empty() && world.events().is_empty());
    let log = world.log();
    let refused = log.matches("request refused").count();
    let failed = log.matches("request failed").count();
    assert_eq!((refused, failed), (8, 1), "one line for each: {log}");
    assert!(!log.contains("request served"), "{log}");
    assert!(
        log.contains("kind=no_credential") && log.contains("status=400"),
        "{log}"
    );
    for secret in ["alice-key", "gone-key", "nobody-key", "quiet-key"] {
        assert!(!log.contains(secret), "{secret} in\n{log}");
    }
}

#[tokio::test]
async fn headers_that_are_no_text_are_no_credential_and_no_panic() {
    let world = world().await;
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let mut request = b"POST /anthropic/v1/messages HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\
        Authorization: Bearer \xff\xfe\r\nUser-Agent: \xff\r\nContent-Length: 2\r\n\r\n{}"
        .to_vec();
    tokio::io::AsyncWriteExt::write_all(&mut stream, &std::mem::take(&mut request))
        .await
        .unwrap();
    let reply = crate::support::read_reply(&mut stream).await;
    assert!(matches!(reply.status, 400 | 403), "{}", reply.head);
}

#[tokio::test]
async fn a_grant_on_grace_is_marked_in_record_log_and_metric() {
    let mut world = world().await;
    for (key, mark) in [("alice-key", None), ("waiting-key", Some("grace"))] {
        let key = format!("Authorization: Bearer {key}");
        assert_eq!(ask(&world, &[&key]).await.status, 200);
        let started = world.started();
        let metadata = &started.last().unwrap().metadata;
        let found = metadata.iter().find(|(name, _)| name == "authorization");
        assert_eq!(found.map(|(_, value)| value.as_str()), mark, "{key}");
    }
    let samples = world.metrics.expose();
    assert!(samples.contains("bridge_grace_grants_total 1"), "{samples}");
    world.ended(2).await;
    world.gateway.begin_drain();
    if let Some(serving) = world.serving.take() {
        serving.join().await.unwrap();
    }
    let log = world.log();
    for standing in ["confirmed", "grace"] {
        let standing = format!("auth_standing={standing}");
        let is_told = |line: &&str| line.contains("request served") && line.contains(&standing);
        assert_eq!(log.lines().filter(is_told).count(), 1, "{standing}: {log}");
    }
}

#[tokio::test]
async fn the_operators_key_replaces_the_organisations_everywhere() {
    let mut world = world().await;
    let reply = ask(
        &world,
        &[
            "X-Api-Key: alice-key",
            "Authorization: Bearer alice-key",
            "X-Coder-AI-Governance-Token:  ",
            "X-Coder-AI-Governance-Request-Id: trace-7",
            "X-Coder-Anything: 1",
            "X-AI-Bridge-Actor-ID: forged",
            "Cookie: session=alice-key",
            "X-Forwarded-For: 10.0.0.1",
            "Forwarded: for=10.0.0.1",
            "Proxy-Authorization: Basic alice-key",
            "X-Copy: alice-key",
            "anthropic-beta: one,two",
            "anthropic-version: 2023-06-01",
            "User-Agent: claude-cli/2.1.330 (external, cli)",
            "X-Claude-Code-Session-Id: conversation-1",
            "Content-Type: application/json",
            "Accept-Encoding: gzip, br",
        ],
    )
    .await;
    assert_eq!((reply.status, reply.text().as_str()), (200, ANSWER));
    assert_eq!(reply.header("request-id"), Some("req_1"));
    assert_eq!(reply.header("retry-after"), Some("7"));
    assert_eq!(reply.header("set-cookie"), None);
    let seen = world.provider.seen().remove(0);
    assert!(
        seen.head
            .starts_with("POST /v1/messages?beta=true HTTP/1.1"),
        "{}",
        seen.head
    );
    assert_eq!(seen.header("x-api-key"), Some("operator-anthropic-key"));
    assert_eq!(seen.header("authorization"), None);
    assert!(!seen.head.contains("alice-key"), "{}", seen.head);
    let lower = seen.head.to_ascii_lowercase();
    for gone in ["x-coder-", "x-ai-bridge", "cookie", "forwarded", "proxy-"] {
        assert!(!lower.contains(gone), "{gone} in {}", seen.head);
    }
    for (name, value) in [
        ("anthropic-beta", "one,two"),
        ("anthropic-version", "2023-06-01"),
        ("user-agent", "claude-cli/2.1.330 (external, cli)"),
        ("accept-encoding", "gzip, br"),
    ] {
        assert_eq!(seen.header(name), Some(value));
    }
    assert_eq!(seen.body, BODY);
    world.ended(1).await;
    let started = world.started().remove(0);
    assert_eq!(started.credential_kind, KeySource::Centralized);
    assert_eq!(started.client, "Claude Code");
    assert_eq!(started.client_session_id.as_deref(), Some("conversation-1"));
    assert_eq!(started.correlation_id.as_deref(), Some("trace-7"));
    assert_eq!(
        started.workspace_id.as_deref(),
        Some("workspace-of-the-key")
    );
    assert_eq!(
        (started.route.as_str(), started.model.as_str()),
        ("/v1/messages", "m-1")
    );
    let log = world.log();
    assert!(
        !log.contains("alice-key") && !log.contains("operator-anthropic-key"),
        "{log}"
    );
    assert!(
        log.contains("trace-7") && log.contains("Claude Code"),
        "{log}"
    );
}

#[tokio::test]
async fn callers_own_keys_travel_and_the_organisations_token_does_not() {
    type Row<'r> = (&'r [&'r str], Option<&'r str>, Option<&'r str>, KeySource);
    let rows: [Row<'_>; 4] = [
        (
            &["X-Api-Key: own-key-0001"],
            Some("own-key-0001"),
            None,
            KeySource::Byok,
        ),
        (
            &["Authorization: Bearer own-sub"],
            None,
            Some("Bearer own-sub"),
            KeySource::Byok,
        ),
        // Both: the key wins, as Claude Code does it, and only one of them travels.
        (
            &["X-Api-Key: own-key-0001", "Authorization: Bearer own-sub"],
            Some("own-key-0001"),
            None,
            KeySource::Byok,
        ),
        // Neither: the operator's.
        (
            &[],
            Some("operator-anthropic-key"),
            None,
            KeySource::Centralized,
        ),
    ];
    for (own, api_key, bearer, kind) in rows {
        let world = world().await;
        let mut headers = vec!["X-Coder-AI-Governance-Token: alice-key"];
        headers.extend_from_slice(own);
        let reply = ask(&world, &headers).await;
        assert_eq!(reply.status, 200, "{own:?} {}", reply.text());
        let seen = world.provider.seen().remove(0);
        assert_eq!(seen.header("x-api-key"), api_key, "{own:?}");
        assert_eq!(seen.header("authorization"), bearer, "{own:?}");
        assert!(!seen.head.contains("alice-key"), "{}", seen.head);
        assert_eq!(world.started()[0].credential_kind, kind, "{own:?}");
    }
}

#[tokio::test]
async fn own_keys_can_be_forbidden() {
    let mut setup = crate::support::Setup::playing(vec![json("200 OK", ANSWER)]);
    setup.gateway.allow_own_keys = false;
    let world = World::with(setup).await;
    let reply = ask(
        &world,
        &["X-Coder-AI-Governance-Token: alice-key", "X-Api-Key: own"],
    )
    .await;
    assert_eq!(reply.status, 403);
    assert!(reply.text().contains("BYOK"), "{}", reply.text());
    assert!(world.provider.seen().is_empty());
}

#[tokio::test]
async fn a_forbidden_model_is_refused_before_anything_leaves() {
    let world = world().await;
    let body = br#"{"model":"forbidden-model","messages":[]}"#;
    let lines = [
        "POST /anthropic/v1/messages HTTP/1.1",
        "Authorization: Bearer alice-key",
    ];
    let reply = call(world.address, &lines, body).await;
    assert_eq!(reply.status, 403, "{}", reply.text());
    assert!(world.provider.seen().is_empty() && world.events().is_empty());
}

#[tokio::test]
async fn half_a_firewall_mark_is_refused() {
    let world = world().await;
    let key = "Authorization: Bearer alice-key";
    let half = "X-Coder-Agent-Firewall-Sequence-Number: 1";
    let reply = ask(&world, &[key, half]).await;
    assert_eq!(reply.status, 400);
    assert!(
        reply.text().contains("invalid agent firewall headers"),
        "{}",
        reply.text()
    );
    let id = "X-Coder-Agent-Firewall-Session-Id: 6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10";
    assert_eq!(ask(&world, &[key, half, id]).await.status, 200);
    assert_eq!(world.started()[0].agent_firewall_sequence_number, Some(1));
}

#[tokio::test]
async fn routes_are_answered_as_clients_expect() {
    let world = World::playing(vec![vec![Step::Send(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
    )]])
    .await;
    let rows: [(&str, u16); 16] = [
        ("HEAD /anthropic/api/hello", 200),
        ("GET /anthropic/api/hello", 200),
        ("GET /anthropic/v1/models", 200),
        ("GET /anthropic/v1/models/some-model", 200),
        ("POST /anthropic/v1/messages/count_tokens?beta=true", 200),
        ("GET /anthropic/v1/messages", 405),
        ("GET /anthropic/v1/files", 404),
        ("GET /anthropic/v1/models/../files", 404),
        ("GET /anthropic/v1/models/%2e%2e/files", 404),
        ("GET /anthropic//v1/models", 404),
        ("GET /nowhere/v1/models", 404),
        ("GET /", 404),
        ("GET /openai/v1/models", 200),
        ("POST /openai/v1/completions", 404),
        ("GET /api/v2/ai-gateway/anthropic/v1/models", 200),
        ("POST /resting/v1/messages", 503),
    ];
    for (request, status) in rows {
        let line = format!("{request} HTTP/1.1");
        let reply = call(world.address, &[&line, "X-Api-Key: alice-key"], b"{}").await;
        assert_eq!(reply.status, status, "{request} {}", reply.text());
        if status == 404 {
            assert!(
                reply.text().contains("route not supported: "),
                "{request} {}",
                reply.text()
            );
        }
    }
    assert!(world.events().is_empty(), "passthrough records nothing");
    let seen = world.provider.seen();
    assert!(
        seen.iter().all(|seen| !seen.head.contains("alice-key")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_provider_that_cannot_be_used_says_so_and_hurts_no_other() {
    let world = world().await;
    let rows = [
        // Nobody knows which dialect an unknown type speaks.
        ("odd", "\"odd\" cannot be used", "text/plain; charset=utf-8"),
        ("bare", "\"bare\" cannot be used", "application/json"),
        ("resting", "\"resting\" is disabled", "application/json"),
    ];
    for (name, text, shape) in rows {
        let line = format!("POST /{name}/v1/messages HTTP/1.1");
        let reply = call(world.address, &[&line, "X-Api-Key: alice-key"], BODY).await;
        assert_eq!(reply.status, 503, "{name}");
        assert_eq!(reply.header("content-type"), Some(shape), "{name}");
        let told = reply.text().replace("\\\"", "\"");
        assert!(told.contains(text), "{told}");
        assert!(!told.contains("antropic"), "the reason is for operators");
    }
    let reply = ask(&world, &["X-Api-Key: alice-key"]).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn each_type_has_its_own_way_of_showing_a_key() {
    let world = world().await;
    let check = async |path: &str, own: Option<&str>, status: u16| {
        let line = format!("POST /{path} HTTP/1.1");
        let mut lines = vec![line.as_str()];
        match own {
            Some(own) => lines.extend(["X-Coder-AI-Governance-Token: alice-key", own]),
            None => lines.push("Authorization: Bearer alice-key"),
        }
        let reply = call(world.address, &lines, BODY).await;
        assert_eq!(reply.status, status, "{path} {}", reply.text());
        world.provider.seen().pop()
    };
    let seen = check("azure/v1/chat/completions", None, 200).await.unwrap();
    assert_eq!(seen.header("api-key"), Some("operator-azure-key"));
    assert_eq!(seen.header("authorization"), None);
    let own = Some("Authorization: Bearer own-token");
    let seen = check("azure/v1/chat/completions", own, 200).await.unwrap();
    assert_eq!(seen.header("api-key"), None);
    assert_eq!(seen.header("authorization"), Some("Bearer own-token"));
    check("chatgpt/v1/responses", None, 400).await;
    let seen = check("chatgpt/v1/responses", own, 200).await.unwrap();
    assert!(seen.head.starts_with("POST /codex/responses "), "{seen:?}");
    assert_eq!(seen.header("authorization"), Some("Bearer own-token"));
    assert!(!seen.head.contains("never-used-key"));
}

#[tokio::test]
async fn upgrades_are_refused_so_that_clients_fall_back() {
    let world = world().await;
    let lines = [
        "GET /openai/v1/responses HTTP/1.1",
        "Authorization: Bearer alice-key",
        "Upgrade: websocket",
        "Connection: Upgrade",
    ];
    let reply = call(world.address, &lines, b"").await;
    assert_eq!(reply.status, 426, "{}", reply.text());
}

#[tokio::test]
async fn copilot_needs_the_callers_own_credential() {
    let world = world().await;
    let line = "POST /copilot/chat/completions HTTP/1.1";
    let reply = call(
        world.address,
        &[line, "Authorization: Bearer alice-key"],
        BODY,
    )
    .await;
    assert_eq!(reply.status, 400, "{}", reply.text());
    let own = [
        "Authorization: Bearer own-sub",
        "X-Coder-AI-Governance-Token: alice-key",
    ];
    let reply = call(world.address, &[line, own[0], own[1]], BODY).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen: &Provider = &world.provider;
    assert_eq!(
        seen.seen()[0].header("authorization"),
        Some("Bearer own-sub")
    );
}

#[tokio::test]
async fn a_fault_of_ours_is_an_answer_and_the_next_request_is_served() {
    let mut world = world().await;
    let reply = ask(&world, &["X-Api-Key: broken-key"]).await;
    assert_eq!(reply.status, 500, "{}", reply.text());
    assert!(
        reply.text().contains("internal error, request id"),
        "{}",
        reply.text()
    );
    assert!(
        !reply.text().contains("a fault of ours"),
        "{}",
        reply.text()
    );
    assert_eq!(ask(&world, &["X-Api-Key: alice-key"]).await.status, 200);
    let log = world.log();
    assert!(
        log.contains("request handling panicked") && log.contains("a fault of ours"),
        "{log}"
    );
    assert!(!log.contains("broken-key"), "{log}");
}

#[tokio::test]
async fn no_other_key_stands_beside_the_operators() {
    let world = World::playing(vec![json("200 OK", "{}"), json("200 OK", "{}")]).await;
    for line in [
        "POST /anthropic/v1/messages HTTP/1.1",
        "POST /anthropic/v1/messages/count_tokens HTTP/1.1",
    ] {
        let lines = [
            line,
            "X-Coder-AI-Governance-Token: alice-key",
            "Api-Key: own-key",
            "X-Goog-Api-Key: own-key",
            "X-Auth-Token: own-key",
            "X-Amz-Security-Token: own-key",
        ];
        call(world.address, &lines, BODY).await;
    }
    let seen = world.provider.seen();
    assert_eq!(seen.len(), 2);
    for seen in seen {
        assert!(seen.head.contains("operator-"), "{}", seen.head);
        assert!(!seen.head.contains("own-key"), "{}", seen.head);
    }
}
