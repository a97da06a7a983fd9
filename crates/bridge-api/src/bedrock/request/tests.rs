use super::*;
use crate::EnvelopeLimits;

const OPUS_4_5: &str = "us.anthropic.claude-opus-4-5-20251101-v1:0";
const OPUS_4_6: &str = "global.anthropic.claude-opus-4-6-v1";
const OPUS_4_7: &str = "anthropic.claude-opus-4-7";
const SONNET_4_5: &str = "global.anthropic.claude-sonnet-4-5-20250929-v1:0";
const PLAIN: &str = "beddel";

fn edited(body: &str, model: &str, beta: &[&str]) -> BedrockRequest {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let mut envelope = Envelope::parse(body, &EnvelopeLimits::default()).unwrap();
    bedrock_request(
        &mut envelope,
        &BedrockModel::new(model),
        beta.iter().copied(),
    )
    .unwrap()
}

/// The body without the version, which is always at its end.
fn body(body: &str, model: &str, beta: &[&str]) -> String {
    let edited = edited(body, model, beta).body;
    let text = std::str::from_utf8(&edited).unwrap();
    let version = r#""anthropic_version":"bedrock-2023-05-31"}"#;
    let text = text.strip_suffix(version).unwrap();
    format!("{}}}", text.strip_suffix(',').unwrap_or(text))
}

#[test]
fn what_is_not_edited_keeps_its_bytes() {
    let request = concat!(
        "{ \"max_tokens\" : 9007199254740993,\n\t\"model\":\"claude-x\", \"metadata\":{\"a\":1},",
        "\"messages\":[{\"role\":\"user\",\"content\":\"<&> \\u00e9 1e400\"}] ,\"stream\":true,\"zeta\":1.0 }"
    );
    let edited = edited(request, PLAIN, &[]);
    let expected = concat!(
        "{ \"max_tokens\" : 9007199254740993,",
        "\"messages\":[{\"role\":\"user\",\"content\":\"<&> \\u00e9 1e400\"}] ,\"zeta\":1.0 ",
        ",\"anthropic_version\":\"bedrock-2023-05-31\"}"
    );
    assert_eq!(std::str::from_utf8(&edited.body).unwrap(), expected);
    assert_eq!(edited.path, "/model/beddel/invoke-with-response-stream");
}

#[test]
fn paths_name_the_model_and_the_deed() {
    let path = |request: &str, model: &str| edited(request, model, &[]).path;
    assert_eq!(
        path("{}", OPUS_4_6),
        "/model/global.anthropic.claude-opus-4-6-v1/invoke"
    );
    assert_eq!(
        path(
            r#"{"stream":false}"#,
            "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.x y~"
        ),
        "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Feu.x%20y~/invoke"
    );
    let twice = r#"{"stream":true,"stream":false,"model":"a","model":"b"}"#;
    assert_eq!(path(twice, "é"), "/model/%C3%A9/invoke");
    assert_eq!(body(twice, "m", &[]), "{}");
}

#[test]
fn a_version_that_is_there_stays() {
    let request = r#"{"anthropic_version":"vertex-2023-10-16"}"#;
    assert_eq!(edited(request, PLAIN, &[]).body, request.as_bytes());
}

