//! Setting, listing and removing users' tokens for tool servers. Gateways learn of each change at
//! once.

use bridge_telemetry::keys;
use jiff::Timestamp;
use slog::info;

use super::tool_servers::wanted;
use crate::api::{NewUserToken, Page, ToolServerRef, UserRef, UserTokenState, UserTokenView};
use crate::control::{ControlServer, ToolChange, now};
use crate::error::ControlError;
use crate::store::{ListedUserToken, PageQuery, StoredUserToken, UserTokenFilter};
use crate::tool_server::{TokenSecrets, masked};
use crate::validate;

/// What an operator reads of a token that is of no use any more.
pub(crate) const SPENT: &str = "expired or refused: set a new token";

impl ControlServer {
    /// Sets a user's token for a tool server, in place of the one before.
    ///
    /// # Errors
    /// When there is no such server or user, the user is deleted, the server takes no tokens of
    /// users, a field breaks its rule, or the token cannot be encrypted.
    pub async fn set_user_token(
        &self,
        server: &str,
        user: &str,
        new: NewUserToken,
    ) -> Result<UserTokenView, ControlError> {
        let server = self.stored_tool_server(server).await?;
        let user = self.live_user("user", user).await?;
        validate::user_token(&new, &server)?;
        let this = self.clone();
        self.whole(async move {
            let at = now();
            let secrets = TokenSecrets {
                token: new.token,
                refresh_token: new.refresh_token,
            };
            let mut token = StoredUserToken {
                server: server.id,
                user: user.id,
                revision: 0,
                sealed: this.seal_token(server.id, user.id, &secrets).await?,
                is_renewable: secrets.refresh_token.is_some(),
                expires_at: new.expires_at,
                refused_at: None,
                set_at: at,
                refreshed_at: None,
            };
            let kept = this.0.store.put_user_token(token.clone(), None).await?;
            let text = "the server or the user was changed or deleted meanwhile";
            token.revision = kept.ok_or_else(|| ControlError::conflict("server", text))?;
            this.tools_changed(ToolChange::Tokens(user.id));
            info!(this.0.logger, "token set"; keys::TOOL_SERVER => &server.name,
                keys::ACTOR_ID => user.id.to_string());
            let listed = ListedUserToken {
                token,
                server_name: server.name.clone(),
                user: UserRef {
                    id: user.id,
                    username: user.username,
                },
            };
            let has_endpoint = server.settings.oauth.is_some();
            Ok(token_view(&listed, Ok(secrets), has_endpoint, at))
        })
        .await
    }

    /// Tokens by server and user, of one server or user if given.
    ///
    /// # Errors
    /// When there is no such server or user, or the cursor is none.
    pub async fn user_tokens(
        &self,
        server: Option<&str>,
        user: Option<&str>,
        page: PageQuery,
    ) -> Result<Page<UserTokenView>, ControlError> {
        let set = self.0.store.tool_server_set().await?;
        let server = server.map(|name| wanted(&set, name)).transpose()?;
        let server = server.map(|server| server.id);
        let user = self.user_id(user).await?;
        let filter = UserTokenFilter { server, user };
        let page = self.0.store.user_tokens(filter, page).await?;
        let at = now();
        let mut items = Vec::new();
        for listed in page.items {
            let secrets = self.open_token(&listed.token).await;
            let mut servers = set.servers.iter();
            let server = servers.find(|server| server.id == listed.token.server);
            let has_endpoint = server.is_some_and(|server| server.settings.oauth.is_some());
            items.push(token_view(&listed, secrets, has_endpoint, at));
        }
        Ok(Page {
            items,
            next: page.next,
        })
    }

    /// Takes a user's token for a tool server away.
    ///
    /// # Errors
    /// When there is no such server or user, or no token.
    pub async fn delete_user_token(&self, server: &str, user: &str) -> Result<(), ControlError> {
        let server = self.stored_tool_server(server).await?;
        let user = self.user(user).await?;
        let this = self.clone();
        self.whole(async move {
            if !this.0.store.delete_user_token(server.id, user.id).await? {
                return Err(ControlError::not_found("token of user", &user.username));
            }
            this.tools_changed(ToolChange::Tokens(user.id));
            info!(this.0.logger, "token removed"; keys::TOOL_SERVER => &server.name,
                keys::ACTOR_ID => user.id.to_string());
            Ok(())
        })
        .await
    }
}

/// `has_endpoint` tells that the server says where tokens are got anew.
fn token_view(
    listed: &ListedUserToken,
    secrets: Result<TokenSecrets, crate::sealing::SealingError>,
    has_endpoint: bool,
    at: Timestamp,
) -> UserTokenView {
    let token = &listed.token;
    let state = match &secrets {
        Ok(_) => state(token, has_endpoint, at),
        Err(_) => UserTokenState::Unreadable,
    };
    let problem = match (&secrets, state) {
        (Err(cause), _) => Some(cause.to_string()),
        (Ok(_), UserTokenState::Expired | UserTokenState::Refused) => Some(SPENT.to_owned()),
        (Ok(_), UserTokenState::Good | UserTokenState::Renewable | UserTokenState::Unreadable) => {
            None
        }
    };
    let secrets = secrets.unwrap_or_default();
    UserTokenView {
        server: ToolServerRef {
            id: token.server,
            name: listed.server_name.clone(),
        },
        user: listed.user.clone(),
        masked: secrets.token.as_ref().map(masked),
        state,
        problem,
        has_refresh_token: token.is_renewable,
        expires_at: token.expires_at,
        set_at: token.set_at,
        refreshed_at: token.refreshed_at,
    }
}

fn state(token: &StoredUserToken, has_endpoint: bool, at: Timestamp) -> UserTokenState {
    let has_expired = token.expires_at.is_some_and(|end| end <= at);
    match (token.refused_at, token.is_renewable && has_endpoint) {
        (Some(_), _) => UserTokenState::Refused,
        (None, true) if has_expired => UserTokenState::Renewable,
        (None, false) if has_expired => UserTokenState::Expired,
        (None, true | false) => UserTokenState::Good,
    }
}
