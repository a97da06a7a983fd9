//! Tool servers with one user's tokens, and the stream of changes.

use bridge_auth::RefusalReason;
use bridge_proto::v1::tool_configurator_service_server::ToolConfiguratorService;
use bridge_proto::v1::{
    GetToolServersRequest, GetToolServersResponse, WatchToolServersRequest,
    WatchToolServersResponse,
};
use futures_util::{StreamExt as _, future, stream};
use tokio_stream::wrappers::BroadcastStream;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::authorize::{check, check_owner, refusal};
use super::{Service, Watch};
use crate::api::ToolCredentialKind;
use crate::control::{ToolChange, now};
use crate::store::StoredUserToken;

mod credential;
mod message;

use self::credential::credential;
use self::message::message;

/// More than there may be servers.
const REFUSED_AT_ONCE: usize = 1_000;
/// How often an answer is made that tool servers change under.
const ATTEMPTS: usize = 4;

#[tonic::async_trait]
impl ToolConfiguratorService for Service {
    async fn get_tool_servers(
        &self,
        request: Request<GetToolServersRequest>,
    ) -> Result<Response<GetToolServersResponse>, Status> {
        let request = request.into_inner();
        let user = Uuid::try_parse(&request.user_id)
            .map_err(|_| Status::invalid_argument("user_id is no UUID"))?;
        if request.refused_tokens.len() > REFUSED_AT_ONCE {
            let text = format!("at most {REFUSED_AT_ONCE} refused tokens are named at once");
            return Err(Status::invalid_argument(text));
        }
        self.admit(user, &request.api_key_id).await?;
        let store = &self.control.0.store;
        for _ in 0..ATTEMPTS {
            let answer = self.tool_servers(user, &request).await?;
            let standing = store.tool_generation().await;
            let (generation, _) = standing.map_err(|cause| self.unavailable(&cause))?;
            // A token that was set for where a server is now must not be sent to where it was.
            if generation == answer.generation {
                return Ok(Response::new(answer));
            }
        }
        Err(Status::unavailable("tool servers are being changed"))
    }

    type WatchToolServersStream = Watch<WatchToolServersResponse>;

    async fn watch_tool_servers(
        &self,
        _: Request<WatchToolServersRequest>,
    ) -> Result<Response<Self::WatchToolServersStream>, Status> {
        // Subscribed before the first message is made, so that nothing falls between the two.
        let changes = BroadcastStream::new(self.control.0.tool_changes.subscribe());
        let first = stream::once(future::ready(What::Everything));
        let later = changes.map(|next| next.map_or_else(|_behind| What::Everything, What::Change));
        let service = self.clone();
        let messages = first.chain(later).then(move |what| {
            let service = service.clone();
            async move { service.told(what).await }
        });
        let watch = messages.take_until(Box::pin(self.closed()));
        Ok(Response::new(Box::pin(watch)))
    }
}

/// What a watch tells of.
#[derive(Debug, Clone, Copy)]
enum What {
    /// The watch has just begun, or has missed something.
    Everything,
    Change(ToolChange),
}

impl Service {
    /// All enabled servers, and what this user presents to them. Another server may be told of than
    /// the tokens are for, when one was changed meanwhile.
    async fn tool_servers(
        &self,
        user: Uuid,
        request: &GetToolServersRequest,
    ) -> Result<GetToolServersResponse, Status> {
        let store = &self.control.0.store;
        let set = store.tool_server_set().await;
        let set = set.map_err(|cause| self.unavailable(&cause))?;
        let generation = set.generation;
        let enabled: Vec<_> = set
            .servers
            .into_iter()
            .filter(|server| server.enabled)
            .collect();
        let has_users = |kind| kind == ToolCredentialKind::User;
        let tokens = if enabled.iter().any(|server| has_users(server.credential)) {
            let tokens = store.tokens_of_user(user).await;
            tokens.map_err(|cause| self.unavailable(&cause))?
        } else {
            Vec::new()
        };
        // All at once: an authorization server that is slow is waited for once.
        let servers = enabled.into_iter().map(|stored| async {
            let token = tokens.iter().find(|token| token.server == stored.id);
            let is_refused = is_refused(request, token);
            let opened = self.control.opened(stored).await;
            let credential = credential(&self.control, &opened, token, is_refused).await;
            message(opened, credential)
        });
        let servers = future::join_all(servers).await;
        Ok(GetToolServersResponse {
            generation,
            servers,
        })
    }

    /// Whether this user may have tools called. A gateway that knows the key tells it.
    async fn admit(&self, user: Uuid, api_key_id: &str) -> Result<(), Status> {
        let store = &self.control.0.store;
        let outcome = if api_key_id.is_empty() {
            let owner = store.user(&user.to_string()).await;
            let owner = owner.map_err(|cause| self.unavailable(&cause))?;
            owner
                .ok_or(RefusalReason::UnknownUser)
                .and_then(check_owner)
        } else {
            let stored = store.key(api_key_id).await;
            let stored = stored.map_err(|cause| self.unavailable(&cause))?;
            check(stored, None, now()).map(|(_, owner)| owner)
        };
        match outcome {
            Ok(owner) if owner.id == user => Ok(()),
            Ok(_) => Err(refusal(RefusalReason::NotAllowed)),
            Err(reason) => Err(refusal(reason)),
        }
    }

    async fn told(&self, what: What) -> Result<WatchToolServersResponse, Status> {
        let standing = self.control.0.store.tool_generation().await;
        let (generation, has_servers) = standing.map_err(|cause| self.unavailable(&cause))?;
        let (reset, user) = match what {
            What::Everything => (true, None),
            What::Change(ToolChange::Servers) => (false, None),
            What::Change(ToolChange::Tokens(user)) => (false, Some(user)),
        };
        Ok(WatchToolServersResponse {
            generation,
            has_servers,
            reset,
            user_ids: user.iter().map(Uuid::to_string).collect(),
        })
    }
}

/// Whether this very token is one that its server did not take.
fn is_refused(request: &GetToolServersRequest, token: Option<&StoredUserToken>) -> bool {
    token.is_some_and(|token| {
        let server = token.server.to_string();
        let mut refused = request.refused_tokens.iter();
        refused.any(|named| named.server_id == server && named.revision == token.revision)
    })
}
