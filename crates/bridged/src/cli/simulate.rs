//! `bridged simulate`: a provider that costs nothing, to try things out and to load them.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bridge_simulate::{AwsSender, SimulateConfig, Simulator, ToolServer, ToolServerConfig};
use bridge_telemetry::{LogConfig, Logging};
use slog::{Logger, info};

use super::{CommandError, say};
use crate::config::duration;
use crate::config::env::Environment;
use crate::log_bridge;
use crate::signals::{Order, Signals};

/// How long answers may take to finish after the first SIGTERM; a second one cuts them.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4190")]
    listen: SocketAddr,
    /// Time between two events of a stream, like 20ms; none when not given
    #[arg(long, value_name = "DURATION", value_parser = pace)]
    pace: Option<Duration>,
    /// All answers follow from this number and the request
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Append each request and each answer's end to this file, as JSON lines
    #[arg(long, value_name = "PATH")]
    ledger: Option<PathBuf>,
    /// Refuse Bedrock requests that AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and
    /// AWS_SESSION_TOKEN if it is set, have not signed
    #[arg(long)]
    check_signatures: bool,
    /// Run a tool server as well, like 127.0.0.1:4191
    #[arg(long, value_name = "ADDRESS")]
    tool_server: Option<SocketAddr>,
}

/// Whose signatures are good, from the variables that AWS's own tools read.
fn aws_sender(environment: &Environment) -> Result<AwsSender, CommandError> {
    let text = |name: &str| match environment.text(name) {
        Ok(text) => Ok(text),
        Err(_) => Err(CommandError::Usage(format!(
            "the variable {name} is not UTF-8"
        ))),
    };
    let needed = |name: &str| {
        let missing =
            || CommandError::Usage(format!("--check-signatures needs the variable {name}"));
        text(name)?.map(ToOwned::to_owned).ok_or_else(missing)
    };
    Ok(AwsSender {
        access_key_id: needed("AWS_ACCESS_KEY_ID")?,
        secret_access_key: needed("AWS_SECRET_ACCESS_KEY")?,
        session_token: text("AWS_SESSION_TOKEN")?.map(ToOwned::to_owned),
    })
}

fn pace(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| "give one like 20ms".to_owned())
}

async fn bind_tools(listen: SocketAddr, logger: &Logger) -> Result<ToolServer, CommandError> {
    let config = ToolServerConfig {
        listen,
        ..ToolServerConfig::default()
    };
    Ok(ToolServer::bind(config, logger).await?)
}

/// Serves until the first SIGTERM or SIGINT, and then until running answers have ended.
pub(crate) async fn run(
    args: &Args,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let aws_sender = match args.check_signatures {
        true => Some(aws_sender(environment)?),
        false => None,
    };
    let (_logging, logger) = Logging::start(LogConfig::default());
    log_bridge::install(&logger);
    let mut signals = Signals::listen().map_err(CommandError::Signals)?;
    let config = SimulateConfig {
        listen: args.listen,
        pace: args.pace.unwrap_or_default(),
        seed: args.seed,
        ledger: args.ledger.clone(),
        aws_sender,
        // Nobody in this process looks at them, and a load test is spared the hashing.
        keep_seen: 0,
        ..SimulateConfig::default()
    };
    let simulator = Simulator::bind(config, &logger).await?;
    let tool_server = match args.tool_server {
        Some(address) => Some(bind_tools(address, &logger).await?),
        None => None,
    };
    say(
        out,
        &format!(
            "A simulated provider is running. Let a gateway lead to it:\n\n  \
             ANTHROPIC_BASE_URL={} ANTHROPIC_API_KEY=any \\\n  \
             OPENAI_BASE_URL={} OPENAI_API_KEY=any bridged serve\n\n",
            simulator.base_url_anthropic(),
            simulator.base_url_openai()
        ),
    )?;
    if let Some(tools) = &tool_server {
        let line = format!("A simulated tool server is running at {}\n\n", tools.url());
        say(out, &line)?;
    }
    signals.wait_for(Order::Drain).await;
    info!(logger, "draining");
    // Running turns may still call tools: it ends after the provider.
    let cut = async {
        let cut = simulator.shutdown(PATIENCE).await;
        match tool_server {
            Some(tools) => cut + tools.shutdown(Duration::ZERO).await,
            None => cut,
        }
    };
    tokio::select! {
        cut = cut => info!(logger, "stopped"; "cut" => cut),
        () = signals.wait_for(Order::Cut) => info!(logger, "stopped at once"),
    }
    Ok(())
}
