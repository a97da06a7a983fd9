//! What passes, and what does not.

use bridge_auth::{
    Actor, ActorHeader, ActorId, HeaderPolicy, HeaderPolicyConfig, KeySource, Scrubbed,
};
use http::HeaderName;
use http::header::AUTHORIZATION;

use crate::map;

const TOKEN: (&str, &str) = ("X-Coder-AI-Governance-Token", "key-of-the-organisation");

/// Checks which of these headers are left, as lines in alphabetical order.
fn check(headers: &[(&str, &str)], left: &[&str]) {
    let scrubbed = HeaderPolicy::default().admit(map(headers)).scrubbed;
    assert_eq!(lines(&scrubbed), left, "{headers:?}");
}

fn lines(scrubbed: &Scrubbed) -> Vec<String> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = scrubbed.headers().iter();
    let mut lines: Vec<_> = headers
        .map(|(name, value)| format!("{name}: {}", text(value)))
        .collect();
    lines.sort();
    lines
}

#[test]
fn in_central_mode_no_credential_passes() {
    check(&[("Authorization", "Bearer key")], &[]);
    check(&[("X-Api-Key", "key")], &[]);
    check(
        &[("Authorization", "Bearer key"), ("X-Api-Key", "other")],
        &[],
    );
    check(&[("Authorization", "Basic key")], &[]);
    check(
        &[("Authorization", "Bearer a"), ("Authorization", "Bearer b")],
        &[],
    );
    check(
        &[("X-Coder-AI-Governance-Token", " "), ("X-Api-Key", "key")],
        &[],
    );
    check(&[("X-Coder-AI-Governance-Token", "")], &[]);
    check(
        &[("X-Coder-Token", "key"), ("Coder-Session-Token", "key")],
        &[],
    );
}

#[test]
fn in_own_key_mode_the_callers_own_credentials_pass() {
    check(&[TOKEN], &[]);
    check(
        &[TOKEN, ("Authorization", "Bearer own")],
        &["authorization: Bearer own"],
    );
    check(&[TOKEN, ("X-Api-Key", "own")], &["x-api-key: own"]);
    check(
        &[TOKEN, ("Authorization", "Bearer own"), ("X-Api-Key", "own")],
        &["authorization: Bearer own", "x-api-key: own"],
    );
    check(&[TOKEN, TOKEN, ("X-Api-Key", "own")], &["x-api-key: own"]);
}

#[test]
fn the_organisations_credential_is_nobodys_own() {
    check(
        &[
            TOKEN,
            ("Authorization", "Bearer key-of-the-organisation"),
            ("X-Api-Key", "own"),
        ],
        &["x-api-key: own"],
    );
    check(&[TOKEN, ("X-Api-Key", TOKEN.1)], &[]);
    check(&[TOKEN, ("Api-Key", TOKEN.1), ("X-Custom", TOKEN.1)], &[]);
    check(&[TOKEN, ("Referer", "/?key=key-of-the-organisation")], &[]);
}

#[test]
fn what_belongs_to_this_hop_stays_here() {
    let names = [
        // RFC 9110, section 7.6.1, and its forerunners.
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "HTTP2-Settings",
        // The transport's.
        "Host",
        "Content-Length",
        "Expect",
        // Of the network and the browser.
        "Cookie",
        "Forwarded",
        "X-Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Anything",
        "X-Original-Forwarded-For",
        "X-Real-Ip",
        "Via",
        "True-Client-Ip",
        // The gateway's.
        "X-Coder-Agent-Firewall-Session-Id",
        "X-Coder-Agent-Firewall-Sequence-Number",
        "X-Coder-AI-Gateway-Key",
        "X-Coder-AI-Gateway-Delegated-Key-ID",
        "X-Coder-AI-Gateway-Source",
        "X-Coder-AI-Gateway-Workspace-ID",
        "X-Coder-Chat-Id",
        "X-Coder-AI-Governance-Request-Id",
        "X-AI-Governance-Gateway-Key",
        // Forged identity.
        "X-AI-Bridge-Actor",
        "X-AI-Bridge-Actor-ID",
        "X-AI-Bridge-Actor-Metadata-Username",
        "X-AI-Bridge-Actor-Metadata-Anything",
        // The bill's.
        "Anthropic-Workspace-Id",
    ];
    for name in names {
        for mode in [("X-Api-Key", "key"), TOKEN] {
            check(&[mode, (name, "1"), ("Accept", "*/*")], &["accept: */*"]);
        }
    }
    check(
        &[TOKEN, ("Connection", "close, X-Hop"), ("X-Hop", "1")],
        &[],
    );
}

