//! What the rounds of a turn said.

use std::collections::HashSet;

use crate::InjectedCall;
use crate::json::Value;
use crate::openai_responses::members::{call_id_of, is_result, kind_of};
use crate::openai_responses::splice::Hidden;
use crate::tools::BadInput;
use crate::weave::Figures;

/// Rounds that are over, as far as they are still needed.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) rounds: Vec<Said>,
    /// The figures of all of them.
    pub(super) usage: Figures,
}

impl Turn {
    pub(super) fn has_rounds(&self) -> bool {
        !self.rounds.is_empty()
    }

    pub(super) fn add(&mut self, said: Said, usage: &Figures) {
        self.usage.add(usage);
        self.rounds.push(said);
    }
}

/// What was said in one round.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// All items. Calls of ours are not among them unless they are to be made.
    pub(super) items: Vec<Item>,
    /// What came of those calls, as items.
    pub(super) results: Vec<String>,
}

/// One item of a round that is over.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) raw: Vec<u8>,
    /// Whether it is a call of ours.
    pub(super) is_ours: bool,
}

impl Item {
    fn value(&self) -> Value<'_> {
        Value::new(&self.raw)
    }
}

impl Said {
    /// Whether there are calls of ours that are to be made.
    pub(super) fn has_calls(&self) -> bool {
        self.items.iter().any(|item| item.is_ours)
    }

    /// The calls of ours that are to be made. `response` is the id of the answer.
    pub(super) fn calls(&self, response: &str) -> Vec<InjectedCall> {
        let ours = self.items.iter().filter(|item| item.is_ours);
        let call = |item: &Item| {
            let item = item.value();
            let text = |name: &str| item.get(name).and_then(Value::text);
            let arguments = item.get("arguments").and_then(Value::text_or_source);
            InjectedCall {
                call_id: text("call_id").unwrap_or_default().into_owned(),
                name: text("name").unwrap_or_default().into_owned(),
                input: BadInput::judge(&arguments.unwrap_or_default()),
                response_id: response.to_owned(),
            }
        };
        ours.map(call).collect()
    }

    /// The items that the client is shown.
    pub(super) fn shown(&self) -> impl Iterator<Item = Value<'_>> {
        let shown = self.items.iter().filter(|item| !item.is_ours);
        shown.map(Item::value)
    }

    /// The first call that the client has to answer before the model goes on.
    pub(super) fn client_call(&self) -> Option<Value<'_>> {
        let results = self.shown().filter(|item| is_result(&kind_of(*item)));
        let answered: HashSet<_> = results.filter_map(call_id_of).collect();
        self.shown().find(|item| match call_id_of(*item) {
            Some(call_id) => !answered.contains(&call_id) && !is_provider_s(*item),
            None => kind_of(*item) == "mcp_approval_request",
        })
    }

    /// Tells what the client sees and what it does not see, in the order of the provider.
    pub(super) fn tell(&self, hidden: &mut Hidden) {
        for item in &self.items {
            if item.is_ours {
                hidden.hide(&item.raw);
            } else {
                hidden.show(item.value());
            }
        }
        for result in &self.results {
            hidden.hide(result.as_bytes());
        }
    }
}

/// Whether the provider runs a tool by itself. Calls of most such tools have no call id.
fn is_provider_s(item: Value<'_>) -> bool {
    let execution = item.get("execution").and_then(Value::text);
    execution.as_deref() == Some("server")
}
