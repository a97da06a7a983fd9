//! Messages on their way out and in.

use std::borrow::Cow;

use bytes::Bytes;
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, EmptyResult, GetExtensions as _, RequestId,
    ServerJsonRpcMessage, ServerResult,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::slot::{Slot, Slots};
use crate::McpError;
use crate::object::{Misread, read_object};

/// The code of an internal error (JSON-RPC 2.0, section 5.1).
const INTERNAL_ERROR: i32 = -32_603;

/// The arguments of a call as the model wrote them. They ride on the request.
#[derive(Clone, Debug)]
pub(super) struct RawArguments(pub(super) std::sync::Arc<RawValue>);

/// A call, whole.
#[derive(Serialize)]
struct RawCall<'a> {
    jsonrpc: &'static str,
    id: &'a RequestId,
    method: &'static str,
    params: RawCallParams<'a>,
}

#[derive(Serialize)]
struct RawCallParams<'a> {
    name: &'a str,
    arguments: &'a RawValue,
}

/// The members of any message of a server.
#[derive(Deserialize)]
struct RawMessage<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawError<'a> {
    code: i32,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

/// A message as it leaves. The slot of a request is put among those that wait.
///
/// # Errors
/// When the SDK cannot write its own message.
pub(super) fn write(
    message: &ClientJsonRpcMessage,
    slots: &Slots,
) -> Result<Vec<u8>, serde_json::Error> {
    let ClientJsonRpcMessage::Request(request) = message else {
        return serde_json::to_vec(message);
    };
    if let Some(slot) = request.request.extensions().get::<Slot>() {
        slots.expect(request.id.clone(), slot);
    }
    let ClientRequest::CallToolRequest(call) = &request.request else {
        return serde_json::to_vec(message);
    };
    let Some(RawArguments(arguments)) = call.extensions.get() else {
        return serde_json::to_vec(message);
    };
    serde_json::to_vec(&RawCall {
        jsonrpc: "2.0",
        id: &request.id,
        method: "tools/call",
        params: RawCallParams {
            name: &call.params.name,
            arguments,
        },
    })
}

/// Takes out of a message what is wanted as it is. What is left for the SDK, if anything, is the
/// text of a message.
///
/// `asked` is the request whose answer it has to be, if it cannot be read.
pub(super) fn intercept(text: &[u8], asked: Option<&RequestId>, slots: &Slots) -> Left {
    let message: RawMessage<'_> = match read_object(text) {
        Ok(message) => message,
        Err(cause) => return unreadable(cause, asked, slots),
    };
    if message.method.is_some() {
        return match message.id {
            Some(_) => Left::Question,
            None => Left::AsItIs,
        };
    }
    let id = message.id.and_then(request_id);
    let Some(id) = id.filter(|id| slots.wants(id)) else {
        return Left::AsItIs;
    };
    let answer = match (message.result, message.error) {
        (Some(result), None) => Ok(Bytes::copy_from_slice(result.get().as_bytes())),
        (_, Some(error)) => Err(answered(error)),
        (None, None) => Err(malformed("it has neither result nor error", None)),
    };
    slots.put(&id, answer);
    Left::Over(id)
}

/// What is left of a message.
pub(super) enum Left {
    /// All of it.
    AsItIs,
    /// All of it, and it is to be answered.
    Question,
    /// That this request is over.
    Over(RequestId),
    /// Nothing: nobody can read it, and nobody waits for it.
    Nothing,
}

fn unreadable(cause: Misread, asked: Option<&RequestId>, slots: &Slots) -> Left {
    let error = malformed("it is no message", Some(cause));
    match asked {
        Some(id) if slots.put(id, Err(error)) => Left::Over(id.clone()),
        Some(_) | None => Left::Nothing,
    }
}

/// The message that tells the SDK that a request is over.
pub(super) fn over(id: RequestId) -> ServerJsonRpcMessage {
    ServerJsonRpcMessage::response(ServerResult::EmptyResult(EmptyResult {}), id)
}

/// Servers may write the number of a request as text.
fn request_id(raw: &RawValue) -> Option<RequestId> {
    let text = raw.get();
    let digits = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let number = digits.unwrap_or(text).parse().ok()?;
    Some(RequestId::Number(number))
}

/// What an error says that comes with a status that says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// That the request was heard, and what came of it.
    Answer,
    /// That there is no such session.
    NoSession,
    /// Nothing of the kind.
    Other,
}

/// Reads the body of a refusal. An internal error may have come while a tool ran, whatever its text.
pub(crate) fn said(body: &[u8], asked: Option<&RequestId>) -> Said {
    let message: Option<RawMessage<'_>> = read_object(body).ok();
    let id = message.as_ref().and_then(|message| message.id);
    let id = id.and_then(request_id);
    let error = message.and_then(|message| message.error);
    let error = error.and_then(|error| read_object::<RawError<'_>>(error.get().as_bytes()).ok());
    let Some(error) = error else {
        return Said::Other;
    };
    let speaks_of_session = error.message.to_ascii_lowercase().contains("session");
    match id {
        None if speaks_of_session && error.code != INTERNAL_ERROR => Said::NoSession,
        Some(id) if asked == Some(&id) && !speaks_of_session => Said::Answer,
        None | Some(_) => Said::Other,
    }
}

fn answered(error: &RawValue) -> McpError {
    let read: Result<RawError<'_>, _> = read_object(error.get().as_bytes());
    match read {
        Ok(error) => McpError::Answered {
            code: error.code,
            message: error.message.into_owned(),
        },
        Err(cause) => malformed("its error is none of the protocol", Some(cause)),
    }
}

pub(super) fn malformed(what: &'static str, source: Option<Misread>) -> McpError {
    McpError::Malformed { what, source }
}
