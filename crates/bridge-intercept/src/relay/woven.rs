//! A stream of events that is woven of several answers of the provider.
//!
//! It owns its turn: no task and no channel stands behind it. While the caller takes bytes it reads
//! the answer of a round, and between two rounds it runs the injected calls and asks the provider
//! again. Dropping it ends all of that.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bridge_api::{RoundEnd, WeaveError};
use bridge_stream::{FrameError, Limits, RawEvent, SseSplitter};
use bridge_upstream::UpstreamError;
use bytes::Bytes;

use super::Source;
use super::ear::Ear;
use crate::rounds::{Failed, Rounds, Step};

/// Bytes for the caller, made of what the provider sends in one round after the other.
pub(super) struct Woven {
    at: At,
    ear: Ear,
}

enum At {
    /// The answer of a round.
    Reading(Box<Reading>),
    /// Calls run, or the provider is asked again.
    Between(Pin<Box<dyn Future<Output = Step> + Send>>),
    /// Behind the last word.
    Behind(Source),
    Over,
}

struct Reading {
    rounds: Box<Rounds>,
    /// What was read of it before.
    first: Option<Bytes>,
    source: Source,
    splitter: SseSplitter,
}

/// What a piece of an answer came to.
#[derive(Default)]
struct Heard {
    /// For the caller.
    out: Vec<u8>,
    /// Whether the round is over.
    is_over: bool,
    /// What came behind its last word.
    behind: Vec<u8>,
    failure: Option<Unwoven>,
}

/// Why a stream cannot be woven any further.
enum Unwoven {
    Frame(FrameError),
    Weave(WeaveError),
}

impl Woven {
    /// Weaves from the first answer on.
    pub(super) fn new(rounds: Box<Rounds>, first: Option<Bytes>, source: Source, ear: Ear) -> Self {
        Self {
            at: At::reading(rounds, first, source),
            ear,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match &self.at {
            At::Reading(_) | At::Between(_) => false,
            At::Behind(source) => source.is_end_stream(),
            At::Over => true,
        }
    }

    pub(super) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        loop {
            let out = match &mut self.at {
                At::Reading(reading) => match ready!(reading.poll_piece(cx)) {
                    Some(Ok(piece)) => self.hear(&piece),
                    Some(Err(error)) => match self.broken(error) {
                        Ok(out) => out,
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    },
                    None => self.ended(),
                },
                At::Between(between) => {
                    let step = ready!(between.as_mut().poll(cx));
                    self.step(step)
                }
                At::Behind(source) => return source.poll_data(cx),
                At::Over => return Poll::Ready(None),
            };
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Bytes::from(out))));
            }
        }
    }

    /// A piece of the answer of a round.
    fn hear(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut heard = Heard::default();
        if let At::Reading(reading) = &mut self.at {
            let Reading {
                rounds, splitter, ..
            } = &mut **reading;
            heard.out.reserve(piece.len());
            let ear = &self.ear;
            let fed = splitter.feed(piece, |it| heard.take(it, rounds, ear));
            if let Err(error) = fed {
                heard.failure.get_or_insert(Unwoven::Frame(error));
            }
        }
        self.go_on(heard)
    }

    /// The body of a round has ended. The last event may lack its blank line.
    fn ended(&mut self) -> Vec<u8> {
        let mut heard = Heard::default();
        if let At::Reading(reading) = &mut self.at {
            let Reading {
                rounds, splitter, ..
            } = &mut **reading;
            let ear = &self.ear;
            splitter.finish(|it| heard.take_last(it, rounds, ear));
        }
        heard.is_over = true;
        self.go_on(heard)
    }

    /// The connection broke in a round. That matters only before its last word.
    fn broken(&mut self, error: UpstreamError) -> Result<Vec<u8>, UpstreamError> {
        let is_complete = self.ear.hear(|observer| observer.is_complete());
        if is_complete == Some(true) {
            return Ok(self.ended());
        }
        self.at = At::Over;
        Err(error)
    }

    fn go_on(&mut self, heard: Heard) -> Vec<u8> {
        let Heard {
            mut out,
            is_over,
            behind,
            failure,
        } = heard;
        if let Some(failure) = failure {
            self.fail(&failure.into(), &mut out);
        } else if is_over {
            self.end_round(&behind, &mut out);
        }
        out
    }

    fn end_round(&mut self, behind: &[u8], out: &mut Vec<u8>) {
        let At::Reading(reading) = std::mem::replace(&mut self.at, At::Over) else {
            return;
        };
        let Reading {
            mut rounds,
            source,
            mut splitter,
            ..
        } = *reading;
        match rounds.end_round() {
            RoundEnd::Over => {
                self.finish(rounds, out);
                out.extend_from_slice(behind);
                splitter.finish(|it| out.extend_from_slice(it.raw));
                self.at = At::Behind(source);
            }
            // Tools do not work for somebody who has left.
            RoundEnd::Calls(_) | RoundEnd::Mixed(_) if rounds.notes.departure().has_left() => {}
            RoundEnd::Calls(calls) => {
                let calls = rounds.notes.takes(calls);
                if let Some(observed) = self.ear.end_round() {
                    rounds.notes.end_round(observed);
                }
                self.at = At::Between(Box::pin(rounds.go_on(calls, source)));
            }
            RoundEnd::Mixed(calls) => {
                let calls = rounds.notes.takes(calls);
                self.at = At::Between(Box::pin(rounds.finish_mixed(calls, source)));
            }
        }
    }

    fn step(&mut self, step: Step) -> Vec<u8> {
        let mut out = Vec::new();
        match step {
            Step::Round(rounds, next) => {
                self.ear.begin();
                self.at = At::reading(rounds, None, next.source);
            }
            Step::Kept(rounds) => {
                self.finish(rounds, &mut out);
                self.at = At::Over;
            }
            Step::Failed(failed) => self.fail(&failed, &mut out),
        }
        out
    }

    /// The caller gets the end of its answer.
    fn finish(&self, mut rounds: Box<Rounds>, out: &mut Vec<u8>) {
        rounds.weave.finish(out);
        rounds.over();
        self.ear.is_last();
    }

    /// The turn has failed, and the caller hears that as the last event.
    fn fail(&mut self, failed: &Failed, out: &mut Vec<u8>) {
        self.at = At::Over;
        if let Failed::Left = failed {
            return;
        }
        let (error_type, message) = failed.recorded();
        self.ear.fail(error_type, message);
        out.extend_from_slice(&failed.event(self.ear.dialect()));
    }
}

