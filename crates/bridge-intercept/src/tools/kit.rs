//! The tools of one caller, and their way into a request.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bridge_api::{
    DialectId, Envelope, HiddenTurn, Offer, RequestFacts, ToolSpec, Toolbox, Weave, WeaveConfig,
    Withheld, offer, splice, withheld,
};
use bridge_mcp::{Caller, Catalogue, McpError, Outcome, Shelf, Tool};
use bridge_telemetry::{HiddenTurnFate, Metrics, Part};

use super::Tools;
use super::memory::Owner;
use crate::Cx;

/// The tools of one caller. A handler has one; dropping it closes the sessions with tool servers.
#[derive(Debug)]
pub(crate) struct Kit {
    tools: Tools,
    owner: Owner,
    /// Of requests with which the caller's key came, and of those that a host program vouched for.
    with_key: OnceLock<Catalogue>,
    without_key: OnceLock<Catalogue>,
}

/// What was offered in one turn, and what belongs to it.
pub(crate) struct Offered {
    pub(crate) tools: Tools,
    pub(crate) shelved: Shelved,
    owner: Owner,
    conversation: Option<String>,
}

/// The tools that one request was given. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shelved {
    catalogue: Catalogue,
    shelf: Arc<Shelf>,
    toolbox: Toolbox,
}

impl Kit {
    pub(crate) fn new(tools: Tools, owner: Owner) -> Self {
        Self {
            tools,
            owner,
            with_key: OnceLock::new(),
            without_key: OnceLock::new(),
        }
    }

    /// Puts the tools into a request, unless something speaks against it, and what its client did
    /// not see of earlier turns. The request may have been edited for the latter alone.
    ///
    /// The first request of a caller that takes tools waits for the tool servers, as long as is set
    /// at most. Dropping the future then changes nothing: the servers go on opening.
    pub(crate) async fn offer(
        &self,
        cx: &Cx,
        metrics: &Metrics,
        dialect: DialectId,
        envelope: &mut Envelope,
        facts: &RequestFacts,
        conversation: Option<&str>,
    ) -> Option<(Offered, Weave)> {
        let config = &self.tools.config;
        let is_skipped = config.skips(&facts.model).then_some(Withheld::Model);
        if let Some(why) = is_skipped.or_else(|| withheld(dialect, envelope)) {
            metrics.tools_offered(why.as_str());
            self.put_back_alone(metrics, dialect, envelope, conversation);
            return None;
        }
        let catalogue = self.catalogue(cx);
        let opening = catalogue.ready(config.open_timeout);
        let shelf = cx.parts.timed(Part::Tools, opening).await;
        let all = shelf.once(toolbox);
        let toolbox = match offer(dialect, envelope, &all) {
            Offer::Made(toolbox) => toolbox,
            Offer::Withheld(why) => {
                metrics.tools_offered(why.as_str());
                self.put_back_alone(metrics, dialect, envelope, conversation);
                return None;
            }
        };
        metrics.tools_offered("made");
        let weaving = WeaveConfig {
            usage: config.usage,
            ..WeaveConfig::default()
        };
        let weave = Weave::new(dialect, envelope, toolbox.clone(), weaving);
        self.put_back(metrics, dialect, envelope, conversation);
        let offered = Offered {
            tools: self.tools.clone(),
            shelved: Shelved {
                catalogue: catalogue.clone(),
                shelf,
                toolbox,
            },
            owner: self.owner.clone(),
            conversation: conversation.map(str::to_owned),
        };
        Some((offered, weave))
    }

    /// Puts what is remembered back into a request that is given no tools, where it may be. A client
    /// that goes on from what the provider keeps would be refused otherwise.
    fn put_back_alone(
        &self,
        metrics: &Metrics,
        dialect: DialectId,
        envelope: &mut Envelope,
        conversation: Option<&str>,
    ) {
        if dialect.remembers_without_tools() {
            self.put_back(metrics, dialect, envelope, conversation);
        }
    }

    /// Puts what is remembered of the conversation back into it.
    fn put_back(
        &self,
        metrics: &Metrics,
        dialect: DialectId,
        envelope: &mut Envelope,
        conversation: Option<&str>,
    ) {
        let Some(limits) = &self.tools.config.memory else {
            return;
        };
        let turns = self.tools.memory.recall(&self.owner, conversation, limits);
        if turns.is_empty() {
            return;
        }
        let spliced = splice(dialect, envelope, &mut |anchor| {
            let mut newest = turns.iter().rev();
            newest
                .find(|turn| turn.anchors().contains(&anchor))
                .map(Arc::clone)
        });
        for _ in 0..spliced {
            metrics.hidden_turn(HiddenTurnFate::Spliced);
        }
    }

    fn catalogue(&self, cx: &Cx) -> &Catalogue {
        let place = match &cx.own_key {
            Some(_) => &self.with_key,
            None => &self.without_key,
        };
        place.get_or_init(|| {
            let caller = Caller {
                actor: self.owner.actor,
                api_key_id: self.owner.api_key_id.clone(),
                own_key: cx.own_key.clone(),
            };
            self.tools.catalogues.catalogue(caller)
        })
    }
}

impl Offered {
    /// Remembers what the client did not see of a turn.
    pub(crate) fn remember(&self, turn: HiddenTurn) {
        if let Some(limits) = &self.tools.config.memory {
            let conversation = self.conversation.as_deref();
            self.tools
                .memory
                .keep(&self.owner, conversation, turn, limits);
        }
    }
}

impl Shelved {
    /// Whether a tool of this name was offered.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.toolbox.has(name)
    }

    /// The tool that the model calls so.
    pub(crate) fn find(&self, name: &str) -> Option<&Tool> {
        self.shelf.tool(name)
    }

    /// Calls a tool. Dropping the future cancels the call, and tells the server so.
    pub(crate) async fn call(
        &self,
        name: &str,
        input: &str,
        within: Duration,
    ) -> Result<Outcome, McpError> {
        let tool = self.find(name).ok_or(McpError::NotOpen)?;
        self.catalogue.call(tool, input, within).await
    }
}

/// What a shelf holds, as it is offered. A tool that no provider could be told of is left out.
fn toolbox(shelf: &Shelf) -> Toolbox {
    let specs = shelf.tools().iter().map(|tool| {
        let (name, schema) = (tool.name(), tool.input_schema());
        ToolSpec::new(name, tool.description(), schema)
    });
    Toolbox::new(specs.filter_map(Result::ok).collect())
}
