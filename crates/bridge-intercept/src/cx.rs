//! What is threaded through one request.

use std::sync::{Arc, OnceLock};

use bridge_auth::{Grant, Secret};
use bridge_record::InterceptionId;
use bridge_telemetry::Parts;
use bridge_telemetry::trace::Within;
use tokio::time::Instant;

use crate::ClientHint;
use crate::client_hint::shortened;

/// How much of a model's name is told to who watches, in characters.
const LONGEST_MODEL: usize = 128;

/// One request's surroundings. Made once when the caller is known, and only borrowed afterwards.
#[derive(Debug)]
pub struct Cx {
    /// Id of the request; the interception, if it becomes one, has the same.
    pub id: InterceptionId,
    /// When the head arrived.
    pub arrived: Instant,
    /// Who the caller is.
    pub grant: Arc<Grant>,
    /// The key by which the caller came in, for tool servers that take it. None when there are no
    /// tools, and where a host program vouched for the caller.
    pub own_key: Option<Secret>,
    /// Which program is calling.
    pub hint: ClientHint,
    /// Name of the host program in this process, for delegated requests.
    pub source: Option<String>,
    /// Workspace the host program vouches for; the grant's own otherwise.
    pub workspace_id: Option<String>,
    /// Correlation id from a proxy in front of the gateway.
    pub correlation_id: Option<String>,
    /// Session of the agent firewall in front of the caller, and the position in it.
    pub firewall: Option<FirewallMark>,
    /// Which model is asked for, for who watches: empty until the body has been read. Shortened.
    pub model: Arc<OnceLock<String>>,
    /// Where its time goes.
    pub parts: Arc<Parts>,
    /// Its place in its trace. Empty when traces are off.
    pub within: Within,
}

impl Cx {
    /// The body has been read, and this model is asked for.
    pub(crate) fn asks_for(&self, model: &str) {
        let _only_the_first_counts = self.model.set(shortened(model, LONGEST_MODEL));
    }
}

/// Where an agent firewall saw this request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirewallMark {
    /// Its session, a UUID.
    pub session_id: String,
    /// Position within the session.
    pub sequence_number: i32,
}
