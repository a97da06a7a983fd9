//! What there is to see: every family with its kind, its labels and its meaning.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::{MetricType, TypedMetric};

use super::labels::Labelled;

/// A family as operators know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its whole name. The samples of a histogram end with `_bucket`, `_sum` and `_count` besides.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The labels of its samples.
    pub labels: Vec<&'static str>,
    /// What it means.
    pub help: &'static str,
}

/// What each label says.
pub(super) const LABELS: [(&str, &str); 19] = [
    (
        "client",
        "name of the calling program, from a closed list; `Unknown` for the rest",
    ),
    (
        "credential",
        "`central` for keys of the organisation, `own` for those that callers bring",
    ),
    (
        "kind",
        "one word of a closed list that belongs to the family",
    ),
    ("label", "a label whose values come from outside"),
    ("limit", "which limit refused"),
    (
        "method",
        "the method of the request; `other` when it is not one of HTTP's usual ones",
    ),
    (
        "model",
        "the model as callers name it; `other` beyond the limit, and until the provider has answered a request for it with anything but a refusal",
    ),
    (
        "outcome",
        "of interceptions: `completed`, `failed`, `aborted` (the caller went away) or `cut` (the gateway was stopped); of injected calls: `answered`, `tool_error` (the tool says that it failed), `server_error`, `timed_out`, `not_made` (bad arguments, a tool that is gone, a limit) or `cancelled`",
    ),
    ("part", "a part of a request's time"),
    ("protocol", "the version of HTTP that is spoken"),
    ("provider", "name of a provider in the settings"),
    ("reason", "why, in one word of a closed list"),
    ("result", "how a caller was identified"),
    ("route", "route of the provider, from a closed list"),
    ("server", "name of a tool server"),
    (
        "state",
        "how many keys are `ready`, `rate_limited` or `unauthorized`, or connections `open`, `opening`, `failing` or `no_credential` (the user has none)",
    ),
    ("status", "`enabled`, `disabled` or `error`"),
    ("tool", "name of a tool; `other` beyond the limit"),
    (
        "user",
        "id of a user, only when users have figures of their own; `other` beyond the limit",
    ),
];

/// A metric that can be described without a sample.
pub(super) trait Shape {
    const KIND: MetricType;

    fn labels() -> Vec<&'static str>;
}

impl Shape for Counter {
    const KIND: MetricType = MetricType::Counter;

    fn labels() -> Vec<&'static str> {
        Vec::new()
    }
}

impl Shape for Gauge {
    const KIND: MetricType = MetricType::Gauge;

    fn labels() -> Vec<&'static str> {
        Vec::new()
    }
}

impl Shape for Histogram {
    const KIND: MetricType = MetricType::Histogram;

    fn labels() -> Vec<&'static str> {
        Vec::new()
    }
}

impl<L: Labelled, M: TypedMetric, C> Shape for Family<L, M, C> {
    const KIND: MetricType = M::TYPE;

    fn labels() -> Vec<&'static str> {
        L::names()
    }
}

/// The name that its samples have: counters end with `_total`.
pub(super) fn described(
    name: &str,
    kind: MetricType,
    labels: Vec<&'static str>,
    help: &'static str,
) -> Described {
    let (kind, end) = match kind {
        MetricType::Counter => ("counter", "_total"),
        MetricType::Gauge => ("gauge", ""),
        MetricType::Histogram => ("histogram", ""),
        MetricType::Info => ("info", ""),
        MetricType::Unknown => ("unknown", ""),
    };
    Described {
        name: format!("{PREFIX}_{name}{end}"),
        kind,
        labels,
        help,
    }
}

/// How the names of all families begin.
pub(super) const PREFIX: &str = "bridge";
