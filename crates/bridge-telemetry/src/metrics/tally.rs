//! What is counted for an interception, with one look-up for all of it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::RwLock;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::bounded::Bounded;
use super::interceptions::{
    EndLabels, ModelLabels, OutcomeLabel, PromptLabels, Subject, TokenKind, TokenLabels, ToolLabels,
};
use super::labels::{Name, PerUser};
use super::registrar::{Registrar, whole};
use super::tools::{CallLabels, CallOutcome};
use super::{LabelLimits, Metrics};

/// Labels that interceptions have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Combination {
    provider: Name,
    model: Name,
    route: &'static str,
    client: &'static str,
    user: Option<Name>,
}

/// The combinations of labels seen so far, each with what is counted under it.
///
/// Each label has a limit, and so has their product: a combination beyond it is counted under the
/// same provider, route and client with other models and users.
pub(super) struct Combinations {
    limit: AtomicUsize,
    known: RwLock<HashMap<Combination, Arc<Counts>>>,
    count: Gauge,
    folded: Counter,
}

impl Combinations {
    pub(super) fn register(to: &mut Registrar) -> Self {
        Self {
            limit: AtomicUsize::new(LabelLimits::default().combinations),
            known: RwLock::default(),
            count: to.add(
                "label_combinations",
                "Combinations of labels under which interceptions are counted",
            ),
            folded: to.add(
                "label_combinations_folded",
                "Interceptions counted with other models and users for want of room",
            ),
        }
    }

    fn find(&self, wanted: Combination, names: [&Bounded; 2]) -> Arc<Counts> {
        if let Some(counts) = self.known.read().get(&wanted) {
            return Arc::clone(counts);
        }
        let mut known = self.known.write();
        let is_full = known.len() >= self.limit.load(Ordering::Relaxed);
        let wanted = if is_full && !known.contains_key(&wanted) {
            self.folded.inc();
            wanted.folded(names)
        } else {
            wanted
        };
        let counts = known
            .entry(wanted.clone())
            .or_insert_with(|| Arc::new(Counts::new(wanted)));
        let counts = Arc::clone(counts);
        self.count.set(whole(known.len()));
        counts
    }
}

impl Combination {
    fn folded(self, [models, users]: [&Bounded; 2]) -> Self {
        Self {
            model: models.other(),
            user: self.user.map(|_| users.other()),
            ..self
        }
    }
}

/// Series under one combination, each made when it is needed first.
struct Counts {
    labels: Combination,
    seconds: OnceLock<Histogram>,
    prompts: OnceLock<Counter>,
    completed: OnceLock<Counter>,
    failed: OnceLock<Counter>,
    aborted: OnceLock<Counter>,
    cut: OnceLock<Counter>,
    input: OnceLock<Counter>,
    output: OnceLock<Counter>,
    cache_read: OnceLock<Counter>,
    cache_write: OnceLock<Counter>,
}

impl Counts {
    fn new(labels: Combination) -> Self {
        Self {
            labels,
            seconds: OnceLock::new(),
            prompts: OnceLock::new(),
            completed: OnceLock::new(),
            failed: OnceLock::new(),
            aborted: OnceLock::new(),
            cut: OnceLock::new(),
            input: OnceLock::new(),
            output: OnceLock::new(),
            cache_read: OnceLock::new(),
            cache_write: OnceLock::new(),
        }
    }

    fn per_user<L>(&self, labels: L) -> PerUser<L> {
        let user = self.labels.user.clone();
        PerUser { labels, user }
    }
}

/// Where an interception is counted.
#[derive(Clone)]
pub struct Tally {
    metrics: Metrics,
    counts: Arc<Counts>,
}

impl Metrics {
    /// Where an interception is counted. `is_known` says that its provider knows the model: only
    /// such a name gets a label, so that nobody fills the room with names that do not exist.
    #[must_use]
    pub fn tally(&self, subject: &Subject<'_>, is_known: bool) -> Tally {
        let names = self.names();
        let model = if is_known {
            names.models.admit(subject.model)
        } else {
            names.models.find(subject.model)
        };
        let user = (!names.users.is_off()).then(|| names.users.admit(&subject.user.to_string()));
        let wanted = Combination {
            provider: Name::from(subject.provider),
            model,
            route: subject.route,
            client: subject.client,
            user,
        };
        let combinations = &self.families().combinations;
        Tally {
            metrics: self.clone(),
            counts: combinations.find(wanted, [&names.models, &names.users]),
        }
    }

