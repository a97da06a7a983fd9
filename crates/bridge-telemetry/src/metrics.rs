//! Counters for the operator. Others report events; names and labels are decided here.
//!
//! Each subject has a file of its own with its families, their names and help, and the events that
//! move them.

mod aftercare;
mod aliases;
mod attempts;
mod bounded;
mod callers;
mod catalogue;
mod exposition;
mod front;
mod gateways;
mod interceptions;
mod journal;
mod key_rings;
mod labels;
mod listed;
mod pool;
mod providers;
mod records;
mod registrar;
mod reloads;
mod requests;
mod sight;
mod tally;
mod tools;
mod upstream;

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::registry::Registry;

use self::aliases::AliasSwitch;
pub use self::aliases::Aliases;
pub use self::attempts::{BreakerLevel, BreakerName, CredentialClass};
pub use self::callers::AuthResult;
pub use self::catalogue::Described;
pub use self::exposition::Exposition;
pub use self::interceptions::{OutcomeLabel, Running, Subject, TokenKind};
pub use self::journal::JournalFigures;
pub use self::key_rings::{KeyRingFigures, KeyTrouble};
pub use self::providers::{ProviderFigures, ProviderStatus};
use self::registrar::Registrar;
pub use self::requests::Readiness;
pub use self::tally::Tally;
pub use self::tools::{CallOutcome, HiddenTurnFate, ToolServerFigures};

/// How many names from outside may have a label of their own; the rest share `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelLimits {
    /// Models, as callers name them. Default 50.
    pub models: usize,
    /// Users, by id. With 0, the default, there is no such label.
    pub users: usize,
    /// Tools, as models name them; as many of clients, and as many injected ones. Default 50.
    pub tools: usize,
    /// Combinations of provider, model, route, client and user. Beyond it, models and users are
    /// counted together. Default 2,000.
    pub combinations: usize,
}

impl Default for LabelLimits {
    fn default() -> Self {
        Self {
            models: 50,
            users: 0,
            tools: 50,
            combinations: 2_000,
        }
    }
}

/// All families of the process. Cloning shares them.
///
/// Labels are names of configured providers and tool servers, routes and clients from closed lists, and closed enums.
/// Models, users and tools are named by others, so only so many names become labels as
/// [`LabelLimits`] says.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    families: Families,
    catalogue: Vec<Described>,
    aliases: AliasSwitch,
}

struct Families {
    requests: requests::Requests,
    callers: callers::Callers,
    interceptions: interceptions::Interceptions,
    combinations: tally::Combinations,
    names: bounded::Names,
    upstream: upstream::Upstream,
    key_rings: key_rings::KeyRings,
    attempts: attempts::Attempts,
    front: front::Front,
    aftercare: aftercare::Aftercare,
    tools: tools::Tools,
    records: records::Records,
    journal: journal::Journal,
    pool: pool::Pool,
    providers: providers::Providers,
    reloads: reloads::Reloads,
    gateways: gateways::Gateways,
    sight: sight::Sight,
}

impl Families {
    fn register(to: &mut Registrar) -> Self {
        Self {
            requests: requests::Requests::register(to),
            callers: callers::Callers::register(to),
            interceptions: interceptions::Interceptions::register(to),
            combinations: tally::Combinations::register(to),
            names: bounded::Names::register(to),
            upstream: upstream::Upstream::register(to),
            key_rings: key_rings::KeyRings::register(to),
            attempts: attempts::Attempts::register(to),
            front: front::Front::register(to),
            aftercare: aftercare::Aftercare::register(to),
            tools: tools::Tools::register(to),
            records: records::Records::register(to),
            journal: journal::Journal::register(to),
            pool: pool::Pool::register(to),
            providers: providers::Providers::register(to),
            reloads: reloads::Reloads::register(to),
            gateways: gateways::Gateways::register(to),
            sight: sight::Sight::register(to),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registrar = Registrar::default();
        let families = Families::register(&mut registrar);
        let Registrar {
            registry,
            catalogue,
        } = registrar;
        Self(Arc::new(Inner {
            registry,
            families,
            catalogue,
            aliases: AliasSwitch::default(),
        }))
    }
}

impl Metrics {
    /// All families that have samples, in this format.
    #[must_use]
    pub fn expose_as(&self, format: Exposition) -> String {
        let text = self.expose();
        match format {
            Exposition::OpenMetrics => text,
            Exposition::Classic => exposition::classic(&text),
        }
    }

    /// All families that have samples, in the OpenMetrics text format.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut text = String::new();
        // Writing to a String fails only when it cannot grow.
        let _ignored = encode_registry(&mut text, &self.0.registry);
        let aliases = self.0.aliases.of(&text);
        text.push_str(&aliases);
        let _ignored = encode_eof(&mut text);
        text
    }

