//! The gateway under load: simulated provider, gateway and load runner, all as users get them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::gateway::{Gateway, Provider};
use crate::program::{Program, pause};
use crate::{Outcome, clock, process, simulated};

/// How long an idle gateway is left alone before its memory is measured.
const IDLE: Duration = Duration::from_secs(1);
/// How often the start is measured.
const STARTS: u32 = 5;
/// The simulated tool server has ten tools: under so many names it has fifty.
const TOOL_SERVERS: usize = 5;
/// What a gateway is told whose records wait in memory.
const WITHOUT_JOURNAL: &str = "[journal]\nmode = \"off\"\n";
/// A start is to take less.
const START_GOAL: Duration = Duration::from_millis(100);
/// An idle gateway is to take less, in KiB.
const IDLE_GOAL: u64 = 20 << 10;

/// Times the parts, which the short form leaves out, builds everything for release, and prints the
/// table.
pub(crate) fn run(root: &Path, short: bool) -> Outcome {
    if !short {
        let parts = [
            "bench",
            "--package",
            "bridge-bench",
            "--package",
            "bridge-control",
        ];
        process::run(process::cargo(root, &parts).args(["--bench", "*", "--", "--quick"]))?;
    }
    let bridged = process::build(root, "bridged", "bridged", &["--release"])?;
    let load = process::build(root, "bridge-bench", "bridge-load", &["--release"])?;
    let mut simulate = Command::new(&bridged);
    simulate.args(["simulate", "--listen", "127.0.0.1:0"]);
    simulate.args(["--tool-server", "127.0.0.1:0"]);
    let simulator = Program::start(&mut simulate)?;
    let direct = simulated::provider(&simulator)?;
    let tools = simulated::tool_server(&simulator)?;
    print_start(&bridged, &direct)?;
    let gateway = start(&bridged, "", &direct)?;
    let key = gateway.make_key()?;
    let twins = [
        (
            "--without-journal",
            start(&bridged, WITHOUT_JOURNAL, &direct)?,
        ),
        ("--empty", with_tools(&bridged, &direct, &tools, &["."], 1)?),
        (
            "--tools",
            with_tools(&bridged, &direct, &tools, &[], TOOL_SERVERS)?,
        ),
    ];
    print_idle(&gateway)?;
    let mut runner = Command::new(&load);
    runner
        .args(["--direct", &direct, "--key", &key])
        .args([
            "--gateway",
            &format!("http://{}/anthropic", gateway.address),
        ])
        .args(["--pid", &gateway.process_id().to_string()]);
    for (name, twin) in &twins {
        runner
            .args([name, &*format!("http://{}/anthropic", twin.address)])
            .args([format!("{name}-key"), twin.make_key()?])
            .args([format!("{name}-pid"), twin.process_id().to_string()]);
    }
    if short {
        runner.arg("--short");
    }
    // Not through `process::run`: the key is nobody's business, not even on a terminal.
    let status = runner.status()?;
    gateway.stop()?;
    for (_, twin) in twins {
        twin.stop()?;
    }
    simulator.stop()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("bridge-load ended with {status}").into()),
    }
}

fn start(bridged: &Path, further: &str, direct: &str) -> Outcome<Gateway> {
    let provider = Provider {
        name: "anthropic",
        kind: "anthropic",
        base_url: direct.to_owned(),
        key: Some("operator-key-for-anthropic"),
    };
    Gateway::start_with(bridged, "info", further, &[provider])
}

/// A gateway that knows the tool server under so many names, without the tools in whose names one
/// of these patterns is found.
fn with_tools(
    bridged: &Path,
    direct: &str,
    tools: &str,
    deny: &[&str],
    servers: usize,
) -> Outcome<Gateway> {
    let gateway = start(bridged, "", direct)?;
    for number in 0..servers {
        let name = format!("server-{number}");
        let server = json!({"name": name, "url": tools, "deny": deny});
        gateway.write("/tool-servers", &server)?;
    }
    Ok(gateway)
}

/// The best of some starts, each with an empty data folder: from the call of the program to its
/// first good answer on `/readyz`.
fn print_start(bridged: &Path, direct: &str) -> Outcome {
    let mut best = Duration::MAX;
    for _ in 0..STARTS {
        let gateway = start(bridged, "", direct)?;
        best = best.min(gateway.begun().elapsed());
        gateway.stop()?;
    }
    let shown = format!("{:.0} ms", best.as_secs_f64() * 1e3);
    println!(
        "start-up, best of {STARTS}: {shown} ({})",
        verdict(best < START_GOAL)
    );
    Ok(())
}

fn print_idle(gateway: &Gateway) -> Outcome {
    let begun = clock::now();
    while begun.elapsed() < IDLE {
        pause(IDLE);
    }
    let rss = resident(gateway.process_id())?;
    let shown = format!("{:.1} MiB", rss as f64 / 1024.0);
    println!("memory when idle: {shown} ({})", verdict(rss < IDLE_GOAL));
    Ok(())
}

fn verdict(is_reached: bool) -> &'static str {
    match is_reached {
        true => "goal reached",
        false => "goal missed",
    }
}

/// Resident memory of a process in KiB, as Linux tells it in `/proc/PID/status`.
fn resident(id: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let words = line.and_then(|line| line.split_whitespace().next());
    Ok(words.ok_or("the system does not tell memory")?.parse()?)
}
