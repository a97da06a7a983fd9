//! Requests for Bedrock: what is not edited keeps its bytes and its order.

use bridge_api::{BedrockModel, Envelope, EnvelopeLimits, bedrock_request};
use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;

/// Members that Bedrock's API takes as they are.
const KEPT: [&str; 7] = [
    "max_tokens",
    "messages",
    "system",
    "tools",
    "top_k",
    "zeta",
    "\\u0061nything",
];
/// Members that are looked at, changed or removed.
const TOUCHED: [&str; 11] = [
    "model",
    "stream",
    "thinking",
    "metadata",
    "service_tier",
    "container",
    "inference_geo",
    "output_config",
    "context_management",
    "anthropic_beta",
    "str\\u0065am",
];
/// Values that are easily lost on the way through a tree.
const VALUES: [&str; 12] = [
    "9007199254740993",
    "-0",
    "1e400",
    "1.10",
    "true",
    "null",
    "\"<&> \\u00e9 \\ud83d é\"",
    "[ 1 , {\"b\":2,\"a\":1} ]",
    "{\"type\":\"adaptive\"}",
    "{\"effort\":\"low\"}",
    "[\"effort-2025-11-24\",\"context-1m-2025-08-07\",7]",
    "[]",
];
const SPACES: [&str; 4] = ["", " ", "\n\t", "\r\n  "];

/// One member as it is written, and its name.
fn member() -> impl Strategy<Value = (&'static str, String)> {
    let names = select([&KEPT[..], &TOUCHED[..]].concat());
    let space = || select(SPACES.to_vec());
    let parts = (names, select(VALUES.to_vec()), space(), space(), space());
    parts.prop_map(|(name, value, before, between, after)| {
        let text = format!("{before}\"{name}\"{between}:{between}{value}{after}");
        (name, text)
    })
}

fn model() -> impl Strategy<Value = &'static str> {
    select(vec![
        "beddel",
        "us.anthropic.claude-opus-4-5-20251101-v1:0",
        "global.anthropic.claude-opus-4-6-v1",
        "anthropic.claude-opus-4-7",
        "arn:aws:bedrock:eu-west-1:1:application-inference-profile/a b",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn untouched_members_keep_their_bytes_and_their_order(
        members in prop::collection::vec(member(), 0..10),
        model in model(),
        beta in prop::collection::vec("[a-z0-9, -]{0,30}", 0..3),
    ) {
        let texts: Vec<&str> = members.iter().map(|(_, text)| text.as_str()).collect();
        let body = format!("{{{}}}", texts.join(","));
        let body = Bytes::from(body);
        let mut envelope = Envelope::parse(body, &EnvelopeLimits::default()).unwrap();
        let beta = beta.iter().map(String::as_str);
        let request = bedrock_request(&mut envelope, &BedrockModel::new(model), beta).unwrap();

        let edited = std::str::from_utf8(&request.body).unwrap();
        let mut rest = edited;
        for (name, text) in &members {
            if KEPT.contains(name) {
                let at = rest.find(text.as_str());
                prop_assert!(at.is_some(), "{text:?} is lost, or not in its place: {edited}");
                rest = rest.split_at(at.unwrap() + text.len()).1;
            }
        }
        let again = Envelope::parse(request.body.clone(), &EnvelopeLimits::default());
        let names: Vec<String> = again.unwrap().names().collect();
        for gone in ["model", "stream", "metadata", "service_tier", "container", "inference_geo"] {
            prop_assert!(!names.iter().any(|name| name == gone), "{edited}");
        }
        let versions = names.iter().filter(|name| *name == "anthropic_version").count();
        prop_assert_eq!(versions, 1);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%/".contains(&byte);
        prop_assert!(request.path.bytes().all(is_plain), "{}", request.path);
        prop_assert_eq!(request.path.matches('/').count(), 3, "{}", request.path);
    }
}
