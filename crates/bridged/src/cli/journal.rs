//! `bridged journal`: what is on this machine's disk and not yet with the control plane.
//!
//! `status`, `verify` and `export` read beside a running server; `replay` needs the data folder
//! for itself.

mod export;
mod replay;
mod status;
#[cfg(test)]
mod tests;
mod verify;

use std::io::Write;
use std::path::PathBuf;

use bridge_record::JournalReader;

use super::{CommandError, Context};
use crate::config::OperatorConfig;
use crate::wiring::recording::JOURNAL;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, clap::Subcommand)]
enum Deed {
    /// Show how much is in the journal, and what was set aside
    Status {
        #[command(flatten)]
        place: Place,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Check every checksum; the exit code is 1 when something is damaged
    Verify(Place),
    /// Print records as JSON, one a line. They hold what people asked
    Export {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        what: export::What,
    },
    /// Deliver what the files hold to the control plane once more; nothing is counted twice
    Replay(replay::Replay),
}

/// Which journal.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The journal's folder [default: journal in the data folder]
    #[arg(long, value_name = "PATH")]
    folder: Option<PathBuf>,
}

impl Place {
    fn folder(&self, context: Context<'_>) -> Result<PathBuf, CommandError> {
        match &self.folder {
            Some(folder) => Ok(folder.clone()),
            None => {
                let config = OperatorConfig::load(context.config, context.environment)?.config;
                Ok(config.data_folder.join(JOURNAL))
            }
        }
    }

    fn open(&self, context: Context<'_>) -> Result<(PathBuf, JournalReader), CommandError> {
        let folder = self.folder(context)?;
        let reader = JournalReader::open(&folder)?;
        Ok((folder, reader))
    }
}

pub(crate) async fn run(
    args: Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    match args.deed {
        Deed::Status { place, json } => {
            let (folder, reader) = place.open(context)?;
            status::run(&folder, &reader, json, out)
        }
        Deed::Verify(place) => verify::run(&place.open(context)?.1, out),
        Deed::Export { place, what } => export::run(&place.open(context)?.1, &what, out),
        Deed::Replay(args) => replay::run(&args, context, out).await,
    }
}
