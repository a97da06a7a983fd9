//! Trouble on purpose: real processes on loopback are killed, cut off and starved under load, and
//! in the end what the provider finished and clients received is compared with what was recorded.
//!
//! Everything is bounded in count and time. Decisions follow from a seed, which is printed; how
//! threads and processes meet in time does not.

mod ask;
mod compare;
mod dice;
mod kept;
mod kill;
mod ledger;
mod load;
mod node;
mod operator;
mod reload;
mod stage;
mod table;

use std::path::{Path, PathBuf};

use self::compare::Findings;
use self::dice::Dice;
use self::stage::Stage;
use self::table::Row;
use crate::{Outcome, clock, process};

/// What a run is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChaosFlags {
    /// Only this scenario.
    pub(crate) scenario: Option<Scenario>,
    /// Less of everything.
    pub(crate) short: bool,
    /// What decisions follow from; any when not given.
    pub(crate) seed: Option<u64>,
    /// The program, built when not given.
    pub(crate) bin: Option<PathBuf>,
}

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    Kill,
    Reload,
}

impl Scenario {
    const ALL: [Self; 2] = [Self::Kill, Self::Reload];

    /// The scenario of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// All names, for people.
    pub(crate) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Reload => "reload",
        }
    }

    fn run(self, stage: &Stage) -> Outcome<(Findings, Vec<String>)> {
        match self {
            Self::Kill => kill::run(stage),
            Self::Reload => reload::run(stage),
        }
    }
}

/// Runs the scenarios and prints the table.
///
/// # Errors
/// When a promise was broken, or a scenario could not be run to its end.
pub(crate) fn run(root: &Path, flags: &ChaosFlags) -> Outcome {
    let bin = program(root, flags)?;
    let seed = flags.seed.unwrap_or_else(Dice::any_seed);
    println!("chaos with --seed {seed}");
    let mut rows = Vec::new();
    for scenario in Scenario::ALL {
        if flags.scenario.is_none_or(|only| only == scenario) {
            rows.push(play(scenario, &bin, seed, flags.short)?);
        }
    }
    println!("\n{}", table::table(&rows));
    for row in &rows {
        for told in row.findings.told() {
            println!("{}: {told}", row.scenario);
        }
    }
    let broken = rows.iter().filter(|row| !row.findings.is_clean()).count();
    match broken {
        0 => {
            println!("PASS: every promise was kept");
            Ok(())
        }
        _ => Err(format!("FAIL: promises were broken; again with --seed {seed}").into()),
    }
}

/// One scenario on a stage of its own. What keeps it from its end is a finding, too.
fn play(scenario: Scenario, bin: &Path, seed: u64, is_short: bool) -> Outcome<Row> {
    let name = scenario.name();
    println!("{name} ...");
    let begun = clock::now();
    let stage = Stage::set(bin, name, seed, is_short)?;
    let (findings, done) = scenario.run(&stage).unwrap_or_else(|cause| {
        let mut findings = Findings::default();
        findings.other(format!("not run to its end: {cause}"));
        (findings, Vec::new())
    });
    stage.strike(findings.is_clean())?;
    Ok(Row {
        scenario: name,
        done,
        findings,
        took: begun.elapsed(),
    })
}

/// The program as users run it for the long form, and as tests do for the short one.
fn program(root: &Path, flags: &ChaosFlags) -> Outcome<PathBuf> {
    match (&flags.bin, flags.short) {
        (Some(bin), _) => Ok(bin.clone()),
        (None, true) => process::build(root, "bridged", "bridged", &[]),
        (None, false) => process::build(root, "bridged", "bridged", &["--release"]),
    }
}
