//! What a client did not see of a turn goes back into its history.
//!
//! The client sends back what it saw: reasoning, messages and calls of its own. Between them there
//! were calls of ours and their results, and the provider knows the conversation with them.
//!
//! Where the provider keeps the history, nothing of that is missing. But a client that goes on from
//! the one answer it knows has to go on from the last of several, and a turn that waits for results
//! of the client waits for ours as well.

mod said;
mod turn;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use self::said::Side;
pub(crate) use self::said::said_last;
use self::turn::Shown;
pub(crate) use self::turn::{Hidden, Kept};
use super::members::{call_id_of, is_result, kind_of};
use super::weave::without_id;
use crate::json::{Value, quoted};
use crate::{Envelope, HiddenTurn};

type Find<'a> = dyn FnMut(u128) -> Option<Arc<HiddenTurn>> + 'a;

/// Puts hidden turns back into the input of a request.
pub(crate) fn splice(request: &mut Envelope, find: &mut Find<'_>) -> usize {
    if let Some(turn) = kept_turn(request, find) {
        return usize::from(turn.as_responses().is_some_and(|it| resume(request, it)));
    }
    let is_stored = !request.value("store").unwrap_or_default().is_false();
    let input = request.get("input").unwrap_or_default().as_bytes();
    let items: Vec<Value<'_>> = Value::new(input).items().collect();
    let mut inserts = Vec::new();
    let mut found = HashSet::new();
    // A turn that was had twice word for word is remembered once, as it was the last time.
    for run in runs(&items).iter().rev() {
        if let Some(turn) = run.find(find)
            && let Some(hidden) = turn.as_responses()
            && let Some(aligned) = run.align(&hidden.shown)
            && found.insert(Arc::as_ptr(&turn))
        {
            run.insert(hidden, &aligned, is_stored, input, &mut inserts);
        }
    }
    if !inserts.is_empty() {
        let input = inserted(input, inserts);
        request.replace("input", Bytes::from(input));
    }
    found.len()
}

/// The turn from which the client goes on where the provider keeps the history.
fn kept_turn(request: &Envelope, find: &mut Find<'_>) -> Option<Arc<HiddenTurn>> {
    let previous = request.value("previous_response_id").unwrap_or_default();
    if let Some(id) = previous.filled() {
        return find(said::by_response(&id));
    }
    let conversation = request.value("conversation").unwrap_or_default();
    let id = conversation
        .filled()
        .or_else(|| conversation.get("id")?.filled())?;
    let call_ids = results(request).filter_map(call_id_of);
    let mut anchors = call_ids.map(|call_id| said::by_conversation(&id, &call_id));
    anchors.find_map(find)
}

fn results(request: &Envelope) -> impl Iterator<Item = Value<'_>> {
    let input = request.value("input").unwrap_or_default();
    input.items().filter(|item| is_result(&kind_of(*item)))
}

/// Has a request go on from all of a turn, and gives the provider the results that it waits for
/// beside those which the client sends. Says whether anything was missing.
fn resume(request: &mut Envelope, hidden: &Hidden) -> bool {
    let previous = request.value("previous_response_id").unwrap_or_default();
    let is_other = !hidden.last.is_empty() && previous.is_text();
    if is_other {
        let last = quoted(&hidden.last);
        request.replace("previous_response_id", Bytes::from(last));
    }
    let is_waiting = !hidden.results.is_empty() && results(request).next().is_some();
    if is_waiting {
        let items = Bytes::from(hidden.results.clone());
        return request.prepend_items("input", items).is_ok() || is_other;
    }
    is_other
}

/// What a model said in one turn, and what it had been told before.
#[derive(Debug, Default)]
struct Run<'a> {
    before: u64,
    items: Vec<Value<'a>>,
}

fn runs<'a>(items: &[Value<'a>]) -> Vec<Run<'a>> {
    let mut runs = Vec::new();
    let mut run = Run::default();
    for item in items {
        match Side::of(*item) {
            Side::Neither => {}
            Side::Model => run.items.push(*item),
            Side::Client => {
                let before = said::said(*item);
                let items = Vec::new();
                runs.push(std::mem::replace(&mut run, Run { before, items }));
            }
        }
    }
    runs.push(run);
    runs.retain(|run| !run.items.is_empty());
    runs
}

