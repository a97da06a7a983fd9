//! Trouble on purpose: real processes on loopback are killed, cut off and starved under load, and
//! in the end what the provider finished and clients received is compared with what was recorded.
//!
//! Everything is bounded in count and time. Decisions follow from a seed, which is printed; how
//! threads and processes meet in time does not.

mod ask;
mod compare;
mod control;
mod dice;
mod disconnects;
mod disk;
mod fleet;
mod kept;
mod kill;
mod ledger;
mod load;
mod node;
mod operator;
mod reload;
mod revoke;
mod stage;
mod table;
mod trouble;
mod upgrade;
mod wire;

use std::path::{Path, PathBuf};

use self::dice::Dice;
use self::stage::{Played, Stage};
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
    /// Recorded exchanges, whose streams clients walk away from.
    pub(crate) fixtures: Option<PathBuf>,
    /// The program, built when not given.
    pub(crate) bin: Option<PathBuf>,
}

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    Kill,
    Control,
    Wire,
    Disk,
    Reload,
    Upgrade,
    Revoke,
    Disconnects,
}

impl Scenario {
    const ALL: [Self; 8] = [
        Self::Kill,
        Self::Control,
        Self::Wire,
        Self::Disk,
        Self::Reload,
        Self::Upgrade,
        Self::Revoke,
        Self::Disconnects,
    ];

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
            Self::Control => "control",
            Self::Wire => "wire",
            Self::Disk => "disk",
            Self::Reload => "reload",
            Self::Upgrade => "upgrade",
            Self::Revoke => "revoke",
            Self::Disconnects => "disconnects",
        }
    }

    fn run(self, stage: &Stage, fixtures: Option<&Path>) -> Outcome<Played> {
        match self {
            Self::Kill => kill::run(stage),
            Self::Control => control::run(stage),
            Self::Wire => trouble::run(stage),
            Self::Disk => disk::run(stage),
            Self::Reload => reload::run(stage),
            Self::Upgrade => upgrade::run(stage),
            Self::Revoke => revoke::run(stage),
            Self::Disconnects => match fixtures {
                Some(fixtures) => disconnects::run(stage, fixtures),
                None => Err("disconnects needs --fixtures DIR".into()),
            },
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
        let needs_more = scenario == Scenario::Disconnects && flags.fixtures.is_none();
        match flags.scenario {
            Some(only) if only != scenario => {}
            None if needs_more => println!("{}: SKIPPED, no --fixtures DIR", scenario.name()),
            Some(_) | None => rows.push(play(scenario, &bin, seed, flags)?),
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
fn play(scenario: Scenario, bin: &Path, seed: u64, flags: &ChaosFlags) -> Outcome<Row> {
    let name = scenario.name();
    println!("{name} ...");
    let begun = clock::now();
    let stage = Stage::set(bin, name, seed, flags.short)?;
    let fixtures = flags.fixtures.as_deref();
    let (findings, done) = stage.play(|stage| scenario.run(stage, fixtures))?;
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
