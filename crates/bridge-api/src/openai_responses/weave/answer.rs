//! A whole answer, as a terminal event or a body has it.

use crate::Toolbox;
use crate::json::{Patch, Value, quoted};

/// The members of a Response object that matter here. What is not there is an empty value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answer<'a> {
    pub(super) id: Value<'a>,
    pub(super) status: Value<'a>,
    pub(super) output: Value<'a>,
    pub(super) usage: Value<'a>,
    pub(super) tools: Value<'a>,
    pub(super) store: Value<'a>,
    /// The answer that it goes on from.
    pub(super) previous: Value<'a>,
}

impl<'a> Answer<'a> {
    pub(super) fn read(response: Value<'a>) -> Self {
        let mut answer = Self::default();
        for (name, value) in response.members() {
            match &*name {
                "id" => answer.id = value,
                "status" => answer.status = value,
                "output" => answer.output = value,
                "usage" => answer.usage = value,
                "tools" => answer.tools = value,
                "store" => answer.store = value,
                "previous_response_id" => answer.previous = value,
                _ => {}
            }
        }
        answer
    }

    /// Whether the model said all it wanted. An answer without a status was told to be complete by
    /// whoever sent it as one.
    pub(super) fn is_complete(&self, is_told: bool) -> bool {
        match self.status.text() {
            Some(status) => status == "completed",
            None => is_told,
        }
    }

    /// Makes the echo of the request that of the client's: without our tools, and going on from the
    /// answer that the client named.
    pub(super) fn tell_request(
        &self,
        toolbox: &Toolbox,
        previous: Option<&str>,
        patch: &mut Patch<'a>,
    ) {
        self.hide_tools(toolbox, patch);
        if let Some(previous) = previous
            && self.previous.text().is_some_and(|told| told != previous)
        {
            patch.replace(self.previous, quoted(previous));
        }
    }

    fn hide_tools(&self, toolbox: &Toolbox, patch: &mut Patch<'a>) {
        let is_ours = |tool: Value<'_>| is_function(tool) && has_name_in(tool, toolbox);
        if let Some(tools) = without(self.tools, is_ours) {
            patch.replace(self.tools, tools);
        }
    }
}

/// Whether an item calls a tool of ours. Functions of a name space are others than those without.
pub(super) fn is_our_call(item: Value<'_>, toolbox: &Toolbox) -> bool {
    let kind = item.get("type").and_then(Value::text);
    let namespace = item.get("namespace").and_then(Value::filled);
    kind.as_deref() == Some("function_call") && namespace.is_none() && has_name_in(item, toolbox)
}

fn is_function(tool: Value<'_>) -> bool {
    tool.get("type").and_then(Value::text).as_deref() == Some("function")
}

fn has_name_in(value: Value<'_>, toolbox: &Toolbox) -> bool {
    let name = value.get("name").and_then(Value::text);
    name.is_some_and(|name| toolbox.has(&name))
}

/// An array without some of its items and the commas before them, or nothing when it has none of
/// those. All other bytes stay.
pub(super) fn without(array: Value<'_>, is_out: impl Fn(Value<'_>) -> bool) -> Option<Vec<u8>> {
    if !array.items().any(&is_out) {
        return None;
    }
    let whole = array.raw()?;
    let (mut out, mut at) = (vec![b'['], 1);
    let mut has_items = false;
    for item in Value::new(whole).items() {
        let range = item.range_in(whole)?;
        if !is_out(item) {
            // The white space before the first item belongs to the bracket.
            let from = if has_items {
                at
            } else {
                first_after_comma(whole, at)
            };
            out.extend_from_slice(whole.get(from..range.end)?);
            has_items = true;
        }
        at = range.end;
    }
    out.extend_from_slice(if has_items { whole.get(at..)? } else { b"]" });
    Some(out)
}

/// Behind the comma that follows, if one does.
fn first_after_comma(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let spaces = rest.len() - rest.trim_ascii_start().len();
    match rest.get(spaces) {
        Some(b',') => from + spaces + 1,
        Some(_) | None => from,
    }
}
