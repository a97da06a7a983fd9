//! A gateway in front of a scripted provider, with an authorizer that knows three keys and a
//! recorder that remembers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bridge_auth::{
    Actor, ActorId, AuthError, Authorizer, Claim, Grant, HeaderPolicy, RefusalReason, Seal, Secret,
    Standing,
};
use bridge_gateway::{Gateway, GatewayConfig, GatewayParts};
use bridge_intercept::{
    Aftercare, Blueprint, Cutoff, InterceptConfig, ProviderSet, ProviderSpec, RetryConfig,
};
use bridge_record::{Ended, Event, Record, RecordError, Recorder, Started, TokenUsage};
use bridge_telemetry::task::{self, Task};
use bridge_telemetry::trace::Tracer;
use bridge_telemetry::{Logging, Metrics};
use bridge_upstream::{Client, ClientConfig, Exchange};
use parking_lot::Mutex;
use slog::{Drain, KV as _, Level, OwnedKVList};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use super::on_bedrock::{on_bedrock, profiled};
use super::{Provider, Script, ToolsSetup};

/// Everything a test may want to be different.
pub(crate) struct Setup {
    pub(crate) scripts: Vec<Script>,
    pub(crate) gateway: GatewayConfig,
    pub(crate) intercept: InterceptConfig,
    pub(crate) client: ClientConfig,
    /// Keys of the providers `anthropic` and `openai`, instead of one of their own.
    pub(crate) keys: Vec<&'static str>,
    /// Where providers live, instead of the scripted one.
    pub(crate) base_url: Option<String>,
    pub(crate) is_recording: bool,
    /// Whether recording tokens finds a fault in the program.
    pub(crate) is_broken: bool,
    /// The recorder takes beginnings and never says so.
    pub(crate) is_recorder_mute: bool,
    /// Records are not safe before the test says so.
    pub(crate) is_unsettled: bool,
    /// How long running requests may take once the gateway drains.
    pub(crate) patience: Duration,
    pub(crate) tracer: Tracer,
    /// Tool servers, and what a turn may do with them.
    pub(crate) tools: Option<ToolsSetup>,
}

impl Setup {
    pub(crate) fn playing(scripts: Vec<Script>) -> Self {
        Self {
            scripts,
            gateway: GatewayConfig::default(),
            intercept: InterceptConfig {
                retry: RetryConfig {
                    retries: 0,
                    ..RetryConfig::default()
                },
                ..InterceptConfig::default()
            },
            client: ClientConfig::default(),
            keys: Vec::new(),
            base_url: None,
            is_recording: true,
            is_broken: false,
            is_recorder_mute: false,
            is_unsettled: false,
            patience: Duration::from_secs(20),
            tracer: Tracer::default(),
            tools: None,
        }
    }
}

pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) address: SocketAddr,
    pub(crate) provider: Provider,
    pub(crate) seal: Seal,
    pub(crate) cutoff: Cutoff,
    pub(crate) serving: Option<Task<usize>>,
    pub(crate) asked: Arc<Keys>,
    pub(crate) metrics: Metrics,
    /// What the gateway began with.
    pub(crate) blueprint: Blueprint,
    records: Arc<Kept>,
    lines: Lines,
    logging: Option<Logging>,
}

