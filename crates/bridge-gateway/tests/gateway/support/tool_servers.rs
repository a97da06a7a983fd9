//! Tool servers, and an authority that grants all of them to everybody.

use std::sync::Arc;

use async_trait::async_trait;
use bridge_intercept::{HiddenTurns, Tools, ToolsConfig};
use bridge_mcp::{
    AuthorityError, Caller, Catalogues, Credential, Granted, GrantedServer, McpConfig, Renewal,
    Server, ServerSpec, ToolAuthority, UserToken,
};
use bridge_telemetry::Metrics;
use bridge_upstream::Exchange;
use slog::Logger;

/// Tool servers, and what a turn may do with them.
pub(crate) struct ToolsSetup {
    pub(crate) servers: Vec<Arc<Server>>,
    pub(crate) config: ToolsConfig,
}

impl ToolsSetup {
    pub(super) fn open(
        self,
        exchange: &Arc<dyn Exchange>,
        metrics: &Metrics,
        logger: &Logger,
    ) -> Tools {
        let authority = Arc::new(Everything(self.servers));
        let exchange = Arc::clone(exchange);
        Tools {
            config: Arc::new(self.config),
            catalogues: Catalogues::new(exchange, authority, McpConfig::default(), metrics, logger),
            memory: HiddenTurns::new(metrics.clone()),
        }
    }
}

/// A tool server at this address, to which this is presented.
pub(crate) fn server(name: &str, url: &str, credential: Credential) -> Arc<Server> {
    let spec = ServerSpec {
        id: name.to_owned(),
        name: name.to_owned(),
        url: url.to_owned(),
        allow: Vec::new(),
        deny: Vec::new(),
        headers: Vec::new(),
        credential,
        manners: bridge_upstream::Manners::default(),
    };
    Arc::new(Server::try_new(spec).unwrap())
}

struct Everything(Vec<Arc<Server>>);

#[async_trait]
impl ToolAuthority for Everything {
    async fn servers(&self, _: &Caller) -> Result<Granted, AuthorityError> {
        let servers = self.0.iter().map(|server| GrantedServer {
            server: Arc::clone(server),
            token: None,
            problem: None,
        });
        Ok(Granted {
            servers: servers.collect(),
        })
    }

    async fn token(
        &self,
        _: &Caller,
        _: &Server,
        _: &UserToken,
        _: Renewal,
    ) -> Result<UserToken, AuthorityError> {
        Err(AuthorityError::NoToken("there are none here".to_owned()))
    }
}
