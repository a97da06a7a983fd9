//! What is known of one provider's health, shared by all who ask it.

use std::sync::Arc;

use bridge_auth::{Secret, SecretHint};
use bridge_guard::{Affinity, Breakers, KeyRing, RetryBudget};

/// How many conversations are led to the key that they began with. One takes about 50 bytes.
const CONVERSATIONS: usize = 20_000;

/// How many places of one provider may have a breaker. Callers name models, so there is no other
/// end to them.
const BREAKERS: usize = 1_024;

/// Stands beside the provider and not inside of handlers: all callers share what one has met, and a
/// reload keeps it as long as the provider stays what it was.
#[derive(Debug)]
pub(crate) struct Guard {
    /// The operator's keys; none when callers must bring their own.
    pub(crate) ring: Option<KeyRing<ProviderKey>>,
    pub(crate) affinity: Affinity,
    pub(crate) breakers: Arc<Breakers>,
    pub(crate) budget: RetryBudget,
}

/// A key of the operator. Two are the same when their secrets are.
#[derive(Debug)]
pub(crate) struct ProviderKey {
    pub(crate) secret: Secret,
    pub(crate) hint: SecretHint,
}

impl PartialEq for ProviderKey {
    fn eq(&self, other: &Self) -> bool {
        self.secret == other.secret
    }
}

impl Guard {
    /// Nothing is known yet. A key that stands among the keys twice is used once.
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        let mut keys: Vec<ProviderKey> = Vec::with_capacity(secrets.len());
        for secret in secrets {
            if !keys.iter().any(|key| key.secret == *secret) {
                keys.push(ProviderKey::new(secret.clone()));
            }
        }
        Self {
            // There is none without a key, and none stands there twice.
            ring: KeyRing::try_new(keys).ok(),
            affinity: Affinity::new(CONVERSATIONS),
            breakers: Arc::new(Breakers::new(BREAKERS)),
            budget: RetryBudget::new(),
        }
    }
}

impl ProviderKey {
    fn new(secret: Secret) -> Self {
        let hint = SecretHint::of(&secret);
        Self { secret, hint }
    }
}
