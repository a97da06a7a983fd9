//! The gateway is replaced again and again while its supervisor, this harness, holds its socket:
//! no connection may be refused and no stream cut.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::ask::Ask;
use super::compare::Findings;
use super::dice::Dice;
use super::kill::embedded;
use super::load::{self, Load};
use super::node::Node;
use super::stage::{Played, Stage};
use crate::Outcome;
use crate::program::pause;

/// How many clients open connections all the time.
const CLIENTS: u64 = 32;
/// How long running turns may take to finish.
const PATIENCE: Duration = Duration::from_secs(30);

/// What hands a socket over as `sd_listen_fds` expects it: descriptor 3, and the number of this
/// very process, which only a shell that becomes the program can tell.
const HAND_OVER: &str = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"";

/// Replaces and compares.
pub(super) fn run(stage: &Stage) -> Outcome<Played> {
    let upgrades = stage.many(3, 40);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut gateway = embedded(stage, "gateway", "")?;
    start(&mut gateway, &listener)?;
    let operator = gateway.operator()?;
    operator.make_user()?;
    let (_, key) = operator.make_key()?;
    let load = Load::start("upgrade", CLIENTS, &key, stage.seed, 10, request);
    load.lead_to(&[listener.local_addr()?]);
    let mut dice = Dice::of(stage.seed, u64::MAX);
    for _ in 0..upgrades {
        pause(dice.millis(100, 700));
        gateway.stop(PATIENCE)?;
        start(&mut gateway, &listener)?;
    }
    pause(Duration::from_millis(300));
    let made = load.stop()?;
    let mut findings = Findings::default();
    load::blame(&made, &mut findings);
    let (compared, kept) = stage.settle(&gateway.operator()?, &made)?;
    findings.add(compared);
    gateway.stop(PATIENCE)?;
    let upgrades = format!("{upgrades} restarts, the socket held by the harness");
    Ok((findings, vec![upgrades, load::told(&made), kept]))
}

/// Starts the gateway on a socket that stays open here.
fn start(gateway: &mut Node, listener: &TcpListener) -> Outcome {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", HAND_OVER, "sh"]);
    let command = gateway.command_through(shell);
    let socket = OwnedFd::from(listener.try_clone()?);
    gateway.start_as(command, Stdio::from(socket))?;
    gateway.wait_until_ready()
}

/// As agents ask; some of it takes seconds.
fn request(mark: String, dice: &mut Dice) -> Ask {
    let ask = Ask::any(mark, dice);
    match dice.one_in(8) {
        true => Ask {
            is_stream: true,
            events: 40,
            pace_ms: dice.between(20, 50),
            ..ask
        },
        false => ask,
    }
}
