//! What handlers are built from. Replaced as a whole on reload.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bridge_auth::{Authorizer, HeaderPolicy};
use bridge_guard::BreakerConfig;
use bridge_record::Recorder;
use bridge_telemetry::Metrics;
use bridge_upstream::{Dumps, Exchange};
use slog::Logger;

use crate::{Aftercare, OnAbort, ProviderSet, RetryConfig, Tools};

/// Limits and habits of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterceptConfig {
    /// How large a request body may be after its encoding is undone. Default 32 MiB.
    pub body_bytes: usize,
    /// How long a stream may be silent before a ping is put between two events of dialects that
    /// have one. Default 10 s.
    pub ping_after: Duration,
    /// How much of a blocking answer, or of a compressed one when decoded, is read. Larger ones are
    /// relayed unread. Default 32 MiB.
    pub answer_bytes: usize,
    /// How much of an incomplete event is held back. Larger events are relayed as they come.
    /// Default 1 MiB.
    pub held_bytes: usize,
    /// Whether providers are told who is asking. Default no.
    pub send_actor: bool,
    /// What becomes of answers whose callers go away. Default: the exchange ends at once.
    pub on_abort: OnAbort,
    /// When a call is tried again.
    pub retry: RetryConfig,
    /// When what keeps failing is asked no more. Default: it is asked again and again.
    pub breaker: Option<BreakerConfig>,
}

impl Default for InterceptConfig {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            ping_after: Duration::from_secs(10),
            answer_bytes: 32 << 20,
            held_bytes: 1 << 20,
            send_actor: false,
            on_abort: OnAbort::Cancel,
            retry: RetryConfig::default(),
            breaker: None,
        }
    }
}

/// Everything a handler needs.
#[derive(Clone)]
pub struct Blueprint {
    /// The providers.
    pub providers: Arc<ProviderSet>,
    /// The way out.
    pub exchange: Arc<dyn Exchange>,
    /// Who keeps the records.
    pub recorder: Arc<dyn Recorder>,
    /// Who says which models may be used.
    pub authorizer: Arc<dyn Authorizer>,
    /// Which headers travel.
    pub policy: Arc<HeaderPolicy>,
    /// Limits and habits.
    pub config: InterceptConfig,
    /// Counters.
    pub metrics: Metrics,
    /// Tells records of turns that are cut at shutdown from those whose caller went away.
    pub cutoff: Cutoff,
    /// Hears what becomes of keys and breakers.
    pub logger: Logger,
    /// Reads on what callers have left. Whoever stops the gateway ends it.
    pub aftercare: Aftercare,
    /// Tools for callers; none when there are no tool servers.
    pub tools: Option<Tools>,
    /// Writes exchanges to files, when somebody wants to see them.
    pub dumps: Option<Dumps>,
}

impl fmt::Debug for Blueprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blueprint")
            .field("providers", &self.providers)
            .finish_non_exhaustive()
    }
}

/// Whether running turns are being cut. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Cutoff(Arc<AtomicBool>);

impl Cutoff {
    /// From now on a turn that ends early was cut by us.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
