//! The command line of `cargo xtask`, parsed by hand.

use std::collections::VecDeque;
use std::path::PathBuf;

use crate::chaos::{ChaosFlags, Scenario};

/// A task and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    CheckLayers,
    Tidy,
    Codegen {
        check: bool,
    },
    Ci {
        fast: bool,
    },
    Conformance {
        fixtures: Option<PathBuf>,
        bin: Option<PathBuf>,
    },
    Sdks {
        bin: Option<PathBuf>,
    },
    Metrics {
        bin: Option<PathBuf>,
    },
    Chaos(ChaosFlags),
    Bench {
        short: bool,
    },
    Fuzz {
        target: Option<String>,
        seconds: u64,
    },
}

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parsed {
    Help,
    Task(Task),
}

/// Each task: its name, its arguments, and what it does.
const TASKS: [(&str, &str, &str); 10] = [
    (
        "check-layers",
        "",
        "who may know whom: the floors table against the manifests",
    ),
    (
        "tidy",
        "",
        "what no compiler sees: module docs, names, links, stray paths",
    ),
    (
        "codegen",
        "[--check]",
        "proto/ into bridge-proto, or only compare",
    ),
    (
        "ci",
        "[--fast]",
        "format, floors, tidiness, generated code, lints and documentation",
    ),
    (
        "conformance",
        "[--fixtures DIR] [--bin PATH]",
        "exchanges through the running gateway, byte by byte, the recorded ones too with a folder",
    ),
    (
        "sdks",
        "[--bin PATH]",
        "turns with injected tools as the official SDKs understand them, where they can be installed",
    ),
    (
        "metrics",
        "[--bin PATH]",
        "metrics and alerts as Prometheus' own tool sees them, where it is installed",
    ),
    (
        "chaos",
        "[SCENARIO] [--short] [--seed N] [--fixtures DIR] [--bin PATH]",
        "kill, cut off and starve the gateway under load; nothing may be lost",
    ),
    (
        "bench",
        "[--short]",
        "the parts, and the gateway under load: requests, delays, processor time, memory",
    ),
    (
        "fuzz",
        "[TARGET] [--seconds N]",
        "random input for the parsers, 60 seconds each",
    ),
];

/// The list of tasks, one line each.
pub(crate) fn help() -> String {
    let mut text = "cargo xtask TASK\n\n".to_owned();
    for (name, arguments, purpose) in TASKS {
        let call = format!("{name} {arguments}");
        text.push_str(&format!("  {call:<68}{purpose}\n"));
    }
    text
}

/// Reads a command line, without the program's name.
///
/// # Errors
/// A sentence on the first thing that was not understood.
pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Parsed, String> {
    let mut rest = Rest(arguments.collect());
    let Some(name) = rest.0.pop_front() else {
        return Ok(Parsed::Help);
    };
    let task = match name.as_str() {
        "help" | "--help" | "-h" => return Ok(Parsed::Help),
        "check-layers" => Task::CheckLayers,
        "tidy" => Task::Tidy,
        "codegen" => Task::Codegen {
            check: rest.flag("--check"),
        },
        "ci" => Task::Ci {
            fast: rest.flag("--fast"),
        },
        "conformance" => Task::Conformance {
            fixtures: rest.value("--fixtures")?.map(PathBuf::from),
            bin: rest.value("--bin")?.map(PathBuf::from),
        },
        "sdks" => Task::Sdks {
            bin: rest.value("--bin")?.map(PathBuf::from),
        },
        "metrics" => Task::Metrics {
            bin: rest.value("--bin")?.map(PathBuf::from),
        },
        "chaos" => Task::Chaos(rest.chaos()?),
        "bench" => Task::Bench {
            short: rest.flag("--short"),
        },
        "fuzz" => Task::Fuzz {
            seconds: rest.number("--seconds", "number of seconds")?.unwrap_or(60),
            target: rest.word(),
        },
        unknown => return Err(format!("there is no task {unknown:?}")),
    };
    match rest.0.front() {
        None => Ok(Parsed::Task(task)),
        Some(extra) => Err(format!("{name} does not take {extra:?}")),
    }
}

