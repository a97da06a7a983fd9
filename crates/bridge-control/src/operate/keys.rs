//! Making and revoking keys.

use jiff::SignedDuration;

use crate::api::{CreatedKey, KeyView, NewKey, Page, SecretText, UserRef};
use crate::control::{ControlServer, Revocation, now};
use crate::error::ControlError;
use crate::key;
use crate::store::{NewStoredKey, PageQuery, StoreError, StoredKey};
use crate::validate;

/// A hundred years, in seconds: whoever wants a longer life leaves it out.
const LONGEST_LIFE: u64 = 3_155_760_000;
/// Ids are random among 10^17: two equal ones in a row mean that random numbers are not random.
const ATTEMPTS: usize = 3;

impl ControlServer {
    /// Makes a key. The secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// When a field breaks its rule, there is no such user, or the user is deleted.
    pub async fn create_key(&self, new: NewKey) -> Result<CreatedKey, ControlError> {
        new.name.as_deref().map_or(Ok(()), validate::key_name)?;
        let life = new.lifetime_seconds.map(lifetime).transpose()?;
        let owner = self.live_user("user", &new.user).await?;
        let created_at = now();
        for _ in 0..ATTEMPTS {
            let minted = key::mint().map_err(ControlError::Random)?;
            let stored = NewStoredKey {
                id: minted.id,
                secret_hash: minted.secret_hash,
                user: owner.id,
                name: new.name.clone(),
                workspace_id: new.workspace_id,
                created_at,
                expires_at: life.map(|life| created_at + life),
            };
            match self.0.store.insert_key(stored.clone()).await {
                Err(StoreError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    let key = view(StoredKey {
                        key: stored,
                        last_used_at: None,
                        owner: Some(owner),
                    });
                    let secret = SecretText::from(minted.whole);
                    return Ok(CreatedKey { key, secret });
                }
            }
        }
        Err(ControlError::conflict("id", "no free id was found"))
    }

    /// What is known of a key.
    ///
    /// # Errors
    /// When there is none.
    pub async fn key(&self, id: &str) -> Result<KeyView, ControlError> {
        let found = self.0.store.key(id).await?;
        found
            .map(view)
            .ok_or_else(|| ControlError::not_found("key", id))
    }

    /// Keys, of one user if given, in the order in which they were made.
    ///
    /// # Errors
    /// When there is no such user or the cursor is none.
    pub async fn keys(
        &self,
        user: Option<&str>,
        page: PageQuery,
    ) -> Result<Page<KeyView>, ControlError> {
        let user = self.user_id(user).await?;
        Ok(self.0.store.keys(user, page).await?)
    }

    /// Takes a key away. Gateways refuse it at once.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_key(&self, id: &str) -> Result<(), ControlError> {
        let this = self.clone();
        let id = id.to_owned();
        self.whole(async move {
            if !this.0.store.delete_key(&id).await? {
                return Err(ControlError::not_found("key", &id));
            }
            this.revoke(Revocation::Key(id));
            Ok(())
        })
        .await
    }
}

fn lifetime(seconds: u64) -> Result<SignedDuration, ControlError> {
    if !(1..=LONGEST_LIFE).contains(&seconds) {
        let message = format!("must be between 1 and {LONGEST_LIFE}");
        return Err(ControlError::invalid("lifetime_seconds", message));
    }
    Ok(SignedDuration::from_secs(seconds.cast_signed()))
}

fn view(stored: StoredKey) -> KeyView {
    let StoredKey {
        key,
        last_used_at,
        owner,
    } = stored;
    KeyView {
        id: key.id,
        user: UserRef {
            id: key.user,
            username: owner.map(|owner| owner.username).unwrap_or_default(),
        },
        name: key.name,
        workspace_id: key.workspace_id,
        created_at: key.created_at,
        expires_at: key.expires_at,
        last_used_at,
    }
}
