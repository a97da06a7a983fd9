//! Starts gateway, control plane and simulated provider, shows what they do, and goes on serving.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bridge_auth::Secret;
use bridge_control::api::{NewKey, NewUser};
use bridge_control::{ControlError, ControlServer};
use bridge_simulate::{SimulateConfig, Simulator};
use bridge_telemetry::{LogConfig, LogFormat, Logging};
use slog::{Level, Logger};
use tokio::sync::watch;
use uuid::Uuid;

use super::{Args, answers, perform, plan, recorded, records};
use crate::cli::serve::run_until_signalled;
use crate::cli::{CommandError, say};
use crate::config::env::Environment;
use crate::config::setting::BaseUrl;
use crate::config::{Config, Provider};
use crate::data_folder::DataFolder;
use crate::log_bridge;
use crate::operator_api::{OperatorApi, url_of};
use crate::settings::{self, Settings};
use crate::signals::{Order, Signals};
use crate::sockets::Inherited;
use crate::supervisor::Supervisor;
use crate::wiring::{Listeners, Server, StartError};

/// Who sends the requests of the demonstration.
const USER: &str = "demo";
/// How long running requests may take when the demonstration is stopped.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the demonstration shows itself with.
struct Shown {
    gateway: SocketAddr,
    operator: String,
    api: OperatorApi,
    key: Secret,
    token_header: String,
    data_folder: PathBuf,
}

/// The whole demonstration.
pub(crate) async fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let log = LogConfig {
        level: Level::Warning,
        format: LogFormat::Auto,
    };
    let (_logging, logger) = Logging::start(log);
    log_bridge::install(&logger);
    let signals = Signals::listen().map_err(CommandError::Signals)?;
    let place = TemporaryFolder::new();
    let folder = DataFolder::open(&place.0)?;
    let simulator = Simulator::bind(SimulateConfig::default(), &logger).await?;
    let config = config(args, folder.path(), &simulator)?;
    let token = folder.admin_token()?;
    let listeners = Listeners::open(&config.listen, &Inherited::default()).await?;
    let token_copy = token.clone();
    let start = Server::start(
        &config,
        false,
        None,
        listeners,
        folder.path(),
        token_copy,
        &logger,
    );
    let server = start.await?;
    say(out, &beginning(&server, &simulator))?;
    let operator = url_of(server.operator_address());
    let control = server.control().ok_or_else(|| {
        CommandError::Usage("the demonstration needs an embedded control plane".to_owned())
    })?;
    let shown = Shown {
        gateway: server.gateway_address(),
        api: OperatorApi::try_new(&operator, &token)?,
        operator,
        key: key(control).await.map_err(StartError::Control)?,
        token_header: config.headers.token.to_string(),
        data_folder: folder.path().to_owned(),
    };
    serve_and_show(server, signals, args.once, &shown, &logger, out).await
}

/// Serves while the demonstration runs, and afterwards until a signal unless it ends by itself.
async fn serve_and_show(
    server: Server,
    signals: Signals,
    ends: bool,
    shown: &Shown,
    logger: &Logger,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let orders = watch::Sender::new(None);
    let supervisor = Supervisor::none(logger);
    let serve = run_until_signalled(server, signals, &orders, &supervisor, logger);
    let show = async {
        let outcome = show(shown, out).await;
        if ends || outcome.is_err() {
            orders.send_replace(Some(Order::Drain));
        } else {
            say(out, &goodbye(shown))?;
        }
        outcome
    };
    let (left, outcome) = tokio::join!(serve, show);
    outcome?;
    if left == 0 {
        Ok(())
    } else {
        Err(CommandError::Lost(left))
    }
}

async fn show(shown: &Shown, out: &mut dyn Write) -> Result<(), CommandError> {
    let requests = plan("anthropic", "openai");
    let mut answered = Vec::new();
    for request in &requests {
        answered.push(perform(shown.gateway, &shown.key, request).await?);
    }
    say(
        out,
        &format!("Sent through the gateway:\n\n{}\n", answers(&answered)),
    )?;
    let interceptions = recorded(&shown.api, USER, requests.len()).await?;
    say(
        out,
        &format!(
            "Recorded by the control plane:\n\n{}\n",
            records(&interceptions)
        ),
    )?;
    let settings = settings::text(&Settings {
        gateway_url: &url_of(shown.gateway),
        key: &shown.key,
        anthropic: Some("anthropic"),
        openai: Some("openai"),
        own: Some("anthropic"),
        token_header: &shown.token_header,
    });
    say(out, &format!("Settings to paste:\n\n{settings}"))
}

fn beginning(server: &Server, simulator: &Simulator) -> String {
    format!(
        "bridged {} demo: nothing leaves this machine, and nothing costs money\n\n  \
         gateway             {}\n  \
         operator            {}   (/healthz, /readyz, /metrics, /api/v1)\n  \
         simulated provider  http://{}\n\n",
        env!("CARGO_PKG_VERSION"),
        url_of(server.gateway_address()),
        url_of(server.operator_address()),
        simulator.address(),
    )
}

fn goodbye(shown: &Shown) -> String {
    format!(
        "Still serving: point a tool at it with the settings above, and look at the records with\n\n  \
         bridged interceptions list --admin-url {} --admin-token-file {}/admin-token\n\n\
         Ctrl-C ends it and removes everything it made.\n",
        shown.operator,
        shown.data_folder.display(),
    )
}

async fn key(control: &ControlServer) -> Result<Secret, ControlError> {
    let user = NewUser {
        username: USER.to_owned(),
        email: None,
        name: None,
    };
    control.create_user(user).await?;
    let key = NewKey {
        user: USER.to_owned(),
        name: Some("demo".to_owned()),
        lifetime_seconds: None,
        workspace_id: None,
    };
    Ok(control.create_key(key).await?.secret.into())
}

/// The built-in settings, with the simulated provider behind both names.
fn config(args: &Args, folder: &Path, simulator: &Simulator) -> Result<Config, CommandError> {
    let place = folder.as_os_str().to_owned();
    let environment = Environment::from_pairs([("BRIDGED_DATA_FOLDER", place)]);
    let mut config = Config::load(None, &environment)?.config;
    config.drain.patience = PATIENCE;
    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    config.listen.address = address(args.port);
    config.listen.operator_address = address(if args.port == 0 {
        0
    } else {
        args.port.wrapping_add(1)
    });
    let bases = [
        ("anthropic", simulator.base_url_anthropic()),
        ("openai", simulator.base_url_openai()),
    ];
    config
        .providers
        .retain(|provider| bases.iter().any(|(name, _)| *name == provider.name));
    for provider in &mut config.providers {
        let base = bases.iter().find(|(name, _)| *name == provider.name);
        let (_, base) = base.ok_or_else(|| CommandError::Usage("no such provider".to_owned()))?;
        *provider = Provider {
            name: provider.name.clone(),
            kind: provider.kind,
            base_url: BaseUrl::parse(base).map_err(CommandError::Usage)?,
            enabled: true,
            keys: vec![Secret::new("simulated".to_owned())],
        };
    }
    Ok(config)
}

/// A folder that is gone when the demonstration ends.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("bridged-demo-{}", Uuid::new_v4().simple())))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed is a demonstration's rest in a temporary folder.
        let _ignored = fs::remove_dir_all(&self.0);
    }
}
