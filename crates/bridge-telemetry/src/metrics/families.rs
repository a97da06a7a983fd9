//! Every family with its name, its help and its labels.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};

/// Upper bounds of the duration histogram, in seconds: turns of agents last from half a second to
/// many minutes.
const DURATION_BUCKETS: [f64; 9] = [0.5, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 600.0];

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

/// What kind of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Input without cache reads and writes.
    Input,
    /// Output, reasoning included.
    Output,
    /// Input read from the provider's cache.
    CacheRead,
    /// Input written to the provider's cache.
    CacheWrite,
}

/// How an interception ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutcomeLabel {
    /// Whole.
    Completed,
    /// The provider refused, broke off or could not be reached.
    Failed,
    /// The caller went away.
    Aborted,
    /// The gateway was shut down.
    Cut,
}

macro_rules! label_values {
    ($name:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                match self {
                    $(Self::$variant => $text,)+
                }
                .encode(encoder)
            }
        }
    };
}

label_values!(AuthResult {
    Granted => "granted",
    Missing => "missing",
    Malformed => "malformed",
    Refused => "refused",
    Unavailable => "unavailable",
});
label_values!(TokenKind {
    Input => "input",
    Output => "output",
    CacheRead => "cache_read",
    CacheWrite => "cache_write",
});
label_values!(OutcomeLabel {
    Completed => "completed",
    Failed => "failed",
    Aborted => "aborted",
    Cut => "cut",
});

