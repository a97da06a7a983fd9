//! Injected tools: what was offered, what was called, and how their servers are.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use super::Metrics;
use super::labels::{KindLabels, Name, label_set, label_values};
use super::listed::Listed;
use super::registrar::{Registrar, whole};

/// Upper bounds of a call's duration, in seconds: from a look-up to the longest that is usual.
const CALL_BUCKETS: [f64; 9] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];
/// Upper bounds of how many calls of the provider one turn took.
const ROUND_BUCKETS: [f64; 7] = [1.0, 2.0, 3.0, 5.0, 8.0, 16.0, 32.0];

/// What became of a call of an injected tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallOutcome {
    /// The tool gave a result.
    Answered,
    /// The tool said that it failed.
    ToolError,
    /// Its server refused, broke off or could not be reached.
    ServerError,
    /// There was no answer in time.
    TimedOut,
    /// It was not made: arguments that are no JSON, a tool that is gone, a limit of the turn.
    NotMade,
    /// The caller went away, or the gateway was stopped, while it ran.
    Cancelled,
}

/// What became of a hidden turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HiddenTurnFate {
    /// It was put into memory.
    Kept,
    /// It was put back into a request.
    Spliced,
    /// It was too large, or made room for another, or nobody came for it in time.
    Dropped,
}

/// How the connection of one identity to a tool server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ToolServerState {
    Open,
    Opening,
    Failing,
    NoCredential,
}

/// What a tool server is to all identities together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolServerFigures {
    /// Its name.
    pub server: Arc<str>,
    /// Identities whose catalogue has its tools.
    pub open: usize,
    /// Identities that wait for its first answer.
    pub opening: usize,
    /// Identities for whom it failed last.
    pub failing: usize,
    /// Identities that have nothing to present to it.
    pub without_credential: usize,
    /// Tools on offer to the identity that has most of them.
    pub tools: usize,
}

label_values!(CallOutcome {
    Answered => "answered",
    ToolError => "tool_error",
    ServerError => "server_error",
    TimedOut => "timed_out",
    NotMade => "not_made",
    Cancelled => "cancelled",
});

label_values!(HiddenTurnFate {
    Kept => "kept",
    Spliced => "spliced",
    Dropped => "dropped",
});

label_values!(ToolServerState {
    Open => "open",
    Opening => "opening",
    Failing => "failing",
    NoCredential => "no_credential",
});

label_set! {
    pub(super) struct CallLabels {
        pub(super) provider: Name,
        pub(super) model: Name,
        pub(super) server: Name,
        pub(super) tool: Name,
        pub(super) outcome: CallOutcome,
    }
}

label_set! {
    pub(super) struct ServerLabels {
        pub(super) server: Name,
    }
}

label_set! {
    struct FailureLabels {
        server: Name,
        reason: &'static str,
    }
}

label_set! {
    struct StateLabels {
        server: Name,
        state: ToolServerState,
    }
}

label_set! {
    struct FateLabels {
        kind: HiddenTurnFate,
    }
}

pub(super) struct Tools {
    offers: Family<KindLabels, Counter>,
    pub(super) calls: Family<CallLabels, Counter>,
    pub(super) call_seconds: Family<ServerLabels, Histogram>,
    rounds: Histogram,
    hidden: Family<FateLabels, Counter>,
    hidden_held: Gauge,
    hidden_bytes: Gauge,
    open_timeouts: Counter,
    failures: Family<FailureLabels, Counter>,
    sessions: Listed<StateLabels>,
    tools: Listed<ServerLabels>,
    catalogues: Gauge,
    listeners: Gauge,
    renewals: Family<KindLabels, Counter>,
}

fn call_seconds() -> Histogram {
    Histogram::new(CALL_BUCKETS)
}

impl Tools {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            offers: to.add(
                "tool_offers",
                "Requests of callers with a catalogue: tools offered (`made`), or why not",
            ),
            calls: to.add("injected_tool_calls", "Calls of injected tools"),
            call_seconds: to.add_with_unit(
                "injected_tool_call_duration",
                "How long calls of injected tools took that were made",
                Unit::Seconds,
                Family::new_with_constructor(call_seconds as fn() -> Histogram),
            ),
            rounds: to.add_made(
                "turn_rounds",
                "Calls of the provider that one turn with injected tools took",
                Histogram::new(ROUND_BUCKETS),
            ),
            hidden: to.add(
                "hidden_turns",
                "Hidden turns kept, put back into requests, or dropped from memory",
            ),
            hidden_held: to.add("hidden_turns_held", "Hidden turns in memory"),
            hidden_bytes: to.add("hidden_turns_held_bytes", "Bytes of hidden turns in memory"),
            open_timeouts: to.add(
                "tool_open_timeouts",
                "Requests that went on without the tools of servers that had not answered in time",
            ),
            failures: to.add(
                "tool_server_failures",
                "Failures to reach a tool server or to read its tools",
            ),
            sessions: to.list(
                "tool_server_sessions",
                "Connections of identities to tool servers by state, as of this scrape",
            ),
            tools: to.list(
                "tool_server_tools",
                "Tools of a server that are on offer to the identity with most of them",
            ),
            catalogues: to.add("tool_catalogues", "Identities with a catalogue of tools"),
            listeners: to.add(
                "tool_server_listeners",
                "Connections on which tool servers are listened to while nothing is asked of them",
            ),
            renewals: to.add(
                "tool_token_renewals",
                "Attempts to get a user's token for a tool server anew: `renewed`, `refused` or `failed`",
            ),
        }
    }
}

impl Metrics {
    pub(super) fn tools(&self) -> &Tools {
        &self.families().tools
    }