    /// The families that have other names, by their own, and what these are after the prefix.
    pub fn other_names() -> impl Iterator<Item = (String, String)> {
        aliases::names()
    }

    /// From now on figures are exposed under these names besides their own.
    pub fn also_named(&self, aliases: Aliases) {
        self.0.aliases.set(aliases);
    }

    fn families(&self) -> &Families {
        &self.0.families
    }

    /// All families, by subject, whether they have samples or not.
    #[must_use]
    pub fn catalogue(&self) -> &[Described] {
        &self.0.catalogue
    }

    /// The labels of all families, by name, with what they say.
    #[must_use]
    pub fn labels() -> &'static [(&'static str, &'static str)] {
        &catalogue::LABELS
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn events_become_samples() {
        let metrics = Metrics::default();
        metrics.connection_opened();
        let provider = Arc::from("anthropic");
        let subject = Subject {
            provider: &provider,
            route: "/v1/messages",
            client: "Claude Code",
            model: "m-1",
            user: &7,
        };
        drop(metrics.interception_began(&subject));
        let tally = metrics.tally(&subject, true);
        tally.ended(OutcomeLabel::Completed, Duration::from_millis(700));
        tally.tokens(TokenKind::CacheRead, 7);
        let _running = metrics.interception_began(&subject);
        let text = metrics.expose();
        for sample in [
            "bridge_connections_total 1",
            "bridge_connections_open 1",
            "bridge_interceptions_inflight{provider=\"anthropic\",model=\"other\",route=\"/v1/messages\"} 0",
            "bridge_interceptions_inflight{provider=\"anthropic\",model=\"m-1\",route=\"/v1/messages\"} 1",
            "bridge_interceptions_total{provider=\"anthropic\",model=\"m-1\",route=\"/v1/messages\",client=\"Claude Code\",outcome=\"completed\"} 1",
            "bridge_interception_duration_seconds_bucket{le=\"1.0\",provider=\"anthropic\",model=\"m-1\"} 1",
            "bridge_tokens_total{provider=\"anthropic\",model=\"m-1\",client=\"Claude Code\",kind=\"cache_read\"} 7",
        ] {
            assert!(text.contains(sample), "{sample} is not in\n{text}");
        }
    }

    #[test]
    fn every_label_of_every_family_has_a_meaning() {
        let metrics = Metrics::default();
        let known: Vec<_> = Metrics::labels().iter().map(|(name, _)| *name).collect();
        let used = metrics.catalogue().iter().flat_map(|family| &family.labels);
        let mut used: Vec<_> = used.copied().collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(known, used);
    }

    #[test]
    fn lists_hold_what_is_there_now() {
        let metrics = Metrics::default();
        let ring = |name: &str, ready, rate_limited| KeyRingFigures {
            provider: Arc::from(name),
            ready,
            rate_limited,
            unauthorized: 0,
        };
        metrics.key_rings([ring("a", 1, 1), ring("b", 2, 0)]);
        let text = metrics.expose();
        for sample in [
            "bridge_key_ring_keys{provider=\"a\",state=\"ready\"} 1",
            "bridge_key_ring_keys{provider=\"a\",state=\"rate_limited\"} 1",
            "bridge_key_ring_keys{provider=\"a\",state=\"unauthorized\"} 0",
            "bridge_key_ring_keys{provider=\"b\",state=\"ready\"} 2",
        ] {
            assert!(text.contains(sample), "{sample} is not in\n{text}");
        }
        metrics.key_rings([ring("b", 0, 2)]);
        let text = metrics.expose();
        assert!(!text.contains("provider=\"a\""), "{text}");
        assert!(text.contains("provider=\"b\",state=\"rate_limited\"} 2"));
    }

    #[test]
    fn breakers_that_share_labels_show_the_worst() {
        let metrics = Metrics::default();
        let provider = Arc::from("anthropic");
        let name = |model| BreakerName {
            provider: &provider,
            route: "/v1/messages",
            model,
            credential: CredentialClass::Central,
        };
        metrics.breaker_tripped(name("known"));
        metrics.breakers([
            (name("x"), BreakerLevel::Closed),
            (name("y"), BreakerLevel::HalfOpen),
            (name("z"), BreakerLevel::Closed),
            (name("known"), BreakerLevel::Open),
        ]);
        let text = metrics.expose();
        let labels = |model| {
            format!(
                "bridge_breaker_state{{provider=\"anthropic\",route=\"/v1/messages\",\
                 model=\"{model}\",credential=\"central\"}}"
            )
        };
        for sample in [labels("other") + " 0.5", labels("known") + " 1.0"] {
            assert!(text.contains(&sample), "{sample} is not in\n{text}");
        }
    }
}
