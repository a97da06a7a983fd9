//! `bridged print-config`: the settings that exist, for the committed reference.

use std::io::Write;

use super::{CommandError, say};
use crate::config::sample;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// As a page of the reference instead of a file
    #[arg(long)]
    markdown: bool,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let text = if args.markdown {
        sample::markdown()
    } else {
        sample::toml()
    };
    say(out, &text)
}
