//! What can be said on the command line.

mod answering;
mod configuration;
mod parser;
mod providers;
mod records;
mod tool_servers;
mod users_and_keys;

use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Cli, ErrorKind> {
    Cli::try_parse_from(line.split_whitespace()).map_err(|error| error.kind())
}

/// Runs a command with an environment of its own.
pub(super) async fn said(line: &str, pairs: &[(&str, &str)]) -> Result<String, CommandError> {
    let environment = Environment::from_pairs(pairs.iter().copied());
    let mut out = Vec::new();
    let inherited = Inherited::default();
    run(parse(line).unwrap(), &environment, &inherited, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}
