//! Users' tokens that are about to expire, or were refused, are got anew: once, however many
//! gateways ask, and whether or not any of them waits for it.

mod running;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::{ErrorChain, keys, task};
use jiff::Timestamp;
use parking_lot::Mutex;
use slog::{debug, error, warn};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use self::running::Running;
use crate::control::{ControlServer, now};
use crate::oauth::{self, Client, RenewError, Renewed, Roots};
use crate::sealing::SealingError;
use crate::store::{StoreError, StoredUserToken};
use crate::tool_server::{Opened, TokenSecrets};

/// An authorization server that failed is left alone for so long.
const PAUSE: Duration = Duration::from_secs(10);
/// So many tokens may be remembered as failing before those whose pause is over are forgotten.
const REMEMBERED: usize = 1_024;

/// Which tokens are being got anew, and which could not be.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    flights: Mutex<HashMap<(Uuid, Uuid), Arc<Flight>>>,
    running: Running,
    roots: Roots,
}

/// One token: whoever holds the lock gets it anew. Within is the failure of the last attempt.
#[derive(Debug, Default)]
struct Flight(tokio::sync::Mutex<Option<Failed>>);

#[derive(Debug, Clone)]
struct Failed {
    revision: u64,
    at: Instant,
    cause: Arc<RenewError>,
}

impl Failed {
    fn counts(&self, revision: u64) -> bool {
        self.revision == revision && self.at.elapsed() < PAUSE
    }
}

/// Why there is no other token.
#[derive(Debug, Clone)]
pub(crate) enum NotRenewed {
    /// There never will be with this refresh token.
    Spent,
    /// The token is gone meanwhile.
    Gone,
    /// It may work later.
    Failed(Arc<RenewError>),
    /// What is stored cannot be decrypted.
    Sealed(SealingError),
    /// The store did not answer.
    Store(StoreError),
}

impl From<StoreError> for NotRenewed {
    fn from(cause: StoreError) -> Self {
        Self::Store(cause)
    }
}

impl From<SealingError> for NotRenewed {
    fn from(cause: SealingError) -> Self {
        Self::Sealed(cause)
    }
}

/// A token with its secrets.
pub(crate) type Token = (StoredUserToken, TokenSecrets);

impl Renewals {
    fn flight(&self, of: (Uuid, Uuid)) -> Arc<Flight> {
        let mut flights = self.flights.lock();
        if flights.len() >= REMEMBERED {
            flights.retain(|_, flight| {
                let failed = flight.0.try_lock();
                failed.is_ok_and(|failed| {
                    failed
                        .as_ref()
                        .is_some_and(|failed| failed.at.elapsed() < PAUSE)
                }) || Arc::strong_count(flight) > 1
            });
        }
        Arc::clone(flights.entry(of).or_default())
    }

    /// Nobody who waits finds another flight: they hold this one. Another one that has begun since
    /// stays.
    fn land(&self, of: (Uuid, Uuid), flight: &Arc<Flight>) {
        let mut flights = self.flights.lock();
        if flights
            .get(&of)
            .is_some_and(|known| Arc::ptr_eq(known, flight))
        {
            flights.remove(&of);
        }
    }
}

impl ControlServer {
    /// The user's token that comes after this one. Dropping the future leaves the work to be done:
    /// a refresh token that was exchanged must not be lost.
    pub(crate) async fn renewed(
        &self,
        server: &Opened,
        token: &StoredUserToken,
    ) -> Result<Token, NotRenewed> {
        let (answer, answered) = oneshot::channel();
        let (this, server, token) = (self.clone(), server.clone(), token.clone());
        let begun = self.0.renewals.running.begin();
        let work = async move {
            let outcome = this.renew_alone(&server, &token).await;
            drop(begun);
            let _gone = answer.send(outcome);
        };
        // Detached: see above. It ends with the authorization server's answer, or its patience.
        task::spawn(&self.0.logger, "token renewal", work).detach();
        answered.await.unwrap_or(Err(NotRenewed::Gone))
    }

    /// Waits until no token is being got anew, ten seconds at most: what a process that ends before
    /// leaves behind are refresh tokens that were exchanged for others which nobody has. To be called
    /// when gateways are not served any more. Dropping the future leaves off waiting.
    pub async fn settle(&self) {
        self.0.renewals.running.settle().await;
    }

