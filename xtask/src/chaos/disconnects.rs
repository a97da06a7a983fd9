//! The client goes away after every single event of every recorded stream.
//!
//! A replaying provider stops behind that event, so that it is certain what was relayed. Every
//! interception must have ended for the right reason and with the right figures, and the provider
//! must see its connection closed in time, or, where answers are drained, must be heard to the end.

mod figures;
mod replay;

use std::collections::HashMap;
use std::io::BufReader;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use self::figures::{Expected, expected};
use self::replay::{Replay, Script};
use super::compare::Findings;
use super::kept::{self, Kept};
use super::node::Node;
use super::operator::Operator;
use super::stage::{Played, Stage, providers};
use crate::conformance::exchange::{self, Api, Exchange, Mode};
use crate::gateway::request;
use crate::program::pause;
use crate::{Outcome, clock, http1};

/// How many clients go away at the same time.
const CLIENTS: usize = 8;
/// How long an event, a close, or a record may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon a provider must see that nobody listens any more.
const CLOSE_GOAL: Duration = Duration::from_secs(2);
/// In the short form, one event in so many; the first and the last ones always.
const SAMPLE: usize = 12;

/// What a gateway does with an answer nobody reads any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnAbort {
    Cancel,
    Drain,
}

/// One client that goes away.
#[derive(Debug)]
struct Leaving {
    mark: String,
    api: Api,
    body: Vec<u8>,
    /// How many events it reads first.
    events: usize,
    expected: Expected,
}

/// Walks away, and compares at the end.
pub(super) fn run(stage: &Stage, fixtures: &Path) -> Outcome<Played> {
    let streams = streams(fixtures)?;
    let mut findings = Findings::default();
    let mut done = vec![format!("{} recorded streams", streams.len())];
    for on_abort in [OnAbort::Cancel, OnAbort::Drain] {
        match with(on_abort, stage, &streams, &mut findings) {
            Ok(told) => done.push(told),
            Err(cause) => findings.other(format!("{}: {cause}", on_abort.word())),
        }
    }
    Ok((findings, done))
}

/// The recorded streams, each once.
fn streams(fixtures: &Path) -> Outcome<Vec<Exchange>> {
    let all = exchange::all(fixtures)?.into_iter();
    let streams: Vec<_> = all
        .filter(|it| it.mode == Mode::Central && it.answer.is_stream && it.expected.is_some())
        .collect();
    match streams.is_empty() {
        true => Err(format!("no recorded stream in {}", fixtures.display()).into()),
        false => Ok(streams),
    }
}

fn with(
    on_abort: OnAbort,
    stage: &Stage,
    streams: &[Exchange],
    findings: &mut Findings,
) -> Outcome<String> {
    let replay = Replay::start(on_abort == OnAbort::Drain)?;
    let mut gateway = gateway(on_abort, stage, replay.address())?;
    gateway.start()?;
    let operator = gateway.operator()?;
    operator.make_user()?;
    let (_, key) = operator.make_key()?;
    let leaving = leaving(on_abort, streams, stage.is_short, &replay);
    let problems = leave(gateway.address()?, &key, &leaving, &replay);
    problems
        .into_iter()
        .for_each(|problem| findings.other(problem));
    let kept = settled(&operator, leaving.len())?;
    check(&leaving, &kept, findings);
    let closes = closes(on_abort, &leaving, &replay, findings);
    gateway.stop(PATIENCE)?;
    let word = on_abort.word();
    Ok(format!(
        "{word}: {} clients went away, {closes}",
        leaving.len()
    ))
}

impl OnAbort {
    fn word(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Drain => "drain",
        }
    }
}

fn gateway(on_abort: OnAbort, stage: &Stage, replay: SocketAddr) -> Outcome<Node> {
    let word = on_abort.word();
    let mut settings =
        "[listen]\naddress = \"127.0.0.1:0\"\noperator_address = \"127.0.0.1:0\"\n".to_owned();
    if on_abort == OnAbort::Drain {
        settings.push_str("[engine]\non_abort = \"drain\"\n");
    }
    settings.push_str(&providers(&format!("http://{replay}")));
    Node::new(&stage.bin, stage.place(word), &["serve"], &settings)
}

/// Every client there is to be, its script with the provider already.
fn leaving(
    on_abort: OnAbort,
    streams: &[Exchange],
    is_short: bool,
    replay: &Replay,
) -> Vec<Leaving> {
    let mut all = Vec::new();
    for (number, stream) in streams.iter().enumerate() {
        let events = replay::events(&stream.answer.body);
        for count in 0..=events.len() {
            let is_near_an_end = count <= 2 || count + 3 >= events.len();
            if is_short && !is_near_an_end && count % SAMPLE != 0 {
                continue;
            }
            let mark = format!("{}-{number}-{count}", on_abort.word());
            let heard = match on_abort {
                OnAbort::Cancel => events.get(..count).unwrap_or_default(),
                OnAbort::Drain => &events,
            };
            let relayed = events.get(..count).unwrap_or_default();
            all.push(Leaving {
                api: stream.api,
                body: stream.request.clone(),
                events: count,
                expected: expected(stream.api, relayed, heard),
                mark: mark.clone(),
            });
            let script = Script {
                events: events.clone(),
                stop: count,
            };
            replay.expect(mark, script);
        }
    }
    all
}

