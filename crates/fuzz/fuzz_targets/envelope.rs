//! The scan of a request agrees with another parser on what is JSON, and touches nothing.
#![no_main]

use bridge_api::{DialectId, Envelope, EnvelopeError, EnvelopeLimits};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

const DIALECTS: [DialectId; 3] = [
    DialectId::AnthropicMessages,
    DialectId::OpenAiChat,
    DialectId::OpenAiResponses,
];

fuzz_target!(|data: &[u8]| {
    let body = Bytes::copy_from_slice(data);
    let parsed = Envelope::parse(body.clone(), &EnvelopeLimits::default());
    let is_object = data.trim_ascii_start().first() == Some(&b'{');
    let is_json =
        std::str::from_utf8(data).is_ok() && serde_json::from_slice::<IgnoredAny>(data).is_ok();
    let envelope = match parsed {
        Ok(envelope) => {
            assert!(is_object && is_json);
            envelope
        }
        Err(EnvelopeError::TooDeep { .. } | EnvelopeError::TooMany { .. }) => return,
        Err(_) => {
            assert!(!is_object || !is_json);
            return;
        }
    };
    assert_eq!(envelope.to_bytes(), body);
    for dialect in DIALECTS {
        let _facts = dialect.facts(&envelope);
    }
    edit(envelope);
});

/// Sets a member and takes one away; all others keep their bytes.
fn edit(mut envelope: Envelope) {
    let names: Vec<String> = envelope.names().collect();
    let others = |envelope: &Envelope, not: &str| -> Vec<Option<String>> {
        let kept = names.iter().filter(|name| *name != not);
        kept.map(|name| envelope.get(name).map(str::to_owned))
            .collect()
    };
    let before = others(&envelope, "model");
    envelope
        .set("model", Bytes::from_static(b"\"another\""))
        .expect("a text is a value");
    assert_eq!(envelope.get("model"), Some("\"another\""));
    assert_eq!(others(&envelope, "model"), before);
    let edited = envelope.to_bytes();
    let again = Envelope::parse(edited, &EnvelopeLimits::default());
    if let Ok(again) = again {
        assert_eq!(again.get("model"), Some("\"another\""));
        assert_eq!(others(&again, "model"), before);
    }
    if let Some(name) = names.first() {
        envelope.remove(name);
        assert_eq!(envelope.get(name), None);
        assert!(serde_json::from_slice::<IgnoredAny>(&envelope.to_bytes()).is_ok());
    }
}