impl World {
    pub(crate) async fn playing(scripts: Vec<Script>) -> Self {
        Self::with(Setup::playing(scripts)).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let provider = Provider::start(setup.scripts).await;
        let lines = Lines::default();
        let (logging, logger) = Logging::with_drain(Level::Trace, lines.clone());
        let records = Arc::new(Kept {
            records: Mutex::default(),
            is_open: setup.is_recording,
            is_broken: setup.is_broken,
            is_mute: setup.is_recorder_mute,
            is_settled: watch::Sender::new(!setup.is_unsettled),
            settling: AtomicUsize::new(0),
        });
        let asked = Arc::new(Keys::default());
        let (seal, cutoff, metrics) = (Seal::new(), Cutoff::default(), Metrics::default());
        let policy = Arc::new(HeaderPolicy::default());
        let gateway = Gateway::new(GatewayParts {
            config: setup.gateway.clone(),
            authorizer: Arc::clone(&asked) as Arc<dyn Authorizer>,
            seal: seal.clone(),
            metrics: metrics.clone(),
            tracer: setup.tracer,
            logger: logger.clone(),
        });
        let base = setup
            .base_url
            .unwrap_or_else(|| format!("http://{}", provider.address));
        let exchange: Arc<dyn Exchange> =
            Arc::new(Client::try_new(&setup.client, &metrics, &logger).unwrap());
        let tools = setup
            .tools
            .map(|tools| tools.open(&exchange, &metrics, &logger));
        let blueprint = Blueprint {
            providers: Arc::new(ProviderSet::try_new(providers(&base, &setup.keys)).unwrap()),
            exchange: Arc::clone(&exchange),
            recorder: Arc::clone(&records) as Arc<dyn Recorder>,
            authorizer: Arc::clone(&asked) as Arc<dyn Authorizer>,
            policy,
            config: setup.intercept,
            metrics: metrics.clone(),
            cutoff: cutoff.clone(),
            logger: logger.clone(),
            aftercare: Aftercare::new(metrics.clone(), &logger),
            tools,
            dumps: None,
        };
        gateway.replace(Arc::new(blueprint.clone()), setup.gateway);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = gateway.clone();
        let patience = setup.patience;
        let cut = async move { tokio::time::sleep(patience).await };
        let work = async move { served.serve(listener, cut).await };
        let serving = Some(task::spawn(&logger, "gateway", work));
        let logging = Some(logging);
        Self {
            gateway,
            address,
            provider,
            seal,
            cutoff,
            serving,
            asked,
            metrics,
            blueprint,
            records,
            lines,
            logging,
        }
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.records.lock().clone()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.records
            .records
            .lock()
            .iter()
            .map(|record| record.event.clone())
            .collect()
    }

    pub(crate) fn started(&self) -> Vec<Started> {
        let events = self.events().into_iter();
        events
            .filter_map(|event| {
                if let Event::Started(it) = event {
                    Some(*it)
                } else {
                    None
                }
            })
            .collect()
    }

    /// Waits until this many interceptions have ended.
    pub(crate) async fn ended(&self, count: usize) -> Vec<Ended> {
        let ended = || -> Vec<Ended> {
            let events = self.events().into_iter();
            events
                .filter_map(|event| {
                    if let Event::Ended(it) = event {
                        Some(*it)
                    } else {
                        None
                    }
                })
                .collect()
        };
        until(|| ended().len() >= count).await;
        ended()
    }

    /// How many waited for their records to be safe.
    pub(crate) fn settling(&self) -> usize {
        self.records.settling.load(Ordering::SeqCst)
    }

    /// All records are safe from now on.
    pub(crate) fn settle(&self) {
        self.records.is_settled.send_replace(true);
    }

    /// Tokens that were recorded.
    pub(crate) fn tokens(&self) -> Vec<TokenUsage> {
        let events = self.events().into_iter();
        events
            .filter_map(|event| {
                if let Event::Tokens(it) = event {
                    Some(*it)
                } else {
                    None
                }
            })
            .collect()
    }

    /// Every line that was logged. Ends logging.
    pub(crate) fn log(&mut self) -> String {
        drop(self.logging.take());
        self.lines.0.lock().clone()
    }
}

fn providers(base: &str, keys: &[&'static str]) -> Vec<ProviderSpec> {
    let spec = |name: &str, provider_type: &str, path: &str, keys: &[&str]| ProviderSpec {
        name: name.to_owned(),
        provider_type: provider_type.to_owned(),
        enabled: name != "resting",
        base_url: format!("{base}{path}"),
        keys: keys
            .iter()
            .map(|key| Secret::new((*key).to_owned()))
            .collect(),
        ..ProviderSpec::default()
    };
    let or = |key: &'static str| {
        if keys.is_empty() {
            vec![key]
        } else {
            keys.to_vec()
        }
    };
    vec![
        spec("anthropic", "anthropic", "/", &or("operator-anthropic-key")),
        spec("openai", "openai", "/v1/", &or("operator-openai-key")),
        spec("copilot", "copilot", "/", &[]),
        spec("keyless", "anthropic", "/", &[]),
        spec("resting", "anthropic", "/", &["operator-resting-key"]),
        spec("odd", "antropic", "/", &["operator-odd-key"]),
        spec("bare", "bedrock", "/", &[]),
        on_bedrock("bedrock", base, "/base/", "invoke", "BEDROCKID"),
        on_bedrock("mantle", base, "/anthropic", "mantle", "BEDROCKID"),
        profiled(on_bedrock("profiled", base, "/base", "invoke", "BEDROCKID")),
        // It cannot stand in a header.
        on_bedrock("unsigned", base, "/", "invoke", "no\nid"),
        spec("azure", "azure", "/v1", &["operator-azure-key"]),
        spec("chatgpt", "chatgpt", "/codex", &["never-used-key"]),
    ]
}

