//! Which tool servers there are for a user, and with whose authority they are called.

mod servers;
mod watch;

use bridge_auth::{ActorId, RefusalReason};
use bridge_proto::v1::{self, GetToolServersRequest};

use crate::Channel;
use crate::status::{RpcError, is_unknown, refusal};

pub use servers::{
    RefusedToken, ToolCredential, ToolServerProblem, ToolServerProblemKind, ToolServerSnapshot,
    ToolServers, UserToken,
};
pub use watch::{TokenChange, TokenChanges, ToolServerSet, ToolServerWatch};

const CALL: &str = "GetToolServers";

/// Asks the control plane for tool servers and one user's tokens, in one call. Cloning shares the
/// channel. Nothing is kept here.
#[derive(Debug, Clone)]
pub struct RemoteToolServers(Channel);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ToolServersError {
    /// The key or its owner is not good any more.
    #[error("tool servers refused")]
    Refused(#[source] RefusalReason),
    /// The control plane cannot be reached or cannot tell.
    #[error("tool servers cannot be asked for")]
    Unavailable(#[source] RpcError),
}

impl RemoteToolServers {
    /// Asks over this channel. Nothing is asked yet.
    #[must_use]
    pub fn new(channel: &Channel) -> Self {
        Self(channel.clone())
    }

    /// All enabled tool servers, with what this user presents to each. `refused` are tokens of
    /// earlier answers that their servers did not take: the control plane gets others where it can,
    /// which takes as long as the authorization server does, within the channel's `call_timeout`.
    ///
    /// A control plane of an earlier version has none, and that is no error. Dropping the future
    /// gives the answer up.
    ///
    /// # Errors
    /// When the user is refused, or there is no answer.
    pub async fn ask(
        &self,
        actor: ActorId,
        api_key_id: &str,
        refused: &[RefusedToken],
    ) -> Result<ToolServers, ToolServersError> {
        let after = self.0.config().call_timeout;
        let request = GetToolServersRequest {
            user_id: actor.to_string(),
            api_key_id: api_key_id.to_owned(),
            refused_tokens: refused.iter().map(v1::RefusedToken::from).collect(),
        };
        let answer = self.0.call(CALL, after, |wire| {
            let request = request.clone();
            async move { wire.tools().get_tool_servers(request).await }
        });
        match answer.await.map_err(ToolServersError::Unavailable)? {
            Ok(response) => Ok(response.into()),
            Err(status) if is_unknown(&status) => Ok(ToolServers::default()),
            Err(status) => Err(match refusal(&status) {
                Some(reason) => ToolServersError::Refused(reason),
                None => ToolServersError::Unavailable(RpcError::failed(CALL, status)),
            }),
        }
    }
}
