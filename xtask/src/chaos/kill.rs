//! The gateway is killed at any moment, again and again, and started on what it left.

use std::time::Duration;

use super::ask::Ask;
use super::compare::Findings;
use super::dice::Dice;
use super::load::{self, Load};
use super::node::Node;
use super::stage::Stage;
use crate::Outcome;
use crate::program::pause;

/// How many clients there are.
const CLIENTS: u64 = 24;
/// How long an orderly end may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Kills and starts, and compares at the end.
pub(super) fn run(stage: &Stage) -> Outcome<(Findings, Vec<String>)> {
    let kills = stage.many(10, 200);
    let mut gateway = embedded(stage, "gateway", "")?;
    gateway.start()?;
    let operator = gateway.operator()?;
    operator.make_user()?;
    let (_, key) = operator.make_key()?;
    let load = Load::start("kill", CLIENTS, &key, stage.seed, 20, Ask::any);
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
    pause(Duration::from_millis(500));
    let made = load.stop()?;
    let (findings, kept) = stage.settle(&gateway.operator()?, &made)?;
    gateway.stop(PATIENCE)?;
    let done = vec![format!("{kills} kills"), load::told(&made), kept];
    Ok((findings, done))
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
