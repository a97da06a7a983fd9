//! `bridged demo`: everything in one go, with a provider that costs nothing.
//!
//! This half knows what is asked and what is shown; `run` starts what is shown.

mod run;

use std::net::SocketAddr;
use std::time::Duration;

use bridge_auth::Secret;
use bridge_control::api::{InterceptionStatus, InterceptionView};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

pub(crate) use self::run::run;
use super::table;
use crate::http_client::{self, HttpError};
use crate::operator_api::{ApiError, OperatorApi};

/// How long one answer may take.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
/// How long records may take to arrive where they are kept.
const RECORD_PATIENCE: Duration = Duration::from_secs(10);
/// How often is looked for them.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How much of a refusal, and of a prompt, is shown.
const SHOWN_CHARACTERS: usize = 200;
const PROMPT_CHARACTERS: usize = 32;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// End after the demonstration instead of going on to serve
    #[arg(long)]
    pub(crate) once: bool,
    /// Port of the gateway on 127.0.0.1; the operator's API takes the next one. 0 takes free ones
    #[arg(long, default_value_t = 4180)]
    pub(crate) port: u16,
}

/// One request of the demonstration.
#[derive(Debug, Clone)]
pub(crate) struct DemoRequest {
    /// What it shows.
    pub(crate) title: &'static str,
    /// Below the gateway's address.
    pub(crate) path: String,
    body: Value,
    /// What the last event of a whole stream holds; nothing for blocking answers.
    last_event: Option<&'static str>,
}

/// How a request was answered.
#[derive(Debug, Clone)]
pub(crate) struct DemoAnswer {
    /// What it shows.
    pub(crate) title: &'static str,
    bytes: usize,
    events: usize,
    elapsed: Duration,
}

/// Why the demonstration failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// There was no whole answer.
    #[error("{title}: no answer")]
    Unanswered {
        /// The request.
        title: &'static str,
        /// Why.
        source: HttpError,
    },
    /// The gateway or the provider refused.
    #[error("{title}: status {status}: {text}")]
    Refused {
        /// The request.
        title: &'static str,
        /// The status of the answer.
        status: StatusCode,
        /// The beginning of the answer.
        text: String,
    },
    /// The answer is not what such a request gets.
    #[error("{title}: the answer is not whole")]
    Incomplete {
        /// The request.
        title: &'static str,
    },
    /// The records cannot be read.
    #[error("cannot read what was recorded")]
    Records(#[from] ApiError),
    /// Fewer records than requests.
    #[error("only {found} of {wanted} requests were recorded")]
    Missing {
        /// How many ended interceptions there are.
        found: usize,
        /// How many there should be.
        wanted: usize,
    },
}

/// A streaming and a blocking request of each format, to the providers of these names.
pub(crate) fn plan(anthropic: &str, openai: &str) -> Vec<DemoRequest> {
    let messages = format!("/{anthropic}/v1/messages");
    let chat = format!("/{openai}/v1/chat/completions");
    let responses = format!("/{openai}/v1/responses");
    let request = |title, path: &str, last_event, body| DemoRequest {
        title,
        path: path.to_owned(),
        body,
        last_event,
    };
    vec![
        request(
            "Messages, streaming, with a tool call",
            &messages,
            Some("message_stop"),
            messages_body("What is the weather in Lisbon? simulate:tool", true),
        ),
        request(
            "Messages, blocking",
            &messages,
            None,
            messages_body("Say hello to the operator.", false),
        ),
        request(
            "Chat Completions, streaming",
            &chat,
            Some("[DONE]"),
            chat_body("Name three rivers.", true),
        ),
        request(
            "Chat Completions, blocking",
            &chat,
            None,
            chat_body("Name three mountains.", false),
        ),
        request(
            "Responses, streaming, with reasoning",
            &responses,
            Some("response.completed"),
            responses_body("Explain tides in a sentence. simulate:think", true),
        ),
        request(
            "Responses, blocking",
            &responses,
            None,
            responses_body("Explain rainbows in a sentence.", false),
        ),
    ]
}

fn messages_body(prompt: &str, stream: bool) -> Value {
    json!({
        "model": "claude-sonnet-4-5",
        "max_tokens": 1024,
        "messages": [{ "role": "user", "content": prompt }],
        "tools": [{
            "name": "get_weather",
            "description": "The weather in a city.",
            "input_schema": {
                "type": "object",
                "properties": { "city": { "type": "string" } },
                "required": ["city"],
            },
        }],
        "stream": stream,
    })
}

fn chat_body(prompt: &str, stream: bool) -> Value {
    let mut body = json!({
        "model": "gpt-5.5",
        "messages": [{ "role": "user", "content": prompt }],
        "stream": stream,
    });
    if stream && let Some(body) = body.as_object_mut() {
        // Without it a stream of this format does not say how many tokens it took.
        body.insert(
            "stream_options".to_owned(),
            json!({ "include_usage": true }),
        );
    }
    body
}