/// The arguments that nobody has claimed yet.
struct Rest(VecDeque<String>);

impl Rest {
    fn flag(&mut self, name: &str) -> bool {
        let at = self.0.iter().position(|word| word == name);
        at.and_then(|at| self.0.remove(at)).is_some()
    }

    fn value(&mut self, name: &str) -> Result<Option<String>, String> {
        let Some(at) = self.0.iter().position(|word| word == name) else {
            return Ok(None);
        };
        self.0.remove(at);
        let value = self.0.remove(at);
        value
            .map(Some)
            .ok_or_else(|| format!("{name} needs a value"))
    }

    fn number(&mut self, name: &str, what: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.value(name)? else {
            return Ok(None);
        };
        let number = text.parse().map_err(|_| format!("{text:?} is no {what}"))?;
        Ok(Some(number))
    }

    fn chaos(&mut self) -> Result<ChaosFlags, String> {
        let flags = ChaosFlags {
            short: self.flag("--short"),
            seed: self.number("--seed", "seed")?,
            fixtures: self.value("--fixtures")?.map(PathBuf::from),
            bin: self.value("--bin")?.map(PathBuf::from),
            scenario: None,
        };
        let Some(name) = self.word() else {
            return Ok(flags);
        };
        let unknown = || format!("there is no scenario {name:?}: {}", Scenario::names());
        Ok(ChaosFlags {
            scenario: Some(Scenario::named(&name).ok_or_else(unknown)?),
            ..flags
        })
    }

    fn word(&mut self) -> Option<String> {
        let at = self.0.iter().position(|word| !word.starts_with('-'))?;
        self.0.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Result<Parsed, &str>) {
        let words = line.split_whitespace().map(str::to_owned);
        let got = parse(words);
        assert_eq!(got, expected.map_err(str::to_owned), "{line:?}");
    }

    #[test]
    fn command_lines() {
        let task = |task| Ok(Parsed::Task(task));
        check("", Ok(Parsed::Help));
        check("--help", Ok(Parsed::Help));
        check("check-layers", task(Task::CheckLayers));
        check("tidy", task(Task::Tidy));
        check("tidy --fast", Err("tidy does not take \"--fast\""));
        check("codegen --check", task(Task::Codegen { check: true }));
        check("codegen", task(Task::Codegen { check: false }));
        check("ci --fast", task(Task::Ci { fast: true }));
        check("ci extra", Err("ci does not take \"extra\""));
        check(
            "conformance --bin there --fixtures here",
            task(Task::Conformance {
                fixtures: Some("here".into()),
                bin: Some("there".into()),
            }),
        );
        let nothing = Task::Conformance {
            fixtures: None,
            bin: None,
        };
        check("conformance", task(nothing));
        check("sdks", task(Task::Sdks { bin: None }));
        check("metrics", task(Task::Metrics { bin: None }));
        check("conformance --fixtures", Err("--fixtures needs a value"));
        let chaos = ChaosFlags {
            scenario: Some(Scenario::Kill),
            seed: Some(7),
            ..ChaosFlags::default()
        };
        check("chaos --seed 7 kill", task(Task::Chaos(chaos)));
        check("chaos --seed x", Err("\"x\" is no seed"));
        check("chaos", task(Task::Chaos(ChaosFlags::default())));
        check("bench --short", task(Task::Bench { short: true }));
        check(
            "fuzz sse --seconds 5",
            task(Task::Fuzz {
                target: Some("sse".to_owned()),
                seconds: 5,
            }),
        );
        check(
            "fuzz",
            task(Task::Fuzz {
                target: None,
                seconds: 60,
            }),
        );
        check("fuzz --seconds x", Err("\"x\" is no number of seconds"));
        check("bake", Err("there is no task \"bake\""));
    }

    #[test]
    fn every_task_in_the_list_is_understood() {
        for (name, _, purpose) in TASKS {
            let words = [name.to_owned(), "--fixtures".to_owned(), "here".to_owned()];
            let problem = parse(words.into_iter()).err().unwrap_or_default();
            assert!(!problem.starts_with("there is no task"), "{problem}");
            assert!(help().contains(purpose));
        }
    }
}
