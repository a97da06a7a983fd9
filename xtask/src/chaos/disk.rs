//! The disk of a gateway's data folder is full for a while.
//!
//! Where the system allows it, the folder is a small file system of its own, filled to the last
//! byte. Elsewhere the process may not let any file grow, which is as real a refusal.

mod fullness;

use std::time::Duration;

use super::ask::{Ask, Ending};
use super::compare::Findings;
use super::dice::Dice;
use super::fleet::Fleet;
use super::kept;
use super::load::{self, Load};
use super::node::{Node, Readiness};
use super::stage::{Played, Stage};
use crate::program::{self, pause};
use crate::{Outcome, clock};

use self::fullness::Fullness;

/// How many clients there are.
const CLIENTS: u64 = 12;
/// How long the gateway may take to notice that the disk is full, and that it is not any more.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What a gateway does when records cannot be made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Strict,
    Relaxed,
}

/// Fills the disk under both kinds of gateways.
pub(super) fn run(stage: &Stage) -> Outcome<Played> {
    let fullness = Fullness::of_this_machine();
    let mut findings = Findings::default();
    let mut done = vec![fullness.told().to_owned()];
    for mode in [Mode::Strict, Mode::Relaxed] {
        let word = mode.word();
        let (found, told) = stage.part(word, |stage| with(mode, fullness, stage))?;
        findings.add(found);
        done.extend(told);
    }
    if !stage.is_short {
        let (found, told) = stage.part("counted", |stage| counted(fullness, stage))?;
        findings.add(found);
        done.extend(told);
    }
    Ok((findings, done))
}

/// A relaxed gateway whose control plane is away as well: what finds no room is counted, nothing
/// is refused, nothing is recorded twice, and what has a beginning has an end.
fn counted(fullness: Fullness, stage: &Stage) -> Outcome<Played> {
    let settings = "[journal]\nmode = \"relaxed\"\n[record]\nwaiting_bytes = \"64KiB\"\n";
    let mut findings = Findings::default();
    let mut fleet = Fleet::prepare(stage, 1, settings)?;
    let [gateway] = fleet.gateways.as_mut_slice() else {
        return Err("there is one gateway".into());
    };
    fullness.start(gateway)?;
    let load = Load::start("counted", CLIENTS, &fleet.key, stage.seed, 30, Ask::any);
    load.lead_to(&[gateway.address()?]);
    load.wait_for_answers(20)?;
    fleet.wire.lead_to(None);
    fleet.wire.cut();
    fullness.fill(gateway)?;
    let not_kept = || gateway.metric("bridge_records_not_kept_total").unwrap_or(0);
    until("records are counted that find no room", || not_kept() > 20)?;
    fullness.make_room(gateway)?;
    fleet.wire.lead_to(Some(fleet.control.control_address()?));
    until("the gateway is ready again", || is_well(gateway))?;
    let made = load.stop()?;
    load::blame(&made, &mut findings);
    let not_kept = not_kept();
    let operator = fleet.control.operator()?;
    let (compared, told) = stage.settle(&operator, &made)?;
    let running = kept::running(&operator)?;
    if running > 0 {
        findings.torn(format!("{running} interceptions never ended"));
    }
    if compared.doubled > 0 || compared.missing > not_kept {
        findings.add(compared);
    }
    fleet.stop()?;
    let counted = format!("relaxed, control plane away too: {not_kept} records not kept, counted");
    Ok((findings, vec![counted, load::told(&made), told]))
}

fn is_well(gateway: &Node) -> bool {
    let readiness = gateway.readiness();
    readiness.is_some_and(|it| it.status == 200 && !it.body.contains("journal"))
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Relaxed => "relaxed",
        }
    }
}

fn with(mode: Mode, fullness: Fullness, stage: &Stage) -> Outcome<Played> {
    let word = mode.word();
    let settings = format!("[journal]\nmode = \"{word}\"\n");
    let mut findings = Findings::default();
    let mut fleet = Fleet::prepare(stage, 1, &settings)?;
    let [gateway] = fleet.gateways.as_mut_slice() else {
        return Err("there is one gateway".into());
    };
    fullness.start(gateway)?;
    let load = Load::start(word, CLIENTS, &fleet.key, stage.seed, 30, request);
    load.lead_to(&[gateway.address()?]);
    let is_refused = |ending| ending == Ending::Status(503);
    load.wait_for_answers(20)?;

    fullness.fill(gateway)?;
    let noticed = clock::now();
    let is_noticed = |readiness: Option<Readiness>| {
        readiness.is_some_and(|it| match mode {
            Mode::Strict => it.status == 503 && it.body.contains("journal"),
            Mode::Relaxed => it.status == 200 && it.body.contains("journal"),
        })
    };
    let notices = until("readiness tells of the journal", || {
        is_noticed(gateway.readiness())
    });
    if let Err(cause) = notices {
        findings.other(format!("{word}: {cause}"));
    }
    let noticed = noticed.elapsed();
    match mode {
        Mode::Strict => until("new work is refused", || load.count(is_refused) > 5)?,
        Mode::Relaxed => load.wait_for_answers(50)?,
    }
    pause(Duration::from_secs(stage.many(0, 5)));

    fullness.make_room(gateway)?;
    let freed = clock::now();
    until("the gateway is ready again", || is_well(gateway))?;
    let freed = freed.elapsed();
    load.wait_for_answers(20)?;
    let made = load.stop()?;
    match mode {
        Mode::Strict => load::blame_all_but(503, &made, &mut findings),
        Mode::Relaxed => load::blame(&made, &mut findings),
    }
    let (compared, kept) = stage.settle(&fleet.control.operator()?, &made)?;
    findings.add(compared);
    fleet.stop()?;
    let times = format!(
        "{word}: noticed after {}, ready again after {}",
        clock::shown(noticed),
        clock::shown(freed)
    );
    Ok((findings, vec![times, load::told(&made), kept]))
}

fn until(what: &str, is_so: impl Fn() -> bool) -> Outcome {
    program::until(what, PATIENCE, LOOK_AGAIN, is_so)
}

/// As agents ask; some of it runs for seconds, and into the trouble.
fn request(mark: String, dice: &mut Dice) -> Ask {
    let ask = Ask::any(mark, dice);
    match dice.one_in(4) {
        true => Ask {
            is_stream: true,
            events: 40,
            pace_ms: dice.between(20, 50),
            ..ask
        },
        false => ask,
    }
}
