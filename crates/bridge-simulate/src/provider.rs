//! One request: who asks, what is asked, what is answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue, RETRY_AFTER};
use http::request::Parts as Head;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::answer::{self, Play};
use crate::asked::Asked;
use crate::body::{self, BodyError};
use crate::dialect::{Dialect, retry_after};
use crate::digest::sha256;
use crate::directive::{Directives, Fault};
use crate::fingerprint::{self, Ids};
use crate::ledger_file::Line;
use crate::route::Route;
use crate::script::AnswerBody;
use crate::seen::{Ledger, Seen};
use crate::turn::{Turn, tokens};
use crate::{IdSource, SimulateConfig, anthropic, chat, responses};

/// The header that holds directives.
const SIMULATE: &str = "x-simulate";

/// The connection is to be reset instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset because the request asked for it")]
pub(crate) struct Reset;

/// What answers requests.
pub(crate) struct Provider {
    pub(crate) config: SimulateConfig,
    pub(crate) ledger: Arc<Ledger>,
}

/// An answer, and what happens before it is given.
struct Reply {
    response: Response<AnswerBody>,
    id: Option<String>,
    delay: Duration,
    fault: Option<Fault>,
}

/// A refusal in the provider's shape.
struct Refusal {
    status: StatusCode,
    message: String,
    retry_after: Option<u64>,
    delay: Duration,
}

impl Refusal {
    fn new(status: StatusCode, message: &(impl ToString + ?Sized)) -> Self {
        Self {
            status,
            message: message.to_string(),
            retry_after: retry_after(status).map(|wait| wait.as_secs()),
            delay: Duration::ZERO,
        }
    }

    fn bad(message: &(impl ToString + ?Sized)) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl Provider {
    /// Answers one request. Dropping the future leaves it without an answer.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<AnswerBody>, Reset> {
        let (head, body) = request.into_parts();
        let number = self.ledger.count();
        let path = head.uri.path();
        let route = Route::of(&head.method, path);
        let dialect = route.dialect(path, head.headers.contains_key("anthropic-version"));
        let body = body::collect(body, self.config.body_bytes).await;
        let known = body.as_ref().map_or(&[][..], |body| body);
        let mut ids = Ids::new(self.start(dialect, number, known));
        let request_id = dialect.request_id(&mut ids);
        let reply = self.reply(route, dialect, &head, &body, ids);
        let mut reply = reply.unwrap_or_else(|refusal| refuse(dialect, &refusal, &request_id));
        dialect.headers(reply.response.headers_mut(), &request_id);
        if let (Ok(body), true) = (body, self.ledger.keeps()) {
            self.ledger.saw(seen(head, &body, reply.id.clone()));
        }
        if !reply.delay.is_zero() {
            sleep(reply.delay).await;
        }
        match reply.fault {
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::ResetBefore) => Err(Reset),
            _ => Ok(reply.response),
        }
    }

    fn start(&self, dialect: Dialect, number: u64, body: &[u8]) -> u64 {
        let number = match self.config.ids {
            IdSource::Request => 0,
            IdSource::Counter => number + 1,
        };
        let before = [dialect as u8];
        fingerprint::of(fingerprint::of(self.config.seed, &before) ^ number, body)
    }

    fn reply(
        &self,
        route: Route,
        dialect: Dialect,
        head: &Head,
        body: &Result<Bytes, BodyError>,
        ids: Ids,
    ) -> Result<Reply, Refusal> {
        match route {
            Route::Unknown => {
                let text = format!("Invalid URL ({} {})", head.method, head.uri.path());
                return Err(Refusal::new(StatusCode::NOT_FOUND, &text));
            }
            // A client that wants a WebSocket falls back to HTTP at once when it reads this.
            Route::WrongMethod if head.headers.contains_key(header::UPGRADE) => {
                return Err(Refusal::new(
                    StatusCode::UPGRADE_REQUIRED,
                    "WebSocket is not served",
                ));
            }
            Route::WrongMethod => {
                return Err(Refusal::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "Method Not Allowed",
                ));
            }
            Route::Hello => return Ok(Reply::plain(&json!({"message": "hello"}))),
            Route::Answer(_) | Route::CountTokens | Route::Compact | Route::Models => {}
        }
        self.check_key(dialect, &head.headers)?;
        if route == Route::Models {
            return Ok(Reply::plain(&match dialect {
                Dialect::Anthropic => anthropic::models(),
                Dialect::Chat | Dialect::Responses => chat::models(),
            }));
        }
        let body = body
            .as_ref()
            .map_err(|cause| Refusal::new(cause.status(), cause))?;
        let body = body::decode(&head.headers, body.clone(), self.config.body_bytes)
            .map_err(|cause| Refusal::new(cause.status(), &cause))?;
        let asked = Asked::read(dialect, &body).map_err(|cause| Refusal::bad(&cause))?;
        let directives = directives(&head.headers, &asked)?;
        match route {
            Route::CountTokens => {
                let count = json!({"input_tokens": tokens(asked.body_bytes)});
                Ok(Reply::plain(&count))
            }
            Route::Compact => {
                let turn = Turn::decide(dialect, &asked, &directives, ids);
                let (_, body) = responses::compacted(turn);
                Ok(Reply::plain(&body))
            }
            Route::Answer(_)
            | Route::Models
            | Route::Hello
            | Route::WrongMethod
            | Route::Unknown => self.turn(dialect, &asked, directives, ids),
        }
    }

    /// A provider looks at the credential before it looks at the body.
    fn check_key(&self, dialect: Dialect, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(expected) = &self.config.expected_key else {
            return Ok(());
        };
        let is_it = |value: Option<&HeaderValue>, prefix: &str| {
            let value = value.and_then(|value| value.to_str().ok());
            value.and_then(|value| value.strip_prefix(prefix)) == Some(expected)
        };
        let is_bearer = is_it(headers.get(header::AUTHORIZATION), "Bearer ");
        if is_bearer || (dialect == Dialect::Anthropic && is_it(headers.get("x-api-key"), "")) {
            return Ok(());
        }
        let message = match dialect {
            Dialect::Anthropic => "invalid x-api-key",
            Dialect::Chat | Dialect::Responses => "Incorrect API key provided.",
        };
        Err(Refusal::new(StatusCode::UNAUTHORIZED, message))
    }

    fn turn(
        &self,
        dialect: Dialect,
        asked: &Asked<'_>,
        mut directives: Directives,
        ids: Ids,
    ) -> Result<Reply, Refusal> {
        dialect.check(asked).map_err(|cause| Refusal::bad(&cause))?;
        if let Some(most) = directives.times {
            let prompt = asked.last.texts.join("\n");
            if self
                .ledger
                .times(fingerprint::of(self.config.seed, prompt.as_bytes()))
                >= most
            {
                directives.fault = None;
            }
        }
        if let Some(Fault::Status(status)) = directives.fault {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            let mut refusal = Refusal::new(status, &Dialect::message(status));
            refusal.retry_after = directives.retry_after.or(refusal.retry_after);
            refusal.delay = directives.delay;
            if let Some(file) = self.ledger.file() {
                file.write(&Line::refused(dialect, asked, status));
            }
            return Err(refusal);
        }
        let turn = Turn::decide(dialect, asked, &directives, ids);
        let (usage, tools) = (turn.usage, turn.calls.len());
        let play = Play {
            directives: &directives,
            pace: directives.pace.unwrap_or(self.config.pace),
        };
        let (response, id) = play.respond(dialect, turn, asked, &self.ledger);
        if let Some(file) = self.ledger.file() {
            file.write(&Line::answered(dialect, asked, &id, usage, tools));
        }
        Ok(Reply {
            response,
            id: Some(id),
            delay: directives.delay,
            fault: directives.fault,
        })
    }
}

