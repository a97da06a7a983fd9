//! The command line: what can be said, and who does it.

mod check_config;
mod control;
mod demo;
mod gateway_key;
mod interceptions;
mod journal;
mod key;
mod listing;
mod log;
mod operator;
mod print_config;
mod print_metrics;
mod process;
mod provider;
mod reload;
mod serve;
mod sessions;
mod simulate;
mod table;
#[cfg(test)]
mod tests;
mod tool_server;
mod turns;
mod user;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bridge_record::{OpenError, ReplayError};
use bridge_simulate::SimulateError;
use clap::{Parser, Subcommand};
use serde::Serialize;

use self::demo::DemoError;
use crate::config::env::Environment;
use crate::config::{ConfigError, secret_file::SecretFileError};
use crate::data_folder::DataFolderError;
use crate::operator_api::ApiError;
use crate::sockets::Inherited;
use crate::wiring::{Refused, StartError};

/// An identity-aware gateway between coding agents and model providers.
#[derive(Debug, Parser)]
#[command(name = "bridged", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The configuration file [env: BRIDGED_CONFIG] [default: bridged.toml in the data folder]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway, with its control plane embedded or elsewhere
    Serve(serve::Args),
    /// Run a control plane for gateways elsewhere
    Control(control::Args),
    /// Show everything in one go, with a provider that costs nothing
    Demo(demo::Args),
    /// Run a simulated provider that costs nothing
    Simulate(simulate::Args),
    /// Check the configuration and report every problem in it
    CheckConfig(check_config::Args),
    /// Make, list and change users
    User(user::Args),
    /// Make, list and delete the keys that users present
    Key(key::Args),
    /// Make, list and delete the keys by which gateways prove themselves to this control plane
    GatewayKey(gateway_key::Args),
    /// List and change the providers that requests go to
    Provider(provider::Args),
    /// List and change the tool servers whose tools agents are offered, and users' tokens for them
    ToolServer(tool_server::Args),
    /// Show recorded requests
    Interceptions(interceptions::Args),
    /// Show recorded conversations
    Sessions(sessions::Args),
    /// Make the running server read its configuration again
    Reload(reload::Args),
    /// Show and change what the running server logs
    Log(log::Args),
    /// Show the requests that run now
    Turns(turns::Args),
    /// Look after the records on this machine's disk
    Journal(journal::Args),
    /// Print the settings that exist, for the reference
    #[command(hide = true)]
    PrintConfig(print_config::Args),
    /// Print the families of metrics that exist, for the reference
    #[command(hide = true)]
    PrintMetrics,
}

/// What every command is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'c> {
    /// The configuration file that was named.
    pub(crate) config: Option<&'c Path>,
    /// The variables.
    pub(crate) environment: &'c Environment,
    /// Sockets that a supervisor hands over.
    pub(crate) inherited: &'c Inherited,
}

/// Why a command did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server did not do it.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The data folder cannot be used.
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),
    /// A file with a secret cannot be used.
    #[error(transparent)]
    SecretFile(#[from] SecretFileError),
    /// The simulated provider cannot be started.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// The server cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The demonstration did not go as it should.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The server ended, and not everything was kept.
    #[error("{0} records were lost: they could be neither delivered nor kept here")]
    Lost(usize),
    /// The control plane refused the gateway, and it has left.
    #[error(transparent)]
    Refused(Refused),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// Records cannot be delivered once more.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// Something in the journal is damaged.
    #[error("{0} places of the journal are damaged: the next start of the server sets them aside")]
    Damaged(usize),
    /// Signals cannot be listened for.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// What was said does not fit together.
    #[error("{0}")]
    Usage(String),
    /// The input cannot be read.
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    /// The output cannot be written.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
}

/// Does what the command line says and writes the result to `out`.
///
/// # Errors
/// When it cannot be done; nothing of it has then been written, or not all.
pub(crate) async fn run(
    cli: Cli,
    environment: &Environment,
    inherited: &Inherited,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let context = Context {
        config: cli.config.as_deref(),
        environment,
        inherited,
    };
    match cli.command {
        // What serves holds a whole configuration, and the other commands have no use for that room.
        Command::Serve(args) => Box::pin(serve::run(&args, context, out)).await,
        Command::Control(args) => Box::pin(control::run(&args, context, out)).await,
        Command::Demo(args) => Box::pin(demo::run(&args, out)).await,
        Command::Simulate(args) => simulate::run(&args, context.environment, out).await,
        Command::CheckConfig(args) => check_config::run(&args, context, out),
        Command::User(args) => user::run(args, context, out).await,
        Command::Key(args) => key::run(args, context, out).await,
        Command::GatewayKey(args) => gateway_key::run(args, context, out).await,
        Command::Provider(args) => provider::run(args, context, out).await,
        Command::ToolServer(args) => tool_server::run(args, context, out).await,
        Command::Interceptions(args) => interceptions::run(args, context, out).await,
        Command::Sessions(args) => sessions::run(args, context, out).await,
        Command::Reload(args) => reload::run(&args, context, out).await,
        Command::Log(args) => log::run(args, context, out).await,
        Command::Turns(args) => turns::run(&args, context, out).await,
        Command::Journal(args) => journal::run(args, context, out).await,
        Command::PrintConfig(args) => print_config::run(&args, out),
        Command::PrintMetrics => print_metrics::run(out),
    }
}

fn say(out: &mut dyn Write, text: &str) -> Result<(), CommandError> {
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(CommandError::Output)
}

fn say_json(out: &mut dyn Write, what: &impl Serialize) -> Result<(), CommandError> {
    let mut text = serde_json::to_string_pretty(what)
        .map_err(|cause| CommandError::Output(io::Error::other(cause)))?;
    text.push('\n');
    say(out, &text)
}