/// Sends all clients there and away again. What went wrong is told.
fn leave(gateway: SocketAddr, key: &str, leaving: &[Leaving], replay: &Replay) -> Vec<String> {
    let next = Mutex::new(leaving.iter());
    let problems = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                loop {
                    let Some(one) = next.lock().next() else {
                        return;
                    };
                    if let Err(cause) = leave_one(gateway, key, one, replay) {
                        problems.lock().push(format!("{}: {cause}", one.mark));
                    }
                }
            });
        }
    });
    problems.into_inner()
}

fn leave_one(gateway: SocketAddr, key: &str, one: &Leaving, replay: &Replay) -> Outcome {
    let (method, target, _) = one.api.way();
    let bearer = format!("Bearer {key}");
    let head = request(
        method,
        &target,
        &[
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("anthropic-version", "2023-06-01"),
            ("session-id", &one.mark),
            (replay::MARK, &one.mark),
        ],
    );
    let mut stream = TcpStream::connect(gateway)?;
    http1::send(&mut stream, &head, &one.body)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let seen = replay.wait_until_asked(&one.mark, PATIENCE);
    let read = match one.events {
        0 => Ok(()),
        events => read_events(&mut stream, events),
    };
    // With bytes unread this is a reset, as from a client that was killed.
    let _ended_already = stream.shutdown(Shutdown::Both);
    drop(stream);
    replay.left(&one.mark);
    // Only so many answers are read on at once; the rest would be given up.
    replay.wait_until_over(&one.mark, PATIENCE);
    if !seen {
        return Err("the provider was not asked".into());
    }
    read
}

/// Reads until so many events are there, chunks undone.
fn read_events(stream: &mut TcpStream, events: usize) -> Outcome {
    let mut reader = BufReader::new(stream);
    let head = http1::read_head(&mut reader)?.ok_or("no answer")?;
    if head.status() != 200 {
        return Err(format!("status {}", head.status()).into());
    }
    let mut body = Vec::new();
    let mut got = 0;
    while got < events {
        let more = http1::read_chunk(&mut reader, &mut body);
        got = replay::events(&body).len();
        match more {
            Ok(true) => {}
            Ok(false) => return Err(format!("{got} of {events} events, then the end").into()),
            Err(cause) => return Err(format!("{got} of {events} events, then: {cause}").into()),
        }
    }
    Ok(())
}

/// Waits until every interception is there and has ended, or nothing more comes.
fn settled(operator: &Operator, wanted: usize) -> Outcome<Vec<Kept>> {
    let begun = clock::now();
    loop {
        let count = operator.all("/interceptions")?.len();
        let is_done = count >= wanted && kept::running(operator)? == 0;
        if is_done || begun.elapsed() >= PATIENCE {
            return kept::all(operator);
        }
        pause(Duration::from_millis(100));
    }
}

fn check(leaving: &[Leaving], kept: &[Kept], findings: &mut Findings) {
    let mut by_mark: HashMap<&str, Vec<&Kept>> = HashMap::new();
    for kept in kept {
        by_mark.entry(&kept.mark).or_default().push(kept);
    }
    for one in leaving {
        let kept = match by_mark.get(one.mark.as_str()).map(Vec::as_slice) {
            None | Some([]) => {
                findings.missing(format!("{}: no interception", one.mark));
                continue;
            }
            Some([kept]) => kept,
            Some([kept, ..]) => {
                findings.doubled(format!("{}: more than one interception", one.mark));
                kept
            }
        };
        let Expected { status, tokens } = &one.expected;
        if kept.status != *status {
            let got = &kept.status;
            findings.torn(format!("{}: {got}, not {status}", one.mark));
        }
        let shown = |found: &[(String, bool)]| match found {
            [] => "none".to_owned(),
            [(counts, true)] => format!("{counts} estimated"),
            [(counts, false)] => counts.clone(),
            more => format!("{} rows", more.len()),
        };
        let got: Vec<_> = kept
            .tokens
            .iter()
            .map(|row| (row.counts.shown(), row.is_estimated))
            .collect();
        let wanted: Vec<_> = tokens
            .iter()
            .map(|(counts, is_estimated)| (counts.shown(), *is_estimated))
            .collect();
        if got != wanted {
            let (got, wanted) = (shown(&got), shown(&wanted));
            findings.torn(format!("{}: tokens {got}, not {wanted}", one.mark));
        }
    }
}

/// How soon the provider saw that the client had gone, or that it was heard to the end.
fn closes(
    on_abort: OnAbort,
    leaving: &[Leaving],
    replay: &Replay,
    findings: &mut Findings,
) -> String {
    let mut delays = Vec::new();
    for one in leaving {
        let end = replay.wait_until_over(&one.mark, PATIENCE);
        match (end, on_abort) {
            (None, _) => findings.other(format!("{}: a provider call was left running", one.mark)),
            (Some(end), OnAbort::Drain) if !end.is_whole => {
                findings.other(format!("{}: the answer was not drained", one.mark));
            }
            (Some(end), OnAbort::Cancel | OnAbort::Drain) => {
                if end.after > CLOSE_GOAL {
                    let after = clock::shown(end.after);
                    findings.other(format!("{}: closed after {after}", one.mark));
                }
                delays.push(end.after);
            }
        }
    }
    delays.sort();
    let at = |permille| clock::permille(&delays, permille);
    let (half, most) = (at(500), at(1000));
    format!("the provider's side was over after {half:.1} ms (p50), {most:.1} ms (max)")
}
