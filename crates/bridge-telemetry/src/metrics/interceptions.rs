//! Interceptions: how many, how long, and what they used.

use std::fmt;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use super::Metrics;
use super::labels::{Name, PerUser, ReasonLabels, label_set, label_values};
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

/// What an interception is counted under. Names from outside are bounded before they become labels.
#[derive(Clone, Copy)]
pub struct Subject<'s> {
    /// Name of the provider instance.
    pub provider: &'s Arc<str>,
    /// Which route, from a closed list.
    pub route: &'static str,
    /// Name of the calling program, from a closed list.
    pub client: &'static str,
    /// The model as it was asked for.
    pub model: &'s str,
    /// The user's id.
    pub user: &'s dyn fmt::Display,
}

label_set! {
    pub(super) struct EndLabels {
        pub(super) provider: Name,
        pub(super) model: Name,
        pub(super) route: &'static str,
        pub(super) client: &'static str,
        pub(super) outcome: OutcomeLabel,
    }
}

label_set! {
    pub(super) struct RouteLabels {
        pub(super) provider: Name,
        pub(super) model: Name,
        pub(super) route: &'static str,
    }
}

label_set! {
    pub(super) struct ModelLabels {
        pub(super) provider: Name,
        pub(super) model: Name,
    }
}

label_set! {
    pub(super) struct PromptLabels {
        pub(super) provider: Name,
        pub(super) model: Name,
        pub(super) client: &'static str,
    }
}

label_set! {
    pub(super) struct TokenLabels {
        pub(super) provider: Name,
        pub(super) model: Name,
        pub(super) client: &'static str,
        pub(super) kind: TokenKind,
    }
}

label_set! {
    pub(super) struct ToolLabels {
        pub(super) provider: Name,
        pub(super) model: Name,
        pub(super) tool: Name,
    }
}

pub(super) struct Interceptions {
    pub(super) ended: Family<PerUser<EndLabels>, Counter>,
    inflight: Family<RouteLabels, Gauge>,
    pub(super) seconds: Family<ModelLabels, Histogram>,
    pub(super) prompts: Family<PerUser<PromptLabels>, Counter>,
    pub(super) tokens: Family<PerUser<TokenLabels>, Counter>,
    pub(super) tools: Family<ToolLabels, Counter>,
    observation_failures: Family<ReasonLabels, Counter>,
}

fn histogram() -> Histogram {
    Histogram::new(DURATION_BUCKETS)
}

impl Interceptions {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            ended: to.add("interceptions", "Interceptions ended"),
            inflight: to.add("interceptions_inflight", "Interceptions running now"),
            seconds: to.add_with_unit(
                "interception_duration",
                "From the request's head to the end of its answer",
                Unit::Seconds,
                Family::new_with_constructor(histogram as fn() -> Histogram),
            ),
            prompts: to.add("prompts", "Prompts recorded"),
            tokens: to.add("tokens", "Tokens used; the kinds exclude each other"),
            tools: to.add("tool_selections", "Tools that models chose to call"),
            observation_failures: to.add(
                "observation_failures",
                "Answers that were relayed but could not be followed to their end",
            ),
        }
    }
}

/// An interception that runs. Dropping it says that it does no longer.
#[derive(Debug)]
#[must_use = "dropping it ends the interception"]
pub struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(super) fn interceptions(&self) -> &Interceptions {
        &self.families().interceptions
    }

    /// An interception began. A model that was never counted by its name runs as `other`.
    pub fn interception_began(&self, subject: &Subject<'_>) -> Running {
        let labels = RouteLabels {
            provider: Name::from(subject.provider),
            model: self.names().models.find(subject.model),
            route: subject.route,
        };
        let running = self.interceptions().inflight.get_or_create_owned(&labels);
        running.inc();
        Running(running)
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

impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("provider", self.provider)
            .field("route", &self.route)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}
