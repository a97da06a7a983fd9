//! One answer of the Responses API, made out of several rounds.
//!
//! Events go by as they are until an injected call begins; its events are left out, and those that
//! follow are numbered anew. The event that ends a round with such a call is held while it is not
//! known whether another round follows: it repeats the whole answer, which is all rounds by then.
//!
//! The official clients refuse a stream that ends under another id than it began. So the client knows
//! a streamed answer by the id of its first round, and when it goes on from there, [`super::splice`]
//! has it go on from the last. A whole answer has the id of the last round.

mod answer;
mod end;
mod event;
mod go_on;
mod places;
mod round;
mod said;

use self::answer::{Answer, is_our_call};
use self::event::{Event, Kind};
use self::go_on::History;
pub(super) use self::go_on::without_id;
use self::round::{Held, Round};
use self::said::Turn;
use super::members::id_of;
use super::splice::said_last;
use crate::json::{Patch, Value};
use crate::tools::is_object;
use crate::weave::{Budget, write_event};
use crate::{Envelope, Toolbox, UsageTold, WeaveConfig, WeaveError};

#[derive(Debug)]
pub(crate) struct State {
    toolbox: Toolbox,
    usage: UsageTold,
    history: History,
    /// The number of what the client said last.
    before: u64,
    /// The id that the client's answer began with. A whole answer has no beginning.
    told: Option<String>,
    /// All rounds that are over.
    turn: Turn,
    round: Round,
    numbers: Numbers,
    budget: Budget,
    /// What there was no room for.
    lack: Option<WeaveError>,
}

/// How the client's events are numbered.
#[derive(Debug, Default)]
struct Numbers {
    /// The place of the next item that the client sees.
    next_index: u64,
    next_sequence: u64,
    /// Whether the provider's numbers cannot stay, because something was left out.
    are_ours: bool,
}

impl Numbers {
    /// Where the client would see a new item that the provider puts there.
    fn next(&self, theirs: Option<u64>) -> u64 {
        match theirs {
            Some(theirs) if !self.are_ours => theirs,
            Some(_) | None => self.next_index,
        }
    }

    /// Where it sees it from now on.
    fn index(&mut self, theirs: Option<u64>) -> u64 {
        let index = self.next(theirs);
        self.next_index = self.next_index.max(index.saturating_add(1));
        index
    }

    fn sequence(&mut self, theirs: u64) -> u64 {
        let sequence = if self.are_ours {
            self.next_sequence
        } else {
            theirs
        };
        self.next_sequence = sequence.saturating_add(1);
        sequence
    }
}

impl State {
    pub(crate) fn new(request: &Envelope, toolbox: Toolbox, config: WeaveConfig) -> Self {
        Self {
            toolbox,
            usage: config.usage,
            history: History::of(request),
            before: said_last(request),
            told: None,
            turn: Turn::default(),
            round: Round::default(),
            numbers: Numbers::default(),
            budget: Budget::new(config.limits),
            lack: None,
        }
    }

    pub(crate) fn event(
        &mut self,
        name: &str,
        data: &[u8],
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), WeaveError> {
        let event = Event::read(name, data);
        if let Some(Held::Event { later, .. }) = &mut self.round.held {
            // Nothing of weight follows an end, but what does must not come before it. What would
            // belong to the answer itself is told by its end, and may be ours.
            let is_apart = event.kind == Kind::Other && event.index.count().is_none();
            if is_apart || event.kind == Kind::Error {
                self.budget.take(raw.len())?;
                later.extend_from_slice(raw);
            }
            return Ok(());
        }
        match event.kind {
            Kind::Start => {
                self.start(&event, raw, out);
                Ok(())
            }
            Kind::Added => self.added(&event, raw, out),
            Kind::Done => self.done(&event, raw, out),
            Kind::Completed | Kind::Ended => self.end(&event, raw, out),
            Kind::Error | Kind::Other => self.other(&event, raw, out),
        }
    }

    /// The client's answer begins once.
    fn start(&mut self, event: &Event<'_>, raw: &[u8], out: &mut Vec<u8>) {
        let answer = Answer::read(event.response);
        self.round.hear(&answer);
        if self.turn.has_rounds() {
            return;
        }
        if self.told.is_none() && !self.round.id.is_empty() {
            self.told = Some(self.round.id.clone());
        }
        let mut patch = Patch::new(event.data);
        answer.tell_request(&self.toolbox, self.history.previous(), &mut patch);
        // Nothing has been said yet, unless a provider begins in the middle.
        if let Some(output) = self.output(&answer) {
            patch.replace(answer.output, output);
        }
        self.relay(event, None, patch, raw, out);
    }

