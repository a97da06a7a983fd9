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
use crate::directive::{Directives, Fault, Plan};
use crate::face::Face;
use crate::fingerprint::{self, Ids};
use crate::ledger_file::Line;
use crate::listen::{Answers, Reset};
use crate::past::{Past, Pasts};
use crate::route::{Route, Target};
use crate::script::AnswerBody;
use crate::seen::{Ledger, Seen};
use crate::turn::{Turn, tokens};
use crate::{
    IdSource, SimulateConfig, access, anthropic, bedrock, chat, compatible, copilot, responses,
    strict,
};

/// The header that holds directives.
const SIMULATE: &str = "x-simulate";

/// What answers requests.
pub(crate) struct Provider {
    pub(crate) config: SimulateConfig,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) pasts: Pasts,
}

/// An answer, and what happens before it is given.
struct Reply {
    response: Response<AnswerBody>,
    id: Option<String>,
    delay: Duration,
    fault: Option<Fault>,
}

/// A refusal in the provider's shape.
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    /// Not in the shape of an error, but as a line of text.
    is_plain: bool,
    retry_after: Option<u64>,
    delay: Duration,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: &(impl ToString + ?Sized)) -> Self {
        Self {
            status,
            message: message.to_string(),
            is_plain: false,
            retry_after: retry_after(status).map(|wait| wait.as_secs()),
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn plain_text(status: StatusCode, message: &(impl ToString + ?Sized)) -> Self {
        Self {
            is_plain: true,
            ..Self::new(status, message)
        }
    }

    fn bad(message: &(impl ToString + ?Sized)) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl Answers for Provider {
    type Body = AnswerBody;

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<AnswerBody>, Reset> {
        let (head, body) = request.into_parts();
        let number = self.ledger.count();
        let path = head.uri.path().to_owned();
        let target = Target::of(&head.method, &path);
        let (face, route) = (target.face, target.route);
        let dialect = route.dialect(&path, head.headers.contains_key("anthropic-version"));
        let body = body::collect(body, self.config.body_bytes).await;
        let known = body.as_ref().map_or(&[][..], |body| body);
        let mut ids = Ids::new(self.start(dialect, number, known));
        let request_id = face.request_id(dialect, &mut ids);
        let reply = self.reply(&target, dialect, &head, &body, ids);
        let refuse = |refusal: Refusal| refuse(face, dialect, &refusal, &request_id);
        let mut reply = reply.unwrap_or_else(refuse);
        let status = reply.response.status();
        face.headers(dialect, status, reply.response.headers_mut(), &request_id);
        if let (Ok(body), true) = (body, self.ledger.keeps()) {
            let kept = self.config.keep_bodies.then(|| body.clone());
            self.ledger.saw(seen(head, &body, kept, reply.id.clone()));
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
}

impl Provider {
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
        target: &Target<'_>,
        dialect: Dialect,
        head: &Head,
        body: &Result<Bytes, BodyError>,
        ids: Ids,
    ) -> Result<Reply, Refusal> {
        let (face, route) = (target.face, target.route);
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
            Route::Ping => return Ok(Reply::plain(&json!("OK"))),
            Route::Answer(_) | Route::CountTokens | Route::Compact | Route::Models => {}
        }
        let known = body.as_ref().map_or(&[][..], |body| body);
        access::check(&self.config, face, dialect, head, known)?;
        check_version(face, head)?;
        if route == Route::Models {
            return Ok(Reply::plain(&match (face, dialect) {
                (Face::Copilot, _) => copilot::models(),
                (_, Dialect::Anthropic) => anthropic::models(),
                (_, Dialect::Chat | Dialect::Responses) => chat::models(),
            }));
        }
        let body = body
            .as_ref()
            .map_err(|cause| Refusal::new(cause.status(), cause))?;
        let body = body::decode(&head.headers, body.clone(), self.config.body_bytes)
            .map_err(|cause| Refusal::new(cause.status(), &cause))?;
        let bad = |cause| Refusal::bad(&cause);
        let mut asked = Asked::read(dialect, &body, &target.named).map_err(bad)?;
        face.check(&asked).map_err(bad)?;
        let past = self.past(dialect, &asked)?;
        if let Some(past) = &past {
            past.precede(&mut asked);
        }
        if self.config.is_strict {
            strict::check(dialect, &asked, past.as_ref()).map_err(|cause| Refusal::bad(&cause))?;
        }
        let directives = directives(&head.headers, &asked)?;
        match route {
            Route::CountTokens => {
                let count = json!({"input_tokens": tokens(asked.body_bytes)});
                Ok(Reply::plain(&count))
            }
            Route::Compact => {
                let turn = Turn::decide(face, dialect, &asked, &directives, ids);
                let (_, body) = responses::compacted(turn);
                Ok(Reply::plain(&body))
            }
            Route::Answer(_)
            | Route::Models
            | Route::Hello
            | Route::Ping
            | Route::WrongMethod
            | Route::Unknown => self.turn(face, dialect, &asked, directives, ids),
        }
    }

    /// What the request goes on from.
    fn past(&self, dialect: Dialect, asked: &Asked<'_>) -> Result<Option<Past>, Refusal> {
        match dialect {
            Dialect::Anthropic | Dialect::Chat => Ok(None),
            Dialect::Responses => self.pasts.of(asked).map_err(|cause| Refusal::bad(&cause)),
        }
    }

    fn turn(
        &self,
        face: Face,
        dialect: Dialect,
        asked: &Asked<'_>,
        mut directives: Directives,
        ids: Ids,
    ) -> Result<Reply, Refusal> {
        dialect.check(asked).map_err(|cause| Refusal::bad(&cause))?;
        if let Some(most) = directives.times {
            let prompt = asked.last.texts.join("\n") + &asked.last.person.join("\n");
            let prompt = fingerprint::of(self.config.seed, prompt.as_bytes());
            let round = u64::try_from(asked.last.rounds).unwrap_or(u64::MAX);
            if self.ledger.times(prompt ^ round) >= most {
                directives.fault = None;
            }
        }
        let has_frames = face == Face::Bedrock && asked.wants_stream;
        if directives.fault == Some(Fault::BadChecksum) && !has_frames {
            return Err(Refusal::bad(
                "directive `bad-checksum` needs an answer in frames",
            ));
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
        let turn = Turn::decide(face, dialect, asked, &directives, ids);
        let (usage, calls) = (turn.usage, turn.calls.clone());
        let play = Play {
            face,
            directives: &directives,
            pace: directives.pace.unwrap_or(self.config.pace),
        };
        let (mut response, id) = play.respond(dialect, turn, asked, &self.ledger);
        if dialect == Dialect::Responses {
            self.pasts.keep(asked, &id, &calls);
        }
        if face == Face::Bedrock && !asked.wants_stream {
            bedrock::count(response.headers_mut(), usage);
        }
        if let Some(file) = self.ledger.file() {
            file.write(&Line::answered(dialect, asked, &id, usage, calls.len()));
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
        Self::of(answer::json(body, StatusCode::OK))
    }

    fn text(line: &str) -> Self {
        Self::of(answer::text(line))
    }

    fn of(response: Response<AnswerBody>) -> Self {
        Self {
            response,
            id: None,
            delay: Duration::ZERO,
            fault: None,
        }
    }
}

/// Azure's older paths want to know the version of the API.
fn check_version(face: Face, head: &Head) -> Result<(), Refusal> {
    let is_old = face == Face::Azure && head.uri.path().starts_with("/openai/deployments/");
    match is_old && !compatible::has_api_version(head.uri.query()) {
        true => Err(Refusal::new(StatusCode::NOT_FOUND, "Resource not found")),
        false => Ok(()),
    }
}

fn refuse(face: Face, dialect: Dialect, refusal: &Refusal, request_id: &str) -> Reply {
    let mut reply = match refusal.is_plain {
        true => Reply::text(&refusal.message),
        false => Reply::plain(&face.error(dialect, refusal.status, &refusal.message, request_id)),
    };
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
/// conversation again does not repeat its orders. After tools have answered, of that only a plan
/// for several rounds is obeyed, and a header without one orders no calls: an agent's loop ends.
fn directives(headers: &HeaderMap, asked: &Asked<'_>) -> Result<Directives, Refusal> {
    let last = &asked.last;
    let bad = |cause| Refusal::bad(&cause);
    let mut plan = Plan::default();
    if last.tool_result.is_none() {
        for text in &last.texts {
            plan.read_prompt(text).map_err(bad)?;
        }
    } else {
        let mut planned = Plan::default();
        for text in &last.person {
            planned.read_prompt(text).map_err(bad)?;
        }
        if planned.is_for_rounds() {
            plan = planned;
        }
    }
    for value in headers.get_all(SIMULATE) {
        let value = std::str::from_utf8(value.as_bytes());
        let value = value.map_err(|_| Refusal::bad("The header x-simulate is not UTF-8"))?;
        plan.read_header(value).map_err(bad)?;
    }
    if plan.is_for_rounds() {
        return Ok(plan.of_round(last.rounds).unwrap_or_default());
    }
    let mut directives = plan.first();
    if last.tool_result.is_some() {
        directives.tools.clear();
    }
    Ok(directives)
}

fn seen(head: Head, body: &Bytes, kept: Option<Bytes>, response_id: Option<String>) -> Seen {
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
        body: kept,
        response_id,
    }
}
