//! Which of our families is which of the other's.

/// One family under its other name. Names have no prefix, and counters no `_total`.
pub(super) struct Alias {
    pub(super) ours: &'static str,
    pub(super) theirs: &'static str,
    pub(super) labels: &'static [Label],
    pub(super) join: Join,
    pub(super) is_counter: bool,
}

/// What becomes of samples that differ in nothing that the other tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// They are added up.
    Sum,
    /// The highest counts.
    Worst,
}

/// A label of the other.
pub(super) struct Label {
    pub(super) theirs: &'static str,
    /// Our label with the same meaning; nothing when its value is always the same.
    pub(super) ours: Option<&'static str>,
    pub(super) always: &'static str,
    /// Values that are spelled differently, as ours and theirs.
    pub(super) values: &'static [(&'static str, &'static str)],
}

const fn same(name: &'static str) -> Label {
    renamed(name, name)
}

const fn renamed(theirs: &'static str, ours: &'static str) -> Label {
    respelled(theirs, ours, &[])
}

const fn respelled(
    theirs: &'static str,
    ours: &'static str,
    values: &'static [(&'static str, &'static str)],
) -> Label {
    Label {
        theirs,
        ours: Some(ours),
        always: "",
        values,
    }
}

const fn always(theirs: &'static str, value: &'static str) -> Label {
    Label {
        theirs,
        ours: None,
        always: value,
        values: &[],
    }
}

/// Gauges and histograms.
const fn sum(ours: &'static str, theirs: &'static str, labels: &'static [Label]) -> Alias {
    Alias {
        ours,
        theirs,
        labels,
        join: Join::Sum,
        is_counter: false,
    }
}

const fn counter(ours: &'static str, theirs: &'static str, labels: &'static [Label]) -> Alias {
    Alias {
        is_counter: true,
        ..sum(ours, theirs, labels)
    }
}

/// The breaker's labels there: the credential is not told apart.
const BREAKER: &[Label] = &[
    renamed("endpoint", "route"),
    same("model"),
    same("provider"),
];

/// Every alias, in the order of the other's documentation. Empty values stand for users without
/// figures of their own.
pub(super) const ALIASES: [Alias; 18] = [
    counter(
        "interceptions",
        "interceptions",
        &[
            same("client"),
            renamed("initiator_id", "user"),
            always("method", "POST"),
            same("model"),
            same("provider"),
            same("route"),
            respelled(
                "status",
                "outcome",
                &[("aborted", "failed"), ("cut", "failed")],
            ),
        ],
    ),
    sum(
        "interceptions_inflight",
        "interceptions_inflight",
        &[same("model"), same("provider"), same("route")],
    ),
    sum(
        "interception_duration_seconds",
        "interceptions_duration_seconds",
        &[same("model"), same("provider")],
    ),
    counter(
        "passthroughs",
        "passthrough",
        &[same("method"), same("provider"), same("route")],
    ),
    counter(
        "prompts",
        "prompts",
        &[
            same("client"),
            renamed("initiator_id", "user"),
            same("model"),
            same("provider"),
        ],
    ),
    counter(
        "tokens",
        "tokens",
        &[
            same("client"),
            renamed("initiator_id", "user"),
            same("model"),
            same("provider"),
            respelled(
                "type",
                "kind",
                &[
                    ("cache_read", "cache_read_input_tokens"),
                    ("cache_write", "cache_write_input_tokens"),
                ],
            ),
        ],
    ),
    counter(
        "injected_tool_calls",
        "injected_tool_invocations",
        &[
            same("model"),
            renamed("name", "tool"),
            same("provider"),
            same("server"),
        ],
    ),
    counter(
        "tool_selections",
        "non_injected_tool_selections",
        &[same("model"), renamed("name", "tool"), same("provider")],
    ),
    Alias {
        ours: "breaker_state",
        theirs: "circuit_breaker_state",
        labels: BREAKER,
        join: Join::Worst,
        is_counter: false,
    },
    counter("breaker_trips", "circuit_breaker_trips", BREAKER),
    counter("breaker_rejects", "circuit_breaker_rejects", BREAKER),
    sum(
        "key_ring_keys",
        "key_pool_state",
        &[
            same("provider"),
            respelled(
                "state",
                "state",
                &[
                    ("ready", "valid"),
                    ("rate_limited", "temporary"),
                    ("unauthorized", "temporary"),
                ],
            ),
        ],
    ),
    counter(
        "key_ring_transitions",
        "key_pool_state_transitions",
        &[same("provider"), same("reason")],
    ),
    counter(
        "key_ring_exhaustions",
        "key_pool_exhaustions",
        &[same("provider"), renamed("outcome", "reason")],
    ),
    sum(
        "key_ring_keys_tried",
        "key_pool_failover_attempts",
        &[same("provider")],
    ),
    sum(
        "provider_info",
        "provider_info",
        &[
            renamed("provider_name", "provider"),
            renamed("provider_type", "kind"),
            same("status"),
        ],
    ),
    sum(
        "providers_last_reload_timestamp_seconds",
        "providers_last_reload_timestamp_seconds",
        &[],
    ),
    sum(
        "providers_last_reload_success_timestamp_seconds",
        "providers_last_reload_success_timestamp_seconds",
        &[],
    ),
];