    fn added(
        &mut self,
        event: &Event<'_>,
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), WeaveError> {
        let shown = if event.item.is_object() {
            self.place(event)?
        } else {
            // What it is comes when it is done. Clients pass over such a beginning.
            Some(self.numbers.next(event.index.count()))
        };
        if let Some(shown) = shown {
            self.relay(event, Some(shown), Patch::new(event.data), raw, out);
        }
        Ok(())
    }

    /// Of what the client saw the beginning it sees the end, whatever it turns out to be.
    fn done(&mut self, event: &Event<'_>, raw: &[u8], out: &mut Vec<u8>) -> Result<(), WeaveError> {
        let (theirs, id) = (event.index.count(), id_of(event.item));
        let is_ours = is_our_call(event.item, &self.toolbox);
        let known = self.round.places.find_open(theirs, &id);
        let known = known.filter(|place| place.shown.is_some() || is_ours);
        let shown = match known {
            Some(place) if is_ours => place.is_ours(),
            Some(place) => place.shown,
            None => self.place(event)?,
        };
        if let Some(item) = whole(event.item)
            && self.has_room(item.len())?
        {
            self.round.places.finish(theirs, &id, item);
        }
        if let Some(shown) = shown {
            self.relay(event, Some(shown), Patch::new(event.data), raw, out);
        }
        Ok(())
    }

    /// Finds a place for an item of which nothing was told before. There is none for the client
    /// when the item is a call of ours.
    fn place(&mut self, event: &Event<'_>) -> Result<Option<u64>, WeaveError> {
        let is_ours = is_our_call(event.item, &self.toolbox);
        self.numbers.are_ours |= is_ours;
        let theirs = event.index.count();
        let shown = (!is_ours).then(|| self.numbers.index(theirs));
        if self.has_room(0)? {
            self.round.places.add(theirs, &id_of(event.item), shown);
        }
        Ok(shown)
    }

    /// A piece of an item, or something else.
    fn other(
        &mut self,
        event: &Event<'_>,
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), WeaveError> {
        self.round.is_over |= event.kind == Kind::Error;
        let theirs = event.index.count();
        let id = event.item_id.text().unwrap_or_default();
        let known = self.round.places.find(theirs, &id).map(|it| it.shown);
        let shown = match known {
            // A piece of a call of ours.
            Some(None) => return Ok(()),
            Some(shown) => shown,
            // A piece of an item that nobody began.
            None if theirs.is_some() => {
                let shown = self.numbers.index(theirs);
                if self.has_room(0)? {
                    self.round.places.add(theirs, &id, Some(shown));
                }
                Some(shown)
            }
            None => None,
        };
        self.relay(event, shown, Patch::new(event.data), raw, out);
        Ok(())
    }

    /// Takes room for a part of this many bytes. An answer that is only relayed does not fail for
    /// want of it, but nothing more of it is kept; it fails when it turns out to be needed.
    fn has_room(&mut self, bytes: usize) -> Result<bool, WeaveError> {
        if self.lack.is_none() {
            self.lack = self.budget.take_item(bytes).err();
        }
        match self.lack {
            None => Ok(true),
            Some(lack) if self.numbers.are_ours => Err(lack),
            Some(_) => Ok(false),
        }
    }

    /// Gives an event to the client with the numbers that it has there.
    fn relay<'a>(
        &mut self,
        event: &Event<'a>,
        shown: Option<u64>,
        mut patch: Patch<'a>,
        raw: &[u8],
        out: &mut Vec<u8>,
    ) {
        if let Some(shown) = shown
            && event.index.count().is_some_and(|theirs| theirs != shown)
        {
            patch.replace(event.index, shown.to_string());
        }
        if let Some(theirs) = event.sequence.count() {
            let sequence = self.numbers.sequence(theirs);
            if sequence != theirs {
                patch.replace(event.sequence, sequence.to_string());
            }
        }
        if patch.is_empty() {
            out.extend_from_slice(raw);
        } else {
            write_event(raw, &patch.into_vec(), out);
        }
    }
}

/// How deeply an item may be nested to be kept. Requests may be a little deeper.
const DEEPEST_ITEM: usize = 256;

/// An item's bytes, if they are a JSON object. Events were not checked, and a broken one must not get
/// into a request.
fn whole(item: Value<'_>) -> Option<&[u8]> {
    let raw = item.raw()?;
    let is_whole = is_object(raw, DEEPEST_ITEM) && std::str::from_utf8(raw).is_ok();
    is_whole.then_some(raw)
}

#[cfg(test)]
mod tests;
