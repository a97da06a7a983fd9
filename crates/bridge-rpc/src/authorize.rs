//! Whose credential is it? The control plane's answers, kept for a short lease, and for a grace
//! while it is away.

mod answer;
mod cache;
mod flight;
mod keep;
mod question;
mod reach;
mod recheck;
mod revocations;
mod settle;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bridge_auth::{AuthError, Authorizer, Claim, Grant};
use bridge_telemetry::task::{self, Task};
use bridge_telemetry::{ErrorChain, keys};
use futures_util::TryFutureExt as _;
use parking_lot::Mutex;
use slog::warn;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use self::cache::Terms;
use self::keep::Keep;
pub use self::keep::forget_kept_grants;
use self::question::{Hasher, Question};
pub use self::reach::Outage;
use self::settle::{Inner, State};
use crate::channel::Channel;

const CALL: &str = "IsAuthorized";
/// A grant counts as known for a day after the control plane has confirmed it.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// No lease and no grace is longer, so that adding one to an instant cannot fail.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Settings of a [`RemoteAuthorizer`]. Any values are valid; longer spans than a year are a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthorizerConfig {
    /// How long a grant may be used without asking again, counted from the question. `None` asks
    /// for every request and keeps nothing, refusals included. Default 30 s.
    pub lease: Option<Duration>,
    /// How long known callers are let in while the control plane is away, counted from the moment
    /// it went. `None` or without a lease: not at all, once their lease has ended. A caller is
    /// known for a day after the control plane confirmed them. Default 10 min.
    pub grace: Option<Duration>,
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
            grace: Some(Duration::from_secs(10 * 60)),
            capacity: 100_000,
            permit: false,
        }
    }
}

impl AuthorizerConfig {
    fn bounded(self) -> Self {
        Self {
            lease: self.lease.map(|lease| lease.min(LONGEST)),
            grace: self.grace.map(|grace| grace.min(LONGEST)),
            ..self
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
    /// Questions that a known grant settled while the control plane was away.
    pub on_grace: u64,
    /// Answers that had to go because as many were kept as may be.
    pub evicted: u64,
    /// Grants that were revoked, or doubted because revocations may have been missed.
    pub revoked: u64,
}

/// Asks the control plane whose credential it is, and keeps the answer for a short lease.
///
/// Equal questions under way at the same time are asked once. Answers are found by a keyed hash of
/// the whole credential; no credential is kept after its question is settled. Revocations that the
/// control plane pushes take effect when they arrive.
///
/// While the control plane is away, a grant that it confirmed earlier is used for a grace and says
/// so in its [`standing`](bridge_auth::Standing). After an outage no grant is used before it was
/// asked about again: by the next request, or by a check of all of them in the background.
///
/// Dropping a question's future leaves it to the others who wait for the same answer; when there is
/// none, the question is given up. Dropping the authorizer ends its subscription to revocations.
pub struct RemoteAuthorizer {
    inner: Arc<Inner>,
    keep: Option<Arc<Keep>>,
    tasks: Mutex<Vec<Task<()>>>,
}

/// The system has no random numbers to give.
#[derive(Debug, thiserror::Error)]
#[error("no random numbers for the hash of credentials")]
pub struct RandomnessError(#[source] getrandom::Error);

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
        let config = config.bounded();
        let hasher = Hasher::try_new().map_err(RandomnessError)?;
        let state = State::new(&config);
        Ok(Self::begin(channel, config, hasher, state, None))
    }

    /// The same, with a copy of the known grants in this folder: a gateway that is started while
    /// the control plane is away goes on with the grants, and with the rest of the grace, of the
    /// one before. The copy holds keyed hashes, ids and times, the key lies beside it; both are for
    /// their owner only. It is good for the control plane of this channel alone. A copy that cannot be
    /// used is told in the log and ignored. Without a lease or a grace nothing is copied, and what an
    /// earlier gateway has left is taken away.
    ///
    /// # Errors
    /// As [`RemoteAuthorizer::start`].
    pub async fn start_kept(
        channel: &Channel,
        config: AuthorizerConfig,
        folder: &Path,
    ) -> Result<Self, RandomnessError> {
        let config = config.bounded();
        if config.lease.is_none() || config.grace.is_none() {
            if let Err(cause) = forget_kept_grants(folder) {
                warn!(channel.logger(), "kept grants cannot be removed";
                    keys::ERROR => ErrorChain(&cause));
            }
            return Self::start(channel, config);
        }
        let (folder, logger) = (folder.to_owned(), channel.logger().clone());
        let control = channel.target().to_owned();
        let restored = spawn_blocking(move || {
            let mut state = State::new(&config);
            let opened = Keep::open(&folder, &control);
            if let Ok((keep, hasher)) = &opened {
                keep.restore(hasher, &mut state, &logger);
            }
            (opened, state)
        });
        let (opened, state) = match restored.await {
            Ok(restored) => restored,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        match opened {
            Ok((keep, hasher)) => {
                let keep = Some(Arc::new(keep));
                Ok(Self::begin(channel, config, hasher, state, keep))
            }
            Err(cause) => {
                warn!(channel.logger(), "grants cannot be kept: after a restart nobody is known";
                    keys::ERROR => ErrorChain(&cause));
                Self::start(channel, config)
            }
        }
    }

    fn begin(
        channel: &Channel,
        config: AuthorizerConfig,
        hasher: Hasher,
        state: State,
        keep: Option<Arc<Keep>>,
    ) -> Self {
        let inner = Arc::new(Inner {
            channel: channel.clone(),
            config,
            hasher,
            state: Mutex::new(state),
            stirred: Notify::new(),
        });
        let logger = channel.logger();
        let mut tasks = Vec::new();
        if config.lease.is_some() {
            let work = revocations::follow_revocations(Arc::clone(&inner));
            tasks.push(task::spawn(logger, "revocations", work));
            let work = recheck::attend(Arc::clone(&inner));
            tasks.push(task::spawn(logger, "outage watch", work));
        }
        if let Some(keep) = &keep {
            let work = keep::follow(Arc::clone(&inner), Arc::clone(keep));
            tasks.push(task::spawn(logger, "kept grants", work));
        }
        Self {
            inner,
            keep,
            tasks: Mutex::new(tasks),
        }
    }

    /// Ends what goes on in the background and writes the copy of the known grants a last time.
    /// Dropping the future leaves the copy of some seconds ago.
    pub async fn close(&self) {
        // A file is not written by two at once.
        drop(std::mem::take(&mut *self.tasks.lock()));
        if let Some(keep) = &self.keep {
            keep::save(&self.inner, keep, false).await;
        }
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

    /// Whether the control plane is away, since when, and until when known callers are let in.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        self.inner.observe(Instant::now())
    }

    async fn ask(&self, question: Question<'_>) -> Result<Arc<Grant>, AuthError> {
        let outcome = if self.inner.config.lease.is_some() {
            self.inner.settle(&question).await
        } else {
            self.inner.state.lock().stats.asked += 1;
            let question = question.to_owned();
            self.inner.fetch(&question).map_err(Arc::new).await
        };
        match outcome {
            Ok(answer) => answer.map_err(AuthError::Refused),
            Err(cause) => Err(AuthError::Unavailable(Box::new(cause))),
        }
    }
}

fn terms(config: &AuthorizerConfig) -> Terms {
    Terms {
        lease: config.lease.unwrap_or_default(),
        known_for: config.grace.map_or(Duration::ZERO, |_| KNOWN_FOR),
        capacity: config.capacity,
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