#[test]
fn adaptive_thinking_becomes_a_budget_where_it_is_unknown() {
    let check = |request: &str, model: &str, expected: &str| {
        assert_eq!(body(request, model, &[]), expected, "{model} {request}");
    };
    let adaptive = r#"{"max_tokens":10000,"thinking":{"type":"adaptive"}}"#;
    let enabled = r#"{"max_tokens":10000,"thinking":{"type":"enabled","budget_tokens":8000}}"#;
    check(adaptive, OPUS_4_5, enabled);
    check(adaptive, PLAIN, enabled);
    check(adaptive, OPUS_4_6, adaptive);
    check(adaptive, OPUS_4_7, adaptive);
    check(enabled, PLAIN, enabled);
    check(r#"{"max_tokens":5}"#, PLAIN, r#"{"max_tokens":5}"#);
    for (effort, budget) in [
        ("low", 2_000),
        ("medium", 5_000),
        ("high", 8_000),
        ("max", 9_500),
        ("x", 8_000),
    ] {
        let request = format!(
            r#"{{"max_tokens":10000,"thinking":{{"type":"adaptive"}},"output_config":{{"effort":"{effort}"}}}}"#
        );
        let expected = format!(
            r#"{{"max_tokens":10000,"thinking":{{"type":"enabled","budget_tokens":{budget}}}}}"#
        );
        check(&request, PLAIN, &expected);
    }
    check(
        r#"{"max_tokens":1279,"thinking":{"type":"adaptive"}}"#,
        PLAIN,
        r#"{"max_tokens":1279,"thinking":{"type":"disabled"}}"#,
    );
    check(
        r#"{"max_tokens":1280,"thinking":{"type":"adaptive"}}"#,
        PLAIN,
        r#"{"max_tokens":1280,"thinking":{"type":"enabled","budget_tokens":1024}}"#,
    );
}

#[test]
fn without_max_tokens_the_rest_is_still_edited() {
    for max_tokens in ["0", "-1", "null", "\"many\""] {
        let request = format!(
            r#"{{"max_tokens":{max_tokens},"thinking":{{"type":"adaptive"}},"metadata":{{}}}}"#
        );
        let expected = format!(r#"{{"max_tokens":{max_tokens},"thinking":{{"type":"adaptive"}}}}"#);
        assert_eq!(body(&request, PLAIN, &[]), expected);
    }
}

/// A number that is written in another way is left to the provider, not misread.
#[test]
fn a_number_with_an_exponent_is_no_small_number() {
    for max_tokens in ["1.6e4", "16e3", "1.6E+4"] {
        let request = format!(r#"{{"max_tokens":{max_tokens},"thinking":{{"type":"adaptive"}}}}"#);
        assert_eq!(body(&request, PLAIN, &[]), request);
    }
    let request = r#"{"max_tokens":1280.5,"thinking":{"type":"adaptive"}}"#;
    let expected = r#"{"max_tokens":1280.5,"thinking":{"type":"enabled","budget_tokens":1024}}"#;
    assert_eq!(body(request, PLAIN, &[]), expected);
}

#[test]
fn flags_that_bedrock_knows_move_into_the_body() {
    let check = |model: &str, beta: &[&str], expected: &str| {
        let found = body("{}", model, beta);
        let expected = match expected {
            "" => "{}".to_owned(),
            flags => format!(r#"{{"anthropic_beta":[{flags}]}}"#),
        };
        assert_eq!(found, expected, "{model} {beta:?}");
    };
    check(PLAIN, &[], "");
    check(PLAIN, &["", ","], "");
    check(PLAIN, &["claude-code-20250219,oauth-2025-04-20"], "");
    check(
        PLAIN,
        &[
            "tool-examples-2025-10-29, claude-code-20250219 ",
            "context-1m-2025-08-07",
        ],
        r#""tool-examples-2025-10-29","context-1m-2025-08-07""#,
    );
    let limited = &["effort-2025-11-24,context-management-2025-06-27"];
    check(PLAIN, limited, "");
    check(OPUS_4_5, limited, r#""effort-2025-11-24""#);
    check(SONNET_4_5, limited, r#""context-management-2025-06-27""#);
    check(
        "anthropic.claude-haiku-4-5",
        limited,
        r#""context-management-2025-06-27""#,
    );
}

#[test]
fn flags_in_the_body_are_looked_at_as_well() {
    let request = r#"{"anthropic_beta":["oauth-2025-04-20","context-1m-2025-08-07",7],"a":1}"#;
    let beta = &["computer-use-2025-01-24,context-1m-2025-08-07"];
    let expected =
        r#"{"anthropic_beta":["computer-use-2025-01-24","context-1m-2025-08-07"],"a":1}"#;
    assert_eq!(body(request, PLAIN, beta), expected);
    assert_eq!(
        body(r#"{"anthropic_beta":["oauth-2025-04-20"]}"#, PLAIN, &[]),
        "{}"
    );
    assert_eq!(body(r#"{"anthropic_beta":"text"}"#, PLAIN, &[]), "{}");
}

#[test]
fn members_that_bedrock_refuses_are_removed() {
    let request = concat!(
        r#"{"metadata":{},"service_tier":"auto","container":"c","inference_geo":"us","#,
        r#""output_config":{"effort":"low"},"context_management":{"edits":[]},"top_k":1}"#
    );
    let check = |model: &str, kept: &str| {
        let beta = "effort-2025-11-24,context-management-2025-06-27";
        let found = body(request, model, &[beta]);
        let names: Vec<String> = serde_json::from_str::<serde_json::Map<_, _>>(&found)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names.join(" "), kept, "{model}");
    };
    check(PLAIN, "top_k");
    check(OPUS_4_5, "anthropic_beta output_config top_k");
    check(SONNET_4_5, "anthropic_beta context_management top_k");
    check(OPUS_4_6, "top_k");
    check(OPUS_4_7, "output_config top_k");
    assert_eq!(body(r#"{"output_config":{}}"#, OPUS_4_5, &[]), "{}");
}

#[test]
fn a_request_for_a_small_model_gets_the_small_one() {
    let models = crate::BedrockModels {
        model: BedrockModel::new("large"),
        small_fast: BedrockModel::new("small"),
    };
    let id = |asked: &str| models.choose(asked).id.clone();
    assert_eq!(id("claude-haiku-4-5"), "small");
    assert_eq!(id("claude-sonnet-4-5"), "large");
    assert_eq!(id(""), "large");
}

#[test]
fn a_profile_of_an_application_does_not_tell_its_model() {
    let arn = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc";
    assert!(BedrockModel::new(arn).is_opaque());
    assert!(!BedrockModel::new(SONNET_4_5).is_opaque());
}
