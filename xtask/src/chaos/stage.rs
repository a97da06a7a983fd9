//! What every scenario needs: a folder, a simulated provider with a ledger, and the comparison.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::compare::{Findings, Made, compare};
use super::kept;
use super::ledger::Ledger;
use super::operator::Operator;
use crate::program::{Program, pause};
use crate::{Outcome, clock, simulated};

/// How long nothing may change before what is missing counts as lost: longer than a call of the
/// control plane may take, except in the short form.
const SETTLING: Duration = Duration::from_secs(75);
const SHORT_SETTLING: Duration = Duration::from_secs(15);
/// Between two looks at what has arrived.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// What was found, and what was done, in lines.
pub(super) type Played = (Findings, Vec<String>);

/// Two providers at this address as settings tell them.
pub(super) fn providers(address: &str) -> String {
    let provider = |kind: &str, path: &str| {
        format!(
            "[[providers]]\nname = \"{kind}\"\ntype = \"{kind}\"\nbase_url = \"{address}{path}\"\n\
             api_keys = [\"operator-key-for-{kind}\"]\n"
        )
    };
    provider("anthropic", "") + &provider("openai", "/v1")
}

/// The stage of one scenario. Its folder is removed when everything went well, and kept otherwise.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) bin: PathBuf,
    pub(super) seed: u64,
    pub(super) is_short: bool,
    folder: TempDir,
    simulator: Program,
    /// Where Messages are spoken.
    provider: String,
}

impl Stage {
    pub(super) fn set(bin: &Path, name: &str, seed: u64, is_short: bool) -> Outcome<Self> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("bridged-chaos-{name}-"))
            .tempdir()?;
        let mut command = Command::new(bin);
        command
            .args(["simulate", "--listen", "127.0.0.1:0", "--ledger"])
            .arg(folder.path().join("ledger"))
            .stderr(std::fs::File::create(folder.path().join("simulator-log"))?);
        let simulator = Program::start(&mut command)?;
        let provider = simulated::provider(&simulator)?;
        Ok(Self {
            bin: bin.to_owned(),
            seed,
            is_short,
            folder,
            simulator,
            provider,
        })
    }

    /// Plays a part of the scenario on a stage of its own.
    pub(super) fn part(
        &self,
        name: &str,
        play: impl FnOnce(&Self) -> Outcome<Played>,
    ) -> Outcome<Played> {
        Self::set(&self.bin, name, self.seed, self.is_short)?.play(play)
    }

    /// Plays to the end and strikes the stage. What keeps a play from its end is a finding, too.
    pub(super) fn play(self, play: impl FnOnce(&Self) -> Outcome<Played>) -> Outcome<Played> {
        let played = play(&self);
        let played = played.unwrap_or_else(|cause| (Findings::not_run(&*cause), Vec::new()));
        self.strike(played.0.is_clean())?;
        Ok(played)
    }

    /// One of two numbers.
    pub(super) fn many(&self, short: u64, long: u64) -> u64 {
        match self.is_short {
            true => short,
            false => long,
        }
    }

    /// A place for one process.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The providers as settings tell them.
    pub(super) fn providers(&self) -> String {
        providers(&self.provider)
    }

    /// The address of the simulated provider, for Messages.
    pub(super) fn provider(&self) -> &str {
        &self.provider
    }

    pub(super) fn ledger(&self) -> Outcome<Ledger> {
        Ledger::read(&self.folder.path().join("ledger"))
    }

    /// Compares until everything is right, or until nothing has changed for a while. Tells how
    /// many interceptions there are.
    pub(super) fn settle(&self, operator: &Operator, made: &[Made]) -> Outcome<(Findings, String)> {
        let patience = if self.is_short {
            SHORT_SETTLING
        } else {
            SETTLING
        };
        let mut begun = clock::now();
        let mut last = (usize::MAX, usize::MAX);
        loop {
            let running = (self.ledger()?.running(), kept::running(operator)?);
            if running != last {
                (last, begun) = (running, clock::now());
            }
            let is_late = begun.elapsed() >= patience;
            if running == (0, 0) || is_late {
                let (ledger, kept) = (self.ledger()?, kept::all(operator)?);
                let findings = compare(made, &ledger, &kept);
                if findings.is_clean() || is_late {
                    let told = format!(
                        "provider: {} asked, {} finished; {} interceptions",
                        ledger.requests(),
                        ledger.finished(),
                        kept.len()
                    );
                    return Ok((findings, told));
                }
            }
            pause(LOOK_AGAIN);
        }
    }

    /// Ends the provider and removes the folder, unless there is something to look at in it.
    fn strike(self, is_clean: bool) -> Outcome {
        self.simulator.stop()?;
        if !is_clean {
            println!("  kept to look at: {}", self.folder.keep().display());
        }
        Ok(())
    }
}
