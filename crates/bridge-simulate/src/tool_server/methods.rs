//! The methods of the protocol: a session begins, tools are listed and called.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use super::call::{Running, Shape};
use super::config::ToolAnswers;
use super::http_face::{SESSION, Server};
use super::memory::ToolCallEnd;
use super::reply::{self, ToolBody};
use super::rpc::{self, Message};
use super::tool::{SimulatedTool, ToolAnswer};
use super::trouble::ToolTrouble;

impl Server {
    /// Begins a session.
    pub(super) fn begin(&self, message: &Message<'_>) -> Response<ToolBody> {
        let session = self.sessions.begin();
        self.memory.change(|state| state.sessions_begun += 1);
        let answer = rpc::answer(message.id(), &rpc::hello(message.revision()));
        let mut response = self.whole(answer);
        if let Ok(value) = HeaderValue::from_str(&session) {
            response.headers_mut().insert(SESSION, value);
        }
        response
    }

    /// Answers what belongs to a session.
    pub(super) fn dispatch(&self, message: &Message<'_>, session: String) -> Response<ToolBody> {
        if message.id.is_none() || message.method.is_none() {
            if let Some(request_id) = message.cancelled()
                && self.sessions.cancel(&session, request_id)
            {
                self.memory
                    .ended(&session, request_id, ToolCallEnd::Cancelled);
            }
            return reply::bare(StatusCode::ACCEPTED);
        }
        let member = match message.method.as_deref() {
            Some("tools/call") => return self.call(message, session),
            Some("tools/list") => return self.list(message),
            Some("ping") => "\"result\":{}".to_owned(),
            _ => rpc::error(rpc::METHOD_NOT_FOUND, "Method not found"),
        };
        self.whole(rpc::answer(message.id(), &member))
    }

    fn list(&self, message: &Message<'_>) -> Response<ToolBody> {
        let Some(start) = message.page_start() else {
            let member = rpc::error(rpc::INVALID_PARAMS, "Unknown cursor");
            return self.whole(rpc::answer(message.id(), &member));
        };
        let tools = self.tools();
        let page = match self.config.page {
            0 => usize::MAX,
            page => page,
        };
        let listed = tools.iter().skip(start).take(page);
        let listed: Vec<_> = listed.map(SimulatedTool::listed).collect();
        let next = start.saturating_add(page);
        let cursor = match next < tools.len() {
            true => format!(",\"nextCursor\":{}", json!(format!("from-{next}"))),
            false => String::new(),
        };
        let member = format!("\"result\":{{\"tools\":[{}]{cursor}}}", listed.join(","));
        self.shape().respond(&rpc::answer(message.id(), &member))
    }

    fn call(&self, message: &Message<'_>, session: String) -> Response<ToolBody> {
        let Some(call) = message.call() else {
            let member = rpc::error(rpc::INVALID_PARAMS, "Invalid params");
            return self.whole(rpc::answer(message.id(), &member));
        };
        let found = self.tools().into_iter().find(|it| it.name == call.name);
        let unknown = || {
            SimulatedTool::new(
                &call.name,
                ToolAnswer::Refused {
                    code: rpc::INVALID_PARAMS,
                    message: format!("Unknown tool: {}", call.name),
                },
            )
        };
        let running = Running::begin(
            &self.memory,
            &self.sessions,
            session,
            message.id(),
            &call,
            found.unwrap_or_else(unknown),
        );
        let response = running.respond(self.shape());
        if self.trouble() == ToolTrouble::ToolsChange {
            self.change_one();
        }
        response
    }

    fn shape(&self) -> Shape {
        Shape {
            answers: self.config.answers,
            trouble: self.trouble(),
        }
    }

    fn whole(&self, answer: String) -> Response<ToolBody> {
        match self.config.answers {
            ToolAnswers::Json => reply::json(StatusCode::OK, answer),
            ToolAnswers::Events => {
                let event = Bytes::from(reply::event(&answer));
                reply::events(ToolBody::Whole(Some(event)))
            }
        }
    }
}
