//! The tools that a request offers, and which of them are called.

use serde_json::Value;

use crate::asked::Asked;
use crate::dialect::Dialect;
use crate::directive::{Directives, ToolWish};
use crate::face::Face;
use crate::fingerprint::Ids;
use crate::pattern;
use crate::pieces::{Cut, Pieces};
use crate::schema;

/// Bytes of arguments in one event.
const ARGUMENT_BYTES: usize = 16;

/// How many tools one pattern calls at most.
const MOST_AT_ONCE: usize = 64;

/// A tool to be called.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// What its result will name.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: ToolKind,
    /// A JSON object for functions, free text for custom tools.
    pub(crate) input: String,
}

/// What a tool takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ToolKind {
    /// Arguments by a JSON schema.
    Function,
    /// Free text.
    Custom,
}

/// A tool that the request offers.
#[derive(Debug)]
struct Offered {
    name: String,
    kind: ToolKind,
    schema: Value,
}

impl Call {
    /// Leaves the end of the input away.
    pub(crate) fn break_off(&mut self) {
        let half = self.input.len() / 2;
        let end = (half..self.input.len()).find(|at| self.input.is_char_boundary(*at));
        self.input.truncate(end.unwrap_or_default());
    }

    /// The input, cut as it is streamed.
    pub(crate) fn pieces(&self) -> Pieces {
        Pieces::new(self.input.clone(), Cut::Bytes(ARGUMENT_BYTES))
    }
}

/// The tools to call, and the name of one that was wished for and is not offered.
pub(crate) fn calls(
    face: Face,
    dialect: Dialect,
    asked: &Asked<'_>,
    directives: &Directives,
    ids: &mut Ids,
) -> (Vec<Call>, Option<String>) {
    let prompt = &asked.last.texts;
    let wishes = match directives.tools.is_empty() {
        false => directives.tools.clone(),
        true if asked.last.tool_result.is_some() => Vec::new(),
        true => forced(asked)
            .or_else(|| mentioned(prompt))
            .into_iter()
            .collect(),
    };
    if wishes.is_empty() {
        return (Vec::new(), None);
    }
    let offered = offered(dialect, asked);
    let mut calls = Vec::new();
    for wish in wishes {
        let fits = |tool: &&Offered| {
            wish.name
                .as_ref()
                .is_none_or(|name| pattern::fits(name, &tool.name))
        };
        let most = if wish.takes_all { MOST_AT_ONCE } else { 1 };
        let wanted: Vec<_> = offered.iter().filter(fits).take(most).collect();
        if wanted.is_empty() {
            let name = wish.name.unwrap_or_else(|| "any".to_owned());
            return (Vec::new(), Some(name));
        }
        let called = wanted
            .into_iter()
            .map(|tool| tool.call(wish.arguments.clone()));
        calls.extend(called);
    }
    let ids = |call: Call| Call {
        id: dialect.call_id(face, ids),
        ..call
    };
    (calls.into_iter().map(ids).collect(), None)
}

/// The tool that `tool_choice` orders.
fn forced(asked: &Asked<'_>) -> Option<ToolWish> {
    let choice = asked.value("tool_choice");
    let kind = choice.as_str().or_else(|| choice.get("type")?.as_str())?;
    let name = choice
        .get("name")
        .or_else(|| choice.pointer("/function/name"))
        .or_else(|| choice.pointer("/custom/name"))
        .and_then(Value::as_str);
    matches!(kind, "any" | "required" | "tool" | "function" | "custom").then(|| ToolWish {
        name: name.map(str::to_owned),
        arguments: None,
        takes_all: false,
    })
}

/// The tool of a prompt that says `use the NAME tool`.
fn mentioned(prompt: &[String]) -> Option<ToolWish> {
    prompt.iter().find_map(|text| {
        let (_, rest) = text
            .split_once("use the ")
            .or_else(|| text.split_once("Use the "))?;
        let (name, rest) = rest.split_once(' ')?;
        rest.starts_with("tool").then(|| ToolWish {
            name: Some(name.trim_matches(['`', '"', '\'']).to_owned()),
            arguments: None,
            takes_all: false,
        })
    })
}

/// The names of all tools that can be called.
pub(crate) fn names(dialect: Dialect, asked: &Asked<'_>) -> Vec<String> {
    let offered = offered(dialect, asked);
    offered.into_iter().map(|tool| tool.name).collect()
}

fn offered(dialect: Dialect, asked: &Asked<'_>) -> Vec<Offered> {
    let tools = asked.value("tools");
    let tools = tools.as_array().into_iter().flatten();
    tools
        .filter_map(|tool| one_offered(dialect, tool))
        .collect()
}

/// Tools that the provider runs itself are none that can be called here.
fn one_offered(dialect: Dialect, tool: &Value) -> Option<Offered> {
    let kind = tool.get("type").and_then(Value::as_str);
    let (tool, schema, kind) = match (dialect, kind) {
        (Dialect::Anthropic, _) => (tool, tool.get("input_schema")?, ToolKind::Function),
        (Dialect::Chat, Some("function")) => {
            let tool = tool.get("function")?;
            (
                tool,
                tool.get("parameters").unwrap_or(&Value::Null),
                ToolKind::Function,
            )
        }
        (Dialect::Chat, Some("custom")) => (tool.get("custom")?, &Value::Null, ToolKind::Custom),
        (Dialect::Responses, Some("function")) => (
            tool,
            tool.get("parameters").unwrap_or(&Value::Null),
            ToolKind::Function,
        ),
        (Dialect::Responses, Some("custom")) => (tool, &Value::Null, ToolKind::Custom),
        (Dialect::Chat | Dialect::Responses, _) => return None,
    };
    Some(Offered {
        name: tool.get("name")?.as_str()?.to_owned(),
        kind,
        schema: schema.clone(),
    })
}

impl Offered {
    fn call(&self, arguments: Option<Value>) -> Call {
        let input = match (self.kind, arguments) {
            (ToolKind::Function, Some(arguments)) => arguments.to_string(),
            (ToolKind::Function, None) => schema::arguments(&self.schema).to_string(),
            (ToolKind::Custom, Some(arguments)) => match arguments.get("input") {
                Some(Value::String(input)) => input.clone(),
                _ => arguments.to_string(),
            },
            (ToolKind::Custom, None) => "simulated".to_owned(),
        };
        Call {
            id: String::new(),
            name: self.name.clone(),
            kind: self.kind,
            input,
        }
    }
}
