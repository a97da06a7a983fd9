//! What a tool server remembers. It is bounded.

use http::{HeaderMap, Method};
use tokio::sync::watch;

/// What a tool server has seen.
#[derive(Debug, Clone, Default)]
pub struct ToolServerSeen {
    /// The last requests, oldest first. A request is among them as soon as its body was read.
    pub requests: Vec<ToolRequestSeen>,
    /// The last calls of tools, oldest first.
    pub calls: Vec<ToolCallSeen>,
    /// How many sessions were begun.
    pub sessions_begun: u64,
    /// How many sessions clients have ended.
    pub sessions_ended: u64,
    /// How many streams are open now.
    pub streams: usize,
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolRequestSeen {
    /// The method of HTTP.
    pub http_method: Method,
    /// The method of the protocol, like `tools/list`, when the body has one.
    pub method: Option<String>,
    /// The session that it bore.
    pub session: Option<String>,
    /// All its headers. `Authorization` and cookies are marked as sensitive, so that `Debug` does
    /// not print them.
    pub headers: HeaderMap,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCallSeen {
    /// The tool's name.
    pub tool: String,
    /// The arguments, byte for byte. Empty when there were none.
    pub arguments: String,
    /// The session.
    pub session: String,
    /// The id of the request, as JSON.
    pub request_id: String,
    /// How it ended.
    pub end: ToolCallEnd,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolCallEnd {
    /// It runs.
    Running,
    /// Its answer was handed to the connection.
    Answered,
    /// The client cancelled it with a notification.
    Cancelled,
    /// The client went away from it without a word.
    Left,
}

impl ToolServerSeen {
    /// The methods of all requests that have one, in order.
    #[must_use]
    pub fn methods(&self) -> Vec<&str> {
        let methods = self.requests.iter().map(|it| it.method.as_deref());
        methods.flatten().collect()
    }

    /// The names of all tools called, in the order in which the calls arrived.
    #[must_use]
    pub fn tools_called(&self) -> Vec<&str> {
        self.calls.iter().map(|call| &*call.tool).collect()
    }
}

/// The memory. Its state is in a watch, so that tests wait for what they want to see.
#[derive(Debug)]
pub(super) struct Memory {
    keep: usize,
    state: watch::Sender<ToolServerSeen>,
}

impl Memory {
    pub(super) fn new(keep: usize) -> Self {
        Self {
            keep,
            state: watch::Sender::new(ToolServerSeen::default()),
        }
    }

    pub(super) fn seen(&self) -> ToolServerSeen {
        self.state.borrow().clone()
    }

    pub(super) async fn wait_for(
        &self,
        is_wanted: impl FnMut(&ToolServerSeen) -> bool,
    ) -> ToolServerSeen {
        let mut states = self.state.subscribe();
        let found = states.wait_for(is_wanted).await;
        // The sender lives as long as this does.
        found.map(|state| state.clone()).unwrap_or_default()
    }

    pub(super) fn saw(&self, mut request: ToolRequestSeen) {
        for name in ["authorization", "proxy-authorization", "cookie"] {
            if let Some(value) = request.headers.get_mut(name) {
                value.set_sensitive(true);
            }
        }
        self.change(|state| push(self.keep, &mut state.requests, request));
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut ToolServerSeen)) {
        self.state.send_modify(change);
    }

    pub(super) fn called(&self, call: ToolCallSeen) {
        self.change(|state| push(self.keep, &mut state.calls, call));
    }

    /// Tells how the last call with this id in this session ended. The first word counts.
    pub(super) fn ended(&self, session: &str, request_id: &str, end: ToolCallEnd) {
        self.change(|state| {
            let is_it = |call: &&mut ToolCallSeen| {
                call.session == session
                    && call.request_id == request_id
                    && call.end == ToolCallEnd::Running
            };
            if let Some(call) = state.calls.iter_mut().rev().find(is_it) {
                call.end = end;
            }
        });
    }
}

fn push<T>(keep: usize, all: &mut Vec<T>, one: T) {
    if all.len() >= keep.max(1) {
        all.remove(0);
    }
    all.push(one);
}
