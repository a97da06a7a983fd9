//! What one identity presents to one server, kept fresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bridge_auth::Secret;
use bridge_telemetry::wall_clock;
use bridge_upstream::BoundCredential;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use crate::{
    AuthorityError, Caller, Credential, McpError, Renewal, Server, ToolAuthority, UserToken,
};

/// How long before its end a token is replaced.
const EARLY: Duration = Duration::from_secs(30);

/// One server for one identity.
pub(crate) struct Access {
    pub(crate) server: Arc<Server>,
    caller: Arc<Caller>,
    authority: Arc<dyn ToolAuthority>,
    /// How long the authority may take.
    patience: Duration,
    held: Mutex<Held>,
    /// Held by the one who asks the authority; the others wait for what it hears.
    asking: tokio::sync::Mutex<Away>,
    asked: Asked,
}

/// Until when an authority that did not answer is not asked again for what is still good.
type Away = Option<Instant>;

/// How often the authority was asked, whatever it said.
#[derive(Default)]
struct Asked {
    expiring: AtomicU64,
    refused: AtomicU64,
}

impl Asked {
    fn of(&self, why: Renewal) -> &AtomicU64 {
        match why {
            Renewal::Expiring => &self.expiring,
            Renewal::Refused => &self.refused,
        }
    }
}

/// What is presented now.
#[derive(Clone)]
struct Held {
    /// The user's token, where the server wants one.
    token: Option<UserToken>,
    credential: Option<BoundCredential>,
    secret: Option<Secret>,
}

impl Access {
    /// # Errors
    /// When there is nothing to present to a server that wants something.
    pub(crate) fn try_new(
        server: Arc<Server>,
        caller: &Arc<Caller>,
        authority: &Arc<dyn ToolAuthority>,
        patience: Duration,
        token: Option<UserToken>,
    ) -> Result<Self, McpError> {
        let held = Held::of(&server, caller, token)?;
        Ok(Self {
            server,
            caller: Arc::clone(caller),
            authority: Arc::clone(authority),
            patience,
            held: Mutex::new(held),
            asking: tokio::sync::Mutex::default(),
            asked: Asked::default(),
        })
    }

    /// Takes what the authority says now. Whether that is something else than before.
    pub(crate) fn update(&self, token: Option<UserToken>) -> Result<bool, McpError> {
        if self.held.lock().token == token {
            return Ok(false);
        }
        *self.held.lock() = Held::of(&self.server, &self.caller, token)?;
        Ok(true)
    }

    /// What to present now; replaced first when it is about to expire. The second value is for
    /// [`Access::refused`].
    pub(crate) async fn credential(
        &self,
    ) -> Result<(Option<BoundCredential>, Option<UserToken>), McpError> {
        let held = self.held.lock().clone();
        let expiring = held.token.as_ref();
        let expiring = expiring.filter(|token| expires_within(token, EARLY));
        if let Some(token) = expiring {
            // While there is no other, what is held is good until its end, and longer where nobody
            // knows better.
            if let Err(error) = self.renew(token, Renewal::Expiring).await
                && error.is_final()
                && expires_within(token, Duration::ZERO)
            {
                return Err(McpError::NoToken(error));
            }
        }
        let held = self.held.lock().clone();
        Ok((held.credential, held.token))
    }

    /// Masks what is presented wherever it stands in a text: there are servers that repeat it when
    /// they refuse it.
    pub(crate) fn mask(&self, text: String) -> String {
        let secret = self.held.lock().secret.clone();
        let headers = self.server.spec().headers.iter().map(|(_, value)| value);
        let all = secret.iter().chain(headers);
        all.fold(text, |text, secret| secret.mask_in(text))
    }

    /// The server has refused what was presented with this token. Whether there is another one now.
    pub(crate) async fn refused(&self, token: Option<&UserToken>) -> Result<bool, McpError> {
        let Some(token) = token else {
            return Ok(false);
        };
        let renewed = self.renew(token, Renewal::Refused).await;
        renewed.map_err(McpError::NoToken)?;
        let held = self.held.lock();
        Ok(held.token.as_ref().map(|token| &token.secret) != Some(&token.secret))
    }

    /// Asks the authority, unless somebody else has meanwhile, for the same reason or with another
    /// token as the answer. A call that waits for it waits for one question, not for one after the
    /// other.
    async fn renew(&self, had: &UserToken, why: Renewal) -> Result<(), AuthorityError> {
        let asked = self.asked.of(why);
        let before = asked.load(Ordering::SeqCst);
        let mut away = self.asking.lock().await;
        let is_other = self.held.lock().token.as_ref() != Some(had);
        let is_away = why == Renewal::Expiring && away.is_some_and(|until| Instant::now() < until);
        if is_other || is_away || asked.load(Ordering::SeqCst) != before {
            return Ok(());
        }
        let token = self.authority.token(&self.caller, &self.server, had, why);
        let token = timeout(self.patience, token).await;
        asked.fetch_add(1, Ordering::SeqCst);
        let token = token.map_err(|late| AuthorityError::Unavailable(Box::new(late)));
        let token = token.and_then(|token| token);
        let is_silent = matches!(token, Err(AuthorityError::Unavailable(_)));
        *away = is_silent.then(|| Instant::now() + self.patience);
        // Only a missing token can fail here.
        if let Ok(held) = Held::of(&self.server, &self.caller, Some(token?)) {
            *self.held.lock() = held;
        }
        Ok(())
    }
}

impl Held {
    fn of(server: &Server, caller: &Caller, token: Option<UserToken>) -> Result<Self, McpError> {
        let secret = match &server.spec().credential {
            Credential::None => None,
            Credential::Token(secret) => Some(secret.clone()),
            Credential::CallersKey => Some(caller.own_key.clone().ok_or(McpError::NoKey)?),
            Credential::Users => {
                let missing = || AuthorityError::NoToken("none is stored".to_owned());
                let token = token.as_ref().ok_or_else(missing);
                Some(token.map_err(McpError::NoToken)?.secret.clone())
            }
        };
        let bearer = secret.as_ref().map(bearer).transpose()?;
        let bearer = bearer.map(|value| (AUTHORIZATION, value));
        let headers: Vec<_> = server.headers().iter().cloned().chain(bearer).collect();
        let credential = (!headers.is_empty()).then(|| server.endpoint().bind_headers(headers));
        Ok(Self {
            token,
            credential,
            secret,
        })
    }
}

fn bearer(secret: &Secret) -> Result<HeaderValue, McpError> {
    let value = HeaderValue::from_str(&format!("Bearer {}", secret.expose()));
    value.map_err(|_| {
        let why = "it has characters that no header can have".to_owned();
        McpError::NoToken(AuthorityError::NoToken(why))
    })
}

fn expires_within(token: &UserToken, time: Duration) -> bool {
    let end = token.expires_at;
    end.is_some_and(|end| end <= wall_clock() + time)
}

#[cfg(test)]
mod tests;
