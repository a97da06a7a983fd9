//! Exchanges with Bedrock, which speaks otherwise than its callers: what it must be asked, and how
//! its answers travel.

use serde_json::{Value, json};

use super::exchange::{Api, Exchange, Mode};
use super::instance::{self, Instance};
use super::provider::Answer;
use super::{exchange, expected, frames, txtar};
use crate::Outcome;

const FRAMES: &str = "application/vnd.amazon.eventstream";

/// What passes between the gateway and a provider that speaks otherwise than the caller.
#[derive(Debug, Clone)]
pub(super) struct Spoken {
    pub(super) target: String,
    pub(super) body: Wanted,
    pub(super) answer: Answer,
    /// What it is asked for, whatever the caller named.
    pub(super) model: &'static str,
}

/// A body that must arrive.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// Exactly so.
    Bytes(Vec<u8>),
    /// With these members and values.
    Json(Value),
}

struct Case {
    name: &'static str,
    instance: &'static Instance,
    text: &'static str,
}

macro_rules! case {
    ($file:literal, $instance:ident) => {
        Case {
            name: concat!("written/", $file),
            instance: &instance::$instance,
            text: include_str!(concat!("written/", $file, ".txt")),
        }
    };
}

static CASES: [Case; 8] = [
    case!("bedrock_surgical_edits", BEDROCK),
    case!("bedrock_small_and_fast", BEDROCK),
    case!("bedrock_adaptive_stays", BEDROCK_ADAPTIVE),
    case!("bedrock_adaptive_converted", BEDROCK_EU),
    case!("bedrock_throttled_in_mid_stream", BEDROCK),
    case!("bedrock_damaged_in_mid_stream", BEDROCK),
    case!("bedrock_refused", BEDROCK_EU),
    case!("bedrock_mantle", MANTLE),
];

/// What was written for this project.
pub(super) fn written() -> Outcome<Vec<Exchange>> {
    let mut exchanges = Vec::new();
    for case in &CASES {
        let sections = txtar::sections(case.text);
        let of_case = exchange::of_archive(case.name, &sections, Api::Messages, Mode::Central)?;
        let section = |wanted: &str| txtar::section(&sections, wanted);
        for mut exchange in of_case {
            exchange.instance = case.instance;
            if let Some(body) = section("request/upstream") {
                let kind = kind(exchange.is_streaming);
                let frames = section("streaming/upstream").map(|script| {
                    let frames = frames::of_script(script);
                    frames.ok_or_else(|| format!("{}: the script of frames", case.name))
                });
                let said = section(&format!("{kind}/upstream"));
                let answer = match (frames.transpose()?, said) {
                    (Some(frames), _) if exchange.is_streaming => in_frames(frames),
                    (_, Some(said)) => Answer::of_section(said, false),
                    (_, None) => framed(&exchange),
                };
                let body = Wanted::Bytes(body.as_bytes().to_vec());
                translate(&mut exchange, body, answer);
            }
            exchanges.push(exchange);
        }
    }
    Ok(exchanges)
}

/// The recorded exchange, with each model, and what its request must become.
pub(super) fn recorded(name: &str, sections: &[(&str, &str)]) -> Outcome<Vec<Exchange>> {
    let mut exchanges = Vec::new();
    let models: [(&'static Instance, &[&str], &[&str]); 4] = [
        (&instance::BEDROCK_ODD, &[], &[]),
        (
            &instance::BEDROCK_EU,
            &["output_config"],
            &["effort-2025-11-24"],
        ),
        (
            &instance::BEDROCK,
            &["context_management"],
            &["context-management-2025-06-27"],
        ),
        (&instance::BEDROCK_ADAPTIVE, &["thinking"], &[]),
    ];
    for (instance, kept, flags) in models {
        for mut exchange in exchange::of_archive(name, sections, Api::Messages, Mode::Central)? {
            exchange.instance = instance;
            exchange.expected = expected::of(name, exchange.is_streaming);
            let body = Wanted::Json(edited(&exchange.request, kept, flags)?);
            let answer = framed(&exchange);
            translate(&mut exchange, body, answer);
            exchanges.push(exchange);
        }
    }
    Ok(exchanges)
}

/// What Bedrock is asked in place of the recorded request.
fn edited(request: &[u8], kept: &[&str], flags: &[&str]) -> Outcome<Value> {
    let mut body: Value = serde_json::from_slice(request)?;
    let members = body.as_object_mut().ok_or("the request is no object")?;
    let gone = [
        "model",
        "stream",
        "metadata",
        "service_tier",
        "container",
        "inference_geo",
        "output_config",
        "context_management",
    ];
    members.retain(|name, _| kept.contains(&name.as_str()) || !gone.contains(&name.as_str()));
    if !kept.contains(&"thinking") {
        // Medium effort is half of 32,000.
        let budget = json!({"type": "enabled", "budget_tokens": 16_000});
        members.insert("thinking".to_owned(), budget);
    }
    let flags: Vec<&str> = ["interleaved-thinking-2025-05-14"]
        .iter()
        .chain(flags)
        .copied()
        .collect();
    members.insert("anthropic_beta".to_owned(), json!(flags));
    members.insert("anthropic_version".to_owned(), json!("bedrock-2023-05-31"));
    Ok(body)
}

/// Says what passes at the provider's side, and as what the caller gets an answer in frames.
fn translate(exchange: &mut Exchange, body: Wanted, answer: Answer) {
    exchange.spoken = Some(spoken(exchange, body, answer));
    if exchange.answer.is_stream {
        let kind = "text/event-stream; charset=utf-8".to_owned();
        exchange.answer.headers = vec![("content-type".to_owned(), kind)];
    }
}

fn spoken(exchange: &Exchange, body: Wanted, answer: Answer) -> Spoken {
    let aws = exchange.instance.aws.as_ref();
    let named: Value = serde_json::from_slice(&exchange.request).unwrap_or_default();
    let is_small = named
        .get("model")
        .and_then(Value::as_str)
        .is_some_and(|model| model.contains("haiku"));
    let model = aws.map_or("", |aws| if is_small { aws.small } else { aws.model });
    let deed = match exchange.is_streaming {
        true => "invoke-with-response-stream",
        false => "invoke",
    };
    let base = exchange.instance.base;
    let segment = model.replace(':', "%3A");
    Spoken {
        target: format!("{base}/model/{segment}/{deed}"),
        body,
        answer,
        model,
    }
}

/// The same answer as Bedrock sends it.
fn framed(exchange: &Exchange) -> Answer {
    if !exchange.answer.is_stream {
        return exchange.answer.clone();
    }
    let text = String::from_utf8_lossy(&exchange.answer.body);
    in_frames(frames::of_events(&text))
}

fn in_frames(body: Vec<u8>) -> Answer {
    Answer {
        status: 200,
        headers: vec![("content-type".to_owned(), FRAMES.to_owned())],
        body,
        is_stream: true,
    }
}

fn kind(is_streaming: bool) -> &'static str {
    match is_streaming {
        true => "streaming",
        false => "non-streaming",
    }
}
