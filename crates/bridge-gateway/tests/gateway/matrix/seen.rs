//! What is seen of one cell: by the caller, in the records, at the key, at the provider.

use std::fmt;

use bridge_api::{ApiFailure, DialectId, FailureKind, error_body, error_event};
use bridge_record::{Ended, ErrorType, Event, InterceptionId, Outcome, TokenUsage};

use crate::support::{Reply, Script, Step, World, parse};

use super::voice::Voice;

/// All that is said of a cell. Each part is words, and none is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) caller: String,
    pub(super) recorded: String,
    pub(super) tokens: String,
    pub(super) key: String,
    pub(super) breaker: String,
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
            breaker,
            attempts,
        } = self;
        write!(
            f,
            "{caller} | {recorded} | {tokens} | {key} | {breaker} | {attempts}"
        )
    }
}

/// What the caller got: the status, whether and when to come again, whose words, and how it ended.
///
/// What is left of a while, when a caller came again, is said as what it was at most: the machine
/// may be slow.
pub(super) fn by_caller(voice: &Voice, reply: &Reply, script: &Script, asked: usize) -> String {
    let mut words = vec![reply.status.to_string()];
    for name in ["retry-after", "retry-after-ms", "x-should-retry"] {
        if let Some(value) = reply.header(name) {
            let left: Option<u32> = value.parse().ok().filter(|_| asked > 1);
            words.push(match left {
                Some(left) if (1..=30).contains(&left) => format!("{name} at most 30"),
                Some(_) | None => format!("{name} {value}"),
            });
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
        // The provider's name is this cell's alone.
        let words = message.split(' ').map(|word| match word {
            word if word.starts_with("\"cell-") => "\"NAME\"",
            word => word,
        });
        let words = words.collect::<Vec<_>>().join(" ");
        return format!("the gateway's error \u{201c}{words}\u{201d}");
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
    format!("{before}the gateway's error event \u{201c}{message}\u{201d}")
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
    let mut message = String::new();
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => return Some(message),
            '\\' => message.push(characters.next()?),
            other => message.push(other),
        }
    }
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

/// The interceptions of one provider that have ended, in the order in which they began.
pub(super) fn ended(world: &World, provider: &str) -> Vec<InterceptionId> {
    let records = world.records();
    let begun = records.iter().filter(
        |record| matches!(&record.event, Event::Started(it) if it.provider_name == provider),
    );
    let has_ended = |id: &InterceptionId| {
        let mut of_it = records.iter().filter(|record| record.interception == *id);
        of_it.any(|record| matches!(record.event, Event::Ended(_)))
    };
    begun
        .map(|record| record.interception)
        .filter(has_ended)
        .collect()
}

/// What the records say of the last interception of one provider: its end and its tokens.
pub(super) fn in_records(world: &World, provider: &str) -> (String, String) {
    let last = ended(world, provider).pop().unwrap();
    let (mut recorded, mut tokens) = (Vec::new(), Vec::new());
    for record in world.records() {
        match record.event {
            Event::Ended(it) if record.interception == last => recorded.push(end(&it)),
            Event::Tokens(it) if record.interception == last => tokens.push(usage(&it)),
            Event::Started(_)
            | Event::Tokens(_)
            | Event::Prompt(_)
            | Event::Tool(_)
            | Event::Thought(_)
            | Event::Ended(_) => {}
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

/// What the breaker of this provider has heard.
pub(super) fn at_breaker(world: &World, provider: &str) -> String {
    match counted(world, "bridge_breaker_trips_total{", provider) {
        0 => "no failure",
        1 => "a failure",
        other => panic!("{provider}: {other} failures"),
    }
    .to_owned()
}

/// How often a provider was asked again, whatever the reason.
pub(super) fn retries(world: &World, provider: &str) -> usize {
    counted(world, "bridge_retries_total{", provider)
}

/// The sum of all samples of a family with this provider.
fn counted(world: &World, family: &str, provider: &str) -> usize {
    let metrics = world.metrics.expose();
    let label = format!("provider=\"{provider}\"");
    let of_it = metrics
        .lines()
        .filter(|line| line.starts_with(family) && line.contains(&label));
    let counts = of_it.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    counts.sum()
}
