//! Whose credential is it? The control plane's answers, kept for a short lease.

mod cache;
mod question;
mod revocations;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bridge_auth::{Actor, AuthError, Authorizer, Claim, Grant, RefusalReason, Standing};
use bridge_proto::v1::IsAuthorizedResponse;
use bridge_telemetry::task::{self, Task};
use bridge_telemetry::wall_clock;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;
use tokio::time::Instant;

use self::cache::{Answer, Cache, Digest};
use self::question::{Hasher, OwnedQuestion, Question};
use crate::Channel;
use crate::status::{RpcError, refusal};

/// How long a refusal is kept, so that a tool with a bad key does not become a load.
const REFUSAL_LEASE: Duration = Duration::from_secs(1);
const CALL: &str = "IsAuthorized";

/// Settings of a [`RemoteAuthorizer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthorizerConfig {
    /// How long a grant may be used without asking again, counted from the question. `None` asks
    /// for every request and keeps nothing, refusals included. Default 30 s.
    pub lease: Option<Duration>,
    /// How many answers are kept at most. Default 100,000.
    pub capacity: usize,
    /// Whether the control plane is asked about providers and models too. Default no: every owner
    /// of a good key may use all of them.
    pub permit: bool,
}

impl Default for AuthorizerConfig {
    fn default() -> Self {
        Self {
            lease: Some(Duration::from_secs(30)),
            capacity: 100_000,
            permit: false,
        }
    }
}

/// Numbers for the operator, counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthorizerStats {
    /// Answers that are kept now.
    pub entries: usize,
    /// Questions that a kept answer settled.
    pub hits: u64,
    /// Questions that joined one under way.
    pub joined: u64,
    /// Questions that the control plane was asked.
    pub asked: u64,
    /// Answers that had to go because as many were kept as may be.
    pub evicted: u64,
    /// Answers that were revoked.
    pub revoked: u64,
}

/// Asks the control plane whose credential it is, and keeps the answer for a short lease.
///
/// Equal questions under way at the same time are asked once. Answers are found by a keyed hash of
/// the whole credential; no credential is kept after its question is settled. Revocations that the
/// control plane pushes take effect when they arrive. While it cannot be reached, grants live to
/// the end of their lease.
///
/// Dropping a question's future leaves it to the others who wait for the same answer; when there is
/// none, the question is given up. Dropping the authorizer ends its subscription to revocations.
pub struct RemoteAuthorizer {
    inner: Arc<Inner>,
    _revocations: Option<Task<()>>,
}

/// The system has no random numbers to give.
#[derive(Debug, thiserror::Error)]
#[error("no random numbers for the hash of credentials")]
pub struct RandomnessError(#[source] getrandom::Error);

struct Inner {
    channel: Channel,
    config: AuthorizerConfig,
    hasher: Hasher,
    state: Mutex<State>,
}

struct State {
    cache: Cache,
    flights: HashMap<Digest, Flight>,
    flight_number: u64,
    stats: AuthorizerStats,
}

/// A question under way. Those who wait own it; this is how to join them.
struct Flight {
    number: u64,
    epoch: u64,
    outcome: WeakShared<BoxFuture<'static, Outcome>>,
}

/// An answer, or why there is none.
type Outcome = Result<Answer, Arc<RpcError>>;

impl fmt::Debug for RemoteAuthorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteAuthorizer")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl RemoteAuthorizer {
    /// Subscribes to revocations as soon as there is a connection, unless nothing is to be kept.
    ///
    /// # Errors
    /// When the system has no random numbers for the key of the hash.
    pub fn start(channel: &Channel, config: AuthorizerConfig) -> Result<Self, RandomnessError> {
        let inner = Arc::new(Inner {
            channel: channel.clone(),
            config,
            hasher: Hasher::try_new().map_err(RandomnessError)?,
            state: Mutex::new(State {
                cache: Cache::new(config.capacity),
                flights: HashMap::new(),
                flight_number: 0,
                stats: AuthorizerStats::default(),
            }),
        });
        let revocations = config.lease.map(|_| {
            let work = revocations::follow_revocations(Arc::clone(&inner));
            task::spawn(channel.logger(), "revocations", work)
        });
        Ok(Self {
            inner,
            _revocations: revocations,
        })
    }

    /// Numbers for the operator.
    #[must_use]
    pub fn stats(&self) -> AuthorizerStats {
        let state = self.inner.state.lock();
        AuthorizerStats {
            entries: state.cache.len(),
            ..state.stats
        }
    }

    async fn ask(&self, question: Question<'_>) -> Result<Arc<Grant>, AuthError> {
        let outcome = match self.inner.config.lease {
            None => {
                self.inner.state.lock().stats.asked += 1;
                self.inner
                    .fetch(&question.to_owned())
                    .await
                    .map_err(Arc::new)
            }
            Some(lease) => match self.inner.look(&question, lease) {
                Found::Answer(answer) => Ok(answer),
                Found::Flight(flight) => flight.await,
            },
        };
        match outcome {
            Ok(answer) => answer.map_err(AuthError::Refused),
            Err(cause) => Err(AuthError::Unavailable(Box::new(cause))),
        }
    }
}