    /// Tools were offered with a request (`made`), or for this reason they were not. Only of
    /// callers with a catalogue.
    pub fn tools_offered(&self, kind: &'static str) {
        self.tools()
            .offers
            .get_or_create(&KindLabels { kind })
            .inc();
    }

    /// A turn to which tools were offered took this many calls of the provider.
    pub fn turn_rounds(&self, rounds: u32) {
        self.tools().rounds.observe(f64::from(rounds));
    }

    /// This became of a hidden turn.
    pub fn hidden_turn(&self, kind: HiddenTurnFate) {
        self.tools()
            .hidden
            .get_or_create(&FateLabels { kind })
            .inc();
    }

    /// The memory of hidden turns holds so many more turns, and so many more bytes, than before.
    /// Fewer are negative.
    pub fn hidden_turns_held(&self, turns: i64, bytes: i64) {
        self.tools().hidden_held.inc_by(turns);
        self.tools().hidden_bytes.inc_by(bytes);
    }

    /// A request went on without the tools of servers that had not answered in time.
    pub fn tool_open_timed_out(&self) {
        self.tools().open_timeouts.inc();
    }

    /// A user's token for a tool server was got anew (`renewed`), was refused for good, or the
    /// attempt failed. Of control planes.
    pub fn token_renewed(&self, kind: &'static str) {
        self.tools()
            .renewals
            .get_or_create(&KindLabels { kind })
            .inc();
    }

    /// A tool server could not be reached, or its tools could not be read: one word of a closed
    /// list says why.
    pub fn tool_server_failed(&self, server: &Arc<str>, reason: &'static str) {
        let server = Name::from(server);
        self.tools()
            .failures
            .get_or_create(&FailureLabels { server, reason })
            .inc();
    }

    /// How many identities have a catalogue, how many servers are listened to for them, and how all
    /// tool servers are now. Asked for at each scrape; servers that are not in the list are not exposed any more.
    pub fn tool_servers(
        &self,
        catalogues: usize,
        listeners: usize,
        servers: impl IntoIterator<Item = ToolServerFigures>,
    ) {
        let (mut sessions, mut tools) = (Vec::new(), Vec::new());
        for figures in servers {
            let server = Name::from(&figures.server);
            let states = [
                (ToolServerState::Open, figures.open),
                (ToolServerState::Opening, figures.opening),
                (ToolServerState::Failing, figures.failing),
                (ToolServerState::NoCredential, figures.without_credential),
            ];
            sessions.extend(states.map(|(state, count)| {
                let server = server.clone();
                (StateLabels { server, state }, gauge(count))
            }));
            tools.push((ServerLabels { server }, gauge(figures.tools)));
        }
        let families = self.tools();
        families.sessions.replace(sessions);
        families.tools.replace(tools);
        families.catalogues.set(whole(catalogues));
        families.listeners.set(whole(listeners));
    }

    pub(super) fn injected_call_took(&self, server: &Arc<str>, took: Duration) {
        let server = Name::from(server);
        self.tools()
            .call_seconds
            .get_or_create(&ServerLabels { server })
            .observe(took.as_secs_f64());
    }
}

fn gauge(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Subject;

    #[test]
    fn tools_are_told_apart_within_limits() {
        let metrics = Metrics::default();
        let (provider, server): (Arc<str>, Arc<str>) = (Arc::from("p"), Arc::from("docs"));
        let subject = Subject {
            provider: &provider,
            route: "/v1/messages",
            client: "Unknown",
            model: "m-1",
            user: &7,
        };
        metrics.limit_labels(crate::LabelLimits {
            tools: 1,
            ..crate::LabelLimits::default()
        });
        let tally = metrics.tally(&subject, true);
        // The tools of clients take no room from these.
        tally.tool("Bash");
        let took = Some(Duration::from_millis(700));
        tally.injected_call(&server, "search", CallOutcome::Answered, took);
        tally.injected_call(&server, "read", CallOutcome::ToolError, took);
        tally.injected_call(&server, "search", CallOutcome::NotMade, None);
        let text = metrics.expose();
        let call = |tool, outcome| {
            format!(
                "bridge_injected_tool_calls_total{{provider=\"p\",model=\"m-1\",server=\"docs\",\
                 tool=\"{tool}\",outcome=\"{outcome}\"}} 1"
            )
        };
        for sample in [
            call("search", "answered"),
            call("other", "tool_error"),
            call("search", "not_made"),
            "bridge_injected_tool_call_duration_seconds_count{server=\"docs\"} 2".to_owned(),
        ] {
            assert!(text.contains(&sample), "{sample} is not in\n{text}");
        }
    }

    #[test]
    fn servers_are_what_they_are_now() {
        let metrics = Metrics::default();
        let figures = |server: &str| ToolServerFigures {
            server: Arc::from(server),
            open: 2,
            opening: 0,
            failing: 1,
            without_credential: 4,
            tools: 9,
        };
        metrics.tool_servers(3, 5, [figures("docs"), figures("wiki")]);
        let text = metrics.expose();
        for sample in [
            "bridge_tool_server_sessions{server=\"docs\",state=\"open\"} 2",
            "bridge_tool_server_sessions{server=\"wiki\",state=\"failing\"} 1",
            "bridge_tool_server_sessions{server=\"docs\",state=\"no_credential\"} 4",
            "bridge_tool_server_tools{server=\"docs\"} 9",
            "bridge_tool_catalogues 3",
            "bridge_tool_server_listeners 5",
        ] {
            assert!(text.contains(sample), "{sample} is not in\n{text}");
        }
        metrics.tool_servers(0, 0, []);
        assert!(!metrics.expose().contains("docs"));
    }
}
