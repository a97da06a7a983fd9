//! What the model says, decided from the request before any dialect gives it a shape.

use serde_json::Value;

use crate::asked::Asked;
use crate::dialect::Dialect;
use crate::directive::{DEFAULT_BYTES, Directives};
use crate::face::Face;
use crate::fingerprint::Ids;
use crate::offered::{self, Call};
use crate::pieces::{Cut, Pieces};
use crate::schema;

/// How much of a prompt and of a tool's result an answer quotes, in letters.
const QUOTED: usize = 200;

/// One answer of the model.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) face: Face,
    pub(crate) ids: Ids,
    pub(crate) model: String,
    pub(crate) thought: Option<Thought>,
    pub(crate) text: Option<Pieces>,
    pub(crate) calls: Vec<Call>,
    pub(crate) stop: Stop,
    pub(crate) usage: Usage,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It has said all.
    Spoken,
    /// It waits for tools.
    Called,
    /// It has no more room.
    Length,
}

/// What the model thinks before it speaks.
#[derive(Debug)]
pub(crate) struct Thought {
    /// Empty when the request wants to see none of it.
    pub(crate) text: Pieces,
    /// The request asked for it with a directive, not only with the provider's own setting.
    pub(crate) is_wished: bool,
}

/// Tokens, with a quarter of the bytes as their number. Input is exclusive of the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write: u64,
    /// With what was thought.
    pub(crate) output: u64,
    pub(crate) thought: u64,
}

impl Turn {
    pub(crate) fn decide(
        face: Face,
        dialect: Dialect,
        asked: &Asked<'_>,
        directives: &Directives,
        mut ids: Ids,
    ) -> Self {
        let (mut calls, refused) = offered::calls(face, dialect, asked, directives, &mut ids);
        if directives.breaks_arguments {
            calls.iter_mut().for_each(Call::break_off);
        } else if let (true, Some(last)) = (directives.is_short, calls.last_mut()) {
            last.break_off();
        }
        let stop = match (directives.is_short, calls.is_empty()) {
            (true, _) => Stop::Length,
            (false, true) => Stop::Spoken,
            (false, false) => Stop::Called,
        };
        let thought = thought(dialect, asked, directives.think);
        let text = match (directives.events, directives.bytes) {
            (None, None) if !calls.is_empty() => None,
            (None, None) => Some(Pieces::new(speech(dialect, asked, refused), Cut::Words)),
            (events, bytes) => Some(Pieces::filler(
                events.unwrap_or(20),
                bytes.unwrap_or(DEFAULT_BYTES),
            )),
        };
        let mut usage = input_usage(dialect, asked);
        usage.thought = thought.as_ref().map_or(0, |_| tokens(THOUGHT.len()));
        let inputs = calls.iter().map(|call| call.input.len()).sum::<usize>();
        let said = text.as_ref().map_or(0, |text| text.text().len());
        usage.output = tokens(inputs + said) + usage.thought;
        Self {
            face,
            ids,
            model: asked.model.clone(),
            thought,
            text,
            calls,
            stop,
            usage,
        }
    }
}

/// What the model thinks. It is always the same.
const THOUGHT: &str = "The person wants an answer. I am simulated, so I keep it short.";

/// About four bytes are a token.
pub(crate) fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes / 4 + 1).unwrap_or(u64::MAX)
}

fn input_usage(dialect: Dialect, asked: &Asked<'_>) -> Usage {
    let all = tokens(asked.body_bytes);
    let is_long = asked.messages > 2;
    let (cache_read, cache_write) = match dialect {
        Dialect::Anthropic if !asked.marks_cache => (0, 0),
        Dialect::Anthropic if is_long => (all / 4 * 3, all / 16),
        Dialect::Anthropic => (0, all / 4 * 3),
        // OpenAI keeps prompts of 1,024 tokens and more, in steps of 128:
        // https://platform.openai.com/docs/guides/prompt-caching
        Dialect::Chat | Dialect::Responses if is_long && all >= 1024 => {
            (all / 4 * 3 / 128 * 128, 0)
        }
        Dialect::Chat | Dialect::Responses => (0, 0),
    };
    Usage {
        input: all - cache_read - cache_write,
        cache_read,
        cache_write,
        output: 0,
        thought: 0,
    }
}

fn thought(dialect: Dialect, asked: &Asked<'_>, is_wished: bool) -> Option<Thought> {
    let (is_on, is_shown) = match dialect {
        Dialect::Anthropic => {
            let thinking = asked.value("thinking");
            let says = |key: &str| thinking.get(key).and_then(Value::as_str).unwrap_or("");
            let is_on = matches!(says("type"), "enabled" | "adaptive");
            (is_on, says("display") != "omitted")
        }
        Dialect::Chat => (asked.value("reasoning_effort").is_string(), true),
        Dialect::Responses => {
            let reasoning = asked.value("reasoning");
            let says = |key: &str| reasoning.get(key).and_then(Value::as_str).unwrap_or("none");
            (says("effort") != "none", says("summary") != "none")
        }
    };
    (is_on || is_wished).then(|| {
        let shown = if is_shown || is_wished { THOUGHT } else { "" };
        Thought {
            text: Pieces::new(shown.to_owned(), Cut::Words),
            is_wished,
        }
    })
}

/// What the model says in words.
fn speech(dialect: Dialect, asked: &Asked<'_>, refused: Option<String>) -> String {
    if let Some(result) = &asked.last.tool_result {
        return format!("The tool answered: {}. That settles it.", quote(result));
    }
    if let Some(name) = refused {
        return format!("I was told to call the tool {name}, but the request does not offer it.");
    }
    if let Some(schema) = answer_schema(dialect, asked) {
        return schema::arguments(&schema).to_string();
    }
    let said = asked.last.texts.last().map_or("", String::as_str);
    format!(
        "This is a simulated answer from {}. You said: {}. No provider was asked and nothing was \
         spent.",
        asked.model,
        quote(said)
    )
}

fn quote(text: &str) -> String {
    let text = text.trim();
    let short: String = text.chars().take(QUOTED).collect();
    let dots = if short.len() < text.len() { "..." } else { "" };
    format!("\"{short}{dots}\"")
}

/// The schema that an answer must follow, when the request gives one.
fn answer_schema(dialect: Dialect, asked: &Asked<'_>) -> Option<Value> {
    let (field, pointer) = match dialect {
        Dialect::Anthropic => ("output_config", "/format/schema"),
        Dialect::Chat => ("response_format", "/json_schema/schema"),
        Dialect::Responses => ("text", "/format/schema"),
    };
    asked.value(field).pointer(pointer).cloned()
}
