//! The project's own tasks: `cargo xtask` lists them.
//!
//! No product crate is a dependency, so that this builds in seconds; what is heavy is a call of
//! cargo.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task speaks to the person who started it"
)]

mod bench;
mod chaos;
mod ci;
mod clock;
mod codegen;
mod conformance;
mod digest;
mod flags;
mod fuzz;
mod gateway;
mod http1;
mod layers;
mod metrics;
mod process;
mod program;
mod sdks;
mod simulated;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::flags::{Parsed, Task};

/// What a task ends with. The text of the error is for the person who started it.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1);
    match flags::parse(arguments) {
        Ok(Parsed::Help) => {
            print!("{}", flags::help());
            ExitCode::SUCCESS
        }
        Ok(Parsed::Task(task)) => finish(run(&root(), &task)),
        Err(problem) => {
            eprintln!("{problem}\n\n{}", flags::help());
            ExitCode::from(2)
        }
    }
}

fn run(root: &Path, task: &Task) -> Outcome {
    match task {
        Task::CheckLayers => layers::run(root),
        Task::Tidy => tidy::run(root),
        Task::Codegen { check } => codegen::run(root, *check),
        Task::Ci { fast } => ci::run(root, *fast),
        Task::Conformance { fixtures, bin } => {
            conformance::run(root, fixtures.as_deref(), bin.as_deref())
        }
        Task::Sdks { bin } => sdks::run(root, bin.as_deref()),
        Task::Metrics { bin } => metrics::run(root, bin.as_deref()),
        Task::Chaos(flags) => chaos::run(root, flags),
        Task::Bench { short } => bench::run(root, *short),
        Task::Fuzz { target, seconds } => fuzz::run(root, target.as_deref(), *seconds),
    }
}

fn finish(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace this task was built in.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
