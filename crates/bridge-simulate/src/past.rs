//! What is kept of answers in the Responses dialect, so that the next request may go on from one by
//! its id or by that of a conversation. It is bounded.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use serde_json::Value;

use crate::asked::Asked;
use crate::directive;
use crate::offered::Call;

/// How many answers and conversations are kept.
const MOST: usize = 1024;

/// An answer, or a conversation up to its last answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Past {
    /// Ids of the calls that wait for a result.
    waiting: Vec<String>,
    /// How often tools have answered since a person said something.
    rounds: usize,
    /// What the person said, where it holds directives.
    person: Vec<String>,
}

/// Why a request cannot go on from anything.
#[derive(Debug, thiserror::Error)]
#[error("Previous response with id {0:?} not found.")]
pub(crate) struct UnknownPast(String);

impl Past {
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &str> {
        self.waiting.iter().map(String::as_str)
    }

    /// Puts itself before what is asked.
    pub(crate) fn precede(&self, asked: &mut Asked<'_>) {
        let last = &mut asked.last;
        if last.tool_result.is_some() && last.person.is_empty() {
            last.rounds += self.rounds;
            last.person.clone_from(&self.person);
        }
    }

    fn after(asked: &Asked<'_>, calls: &[Call]) -> Self {
        let last = &asked.last;
        let person = match last.rounds {
            0 => &last.texts,
            _ => &last.person,
        };
        let planned = person.iter().filter(|text| directive::is_in(text));
        Self {
            waiting: calls.iter().map(|call| call.id.clone()).collect(),
            rounds: last.rounds,
            person: planned.cloned().collect(),
        }
    }
}

/// All that is kept.
#[derive(Debug, Default)]
pub(crate) struct Pasts(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    all: HashMap<String, Past>,
    order: VecDeque<String>,
}

impl Pasts {
    /// What a request goes on from, if it does.
    pub(crate) fn of(&self, asked: &Asked<'_>) -> Result<Option<Past>, UnknownPast> {
        if let Some(id) = asked.value("previous_response_id").as_str() {
            let found = self.0.lock().all.get(id).cloned();
            return found.map(Some).ok_or_else(|| UnknownPast(id.to_owned()));
        }
        // A conversation that is not known begins here.
        Ok(conversation(asked).map(|id| {
            let found = self.0.lock().all.get(&id).cloned();
            found.unwrap_or_default()
        }))
    }

    /// Keeps an answer that calls these tools, unless the request forbids it.
    pub(crate) fn keep(&self, asked: &Asked<'_>, response_id: &str, calls: &[Call]) {
        if asked.value("store") == Value::Bool(false) {
            return;
        }
        let past = Past::after(asked, calls);
        let kept = &mut *self.0.lock();
        for id in [Some(response_id.to_owned()), conversation(asked)] {
            let Some(id) = id else { continue };
            if kept.all.insert(id.clone(), past.clone()).is_some() {
                continue;
            }
            kept.order.push_back(id);
            if kept.order.len() > MOST
                && let Some(oldest) = kept.order.pop_front()
            {
                kept.all.remove(&oldest);
            }
        }
    }
}

/// The key of the conversation that a request names.
fn conversation(asked: &Asked<'_>) -> Option<String> {
    let value = asked.value("conversation");
    let id = value.as_str().or_else(|| value.get("id")?.as_str())?;
    Some(format!("conversation {id}"))
}
