//! Counters for the operator. Others report events; names and labels are decided here.

mod families;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;

use self::families::{
    AuthLabels, Families, KindLabels, PassthroughLabels, ProviderLabels, ReasonLabels, TokenLabels,
};
pub use self::families::{AuthResult, InterceptionLabels, OutcomeLabel, TokenKind};

/// How a journal is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JournalFigures {
    /// Bytes of all segments.
    pub bytes: u64,
    /// How many segments there are.
    pub segments: usize,
    /// When the oldest record was made that is not acknowledged, in milliseconds since 1970.
    pub oldest_millis: Option<u64>,
    /// Whether it holds as much as it may.
    pub is_full: bool,
    /// Whether the disk refuses.
    pub is_failing: bool,
}

/// Whether traffic can flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Readiness {
    /// It cannot.
    NotReady,
    /// It does, and somebody should look.
    Degraded,
    /// It does.
    Ready,
}

/// All families of the process. Cloning shares them.
///
/// Labels are names of configured providers, routes from a closed list, client names from a closed
/// list and closed enums: nothing a caller writes becomes a series.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    families: Families,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("bridge");
        let families = Families::register(&mut registry);
        Self(Arc::new(Inner { registry, families }))
    }
}

impl Metrics {
    /// The content type of [`Metrics::expose`].
    pub const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All families in the OpenMetrics text format.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut text = String::new();
        // Writing to a String fails only when it cannot grow.
        let _ignored = prometheus_client::encoding::text::encode(&mut text, &self.0.registry);
        text
    }

    fn families(&self) -> &Families {
        &self.0.families
    }

    /// A downstream connection was opened.
    pub fn connection_opened(&self) {
        self.families().connections_open.inc();
        self.families().connections.inc();
    }

    /// A downstream connection ended.
    pub fn connection_closed(&self) {
        self.families().connections_open.dec();
    }

    /// Connections wait because as many are open as may be.
    pub fn connections_full(&self) {
        self.families().connections_full.inc();
    }

    /// The gateway answered a request with an error of its own, of this kind.
    pub fn request_failed(&self, kind: &'static str) {
        self.families()
            .request_failures
            .get_or_create(&KindLabels { kind })
            .inc();
    }

    /// A gateway has proven its key to the control plane.
    pub fn gateway_connected(&self) {
        self.families().gateways_connected.inc();
    }

    /// A connection of such a gateway ended.
    pub fn gateway_disconnected(&self) {
        self.families().gateways_connected.dec();
    }

    /// The control plane refused a call of a gateway, for this reason.
    pub fn gateway_refused(&self, kind: &'static str) {
        self.families()
            .gateway_refusals
            .get_or_create(&KindLabels { kind })
            .inc();
    }

    /// The control plane could not note that a gateway is connected.
    pub fn gateway_heartbeat_failed(&self) {
        self.families().gateway_heartbeat_failures.inc();
    }

    /// A caller was identified, or not.
    pub fn authenticated(&self, result: AuthResult) {
        self.families()
            .authentications
            .get_or_create(&AuthLabels { result })
            .inc();
    }

    /// A caller was let in on an earlier answer, because the control plane is away.
    pub fn granted_on_grace(&self) {
        self.families().grace_grants.inc();
    }

    /// How things stand between the gateway and its control plane: whether there is a connection,
    /// how much of the grace is left during an outage, and how many answers are kept.
    pub fn control_plane_seen(
        &self,
        is_connected: bool,
        grace_left: Option<Duration>,
        grants: usize,
    ) {
        let families = self.families();
        families.control_connected.set(i64::from(is_connected));
        families.control_away.set(i64::from(grace_left.is_some()));
        let seconds = grace_left.unwrap_or_default().as_secs();
        families
            .grace_left_seconds
            .set(i64::try_from(seconds).unwrap_or(i64::MAX));
        families
            .grants_kept
            .set(i64::try_from(grants).unwrap_or(i64::MAX));
    }

    /// Whether traffic can flow.
    pub fn readiness(&self, readiness: Readiness) {
        self.families().readiness.set(match readiness {
            Readiness::NotReady => 0,
            Readiness::Degraded => 1,
            Readiness::Ready => 2,
        });
    }

    /// An interception began.
    pub fn interception_started(&self, provider: &Arc<str>) {
        let labels = ProviderLabels {
            provider: provider.to_string(),
        };
        self.families()
            .interceptions_inflight
            .get_or_create(&labels)
            .inc();
    }

    /// An interception ended after this long.
    pub fn interception_ended(&self, labels: &InterceptionLabels, elapsed: Duration) {
        let families = self.families();
        let provider = ProviderLabels {
            provider: labels.provider.clone(),
        };
        families
            .interceptions_inflight
            .get_or_create(&provider)
            .dec();
        families.interceptions.get_or_create(labels).inc();
        families
            .interception_seconds
            .get_or_create(&provider)
            .observe(elapsed.as_secs_f64());
    }

    /// Tokens of this kind were used. The kinds exclude each other, so their sum has a meaning.
    pub fn tokens(&self, provider: &str, kind: TokenKind, count: u64) {
        let labels = TokenLabels {
            provider: provider.to_owned(),
            kind,
        };
        self.families().tokens.get_or_create(&labels).inc_by(count);
    }

    /// A request was passed through without being recorded.
    pub fn passed_through(&self, provider: &str, route: &'static str) {
        let labels = PassthroughLabels {
            provider: provider.to_owned(),
            route,
        };
        self.families().passthroughs.get_or_create(&labels).inc();
    }

    /// An exchange with a provider failed in this way.
    pub fn upstream_failed(&self, provider: &str, reason: &'static str) {
        let labels = ReasonLabels {
            provider: provider.to_owned(),
            reason,
        };
        self.families()
            .upstream_failures
            .get_or_create(&labels)
            .inc();
    }

    /// An observer could not follow an answer that was relayed.
    pub fn observation_failed(&self, provider: &str, reason: &'static str) {
        let labels = ReasonLabels {
            provider: provider.to_owned(),
            reason,
        };
        self.families()
            .observation_failures
            .get_or_create(&labels)
            .inc();
    }

    /// An answer whose caller left is read on.
    pub fn aftercare_began(&self) {
        self.families().aftercare_running.inc();
    }

    /// An answer is read on no longer.
    pub fn aftercare_left(&self) {
        self.families().aftercare_running.dec();
    }

    /// This is how reading an answer on ended, or that it could not begin.
    pub fn aftercare_ended(&self, how: &'static str) {
        self.families()
            .aftercare
            .get_or_create(&KindLabels { kind: how })
            .inc();
    }

    /// How much waits to be delivered to the control plane.
    pub fn records_waiting(&self, records: usize, bytes: usize) {
        let families = self.families();
        families
            .records_waiting
            .set(i64::try_from(records).unwrap_or(i64::MAX));
        families
            .records_waiting_bytes
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// The control plane keeps these records now, except the refused ones.
    pub fn records_delivered(&self, delivered: u64, refused: u64) {
        self.families().records_delivered.inc_by(delivered);
        self.families().records_refused.inc_by(refused);
    }

    /// A batch was not kept and will be delivered again.
    pub fn delivery_failed(&self) {
        self.families().delivery_failures.inc();
    }

    /// How the journal is now.
    pub fn journal(&self, figures: JournalFigures) {
        let families = self.families();
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        families.journal_bytes.set(whole(figures.bytes));
        families
            .journal_segments
            .set(whole(figures.segments as u64));
        let oldest = figures.oldest_millis.unwrap_or(0) / 1_000;
        families.journal_oldest.set(whole(oldest));
        families.journal_full.set(i64::from(figures.is_full));
        families.journal_failing.set(i64::from(figures.is_failing));
    }

    /// A group of records is on the disk.
    pub fn journal_synced(&self) {
        self.families().journal_syncs.inc();
    }

    /// The disk refused a group of records.
    pub fn journal_failed(&self) {
        self.families().journal_failures.inc();
    }

    /// This many more segments of the journal are damaged or missing.
    pub fn journal_damaged(&self, segments: u64) {
        self.families().journal_damaged.inc_by(segments);
    }

    /// There was no room for this many records, which are gone.
    pub fn records_not_kept(&self, records: u64) {
        self.families().records_not_kept.inc_by(records);
    }

    /// A handler was built or found.
    pub fn pool_acquired(&self, how: &'static str) {
        self.families()
            .pool_acquisitions
            .get_or_create(&KindLabels { kind: how })
            .inc();
    }

    /// A handler was taken out of the pool.
    pub fn pool_evicted(&self, why: &'static str) {
        self.families()
            .pool_evictions
            .get_or_create(&KindLabels { kind: why })
            .inc();
    }

    /// How many requests run.
    pub fn requests_running(&self, requests: usize) {
        let requests = i64::try_from(requests).unwrap_or(i64::MAX);
        self.families().requests_running.set(requests);
    }

    /// The configuration was read again and taken, or refused.
    pub fn settings_reloaded(&self, taken: bool) {
        let kind = if taken { "taken" } else { "refused" };
        self.families()
            .settings_reloads
            .get_or_create(&KindLabels { kind })
            .inc();
    }

    /// A new set of providers was taken, or refused.
    pub fn reloaded(&self, generation: u64, taken: bool) {
        let families = self.families();
        let kind = if taken { "taken" } else { "refused" };
        families.reloads.get_or_create(&KindLabels { kind }).inc();
        if taken {
            families
                .generation
                .set(i64::try_from(generation).unwrap_or(i64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_samples() {
        let metrics = Metrics::default();
        metrics.connection_opened();
        metrics.interception_started(&Arc::from("anthropic"));
        let labels = InterceptionLabels {
            provider: "anthropic".to_owned(),
            route: "/v1/messages",
            client: "Claude Code",
            outcome: OutcomeLabel::Completed,
        };
        metrics.interception_ended(&labels, Duration::from_millis(700));
        metrics.tokens("anthropic", TokenKind::CacheRead, 7);
        let text = metrics.expose();
        for sample in [
            "bridge_connections_total 1",
            "bridge_connections_open 1",
            "bridge_interceptions_inflight{provider=\"anthropic\"} 0",
            "client=\"Claude Code\"",
            "bridge_interception_duration_seconds_bucket{le=\"1.0\",provider=\"anthropic\"} 1",
            "bridge_tokens_total{provider=\"anthropic\",kind=\"cache_read\"} 7",
        ] {
            assert!(text.contains(sample), "{sample} is not in\n{text}");
        }
    }
}
