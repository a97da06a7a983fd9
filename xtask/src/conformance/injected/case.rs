//! A recorded exchange with a call of an injected tool.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::Api;
use super::expected::{self, Injected};
use super::heard::{self, Item};
use crate::Outcome;
use crate::conformance::exchange::{self, Exchange, Mode};
use crate::conformance::provider::Answer;
use crate::conformance::txtar;
use crate::http1::Message;

/// What names of injected tools of the recorded server begin with.
pub(super) const PREFIX: &str = "bmcp_coder_";

/// One of them.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) api: Api,
    pub(super) is_streaming: bool,
    pub(super) request: Vec<u8>,
    /// What the provider says in the first and in the second round.
    pub(super) answers: [Answer; 2],
    pub(super) expected: Injected,
}

/// All of them below a folder, in the order of their names.
pub(super) fn all(folder: &Path) -> Outcome<Vec<Case>> {
    let mut cases = Vec::new();
    for path in exchange::archives(folder)? {
        let name = path.strip_prefix(folder)?.with_extension("");
        let name = name.to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path)?;
        let sections = txtar::sections(&text);
        if exchange::has_injected_tools(&sections) {
            cases.extend(of_archive(&name, &sections)?);
        }
    }
    Ok(cases)
}

fn of_archive(name: &str, sections: &[(&str, &str)]) -> Outcome<Vec<Case>> {
    let section = |wanted: &str| txtar::section(sections, wanted);
    let api = exchange::api(name).ok_or_else(|| format!("{name}: of which API is it?"))?;
    let asked = section("request").ok_or_else(|| format!("{name}: no request"))?;
    let mut cases = Vec::new();
    for (kind, is_streaming) in [("streaming", true), ("non-streaming", false)] {
        let second = section(&format!("{kind}/tool-call"));
        let (Some(first), Some(second)) = (section(kind), second) else {
            continue;
        };
        let request = exchange::with_stream(asked, is_streaming)
            .ok_or_else(|| format!("{name}: cannot set `stream`"))?;
        cases.push(Case {
            name: format!("{name} ({kind})"),
            api,
            is_streaming,
            request: request.into_bytes(),
            answers: [first, second].map(|text| Answer::of_section(text, is_streaming)),
            expected: expected::of(name, is_streaming)
                .ok_or_else(|| format!("{name}: the table does not know it"))?,
        });
    }
    Ok(cases)
}

impl Case {
    /// The same as an exchange, for what looks at those.
    pub(super) fn as_exchange(&self) -> Exchange {
        Exchange {
            name: self.name.clone(),
            instance: self.api.usual(),
            api: self.api,
            mode: Mode::Central,
            is_streaming: self.is_streaming,
            request: self.request.clone(),
            answer: self.answers[1].clone(),
            spoken: None,
            expected: None,
        }
    }

    /// The names that the tool server has for the tools that the recording knows of.
    pub(super) fn tool_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::from([self.expected.tool.to_owned()]);
        for answer in &self.answers {
            let text = String::from_utf8_lossy(&answer.body);
            let found = text
                .split(PREFIX)
                .skip(1)
                .filter_map(|rest| rest.split('"').next());
            names.extend(found.map(str::to_owned));
        }
        names
    }

    /// Compares what the client got with the two answers put together.
    pub(super) fn check_client(&self, got: &Message, differences: &mut Vec<String>) {
        if got.head.status() != 200 {
            let (status, said) = (got.head.status(), String::from_utf8_lossy(&got.body));
            differences.push(format!("client: status {status}: {said:.300}"));
            return;
        }
        let text = String::from_utf8_lossy(&got.body);
        if let Some(at) = text.find(PREFIX) {
            let near: String = text.chars().skip(at.saturating_sub(40)).take(120).collect();
            differences.push(format!("client: the name of an injected tool: {near:?}"));
        }
        let heard = match heard::assemble(self.api, self.is_streaming, &got.body) {
            Ok(heard) => heard,
            Err(problem) => {
                differences.push(format!("client: no valid answer: {problem}"));
                return;
            }
        };
        match self.wanted() {
            Ok(wanted) => wanted.compare("client", &heard, differences),
            Err(problem) => differences.push(format!("the recording itself: {problem}")),
        }
    }

    /// What a provider would have answered that had the tool itself.
    fn wanted(&self) -> Result<heard::Heard, String> {
        let hear = |answer: &Answer| heard::assemble(self.api, self.is_streaming, &answer.body);
        let (first, second) = (hear(&self.answers[0])?, hear(&self.answers[1])?);
        let is_visible = |item: &Item| !item.name.starts_with(PREFIX);
        let items: Vec<_> = first.items.into_iter().chain(second.items).collect();
        let items = items.into_iter().filter(is_visible).collect();
        let mut usage = first.usage;
        for (name, count) in second.usage {
            *usage.entry(name).or_default() += count;
        }
        Ok(heard::Heard {
            // A stream has named its answer at its beginning, and messages have one name in both
            // forms. Whole answers of OpenAI's dialects are the last one with more in it.
            id: match self.is_streaming || self.api == Api::Messages {
                true => first.id,
                false => second.id,
            },
            items: heard::joined(self.api, items),
            end: second.end,
            usage,
        })
    }
}
