//! The control plane goes away and comes back while two gateways serve.

use std::time::Duration;

use super::ask::Ask;
use super::compare::Findings;
use super::dice::Dice;
use super::fleet::Fleet;
use super::load::{self, Load};
use super::stage::{Played, Stage};
use crate::Outcome;
use crate::program::pause;

/// How many clients there are.
const CLIENTS: u64 = 16;
/// How long an orderly end may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends and starts the control plane, and compares at the end.
pub(super) fn run(stage: &Stage) -> Outcome<Played> {
    let outages = stage.many(3, 40);
    let mut fleet = Fleet::start(stage, 2, "")?;
    let load = Load::start("control", CLIENTS, &fleet.key, stage.seed, 40, Ask::any);
    load.lead_to(&fleet.addresses()?);
    load.wait_for_answers(40)?;
    let mut dice = Dice::of(stage.seed, u64::MAX);
    let mut kills = 0;
    for _ in 0..outages {
        pause(dice.millis(200, 1_200));
        if dice.one_in(3) {
            fleet.control.stop(PATIENCE)?;
        } else {
            kills += 1;
            fleet.control.kill()?;
        }
        pause(dice.millis(0, 1_500));
        fleet.start_control()?;
    }
    pause(Duration::from_millis(500));
    let made = load.stop()?;
    let mut findings = Findings::default();
    load::blame(&made, &mut findings);
    let (compared, kept) = stage.settle(&fleet.control.operator()?, &made)?;
    findings.add(compared);
    fleet.stop()?;
    let outages = format!("{outages} outages, {kills} of them by SIGKILL; 2 gateways");
    Ok((findings, vec![outages, load::told(&made), kept]))
}
