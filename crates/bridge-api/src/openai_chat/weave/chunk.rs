//! What the client is told of one chunk.

use std::slice::Iter;

use super::State;
use super::call::Side;
use super::details;
use crate::UsageTold;
use crate::json::{Patch, Value};
use crate::weave::write_event;

/// Which part of a chunk is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    All,
    /// What it says, without the end of the answer.
    Open,
    /// The end of the answer, without what it says.
    End,
}

/// A chunk as the client is told of it.
#[derive(Debug)]
pub(super) struct Told<'a> {
    patch: Patch<'a>,
    has_choices: bool,
    has_usage: bool,
    /// Whether something was taken out of it.
    is_cut: bool,
    /// Whether it says something besides its end.
    pub(super) has_something: bool,
    /// Whether it says who speaks.
    pub(super) has_role: bool,
    /// Whether it says why the answer ends.
    pub(super) has_end: bool,
}

impl Told<'_> {
    /// Whether it tells figures and nothing of the answer.
    pub(super) fn is_usage_alone(&self) -> bool {
        self.has_usage && !self.has_choices
    }

    /// Whether there is anything left. A chunk of which nothing was taken is told even when it is
    /// empty.
    pub(super) fn is_worth_telling(&self) -> bool {
        !self.is_cut || self.has_something || self.has_end
    }

    /// The whole event, of which only what had to be changed is.
    pub(super) fn write(self, raw: &[u8], out: &mut Vec<u8>) {
        if self.patch.is_empty() {
            out.extend_from_slice(raw);
        } else {
            write_event(raw, &self.patch.into_vec(), out);
        }
    }
}

impl State {
    pub(super) fn tell<'a>(&mut self, data: &'a [u8], pieces: &[usize], share: Share) -> Told<'a> {
        let mut told = Told {
            patch: Patch::new(data),
            has_choices: false,
            has_usage: false,
            is_cut: false,
            has_something: false,
            has_role: false,
            has_end: false,
        };
        let mut pieces = pieces.iter();
        for (name, value) in Value::new(data).members() {
            match &*name {
                "id" => self.tell_id(value, &mut told),
                "usage" if value.is_object() => {
                    told.has_usage = true;
                    match share {
                        Share::Open => told.patch.replace(value, "null"),
                        Share::All | Share::End => self.tell_usage(value, &mut told.patch),
                    }
                }
                "choices" => {
                    for choice in value.items() {
                        told.has_choices = true;
                        self.tell_choice(choice, &mut pieces, share, &mut told);
                    }
                }
                _ => {}
            }
        }
        told
    }

    fn tell_id<'a>(&self, id: Value<'a>, told: &mut Told<'a>) {
        let is_other = id.filled().is_some() && id.raw() != Some(&self.id);
        if is_other && !self.past.is_empty() && !self.id.is_empty() {
            told.patch.replace(id, self.id.clone());
        }
    }

    /// Figures of a later round become those of all rounds so far.
    pub(super) fn tell_usage<'a>(&self, usage: Value<'a>, patch: &mut Patch<'a>) {
        if self.past.is_empty() || self.usage == UsageTold::Last {
            return;
        }
        let mut sum = self.past_usage.clone();
        sum.add(&self.round.usage);
        sum.write_into(usage, patch);
    }

    fn tell_choice<'a>(
        &mut self,
        choice: Value<'a>,
        pieces: &mut Iter<'_, usize>,
        share: Share,
        told: &mut Told<'a>,
    ) {
        for (name, value) in choice.members() {
            match &*name {
                "delta" | "message" if share == Share::End => told.patch.replace(value, "{}"),
                "delta" | "message" => self.tell_delta(value, pieces, told),
                "finish_reason" if value.filled().is_some() => {
                    told.has_end = true;
                    if share == Share::Open {
                        told.patch.replace(value, "null");
                    }
                }
                _ => {}
            }
        }
    }

    fn tell_delta<'a>(
        &mut self,
        delta: Value<'a>,
        pieces: &mut Iter<'_, usize>,
        told: &mut Told<'a>,
    ) {
        let mut is_kept = Vec::new();
        for (name, value) in delta.members() {
            let keeps = match &*name {
                "role" if value.filled().is_some() => {
                    let keeps = self.past.is_empty() || !self.has_role;
                    told.has_role |= keeps;
                    told.has_something |= keeps;
                    keeps
                }
                "tool_calls" => self.tell_calls(value, pieces, told),
                name => {
                    if name == details::MEMBER {
                        details::move_up(value, self.blocks, &mut told.patch);
                    }
                    told.has_something |= says_something(value);
                    true
                }
            };
            told.is_cut |= !keeps;
            is_kept.push(keeps);
        }
        told.patch.retain(delta, &is_kept);
    }

    /// Tells the pieces of the client's calls, at the places at which it sees them. Says whether
    /// there is one, or was nothing to take out.
    fn tell_calls<'a>(
        &mut self,
        calls: Value<'a>,
        pieces: &mut Iter<'_, usize>,
        told: &mut Told<'a>,
    ) -> bool {
        let mut is_kept = Vec::new();
        for (piece, place) in calls.items().zip(pieces) {
            let call = self.round.calls.get(*place);
            let keeps = call.is_some_and(|call| call.is(Side::Client));
            is_kept.push(keeps);
            if !keeps {
                continue;
            }
            let said = piece.get("index");
            let shown = self.shown_at(*place);
            if let Some(said) = said.filter(|said| said.count() != shown)
                && let Some(shown) = shown
            {
                told.patch.replace(said, shown.to_string());
            }
        }
        let is_any_kept = is_kept.contains(&true);
        told.has_something |= is_any_kept;
        told.is_cut |= is_kept.contains(&false);
        if is_any_kept {
            told.patch.retain(calls, &is_kept);
        }
        is_any_kept || is_kept.is_empty()
    }

    /// The place at which the client sees a call: where the provider puts it as long as nothing was
    /// taken out before it, and the next one from then on.
    fn shown_at(&mut self, place: usize) -> Option<u64> {
        let before = self.round.calls.get(..place)?;
        let is_moved = !self.past.is_empty() || before.iter().any(|call| call.is(Side::Injected));
        let call = self.round.calls.get_mut(place)?;
        let next = self.next_place;
        let said = call.said_at().filter(|_| !is_moved);
        let shown = *call.shown_at.get_or_insert(said.unwrap_or(next));
        self.next_place = next.max(shown.saturating_add(1));
        Some(shown)
    }
}

/// Whether a member is worth a chunk of its own. Many providers put empty ones beside calls.
fn says_something(value: Value<'_>) -> bool {
    if value.is_text() {
        value.filled().is_some()
    } else if value.is_array() {
        value.items().next().is_some()
    } else if value.is_object() {
        value.members().next().is_some()
    } else {
        value.is_something()
    }
}
