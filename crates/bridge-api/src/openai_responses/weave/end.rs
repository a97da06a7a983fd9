//! How rounds end, and what the client gets of the last one.

use bytes::Bytes;

use super::answer::{Answer, without};
use super::event::{Event, Kind};
use super::round::{Calls, Held};
use super::said::Said;
use super::{State, go_on};
use crate::json::{Patch, Value, check, quoted};
use crate::openai_responses::splice::{Hidden, Kept};
use crate::openai_responses::tools::render_result;
use crate::weave::Figures;
use crate::{Envelope, EnvelopeError, HiddenTurn, RoundEnd, ToolResult, UsageTold, WeaveError};

impl State {
    /// The last event. Of a round with calls that are to be made it is held.
    pub(super) fn end(
        &mut self,
        event: &Event<'_>,
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), WeaveError> {
        let answer = Answer::read(event.response);
        let is_complete = answer.is_complete(event.kind == Kind::Completed);
        let calls = Calls::of(is_complete && !self.round.is_over);
        self.close(&answer, calls)?;
        if self.round.said.has_calls() {
            self.budget.take(raw.len())?;
            self.round.held = Some(Held::event(event.data, raw));
        } else {
            self.relay_end(event, raw, out);
            self.round.is_over = true;
        }
        Ok(())
    }

    /// A round that is no stream.
    pub(crate) fn whole(&mut self, body: Bytes) -> Result<(), WeaveError> {
        if check(&body).is_ok() {
            let answer = Answer::read(Value::new(&body));
            let is_complete = answer.is_complete(answer.output.is_array());
            self.close(&answer, Calls::of(is_complete))?;
        }
        self.round.held = Some(Held::Body(body));
        Ok(())
    }

    fn close(&mut self, answer: &Answer<'_>, calls: Calls) -> Result<(), WeaveError> {
        self.round.hear(answer);
        let is_only = !self.turn.has_rounds();
        self.round.close(answer, &self.toolbox, calls, is_only);
        self.numbers.are_ours |= self.round.said.has_calls();
        self.budget.give_back(self.round.places.forget_items());
        let items = self.round.said.items.iter();
        let sizes: Vec<usize> = items.map(|item| item.raw.len()).collect();
        sizes.into_iter().try_for_each(|bytes| {
            self.has_room(bytes)?;
            Ok(())
        })
    }

    pub(crate) fn end_round(&self) -> RoundEnd {
        let calls = self.round.said.calls(&self.round.id);
        match (calls.is_empty(), self.round.said.client_call().is_some()) {
            (true, _) => RoundEnd::Over,
            (false, false) => RoundEnd::Calls(calls),
            (false, true) => RoundEnd::Mixed(calls),
        }
    }

    pub(crate) fn go_on(
        &mut self,
        request: &mut Envelope,
        results: Vec<ToolResult>,
    ) -> Result<(), EnvelopeError> {
        self.keep(results);
        go_on::go_on(request, &self.history, &self.round)?;
        let round = std::mem::take(&mut self.round);
        let usage = round.held.as_ref().map(usage_of);
        self.budget
            .give_back(round.held.as_ref().map_or(0, Held::bytes));
        self.turn.add(round.said, &usage.unwrap_or_default());
        // Whatever the next round says, it is not the first.
        self.numbers.are_ours = true;
        Ok(())
    }

    pub(crate) fn keep(&mut self, results: Vec<ToolResult>) {
        let calls = self.round.said.calls("");
        let ids = calls.iter().map(|call| call.call_id.as_str());
        let results = ToolResult::in_order(ids, results);
        self.round.said.results = results.iter().map(render_result).collect();
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(Held::Event { data, raw, later }) = self.round.held.take() {
            self.relay_end(&Event::read("", &data), &raw, out);
            out.extend_from_slice(&later);
        }
    }

    pub(crate) fn finish_whole(&mut self) -> Bytes {
        let Some(Held::Body(body)) = self.round.held.take() else {
            return Bytes::new();
        };
        let mut patch = Patch::new(&body);
        if check(&body).is_ok() {
            self.make_whole(Value::new(&body), &mut patch);
        }
        if patch.is_empty() {
            return body.clone();
        }
        Bytes::from(patch.into_vec())
    }

    pub(crate) fn hidden_turn(&self) -> Option<HiddenTurn> {
        let last = &self.round.said;
        let mut hidden = Hidden::default();
        for said in self.turn.rounds.iter().chain([last]) {
            said.tell(&mut hidden);
        }
        let call = last.client_call().filter(|_| last.has_calls());
        if call.is_some() {
            hidden.results = last.results.join(",");
        }
        let is_stored = self.history.is_stored && !self.round.is_not_stored;
        let told = self.told.as_ref().unwrap_or(&self.round.id);
        let kept = Kept {
            told: if is_stored { told } else { "" },
            last: &self.round.id,
            conversation: self.history.conversation.as_deref(),
            call,
        };
        hidden.turn(self.before, &kept)
    }

    fn relay_end(&mut self, event: &Event<'_>, raw: &[u8], out: &mut Vec<u8>) {
        let mut patch = Patch::new(event.data);
        self.make_whole(event.response, &mut patch);
        self.keep_identity(event.response, &mut patch);
        self.relay(event, None, patch, raw, out);
    }

    /// Makes the last round's answer that of all rounds.
    fn make_whole<'a>(&self, response: Value<'a>, patch: &mut Patch<'a>) {
        let answer = Answer::read(response);
        answer.tell_request(&self.toolbox, self.history.previous(), patch);
        if let Some(output) = self.output(&answer) {
            patch.replace(answer.output, output);
        }
        if self.turn.has_rounds() && self.usage == UsageTold::Sum {
            self.add_usage(response, &answer, patch);
        }
    }

    /// Clients refuse an answer that ends under another id than it began. That the last round's is
    /// the one to go on from is remembered with what they did not see.
    fn keep_identity<'a>(&self, response: Value<'a>, patch: &mut Patch<'a>) {
        if let Some(told) = &self.told
            && self.turn.has_rounds()
        {
            patch.replace(Answer::read(response).id, quoted(told));
        }
    }

    /// All items that the client sees, or nothing when those are the provider's.
    pub(super) fn output(&self, answer: &Answer<'_>) -> Option<Vec<u8>> {
        if !answer.output.is_array() {
            return None;
        }
        let mut earlier = self.turn.rounds.iter().flat_map(Said::shown).peekable();
        if earlier.peek().is_none() {
            let is_hidden = |item: Value<'_>| self.round.is_hidden(item, &self.toolbox);
            return without(answer.output, is_hidden);
        }
        let items = earlier.chain(self.round.said.shown());
        let items: Vec<&[u8]> = items.filter_map(Value::raw).collect();
        Some([b"[", &*items.join(&b","[..]), b"]"].concat())
    }

    fn add_usage<'a>(&self, response: Value<'a>, answer: &Answer<'a>, patch: &mut Patch<'a>) {
        let mut sum = self.turn.usage.clone();
        let mut last = Figures::default();
        last.hear(answer.usage);
        sum.add(&last);
        if sum.is_empty() {
            return;
        }
        if answer.usage.is_object() {
            sum.write_into(answer.usage, patch);
        } else {
            patch.set(response, "usage", sum.to_string());
        }
    }
}

fn usage_of(held: &Held) -> Figures {
    let response = match held {
        Held::Event { data, .. } => Event::read("", data).response,
        Held::Body(body) => Value::new(body),
    };
    let mut figures = Figures::default();
    figures.hear(Answer::read(response).usage);
    figures
}
