//! An identity-aware gateway between coding agents and model providers.
//!
//! This program reads the configuration, wires the floors below it, and waits for signals; it is
//! also the command line of a running server. Logic belongs to the crates below.

mod cli;
mod config;
mod data_folder;
mod http_client;
mod log_bridge;
#[cfg(test)]
mod log_lines;
mod log_view;
mod observers;
mod operator_api;
mod provider_view;
mod reload_view;
mod report;
mod settings;
mod signals;
mod sockets;
mod supervisor;
mod tool_server_view;
mod turn_view;
mod wiring;

use std::io::{self, Write};
use std::process::ExitCode;

use bridge_telemetry::ErrorChain;
use clap::Parser;

use crate::cli::{Cli, CommandError};
use crate::config::env::Environment;
use crate::sockets::Inherited;

/// The command could not do what it was told.
const FAILURE: u8 = 1;
/// What it was told, or the configuration, is wrong. The argument parser ends with it, too.
const MISUSE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let environment = Environment::of_process();
    // Before there are threads, because it changes the environment.
    let inherited = Inherited::of_process(&environment);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(cause) => {
            complain(&format!("cannot start the runtime: {cause}"));
            return ExitCode::from(FAILURE);
        }
    };
    let mut out = io::stdout();
    let run = cli::run(cli, &environment, &inherited, &mut out);
    let outcome = runtime.block_on(run);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // The reader had enough, as `head` has.
        Err(CommandError::Output(cause)) if cause.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            complain(&ErrorChain(&failure).to_string());
            ExitCode::from(exit_code(&failure))
        }
    }
}

fn exit_code(failure: &CommandError) -> u8 {
    match failure {
        CommandError::Config(_) | CommandError::Usage(_) => MISUSE,
        CommandError::Api(_)
        | CommandError::DataFolder(_)
        | CommandError::SecretFile(_)
        | CommandError::Simulate(_)
        | CommandError::Start(_)
        | CommandError::Demo(_)
        | CommandError::Lost(_)
        | CommandError::Refused(_)
        | CommandError::Journal(_)
        | CommandError::Replay(_)
        | CommandError::Damaged(_)
        | CommandError::Signals(_)
        | CommandError::Input(_)
        | CommandError::Output(_) => FAILURE,
    }
}

fn complain(text: &str) {
    // There is nowhere left to tell that standard error is closed.
    let _ignored = writeln!(io::stderr(), "bridged: {text}");
}
