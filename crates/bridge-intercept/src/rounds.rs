//! The second loop: tools that the gateway has injected are run, and the model is asked again.
//!
//! A turn with injected tools has rounds, each of them a call to the provider of its own: permitted,
//! admitted by the breaker, tried with the keys, recorded. Between two of them the injected calls
//! run. What was run is never run again: a failure in the middle ends the turn.
//!
//! Streams and whole answers take the same steps; who reads the answer of a round calls
//! [`Rounds::go_on`] at its end.

mod again;
mod calls;
mod failed;
mod next;
mod spent;

use std::sync::Arc;

use bridge_api::{DialectId, RoundEnd, ToolResult, Weave};
use bridge_auth::Grant;
use bridge_telemetry::{Metrics, Part};
use bridge_upstream::UpstreamError;

use self::again::describe_further;
pub(crate) use self::again::{Again, Rewrite, describe_edited};
use self::calls::{Bench, unless_left};
pub(crate) use self::failed::{Failed, Refusal};
pub(crate) use self::next::Next;
use self::spent::Spent;
use crate::admit::admit;
use crate::failover::{Call, letting_go, reach};
use crate::relay::Source;
use crate::retry::Retries;
use crate::sight::Sight;
use crate::tools::Offered;
use crate::transcript::{Notes, Taken};
use crate::{Blueprint, Provider};

/// A turn with injected tools, between the head of its first answer and its end.
///
/// Dropping it ends the turn: calls that run are cancelled.
pub(crate) struct Rounds {
    pub(crate) weave: Weave,
    blueprint: Arc<Blueprint>,
    provider: Arc<Provider>,
    pub(crate) dialect: DialectId,
    pub(crate) notes: Notes,
    sight: Sight,
    grant: Arc<Grant>,
    route: &'static str,
    is_stream: bool,
    call: Call,
    again: Again,
    offered: Offered,
    spent: Spent,
    /// How often the provider was asked.
    asked: u32,
}

/// What a turn with injected tools is begun with.
pub(crate) struct Begin {
    pub(crate) blueprint: Arc<Blueprint>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) dialect: DialectId,
    pub(crate) notes: Notes,
    pub(crate) sight: Sight,
    /// The call that has the first answer.
    pub(crate) call: Call,
    pub(crate) weaving: Box<Weaving>,
}

/// What makes a request one of a turn with injected tools.
pub(crate) struct Weaving {
    pub(crate) grant: Arc<Grant>,
    pub(crate) route: &'static str,
    pub(crate) again: Again,
    pub(crate) offered: Offered,
    pub(crate) weave: Weave,
}

/// What follows the calls of a round.
pub(crate) enum Step {
    /// The answer of the next round.
    Round(Box<Rounds>, Box<Next>),
    /// The results are kept, and the client gets the end of its answer.
    Kept(Box<Rounds>),
    /// Nothing: the turn has failed.
    Failed(Failed),
}

impl Rounds {
    pub(crate) fn new(begin: Begin) -> Self {
        let Begin {
            blueprint,
            provider,
            dialect,
            notes,
            sight,
            call,
            weaving,
        } = begin;
        let Weaving {
            grant,
            route,
            mut again,
            offered,
            weave,
        } = *weaving;
        describe_further(&mut again.headers);
        Self {
            weave,
            blueprint,
            provider,
            dialect,
            notes,
            sight,
            grant,
            route,
            is_stream: false,
            call,
            again,
            offered,
            spent: Spent::default(),
            asked: 1,
        }
    }

    /// The answer of the first round is a stream of events, and so all have to be.
    pub(crate) fn is_stream(&mut self) {
        self.is_stream = true;
    }

    /// How much of a body without a stream is read.
    pub(crate) fn answer_bytes(&self) -> usize {
        self.blueprint.config.answer_bytes
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.blueprint.metrics
    }

    /// Runs the calls of a round and asks the provider again. `rest` is what is left of the answer
    /// that made them.
    ///
    /// Dropping the future cancels calls that run, or the next call to the provider.
    pub(crate) async fn go_on(self: Box<Self>, calls: Vec<Taken>, rest: Source) -> Step {
        if let Some(limit) = self.spent.told() {
            for call in calls {
                call.not_made(limit.explanation());
            }
            return Step::Failed(Failed::of_limit(limit));
        }
        letting_go(rest, self.run_and_ask(calls)).await
    }

    async fn run_and_ask(mut self: Box<Self>, calls: Vec<Taken>) -> Step {
        let Some(results) = self.run(calls).await else {
            return Step::Failed(Failed::Left);
        };
        let next = self.weave.go_on(&mut self.again.envelope, results);
        if let Err(error) = next {
            return Step::Failed(Failed::of_request(&error));
        }
        match self.ask().await {
            Ok(next) => Step::Round(self, Box::new(next)),
            Err(failed) => Step::Failed(failed),
        }
    }

    /// Runs the injected calls of an answer that also calls tools of the client's.
    ///
    /// Dropping the future cancels calls that run.
    pub(crate) async fn finish_mixed(mut self: Box<Self>, calls: Vec<Taken>, rest: Source) -> Step {
        let Some(results) = letting_go(rest, self.run(calls)).await else {
            return Step::Failed(Failed::Left);
        };
        self.weave.keep(results);
        Step::Kept(self)
    }

    /// The turn has come to its end, and the client gets it: what it did not see is remembered.
    pub(crate) fn over(&mut self) {
        self.blueprint.metrics.turn_rounds(self.asked);
        if let Some(hidden) = self.weave.hidden_turn() {
            self.offered.remember(hidden);
        }
    }

    /// What follows the round.
    pub(crate) fn end_round(&mut self) -> RoundEnd {
        self.weave.end_round()
    }

    /// The body of a further round broke before its end.
    pub(crate) fn broken(&self, error: UpstreamError) -> Failed {
        Failed::of_upstream(&self.notes, &self.provider, error)
    }

    async fn run(&mut self, calls: Vec<Taken>) -> Option<Vec<ToolResult>> {
        let config = &self.offered.tools.config;
        let planned = self.spent.plan(calls, config);
        let bench = Bench {
            tools: &self.offered.shelved,
            config,
            notes: &self.notes,
            until: self.spent.until(),
        };
        let running = unless_left(self.notes.departure(), bench.run(planned));
        self.notes.parts().timed(Part::Tools, running).await
    }

    /// Asks the provider for the answer of the next round.
    async fn ask(&mut self) -> Result<Next, Failed> {
        let (blueprint, provider, notes) = (&self.blueprint, &self.provider, &self.notes);
        let model = notes.model();
        let permitted = blueprint
            .authorizer
            .permit(&self.grant, &provider.name, model)
            .await;
        permitted.map_err(Failed::of_permission)?;
        let kind = self.call.kind();
        let admitted = admit(blueprint, provider, self.route, model, kind);
        let pass = admitted.map_err(|wait| Failed::held_back(provider, wait))?;
        notes.leaves(pass);
        let request = self.again.outbound(provider);
        let request = request.map_err(|error| Failed::of_request(&error))?;
        let retries = Retries::within(&blueprint.config.retry, provider.retries());
        self.call.renew(request, provider, retries);
        self.asked = self.asked.saturating_add(1);
        let asking = reach(
            blueprint,
            provider,
            &self.sight,
            &mut self.call,
            Some(notes),
        );
        let reached = asking.await;
        let reply = reached.map_err(|unreached| Failed::unreached(notes, provider, unreached))?;
        next::read(self, reply).await
    }
}
