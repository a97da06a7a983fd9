//! One fault, in one dialect and one manner, played by a provider of its own behind one gateway.

use std::sync::Arc;
use std::time::Duration;

use bridge_auth::Secret;
use bridge_gateway::GatewayConfig;
use bridge_guard::BreakerConfig;
use bridge_intercept::{MannersSpec, ProviderSet, ProviderSpec, RetryConfig};
use bridge_upstream::{ClientConfig, Timeouts};

use crate::support::{Script, Setup, World, call, until};

use super::fault::Fault;
use super::seen::{self, Seen};
use super::site::{Opened, Site};
use super::voice::{Manner, VOICES, Voice};

const KEY: &str = "Authorization: Bearer alice-key";

/// What must be seen by the provider and nobody else.
const OPERATOR_KEY: &str = "operator-key-that-nobody-else-sees";

/// How long a provider may be silent here.
const PATIENCE: Duration = Duration::from_secs(2);

/// Some faults, each with six providers of its own behind one gateway.
pub(super) struct Stage {
    world: World,
    cells: Vec<Cell>,
}

pub(super) struct Cell {
    number: usize,
    fault: &'static Fault,
    manner: Manner,
    voice: &'static Voice,
    site: Opened,
    is_http2: bool,
    /// What the provider says to the last attempt; nothing when none gets that far.
    script: Script,
}

impl Cell {
    async fn open(
        number: usize,
        fault: &'static Fault,
        manner: Manner,
        voice: &'static Voice,
    ) -> Self {
        let site = fault.site(voice, manner);
        let script = match &site {
            Site::Plays(scripts) => scripts.last().cloned().unwrap_or_default(),
            Site::Http2(broken) => broken.script(),
            Site::Refusing | Site::Nameless | Site::Speechless | Site::Untrusted | Site::Mute => {
                Script::new()
            }
        };
        Self {
            number,
            fault,
            manner,
            voice,
            is_http2: matches!(site, Site::Http2(_)),
            site: site.open().await,
            script,
        }
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn fault(&self) -> &'static str {
        self.fault.name
    }

    pub(super) fn manner(&self) -> Manner {
        self.manner
    }

    pub(super) fn voice(&self) -> &'static str {
        self.voice.name
    }

    fn provider(&self) -> String {
        format!("cell-{}", self.number)
    }

    fn spec(&self) -> ProviderSpec {
        ProviderSpec {
            name: self.provider(),
            provider_type: self.voice.provider_type.to_owned(),
            enabled: true,
            base_url: self.site.base_url(self.voice.base),
            keys: vec![Secret::new(OPERATOR_KEY.to_owned())],
            manners: MannersSpec {
                http_version: self.is_http2.then(|| "2".to_owned()),
                ..MannersSpec::default()
            },
            ..ProviderSpec::default()
        }
    }
}

impl Stage {
    pub(super) async fn open(faults: &[&'static Fault]) -> Self {
        let mut cells = Vec::new();
        for fault in faults {
            for manner in Manner::ALL {
                for voice in &VOICES {
                    cells.push(Cell::open(cells.len(), fault, manner, voice).await);
                }
            }
        }
        let mut setup = Setup::playing(Vec::new());
        setup.client = hasty();
        // As a gateway does it when nothing is said.
        setup.intercept.retry = RetryConfig::default();
        // And with breakers that open at the first failure, to see what is one.
        setup.intercept.breaker = Some(BreakerConfig {
            failures: 1,
            ..BreakerConfig::default()
        });
        let mut world = World::with(setup).await;
        let specs = cells.iter().map(Cell::spec).collect();
        world.blueprint.providers = Arc::new(ProviderSet::try_new(specs).unwrap());
        let blueprint = Arc::new(world.blueprint.clone());
        world.gateway.replace(blueprint, GatewayConfig::default());
        Self { world, cells }
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter()
    }

    /// Asks, and looks at everything.
    pub(super) async fn play<'c>(&self, cell: &'c Cell) -> (&'c Cell, Seen) {
        let mut seen = self.ask(cell).await;
        for _ in 1..cell.fault.asked {
            seen = self.ask(cell).await;
        }
        (cell, seen)
    }

    /// Nothing of all this put a credential where people look: log, metrics and records.
    pub(super) fn close(mut self) {
        check_no_secret("records", &format!("{:?}", self.world.records()));
        check_no_secret("metrics", &self.world.metrics.expose());
        let log = self.world.log();
        assert!(log.contains("request served"), "there is a log");
        check_no_secret("log", &log);
    }

    async fn ask(&self, cell: &Cell) -> Seen {
        let (world, provider) = (&self.world, cell.provider());
        let line = format!("POST /{provider}{} HTTP/1.1", cell.voice.path);
        let body = cell.voice.request(cell.manner);
        let ended = seen::ended(world, &provider).len();
        let asked = (cell.site.asked(), seen::retries(world, &provider));
        let reply = call(world.address, &[&line, KEY], body).await;
        until(|| seen::ended(world, &provider).len() > ended).await;
        let told = format!("{}{}", reply.head, reply.text());
        check_no_secret(cell.fault.name, &told);
        let (recorded, tokens) = seen::in_records(world, &provider);
        let retries = seen::retries(world, &provider) - asked.1;
        let attempts = match (cell.site.asked(), asked.0) {
            (Some(now), Some(before)) => now - before,
            // Nobody is there to count.
            (None, _) | (_, None) => retries + 1,
        };
        assert!(
            attempts == 0 || attempts == retries + 1,
            "{}",
            cell.fault.name
        );
        Seen {
            caller: seen::by_caller(cell.voice, &reply, &cell.script, cell.fault.asked),
            recorded,
            tokens,
            key: seen::at_key(world, &provider),
            breaker: seen::at_breaker(world, &provider),
            attempts: attempts.to_string(),
        }
    }
}

fn check_no_secret(place: &str, text: &str) {
    for secret in [OPERATOR_KEY, "alice-key"] {
        assert!(!text.contains(secret), "{secret} stands in {place}: {text}");
    }
}

/// No connection waits for a next request, because none comes.
fn hasty() -> ClientConfig {
    ClientConfig {
        timeouts: Timeouts {
            connect: PATIENCE,
            head: PATIENCE,
            silence: PATIENCE,
            total: None,
        },
        idle_per_endpoint: 0,
        ..ClientConfig::default()
    }
}
