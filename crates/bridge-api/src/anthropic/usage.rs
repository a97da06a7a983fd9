//! Token figures of the Messages API.

use crate::Usage;
use crate::json::Value;

/// Figures that are not said again stay as they were.
pub(super) fn replace_usage(usage: &mut Usage, said: Value<'_>) {
    let mut by_age = None;
    for (name, value) in said.members() {
        let figure = match &*name {
            "input_tokens" => &mut usage.input,
            "output_tokens" => &mut usage.output,
            "cache_read_input_tokens" => &mut usage.cache_read,
            "cache_creation_input_tokens" => &mut usage.cache_write,
            "cache_creation" => {
                by_age = replace_extra(usage, value, &CACHE_WRITES);
                continue;
            }
            "server_tool_use" => {
                replace_extra(usage, value, &SERVER_TOOLS);
                continue;
            }
            "output_tokens_details" => {
                replace_extra(usage, value, &OUTPUT);
                continue;
            }
            _ => continue,
        };
        *figure = value.count().unwrap_or(*figure);
    }
    // Both may be said, and then say the same.
    if said.get("cache_creation_input_tokens").is_none() {
        usage.cache_write = by_age.unwrap_or(usage.cache_write);
    }
    usage.extra.retain(|(_, count)| *count > 0);
}

const CACHE_WRITES: [&str; 2] = ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"];
const SERVER_TOOLS: [&str; 2] = ["web_search_requests", "web_fetch_requests"];
const OUTPUT: [&str; 1] = ["thinking_tokens"];

/// Replaces the figures of a group, and says their sum if there is one.
fn replace_extra(usage: &mut Usage, group: Value<'_>, names: &[&'static str]) -> Option<u64> {
    let mut sum = None;
    for (name, value) in group.members() {
        let known = names.iter().find(|known| **known == name);
        let (Some(known), Some(count)) = (known, value.count()) else {
            continue;
        };
        usage.extra.retain(|(other, _)| other != known);
        usage.extra.push((known, count));
        sum = Some(count.saturating_add(sum.unwrap_or_default()));
    }
    sum
}
