//! Random input for the parsers, by cargo-fuzz.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::process::run as call;

/// The targets of `crates/fuzz`.
const TARGETS: [&str; 4] = ["headers", "sse", "envelope", "observe"];

/// Runs one target, or all of them one after the other, this many seconds each. Installs nothing:
/// says what is missing.
pub(crate) fn run(root: &Path, target: Option<&str>, seconds: u64) -> Outcome {
    let chosen = match target {
        None => &TARGETS[..],
        Some(name) => TARGETS
            .iter()
            .find(|known| **known == name)
            .map(std::slice::from_ref)
            .ok_or_else(|| format!("no fuzz target {name:?}: there are {}", TARGETS.join(", ")))?,
    };
    if !is_installed() {
        return Err(
            "cargo-fuzz is missing: `cargo install cargo-fuzz` brings it, and libFuzzer \
                    needs a C++ compiler"
                .into(),
        );
    }
    for name in chosen {
        fs::create_dir_all(root.join("crates/fuzz/corpus").join(name))?;
        call(&mut fuzz(root, name, seconds))?;
    }
    Ok(())
}

fn is_installed() -> bool {
    let mut command = Command::new("cargo");
    command.args(["fuzz", "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn fuzz(root: &Path, name: &str, seconds: u64) -> Command {
    let mut command = Command::new("cargo");
    command
        .current_dir(root.join("crates"))
        // The sanitizer flags are unstable; the stable compiler takes them when it is told to.
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["fuzz", "run", "--fuzz-dir", "fuzz", name])
        // New inputs go into the first folder, which is not committed.
        .arg(format!("fuzz/corpus/{name}"))
        .arg(format!("fuzz/seeds/{name}"))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg("-timeout=10");
    command
}
