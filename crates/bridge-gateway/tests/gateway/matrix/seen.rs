//! What is seen of one cell: by the caller, in the records, at the key, at the provider.

use std::fmt;

use bridge_api::{ApiFailure, DialectId, FailureKind, error_body, error_event};
use bridge_record::{Ended, ErrorType, Event, Outcome, TokenUsage};

use crate::support::{Reply, Script, Step, World, parse, until};

use super::voice::Voice;

/// All that is said of a cell. Each part is words, and none is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) caller: String,
    pub(super) recorded: String,
    pub(super) tokens: String,
    pub(super) key: String,
    pub(super) attempts: String,
}

/// As the table has it.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            caller,
            recorded,
            tokens,
            key,
            attempts,
        } = self;
        write!(f, "{caller} | {recorded} | {tokens} | {key} | {attempts}")
    }
}

/// What the caller got: the status, when to come again, whose words, and how it ended.
pub(super) fn by_caller(voice: &Voice, reply: &Reply, script: &Script) -> String {
    let mut words = vec![reply.status.to_string()];
    for name in ["retry-after", "retry-after-ms"] {
        if let Some(value) = reply.header(name) {
            words.push(format!("{name} {value}"));
        }
    }
    assert!(
        reply.header("content-type").is_some() || reply.body.is_empty(),
        "{}: nobody can tell what this is: {}",
        voice.name,
        reply.text()
    );
    words.push(whose(voice, reply, script));
    if !reply.is_whole {
        words.push("cut".to_owned());
    }
    words.join(", ")
}

/// Whose words a body is.
fn whose(voice: &Voice, reply: &Reply, script: &Script) -> String {
    if let Some(message) = message(&reply.body)
        && is_ours(voice.dialect, reply, &message)
    {
        return format!("the gateway's error \"{message}\"");
    }
    let said = said(script);
    if reply.body == said && reply.is_whole {
        return "the provider's bytes".to_owned();
    }
    if said.starts_with(&reply.body) {
        return "what came of the provider's bytes".to_owned();
    }
    let same = reply.body.iter().zip(&said);
    let same = same.take_while(|(one, other)| one == other).count();
    let events = reply.body.get(..same).unwrap();
    // An error event of ours may begin as the next event of the provider would have.
    let end = events.windows(2).rposition(|two| two == b"\n\n");
    let (events, added) = reply.body.split_at(end.map_or(0, |at| at + 2));
    let message = added_message(added);
    let ours = ALL_KINDS.map(|kind| {
        let message = &message;
        error_event(voice.dialect, &ApiFailure { kind, message })
    });
    assert!(
        ours.iter().any(|ours| ours == added),
        "{}: neither the provider's words nor ours: {}",
        voice.name,
        reply.text()
    );
    let before = if events.is_empty() {
        ""
    } else {
        "whole events, then "
    };
    format!("{before}the gateway's error event \"{message}\"")
}

const ALL_KINDS: [FailureKind; 9] = [
    FailureKind::InvalidRequest,
    FailureKind::Permission,
    FailureKind::NotFound,
    FailureKind::TooLarge,
    FailureKind::RateLimit,
    FailureKind::Overloaded,
    FailureKind::Timeout,
    FailureKind::Upstream,
    FailureKind::Internal,
];

/// Whether a body is an error of the gateway in the caller's dialect, with the type that belongs to
/// its status.
fn is_ours(dialect: DialectId, reply: &Reply, message: &str) -> bool {
    let kind = match reply.status {
        429 => FailureKind::RateLimit,
        502 => FailureKind::Upstream,
        503 => FailureKind::Overloaded,
        504 => FailureKind::Timeout,
        _ => return false,
    };
    reply.body == error_body(dialect, &ApiFailure { kind, message })
        && reply.header("content-type") == Some("application/json")
}

fn message(body: &[u8]) -> Option<String> {
    let text = str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once(r#""message":""#)?;
    let (message, _) = rest.split_once("\",")?;
    Some(message.trim_end_matches("\"}").to_owned())
}

fn added_message(added: &[u8]) -> String {
    message(added).unwrap_or_default()
}

/// The body of what the provider would have said.
fn said(script: &Script) -> Vec<u8> {
    let bytes = script.iter().filter_map(|step| match step {
        Step::Send(bytes) => Some(bytes.as_slice()),
        Step::Wait(_) | Step::Reset | Step::Close | Step::Hang => None,
    });
    parse(&bytes.collect::<Vec<_>>().concat()).body
}

/// What the records say of the interceptions of one provider.
pub(super) async fn in_records(world: &World, provider: &str) -> (String, String) {
    let events = || -> Vec<Event> {
        let records = world.records();
        let started = records.iter().find(
            |record| matches!(&record.event, Event::Started(it) if it.provider_name == provider),
        );
        let Some(id) = started.map(|record| record.interception) else {
            return Vec::new();
        };
        let of_it = records.iter().filter(|record| record.interception == id);
        of_it.map(|record| record.event.clone()).collect()
    };
    let ended = |events: &[Event]| events.iter().any(|event| matches!(event, Event::Ended(_)));
    until(|| ended(&events())).await;
    let (mut recorded, mut tokens) = (Vec::new(), Vec::new());
    for event in events() {
        match event {
            Event::Ended(it) => recorded.push(end(&it)),
            Event::Tokens(it) => tokens.push(usage(&it)),
            Event::Started(_) | Event::Prompt(_) | Event::Tool(_) | Event::Thought(_) => {}
        }
    }
    assert_eq!(recorded.len(), 1, "{provider}: one end");
    assert!(tokens.len() <= 1, "{provider}: one usage of one answer");
    let tokens = tokens.pop().unwrap_or_else(|| "none".to_owned());
    (recorded.remove(0), tokens)
}

fn end(ended: &Ended) -> String {
    let outcome = match ended.outcome {
        Outcome::Completed => "completed",
        Outcome::Failed => "failed",
        Outcome::Aborted => "aborted",
        Outcome::Cut => "cut",
    };
    let kind = ended.error_type.map(|kind| match kind {
        ErrorType::BadRequest => "bad_request",
        ErrorType::Unauthorized => "unauthorized",
        ErrorType::RateLimited => "rate_limited",
        ErrorType::Overloaded => "overloaded",
        ErrorType::ServerError => "server_error",
        ErrorType::Timeout => "timeout",
        ErrorType::Unknown => "unknown",
    });
    assert_eq!(
        ended.outcome == Outcome::Failed,
        kind.is_some() && ended.error_message.is_some(),
        "a failure says what and why: {ended:?}"
    );
    let status = ended.provider_status.map(|status| status.to_string());
    let words = [Some(outcome.to_owned()), kind.map(str::to_owned), status];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn usage(tokens: &TokenUsage) -> String {
    let marks = [
        (tokens.partial, ", partial"),
        (tokens.estimated, ", estimated"),
    ];
    let marks = marks.iter().filter(|(is_set, _)| *is_set);
    let marks: String = marks.map(|(_, mark)| *mark).collect();
    format!("{} in, {} out{marks}", tokens.input, tokens.output)
}

/// How the only key of this provider is.
pub(super) fn at_key(world: &World, provider: &str) -> String {
    let listed = world.blueprint.providers.find(provider).unwrap();
    let counts = listed.provider().unwrap().key_counts();
    match (counts.valid, counts.rate_limited, counts.unauthorized) {
        (1, 0, 0) => "good",
        (0, 1, 0) => "cools, rate limited",
        (0, 0, 1) => "cools, unauthorized",
        other => panic!("{provider}: {other:?}"),
    }
    .to_owned()
}
