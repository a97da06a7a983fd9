//! Members that items of requests and answers have in common.

use std::borrow::Cow;

use crate::json::Value;

pub(super) fn kind_of(item: Value<'_>) -> Cow<'_, str> {
    item.get("type").and_then(Value::text).unwrap_or_default()
}

/// The provider's id of an item; empty when it has none.
pub(super) fn id_of(item: Value<'_>) -> Cow<'_, str> {
    item.get("id").and_then(Value::text).unwrap_or_default()
}

/// The id by which a call and its result belong together.
pub(super) fn call_id_of(item: Value<'_>) -> Option<Cow<'_, str>> {
    item.get("call_id")?.filled()
}

/// Whether items of this kind are results of calls. Those of tools of every kind end with the same
/// word.
pub(super) fn is_result(kind: &str) -> bool {
    kind.ends_with("_output") || kind == "mcp_approval_response"
}
