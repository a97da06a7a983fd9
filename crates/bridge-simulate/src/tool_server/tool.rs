//! The tools of a simulated tool server, and what they answer.

use std::time::Duration;

use serde_json::{Value, json};

/// A tool.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedTool {
    /// Its name.
    pub name: String,
    /// What it says of itself.
    pub description: String,
    /// The JSON schema of its arguments, told byte for byte.
    pub input_schema: String,
    /// What a call of it is answered with.
    pub answer: ToolAnswer,
    /// How long a call takes.
    pub delay: Duration,
}

/// What a call is answered with.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolAnswer {
    /// A text.
    Text(String),
    /// So many bytes of text.
    Filler(usize),
    /// The arguments as they came, as text.
    Echo,
    /// A small picture.
    Image,
    /// A short sound.
    Audio,
    /// A document in text, one in bytes, and a link to a third.
    Resources,
    /// Figures as structured content, and nothing besides.
    Structured(Value),
    /// A result that says that the tool failed.
    Failed(String),
    /// An error of the protocol in place of a result.
    Refused {
        /// Its code, like -32603.
        code: i64,
        /// Its message.
        message: String,
    },
    /// Content blocks, told as they are.
    Content(Value),
    /// Never anything. Cancelling the call, or leaving, ends it.
    Never,
}

/// A transparent pixel as PNG.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// The head of a WAVE file without a sample.
const SILENCE: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

/// A schema with what careless hands lose: definitions, numbers in their own spelling, an order of
/// members, and limits.
const FULL_SCHEMA: &str = r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"zone":{"$ref":"#/$defs/Zone"},"amount":{"type":"number","minimum":1.0,"maximum":1e2,"multipleOf":0.50},"labels":{"type":"array","items":{"type":"string","pattern":"^[a-z]+$"},"minItems":1,"uniqueItems":true},"note":{"anyOf":[{"type":"string","maxLength":64},{"type":"null"}],"default":null}},"required":["zone","amount"],"additionalProperties":false,"$defs":{"Zone":{"type":"string","enum":["north","south"],"description":"Where it is \u2013 or was."}}}"##;

impl SimulatedTool {
    /// A tool that takes any object and answers with this text.
    #[must_use]
    pub fn text(name: &str, text: &str) -> Self {
        Self::new(name, ToolAnswer::Text(text.to_owned()))
    }

    /// A tool that takes any object.
    #[must_use]
    pub fn new(name: &str, answer: ToolAnswer) -> Self {
        Self {
            name: name.to_owned(),
            description: format!("The simulated tool {name}."),
            input_schema: r#"{"type":"object"}"#.to_owned(),
            answer,
            delay: Duration::ZERO,
        }
    }

    /// The same tool with this schema.
    #[must_use]
    pub fn taking(mut self, input_schema: &str) -> Self {
        input_schema.clone_into(&mut self.input_schema);
        self
    }

    /// The same tool, whose calls take so long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// One tool of each kind: `list_workspaces`, `echo` with a schema of everything, `picture`,
    /// `sound`, `documents`, `figures`, `broken`, `refusing`, `long` and `never`.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        samples()
    }

    /// The tool as a listing tells it.
    pub(super) fn listed(&self) -> String {
        format!(
            "{{\"name\":{},\"description\":{},\"inputSchema\":{}}}",
            json!(self.name),
            json!(self.description),
            self.input_schema
        )
    }
}

pub(super) fn samples() -> Vec<SimulatedTool> {
    let refused = ToolAnswer::Refused {
        code: -32603,
        message: "the tool's own database is away".to_owned(),
    };
    vec![
        SimulatedTool::text("list_workspaces", "one workspace: lighthouse").taking(
            r#"{"type":"object","properties":{"owner":{"type":"string"}},"required":["owner"]}"#,
        ),
        SimulatedTool::new("echo", ToolAnswer::Echo).taking(FULL_SCHEMA),
        SimulatedTool::new("picture", ToolAnswer::Image),
        SimulatedTool::new("sound", ToolAnswer::Audio),
        SimulatedTool::new("documents", ToolAnswer::Resources),
        SimulatedTool::new("figures", ToolAnswer::Structured(json!({"total": 3}))),
        SimulatedTool::new("broken", ToolAnswer::Failed("the disk is full".to_owned())),
        SimulatedTool::new("refusing", refused),
        SimulatedTool::new("long", ToolAnswer::Filler(300 << 10)),
        SimulatedTool::new("never", ToolAnswer::Never),
    ]
}

impl ToolAnswer {
    /// The result, or the error, as a member of the answer. Nothing when there is never one.
    pub(super) fn member(&self, arguments: &str) -> Option<String> {
        let text = |text: &str| json!([{"type": "text", "text": text}]);
        let result = match self {
            Self::Text(said) => json!({"content": text(said)}),
            Self::Filler(bytes) => json!({"content": text(&"lorem ".repeat(bytes / 6 + 1))}),
            Self::Echo => json!({"content": text(arguments)}),
            Self::Image => {
                json!({"content": [{"type": "image", "data": PIXEL, "mimeType": "image/png"}]})
            }
            Self::Audio => {
                json!({"content": [{"type": "audio", "data": SILENCE, "mimeType": "audio/wav"}]})
            }
            Self::Resources => json!({"content": resources()}),
            Self::Structured(value) => json!({"content": [], "structuredContent": value}),
            Self::Failed(said) => json!({"content": text(said), "isError": true}),
            Self::Content(content) => json!({"content": content}),
            Self::Refused { code, message } => {
                let error = json!({"code": code, "message": message});
                return Some(format!("\"error\":{error}"));
            }
            Self::Never => return None,
        };
        Some(format!("\"result\":{result}"))
    }
}

fn resources() -> Value {
    json!([
        {"type": "resource", "resource": {
            "uri": "notes://harbour", "mimeType": "text/plain", "text": "the harbour is closed",
        }},
        {"type": "resource", "resource": {
            "uri": "file:///pixel.png", "mimeType": "image/png", "blob": PIXEL,
        }},
        {"type": "resource_link", "uri": "https://example.com/tides", "name": "tides",
            "description": "a table of tides"},
    ])
}
