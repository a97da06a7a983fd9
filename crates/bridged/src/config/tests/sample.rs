//! The sample and the reference say what the program does.

use super::Given;
use crate::config::*;

#[test]
fn the_sample_says_what_holds() {
    let plain = Given::file("").config();
    let sampled = |text: &str| {
        let given = Given::file(text);
        let mut config = given.config();
        config.data_folder.clone_from(&plain.data_folder);
        config
    };
    let sample = sample::toml();
    assert_eq!(sampled(&sample), plain);
    // The same with every default that stands in it switched on.
    let live = uncommented(&sample, |section| !section.contains("providers"));
    let live: Vec<_> = live.lines().collect();
    let fields = SECTIONS.iter().flat_map(|section| section.fields);
    let examples: Vec<_> = fields
        .filter_map(|field| match field.fallback {
            reader::Fallback::Example(value) => Some(format!("{} = {value:?}", field.key())),
            reader::Fallback::Default(_) => None,
        })
        .collect();
    let is_example = |line: &str| examples.iter().any(|example| example == line);
    let live: Vec<_> = live
        .iter()
        .filter(|line| !is_example(line))
        .copied()
        .collect();
    assert_eq!(sampled(&live.join("\n")), plain);
}

#[test]
fn the_sample_shows_providers_as_they_are_written() {
    let text = uncommented(&sample::toml(), |section| section.contains("providers"));
    let text: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("api_key_file"))
        .collect();
    let config = Given::file(&text.join("\n"))
        .with("ANTHROPIC_API_KEY", "first")
        .config();
    assert_eq!(config.providers[0].name, "anthropic");
    assert_eq!(config.providers[0].keys.len(), 2);
}

/// Takes the mark from settings in sections that `wanted` accepts.
fn uncommented(sample: &str, wanted: impl Fn(&str) -> bool) -> String {
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in sample.lines() {
        let setting = line.strip_prefix('#').filter(|rest| !rest.starts_with(' '));
        let bare = setting.unwrap_or(line);
        if bare.starts_with('[') {
            bare.clone_into(&mut section);
        }
        match setting {
            Some(setting) if wanted(&section) => lines.push(setting),
            Some(_) | None => lines.push(line),
        }
    }
    lines.join("\n")
}

#[test]
fn the_reference_names_every_setting() {
    let page = sample::markdown();
    for section in &SECTIONS {
        for field in section.fields {
            let name = variable(&format!("{}.{}", section.path, field.key()));
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}

#[test]
fn the_committed_reference_is_what_the_program_says() {
    let told = sample::markdown();
    assert_eq!(
        told.trim_end(),
        include_str!("../../../../../docs/reference/config.md").trim_end(),
        "write it anew: bridged print-config --markdown > docs/reference/config.md"
    );
}