/// Labels of an interception.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct InterceptionLabels {
    /// Name of the provider instance.
    pub provider: String,
    /// Which route, from a closed list.
    pub route: &'static str,
    /// Name of the calling program, from a closed list.
    pub client: &'static str,
    /// How it ended.
    pub outcome: OutcomeLabel,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ProviderLabels {
    pub(super) provider: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TokenLabels {
    pub(super) provider: String,
    pub(super) kind: TokenKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PassthroughLabels {
    pub(super) provider: String,
    pub(super) route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReasonLabels {
    pub(super) provider: String,
    pub(super) reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub(super) kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AuthLabels {
    pub(super) result: AuthResult,
}

pub(super) struct Families {
    pub(super) connections: Counter,
    pub(super) connections_open: Gauge,
    pub(super) connections_full: Counter,
    pub(super) request_failures: Family<KindLabels, Counter>,
    pub(super) authentications: Family<AuthLabels, Counter>,
    pub(super) grace_grants: Counter,
    pub(super) grants_kept: Gauge,
    pub(super) control_connected: Gauge,
    pub(super) control_away: Gauge,
    pub(super) grace_left_seconds: Gauge,
    pub(super) readiness: Gauge,
    pub(super) interceptions: Family<InterceptionLabels, Counter>,
    pub(super) interceptions_inflight: Family<ProviderLabels, Gauge>,
    pub(super) interception_seconds: Family<ProviderLabels, Histogram>,
    pub(super) tokens: Family<TokenLabels, Counter>,
    pub(super) passthroughs: Family<PassthroughLabels, Counter>,
    pub(super) upstream_failures: Family<ReasonLabels, Counter>,
    pub(super) observation_failures: Family<ReasonLabels, Counter>,
    pub(super) aftercare_running: Gauge,
    pub(super) aftercare: Family<KindLabels, Counter>,
    pub(super) records_waiting: Gauge,
    pub(super) records_waiting_bytes: Gauge,
    pub(super) records_delivered: Counter,
    pub(super) records_refused: Counter,
    pub(super) delivery_failures: Counter,
    pub(super) records_not_kept: Counter,
    pub(super) journal_bytes: Gauge,
    pub(super) journal_segments: Gauge,
    pub(super) journal_oldest: Gauge,
    pub(super) journal_full: Gauge,
    pub(super) journal_failing: Gauge,
    pub(super) journal_syncs: Counter,
    pub(super) journal_failures: Counter,
    pub(super) journal_damaged: Counter,
    pub(super) pool_acquisitions: Family<KindLabels, Counter>,
    pub(super) pool_evictions: Family<KindLabels, Counter>,
    pub(super) reloads: Family<KindLabels, Counter>,
    pub(super) settings_reloads: Family<KindLabels, Counter>,
    pub(super) requests_running: Gauge,
    pub(super) generation: Gauge,
    pub(super) gateways_connected: Gauge,
    pub(super) gateway_refusals: Family<KindLabels, Counter>,
    pub(super) gateway_heartbeat_failures: Counter,
}

fn histogram() -> Histogram {
    Histogram::new(DURATION_BUCKETS)
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut to = Registrar(registry);
        Self {
            connections: to.add("connections", "Downstream connections accepted"),
            connections_open: to.add("connections_open", "Downstream connections open now"),
            connections_full: to.add(
                "connections_full",
                "Times that accepting waited because as many connections were open as may be",
            ),
            request_failures: to.add(
                "request_failures",
                "Requests the gateway itself answered with a failure",
            ),
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
            readiness: to.add(
                "readiness",
                "Whether traffic can flow: 2 ready, 1 degraded, 0 not ready",
            ),
            interceptions: to.add("interceptions", "Interceptions ended"),
            interceptions_inflight: to.add("interceptions_inflight", "Interceptions running now"),
            interception_seconds: to.add_with_unit(
                "interception_duration",
                "From the request's head to the end of its answer",
                Unit::Seconds,
                Family::new_with_constructor(histogram as fn() -> Histogram),
            ),
            tokens: to.add("tokens", "Tokens used; the kinds exclude each other"),
            passthroughs: to.add("passthroughs", "Requests passed through unrecorded"),
            upstream_failures: to.add("upstream_failures", "Failed exchanges with providers"),
            observation_failures: to.add(
                "observation_failures",
                "Answers that were relayed but could not be followed to their end",
            ),
            aftercare_running: to.add(
                "aftercare_running",
                "Answers whose callers have left and that are read on now",
            ),
            aftercare: to.add(
                "aftercare",
                "Answers whose callers had left and that were read on, or could not be",
            ),
            records_waiting: to.add("records_waiting", "Records not yet delivered"),
            records_waiting_bytes: to.add_with_unit(
                "records_waiting",
                "Records not yet delivered, in memory",
                Unit::Bytes,
                Gauge::default(),
            ),
            records_delivered: to.add("records_delivered", "Records the control plane keeps"),
            records_refused: to.add("records_refused", "Records the control plane will not take"),
            delivery_failures: to.add("delivery_failures", "Batches that must be delivered again"),
            records_not_kept: to.add("records_not_kept", "Records there was no room for"),
            journal_bytes: to.add_with_unit(
                "journal",
                "Segments of the journal on the disk",
                Unit::Bytes,
                Gauge::default(),
            ),
            journal_segments: to.add("journal_segments", "Segments of the journal"),
            journal_oldest: to.add(
                "journal_oldest_timestamp_seconds",
                "When the oldest record was made that is not acknowledged; 0 when all are",
            ),
            journal_full: to.add(
                "journal_full",
                "Whether the journal holds as much as it may",
            ),
            journal_failing: to.add("journal_failing", "Whether the journal's disk refuses"),
            journal_syncs: to.add("journal_syncs", "Groups of records that were synced"),
            journal_failures: to.add("journal_failures", "Groups of records the disk refused"),
            journal_damaged: to.add(
                "journal_damaged_segments",
                "Segments of the journal found damaged or missing",
            ),
            pool_acquisitions: to.add("pool_acquisitions", "Handlers found or built"),
            pool_evictions: to.add("pool_evictions", "Handlers taken out of the pool"),
            requests_running: to.add("requests_running", "Requests that run"),
            settings_reloads: to.add(
                "settings_reloads",
                "Configurations read again and taken or refused",
            ),
            reloads: to.add("reloads", "Provider sets taken or refused"),
            generation: to.add("generation", "Number of the provider set in use"),
            gateways_connected: to.add(
                "gateways_connected",
                "Connections of gateways on other machines that have proven a key",
            ),
            gateway_refusals: to.add("gateway_refusals", "Calls of gateways refused"),
            gateway_heartbeat_failures: to.add(
                "gateway_heartbeat_failures",
                "Times that the store did not note that a gateway is connected",
            ),
        }
    }
}

struct Registrar<'a>(&'a mut Registry);

impl Registrar<'_> {
    fn add<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        let metric = M::default();
        self.0.register(name, help, metric.clone());
        metric
    }

    fn add_with_unit<M: Metric + Clone>(
        &mut self,
        name: &str,
        help: &str,
        unit: Unit,
        metric: M,
    ) -> M {
        self.0.register_with_unit(name, help, unit, metric.clone());
        metric
    }
}
