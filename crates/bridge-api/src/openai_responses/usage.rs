//! Token figures of the Responses API.

use crate::Usage;
use crate::json::Value;

/// `input_tokens` includes what was read from a cache, and with relays that say so what was
/// written to it.
pub(super) fn usage(said: Value<'_>) -> Usage {
    let mut usage = Usage::default();
    let mut input = 0;
    for (name, value) in said.members() {
        let detail = |name: &str| value.get(name).and_then(Value::count).unwrap_or_default();
        match &*name {
            "input_tokens" => input = value.count().unwrap_or_default(),
            "output_tokens" => usage.output = value.count().unwrap_or_default(),
            "input_tokens_details" => {
                usage.cache_read = detail("cached_tokens");
                usage.cache_write = detail("cache_write_tokens");
            }
            "output_tokens_details" => {
                usage
                    .extra
                    .push(("reasoning_tokens", detail("reasoning_tokens")));
            }
            _ => {}
        }
    }
    let cached = usage.cache_read.saturating_add(usage.cache_write);
    usage.input = input.saturating_sub(cached);
    usage.extra.retain(|(_, count)| *count > 0);
    usage
}
