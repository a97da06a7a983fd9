//! Answers of the control plane are dropped, delayed, doubled and overtaken on their way, and
//! connections end between a request and its answer.
//!
//! Gateways must heal and deliver every record once. Meanwhile they may say that the control plane
//! does not answer: requests that are refused with 503 are counted and excused.

use std::time::Duration;

use super::ask::Ask;
use super::compare::Findings;
use super::dice::Dice;
use super::fleet::Fleet;
use super::load::{self, Load};
use super::stage::{Played, Stage};
use super::wire::Odds;
use crate::program::pause;
use crate::{Outcome, clock};

/// How many clients there are.
const CLIENTS: u64 = 16;

/// What happens, once in so many frames. Some rounds have one kind of trouble, most have all.
const ROUNDS: [Odds; 5] = [
    Odds {
        drop: 8,
        delay: 0,
        double: 0,
        hold: 0,
        cut: 0,
    },
    Odds {
        drop: 0,
        delay: 4,
        double: 0,
        hold: 3,
        cut: 0,
    },
    Odds {
        drop: 0,
        delay: 0,
        double: 6,
        hold: 0,
        cut: 0,
    },
    Odds {
        drop: 0,
        delay: 0,
        double: 0,
        hold: 0,
        cut: 4,
    },
    Odds {
        drop: 30,
        delay: 10,
        double: 30,
        hold: 10,
        cut: 20,
    },
];

/// Troubles the wire, lets it heal, and compares.
pub(super) fn run(stage: &Stage) -> Outcome<Played> {
    let lasting = Duration::from_secs(stage.many(5, 60));
    let fleet = Fleet::start(stage, 2, "")?;
    let load = Load::start("wire", CLIENTS, &fleet.key, stage.seed, 40, Ask::any);
    load.lead_to(&fleet.addresses()?);
    load.wait_for_answers(40)?;
    let mut dice = Dice::of(stage.seed, u64::MAX);
    let begun = clock::now();
    let mut rounds = ROUNDS.into_iter().cycle();
    while begun.elapsed() < lasting {
        let odds = rounds.next().unwrap_or_default();
        fleet.wire.trouble(odds);
        pause(dice.millis(800, 1_600));
        // A call whose answer was dropped waits for its time limit, which is long.
        if stage.is_short && odds.drop > 0 || dice.one_in(3) {
            fleet.wire.cut();
        }
    }
    fleet.wire.trouble(Odds::default());
    if stage.is_short {
        fleet.wire.cut();
    }
    pause(Duration::from_millis(500));
    let made = load.stop()?;
    let mut findings = Findings::default();
    load::blame_all_but(503, &made, &mut findings);
    let (compared, kept) = stage.settle(&fleet.control.operator()?, &made)?;
    findings.add(compared);
    let (done, connections) = fleet.wire.done();
    if done.dropped + done.doubled + done.cut == 0 {
        findings.other("the wire had no trouble".to_owned());
    }
    let told = format!(
        "{connections} connections, {} frames passed, {} dropped, {} delayed, {} doubled, {} \
         overtook others, {} cuts before an answer",
        done.passed, done.dropped, done.delayed, done.doubled, done.overtaken, done.cut
    );
    fleet.stop()?;
    Ok((findings, vec![told, load::told(&made), kept]))
}
