//! Tools and their results, as the Messages API writes them.

use crate::json::{Value, quoted};
use crate::tools::{Place, Toolbox, put};
use crate::{DialectId, Envelope, Offer, ToolSpec, Withheld};

/// One item of the array of tools.
pub(crate) fn render(tool: &ToolSpec) -> String {
    format!(
        r#"{{"name":{},"description":{},"input_schema":{}}}"#,
        quoted(tool.name()),
        quoted(tool.description()),
        tool.input_schema(),
    )
}

/// Puts the tools before the client's own, whose `cache_control` marks where a cached beginning
/// ends: the beginning is longer, and stays the same from request to request.
pub(crate) fn offer(envelope: &mut Envelope, toolbox: &Toolbox) -> Offer {
    let choice = envelope.value("tool_choice").unwrap_or_default();
    match choice.get("type").and_then(Value::text).as_deref() {
        Some("none") => return Offer::Withheld(Withheld::Forbidden),
        Some("tool") => return Offer::Withheld(Withheld::Forced),
        _ => {}
    }
    let dialect = DialectId::AnthropicMessages;
    put(dialect, envelope, toolbox, Place::First, |tool| {
        tool.get("name").and_then(Value::text)
    })
}
