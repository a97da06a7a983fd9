//! Tools and their results, as the Messages API writes them.

use super::schema::mended;
use crate::json::{Value, quoted};
use crate::tools::{Place, Toolbox, put};
use crate::{DialectId, Envelope, Offer, ToolContent, ToolResult, ToolSpec, Withheld};

/// One item of the array of tools; none when the API would not take it.
pub(crate) fn render(tool: &ToolSpec) -> Option<String> {
    let (description, input_schema) = mended(tool)?;
    Some(format!(
        r#"{{"name":{},"description":{},"input_schema":{input_schema}}}"#,
        quoted(tool.name()),
        quoted(&description),
    ))
}

/// Puts the tools before the client's own, whose `cache_control` marks where a cached beginning
/// ends: the beginning is longer, and stays the same from request to request.
pub(crate) fn offer(envelope: &mut Envelope, toolbox: &Toolbox) -> Offer {
    let dialect = DialectId::AnthropicMessages;
    put(dialect, envelope, toolbox, Place::First, |tool| {
        tool.get("name").and_then(Value::text)
    })
}

/// What the request itself says against tools.
pub(crate) fn withheld(envelope: &Envelope) -> Option<Withheld> {
    let choice = envelope.value("tool_choice").unwrap_or_default();
    match choice.get("type").and_then(Value::text).as_deref() {
        Some("none") => Some(Withheld::Forbidden),
        Some("tool") => Some(Withheld::Forced),
        _ => None,
    }
}

/// The content of a user message with the results of calls, without its brackets.
pub(crate) fn results(results: &[ToolResult]) -> String {
    let blocks: Vec<String> = results.iter().map(result).collect();
    blocks.join(",")
}

fn result(result: &ToolResult) -> String {
    let mut content: Vec<String> = result
        .content
        .iter()
        .filter_map(|piece| content(piece, result.is_error))
        .collect();
    // A failure has to say something.
    if content.is_empty() && result.is_error {
        content.push(text("The tool failed and did not say why."));
    }
    let mut block = format!(
        r#"{{"type":"tool_result","tool_use_id":{}"#,
        quoted(&result.call_id)
    );
    if !content.is_empty() {
        block.push_str(&format!(r#","content":[{}]"#, content.join(",")));
    }
    if result.is_error {
        block.push_str(r#","is_error":true"#);
    }
    block.push('}');
    block
}

/// One block of a result's content. Blank text is refused by the API, and so is anything but text
/// in the result of a call that failed.
fn content(piece: &ToolContent, is_error: bool) -> Option<String> {
    if let Some(picture) = piece.picture().filter(|_| !is_error) {
        return Some(format!(
            r#"{{"type":"image","source":{{"type":"base64","media_type":{},"data":{}}}}}"#,
            quoted(picture.media_type),
            quoted(&picture.data),
        ));
    }
    let described = piece.described();
    (!is_blank(&described)).then(|| text(&described))
}

fn text(text: &str) -> String {
    format!(r#"{{"type":"text","text":{}}}"#, quoted(text))
}

/// Whether the API would refuse this as a block of text.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