fn responses_body(prompt: &str, stream: bool) -> Value {
    json!({ "model": "gpt-5.5", "input": prompt, "stream": stream })
}

/// Sends a request through the gateway and reads the whole answer.
///
/// # Errors
/// When it is refused or not whole.
pub(crate) async fn perform(
    gateway: SocketAddr,
    key: &Secret,
    request: &DemoRequest,
) -> Result<DemoAnswer, DemoError> {
    let title = request.title;
    let began = Instant::now();
    let answer = http_client::converse(
        &gateway.to_string(),
        http_request(key, request)?,
        ANSWER_PATIENCE,
    )
    .await
    .map_err(|source| DemoError::Unanswered { title, source })?;
    let text = String::from_utf8_lossy(answer.body());
    if !answer.status().is_success() {
        return Err(DemoError::Refused {
            title,
            status: answer.status(),
            text: table::excerpt(&text, SHOWN_CHARACTERS),
        });
    }
    let events = text.lines().filter(|line| line.starts_with("data:"));
    let is_whole = match request.last_event {
        Some(mark) => events
            .clone()
            .next_back()
            .is_some_and(|event| event.contains(mark)),
        None => serde_json::from_str::<Value>(&text).is_ok_and(|body| body.is_object()),
    };
    if !is_whole {
        return Err(DemoError::Incomplete { title });
    }
    Ok(DemoAnswer {
        title,
        bytes: answer.body().len(),
        events: events.count(),
        elapsed: began.elapsed(),
    })
}

fn http_request(key: &Secret, request: &DemoRequest) -> Result<Request<Full<Bytes>>, DemoError> {
    let title = request.title;
    // Neither can fail with what the plan and the key's maker write.
    let unfit = |_| DemoError::Incomplete { title };
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
        .map_err(|_| DemoError::Incomplete { title })?;
    bearer.set_sensitive(true);
    Request::builder()
        .method(Method::POST)
        .uri(&request.path)
        .header(AUTHORIZATION, bearer)
        .header(CONTENT_TYPE, "application/json")
        .header("anthropic-version", "2023-06-01")
        .header(
            USER_AGENT,
            concat!("bridged-demo/", env!("CARGO_PKG_VERSION")),
        )
        .body(Full::new(Bytes::from(request.body.to_string())))
        .map_err(unfit)
}

/// The answers as a table.
pub(crate) fn answers(answers: &[DemoAnswer]) -> String {
    let header = ["REQUEST", "ANSWER", "EVENTS", "BYTES", "MS"];
    let rows = answers.iter().map(|answer| {
        vec![
            answer.title.to_owned(),
            "whole".to_owned(),
            match answer.events {
                0 => "-".to_owned(),
                events => events.to_string(),
            },
            answer.bytes.to_string(),
            format!("{:.1}", answer.elapsed.as_secs_f64() * 1_000.0),
        ]
    });
    table::table(&header, rows.collect(), "No request was sent.")
}

/// Waits until `wanted` interceptions of `user` have ended, and gives them, the oldest first.
///
/// # Errors
/// When they cannot be read or do not come.
pub(crate) async fn recorded(
    api: &OperatorApi,
    user: &str,
    wanted: usize,
) -> Result<Vec<InterceptionView>, DemoError> {
    let deadline = Instant::now() + RECORD_PATIENCE;
    loop {
        let found = api
            .list::<InterceptionView>("/interceptions", &[("user", user)], wanted)
            .await?;
        let mut ended = found.items;
        ended.retain(|view| view.status != InterceptionStatus::Running);
        if ended.len() >= wanted {
            ended.reverse();
            return Ok(ended);
        }
        if Instant::now() >= deadline {
            let found = ended.len();
            return Err(DemoError::Missing { found, wanted });
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// What was recorded, as a table.
pub(crate) fn records(interceptions: &[InterceptionView]) -> String {
    let header = [
        "USER", "CLIENT", "PROVIDER", "MODEL", "ROUTE", "MODE", "STATUS", "MS", "IN", "OUT",
        "TOOLS", "PROMPT",
    ];
    let rows = interceptions.iter().map(|view| {
        vec![
            table::line(&view.user.username),
            table::line(&view.client),
            table::line(&view.provider_name),
            table::line(&view.model),
            table::line(&view.route),
            super::interceptions::mode(view).to_owned(),
            view.status.as_str().to_owned(),
            view.duration_ms
                .map_or_else(|| "-".to_owned(), |ms| ms.to_string()),
            view.usage.input.to_string(),
            view.usage.output.to_string(),
            view.tool_calls.to_string(),
            table::excerpt(view.prompt.as_deref().unwrap_or("-"), PROMPT_CHARACTERS),
        ]
    });
    table::table(&header, rows.collect(), "Nothing was recorded.")
}

#[cfg(test)]
mod tests;
