//! Thinking budgets for models that want one.

use bytes::Bytes;

use super::rules::is_adaptive;
use crate::{Envelope, EnvelopeError};

/// The smallest budget that Anthropic's API takes, in tokens.
const SMALLEST_BUDGET: u64 = 1024;

/// Puts a budget in place of adaptive thinking for a model that does not know it.
///
/// The budget is a share of `max_tokens`. Without `max_tokens` nothing is changed: the provider
/// then tells the caller what is missing.
pub(super) fn convert(envelope: &mut Envelope, model: &str) -> Result<(), EnvelopeError> {
    let thinking = envelope.value("thinking").unwrap_or_default();
    let kind = thinking.get("type").and_then(crate::json::Value::text);
    if is_adaptive(model) || kind.as_deref() != Some("adaptive") {
        return Ok(());
    }
    let max_tokens = envelope.value("max_tokens").unwrap_or_default().count();
    let Some(max_tokens) = max_tokens.filter(|tokens| *tokens > 0) else {
        return Ok(());
    };
    let budget = u128::from(max_tokens) * u128::from(percent(envelope)) / 100;
    let thinking = if budget < u128::from(SMALLEST_BUDGET) {
        r#"{"type":"disabled"}"#.to_owned()
    } else {
        format!(r#"{{"type":"enabled","budget_tokens":{budget}}}"#)
    };
    envelope.set("thinking", Bytes::from(thinking))
}

/// How much of the answer may be thought, by the effort that is asked for. Without one it is as
/// much as with `high`.
fn percent(envelope: &Envelope) -> u8 {
    let config = envelope.value("output_config").unwrap_or_default();
    let effort = config.get("effort").and_then(crate::json::Value::text);
    match effort.as_deref() {
        Some("low") => 20,
        Some("medium") => 50,
        Some("max") => 95,
        Some(_) | None => 80,
    }
}