    pub(super) fn limit_combinations(&self, limit: usize) {
        let combinations = &self.families().combinations;
        combinations.limit.store(limit, Ordering::Relaxed);
    }
}

impl Tally {
    /// The interception ended after this long.
    pub fn ended(&self, outcome: OutcomeLabel, elapsed: Duration) {
        let (counts, families) = (&self.counts, self.metrics.interceptions());
        let counter = match outcome {
            OutcomeLabel::Completed => &counts.completed,
            OutcomeLabel::Failed => &counts.failed,
            OutcomeLabel::Aborted => &counts.aborted,
            OutcomeLabel::Cut => &counts.cut,
        };
        counter
            .get_or_init(|| {
                let labels = EndLabels {
                    provider: counts.labels.provider.clone(),
                    model: counts.labels.model.clone(),
                    route: counts.labels.route,
                    client: counts.labels.client,
                    outcome,
                };
                families.ended.get_or_create_owned(&counts.per_user(labels))
            })
            .inc();
        let seconds = counts.seconds.get_or_init(|| {
            families.seconds.get_or_create_owned(&ModelLabels {
                provider: counts.labels.provider.clone(),
                model: counts.labels.model.clone(),
            })
        });
        seconds.observe(elapsed.as_secs_f64());
    }

    /// A prompt was recorded.
    pub fn prompt(&self) {
        let (counts, families) = (&self.counts, self.metrics.interceptions());
        counts
            .prompts
            .get_or_init(|| {
                let labels = PromptLabels {
                    provider: counts.labels.provider.clone(),
                    model: counts.labels.model.clone(),
                    client: counts.labels.client,
                };
                families
                    .prompts
                    .get_or_create_owned(&counts.per_user(labels))
            })
            .inc();
    }

    /// Tokens of this kind were used. The kinds exclude each other, so their sum has a meaning.
    pub fn tokens(&self, kind: TokenKind, count: u64) {
        let (counts, families) = (&self.counts, self.metrics.interceptions());
        let counter = match kind {
            TokenKind::Input => &counts.input,
            TokenKind::Output => &counts.output,
            TokenKind::CacheRead => &counts.cache_read,
            TokenKind::CacheWrite => &counts.cache_write,
        };
        counter
            .get_or_init(|| {
                let labels = TokenLabels {
                    provider: counts.labels.provider.clone(),
                    model: counts.labels.model.clone(),
                    client: counts.labels.client,
                    kind,
                };
                families
                    .tokens
                    .get_or_create_owned(&counts.per_user(labels))
            })
            .inc_by(count);
    }

    /// The model chose to call a tool of this name.
    pub fn tool(&self, name: &str) {
        let labels = ToolLabels {
            provider: self.counts.labels.provider.clone(),
            model: self.counts.labels.model.clone(),
            tool: self.metrics.names().tools.admit(name),
        };
        let tools = &self.metrics.interceptions().tools;
        tools.get_or_create(&labels).inc();
    }

    /// A call of an injected tool, by the name that its server has for it, ended so. `took` is how
    /// long it ran, for calls that were made.
    pub fn injected_call(
        &self,
        server: &Arc<str>,
        tool: &str,
        outcome: CallOutcome,
        took: Option<Duration>,
    ) {
        let labels = CallLabels {
            provider: self.counts.labels.provider.clone(),
            model: self.counts.labels.model.clone(),
            server: Name::from(server),
            tool: self.metrics.names().injected_tools.admit(tool),
            outcome,
        };
        self.metrics.tools().calls.get_or_create(&labels).inc();
        if let Some(took) = took {
            self.metrics.injected_call_took(server, took);
        }
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tally").field(&self.counts.labels).finish()
    }
}
