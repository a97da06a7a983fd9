//! Bytes to the caller while an observer listens.
//!
//! The bytes of the provider reach the caller as they are. What the relay adds stands only between
//! two whole events: a ping when the provider is silent, and an error event when it broke off. So
//! that nothing is ever added inside an event, an incomplete one is held back until its rest has
//! come.
//!
//! The last bytes of an answer go on when its records are safe. Nothing before them waits.

mod decoded;
mod ear;
mod flow;
mod gathered;
mod held;
mod messages;
mod source;
mod turn;
mod watch;
mod woven;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bridge_upstream::UpstreamError;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

pub(crate) use self::ear::Ear;
pub(crate) use self::flow::Flow;
pub(crate) use self::source::Source;
pub(crate) use self::turn::Manner;
use self::turn::Turn;
pub(crate) use self::watch::{Watch, WatchKind};
use crate::transcript::{Closing, Transcript};

/// The body of an answer: the provider's bytes, observed.
///
/// Dropping it before its end says that the caller went away: it is read on, or the connection to
/// the provider is closed, as [`OnAbort`](crate::OnAbort) says, and that is recorded.
pub struct AnswerBody(Option<Box<Flow>>);

impl AnswerBody {
    /// Relays without listening.
    pub(crate) fn unobserved(source: Source) -> Self {
        Self(Some(Box::new(Flow::new(source, None, None))))
    }

    /// Relays while the watch listens, and closes the transcript at the end.
    pub(crate) fn observed(
        source: Source,
        first: Option<Bytes>,
        transcript: Transcript,
        watch: Watch,
        manner: &Manner,
    ) -> Self {
        let turn = Turn::new(transcript, watch, manner);
        Self(Some(Box::new(Flow::new(source, first, Some(turn)))))
    }

    /// Waits for the records of an answer that has no bytes: nobody will ask for any, so they must
    /// be safe before its head goes on. Dropping the future changes nothing.
    pub(crate) async fn settle_empty(&mut self) {
        if let Some(flow) = &mut self.0 {
            flow.settle_empty().await;
        }
    }

    /// What is known of the interception, if it is one. If it has not ended, the caller has gone
    /// away, as when the body is dropped; there are no bytes in it any more.
    pub fn close(&mut self) -> Option<Closing> {
        self.0.take()?.depart()
    }

    /// Ends here, whatever is done for callers who leave: for a body in which something panicked.
    pub fn give_up(&mut self) {
        self.0 = None;
    }

    /// The bytes themselves, for somebody who reads on.
    pub(crate) fn into_flow(mut self) -> Option<Box<Flow>> {
        self.0.take()
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        match &mut self.0 {
            Some(flow) => flow.poll(cx).map(|next| Some(next?.map(Frame::data))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|flow| flow.is_at_end())
    }

    fn size_hint(&self) -> SizeHint {
        let flow = self.0.as_ref();
        flow.map_or_else(|| SizeHint::with_exact(0), |flow| flow.size_hint())
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        let _told_nobody = self.close();
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerBody")
            .field("is_over", &self.is_end_stream())
            .finish_non_exhaustive()
    }
}