#[async_trait]
impl Authorizer for RemoteAuthorizer {
    async fn authorize(&self, claim: Claim<'_>) -> Result<Arc<Grant>, AuthError> {
        self.ask(match claim {
            Claim::Key(secret) => Question::Key(secret),
            Claim::Delegated(delegation) => Question::KeyId(delegation.key_id()),
        })
        .await
    }

    async fn permit(&self, grant: &Grant, provider: &str, model: &str) -> Result<(), AuthError> {
        if !self.inner.config.permit {
            return Ok(());
        }
        let question = Question::Permit {
            key_id: &grant.api_key_id,
            provider,
            model,
        };
        self.ask(question).await.map(drop)
    }
}

/// Where an answer will come from.
enum Found {
    Answer(Answer),
    Flight(Shared<BoxFuture<'static, Outcome>>),
}

impl Inner {
    /// One hash and one short lock when the answer is kept.
    fn look(self: &Arc<Self>, question: &Question<'_>, lease: Duration) -> Found {
        let digest = self.hasher.digest(question);
        let now = Instant::now();
        let mut state = self.state.lock();
        if let Some(answer) = state.cache.look(&digest, now) {
            state.stats.hits += 1;
            return Found::Answer(answer);
        }
        // Who asks after a revocation must not join a question from before it.
        let epoch = state.cache.epoch();
        let flight = state.flights.get(&digest);
        let flight = flight.filter(|flight| flight.epoch == epoch);
        if let Some(shared) = flight.and_then(|flight| flight.outcome.upgrade()) {
            state.stats.joined += 1;
            return Found::Flight(shared);
        }
        state.stats.asked += 1;
        state.flight_number += 1;
        let landing = Landing {
            inner: Arc::clone(self),
            digest,
            number: state.flight_number,
        };
        let shared = fly(landing, question.to_owned(), epoch, now, lease)
            .boxed()
            .shared();
        if let Some(outcome) = shared.downgrade() {
            let flight = Flight {
                number: state.flight_number,
                epoch,
                outcome,
            };
            state.flights.insert(digest, flight);
        }
        Found::Flight(shared)
    }

    async fn fetch(&self, question: &OwnedQuestion) -> Result<Answer, RpcError> {
        let after = self.channel.config().call_timeout;
        let answer = self
            .channel
            .call(CALL, after, |wire| async move {
                wire.authorizer().is_authorized(question.to_request()).await
            })
            .await?;
        match answer {
            Ok(response) => grant(response).map(judge),
            Err(status) => match refusal(&status) {
                Some(reason) => Ok(Err(reason)),
                None => Err(RpcError::failed(CALL, status)),
            },
        }
    }
}

/// Asks one question and keeps the answer, unless something was revoked meanwhile: then the answer
/// may be older than the revocation.
async fn fly(
    landing: Landing,
    question: OwnedQuestion,
    epoch: u64,
    asked_at: Instant,
    lease: Duration,
) -> Outcome {
    let inner = &landing.inner;
    let answer = inner.fetch(&question).await.map_err(Arc::new)?;
    let now = Instant::now();
    let until = match &answer {
        Ok(grant) => (asked_at + lease).min(end_of(grant, now).unwrap_or(asked_at + lease)),
        Err(_) => now + REFUSAL_LEASE.min(lease),
    };
    let mut state = inner.state.lock();
    if state.cache.epoch() == epoch {
        let evicted = state.cache.keep(landing.digest, answer.clone(), now, until);
        state.stats.evicted += evicted;
    }
    Ok(answer)
}

/// Takes a question off the list when it is settled or given up.
struct Landing {
    inner: Arc<Inner>,
    digest: Digest,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock();
        let flight = state.flights.get(&self.digest);
        if flight.is_some_and(|flight| flight.number == self.number) {
            state.flights.remove(&self.digest);
        }
    }
}

/// When the key itself stops being good, on the clock that a test can hold still.
fn end_of(grant: &Grant, now: Instant) -> Option<Instant> {
    let expires_at = grant.expires_at?;
    let left = expires_at.duration_since(wall_clock()).unwrap_or_default();
    now.checked_add(left)
}

/// A grant of a key that has expired meanwhile is none.
fn judge(grant: Grant) -> Answer {
    match grant.expires_at {
        Some(expires_at) if expires_at <= wall_clock() => Err(RefusalReason::Expired),
        _ => Ok(Arc::new(grant)),
    }
}

fn grant(response: IsAuthorizedResponse) -> Result<Grant, RpcError> {
    let garbled = |field| RpcError::Garbled { call: CALL, field };
    let id = response.owner_id.parse().map_err(|_| garbled("owner_id"))?;
    let expires_at = response.expires_at.map(TryInto::try_into).transpose();
    if response.api_key_id.is_empty() {
        return Err(garbled("api_key_id"));
    }
    Ok(Grant {
        actor: Actor {
            id,
            username: response.username,
            email: Some(response.email).filter(|email| !email.is_empty()),
        },
        api_key_id: response.api_key_id,
        workspace_id: Some(response.workspace_id).filter(|id| !id.is_empty()),
        expires_at: expires_at.map_err(|_| garbled("expires_at"))?,
        standing: Standing::Confirmed,
    })
}
