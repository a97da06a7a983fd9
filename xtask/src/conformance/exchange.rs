//! The exchanges of a folder of recorded traffic.

use std::fs;
use std::path::{Path, PathBuf};

use super::bedrock::{self, Spoken};
use super::expected::{self, Expected};
use super::instance::{self, Instance, Way};
use super::provider::Answer;
use super::txtar;
use crate::Outcome;

/// Whose credential goes to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Central,
    Own,
}

/// Which API an exchange belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Messages,
    Chat,
    Responses,
    AnthropicModels,
    OpenAiModels,
    /// Whether Copilot is there.
    Ping,
}

impl Api {
    /// The provider that it is named after.
    pub(super) fn usual(self) -> &'static Instance {
        match self {
            Self::Messages | Self::AnthropicModels => &instance::ANTHROPIC,
            Self::Chat | Self::Responses | Self::OpenAiModels => &instance::OPENAI,
            Self::Ping => &instance::COPILOT,
        }
    }

    /// How a request to that provider goes.
    pub(crate) fn way(self) -> Way {
        self.usual().way(self)
    }
}

/// One request with its answer, and what is to be recorded of it.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(super) name: String,
    pub(super) instance: &'static Instance,
    pub(crate) api: Api,
    pub(crate) mode: Mode,
    pub(super) is_streaming: bool,
    pub(crate) request: Vec<u8>,
    pub(crate) answer: Answer,
    /// What passes between gateway and provider where that is something else.
    pub(super) spoken: Option<Spoken>,
    /// Nothing when it is passed through without a record.
    pub(crate) expected: Option<Expected>,
}

impl Exchange {
    /// Whether the answer is one after which the operator's key is spared for a while: the next
    /// request would not reach the provider. What becomes of these is in the table of faults.
    pub(super) fn spares_keys(&self) -> bool {
        matches!(self.answer.status, 401 | 429)
    }
}

/// Whether an archive is one in which the gateway offers tools of its own.
pub(super) fn has_injected_tools(sections: &[(&str, &str)]) -> bool {
    let mut names = sections.iter().map(|(name, _)| name);
    names.any(|name| name.ends_with("/tool-call"))
}

/// Reads all exchanges below a folder, in the order of their names, but those in which the gateway
/// offers tools of its own: they are replayed by themselves.
pub(crate) fn all(folder: &Path) -> Outcome<Vec<Exchange>> {
    let mut exchanges = Vec::new();
    for path in archives(folder)? {
        let name = path.strip_prefix(folder)?.with_extension("");
        let name = name.to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path)?;
        let sections = txtar::sections(&text);
        if has_injected_tools(&sections) {
            continue;
        }
        if name.contains("bedrock") {
            exchanges.extend(bedrock::recorded(&name, &sections)?);
            continue;
        }
        let api = api(&name).ok_or_else(|| format!("{name}: of which API is it?"))?;
        for mode in [Mode::Central, Mode::Own] {
            exchanges.extend(of_archive(&name, &sections, api, mode)?);
        }
    }
    Ok(exchanges)
}

/// The same exchanges with every other provider that speaks their API.
pub(super) fn elsewhere(exchanges: &[Exchange]) -> Vec<Exchange> {
    let once = exchanges
        .iter()
        .filter(|it| it.mode == Mode::Own && it.spoken.is_none());
    once.flat_map(|exchange| {
        let fellows = Instance::fellows(exchange.api).into_iter();
        fellows.map(|(instance, mode)| Exchange {
            instance,
            mode: if exchange.spares_keys() {
                Mode::Own
            } else {
                mode
            },
            ..exchange.clone()
        })
    })
    .collect()
}

pub(super) fn archives(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == "txtar") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The exchanges of an archive, with the provider that the API is named after.
pub(super) fn of_archive(
    name: &str,
    sections: &[(&str, &str)],
    api: Api,
    mode: Mode,
) -> Outcome<Vec<Exchange>> {
    let section = |wanted: &str| txtar::section(sections, wanted);
    let mut exchanges = Vec::new();
    for (kind, is_streaming) in [("streaming", true), ("non-streaming", false)] {
        let Some(answer) = section(kind) else {
            continue;
        };
        let (request, expected) = match section("request") {
            None => (Vec::new(), None),
            Some(request) => {
                let request = with_stream(request, is_streaming)
                    .ok_or_else(|| format!("{name}: cannot set `stream`"))?;
                let expected = expected::of(name, is_streaming)
                    .ok_or_else(|| format!("{name}: the table does not know it"))?;
                (request.into_bytes(), Some(expected))
            }
        };
        exchanges.push(Exchange {
            name: format!("{name} ({kind})"),
            instance: api.usual(),
            api,
            mode,
            is_streaming,
            request,
            answer: Answer::of_section(answer, is_streaming),
            spoken: None,
            expected,
        });
    }
    Ok(exchanges)
}

pub(super) fn api(name: &str) -> Option<Api> {
    let (folder, file) = name.rsplit_once('/')?;
    match (folder, file) {
        ("anthropic", "fallthrough") => Some(Api::AnthropicModels),
        ("anthropic", _) => Some(Api::Messages),
        ("openai/chatcompletions", "fallthrough") => Some(Api::OpenAiModels),
        ("openai/chatcompletions", _) => Some(Api::Chat),
        ("openai/responses/blocking" | "openai/responses/streaming", _) => Some(Api::Responses),
        _ => None,
    }
}

/// The request with `stream` set, every other byte as it was. Nothing when that cannot be done.
pub(super) fn with_stream(request: &str, wanted: bool) -> Option<String> {
    let stream = |text: &str| -> Option<Option<bool>> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        Some(
            value
                .as_object()?
                .get("stream")
                .and_then(|flag| flag.as_bool()),
        )
    };
    let edited = match stream(request)? {
        Some(flag) if flag == wanted => request.to_owned(),
        // Absent means that the answer comes whole.
        None if !wanted => request.to_owned(),
        None => request.replacen('{', "{\n  \"stream\": true,", 1),
        Some(flag) => {
            let (old, new) = (
                format!("\"stream\": {flag}"),
                format!("\"stream\": {wanted}"),
            );
            request.replacen(&old, &new, 1)
        }
    };
    (stream(&edited)?.unwrap_or(false) == wanted).then_some(edited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_is_set_and_nothing_else_is_touched() {
        let check = |text: &str, wanted: bool, expected: Option<&str>| {
            assert_eq!(with_stream(text, wanted).as_deref(), expected, "{text}");
        };
        check("{ \"a\":1 }\n", false, Some("{ \"a\":1 }\n"));
        check("{\"a\": 1}", true, Some("{\n  \"stream\": true,\"a\": 1}"));
        check(
            "{\"stream\": true, \"a\": 1}",
            true,
            Some("{\"stream\": true, \"a\": 1}"),
        );
        check(
            "{\"stream\": true, \"a\": 1}",
            false,
            Some("{\"stream\": false, \"a\": 1}"),
        );
        check("{\"a\": {\"stream\": true}, \"stream\": true}", false, None);
        check("no JSON", true, None);
    }
}