#[test]
fn what_belongs_to_the_client_passes_untouched() {
    let headers = [
        ("accept", "text/event-stream"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("accept-language", "*"),
        ("anthropic-beta", "context-1m-2025-08-07,oauth-2025-04-20"),
        ("anthropic-version", "2023-06-01"),
        ("content-encoding", "zstd"),
        ("content-type", "application/json"),
        ("copilot-integration-id", "vscode-chat"),
        ("editor-version", "vscode/1.99"),
        ("openai-beta", "responses=experimental"),
        ("openai-organization", "org"),
        ("openai-project", "project"),
        ("session-id", "session"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("user-agent", "claude-cli/2.1.330 (external, cli)"),
        ("x-app", "cli"),
        (
            "x-claude-code-session-id",
            "6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10",
        ),
        ("x-initiator", "user"),
        ("x-session-affinity", "ses_1"),
        ("x-stainless-retry-count", "0"),
        ("x-stainless-timeout", "600"),
    ];
    let mut expected: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    expected.sort();
    for mode in [("Authorization", "Bearer key"), TOKEN] {
        let mut sent = headers.to_vec();
        sent.push(mode);
        let scrubbed = HeaderPolicy::default().admit(map(&sent)).scrubbed;
        assert_eq!(lines(&scrubbed), expected);
    }
}

#[test]
fn several_values_of_a_header_all_pass_in_order() {
    let sent = [
        TOKEN,
        ("anthropic-beta", "b"),
        ("accept", "*/*"),
        ("anthropic-beta", "a"),
    ];
    let scrubbed = HeaderPolicy::default().admit(map(&sent)).scrubbed;
    let values: Vec<_> = scrubbed
        .headers()
        .get_all("anthropic-beta")
        .iter()
        .collect();
    assert_eq!(values, ["b", "a"]);
}

#[test]
fn own_credentials_are_read_as_the_organisations_are() {
    fn check(headers: &[(&str, &str)], api_key: Option<&str>, bearer: Option<&str>) {
        let scrubbed = HeaderPolicy::default().admit(map(headers)).scrubbed;
        let text = |secret: Option<bridge_auth::Secret>| secret.map(|own| own.expose().to_owned());
        assert_eq!(
            text(scrubbed.own_api_key()).as_deref(),
            api_key,
            "{headers:?}"
        );
        assert_eq!(
            text(scrubbed.own_bearer()).as_deref(),
            bearer,
            "{headers:?}"
        );
    }
    check(&[TOKEN], None, None);
    check(&[TOKEN, ("X-Api-Key", " own ")], Some("own"), None);
    check(&[TOKEN, ("X-Api-Key", " ")], None, None);
    check(&[TOKEN, ("Authorization", "bearer own")], None, Some("own"));
    check(&[TOKEN, ("Authorization", "Basic own")], None, None);
    check(
        &[TOKEN, ("Authorization", "Bearer a"), ("X-Api-Key", "b")],
        Some("b"),
        Some("a"),
    );
    check(
        &[("Authorization", "Bearer a"), ("X-Api-Key", "b")],
        None,
        None,
    );
}

#[test]
fn credentials_that_pass_are_sensitive_and_not_shown() {
    let sent = [
        TOKEN,
        ("Authorization", "Bearer own"),
        ("Api-Key", "own"),
        ("Accept", "*/*"),
    ];
    let scrubbed = HeaderPolicy::default().admit(map(&sent)).scrubbed;
    assert!(scrubbed.headers()["authorization"].is_sensitive());
    assert!(scrubbed.headers()["api-key"].is_sensitive());
    assert!(!scrubbed.headers()["accept"].is_sensitive());
    let shown = format!("{scrubbed:?}");
    assert!(
        shown.contains("accept") && !shown.contains("own"),
        "{shown}"
    );
}

#[test]
fn a_header_can_be_taken_out_later() {
    let sent = [
        TOKEN,
        ("Authorization", "Bearer a"),
        ("Authorization", "Bearer b"),
    ];
    let mut scrubbed = HeaderPolicy::default().admit(map(&sent)).scrubbed;
    assert_eq!(scrubbed.headers().len(), 2);
    scrubbed.remove(&AUTHORIZATION);
    scrubbed.remove(&HeaderName::from_static("x-absent"));
    assert!(scrubbed.into_headers().is_empty());
}

fn actor(username: &str, email: Option<&str>) -> Actor {
    Actor {
        id: ActorId::from_bytes([7; 16]),
        username: username.to_owned(),
        email: email.map(str::to_owned),
    }
}

#[test]
fn an_actor_is_named_only_by_the_gateway() {
    let policy = HeaderPolicy::default();
    let forged = [
        ("X-AI-Bridge-Actor-ID", "forged"),
        ("X-AI-Bridge-Actor-Metadata-Role", "admin"),
        ("X-Api-Key", "key"),
    ];
    let mut scrubbed = policy.admit(map(&forged)).scrubbed;
    scrubbed.name_actor(&actor("ada", Some("ada@example.com")), &policy);
    let expected = [
        "x-ai-bridge-actor-id: 07070707-0707-0707-0707-070707070707",
        "x-ai-bridge-actor-metadata-username: ada",
    ];
    assert_eq!(lines(&scrubbed), expected);
    scrubbed.name_actor(&actor("ada", None), &policy);
    assert_eq!(lines(&scrubbed), expected, "naming twice is naming once");
}

#[test]
fn an_attribute_that_is_no_header_value_is_left_out() {
    fn check(username: &str, is_told: bool) {
        let policy = HeaderPolicy::default();
        let mut scrubbed = policy.admit(http::HeaderMap::new()).scrubbed;
        scrubbed.name_actor(&actor(username, None), &policy);
        let name = "x-ai-bridge-actor-metadata-username";
        assert_eq!(
            scrubbed.headers().contains_key(name),
            is_told,
            "{username:?}"
        );
        assert!(scrubbed.headers().contains_key("x-ai-bridge-actor-id"));
    }
    check("ada", true);
    check("Ada Lovelace", true);
    check("Zoë", true);
    check("", false);
    check("ada\r\nx-injected: 1", false);
    check("ada\0", false);
}

#[test]
fn names_are_settings() {
    let config = HeaderPolicyConfig {
        own_key_token: "X-House-Token".to_owned(),
        correlation_id: "X-House-Request".to_owned(),
        internal_prefixes: vec!["X-House-".to_owned(), "baggage".to_owned()],
        actor_prefix: "X-User-".to_owned(),
        actor_email: ActorHeader::Named("X-Mail".to_owned()),
        ..HeaderPolicyConfig::default()
    };
    let policy = HeaderPolicy::try_new(&config).unwrap();
    let sent = [
        ("X-House-Token", "key"),
        ("X-House-Request", "id-1"),
        ("X-House-Secret", "1"),
        ("Baggage", "team=1"),
        ("X-User-Id", "forged"),
        ("X-Mail", "forged"),
        ("X-Api-Key", "own"),
        ("X-Coder-Chat-Id", "not ours"),
    ];
    let admitted = policy.admit(map(&sent));
    assert_eq!(admitted.presented.key_mode(), KeySource::Byok);
    assert_eq!(admitted.presented.correlation_id(), Some("id-1"));
    let mut scrubbed = admitted.scrubbed;
    assert_eq!(
        lines(&scrubbed),
        ["x-api-key: own", "x-coder-chat-id: not ours"]
    );
    scrubbed.name_actor(&actor("ada", Some("ada@example.com")), &policy);
    assert_eq!(scrubbed.headers()["x-user-metadata-username"], "ada");
    assert_eq!(scrubbed.headers()["x-mail"], "ada@example.com");
}
