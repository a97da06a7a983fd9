//! Exchanges that were written for this project, for providers of which there is no recording.
//!
//! They are archives like the recorded ones. Shapes are those of the providers' own references;
//! every text and figure is made up.

use super::exchange::{self, Api, Exchange, Mode};
use super::instance::{self, Instance};
use super::txtar;
use crate::Outcome;

struct Case {
    name: &'static str,
    instance: &'static Instance,
    api: Api,
    text: &'static str,
}

macro_rules! case {
    ($file:literal, $instance:ident, $api:ident) => {
        Case {
            name: concat!("written/", $file),
            instance: &instance::$instance,
            api: Api::$api,
            text: include_str!(concat!("written/", $file, ".txt")),
        }
    };
}

static CASES: [Case; 13] = [
    case!("copilot_claude_tool", COPILOT, Chat),
    case!("copilot_messages", COPILOT_BUSINESS, Messages),
    case!("copilot_models", COPILOT, OpenAiModels),
    case!("copilot_models", COPILOT_BUSINESS, OpenAiModels),
    case!("copilot_ping", COPILOT, Ping),
    case!("copilot_unauthorized", COPILOT, Chat),
    case!("azure_filter_results", AZURE, Chat),
    case!("azure_rate_limited", AZURE_EU, Chat),
    case!("google_usage_in_each_chunk", GOOGLE, Chat),
    case!("google_refused", GOOGLE, Chat),
    case!("openrouter_comments_and_reasoning", OPEN_ROUTER, Chat),
    case!("openrouter_stream_error", OPEN_ROUTER, Chat),
    case!("in_house_bare", COMPAT, Chat),
];

/// All of them, with the operator's key where there is one and with the caller's own.
pub(super) fn all() -> Outcome<Vec<Exchange>> {
    let mut exchanges = Vec::new();
    for case in &CASES {
        let sections = txtar::sections(case.text);
        let central = case.instance.key.map(|_| Mode::Central);
        for mode in central.into_iter().chain([Mode::Own]) {
            let of_case = exchange::of_archive(case.name, &sections, case.api, mode)?;
            exchanges.extend(of_case.into_iter().map(|exchange| Exchange {
                instance: case.instance,
                ..exchange
            }));
        }
    }
    Ok(exchanges)
}
