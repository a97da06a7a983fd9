//! Who callers turned out to be, and whether the control plane can be asked about them.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Unit;

use super::Metrics;
use super::labels::{label_set, label_values};
use super::registrar::{Registrar, whole};

/// How a caller was identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthResult {
    /// A grant was found or given.
    Granted,
    /// No credential was presented.
    Missing,
    /// Something was presented that is no credential.
    Malformed,
    /// The credential is not good.
    Refused,
    /// Nobody could tell.
    Unavailable,
}

label_values!(AuthResult {
    Granted => "granted",
    Missing => "missing",
    Malformed => "malformed",
    Refused => "refused",
    Unavailable => "unavailable",
});

label_set! {
    struct AuthLabels {
        result: AuthResult,
    }
}

pub(super) struct Callers {
    authentications: Family<AuthLabels, Counter>,
    grace_grants: Counter,
    grants_kept: Gauge,
    control_connected: Gauge,
    control_away: Gauge,
    grace_left_seconds: Gauge,
}

impl Callers {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            authentications: to.add("authentications", "Callers identified, by result"),
            grace_grants: to.add(
                "grace_grants",
                "Requests let in on an earlier answer while the control plane was away",
            ),
            grants_kept: to.add("grants_kept", "Answers about callers that are kept now"),
            control_connected: to.add(
                "control_connected",
                "Whether there is a connection to the control plane",
            ),
            control_away: to.add(
                "control_away",
                "Whether the control plane is away: not connected, or not answering",
            ),
            grace_left_seconds: to.add_with_unit(
                "grace_left",
                "How long known callers are still let in while the control plane is away",
                Unit::Seconds,
                Gauge::default(),
            ),
        }
    }
}

impl Metrics {
    fn callers(&self) -> &Callers {
        &self.families().callers
    }

    /// A caller was identified, or not.
    pub fn authenticated(&self, result: AuthResult) {
        self.callers()
            .authentications
            .get_or_create(&AuthLabels { result })
            .inc();
    }

    /// A caller was let in on an earlier answer, because the control plane is away.
    pub fn granted_on_grace(&self) {
        self.callers().grace_grants.inc();
    }

    /// How things stand between the gateway and its control plane: whether there is a connection,
    /// how much of the grace is left during an outage, and how many answers are kept.
    pub fn control_plane_seen(
        &self,
        is_connected: bool,
        grace_left: Option<Duration>,
        grants: usize,
    ) {
        let callers = self.callers();
        callers.control_connected.set(i64::from(is_connected));
        callers.control_away.set(i64::from(grace_left.is_some()));
        let seconds = grace_left.unwrap_or_default().as_secs();
        callers.grace_left_seconds.set(whole(seconds));
        callers.grants_kept.set(whole(grants));
    }
}