impl<'a> Run<'a> {
    fn find(&self, find: &mut Find<'_>) -> Option<Arc<HiddenTurn>> {
        let told = self.items.iter();
        let told = told.map(|item| (said::is_reasoning(*item), said::said(*item)));
        let words = said::by_words(self.before, &told.collect::<Vec<_>>());
        words.and_then(&mut *find).or_else(|| {
            let is_reference = |item: &&Value<'_>| kind_of(**item) == "item_reference";
            let references = self.items.iter().filter(is_reference);
            let mut names = references.filter_map(|item| said::named(*item));
            names.find_map(|named| find(said::by_reference(self.before, named)))
        })
    }

    /// For each item that the client saw the one that it sends back, or nothing when it is
    /// reasoning that it has dropped. Nothing at all when there is anything else between them.
    ///
    /// What is encrypted of reasoning may change from event to event, and clients give items ids of
    /// their own. So reasoning is told apart only where some of it was dropped.
    fn align(&self, shown: &[Shown]) -> Option<Vec<Option<Value<'a>>>> {
        let thoughts = self.items.iter().filter(|it| said::is_reasoning(**it));
        let has_all = thoughts.count() == shown.iter().filter(|it| it.is_reasoning).count();
        let mut aligned = Vec::with_capacity(shown.len());
        let mut items = self.items.iter().copied().peekable();
        for shown in shown {
            match items.next_if(|item| is_same(shown, *item, has_all)) {
                Some(item) => aligned.push(Some(item)),
                None if shown.is_reasoning => aligned.push(None),
                None => return None,
            }
        }
        items.next().is_none().then_some(aligned)
    }

    /// Puts the hidden items where they were: behind what stood before them, or before what stood
    /// behind them.
    fn insert(
        &self,
        hidden: &Hidden,
        aligned: &[Option<Value<'a>>],
        is_stored: bool,
        input: &[u8],
        inserts: &mut Vec<(usize, Vec<u8>)>,
    ) {
        // Ids belong together: the provider looks for the reasoning of a call that has one.
        let has_ids = is_stored && has_ids(&hidden.shown, aligned);
        for piece in &hidden.pieces {
            let (before, behind) = aligned.split_at(piece.after.min(aligned.len()));
            let range = |item: &Value<'_>| item.range_in(input);
            let mut item = piece.item.clone();
            if !has_ids {
                item = without_id(&item);
            }
            if let Some(end) = before.iter().flatten().last().and_then(range) {
                item.insert(0, b',');
                inserts.push((end.end, item));
            } else if let Some(start) = behind.iter().flatten().next().and_then(range) {
                item.push(b',');
                inserts.push((start.start, item));
            }
        }
    }
}

fn is_same(shown: &Shown, item: Value<'_>, has_all: bool) -> bool {
    let is_named = || shown.named.is_some() && said::named(item) == shown.named;
    match &*kind_of(item) {
        "item_reference" => is_named(),
        "reasoning" => {
            shown.is_reasoning && (has_all || shown.said == said::said(item) || is_named())
        }
        _ => !shown.is_reasoning && shown.said == said::said(item),
    }
}

/// Whether the client sends everything back under the provider's ids.
fn has_ids(shown: &[Shown], aligned: &[Option<Value<'_>>]) -> bool {
    let mut pairs = shown.iter().zip(aligned);
    pairs.all(|(shown, item)| {
        let named = item.and_then(said::named);
        named.is_some() && named == shown.named
    })
}

/// The input with what was put in between. Of what goes to one place the order stays.
fn inserted(input: &[u8], mut inserts: Vec<(usize, Vec<u8>)>) -> Vec<u8> {
    inserts.sort_by_key(|(at, _)| *at);
    let added: usize = inserts.iter().map(|(_, item)| item.len()).sum();
    let mut out = Vec::with_capacity(input.len() + added);
    let mut from = 0;
    for (at, item) in &inserts {
        out.extend_from_slice(input.get(from..*at).unwrap_or_default());
        out.extend_from_slice(item);
        from = *at;
    }
    out.extend_from_slice(input.get(from..).unwrap_or_default());
    out
}
