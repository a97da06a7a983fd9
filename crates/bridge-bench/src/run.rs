//! The run: one case after another, direct and through in turns.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use bridge_telemetry::discard;
use bridge_telemetry::task::{self, Task};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::time::{Instant, sleep, timeout_at};

use crate::case::{Case, Effort};
use crate::connection::{AskError, Connection};
use crate::flags::Flags;
use crate::goals;
use crate::process::{Process, ProcessError};
use crate::samples::Samples;
use crate::table;
use crate::target::Target;
use crate::twin;

/// How many connections are opened at once.
const OPEN_AT_ONCE: usize = 50;

/// When a run ends at the latest, with and without `--short`.
const SHORT_LIMIT: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(360);

/// Both sides of a case.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) case: Case,
    pub(crate) direct: Samples,
    pub(crate) through: Samples,
    /// The gateway's ticks while it was used.
    pub(crate) ticks: u64,
    /// The gateway's memory for each open stream, where it was measured.
    pub(crate) stream_bytes: Option<u64>,
}

/// Runs all cases and prints them as they end.
///
/// # Errors
/// When the gateway's process cannot be watched, an end cannot be reached, an answer was not as
/// it should have been, or time was up before the last case. What was measured until then is
/// printed.
pub(crate) async fn all(flags: &Flags, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let limit = if flags.is_short { SHORT_LIMIT } else { LIMIT };
    let mut failed = None;
    let gateway = Process(flags.pid);
    let idle = gateway.resident()?;
    writeln!(out, "{}", table::head())?;
    let mut measured = Vec::new();
    let memory = Case::memory(flags.is_short);
    let cases = std::iter::once(memory).chain(Case::all(flags.is_short));
    for case in cases {
        let line = format!("{case}, {} connections", case.connections);
        if flags
            .only
            .as_ref()
            .is_some_and(|only| !line.contains(only.as_str()))
        {
            continue;
        }
        let measuring = one(flags, case, gateway, case == memory);
        let Ok(one) = timeout_at(begun + limit, measuring).await else {
            failed = Some(format!("{} s were not enough: {line}", limit.as_secs()));
            break;
        };
        let one = one?;
        writeln!(out, "{}", table::line(&one))?;
        out.flush()?;
        measured.push(one);
    }
    writeln!(out, "\n{}", table::legend(idle))?;
    for line in goals::lines(&measured, idle) {
        writeln!(out, "{line}")?;
    }
    twin::all(flags, out).await?;
    writeln!(out, "\n{} s in all", begun.elapsed().as_secs())?;
    match failed.or_else(|| failure(&measured)) {
        Some(failure) => Err(failure.into()),
        None => Ok(()),
    }
}

fn failure(measured: &[Measured]) -> Option<String> {
    let sides = measured.iter().flat_map(|one| [&one.direct, &one.through]);
    let errors = sides.clone().map(|side| side.errors).sum::<u64>();
    let first = sides
        .into_iter()
        .find_map(|side| side.first_error.clone())?;
    Some(format!("{errors} requests failed, the first with: {first}"))
}

/// Measures one case.
async fn one(
    flags: &Flags,
    case: Case,
    gateway: Process,
    measures_memory: bool,
) -> Result<Measured, Box<dyn Error>> {
    let effort = case.effort(flags.is_short);
    let body = flags.dialect.body(case.body_bytes, case.stream.is_some());
    let side = |target| Side::new(target, case, flags, body.clone());
    let (mut direct, mut through) = (side(&flags.direct), side(&flags.gateway));
    direct.warm(effort).await?;
    // One stream first, so that what is built once is not counted with what each stream takes.
    if measures_memory {
        through.warm_one(effort).await?;
    }
    let before = gateway.resident()?;
    through.warm(effort).await?;
    let (mut ticks, mut stream_bytes) = (0, None);
    for _ in 0..effort.turns {
        direct.turn(effort).await?;
        let then = gateway.ticks()?;
        let open = async {
            match case.stream {
                Some(stream) if measures_memory => Some(midway(gateway, stream).await),
                _ => None,
            }
        };
        let (turned, open) = tokio::join!(through.turn(effort), open);
        turned?;
        ticks += gateway.ticks()?.since(then);
        if let Some(open) = open {
            let streams = u64::try_from(case.connections)?;
            stream_bytes = Some(open?.saturating_sub(before) / streams);
        }
    }
    Ok(Measured {
        case,
        direct: direct.samples,
        through: through.samples,
        ticks,
        stream_bytes,
    })
}

/// The gateway's memory when all streams are open.
async fn midway(gateway: Process, stream: crate::case::Stream) -> Result<u64, ProcessError> {
    let events = u64::try_from(stream.events).unwrap_or(u64::MAX);
    sleep(Duration::from_millis(
        events.saturating_mul(stream.pace_ms) / 2,
    ))
    .await;
    gateway.resident()
}

/// One of the two ends in one case: its connections, and what was measured on them.
pub(crate) struct Side<'t> {
    target: &'t Target,
    case: Case,
    request: Request<Full<Bytes>>,
    connections: Vec<Connection>,
    pub(crate) samples: Samples,
}

impl<'t> Side<'t> {
    pub(crate) fn new(target: &'t Target, case: Case, flags: &Flags, body: Bytes) -> Self {
        Self {
            target,
            case,
            request: target.request(&case, flags.dialect, body),
            connections: Vec::new(),
            samples: Samples::default(),
        }
    }

    /// Opens connections until all are there.
    async fn open(&mut self) -> Result<(), AskError> {
        while self.connections.len() < self.case.connections {
            let missing = self.case.connections - self.connections.len();
            let some = (0..missing.min(OPEN_AT_ONCE)).map(|_| Connection::open(self.target));
            for connection in futures_util::future::join_all(some).await {
                self.connections.push(connection?);
            }
        }
        Ok(())
    }

    /// Opens all connections and, where the answers do not take long, uses each once.
    pub(crate) async fn warm(&mut self, effort: Effort) -> Result<(), AskError> {
        self.open().await?;
        if !self.case.is_paced() && !self.case.is_heavy() {
            self.turn(Effort { most: 1, ..effort }).await?;
            self.samples = Samples {
                errors: self.samples.errors,
                first_error: self.samples.first_error.take(),
                ..Samples::default()
            };
        }
        Ok(())
    }

    /// One whole stream on a connection of its own.
    async fn warm_one(&mut self, effort: Effort) -> Result<(), AskError> {
        let mut connection = Connection::open(self.target).await?;
        let warmed = connection.turn(&self.case, effort, &self.request).await;
        self.samples.errors += warmed.errors;
        self.samples.first_error = warmed.first_error;
        Ok(())
    }

    /// All connections make requests at the same time. Those that broke are opened anew.
    pub(crate) async fn turn(&mut self, effort: Effort) -> Result<(), AskError> {
        self.open().await?;
        let begun = Instant::now();
        let asking: Vec<Task<_>> = std::mem::take(&mut self.connections)
            .into_iter()
            .map(|mut connection| {
                let (case, request) = (self.case, self.request.clone());
                task::spawn(&discard(), "requests", async move {
                    let samples = connection.turn(&case, effort, &request).await;
                    (connection, samples)
                })
            })
            .collect();
        for asking in asking {
            match asking.join().await {
                Ok((connection, samples)) => {
                    if samples.errors == 0 {
                        self.connections.push(connection);
                    }
                    self.samples.add(samples);
                }
                Err(panicked) => self.samples.failed(panicked.to_string()),
            }
        }
        self.samples.elapsed += begun.elapsed();
        Ok(())
    }
}
