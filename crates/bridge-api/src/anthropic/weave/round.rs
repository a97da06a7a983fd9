//! One answer of the provider, as far as the weave needs it.

use bytes::Bytes;

use super::block::{Block, Whose};
use crate::anthropic::splice::Turn;
use crate::json::{Patch, Value, quoted};
use crate::tools::Toolbox;
use crate::weave::{Budget, Figures};
use crate::{Envelope, InjectedCall, WeaveError};

/// One answer of the provider: its blocks in their order, and what was said at its end.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The provider's id of the answer.
    pub(super) id: String,
    pub(super) blocks: Vec<Block>,
    pub(super) has_injected: bool,
    pub(super) figures: Figures,
    stop_reason: String,
    /// The id of the container in which the provider runs code, if it has one.
    container: String,
    /// Whether its last word was heard.
    pub(super) is_stopped: bool,
    /// Whether the client has heard it. Nothing may follow then, whatever the provider says.
    pub(super) is_told: bool,
    /// Whether the provider said that it failed, or something that nothing can follow.
    pub(super) is_broken: bool,
}

impl Round {
    /// A whole answer.
    pub(super) fn whole(
        answer: Value<'_>,
        tools: &Toolbox,
        budget: &mut Budget,
    ) -> Result<Self, WeaveError> {
        let mut round = Self::default();
        round.message(answer, budget)?;
        let content = answer.get("content").unwrap_or_default();
        for block in content.items() {
            round.begin(0, block, tools, budget)?;
        }
        round.is_stopped = content.is_array();
        Ok(round)
    }

    /// A message as it begins, or the whole of it.
    pub(super) fn message(
        &mut self,
        message: Value<'_>,
        budget: &mut Budget,
    ) -> Result<(), WeaveError> {
        if let Some(id) = message.get("id").and_then(Value::text) {
            budget.take(id.len())?;
            self.id = id.into_owned();
        }
        self.ended(message, message, budget)
    }

    /// What is said at the end of a message: why it ended, its container, and its figures so far.
    pub(super) fn ended(
        &mut self,
        reasons: Value<'_>,
        usage: Value<'_>,
        budget: &mut Budget,
    ) -> Result<(), WeaveError> {
        if let Some(reason) = reasons.get("stop_reason").and_then(Value::text) {
            budget.take(reason.len())?;
            self.stop_reason = reason.into_owned();
        }
        let container = reasons.get("container").unwrap_or_default();
        if let Some(id) = container.get("id").and_then(Value::filled) {
            budget.take(id.len())?;
            self.container = id.into_owned();
        }
        self.figures.hear(usage.get("usage").unwrap_or_default());
        Ok(())
    }

    /// A block begins. Says whose it is.
    pub(super) fn begin(
        &mut self,
        index: u64,
        block: Value<'_>,
        tools: &Toolbox,
        budget: &mut Budget,
    ) -> Result<&mut Block, WeaveError> {
        let whose = whose(block, tools);
        self.has_injected |= whose == Whose::Injected;
        let block = Block::new(index, block, whose, budget)?;
        // A call that cannot be said again cannot be answered either.
        self.is_broken |= whose == Whose::Injected && !block.has_id();
        Ok(self.blocks.push_mut(block))
    }

    /// The block with this index that began last.
    pub(super) fn block(&mut self, index: u64) -> Option<&mut Block> {
        let mut blocks = self.blocks.iter_mut();
        blocks.rfind(|block| block.index == index)
    }

    /// The injected calls, if the answer ended in order that they be made.
    pub(super) fn calls(&self) -> Vec<InjectedCall> {
        let is_proper = self.is_stopped && !self.is_told && !self.is_broken;
        let is_proper = is_proper && self.stop_reason == "tool_use";
        let injected = self.blocks.iter().filter(|_| is_proper);
        let injected = injected.filter(|block| block.whose == Whose::Injected);
        injected.map(|block| block.call(&self.id)).collect()
    }

    /// Has the next round use the container of this one. Without it the provider takes a new one,
    /// in which nothing is that was made before.
    pub(super) fn keep_container(&self, request: &mut Envelope) {
        if self.container.is_empty() {
            return;
        }
        let id = quoted(&self.container);
        let given = request.value("container").unwrap_or_default();
        let container = if given.is_object() {
            let given = given.raw().unwrap_or_default();
            let mut patch = Patch::new(given);
            patch.set(Value::new(given), "id", id);
            patch.into_vec()
        } else {
            id.into_bytes()
        };
        request.replace("container", Bytes::from(container));
    }

    /// What the client sees of a whole answer.
    pub(super) fn visible(&self) -> impl Iterator<Item = Vec<u8>> {
        let visible = self.blocks.iter();
        let visible = visible.filter(|block| block.whose != Whose::Injected);
        visible.map(|block| block.start().to_vec())
    }

    /// Tells the turn what the client saw, and what it did not see of calls that are made.
    pub(super) fn remember(&self, are_made: bool, turn: &mut Turn) {
        for block in &self.blocks {
            let Some(whole) = block.whole() else {
                continue;
            };
            if block.whose != Whose::Injected {
                turn.see(Value::new(&whole));
            } else if are_made {
                turn.hide(whole);
            }
        }
    }

    /// Whether the client has to run a tool of its own.
    pub(super) fn has_client_call(&self) -> bool {
        let mut blocks = self.blocks.iter();
        blocks.any(|block| block.whose == Whose::ClientCall)
    }
}

/// Tools that the provider runs itself have blocks of other types.
fn whose(block: Value<'_>, tools: &Toolbox) -> Whose {
    let word = |name: &str| block.get(name).and_then(Value::text).unwrap_or_default();
    if word("type") != "tool_use" {
        Whose::Content
    } else if tools.has(&word("name")) {
        Whose::Injected
    } else {
        Whose::ClientCall
    }
}