/// Waits for a condition, at most for as long as a stuck test may take.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Knows `alice-key`, and `waiting-key` from earlier; `held-key` is hers as well, once the test lets
/// it in. `gone-key` has expired, `quiet-key` has no answer, and `broken-key` finds a fault in the
/// program.
#[derive(Default)]
pub(crate) struct Keys {
    /// What was asked: `key` or `id`, and which one.
    pub(crate) claims: Mutex<Vec<(&'static str, String)>>,
    /// Lets `held-key` in.
    pub(crate) door: Notify,
    /// From now on nobody may use any model.
    pub(crate) is_withdrawn: AtomicBool,
}

#[async_trait]
impl Authorizer for Keys {
    async fn authorize(&self, claim: Claim<'_>) -> Result<Arc<Grant>, AuthError> {
        let (how, which) = match claim {
            Claim::Key(secret) => ("key", secret.expose().to_owned()),
            Claim::Delegated(delegation) => ("id", delegation.key_id().to_owned()),
        };
        self.claims.lock().push((how, which.clone()));
        if which == "held-key" {
            self.door.notified().await;
        }
        match which.as_str() {
            "held-key" | "alice-key" | "alice-id" | "waiting-key" => Ok(Arc::new(Grant {
                actor: Actor {
                    id: ActorId::from_bytes([7; 16]),
                    username: "alice".to_owned(),
                    email: None,
                },
                api_key_id: "alice-id".to_owned(),
                workspace_id: Some("workspace-of-the-key".to_owned()),
                expires_at: None,
                standing: if which == "waiting-key" {
                    Standing::Grace
                } else {
                    Standing::Confirmed
                },
            })),
            "gone-key" => Err(AuthError::Refused(RefusalReason::Expired)),
            "broken-key" => panic!("a fault of ours"),
            "quiet-key" => Err(AuthError::Unavailable("nobody answers".into())),
            _ => Err(AuthError::Refused(RefusalReason::UnknownKey)),
        }
    }

    async fn permit(&self, _: &Grant, _: &str, model: &str) -> Result<(), AuthError> {
        if self.is_withdrawn.load(Ordering::SeqCst) {
            return Err(AuthError::Refused(RefusalReason::NotAllowed));
        }
        match model {
            "forbidden-model" => Err(AuthError::Refused(RefusalReason::NotAllowed)),
            _ => Ok(()),
        }
    }
}

struct Kept {
    records: Mutex<Vec<Record>>,
    is_open: bool,
    is_broken: bool,
    is_mute: bool,
    is_settled: watch::Sender<bool>,
    /// How many wait or have waited for that.
    settling: AtomicUsize,
}

#[async_trait]
impl Recorder for Kept {
    async fn start(&self, started: Record) -> Result<(), RecordError> {
        if !self.is_open {
            return Err(RecordError::Closed);
        }
        self.records.lock().push(started);
        if self.is_mute {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    fn record(&self, record: Record) {
        let is_tokens = matches!(record.event, Event::Tokens(_));
        assert!(!(self.is_broken && is_tokens), "a fault of ours");
        self.records.lock().push(record);
    }

    async fn settle(&self) {
        self.settling.fetch_add(1, Ordering::SeqCst);
        // Nothing is ever safe at once.
        tokio::task::yield_now().await;
        let mut is_settled = self.is_settled.subscribe();
        is_settled.wait_for(|is_settled| *is_settled).await.unwrap();
    }
}

/// Every line that was logged, with all its values.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl Drain for Lines {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &slog::Record<'_>, values: &OwnedKVList) -> Result<(), slog::Never> {
        let mut line = Line(record.msg().to_string());
        let _ignored = record.kv().serialize(record, &mut line);
        let _ignored = values.serialize(record, &mut line);
        let mut lines = self.0.lock();
        lines.push_str(&line.0);
        lines.push('\n');
        Ok(())
    }
}

struct Line(String);

impl slog::Serializer for Line {
    fn emit_arguments(&mut self, key: slog::Key, value: &std::fmt::Arguments<'_>) -> slog::Result {
        self.0.push_str(&format!(" {key}={value}"));
        Ok(())
    }
}
