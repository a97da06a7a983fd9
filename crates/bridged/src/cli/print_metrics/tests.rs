use std::path::Path;

use serde_json::Value;

use super::*;

const RULES: &str = include_str!("../../../../../docs/operators/prometheus/bridged.rules.yml");
const DASHBOARD: &str =
    include_str!("../../../../../docs/operators/prometheus/bridged-dashboard.json");
const ALERTS: &str = include_str!("../../../../../docs/operators/alerts.md");

#[test]
fn the_committed_reference_is_up_to_date() {
    let committed = include_str!("../../../../../docs/reference/metrics.md");
    assert_eq!(
        committed,
        markdown(),
        "write it anew: bridged print-metrics > docs/reference/metrics.md"
    );
}

/// The families that an expression names, each with the labels that it asks for.
fn asked(expression: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for (at, _) in expression.match_indices("bridge_") {
        let rest = &expression[at..];
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let inside = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let inside = inside.map_or("", |(inside, _)| inside);
        let labels = inside.split(',').filter_map(|one| one.split_once('='));
        let labels = labels.map(|(label, _)| label.trim().to_owned()).collect();
        found.push((name.to_owned(), labels));
    }
    found
}

/// Whether there is such a family with such labels. The scraper adds `instance`, and a histogram
/// has samples of three names.
fn check(expression: &str) {
    let metrics = Metrics::default();
    let asked = asked(expression);
    assert!(
        !asked.is_empty() || expression.starts_with("up{"),
        "{expression} asks for nothing"
    );
    for (name, labels) in asked {
        let family = metrics.catalogue().iter().find(|family| {
            let is_part = ["_bucket", "_sum", "_count"].iter().any(|end| {
                family.kind == "histogram" && name.strip_suffix(end) == Some(&family.name)
            });
            is_part || (family.kind != "histogram" && family.name == name)
        });
        let family = family.unwrap_or_else(|| panic!("there is no {name}: {expression}"));
        for label in labels {
            let is_there = label == "instance" || family.labels.contains(&label.as_str());
            assert!(is_there, "{name} has no {label}: {expression}");
        }
    }
}

/// The lines of the rules that begin so, without the beginning.
fn lines(start: &str) -> impl Iterator<Item = &str> {
    RULES
        .lines()
        .filter_map(move |line| line.trim().strip_prefix(start))
}

#[test]
fn alerts_ask_for_families_that_exist() {
    let mut expressions = 0;
    let mut lines = RULES.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "expr: >-" {
            check(lines.next().unwrap().trim());
            expressions += 1;
        }
    }
    assert_eq!(expressions, self::lines("- alert: ").count());
}

#[test]
fn every_alert_has_a_chapter_and_a_page() {
    let chapters: Vec<_> = ALERTS
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    let alerts: Vec<_> = lines("- alert: ").collect();
    assert_eq!(chapters, alerts);
    let pages: Vec<_> = lines("page: docs/operators/alerts.md#").collect();
    let wanted: Vec<_> = alerts.iter().map(|alert| alert.to_lowercase()).collect();
    assert_eq!(pages, wanted);
    assert_eq!(ALERTS.matches("\nMore: [").count(), alerts.len());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operators");
    for page in ALERTS
        .lines()
        .filter_map(|line| line.strip_prefix("More: ["))
    {
        let (page, _) = page.split_once(']').unwrap();
        assert!(folder.join(page).is_file(), "{page}");
    }
}

#[test]
fn the_dashboard_asks_for_families_that_exist() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array())
        .flatten();
    let mut expressions = 0;
    for target in targets {
        check(target["expr"].as_str().unwrap());
        expressions += 1;
    }
    assert!(expressions > 40, "{expressions}");
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        let query = variable["query"].as_str().unwrap();
        if query.starts_with("label_values(") {
            check(query);
        }
    }
}

#[test]
fn what_does_not_exist_is_found() {
    let check_fails = |expression: &str| {
        let expression = expression.to_owned();
        assert!(std::panic::catch_unwind(move || check(&expression)).is_err());
    };
    check("rate(bridge_tokens_total{kind=\"input\",instance=~\".*\"}[5m]) > bridge_readiness");
    check("bridge_interception_duration_seconds_bucket");
    check_fails("bridge_tokens");
    check_fails("bridge_tokens_total{colour=\"red\"}");
    check_fails("bridge_interception_duration_seconds");
    check_fails("bridge_readiness_count");
    check_fails("1 > 0");
}
