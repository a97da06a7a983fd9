//! Who says which servers there are, and a house with catalogues.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bridge_auth::{ActorId, Secret};
use bridge_mcp::{
    AuthorityError, Caller, Catalogue, Catalogues, Credential, Granted, GrantedServer, McpConfig,
    Renewal, Server, ServerSpec, Servers, ToolAuthority, UserToken,
};
use bridge_telemetry::Metrics;
use bridge_upstream::{Client, ClientConfig, Manners};
use parking_lot::Mutex;
use slog::Logger;

use crate::server::until;

/// Longest wait of these tests. Nothing waits so long unless it fails.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Says what a test says.
#[derive(Default)]
pub(crate) struct Told {
    servers: Servers,
    granted: Mutex<Vec<(ServerSpec, Option<UserToken>)>>,
    /// The tokens that are given when one is asked for again, in their order.
    pub(crate) renewed: Mutex<Vec<UserToken>>,
    pub(crate) asked: AtomicUsize,
    pub(crate) renewals: Mutex<Vec<Renewal>>,
    pub(crate) is_away: Mutex<bool>,
    pub(crate) refuses: Mutex<bool>,
}

impl Told {
    pub(crate) fn grant(&self, granted: Vec<(ServerSpec, Option<UserToken>)>) {
        *self.granted.lock() = granted;
    }
}

#[async_trait]
impl ToolAuthority for Told {
    async fn servers(&self, _: &Caller) -> Result<Granted, AuthorityError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if *self.is_away.lock() {
            return Err(AuthorityError::Unavailable("it is away".into()));
        }
        if *self.refuses.lock() {
            return Err(AuthorityError::Refused("the user is disabled".into()));
        }
        let granted = self.granted.lock();
        let servers = granted.iter().map(|(spec, token)| GrantedServer {
            server: self.servers.admit(spec.clone()).unwrap(),
            token: token.clone(),
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
        had: &UserToken,
        why: Renewal,
    ) -> Result<UserToken, AuthorityError> {
        self.renewals.lock().push(why);
        let mut renewed = self.renewed.lock();
        if renewed.is_empty() {
            return Ok(had.clone());
        }
        Ok(renewed.remove(0))
    }
}

pub(crate) fn spec(name: &str, url: &str) -> ServerSpec {
    ServerSpec {
        id: name.to_owned(),
        name: name.to_owned(),
        url: url.to_owned(),
        allow: Vec::new(),
        deny: Vec::new(),
        headers: Vec::new(),
        credential: Credential::None,
        manners: Manners::default(),
    }
}

pub(crate) fn token(text: &str) -> UserToken {
    UserToken {
        secret: Secret::new(text.to_owned()),
        revision: 1,
        expires_at: None,
    }
}

pub(crate) fn caller() -> Caller {
    Caller {
        actor: ActorId::from_bytes([7; 16]),
        api_key_id: "key".to_owned(),
        own_key: Some(Secret::new("callers-own-key".to_owned())),
    }
}

/// Quick where the defaults are patient.
pub(crate) fn quick() -> McpConfig {
    McpConfig {
        first_retry: Duration::from_millis(20),
        last_retry: Duration::from_millis(100),
        linger: Duration::ZERO,
        ..McpConfig::default()
    }
}

pub(crate) fn house(told: &Arc<Told>, config: McpConfig) -> Catalogues {
    logging_house(told, config, &bridge_telemetry::discard())
}

pub(crate) fn logging_house(told: &Arc<Told>, config: McpConfig, logger: &Logger) -> Catalogues {
    let client = Client::try_new(&ClientConfig::default(), &Metrics::default(), logger).unwrap();
    let authority: Arc<dyn ToolAuthority> = Arc::<Told>::clone(told);
    Catalogues::new(
        Arc::new(client),
        authority,
        config,
        &Metrics::default(),
        logger,
    )
}

/// A house and a catalogue of servers without credentials.
pub(crate) fn open(servers: &[(&str, String)]) -> (Arc<Told>, Catalogues, Catalogue) {
    let told = Arc::new(Told::default());
    let granted = servers.iter().map(|(name, url)| (spec(name, url), None));
    told.grant(granted.collect());
    let house = house(&told, quick());
    let catalogue = house.catalogue(caller());
    (told, house, catalogue)
}

pub(crate) fn names(catalogue: &Catalogue) -> Vec<String> {
    let shelf = catalogue.current();
    shelf
        .tools()
        .iter()
        .map(|tool| tool.name().to_owned())
        .collect()
}

/// Waits until a catalogue has these tools.
pub(crate) async fn arrive(catalogue: &Catalogue, expected: &[&str]) {
    let never = tokio::sync::Notify::new();
    let what = format!("{expected:?}");
    until(&what, &never, || names(catalogue) == expected).await;
}
