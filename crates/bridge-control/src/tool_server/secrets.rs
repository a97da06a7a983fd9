//! What is secret of tool servers and tokens, as it is sealed and opened.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Opened;
use crate::api::SecretText;
use crate::control::ControlServer;
use crate::sealing::{Belonging, SealingError};
use crate::store::{StoredToolServer, StoredUserToken};

/// What is secret of a tool server. The form in which it is sealed, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Secrets {
    /// Values of headers, by names in lower case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, SecretText>,
    /// The token for all users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<SecretText>,
    /// The secret at the authorization server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<SecretText>,
    /// It may hold a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proxy_url: Option<SecretText>,
}

/// What is secret of a user's token. The form in which it is sealed, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TokenSecrets {
    /// None when only a refresh token was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<SecretText>,
    /// With what another one is got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<SecretText>,
}

impl ControlServer {
    /// Seals the secrets of this server; nothing when it has none.
    pub(crate) async fn seal_secrets(
        &self,
        server: Uuid,
        secrets: &Secrets,
    ) -> Result<Option<Vec<u8>>, SealingError> {
        if *secrets == Secrets::default() {
            return Ok(None);
        }
        let text = written(secrets)?;
        self.seal(Belonging::Server(server), &text).await.map(Some)
    }

    /// A server with its secrets.
    pub(crate) async fn opened(&self, stored: StoredToolServer) -> Opened {
        let secrets = match &stored.sealed {
            None => Ok(Secrets::default()),
            Some(sealed) => self.open(Belonging::Server(stored.id), sealed).await,
        };
        Opened { stored, secrets }
    }

    /// Seals a user's token.
    pub(crate) async fn seal_token(
        &self,
        server: Uuid,
        user: Uuid,
        secrets: &TokenSecrets,
    ) -> Result<Vec<u8>, SealingError> {
        let text = written(secrets)?;
        self.seal(Belonging::Token { server, user }, &text).await
    }

    /// What is secret of a user's token.
    pub(crate) async fn open_token(
        &self,
        token: &StoredUserToken,
    ) -> Result<TokenSecrets, SealingError> {
        let belonging = Belonging::Token {
            server: token.server,
            user: token.user,
        };
        self.open(belonging, &token.sealed).await
    }

    async fn seal(&self, belonging: Belonging, text: &[u8]) -> Result<Vec<u8>, SealingError> {
        let inner = &self.0;
        inner.sealing.seal(&*inner.store, belonging, text).await
    }

    async fn open<T: DeserializeOwned>(
        &self,
        belonging: Belonging,
        sealed: &[u8],
    ) -> Result<T, SealingError> {
        let text = self.0.sealing.open(belonging, sealed).await?;
        // What serde says may quote the text.
        serde_json::from_slice(&text).map_err(|_| SealingError::Damaged)
    }
}

fn written(secrets: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, SealingError> {
    // Maps with texts as keys are always JSON.
    let text = serde_json::to_vec(secrets).map_err(|_| SealingError::Damaged)?;
    Ok(Zeroizing::new(text))
}
