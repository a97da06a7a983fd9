//! What was offered with a request, until it leaves.

use std::sync::Arc;

use bridge_api::{DialectId, Envelope, RequestFacts, Weave};
use bridge_auth::Scrubbed;

use crate::handler::Plan;
use crate::rounds::{Again, Rewrite, Weaving, describe_edited};
use crate::tools::{Kit, Offered};
use crate::{Blueprint, Cx};

/// A request that has tools of ours.
pub(super) struct Offering {
    pub(super) offered: Offered,
    weave: Weave,
    /// With the tools in it, in the caller's dialect.
    envelope: Envelope,
    /// How it becomes one for Bedrock.
    pub(super) rewrite: Option<Rewrite>,
}

/// What is offered to whom.
pub(super) struct Asked<'a> {
    pub(super) blueprint: &'a Blueprint,
    pub(super) cx: &'a Cx,
    pub(super) dialect: DialectId,
    pub(super) facts: &'a RequestFacts,
    pub(super) conversation: Option<&'a str>,
}

impl Offering {
    /// Puts a caller's tools into the request, if it takes any. The headers of one that was edited,
    /// be it only for what its client did not see, describe a body that is not the caller's any
    /// more.
    pub(super) async fn make(
        kit: &Kit,
        asked: Asked<'_>,
        envelope: &mut Envelope,
        headers: &mut Scrubbed,
    ) -> Option<Box<Self>> {
        let made = kit
            .offer(
                asked.cx,
                &asked.blueprint.metrics,
                asked.dialect,
                envelope,
                asked.facts,
                asked.conversation,
            )
            .await;
        if envelope.is_edited() {
            describe_edited(headers);
        }
        let (offered, weave) = made?;
        Some(Box::new(Self {
            offered,
            weave,
            envelope: envelope.clone(),
            rewrite: None,
        }))
    }

    /// What the rounds need. `headers` are those of the request that leaves.
    pub(super) fn into_weaving(
        self,
        plan: &Plan,
        cx: &Cx,
        query: Option<&str>,
        headers: &Scrubbed,
    ) -> Box<Weaving> {
        Box::new(Weaving {
            grant: Arc::clone(&cx.grant),
            route: plan.label,
            again: Again {
                envelope: self.envelope,
                bedrock: self.rewrite,
                method: plan.method.clone(),
                path: plan.upstream_path.clone(),
                query: query.map(str::to_owned),
                headers: headers.clone(),
            },
            offered: self.offered,
            weave: self.weave,
        })
    }
}
