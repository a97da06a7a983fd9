//! Which settings make a policy.

use super::*;

fn named(change: impl FnOnce(&mut HeaderPolicyConfig)) -> Result<HeaderPolicy, HeaderPolicyError> {
    let mut config = HeaderPolicyConfig::default();
    change(&mut config);
    HeaderPolicy::try_new(&config)
}

fn reserved(name: &str) -> HeaderPolicyError {
    HeaderPolicyError::Reserved {
        name: name.to_owned(),
    }
}

fn used_twice(name: &str) -> HeaderPolicyError {
    HeaderPolicyError::UsedTwice {
        name: name.to_owned(),
    }
}

fn not_a_name(text: &str) -> HeaderPolicyError {
    HeaderPolicyError::NotAName {
        text: text.to_owned(),
    }
}

#[test]
fn the_default_names_are_those_that_tools_use() {
    let policy = HeaderPolicy::default();
    assert_eq!(policy.own_key_token(), "x-coder-ai-governance-token");
    assert_eq!(policy.correlation_id(), "x-coder-ai-governance-request-id");
    let names: Vec<_> = policy.actor_headers().names().collect();
    assert_eq!(
        names,
        [
            "x-ai-bridge-actor-id",
            "x-ai-bridge-actor-metadata-username"
        ]
    );
}

#[test]
fn names_follow_the_settings() {
    let policy = named(|config| {
        config.own_key_token = "X-House-Token".to_owned();
        config.correlation_id = "X-House-Request".to_owned();
        config.internal_prefixes = vec!["X-House-".to_owned()];
        config.actor_prefix = "X-User-".to_owned();
        config.actor_username = ActorHeader::Off;
        config.actor_email = ActorHeader::Named("X-Mail".to_owned());
    });
    let policy = policy.unwrap();
    let names: Vec<_> = policy.actor_headers().names().collect();
    assert_eq!(names, ["x-user-id", "x-mail"]);
    for name in [
        "x-house-anything",
        "x-user",
        "x-user-agent",
        "x-mail",
        "x-ai-bridge-actor-id",
        "x-ai-bridge-actor",
    ] {
        assert!(policy.is_own(&HeaderName::from_static(name)), "{name}");
    }
    for name in ["user-agent", "x-coder-token", "x-mails", "x-ai-bridge"] {
        assert!(!policy.is_own(&HeaderName::from_static(name)), "{name}");
    }
}

#[test]
fn a_header_with_a_meaning_keeps_it() {
    fn check(name: &str, error: &HeaderPolicyError) {
        let given = || name.to_owned();
        let policies = [
            named(|config| config.own_key_token = given()),
            named(|config| config.correlation_id = given()),
            named(|config| config.actor_id = ActorHeader::Named(given())),
            named(|config| config.actor_email = ActorHeader::Named(given())),
        ];
        for policy in policies {
            assert_eq!(policy.err().as_ref(), Some(error), "{name}");
        }
    }
    check("Authorization", &reserved("authorization"));
    check("X-Api-Key", &reserved("x-api-key"));
    check("Host", &reserved("host"));
    check("Cookie", &reserved("cookie"));
    check("Content-Type", &reserved("content-type"));
    check("Proxy-Anything", &reserved("proxy-anything"));
    check("X-Stainless-Lang", &reserved("x-stainless-lang"));
    check("Anthropic-Beta", &reserved("anthropic-beta"));
    check("Anthropic-Anything", &reserved("anthropic-anything"));
    check("Api-Key", &reserved("api-key"));
    check("X-Goog-Api-Key", &reserved("x-goog-api-key"));
    check("X-Amz-Date", &reserved("x-amz-date"));
    check("X-Auth-Token", &reserved("x-auth-token"));
    check("OpenAI-Beta", &reserved("openai-beta"));
    check("ChatGPT-Account-Id", &reserved("chatgpt-account-id"));
    check(
        "Copilot-Integration-Id",
        &reserved("copilot-integration-id"),
    );
    check("Date", &reserved("date"));
    check("Traceparent", &reserved("traceparent"));
    check("X-Request-Id", &reserved("x-request-id"));
    check("", &not_a_name(""));
    check("two words", &not_a_name("two words"));
    check("name:", &not_a_name("name:"));
}

#[test]
fn one_header_has_one_meaning() {
    let twice = named(|config| config.correlation_id = config.own_key_token.to_lowercase());
    assert_eq!(twice.err(), Some(used_twice("x-coder-ai-governance-token")));
    let twice = named(|config| {
        config.actor_id = ActorHeader::Named("X-User".to_owned());
        config.actor_email = ActorHeader::Named("x-user".to_owned());
    });
    assert_eq!(twice.err(), Some(used_twice("x-user")));
}

#[test]
fn an_internal_header_is_not_sent_to_providers() {
    let policy = named(|config| config.actor_id = ActorHeader::Named("X-Coder-User".to_owned()));
    assert_eq!(policy.err(), Some(reserved("x-coder-user")));
}

#[test]
fn a_prefix_covers_no_header_that_providers_need() {
    fn check(prefix: &str, error: Option<&HeaderPolicyError>) {
        let internal = named(|config| config.internal_prefixes = vec![prefix.to_owned()]);
        assert_eq!(internal.err().as_ref(), error, "{prefix:?}");
    }
    check("X-House-", None);
    check("baggage", None);
    check("X-", Some(&reserved("x-")));
    check("a", Some(&reserved("a")));
    check("User-Agent", Some(&reserved("user-agent")));
    check("X-Stainless", Some(&reserved("x-stainless")));
    check("X-Stainless-Lang", Some(&reserved("x-stainless-lang")));
    check("", Some(&not_a_name("")));
    let dashes = named(|config| config.actor_prefix = "--".to_owned());
    assert_eq!(dashes.err(), Some(not_a_name("")));
    let wide = named(|config| config.actor_prefix = "X-".to_owned());
    assert_eq!(wide.err(), Some(reserved("x")));
}
