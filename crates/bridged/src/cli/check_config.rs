//! `bridged check-config`: everything that is wrong with the configuration, at once.

use std::io::Write;

use super::serve::ControlArgs;
use super::{CommandError, Context, say};
use crate::config::{Config, sample};
use crate::report;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print a file with everything that can be set and its default, instead of checking
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(crate) fn run(
    args: &Args,
    context: Context<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    if args.print {
        return say(out, &sample::toml());
    }
    let environment = args.control.lay_over(context.environment);
    let loaded = Config::load(context.config, &environment)?;
    say(out, &report::checked(&loaded))
}
