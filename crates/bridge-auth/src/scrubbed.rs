//! Headers that have been through the policy.

use std::fmt;

use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::hygiene::{SECRET, X_API_KEY};
use crate::scheme::Reading;
use crate::{Actor, HeaderPolicy, Secret};

/// Headers that may go on to a provider. Only [`HeaderPolicy::admit`] makes them, so a function
/// that takes them need not ask whether the organisation's credential is still inside.
#[derive(Clone, PartialEq, Eq)]
pub struct Scrubbed(HeaderMap);

impl Scrubbed {
    pub(crate) fn new(headers: HeaderMap) -> Self {
        Self(headers)
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0
    }

    /// The headers, for the transport, which adds what is its own: `Host`, the length, and the
    /// credential for the provider.
    #[must_use]
    pub fn into_headers(self) -> HeaderMap {
        self.0
    }

    /// Takes every value of a header out.
    pub fn remove(&mut self, name: &HeaderName) {
        self.0.remove(name);
    }

    /// Takes out every header in which one provider or another takes a credential: beside the
    /// operator's none may stand, because the provider might look at the wrong one.
    pub fn remove_credentials(&mut self) {
        for name in SECRET {
            self.0.remove(name);
        }
    }

    /// Takes out every header whose name begins so.
    pub fn remove_all(&mut self, beginning: &str) {
        let named = self
            .0
            .keys()
            .filter(|name| name.as_str().starts_with(beginning));
        let doomed: Vec<HeaderName> = named.cloned().collect();
        for name in doomed {
            self.0.remove(name);
        }
    }

    /// What goes on is not the caller's body but JSON that was made of it: the headers that describe
    /// a body say so, and the answer is asked for in JSON without an encoding.
    pub fn describe_json(&mut self) {
        self.0.remove(CONTENT_ENCODING);
        self.0.remove(ACCEPT_ENCODING);
        let json = HeaderValue::from_static("application/json");
        self.0.insert(CONTENT_TYPE, json.clone());
        self.0.insert(ACCEPT, json);
    }

    /// The caller's own key for a provider, from `X-Api-Key`: the first value, trimmed, when it is
    /// text and not blank. There is none unless the caller is in own-key mode.
    #[must_use]
    pub fn own_api_key(&self) -> Option<Secret> {
        let key = Reading::whole(self.0.get(&X_API_KEY)).text()?;
        Some(Secret::new(key.to_owned()))
    }

    /// The caller's own bearer token for a provider, from `Authorization`: of the first value, when
    /// it is well formed. There is none unless the caller is in own-key mode.
    #[must_use]
    pub fn own_bearer(&self) -> Option<Secret> {
        let token = Reading::bearer(self.0.get(AUTHORIZATION)).text()?;
        Some(Secret::new(token.to_owned()))
    }

    /// Tells the provider who is asking, in the headers that the policy has for it. An attribute
    /// that is empty or cannot be a header value, for example a name with a line break, is left
    /// out.
    pub fn name_actor(&mut self, actor: &Actor, policy: &HeaderPolicy) {
        let names = policy.actor_headers();
        let attributes = [
            (&names.id, Some(actor.id.to_string())),
            (&names.username, Some(actor.username.clone())),
            (&names.email, actor.email.clone()),
        ];
        for (name, attribute) in attributes {
            if let (Some(name), Some(attribute)) = (name, attribute) {
                self.insert(name, attribute);
            }
        }
    }

    /// Tells the provider which trace the request belongs to (W3C Trace Context), in place of what
    /// the caller said of it. A text that cannot be a header value is left out.
    pub fn tell_trace(&mut self, traceparent: String, tracestate: Option<&str>) {
        let state = tracestate.unwrap_or_default().to_owned();
        self.insert(&HeaderName::from_static("traceparent"), traceparent);
        self.insert(&HeaderName::from_static("tracestate"), state);
    }

    fn insert(&mut self, name: &HeaderName, text: String) {
        match HeaderValue::try_from(text.into_bytes()) {
            Ok(value) if !value.is_empty() => self.0.insert(name, value),
            Ok(_) | Err(_) => self.0.remove(name),
        };
    }
}

/// Shows names only: a header that this crate does not know may hold a secret too.
impl fmt::Debug for Scrubbed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
