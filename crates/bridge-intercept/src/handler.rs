//! Answers the requests of one identity: route, then turn or passthrough.

use std::sync::Arc;

use bridge_api::{DialectId, RouteError, RouteKind, error_dialect, route};
use bridge_auth::{ActorId, Scrubbed};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::tools::{Kit, Owner};
use crate::{
    AnswerBody, Blueprint, Cx, InterceptError, ListedProvider, Provider, ProviderState, Refused,
    passthrough, turn,
};

/// Answers the requests of one identity, with the providers there were when it was built.
#[derive(Debug)]
pub struct Handler {
    blueprint: Arc<Blueprint>,
    initiator: ActorId,
    api_key_id: String,
    /// Its tools, where there are any.
    kit: Option<Arc<Kit>>,
}

/// Where a request will go.
#[derive(Debug)]
pub struct Plan {
    pub(crate) provider: Arc<Provider>,
    pub(crate) kind: RouteKind,
    pub(crate) method: Method,
    pub(crate) upstream_path: String,
    pub(crate) label: &'static str,
    pub(crate) dialect: DialectId,
}

impl Plan {
    /// The shape in which the caller expects to read errors.
    #[must_use]
    pub fn dialect(&self) -> DialectId {
        self.dialect
    }

    /// The provider it goes to.
    #[must_use]
    pub fn provider(&self) -> &Arc<Provider> {
        &self.provider
    }

    /// The route of the provider, from a closed list.
    #[must_use]
    pub fn route(&self) -> &'static str {
        self.label
    }

    /// Whether it is relayed without being recorded.
    #[must_use]
    pub fn is_passthrough(&self) -> bool {
        matches!(self.kind, RouteKind::Passthrough)
    }

    /// Whether the gateway answers by itself: a probe of whether anybody is there.
    #[must_use]
    pub fn is_hello(&self) -> bool {
        matches!(self.kind, RouteKind::Hello)
    }
}

/// What is left of a request once its caller and its route are known.
#[derive(Debug)]
pub struct Inbound {
    /// The query, without the question mark.
    pub query: Option<String>,
    /// The headers, after the policy.
    pub headers: Scrubbed,
    /// The body, whole.
    pub body: Bytes,
}

/// An answer of a provider, on its way.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, without those that are not for callers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: AnswerBody,
}

impl Blueprint {
    /// Finds the provider and the route of a path like `/anthropic/v1/messages`.
    ///
    /// # Errors
    /// [`InterceptError::NotFound`], [`InterceptError::Method`], [`InterceptError::Disabled`] or
    /// [`InterceptError::Unusable`].
    pub fn plan(&self, method: &Method, path: &str) -> Result<Plan, Refused> {
        let unshaped = |error| Refused {
            error,
            dialect: None,
        };
        let (name, rest) =
            split_provider(path).ok_or_else(|| unshaped(InterceptError::NotFound))?;
        let listed = self
            .providers
            .find(name)
            .ok_or_else(|| unshaped(InterceptError::NotFound))?;
        let provider = usable(listed).map_err(|error| Refused {
            error,
            dialect: listed.format().map(|format| error_dialect(format, rest)),
        })?;
        let dialect = error_dialect(provider.format, rest);
        let refused = |error| Refused {
            error,
            dialect: Some(dialect),
        };
        let route = route(provider.format, method, rest).map_err(|error| {
            refused(match error {
                RouteError::NotFound => InterceptError::NotFound,
                RouteError::Method { allow } => InterceptError::Method { allow },
            })
        })?;
        let bedrock = provider.bedrock.as_ref();
        if bedrock.is_some_and(|it| !it.has(route.kind, route.upstream_path)) {
            return Err(refused(InterceptError::NotFound));
        }
        Ok(Plan {
            provider: Arc::clone(provider),
            kind: route.kind,
            method: method.clone(),
            upstream_path: route.upstream_path.to_owned(),
            label: route.label,
            dialect,
        })
    }
}

impl Handler {
    /// A handler for the owner of a key.
    #[must_use]
    pub fn new(blueprint: Arc<Blueprint>, initiator: ActorId, api_key_id: String) -> Self {
        let kit = blueprint.tools.clone().map(|tools| {
            let owner = Owner {
                actor: initiator,
                api_key_id: api_key_id.clone(),
            };
            Arc::new(Kit::new(tools, owner))
        });
        Self {
            blueprint,
            initiator,
            api_key_id,
            kit,
        }
    }

    /// A handler of the same caller for one request that came when there was another blueprint. It
    /// has the tools of this one: an agent in the middle of its work is not to see them vanish, and
    /// to open tool servers for one request would not be worth while.
    #[must_use]
    pub fn of(&self, blueprint: Arc<Blueprint>) -> Self {
        let kit = self.kit.clone().filter(|_| blueprint.tools.is_some());
        Self {
            blueprint,
            initiator: self.initiator,
            api_key_id: self.api_key_id.clone(),
            kit,
        }
    }

    /// Whether this is the blueprint that it was built from.
    #[must_use]
    pub fn is_of(&self, blueprint: &Arc<Blueprint>) -> bool {
        Arc::ptr_eq(&self.blueprint, blueprint)
    }

    /// Carries a request out. Dropping the future before an answer says that the caller went away:
    /// the exchange with the provider ends, or is read on, as [`OnAbort`](crate::OnAbort) says, and
    /// that is recorded.
    ///
    /// # Errors
    /// When there is no answer of a provider to relay.
    pub async fn run(
        &self,
        plan: Plan,
        cx: &Cx,
        inbound: Inbound,
    ) -> Result<Answer, InterceptError> {
        debug_assert_eq!(
            cx.grant.actor.id, self.initiator,
            "a lease belongs to its key"
        );
        debug_assert_eq!(
            cx.grant.api_key_id, self.api_key_id,
            "a lease belongs to its key"
        );
        match plan.kind {
            RouteKind::Bridged(dialect) => {
                let kit = self.kit.as_deref();
                turn::run(&self.blueprint, &plan, dialect, cx, inbound, kit).await
            }
            RouteKind::Passthrough | RouteKind::Hello => {
                passthrough::run(&self.blueprint, &plan, cx, inbound).await
            }
        }
    }
}

fn usable(listed: &ListedProvider) -> Result<&Arc<Provider>, InterceptError> {
    let provider = || listed.name.to_string();
    match &listed.state {
        ProviderState::Enabled(provider) => Ok(provider),
        ProviderState::Disabled => Err(InterceptError::Disabled {
            provider: provider(),
        }),
        ProviderState::Error(reason) => Err(InterceptError::Unusable {
            provider: provider(),
            reason: reason.clone(),
        }),
    }
}

/// The first segment of a path, and the rest from its slash.
fn split_provider(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    let end = path.find('/')?;
    path.split_at_checked(end)
}
