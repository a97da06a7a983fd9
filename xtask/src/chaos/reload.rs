//! Providers are changed again and again while many streams are open; none may break off.

use std::time::Duration;

use serde_json::{Value, json};

use super::ask::{Ask, Dialect};
use super::compare::Findings;
use super::dice::Dice;
use super::kill::embedded;
use super::load::{self, Load};
use super::operator::Operator;
use super::stage::{Played, Stage};
use crate::program::pause;
use crate::{Outcome, clock};

/// How many streams are open.
const STREAMS: u64 = 200;
/// How long they may take to be all open at once.
const PATIENCE: Duration = Duration::from_secs(60);
/// One reload in so many is one that must be refused.
const BAD_ONE_IN: u64 = 10;

/// Changes providers under streams, and compares at the end.
pub(super) fn run(stage: &Stage) -> Outcome<Played> {
    let reloads = stage.many(30, 300);
    let mut gateway = embedded(stage, "gateway", "")?;
    gateway.start()?;
    let operator = gateway.operator()?;
    operator.make_user()?;
    let (_, key) = operator.make_key()?;
    let shape = if stage.is_short { short_stream } else { stream };
    let load = Load::start("reload", STREAMS, &key, stage.seed, 20, shape);
    load.lead_to(&[gateway.address()?]);
    wait_until_open(stage)?;
    let mut findings = Findings::default();
    let mut dice = Dice::of(stage.seed, u64::MAX);
    let mut open = usize::MAX;
    for number in 0..reloads {
        reload(&operator, stage, number, &mut findings)?;
        if number % 20 == 0 {
            open = open.min(stage.ledger()?.running());
        }
        pause(dice.millis(20, 80));
    }
    let made = load.stop()?;
    load::blame(&made, &mut findings);
    let (compared, kept) = stage.settle(&operator, &made)?;
    findings.add(compared);
    gateway.stop(PATIENCE)?;
    let reloads = format!("{reloads} reloads, at least {open} streams open");
    Ok((findings, vec![reloads, load::told(&made), kept]))
}

fn wait_until_open(stage: &Stage) -> Outcome {
    let begun = clock::now();
    while begun.elapsed() < PATIENCE {
        let open = u64::try_from(stage.ledger()?.running())?;
        if open >= STREAMS * 9 / 10 {
            return Ok(());
        }
        pause(Duration::from_millis(50));
    }
    Err("too few streams are open".into())
}

/// Another key for a provider, so that its handlers must change. Sometimes something that no
/// provider can be.
fn reload(operator: &Operator, stage: &Stage, number: u64, findings: &mut Findings) -> Outcome {
    let (name, path) = match number % 2 {
        0 => ("anthropic", ""),
        _ => ("openai", "/v1"),
    };
    let is_bad = number % BAD_ONE_IN == BAD_ONE_IN - 1;
    let base_url = match is_bad {
        true => "nowhere at all".to_owned(),
        false => format!("{}{path}", stage.provider()),
    };
    let spec: Value = json!({
        "type": name, "base_url": base_url, "api_keys": [format!("operator-key-number-{number}")],
    });
    let put = operator.call("PUT", &format!("/providers/{name}"), Some(&spec));
    match (put, is_bad) {
        (Ok(_), true) => findings.other("a bad provider was accepted".to_owned()),
        (Err(cause), false) => return Err(cause),
        (Ok(_), false) | (Err(_), true) => {}
    }
    Ok(())
}

/// Some seconds long.
fn stream(mark: String, dice: &mut Dice) -> Ask {
    Ask {
        is_stream: true,
        dialect: dice.pick(&Dialect::ALL).unwrap_or(Dialect::Chat),
        events: dice.between(20, 40),
        pace_ms: 250,
        ..Ask::any(mark, dice)
    }
}

/// Two or three seconds long.
fn short_stream(mark: String, dice: &mut Dice) -> Ask {
    Ask {
        events: dice.between(8, 12),
        ..stream(mark, dice)
    }
}
