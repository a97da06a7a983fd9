//! What a simulated tool server is made of.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use super::tool::{self, SimulatedTool};
use super::trouble::ToolTrouble;

/// How a simulated tool server behaves.
#[derive(Clone)]
pub struct ToolServerConfig {
    /// Where to listen. Default: a free port on 127.0.0.1.
    pub listen: SocketAddr,
    /// What it offers. Default: [`SimulatedTool::samples`].
    pub tools: Vec<SimulatedTool>,
    /// How many tools a page of the listing has. Default 0: all stand on one page.
    pub page: usize,
    /// How requests are answered. Default [`ToolAnswers::Events`].
    pub answers: ToolAnswers,
    /// The token callers must present as `Authorization: Bearer`. Others are refused with status
    /// 401. Default: none is asked for.
    pub expected_token: Option<String>,
    /// Whether a client may hold a stream open on which changes of the tools are told. Without
    /// it the request is refused with status 405. Default true.
    pub has_streams: bool,
    /// What goes wrong. Default [`ToolTrouble::None`].
    pub trouble: ToolTrouble,
    /// How many requests and how many calls are remembered, each. Default 1,024.
    pub keep_seen: usize,
    /// The largest request body, in bytes. Default 4 MiB.
    pub body_bytes: usize,
}

/// The form of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolAnswers {
    /// A stream of events whose only one is the answer, as the official SDKs' servers do.
    #[default]
    Events,
    /// A JSON document.
    Json,
}

impl Default for ToolServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tools: tool::samples(),
            page: 0,
            answers: ToolAnswers::default(),
            expected_token: None,
            has_streams: true,
            trouble: ToolTrouble::None,
            keep_seen: 1024,
            body_bytes: 4 << 20,
        }
    }
}

impl fmt::Debug for ToolServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolServerConfig")
            .field("listen", &self.listen)
            .field("tools", &self.tools)
            .field("page", &self.page)
            .field("answers", &self.answers)
            .field("asks_for_token", &self.expected_token.is_some())
            .field("has_streams", &self.has_streams)
            .field("trouble", &self.trouble)
            .field("keep_seen", &self.keep_seen)
            .field("body_bytes", &self.body_bytes)
            .finish()
    }
}
