//! Credentials that are kept and renewed in time.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::identity::Identity;
use bridge_auth::Secret;
use parking_lot::Mutex;
use tokio::time::timeout;

use crate::CredentialsError;

/// How long credentials may take to come.
const LIMIT: Duration = Duration::from_secs(30);
/// How long before their end credentials are renewed. AWS offers new ones at least this early.
const AHEAD: Duration = Duration::from_secs(300);
/// How long after a failed renewal the old ones are used without another attempt, and how old
/// credentials must be before an upstream's word against them is believed.
const PAUSE: Duration = Duration::from_secs(30);

/// Credentials that were fetched.
pub(crate) struct Kept {
    pub(crate) identity: Identity,
    pub(crate) access_key_id: String,
    pub(crate) session_token: Option<Secret>,
    since: SystemTime,
    expires: Option<SystemTime>,
}

/// What credentials are good for at an instant.
enum Age {
    Good,
    /// Good, but not for long.
    Old,
    Over,
}

/// The one place where credentials are kept. One caller fetches for all who wait.
///
/// Dropping a future that fetches leaves the fetching to the next one who waits.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    kept: Mutex<Option<Arc<Kept>>>,
    flight: tokio::sync::Mutex<Flight>,
    /// How many flights have ended, so that who waited for one can tell that it has.
    ended: Mutex<u64>,
}

#[derive(Debug, Default)]
struct Flight {
    failed: Option<CredentialsError>,
    not_before: Option<SystemTime>,
}

impl fmt::Debug for Kept {
    /// Shows nothing: access keys are masked wherever they are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Kept {
    pub(crate) fn new(credentials: Credentials, now: SystemTime) -> Self {
        Self {
            access_key_id: credentials.access_key_id().to_owned(),
            session_token: credentials
                .session_token()
                .map(|token| Secret::new(token.to_owned())),
            since: now,
            expires: credentials.expiry(),
            identity: credentials.into(),
        }
    }

    fn age(&self, now: SystemTime) -> Age {
        let Some(expires) = self.expires else {
            return Age::Good;
        };
        match expires.duration_since(now) {
            Err(_) => Age::Over,
            Ok(left) if left.is_zero() => Age::Over,
            Ok(left) if left <= AHEAD => Age::Old,
            Ok(_) => Age::Good,
        }
    }
}

impl Cache {
    /// The credentials, fetched if there are none that are still good.
    ///
    /// Old ones are renewed by one caller, who waits for it, while others go on with the old ones.
    pub(crate) async fn get<F>(
        &self,
        now: SystemTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<Kept>, CredentialsError>
    where
        F: Future<Output = Result<Credentials, CredentialsError>>,
    {
        let kept = self.kept.lock().clone();
        if let Some(kept) = kept {
            match kept.age(now) {
                Age::Good => return Ok(kept),
                Age::Old => return Ok(self.renewed(kept, now, fetch).await),
                Age::Over => {}
            }
        }
        let before = *self.ended.lock();
        let mut flight = self.flight.lock().await;
        let found = self.kept.lock().clone();
        if let Some(found) = found.filter(|kept| !matches!(kept.age(now), Age::Over)) {
            return Ok(found);
        }
        if let (true, Some(failed)) = (*self.ended.lock() > before, &flight.failed) {
            // It failed while this caller waited: everybody else would wait as long, in a row.
            return Err(failed.clone());
        }
        self.fly(&mut flight, now, fetch).await
    }

    /// New credentials, or the old ones when somebody else renews them or it fails.
    async fn renewed<F>(
        &self,
        old: Arc<Kept>,
        now: SystemTime,
        fetch: impl FnOnce() -> F,
    ) -> Arc<Kept>
    where
        F: Future<Output = Result<Credentials, CredentialsError>>,
    {
        let Ok(mut flight) = self.flight.try_lock() else {
            return old;
        };
        if flight.not_before.is_some_and(|at| now < at) {
            return old;
        }
        self.fly(&mut flight, now, fetch).await.unwrap_or(old)
    }

    async fn fly<F>(
        &self,
        flight: &mut Flight,
        now: SystemTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<Kept>, CredentialsError>
    where
        F: Future<Output = Result<Credentials, CredentialsError>>,
    {
        let fetched = timeout(LIMIT, fetch()).await;
        let fetched = fetched.unwrap_or(Err(CredentialsError::TimedOut { after: LIMIT }));
        *self.ended.lock() += 1;
        match fetched {
            Ok(credentials) => {
                let kept = Arc::new(Kept::new(credentials, now));
                *self.kept.lock() = Some(Arc::clone(&kept));
                *flight = Flight::default();
                Ok(kept)
            }
            Err(error) => {
                flight.failed = Some(error.clone());
                flight.not_before = now.checked_add(PAUSE);
                Err(error)
            }
        }
    }

    /// AWS does not take these any more. They are fetched again, unless they are so new that
    /// something else must be wrong.
    pub(crate) fn reject(&self, rejected: &Arc<Kept>, now: SystemTime) {
        let mut kept = self.kept.lock();
        let is_it = |kept: &Arc<Kept>| {
            let age = now.duration_since(kept.since).unwrap_or_default();
            Arc::ptr_eq(kept, rejected) && age >= PAUSE
        };
        if kept.as_ref().is_some_and(is_it) {
            *kept = None;
        }
    }

    /// The session token of what is kept, if there is one.
    pub(crate) fn session_token(&self) -> Option<Secret> {
        let kept = self.kept.lock();
        kept.as_ref().and_then(|kept| kept.session_token.clone())
    }

    /// The public half of what is kept.
    pub(crate) fn access_key_id(&self) -> Option<String> {
        let kept = self.kept.lock();
        kept.as_ref().map(|kept| kept.access_key_id.clone())
    }
}

#[cfg(test)]
mod tests;
