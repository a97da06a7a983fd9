//! What was observed of an answer, as records and figures.

use bridge_api::{ToolCall, Usage};
use bridge_record::{TokenUsage, ToolUsage};
use bridge_telemetry::{Tally, TokenKind};

pub(super) fn count_tokens(usage: &Usage, tally: &Tally) {
    let kinds = [
        (TokenKind::Input, usage.input),
        (TokenKind::Output, usage.output),
        (TokenKind::CacheRead, usage.cache_read),
        (TokenKind::CacheWrite, usage.cache_write),
    ];
    for (kind, count) in kinds.into_iter().filter(|(_, count)| *count > 0) {
        tally.tokens(kind, count);
    }
}

pub(super) fn token_usage(usage: Usage, response_id: String) -> TokenUsage {
    TokenUsage {
        response_id,
        input: usage.input,
        output: usage.output,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
        extra: usage
            .extra
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count))
            .collect(),
        partial: !usage.is_final,
        estimated: usage.is_estimated,
    }
}

/// A call of an injected tool, as it was observed, of which the rest is known.
pub(super) fn injected_usage(known: ToolUsage, call: ToolCall) -> ToolUsage {
    ToolUsage {
        kind: call.kind.to_string(),
        call_id: call.call_id,
        item_id: call.item_id,
        input: call.input,
        ..known
    }
}

pub(super) fn tool_usage(call: ToolCall, response_id: &str) -> ToolUsage {
    ToolUsage {
        response_id: response_id.to_owned(),
        kind: call.kind.to_string(),
        tool: call.name,
        namespace: call.namespace,
        call_id: call.call_id,
        item_id: call.item_id,
        input: call.input,
        server: None,
        server_url: None,
        injected: false,
        invocation_error: None,
        duration_ms: None,
    }
}
