//! The gateway is killed at any moment, again and again, and started on what it left.

use std::time::Duration;

use super::ask::Ask;
use super::dice::Dice;
use super::fleet::Fleet;
use super::load::{self, Load};
use super::node::Node;
use super::stage::{Played, Stage};
use crate::Outcome;
use crate::program::pause;

/// How many clients there are.
const CLIENTS: u64 = 24;
/// How long an orderly end may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Kills and starts a gateway with its control plane in the same process, and one apart from it.
pub(super) fn run(stage: &Stage) -> Outcome<Played> {
    let (mut findings, mut done) = with_its_control_plane(stage)?;
    let (more, told) = stage.part("apart", alone)?;
    findings.add(more);
    done.extend(told);
    Ok((findings, done))
}

fn with_its_control_plane(stage: &Stage) -> Outcome<Played> {
    let kills = stage.many(6, 120);
    let mut gateway = embedded(stage, "gateway", "")?;
    gateway.start()?;
    let operator = gateway.operator()?;
    operator.make_user()?;
    let (_, key) = operator.make_key()?;
    let load = Load::start("kill", CLIENTS, &key, stage.seed, 20, Ask::any);
    kill(&mut gateway, kills, &load, stage)?;
    let made = load.stop()?;
    let (findings, kept) = stage.settle(&gateway.operator()?, &made)?;
    gateway.stop(PATIENCE)?;
    let kills = format!("{kills} kills of a gateway with its control plane");
    Ok((findings, vec![kills, load::told(&made), kept]))
}

fn alone(stage: &Stage) -> Outcome<Played> {
    let kills = stage.many(4, 80);
    let mut fleet = Fleet::start(stage, 1, "")?;
    let load = Load::start("kill-apart", CLIENTS, &fleet.key, stage.seed, 20, Ask::any);
    for gateway in &mut fleet.gateways {
        kill(gateway, kills, &load, stage)?;
    }
    let made = load.stop()?;
    let (findings, kept) = stage.settle(&fleet.control.operator()?, &made)?;
    fleet.stop()?;
    let kills = format!("{kills} kills of a gateway apart from its control plane");
    Ok((findings, vec![kills, load::told(&made), kept]))
}

/// Kills a gateway that runs, and starts it again each time.
fn kill(gateway: &mut Node, kills: u64, load: &Load, stage: &Stage) -> Outcome {
    let mut dice = Dice::of(stage.seed, u64::MAX);
    for _ in 0..kills {
        load.lead_to(&[gateway.address()?]);
        pause(instant(&mut dice));
        gateway.kill()?;
        // Nothing is learnt from refused connections while nobody listens.
        load.lead_to(&[]);
        gateway.start()?;
    }
    load.lead_to(&[gateway.address()?]);
    load.wait_for_answers(20)
}

/// When the next kill is due: often very soon after the start, while records of the time before
/// are still being delivered.
fn instant(dice: &mut Dice) -> Duration {
    match dice.one_in(3) {
        true => dice.millis(0, 60),
        false => dice.millis(60, 700),
    }
}

/// A gateway with an embedded control plane.
pub(super) fn embedded(stage: &Stage, name: &str, further: &str) -> Outcome<Node> {
    let settings = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\noperator_address = \"127.0.0.1:0\"\n{further}{}",
        stage.providers()
    );
    Node::new(&stage.bin, stage.place(name), &["serve"], &settings)
}
