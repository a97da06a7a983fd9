//! Keys are revoked under load, and it is measured how long two gateways still accept them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::ask::{Ask, Dialect, Ending};
use super::compare::Findings;
use super::fleet::Fleet;
use super::load::{self, Load};
use super::operator::Operator;
use super::stage::{Played, Stage};
use crate::program::{pause, until};
use crate::{Outcome, clock};

/// How many keys are revoked at the same time.
const LANES: usize = 6;
/// How many clients make further requests, with a key that stays.
const CLIENTS: u64 = 4;
/// How many answers a key gets from each gateway before it is revoked.
const WARM: usize = 3;
/// How long a key is still tried after it was revoked.
const TRIED: Duration = Duration::from_millis(600);
/// How long all of one key may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// A revoked key must be refused sooner.
const GOAL: Duration = Duration::from_secs(1);

/// What happened to one key.
#[derive(Debug, Clone, Copy)]
struct Revoked {
    sent: Instant,
    answered: Instant,
    /// When the last request that was accepted was sent.
    last: Instant,
}

/// Revokes and measures.
pub(super) fn run(stage: &Stage) -> Outcome<Played> {
    let number = stage.many(18, 500);
    let fleet = Fleet::start(stage, 2, "")?;
    let operator = fleet.control.operator()?;
    let gateways = fleet.addresses()?;
    let keys: Outcome<Vec<_>> = (0..number).map(|_| operator.make_key()).collect();
    let keys = keys?;
    let load = Load::start("revoke", CLIENTS, &fleet.key, stage.seed, 40, Ask::any);
    load.lead_to(&gateways);
    let mut findings = Findings::default();
    let revoked = revoke_all(&operator, &gateways, &keys, &mut findings);
    for (id, key) in &keys {
        if gateways
            .iter()
            .any(|to| ask(id, 0).send(*to, key) == Ending::Whole)
        {
            findings.other(format!("{id}: accepted again"));
        }
    }
    load::blame(&load.stop()?, &mut findings);
    fleet.stop()?;
    let since_answer = delays(&revoked, |it| it.answered);
    let since_sending = delays(&revoked, |it| it.sent);
    let most = since_answer.last().copied().unwrap_or_default();
    if most >= GOAL {
        findings.other(format!("a key was accepted {most:?} after it was revoked"));
    }
    let verdict = if most < GOAL {
        "goal reached"
    } else {
        "goal missed"
    };
    let done = vec![
        format!("{} keys revoked under load, 2 gateways", revoked.len()),
        format!(
            "revoke answered to last accepted request: {}, {verdict}",
            shown(&since_answer)
        ),
        format!(
            "revoke sent to last accepted request: {}",
            shown(&since_sending)
        ),
    ];
    Ok((findings, done))
}

fn revoke_all(
    operator: &Operator,
    gateways: &[SocketAddr],
    keys: &[(String, String)],
    findings: &mut Findings,
) -> Vec<Revoked> {
    let next = Mutex::new(keys.iter());
    let (revoked, problems) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let Some((id, key)) = next.lock().next() else {
                        return;
                    };
                    match revoke(operator, gateways, id, key) {
                        Ok(one) => revoked.lock().push(one),
                        Err(cause) => problems.lock().push(format!("{id}: {cause}")),
                    }
                }
            });
        }
    });
    for problem in problems.into_inner() {
        findings.other(problem);
    }
    revoked.into_inner()
}

/// Uses a key on all gateways without a rest, revokes it meanwhile, and goes on for a while.
fn revoke(operator: &Operator, gateways: &[SocketAddr], id: &str, key: &str) -> Outcome<Revoked> {
    let is_over = AtomicBool::new(false);
    let accepted: Vec<_> = gateways.iter().map(|_| Mutex::new(Vec::new())).collect();
    thread::scope(|scope| {
        for (gateway, accepted) in gateways.iter().zip(&accepted) {
            let is_over = &is_over;
            scope.spawn(move || {
                let mut number = 0;
                while !is_over.load(Ordering::Relaxed) {
                    number += 1;
                    let sent = clock::now();
                    if ask(id, number).send(*gateway, key) == Ending::Whole {
                        accepted.lock().push(sent);
                    }
                }
            });
        }
        let revoked = warm(&accepted).and_then(|()| {
            let sent = clock::now();
            operator.call("DELETE", &format!("/keys/{id}"), None)?;
            let answered = clock::now();
            pause(TRIED);
            Ok((sent, answered))
        });
        is_over.store(true, Ordering::Relaxed);
        let (sent, answered) = revoked?;
        let last = accepted.iter().filter_map(|all| all.lock().last().copied());
        let last = last.max().ok_or("no request was accepted")?;
        Ok(Revoked {
            sent,
            answered,
            last,
        })
    })
}

/// Waits until every gateway knows the key.
fn warm(accepted: &[Mutex<Vec<Instant>>]) -> Outcome {
    let are_warm = || accepted.iter().all(|all| all.lock().len() >= WARM);
    let what = "the key is accepted by all gateways";
    until(what, PATIENCE, Duration::from_millis(1), are_warm)
}

/// The smallest request there is.
fn ask(id: &str, number: u64) -> Ask {
    Ask {
        mark: format!("revoke-{id}-{number}"),
        dialect: Dialect::Messages,
        is_stream: false,
        events: 1,
        pace_ms: 0,
        calls_tool: false,
        thinks: false,
        before_bytes: 0,
    }
}

/// From then to the last accepted request, in order; none when that was sent before.
fn delays(revoked: &[Revoked], then: impl Fn(&Revoked) -> Instant) -> Vec<Duration> {
    let delay = |one: &Revoked| one.last.saturating_duration_since(then(one));
    let mut delays: Vec<_> = revoked.iter().map(delay).collect();
    delays.sort();
    delays
}

fn shown(delays: &[Duration]) -> String {
    let at = |permille| clock::permille(delays, permille);
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        at(500),
        at(990),
        at(1000)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_those_after_the_revocation() {
        let start = clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        let one = |last| Revoked {
            sent: at(10),
            answered: at(20),
            last: at(last),
        };
        let revoked = [one(50), one(5), one(15)];
        let answered = delays(&revoked, |it| it.answered);
        let wanted = [0, 0, 30].map(Duration::from_millis);
        assert_eq!(answered, wanted);
        let sent = delays(&revoked, |it| it.sent);
        assert_eq!(sent, [0, 5, 40].map(Duration::from_millis));
        assert_eq!(shown(&sent), "p50 5.0 ms, p99 5.0 ms, max 40.0 ms");
    }
}
