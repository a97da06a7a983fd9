//! Running the injected calls of a round.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bridge_api::ToolResult;
use bridge_mcp::McpError;
use bridge_telemetry::CallOutcome;
use bridge_telemetry::trace::{Span, attributes as names};
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::spent::Planned;
use crate::ToolsConfig;
use crate::aftercare::Departure;
use crate::tools::{Shelved, result};
use crate::transcript::{Notes, Taken};

/// With what calls are made.
pub(super) struct Bench<'b> {
    pub(super) tools: &'b Shelved,
    pub(super) config: &'b ToolsConfig,
    pub(super) notes: &'b Notes,
    /// When the turn's time for tools is over.
    pub(super) until: Option<Instant>,
}

impl Bench<'_> {
    /// Makes the calls, several at once, and gives their results in the order of the calls. Each is
    /// recorded when it has ended.
    ///
    /// Dropping the future cancels what runs, and records that.
    pub(super) async fn run(&self, planned: Vec<Planned>) -> Vec<ToolResult> {
        let numbered = stream::iter(planned).enumerate();
        let calls = numbered.map(async |(at, planned)| (at, self.answer(planned).await));
        // One that is slow keeps nobody waiting who comes behind it.
        let answered = calls.buffer_unordered(self.config.at_once.max(1));
        let mut results: Vec<(usize, ToolResult)> = answered.collect().await;
        results.sort_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }

    async fn answer(&self, planned: Planned) -> ToolResult {
        let Planned { call, refused } = planned;
        let begun = Begun::new(self, call);
        if let Some(limit) = refused {
            return begun.not_made("limit", limit.explanation());
        }
        let call = &begun.taken.call;
        let input = match &call.input {
            Ok(input) => input,
            Err(bad) => {
                let explanation = bad.to_string();
                return begun.not_made("bad_input", explanation);
            }
        };
        let within = self.within();
        let called = self.tools.call(&call.name, input, within).await;
        begun.made(called)
    }

    /// How long a call may take now.
    fn within(&self) -> Duration {
        let left = self.until.map(|until| until.duration_since(Instant::now()));
        left.map_or(self.config.call_timeout, |left| {
            left.min(self.config.call_timeout)
        })
    }
}

/// A call that was begun. Dropped before its end it was cancelled.
struct Begun<'b> {
    bench: &'b Bench<'b>,
    taken: Taken,
    since: Instant,
    span: Span,
}

impl<'b> Begun<'b> {
    fn new(bench: &'b Bench<'b>, taken: Taken) -> Self {
        let call = &taken.call;
        let mut span = bench.notes.tool_span(&call.name);
        if span.is_on() {
            span.set(names::GEN_AI_OPERATION, "execute_tool");
            span.set(names::GEN_AI_TOOL_NAME, call.name.clone());
            span.set(names::GEN_AI_TOOL_CALL_ID, call.call_id.clone());
        }
        Self {
            bench,
            taken,
            since: Instant::now(),
            span,
        }
    }

    /// The call was not made, and the model hears why.
    fn not_made(mut self, why: &'static str, explanation: String) -> ToolResult {
        self.span.fail(why);
        let result = ToolResult::error(self.taken.call.call_id.clone(), explanation.clone());
        self.end(CallOutcome::NotMade, Some(explanation));
        result
    }

    /// The call was made, and came to this.
    fn made(mut self, called: Result<bridge_mcp::Outcome, McpError>) -> ToolResult {
        let call_id = self.taken.call.call_id.clone();
        match called {
            Ok(outcome) => {
                let (word, error) = if outcome.is_error {
                    self.span.fail("tool_error");
                    (
                        CallOutcome::ToolError,
                        Some("the tool says that it failed".to_owned()),
                    )
                } else {
                    (CallOutcome::Answered, None)
                };
                self.end(word, error);
                result(call_id, outcome, self.bench.config.result_bytes)
            }
            Err(error) => {
                let outcome = outcome(&error);
                self.span.fail(match outcome {
                    CallOutcome::TimedOut => "timeout",
                    CallOutcome::NotMade => "not_made",
                    CallOutcome::Answered
                    | CallOutcome::ToolError
                    | CallOutcome::ServerError
                    | CallOutcome::Cancelled => "server_error",
                });
                let explanation = format!("The tool could not be used: {error}.");
                self.end(outcome, Some(error.to_string()));
                ToolResult::error(call_id, explanation)
            }
        }
    }

    fn end(&mut self, outcome: CallOutcome, error: Option<String>) {
        let took = (outcome != CallOutcome::NotMade).then(|| self.since.elapsed());
        self.taken.ended(outcome, error, took);
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.end(CallOutcome::Cancelled, Some("cancelled".to_owned()));
    }
}

/// What became of a call that has no outcome of its own.
fn outcome(error: &McpError) -> CallOutcome {
    match error {
        McpError::TimedOut { .. } => CallOutcome::TimedOut,
        McpError::NoKey
        | McpError::NoToken(_)
        | McpError::NotOpen
        | McpError::Closed
        | McpError::Arguments(_) => CallOutcome::NotMade,
        McpError::Unreachable(_)
        | McpError::SessionEnded
        | McpError::Refused { .. }
        | McpError::Status { .. }
        | McpError::Answered { .. }
        | McpError::Malformed { .. }
        | McpError::Moved { .. }
        | McpError::TooLarge { .. }
        | McpError::TooMany { .. } => CallOutcome::ServerError,
    }
}

/// What comes of the work, unless the caller leaves before: tools work for nobody else. Whoever
/// takes over what a caller leaves polls it at once, and that is when it is noticed.
pub(super) async fn unless_left<T>(
    departure: &Departure,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if departure.has_left() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(cx).map(Some)
    })
    .await
}
