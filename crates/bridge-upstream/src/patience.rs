//! How long an answer that has begun may take.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::UpstreamError;

/// Watches for answers that stop in the middle, and for those that never end.
///
/// The timer is armed only while nothing arrives and is not moved for each piece: when it goes off
/// it looks at when the last piece came.
pub(crate) struct Patience {
    silence: Duration,
    end: Option<End>,
    heard: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

/// When an exchange has to be over, and how long it may have taken until then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) at: Instant,
    pub(crate) after: Duration,
}

impl End {
    /// So long from now.
    pub(crate) fn in_time(after: Duration) -> Self {
        Self {
            at: Instant::now() + after,
            after,
        }
    }

    pub(crate) fn too_late(self) -> UpstreamError {
        UpstreamError::TotalTimeout { after: self.after }
    }
}

impl Patience {
    pub(crate) fn new(silence: Duration, end: Option<End>) -> Self {
        Self {
            silence,
            end,
            heard: Instant::now(),
            timer: None,
        }
    }

    /// A piece has come, unless it came too late.
    pub(crate) fn heard(&mut self) -> Result<(), UpstreamError> {
        self.heard = Instant::now();
        match self.end {
            Some(end) if self.heard >= end.at => Err(end.too_late()),
            Some(_) | None => Ok(()),
        }
    }

    /// Ready when there is no point in waiting for another piece.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<UpstreamError> {
        let due = self.due();
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        loop {
            ready!(timer.as_mut().poll(cx));
            // It may have been armed for an earlier piece; what is due only ever moves on.
            if Instant::now() >= due {
                return Poll::Ready(self.too_late());
            }
            timer.as_mut().reset(due);
        }
    }

    fn due(&self) -> Instant {
        let silent = self.heard + self.silence;
        self.end.map_or(silent, |end| silent.min(end.at))
    }

    fn too_late(&self) -> UpstreamError {
        match self.end {
            Some(end) if end.at <= self.heard + self.silence => end.too_late(),
            Some(_) | None => UpstreamError::IdleTimeout {
                after: self.silence,
            },
        }
    }
}