    async fn renew_alone(
        &self,
        server: &Opened,
        token: &StoredUserToken,
    ) -> Result<Token, NotRenewed> {
        let renewals = &self.0.renewals;
        let of = (token.server, token.user);
        let flight = renewals.flight(of);
        let mut failed = flight.0.lock().await;
        let current = self.current_token(token).await?;
        if current.revision != token.revision {
            // Somebody else was faster.
            let secrets = self.open_token(&current).await?;
            return Ok((current, secrets));
        }
        if current.refused_at.is_some() {
            // Somebody else has heard so.
            return Err(NotRenewed::Spent);
        }
        if let Some(failed) = failed
            .as_ref()
            .filter(|failed| failed.counts(token.revision))
        {
            return Err(NotRenewed::Failed(Arc::clone(&failed.cause)));
        }
        let outcome = self.renew_now(server, current).await;
        if let Err(NotRenewed::Failed(cause)) = &outcome {
            *failed = Some(Failed {
                revision: token.revision,
                at: Instant::now(),
                cause: Arc::clone(cause),
            });
        } else {
            renewals.land(of, &flight);
        }
        outcome
    }

    async fn current_token(&self, token: &StoredUserToken) -> Result<StoredUserToken, NotRenewed> {
        let tokens = self.0.store.tokens_of_user(token.user).await?;
        let found = tokens
            .into_iter()
            .find(|found| found.server == token.server);
        found.ok_or(NotRenewed::Gone)
    }

    async fn renew_now(
        &self,
        server: &Opened,
        token: StoredUserToken,
    ) -> Result<Token, NotRenewed> {
        let secrets = self.open_token(&token).await?;
        let (Some(client), Some(refresh_token)) = (client(server)?, &secrets.refresh_token) else {
            return Err(NotRenewed::Spent);
        };
        let inner = &self.0;
        let logger = &inner.logger;
        let name = &server.stored.name;
        let outcome = match inner.renewals.running.lane(token.server).await {
            Some(_lane) => oauth::renew(&client, &inner.renewals.roots, refresh_token).await,
            None => Err(RenewError::Busy),
        };
        match outcome {
            Ok(renewed) => {
                inner.metrics.token_renewed("renewed");
                debug!(logger, "token renewed"; keys::TOOL_SERVER => name,
                    keys::ACTOR_ID => token.user.to_string());
                self.keep_renewed(token, secrets, renewed).await
            }
            Err(RenewError::Refused) => {
                inner.metrics.token_renewed("refused");
                warn!(logger, "refresh token refused"; keys::TOOL_SERVER => name,
                    keys::ACTOR_ID => token.user.to_string());
                let (of, revision) = (token.server, token.revision);
                inner
                    .store
                    .refuse_user_token(of, token.user, revision, now())
                    .await?;
                Err(NotRenewed::Spent)
            }
            Err(cause) => {
                inner.metrics.token_renewed("failed");
                warn!(logger, "token not renewed"; keys::TOOL_SERVER => name,
                    keys::ACTOR_ID => token.user.to_string(), keys::ERROR => ErrorChain(&cause));
                Err(NotRenewed::Failed(Arc::new(cause)))
            }
        }
    }

    async fn keep_renewed(
        &self,
        token: StoredUserToken,
        before: TokenSecrets,
        renewed: Renewed,
    ) -> Result<Token, NotRenewed> {
        let at = now();
        let secrets = TokenSecrets {
            token: Some(renewed.token),
            refresh_token: renewed.refresh_token.or(before.refresh_token),
        };
        let mut next = StoredUserToken {
            sealed: self.seal_token(token.server, token.user, &secrets).await?,
            expires_at: renewed.lifetime.and_then(|lifetime| end(at, lifetime)),
            refused_at: None,
            refreshed_at: Some(at),
            ..token.clone()
        };
        let kept = self
            .0
            .store
            .put_user_token(next.clone(), Some(token.revision))
            .await;
        match kept {
            Ok(Some(revision)) => {
                next.revision = revision;
                Ok((next, secrets))
            }
            // The operator has set another one, or taken it away.
            Ok(None) => {
                let current = self.current_token(&token).await?;
                let secrets = self.open_token(&current).await?;
                Ok((current, secrets))
            }
            Err(cause) => {
                error!(self.0.logger, "a renewed token was not kept, it may have to be set anew";
                    keys::ACTOR_ID => token.user.to_string(), keys::ERROR => ErrorChain(&cause));
                Err(cause.into())
            }
        }
    }
}

fn end(at: Timestamp, lifetime: Duration) -> Option<Timestamp> {
    at.checked_add(lifetime).ok()
}

/// Where the server's tokens are got anew; none when it does not say.
fn client(server: &Opened) -> Result<Option<Client>, NotRenewed> {
    let settings = &server.stored.settings;
    let Some(oauth) = &settings.oauth else {
        return Ok(None);
    };
    let secrets = server.secrets.clone()?;
    let upstream = settings.upstream.clone().unwrap_or_default();
    Ok(Some(Client {
        oauth: oauth.clone(),
        client_secret: secrets.client_secret,
        ca_pem: upstream.ca_pem,
        allowed_private: upstream.allowed_private,
    }))
}
