//! However many users, models and tools there are, the number of series has a bound.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails may panic, and the counts are worth a look"
)]

use std::sync::Arc;
use std::time::Duration;

use bridge_telemetry::{Aliases, LabelLimits, Metrics, OutcomeLabel, Subject, TokenKind};

const USERS: usize = 10_000;
const MODELS: usize = 1_000;
const TOOLS: usize = 3_000;
const ROUTES: [&str; 2] = ["/v1/messages", "/v1/responses"];
const CLIENTS: [&str; 4] = ["Claude Code", "Codex", "OpenCode", "Unknown"];
const OUTCOMES: [OutcomeLabel; 4] = [
    OutcomeLabel::Completed,
    OutcomeLabel::Failed,
    OutcomeLabel::Aborted,
    OutcomeLabel::Cut,
];
const KINDS: [TokenKind; 4] = [
    TokenKind::Input,
    TokenKind::Output,
    TokenKind::CacheRead,
    TokenKind::CacheWrite,
];

/// Every user asks ten times, each time for another model.
fn busy(limits: LabelLimits) -> Metrics {
    let metrics = Metrics::default();
    metrics.limit_labels(limits);
    let providers: [Arc<str>; 2] = [Arc::from("anthropic"), Arc::from("openai")];
    let mut turn = 0;
    for user in 0..USERS {
        for _ in 0..10 {
            turn += 1;
            let model = format!("model-{}", turn * 7 % MODELS);
            let subject = Subject {
                provider: &providers[turn % 2],
                route: ROUTES[turn % 2],
                client: CLIENTS[turn / 2 % 4],
                model: &model,
                user: &format!("user-{user}"),
            };
            drop(metrics.interception_began(&subject));
            let tally = metrics.tally(&subject, true);
            tally.prompt();
            tally.tool(&format!("tool-{}", turn % TOOLS));
            for kind in KINDS {
                tally.tokens(kind, 1);
            }
            tally.ended(OUTCOMES[turn % 4], Duration::from_secs(1));
        }
    }
    metrics
}

fn series(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with('#')).count()
}

/// What is counted under a name, over all its labels.
fn sum(text: &str, name: &str) -> u64 {
    let samples = text.lines().filter(|line| line.starts_with(name));
    let values = samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    values.sum()
}

fn check(limits: LabelLimits, most: usize) {
    let metrics = busy(limits);
    let text = metrics.expose();
    metrics.also_named(Aliases::Both);
    let with_aliases = metrics.expose();
    let (own, all) = (series(&text), series(&with_aliases));
    println!(
        "{USERS} users, {MODELS} models, {TOOLS} tools, {limits:?}: {own} series in {} KiB, \
         {all} in {} KiB with both aliases",
        text.len() >> 10,
        with_aliases.len() >> 10
    );
    assert!(own <= most, "{own} series");
    assert!(all <= 3 * most, "{all} series");
    // Folded, and not lost.
    let turns = 10 * USERS as u64;
    assert_eq!(sum(&text, "bridge_interceptions_total{"), turns);
    assert_eq!(sum(&text, "bridge_tokens_total{"), 4 * turns);
    assert_eq!(sum(&text, "bridge_prompts_total{"), turns);
    assert_eq!(sum(&text, "bridge_tool_selections_total{"), turns);
    assert_eq!(
        sum(&text, "bridge_interception_duration_seconds_count{"),
        turns
    );
    assert_eq!(sum(&text, "bridge_interceptions_inflight{"), 0);
}

#[test]
fn many_users_and_models_make_few_series() {
    check(LabelLimits::default(), 10_000);
}

#[test]
fn figures_for_users_stay_within_the_limit_on_combinations() {
    let limits = LabelLimits {
        users: 100,
        ..LabelLimits::default()
    };
    check(limits, 30_000);
}

#[test]
fn without_room_for_names_there_is_one_label_for_all() {
    let limits = LabelLimits {
        models: 0,
        users: 0,
        tools: 0,
        combinations: 1,
    };
    let text = busy(limits).expose();
    check(limits, 300);
    assert!(!text.contains("user="));
    assert!(text.contains("model=\"other\""));
    assert!(!text.contains("model=\"model-"));
}
