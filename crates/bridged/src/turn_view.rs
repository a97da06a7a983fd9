//! A running request, as the operator's API shows it.

use bridge_gateway::RunningTurn;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A request that runs. Fields are null while they are not known yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct TurnView {
    /// Its id, which is also the interception's.
    pub(crate) id: String,
    /// The user's id.
    pub(crate) user_id: Option<String>,
    /// The user's login name.
    pub(crate) username: Option<String>,
    /// Id of the user key.
    pub(crate) key_id: Option<String>,
    /// Name of the calling program.
    pub(crate) client: Option<String>,
    /// Name of the provider.
    pub(crate) provider: Option<String>,
    /// Which route of the provider.
    pub(crate) route: Option<String>,
    /// The model that was asked for.
    pub(crate) model: Option<String>,
    /// Whether it is relayed without being recorded.
    pub(crate) passthrough: bool,
    /// Its method.
    pub(crate) method: String,
    /// Its path, without the query.
    pub(crate) path: String,
    /// When its head arrived.
    #[schema(value_type = String, format = "date-time")]
    pub(crate) since: Timestamp,
    /// How long ago that was.
    pub(crate) elapsed_ms: u64,
    /// The status that was sent, once the answer has begun.
    pub(crate) status: Option<u16>,
    /// Bytes of the answer's body so far.
    pub(crate) bytes: u64,
    /// The generation it runs on.
    pub(crate) generation: u64,
}

impl TurnView {
    /// Shows a request.
    pub(crate) fn of(turn: &RunningTurn) -> Self {
        let known = turn.known.as_ref();
        Self {
            id: turn.id.to_string(),
            user_id: known.map(|known| known.grant.actor.id.to_string()),
            username: known.map(|known| known.grant.actor.username.clone()),
            key_id: known.map(|known| known.grant.api_key_id.clone()),
            client: known.map(|known| known.client.to_owned()),
            provider: known.map(|known| known.provider.to_string()),
            route: known.map(|known| known.route.to_owned()),
            model: turn.model.clone(),
            passthrough: known.is_some_and(|known| known.is_passthrough),
            method: turn.method.to_string(),
            path: turn.path.clone(),
            // A clock before the epoch or after the year 9999 shows as the epoch.
            since: Timestamp::try_from(turn.since).unwrap_or_default(),
            elapsed_ms: u64::try_from(turn.elapsed.as_millis()).unwrap_or(u64::MAX),
            status: turn.status.map(|status| status.as_u16()),
            bytes: turn.bytes,
            generation: turn.generation,
        }
    }
}
