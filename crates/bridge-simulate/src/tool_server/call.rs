//! A call of a tool, from its arrival to its end.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use tokio::select;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::config::ToolAnswers;
use super::memory::{Memory, ToolCallEnd, ToolCallSeen};
use super::reply::{self, ToolBody};
use super::rpc::{self, Call};
use super::session::Sessions;
use super::tool::SimulatedTool;
use super::trouble::ToolTrouble;

/// A call that runs. Dropped before its end the client has left it.
pub(super) struct Running {
    memory: Arc<Memory>,
    sessions: Arc<Sessions>,
    session: String,
    request_id: String,
    arguments: String,
    tool: SimulatedTool,
    cancelled: oneshot::Receiver<()>,
}

/// The form that an answer gets.
pub(super) struct Shape {
    pub(super) answers: ToolAnswers,
    pub(super) trouble: ToolTrouble,
}

impl Running {
    pub(super) fn begin(
        memory: &Arc<Memory>,
        sessions: &Arc<Sessions>,
        session: String,
        request_id: &str,
        call: &Call<'_>,
        tool: SimulatedTool,
    ) -> Self {
        let arguments = call.arguments.map_or("", |it| it.get()).to_owned();
        let cancelled = sessions.call(&session, request_id);
        memory.called(ToolCallSeen {
            tool: call.name.clone().into_owned(),
            arguments: arguments.clone(),
            session: session.clone(),
            request_id: request_id.to_owned(),
            end: ToolCallEnd::Running,
        });
        Self {
            memory: Arc::clone(memory),
            sessions: Arc::clone(sessions),
            session,
            request_id: request_id.to_owned(),
            arguments,
            tool,
            cancelled,
        }
    }

    /// The response: its head at once, its body when the tool has ended.
    pub(super) fn respond(self, shape: Shape) -> Response<ToolBody> {
        if shape.trouble == ToolTrouble::BreaksOff {
            return reply::broken();
        }
        let content_type = shape.content_type();
        let later = async move { self.run().await.map(|answer| shape.bytes(&answer)) };
        reply::typed(content_type, ToolBody::Later(Some(Box::pin(later))))
    }

    /// The answer. Nothing when the call was cancelled.
    async fn run(mut self) -> Option<String> {
        let arguments = std::mem::take(&mut self.arguments);
        let work = async {
            sleep(self.tool.delay).await;
            match self.tool.answer.member(&arguments) {
                Some(member) => member,
                None => std::future::pending().await,
            }
        };
        let cancelled = async {
            // The sender is dropped without a word when the session is forgotten.
            if (&mut self.cancelled).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        select! {
            biased;
            () = cancelled => None,
            member = work => {
                self.memory.ended(&self.session, &self.request_id, ToolCallEnd::Answered);
                Some(rpc::answer(&self.request_id, &member))
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.sessions.uncall(&self.session, &self.request_id);
        self.memory
            .ended(&self.session, &self.request_id, ToolCallEnd::Left);
    }
}

impl Shape {
    pub(super) fn respond(&self, answer: &str) -> Response<ToolBody> {
        let body = ToolBody::Whole(Some(self.bytes(answer)));
        reply::typed(self.content_type(), body)
    }

    fn content_type(&self) -> &'static str {
        match self.answers {
            ToolAnswers::Events => "text/event-stream",
            ToolAnswers::Json => "application/json",
        }
    }

    fn bytes(&self, answer: &str) -> Bytes {
        let answer = match self.trouble {
            ToolTrouble::Malformed => {
                let half = answer.len() / 2;
                let cut = (half..answer.len()).find(|at| answer.is_char_boundary(*at));
                answer
                    .get(..cut.unwrap_or(0))
                    .unwrap_or_default()
                    .to_owned()
            }
            ToolTrouble::DuplicateKeys => doubled(answer),
            ToolTrouble::None
            | ToolTrouble::Dead
            | ToolTrouble::Slow(_)
            | ToolTrouble::Status(_)
            | ToolTrouble::SessionExpires(_)
            | ToolTrouble::ToolsChange
            | ToolTrouble::BreaksOff => answer.to_owned(),
        };
        match self.answers {
            ToolAnswers::Events => reply::event(&answer).into(),
            ToolAnswers::Json => answer.into(),
        }
    }
}

/// The answer with members doubled: of the whole, of each tool and of each schema.
fn doubled(answer: &str) -> String {
    let answer = answer
        .replace("{\"name\":", "{\"name\":\"first_of_two\",\"name\":")
        .replace("\"inputSchema\":{", "\"inputSchema\":{\"type\":\"string\",")
        .replace("\"content\":[", "\"content\":[],\"content\":[");
    let whole = "{\"jsonrpc\":\"2.0\",";
    answer.replacen(whole, "{\"jsonrpc\":\"1.0\",\"jsonrpc\":\"2.0\",", 1)
}
