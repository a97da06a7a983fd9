//! One build that several callers wait for.
//!
//! Nobody owns it: whoever comes first leads, and when the leader goes away the next one leads.
//! So a build needs no task of its own, and ends when nobody wants it any more.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::Generation;

/// How a build ended, shared by all who waited.
pub(crate) type Outcome<H, E> = Result<Arc<H>, Arc<E>>;

/// A build in progress.
pub(crate) struct Flight<H, E> {
    generation: Generation,
    line: Mutex<Line<H, E>>,
}

/// Who leads and who waits.
struct Line<H, E> {
    is_led: bool,
    outcome: Option<Outcome<H, E>>,
    /// Those who have looked and must be woken, the first one first.
    waiting: Vec<(u64, Waker)>,
    next_id: u64,
}

/// What a caller's waiting comes to.
pub(crate) enum Turn<H, E> {
    /// Nobody leads: the caller does now. It must end with `land` or `hand_over`.
    Lead,
    Done(Outcome<H, E>),
}

impl<H, E> Flight<H, E> {
    pub(crate) fn new(generation: Generation) -> Self {
        let line = Line {
            is_led: false,
            outcome: None,
            waiting: Vec::new(),
            next_id: 0,
        };
        Self {
            generation,
            line: Mutex::new(line),
        }
    }

    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// Leads if nobody does. `ticket` is what the caller is known by while it waits; whoever goes
    /// away with one must `leave`.
    pub(crate) fn poll_turn(&self, ticket: &mut Option<u64>, cx: &Context<'_>) -> Poll<Turn<H, E>> {
        let mut line = self.line.lock();
        if let Some(outcome) = &line.outcome {
            *ticket = None;
            return Poll::Ready(Turn::Done(outcome.clone()));
        }
        if !line.is_led {
            line.is_led = true;
            line.forget(ticket.take());
            return Poll::Ready(Turn::Lead);
        }
        line.wait(ticket, cx.waker());
        Poll::Pending
    }

    /// A caller that waited goes away. It may just have been woken to lead, so another one is.
    pub(crate) fn leave(&self, ticket: Option<u64>) {
        let mut line = self.line.lock();
        line.forget(ticket);
        let next = line.next_leader();
        drop(line);
        wake(next);
    }

    /// The leader goes away without an outcome.
    pub(crate) fn hand_over(&self) {
        let mut line = self.line.lock();
        line.is_led = false;
        let next = line.next_leader();
        drop(line);
        wake(next);
    }

    /// The leader has an outcome for everybody.
    pub(crate) fn land(&self, outcome: Outcome<H, E>) {
        let mut line = self.line.lock();
        line.outcome = Some(outcome);
        let waiting = std::mem::take(&mut line.waiting);
        drop(line);
        wake(waiting.into_iter().map(|(_, waker)| waker));
    }
}

impl<H, E> Line<H, E> {
    fn wait(&mut self, ticket: &mut Option<u64>, waker: &Waker) {
        let known = ticket.and_then(|ticket| self.waiting.iter_mut().find(|(id, _)| *id == ticket));
        if let Some((_, known)) = known {
            known.clone_from(waker);
        } else {
            self.waiting.push((self.next_id, waker.clone()));
            *ticket = Some(self.next_id);
            self.next_id += 1;
        }
    }

    fn forget(&mut self, ticket: Option<u64>) {
        if let Some(ticket) = ticket {
            self.waiting.retain(|(id, _)| *id != ticket);
        }
    }

    /// Whom to wake when nobody leads. It stays in line until it comes, so that its going away is
    /// noticed.
    fn next_leader(&self) -> Option<Waker> {
        let is_open = !self.is_led && self.outcome.is_none();
        let first = self.waiting.first().filter(|_| is_open);
        first.map(|(_, waker)| waker.clone())
    }
}

/// Outside of the lock: a waker may run anything.
fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}
