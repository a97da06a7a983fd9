//! Interceptions: how many, how long, and what they used.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use super::Metrics;
use super::labels::{Name, ProviderLabels, ReasonLabels, label_values};
use super::registrar::Registrar;

/// Upper bounds of the duration histogram, in seconds: turns of agents last from half a second to
/// many minutes.
const DURATION_BUCKETS: [f64; 9] = [0.5, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 600.0];

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
    pub provider: Arc<str>,
    /// Which route, from a closed list.
    pub route: &'static str,
    /// Name of the calling program, from a closed list.
    pub client: &'static str,
    /// How it ended.
    pub outcome: OutcomeLabel,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    provider: Name,
    kind: TokenKind,
}

pub(super) struct Interceptions {
    ended: Family<InterceptionLabels, Counter>,
    inflight: Family<ProviderLabels, Gauge>,
    seconds: Family<ProviderLabels, Histogram>,
    tokens: Family<TokenLabels, Counter>,
    observation_failures: Family<ReasonLabels, Counter>,
}

fn histogram() -> Histogram {
    Histogram::new(DURATION_BUCKETS)
}

impl Interceptions {
    pub(super) fn register(to: &mut Registrar<'_>) -> Self {
        Self {
            ended: to.add("interceptions", "Interceptions ended"),
            inflight: to.add("interceptions_inflight", "Interceptions running now"),
            seconds: to.add_with_unit(
                "interception_duration",
                "From the request's head to the end of its answer",
                Unit::Seconds,
                Family::new_with_constructor(histogram as fn() -> Histogram),
            ),
            tokens: to.add("tokens", "Tokens used; the kinds exclude each other"),
            observation_failures: to.add(
                "observation_failures",
                "Answers that were relayed but could not be followed to their end",
            ),
        }
    }
}

impl Metrics {
    fn interceptions(&self) -> &Interceptions {
        &self.families().interceptions
    }

    /// An interception began.
    pub fn interception_started(&self, provider: &Arc<str>) {
        let labels = ProviderLabels {
            provider: Name::from(provider),
        };
        self.interceptions().inflight.get_or_create(&labels).inc();
    }

    /// An interception ended after this long.
    pub fn interception_ended(&self, labels: &InterceptionLabels, elapsed: Duration) {
        let families = self.interceptions();
        let provider = ProviderLabels {
            provider: Name::from(&labels.provider),
        };
        families.inflight.get_or_create(&provider).dec();
        families.ended.get_or_create(labels).inc();
        families
            .seconds
            .get_or_create(&provider)
            .observe(elapsed.as_secs_f64());
    }

    /// Tokens of this kind were used. The kinds exclude each other, so their sum has a meaning.
    pub fn tokens(&self, provider: &Arc<str>, kind: TokenKind, count: u64) {
        let labels = TokenLabels {
            provider: Name::from(provider),
            kind,
        };
        let tokens = self.interceptions().tokens.get_or_create(&labels);
        tokens.inc_by(count);
    }

    /// An observer could not follow an answer that was relayed.
    pub fn observation_failed(&self, provider: &Arc<str>, reason: &'static str) {
        let labels = ReasonLabels {
            provider: Name::from(provider),
            reason,
        };
        self.interceptions()
            .observation_failures
            .get_or_create(&labels)
            .inc();
    }
}
