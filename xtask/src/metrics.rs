//! What Prometheus' own tool says of metrics and alerts, where it is installed.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::gateway::{Gateway, Provider, call, request};
use crate::program::Program;
use crate::{Outcome, http1, process, simulated};

/// Where the tool is looked for: on the path, and where `.ci/run` unpacks it.
const PLACES: [&str; 2] = ["promtool", "target/promtool/usr/bin/promtool"];

/// Names of others too, and figures for users, so that there is as much to check as can be.
const SETTINGS: &str = "[metrics]\naliases = \"both\"\nusers = 5\n";

/// Checks the rules, the families of the reference, and the page of a running gateway in both
/// formats. Says plainly when there is nothing to check with.
pub(crate) fn run(root: &Path, bin: Option<&Path>) -> Outcome {
    let Some(promtool) = installed(root) else {
        println!(
            "metrics: SKIPPED, there is no promtool: install Debian's package `prometheus`, or run \
             `.ci/run`, which unpacks it"
        );
        return Ok(());
    };
    for (what, file) in [
        ("check", "bridged.rules.yml"),
        ("test", "bridged.rules.test.yml"),
    ] {
        let folder = root.join("docs/operators/prometheus");
        process::run(
            Command::new(&promtool)
                .args([what, "rules", file])
                .current_dir(folder),
        )?;
    }
    let reference = fs::read_to_string(root.join("docs/reference/metrics.md"))?;
    let families = families(&reference)?;
    check_metrics(&promtool, "every family of the reference", &families)?;
    let bin = match bin {
        Some(bin) => bin.to_owned(),
        None => process::build(root, "bridged", "bridged", &[])?,
    };
    let [classic, open_metrics] = pages(&bin)?;
    check_metrics(&promtool, "the page of a gateway", &classic)?;
    check_open_metrics(&promtool, &open_metrics)
}

fn installed(root: &Path) -> Option<PathBuf> {
    let places = PLACES.iter().map(|place| match place.contains('/') {
        true => root.join(place),
        false => PathBuf::from(place),
    });
    places.into_iter().find(|place| {
        let mut version = Command::new(place);
        version.arg("--version");
        version.stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    })
}

/// A sample of each family in the table of the reference, so that the rare ones are seen too.
fn families(reference: &str) -> Outcome<String> {
    let mut text = String::new();
    for row in reference
        .lines()
        .filter(|line| line.starts_with("| `bridge_"))
    {
        let cells: Vec<_> = row.split(" | ").map(str::trim).collect();
        // The table of other names has two columns.
        let [name, kind, _, help] = cells.as_slice() else {
            continue;
        };
        let (name, help) = (
            name.trim_matches(['|', '`', ' ']),
            help.trim_end_matches(" |"),
        );
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
        match *kind {
            "histogram" => writeln!(
                text,
                "{name}_bucket{{le=\"+Inf\"}} 1\n{name}_sum 1\n{name}_count 1"
            )?,
            _ => writeln!(text, "{name} 1")?,
        }
    }
    match text.is_empty() {
        true => Err("the reference has no table of families".into()),
        false => Ok(text),
    }
}

/// What a gateway exposes after a turn, a refusal and a request that is passed through, in the
/// older format and in OpenMetrics.
fn pages(bin: &Path) -> Outcome<[String; 2]> {
    let folder = tempfile::tempdir()?;
    let mut simulate = call(bin, folder.path());
    simulate.args(["simulate", "--listen", "127.0.0.1:0"]);
    let simulated = Program::start(simulate.stderr(Stdio::null()))?;
    let base_url = simulated::provider(&simulated)?;
    let provider = Provider {
        name: "anthropic",
        kind: "anthropic",
        base_url,
        key: Some("operators-key"),
    };
    let gateway = Gateway::start_with(bin, "info", SETTINGS, &[provider])?;
    let key = gateway.make_key()?;
    let body: &[u8] =
        br#"{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    for (target, key, expected) in [
        ("/anthropic/v1/messages", key.as_str(), 200),
        ("/anthropic/v1/messages", "wrong", 403),
        ("/anthropic/v1/messages/count_tokens", key.as_str(), 200),
    ] {
        let length = body.len().to_string();
        let headers = [
            ("host", "g"),
            ("x-api-key", key),
            ("content-length", &length),
        ];
        let answer = http1::call(gateway.address, &request("POST", target, &headers), body)?;
        let status = answer.head.status();
        if status != expected {
            return Err(format!("{target}: status {status}, not {expected}").into());
        }
    }
    let page = |accept| gateway.metrics(accept);
    let pages = [page("text/plain")?, page("application/openmetrics-text")?];
    gateway.stop()?;
    simulated.stop()?;
    Ok(pages)
}

fn check_metrics(promtool: &Path, what: &str, page: &str) -> Outcome {
    println!("$ promtool check metrics < {what}");
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().ok_or("promtool takes no input")?;
    input.write_all(page.as_bytes())?;
    drop(input);
    let status = child.wait()?;
    let samples = page.lines().filter(|line| !line.starts_with('#')).count();
    match status.success() && samples > 0 {
        true => {
            println!("  {samples} samples are good");
            Ok(())
        }
        false => Err(format!("promtool does not like {what} ({status}, {samples} samples)").into()),
    }
}

/// The tool reads OpenMetrics only to make blocks of samples with timestamps, so they get some.
fn check_open_metrics(promtool: &Path, page: &str) -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut text = String::new();
    for line in page.lines() {
        match line.starts_with('#') {
            true => writeln!(text, "{line}")?,
            false => writeln!(text, "{line} 1700000000")?,
        }
    }
    let file = folder.path().join("page");
    fs::write(&file, text)?;
    process::run(
        Command::new(promtool)
            .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
            .arg(&file)
            .arg(folder.path().join("blocks"))
            .stdout(Stdio::null()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_of_the_table_has_a_sample() {
        let reference = "| Family | Kind | Labels | Meaning |\n|---|---|---|---|\n\
                         | `bridge_a_total` | counter | `kind` | Of a: and b |\n\
                         | `bridge_b_seconds` | histogram |  | Of b |\n\n\
                         | `bridge_a_total` | `a_total` |\n";
        let expected = "# HELP bridge_a_total Of a: and b\n# TYPE bridge_a_total counter\n\
                        bridge_a_total 1\n\
                        # HELP bridge_b_seconds Of b\n# TYPE bridge_b_seconds histogram\n\
                        bridge_b_seconds_bucket{le=\"+Inf\"} 1\nbridge_b_seconds_sum 1\n\
                        bridge_b_seconds_count 1\n";
        assert_eq!(families(reference).unwrap(), expected);
        assert!(families("nothing").is_err());
    }
}