impl Reply {
    fn plain(body: &Value) -> Self {
        Self {
            response: answer::json(body, StatusCode::OK),
            id: None,
            delay: Duration::ZERO,
            fault: None,
        }
    }
}

fn refuse(dialect: Dialect, refusal: &Refusal, request_id: &str) -> Reply {
    let body = dialect.error(refusal.status, &refusal.message, request_id);
    let mut reply = Reply::plain(&body);
    reply.delay = refusal.delay;
    *reply.response.status_mut() = refusal.status;
    if let Some(seconds) = refusal.retry_after {
        reply
            .response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    reply
}

/// Of the prompt only what a person said last counts, so that an agent that sends the whole
/// conversation again does not repeat its orders.
fn directives(headers: &HeaderMap, asked: &Asked<'_>) -> Result<Directives, Refusal> {
    let mut directives = Directives::default();
    if asked.last.tool_result.is_none() {
        for text in &asked.last.texts {
            directives
                .read_prompt(text)
                .map_err(|cause| Refusal::bad(&cause))?;
        }
    }
    for value in headers.get_all(SIMULATE) {
        let value = std::str::from_utf8(value.as_bytes());
        let value = value.map_err(|_| Refusal::bad("The header x-simulate is not UTF-8"))?;
        directives
            .read_header(value)
            .map_err(|cause| Refusal::bad(&cause))?;
    }
    Ok(directives)
}

fn seen(head: Head, body: &Bytes, response_id: Option<String>) -> Seen {
    let mut headers = head.headers;
    for name in [
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "cookie",
    ] {
        if let Some(value) = headers.get_mut(name) {
            value.set_sensitive(true);
        }
    }
    let target = head.uri.path_and_query();
    Seen {
        method: head.method,
        target: target.map(ToString::to_string).unwrap_or_default(),
        headers,
        body_sha256: sha256(body),
        body_bytes: body.len(),
        response_id,
    }
}
