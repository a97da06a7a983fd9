//! Token figures of the Chat Completions API.

use crate::Usage;
use crate::json::Value;

/// `prompt_tokens` includes what was read from a cache, and with relays that say so what was
/// written to it.
pub(super) fn usage(said: Value<'_>) -> Usage {
    let mut usage = Usage::default();
    let mut prompt = 0;
    for (name, value) in said.members() {
        match &*name {
            "prompt_tokens" => prompt = value.count().unwrap_or_default(),
            "completion_tokens" => usage.output = value.count().unwrap_or_default(),
            "prompt_tokens_details" => {
                for (name, value) in value.members() {
                    let count = value.count().unwrap_or_default();
                    match &*name {
                        "cached_tokens" => usage.cache_read = count,
                        "cache_write_tokens" => usage.cache_write = count,
                        "audio_tokens" => usage.extra.push(("input_audio_tokens", count)),
                        _ => {}
                    }
                }
            }
            "completion_tokens_details" => {
                for (name, value) in value.members() {
                    let name = match &*name {
                        "audio_tokens" => "output_audio_tokens",
                        "reasoning_tokens" => "reasoning_tokens",
                        "accepted_prediction_tokens" => "accepted_prediction_tokens",
                        "rejected_prediction_tokens" => "rejected_prediction_tokens",
                        _ => continue,
                    };
                    usage.extra.push((name, value.count().unwrap_or_default()));
                }
            }
            _ => {}
        }
    }
    let cached = usage.cache_read.saturating_add(usage.cache_write);
    usage.input = prompt.saturating_sub(cached);
    usage.extra.retain(|(_, count)| *count > 0);
    usage
}
