use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::{
    BreakerLevel, BreakerName, CallOutcome, CredentialClass, KeyRingFigures, KeyTrouble,
    LabelLimits, Metrics, OutcomeLabel, ProviderFigures, ProviderStatus, Subject, TokenKind,
};

/// Figures of every family that has another name.
fn busy() -> Metrics {
    let metrics = Metrics::default();
    metrics.limit_labels(LabelLimits {
        users: 9,
        ..LabelLimits::default()
    });
    let provider: Arc<str> = Arc::from("anthropic");
    let subject = Subject {
        provider: &provider,
        route: "/v1/messages",
        client: "Claude \"Code\", or \\",
        model: "m-1",
        user: &7,
    };
    let tally = metrics.tally(&subject, true);
    for outcome in [
        OutcomeLabel::Completed,
        OutcomeLabel::Failed,
        OutcomeLabel::Aborted,
        OutcomeLabel::Cut,
    ] {
        tally.ended(outcome, Duration::from_secs(3));
    }
    tally.prompt();
    tally.tokens(TokenKind::CacheRead, 5);
    tally.tool("Bash");
    let docs: Arc<str> = Arc::from("docs");
    for outcome in [CallOutcome::Answered, CallOutcome::TimedOut] {
        tally.injected_call(&docs, "search", outcome, None);
    }
    drop(metrics.interception_began(&subject));
    metrics.passed_through(&provider, "GET", "/v1/models");
    let breaker = |credential| BreakerName {
        provider: &provider,
        route: "/v1/messages",
        model: "m-1",
        credential,
    };
    metrics.breakers([
        (breaker(CredentialClass::Central), BreakerLevel::HalfOpen),
        (breaker(CredentialClass::Own), BreakerLevel::Closed),
    ]);
    metrics.breaker_tripped(breaker(CredentialClass::Central));
    metrics.breaker_tripped(breaker(CredentialClass::Own));
    metrics.breaker_rejected(breaker(CredentialClass::Own));
    metrics.key_rings([KeyRingFigures {
        provider: Arc::clone(&provider),
        ready: 1,
        rate_limited: 2,
        unauthorized: 3,
    }]);
    metrics.key_cools(&provider, KeyTrouble::Unauthorized);
    metrics.key_ring_exhausted(&provider, KeyTrouble::RateLimited);
    metrics.keys_tried(&provider, 2);
    metrics.providers([ProviderFigures {
        name: Arc::clone(&provider),
        kind: "bedrock",
        status: ProviderStatus::Error,
    }]);
    metrics.reloaded(4, true);
    metrics
}

fn check(text: &str, sample: &str) {
    let is_there = text.lines().any(|line| line == sample);
    assert!(is_there, "{sample} is not in\n{text}");
}

#[test]
fn figures_have_the_names_labels_and_values_of_the_other() {
    let metrics = busy();
    metrics.also_named(Aliases::Current);
    let text = metrics.expose();
    let client = r#"client="Claude \"Code\", or \\""#;
    let whose = r#"initiator_id="7""#;
    let what = r#"model="m-1",provider="anthropic""#;
    let search = r#"model="m-1",name="search",provider="anthropic""#;
    for (status, count) in [("completed", 1), ("failed", 3)] {
        let sample = format!(
            "interceptions_total{{{client},{whose},method=\"POST\",{what},\
             route=\"/v1/messages\",status=\"{status}\"}} {count}"
        );
        check(&text, &format!("coder_ai_gateway_{sample}"));
    }
    for sample in [
        &format!("interceptions_inflight{{{what},route=\"/v1/messages\"}} 0"),
        &format!("interceptions_duration_seconds_bucket{{{what},le=\"2.0\"}} 0"),
        &format!("interceptions_duration_seconds_bucket{{{what},le=\"+Inf\"}} 4"),
        &format!("interceptions_duration_seconds_sum{{{what}}} 12"),
        &format!("interceptions_duration_seconds_count{{{what}}} 4"),
        r#"passthrough_total{method="GET",provider="anthropic",route="/v1/models"} 1"#,
        &format!("prompts_total{{{client},{whose},{what}}} 1"),
        &format!("tokens_total{{{client},{whose},{what},type=\"cache_read_input_tokens\"}} 5"),
        &format!("injected_tool_invocations_total{{{search},server=\"docs\"}} 2"),
        r#"non_injected_tool_selections_total{model="m-1",name="Bash",provider="anthropic"} 1"#,
        &format!("circuit_breaker_state{{endpoint=\"/v1/messages\",{what}}} 0.5"),
        &format!("circuit_breaker_trips_total{{endpoint=\"/v1/messages\",{what}}} 2"),
        &format!("circuit_breaker_rejects_total{{endpoint=\"/v1/messages\",{what}}} 1"),
        r#"key_pool_state{provider="anthropic",state="valid"} 1"#,
        r#"key_pool_state{provider="anthropic",state="temporary"} 5"#,
        r#"key_pool_state_transitions_total{provider="anthropic",reason="unauthorized"} 1"#,
        r#"key_pool_exhaustions_total{provider="anthropic",outcome="rate_limited"} 1"#,
        r#"key_pool_failover_attempts_count{provider="anthropic"} 1"#,
        r#"provider_info{provider_name="anthropic",provider_type="bedrock",status="error"} 1"#,
    ] {
        check(&text, &format!("coder_ai_gateway_{sample}"));
    }
    assert!(text.contains("\ncoder_ai_gateway_providers_last_reload_timestamp_seconds 1"));
    assert!(text.contains("\ncoder_ai_gateway_providers_last_reload_success_timestamp_seconds 1"));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn every_alias_has_a_family_of_ours() {
    let metrics = busy();
    let catalogue = metrics.catalogue();
    for alias in &ALIASES {
        let end = if alias.is_counter { "_total" } else { "" };
        let name = format!("bridge_{}{end}", alias.ours);
        let family = catalogue.iter().find(|family| family.name == name);
        let family = family.unwrap_or_else(|| panic!("{name}"));
        for label in alias.labels.iter().filter_map(|label| label.ours) {
            assert!(family.labels.contains(&label), "{} {label}", alias.ours);
        }
    }
    metrics.also_named(Aliases::Both);
    let text = metrics.expose();
    for (prefix, alias) in ["coder_ai_gateway", "coder_aibridged"]
        .iter()
        .flat_map(|prefix| ALIASES.iter().map(move |alias| (prefix, alias)))
    {
        let kind = format!("\n# TYPE {prefix}_{} ", alias.theirs);
        assert_eq!(text.matches(&kind).count(), 1, "{kind} in\n{text}");
    }
}

#[test]
fn without_aliases_nothing_is_added() {
    let metrics = busy();
    let text = metrics.expose();
    assert!(!text.contains("coder_"));
    metrics.also_named(Aliases::Legacy);
    assert!(metrics.expose().contains("\ncoder_aibridged_tokens_total{"));
    metrics.also_named(Aliases::Off);
    assert_eq!(metrics.expose(), text);
}

#[test]
fn labels_are_told_apart_whatever_their_values_are() {
    assert_eq!(pairs(""), []);
    assert_eq!(
        pairs(r#"a="1",b="x\",c=\"y\\",d="""#),
        [("a", "1"), ("b", r#"x\",c=\"y\\"#), ("d", "")]
    );
    assert_eq!(pairs(r#"a="1",b="open"#), [("a", "1")]);
}
