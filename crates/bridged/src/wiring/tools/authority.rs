//! Which tool servers a user may use, and with which tokens: the control plane's word, as
//! `bridge-mcp` asks for it.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bridge_mcp::{
    AuthorityError, Caller, Credential, Granted, GrantedServer, Renewal, Server, ServerSpec,
    Servers, ToolAuthority, UserToken,
};
use bridge_rpc::{
    RefusedToken, RemoteToolServers, ToolCredential, ToolServerSnapshot, ToolServers,
    ToolServersError,
};
use bridge_telemetry::{ErrorChain, keys};
use slog::{Logger, warn};

use crate::wiring::provider_spec::manners;

/// Asks the control plane. Nothing of users is kept here; servers are, while somebody uses them.
pub(super) struct ControlPlaneTools {
    remote: RemoteToolServers,
    servers: Servers,
    /// Nobody has any server while it is off.
    is_on: AtomicBool,
    logger: Logger,
}

impl ControlPlaneTools {
    pub(super) fn new(remote: RemoteToolServers, logger: Logger) -> Self {
        Self {
            remote,
            servers: Servers::default(),
            is_on: AtomicBool::new(true),
            logger,
        }
    }

    /// Whether anybody may use any. Says whether that is something else than before.
    pub(super) fn switch(&self, is_on: bool) -> bool {
        self.is_on.swap(is_on, Ordering::Relaxed) != is_on
    }

    async fn ask(
        &self,
        caller: &Caller,
        refused: &[RefusedToken],
    ) -> Result<ToolServers, AuthorityError> {
        let told = self.remote.ask(caller.actor, &caller.api_key_id, refused);
        told.await.map_err(|cause| match cause {
            ToolServersError::Refused(_) => AuthorityError::Refused(Box::new(cause)),
            ToolServersError::Unavailable(_) => AuthorityError::Unavailable(Box::new(cause)),
        })
    }

    /// The server, with what this user presents to it. One that cannot be used as it is described
    /// is left out: the control plane lets none be described so, but it may be of another version.
    fn granted(&self, told: ToolServerSnapshot) -> Option<GrantedServer> {
        let (credential, token, problem) = match told.credential {
            Ok(ToolCredential::None) => (Credential::None, None, None),
            Ok(ToolCredential::Token(token)) => (Credential::Token(token), None, None),
            Ok(ToolCredential::CallersKey) => (Credential::CallersKey, None, None),
            Ok(ToolCredential::User(token)) => (Credential::Users, Some(user_token(token)), None),
            Err(problem) => (Credential::Users, None, Some(problem.message)),
        };
        let server = manners(&told.manners).manners().and_then(|manners| {
            let spec = ServerSpec {
                id: told.id,
                name: told.name.clone(),
                url: told.url,
                allow: told.allow,
                deny: told.deny,
                headers: told.headers,
                credential,
                manners,
            };
            let server = self.servers.admit(spec);
            server.map_err(|cause| ErrorChain(&cause).to_string())
        });
        match server {
            Ok(server) => Some(GrantedServer {
                server,
                token,
                problem,
            }),
            Err(problem) => {
                warn!(self.logger, "tool server cannot be used as it is described";
                    keys::TOOL_SERVER => told.name, keys::ERROR => problem);
                None
            }
        }
    }
}

#[async_trait]
impl ToolAuthority for ControlPlaneTools {
    async fn servers(&self, caller: &Caller) -> Result<Granted, AuthorityError> {
        if !self.is_on.load(Ordering::Relaxed) {
            return Ok(Granted::default());
        }
        let told = self.ask(caller, &[]).await?;
        let servers = told.servers.into_iter();
        Ok(Granted {
            servers: servers.filter_map(|one| self.granted(one)).collect(),
        })
    }

    /// The control plane is told which token was refused, and gets another one if that is still the
    /// newest. One that is about to expire it gets anew by itself.
    async fn token(
        &self,
        caller: &Caller,
        server: &Server,
        had: &UserToken,
        why: Renewal,
    ) -> Result<UserToken, AuthorityError> {
        let refused = match why {
            Renewal::Refused => vec![RefusedToken {
                server_id: server.spec().id.clone(),
                revision: had.revision,
            }],
            Renewal::Expiring => Vec::new(),
        };
        token_of(self.ask(caller, &refused).await?, server)
    }
}

fn user_token(told: bridge_rpc::UserToken) -> UserToken {
    UserToken {
        secret: told.token,
        revision: told.revision,
        expires_at: told.expires_at,
    }
}

/// The user's token for this server. One that is elsewhere by now is another, until the catalogues
/// have heard of it: its token must not be sent to where it was.
fn token_of(told: ToolServers, server: &Server) -> Result<UserToken, AuthorityError> {
    let mut servers = told.servers.into_iter();
    let is_it = |one: &ToolServerSnapshot| one.id == server.spec().id && one.url == server.url();
    let Some(told) = servers.find(is_it) else {
        let text = "there is no such tool server any more".to_owned();
        return Err(AuthorityError::NoToken(text));
    };
    match told.credential {
        Ok(ToolCredential::User(token)) => Ok(user_token(token)),
        Ok(ToolCredential::None | ToolCredential::Token(_) | ToolCredential::CallersKey) => {
            let text = "the tool server takes no token of users any more".to_owned();
            Err(AuthorityError::NoToken(text))
        }
        Err(problem) => Err(AuthorityError::NoToken(problem.message)),
    }
}

#[cfg(test)]
mod tests {
    use bridge_auth::Secret;
    use bridge_rpc::{MannersSettings, UserToken as Told};
    use bridge_upstream::Manners;

    use super::*;

    fn told(url: &str) -> ToolServers {
        let token = Told {
            token: Secret::new("token".to_owned()),
            revision: 7,
            expires_at: None,
        };
        let server = ToolServerSnapshot {
            id: "1".to_owned(),
            name: "wiki".to_owned(),
            url: url.to_owned(),
            allow: Vec::new(),
            deny: Vec::new(),
            headers: Vec::new(),
            manners: MannersSettings::default(),
            credential: Ok(ToolCredential::User(token)),
        };
        ToolServers {
            generation: 2,
            servers: vec![server],
        }
    }

    #[test]
    fn a_token_goes_to_the_server_that_it_is_for_and_not_to_where_that_was() {
        let server = Server::try_new(ServerSpec {
            id: "1".to_owned(),
            name: "renamed".to_owned(),
            url: "https://wiki.example/mcp".to_owned(),
            allow: Vec::new(),
            deny: Vec::new(),
            headers: Vec::new(),
            credential: Credential::Users,
            manners: Manners::default(),
        })
        .unwrap();
        let token = token_of(told("https://wiki.example/mcp"), &server).unwrap();
        assert_eq!(token.revision, 7);
        let moved = token_of(told("https://moved.example/mcp"), &server);
        assert!(matches!(moved, Err(AuthorityError::NoToken(_))));
    }
}
