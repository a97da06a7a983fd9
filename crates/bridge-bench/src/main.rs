//! Puts a gateway under load and says what it costs: `bridge-load`.
//!
//! It sends the same requests to a provider directly and through a gateway, in turns and within
//! one run, so that both meet the machine in the same mood. It prints a table of requests a
//! second, delays, what the gateway adds to them, the gateway's processor time for each request
//! and event, and its memory for each open stream. The README says how to read it.

mod case;
mod connection;
mod flags;
mod goals;
mod process;
mod run;
mod samples;
mod table;
mod target;
#[cfg(test)]
mod tests;
mod twin;

use std::io::{self, Write};
use std::process::ExitCode;

use bridge_telemetry::ErrorChain;

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    match work(std::env::args().skip(1), &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let shown = ErrorChain(&*error).to_string();
            let _ignored = writeln!(io::stderr(), "bridge-load: {shown}");
            ExitCode::FAILURE
        }
    }
}

fn work(
    arguments: impl Iterator<Item = String>,
    out: &mut impl Write,
) -> Result<(), Box<dyn std::error::Error>> {
    let Some(flags) = flags::parse(arguments)? else {
        out.write_all(flags::HELP.as_bytes())?;
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run::all(&flags, out))
}
