//! The generator itself.

use std::path::Path;
use std::{fs, io};

use crate::Outcome;

const PACKAGE: &str = "bridge.control.v1";
const FILES: [&str; 5] = ["session", "authorize", "record", "configure", "tools"];

/// Messages that hold credentials. `bridge-proto` says how they are shown.
const SECRET: [&str; 7] = [
    "IsAuthorizedRequest",
    "Provider",
    "Manners",
    "Bedrock",
    "ToolServerHeader",
    "FixedToken",
    "UserToken",
];

/// Generates the code, or with `check` compares it with what is committed.
///
/// # Errors
/// When the contract does not compile, or with `check` when the committed code is not what it
/// would be.
pub(super) fn run(root: &Path, check: bool) -> Outcome {
    let committed = root
        .join("crates/bridge-proto/src/generated")
        .join(format!("{PACKAGE}.rs"));
    let fresh = generate(root)?;
    if !check {
        if let Some(folder) = committed.parent() {
            fs::create_dir_all(folder)?;
        }
        return Ok(fs::write(&committed, fresh)?);
    }
    match fs::read_to_string(&committed) {
        Ok(text) if text == fresh => Ok(()),
        Ok(_) => Err("the generated code is stale: run `cargo xtask codegen`".into()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            Err("there is no generated code: run `cargo xtask codegen`".into())
        }
        Err(cause) => Err(cause.into()),
    }
}

fn generate(root: &Path) -> Outcome<String> {
    let proto = root.join("proto");
    let files: Vec<_> = FILES
        .iter()
        .map(|name| format!("bridge/control/v1/{name}.proto"))
        .collect();
    let descriptors = protox::compile(&files, [&proto])?;
    let out = root.join("target/codegen");
    fs::create_dir_all(&out)?;
    tonic_prost_build::configure()
        .out_dir(&out)
        .build_client(true)
        .build_server(true)
        // The client end dials itself, and a method of ours is called `connect` too.
        .build_transport(false)
        .skip_debug(SECRET.map(|name| format!(".{PACKAGE}.{name}")))
        .compile_fds(descriptors)?;
    Ok(fs::read_to_string(out.join(format!("{PACKAGE}.rs")))?)
}
