//! Turns `proto/` into the committed code of `bridge-proto`. No `protoc` is needed: protox compiles
//! the contract in Rust.
//!
//! That compiler is heavy, so it stands behind the feature `codegen`. Without it this task calls
//! itself again with the feature.

#[cfg(feature = "codegen")]
mod generate;

use std::path::Path;

use crate::Outcome;

/// Generates the code, or with `check` compares it with what is committed.
#[cfg(feature = "codegen")]
pub(crate) fn run(root: &Path, check: bool) -> Outcome {
    generate::run(root, check)
}

/// Generates the code, or with `check` compares it with what is committed.
#[cfg(not(feature = "codegen"))]
pub(crate) fn run(root: &Path, check: bool) -> Outcome {
    let arguments = ["run", "--quiet", "--package", "xtask"];
    let mut again = crate::process::cargo(root, &arguments);
    again.args(["--features", "codegen", "--", "codegen"]);
    if check {
        again.arg("--check");
    }
    crate::process::run(&mut again)
}
