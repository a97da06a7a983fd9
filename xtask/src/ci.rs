//! The checks of `.ci/run` besides tests and recorded exchanges.

use std::path::Path;

use crate::chaos::{self, ChaosFlags};
use crate::process::{cargo, run as call};
use crate::{Outcome, codegen, layers, metrics, tidy};

/// Runs the checks one after the other and stops at the first that fails. `fast` leaves out what
/// takes long and rarely fails: generated code, documentation, metrics and chaos.
pub(crate) fn run(root: &Path, fast: bool) -> Outcome {
    call(&mut cargo(root, &["fmt", "--all", "--", "--check"]))?;
    layers::run(root)?;
    tidy::run(root)?;
    if !fast {
        codegen::run(root, true)?;
    }
    let clippy = ["clippy", "--workspace", "--all-targets", "--quiet", "--"];
    call(cargo(root, &clippy).args(["-D", "warnings"]))?;
    if !fast {
        let doc = ["doc", "--workspace", "--no-deps", "--quiet"];
        call(cargo(root, &doc).env("RUSTDOCFLAGS", "-D warnings"))?;
        metrics::run(root, None)?;
        let short = ChaosFlags {
            short: true,
            ..ChaosFlags::default()
        };
        chaos::run(root, &short)?;
    }
    println!("all checks passed");
    Ok(())
}