impl At {
    fn reading(rounds: Box<Rounds>, first: Option<Bytes>, source: Source) -> Self {
        Self::Reading(Box::new(Reading {
            rounds,
            first,
            source,
            splitter: SseSplitter::new(Limits::default()),
        }))
    }
}

impl Reading {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => self.source.poll_data(cx),
        }
    }
}

impl Heard {
    /// One event of a round.
    fn take(&mut self, it: RawEvent<'_>, rounds: &mut Rounds, ear: &Ear) {
        if self.failure.is_some() {
            return;
        }
        if self.is_over {
            self.behind.extend_from_slice(it.raw);
            return;
        }
        let Some(event) = it.event else {
            self.out.extend_from_slice(it.raw);
            return;
        };
        let has_ended = ear.hear(|observer| {
            observer.event(event.name, event.data);
            observer.has_ended()
        });
        self.weave(it, rounds);
        self.is_over = has_ended == Some(true);
    }

    /// What stands at the end of a body without a blank line behind it. It may be cut, and counts
    /// only when it is whole.
    fn take_last(&mut self, it: RawEvent<'_>, rounds: &mut Rounds, ear: &Ear) {
        if self.is_over || self.failure.is_some() {
            return;
        }
        let Some(event) = it.event else {
            return;
        };
        let is_whole = ear.hear(|observer| {
            observer.last_event(event.name, event.data);
            observer.is_complete()
        });
        if is_whole == Some(true) {
            self.weave(it, rounds);
        }
    }

    fn weave(&mut self, it: RawEvent<'_>, rounds: &mut Rounds) {
        let Some(event) = it.event else {
            return;
        };
        let woven = rounds
            .weave
            .event(event.name, event.data, it.raw, &mut self.out);
        if let Err(error) = woven {
            self.failure = Some(Unwoven::Weave(error));
        }
    }
}

impl From<Unwoven> for Failed {
    fn from(unwoven: Unwoven) -> Self {
        match unwoven {
            Unwoven::Frame(error) => {
                Self::of_reading(&format!("the provider's answer cannot be read: {error}"))
            }
            Unwoven::Weave(error) => Self::of_weave(error),
        }
    }
}
