//! Answers whose status says no.

use bridge_upstream::Reply;
use http::StatusCode;
use rmcp::model::RequestId;

use super::events;
use super::head::{JSON, is_type};
use super::line::Line;
use super::message::{self, Left, Said, intercept};
use crate::McpError;

/// How much of a refusal is read, in bytes: enough for an error of the protocol.
const REFUSAL_BYTES: usize = 64 << 10;

/// What a refusal means.
pub(super) enum Refusal {
    /// The session has expired: nothing was done.
    Expired,
    /// The request was answered with an error of the protocol.
    Over(RequestId),
    /// No more than its status.
    Status(McpError),
}

impl Line {
    /// A status that says no. There may be an error of the protocol in its body.
    pub(super) async fn refusal(
        &self,
        reply: Reply,
        session: Option<&str>,
        asked: Option<&RequestId>,
    ) -> Refusal {
        let status = reply.status;
        let body = match is_type(&reply, JSON) {
            true => tokio::select! {
                body = events::whole(reply.body, REFUSAL_BYTES) => body.ok(),
                () = self.given_up() => None,
            },
            false => None,
        };
        let body = body.unwrap_or_default();
        let said = message::said(&body, asked);
        // The protocol has 404 for it, and many servers say 400.
        let is_gone = match status {
            StatusCode::NOT_FOUND => said != Said::Answer,
            StatusCode::BAD_REQUEST => said == Said::NoSession,
            _ => false,
        };
        if is_gone && session.is_some() {
            return Refusal::Expired;
        }
        if let Left::Over(answered) = intercept(&body, None, self.slots())
            && asked == Some(&answered)
        {
            return Refusal::Over(answered);
        }
        Refusal::Status(if status.is_redirection() {
            McpError::Moved { status }
        } else {
            McpError::Status { status }
        })
    }
}
