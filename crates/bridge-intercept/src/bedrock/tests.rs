use bridge_api::{DialectId, Envelope, EnvelopeLimits};
use bridge_auth::HeaderPolicy;
use bridge_aws::SignerError;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

fn spec(protocol: &str) -> BedrockSpec {
    BedrockSpec {
        region: "eu-central-1".to_owned(),
        protocol: Some(protocol.to_owned()),
        model: Some("large".to_owned()),
        small_fast_model: Some("small".to_owned()),
        access_key_id: Some(Secret::new("ID".to_owned())),
        secret_access_key: Some(Secret::new("signing secret".to_owned())),
        ..BedrockSpec::default()
    }
}

fn made(spec: &BedrockSpec) -> Result<Bedrock, ProviderError> {
    Bedrock::try_new(spec, Endpoint::try_new("http://near").unwrap())
}

fn error(change: impl FnOnce(&mut BedrockSpec)) -> ProviderError {
    let mut spec = spec("invoke");
    change(&mut spec);
    made(&spec).unwrap_err()
}

#[test]
fn what_is_missing_is_named() {
    let text = |change: fn(&mut BedrockSpec)| error(change).to_string();
    assert!(text(|it| it.model = None).starts_with("model required"));
    assert!(text(|it| it.model = Some(" ".to_owned())).starts_with("model required"));
    assert!(text(|it| it.small_fast_model = None).starts_with("small fast model required"));
    let half = ProviderError::Signer(SignerError::HalfAKey);
    assert_eq!(error(|it| it.access_key_id = None), half);
    assert_eq!(error(|it| it.secret_access_key = None), half);
    let role = error(|it| it.role_arn = Some("x".to_owned()));
    assert_eq!(
        role,
        ProviderError::Signer(SignerError::Role("x".to_owned()))
    );
    assert!(matches!(
        error(|it| it.protocol = Some("converse".to_owned())),
        ProviderError::Protocol(_)
    ));
    let mut mantle = spec("mantle");
    (mantle.model, mantle.small_fast_model) = (None, None);
    assert!(made(&mantle).is_ok(), "callers choose the model");
}

#[test]
fn a_provider_shows_no_secret() {
    let shown = format!("{:?}", made(&spec("invoke")).unwrap());
    assert!(!shown.contains("signing secret"), "{shown}");
}

#[test]
fn only_routes_that_bedrock_has_lead_there() {
    let check = |protocol: &str, path: &str, kind: RouteKind, expected: bool| {
        let bedrock = made(&spec(protocol)).unwrap();
        assert_eq!(bedrock.has(kind, path), expected, "{protocol} {path}");
    };
    for protocol in ["invoke", "mantle"] {
        let messages = RouteKind::Bridged(DialectId::AnthropicMessages);
        check(protocol, "/v1/messages", messages, true);
        check(protocol, "/api/hello", RouteKind::Hello, true);
        let logging = "/api/event_logging/batch";
        check(protocol, logging, RouteKind::Passthrough, false);
    }
    let count = "/v1/messages/count_tokens";
    check("invoke", count, RouteKind::Passthrough, false);
    check("mantle", count, RouteKind::Passthrough, true);
}

#[test]
fn a_request_is_edited_for_invoke() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "context-1m-2025-08-07,other"),
        ("accept", "text/event-stream"),
        ("accept-encoding", "gzip"),
        ("content-encoding", "zstd"),
        ("user-agent", "agent"),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    let mut headers = HeaderPolicy::default().admit(headers).scrubbed;
    let body = br#"{"model":"claude-haiku-4-5","stream":true,"max_tokens":5}"#;
    let body = Bytes::from_static(body);
    let envelope = Envelope::parse(body, &EnvelopeLimits::default()).unwrap();
    let mut facts = DialectId::AnthropicMessages.facts(&envelope);
    let model = BedrockModel::new("small");
    let prepared = request::edit(&model, envelope, &mut headers, &mut facts).unwrap();
    let mut left: Vec<String> = headers
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    left.sort_unstable();
    let expected = [
        "accept: application/json",
        "content-type: application/json",
        "user-agent: agent",
    ];
    assert_eq!(left, expected);
    assert_eq!(prepared.path, "/model/small/invoke-with-response-stream");
    assert_eq!(prepared.asked, "claude-haiku-4-5");
    assert_eq!(facts.model, "small");
    let expected = br#"{"max_tokens":5,"anthropic_beta":["context-1m-2025-08-07"],"anthropic_version":"bedrock-2023-05-31"}"#;
    assert_eq!(prepared.body, &expected[..]);
}
