//! Random input for the parsers, by cargo-fuzz.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::process::run as call;

/// Runs one target, or all of them one after the other, this many seconds each. Installs nothing:
/// says what is missing.
pub(crate) fn run(root: &Path, target: Option<&str>, seconds: u64) -> Outcome {
    let mut chosen = targets(root)?;
    if let Some(name) = target {
        let known = chosen.join(", ");
        chosen.retain(|known| known == name);
        if chosen.is_empty() {
            return Err(format!("no fuzz target {name:?}: there are {known}").into());
        }
    }
    if !is_installed() {
        return Err(
            "cargo-fuzz is missing: `cargo install cargo-fuzz` brings it, and libFuzzer \
                    needs a C++ compiler"
                .into(),
        );
    }
    for name in &chosen {
        fs::create_dir_all(root.join("crates/fuzz/corpus").join(name))?;
        call(&mut fuzz(root, name, seconds))?;
    }
    Ok(())
}

/// The names of the targets, in alphabetical order.
fn targets(root: &Path) -> Outcome<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("crates/fuzz/fuzz_targets"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "rs") {
            names.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    names.sort();
    Ok(names)
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
