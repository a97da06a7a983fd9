//! Providers of the file and of the environment.

use std::fs;

use super::Given;
use crate::config::*;

#[test]
fn keys_of_the_sdks_make_providers() {
    let config = Given::file("")
        .with("ANTHROPIC_API_KEY", "first-key")
        .with("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        .config();
    assert_eq!(
        config.providers[0].keys,
        [Secret::new("first-key".to_owned())]
    );
    assert_eq!(
        config.providers[1].base_url.as_str(),
        "http://127.0.0.1:9/v1"
    );
    assert!(config.providers[1].keys.is_empty());
}

#[test]
fn a_client_setting_in_the_environment_makes_no_loop() {
    let told = Given::file("")
        .with("ANTHROPIC_BASE_URL", "http://localhost:4180/anthropic")
        .problems();
    assert!(
        told.contains("ANTHROPIC_BASE_URL: ") && told.contains("gateway itself"),
        "{told}"
    );
}

#[test]
fn providers_of_the_file_take_the_place_of_those_of_the_environment() {
    let given = Given::file("");
    let key_file = given.folder.path().join("keys");
    fs::write(&key_file, "one\n\n  two \n").unwrap();
    let text = format!(
        "[[providers]]\nname = \"work\"\ntype = \"openai-compat\"\nbase_url = \"https://h/v1\"\n\
         enabled = false\napi_key_env = [\"WORK_KEY\"]\napi_key_file = {:?}\napi_keys = [\"four\"]",
        key_file.display().to_string()
    );
    fs::write(given.folder.path().join("bridged.toml"), text).unwrap();
    let given = given
        .with("WORK_KEY", "zero")
        .with("OPENAI_API_KEY", "unused");
    let loaded = given.load().unwrap();
    let [provider] = loaded.config.providers.as_slice() else {
        panic!("{:?}", loaded.config.providers);
    };
    let keys: Vec<_> = provider.keys.iter().map(Secret::expose).collect();
    assert_eq!(keys, ["zero", "one", "two", "four"]);
    assert!(!provider.enabled);
    let told = loaded.warnings[0].to_string();
    assert!(
        told.starts_with("providers[0].api_keys: ") && !told.contains("four"),
        "{told}"
    );
}

#[test]
fn everything_wrong_with_a_provider_is_told_at_once() {
    let text = "[[providers]]\nname = \"Bad Name\"\ntype = \"nope\"\nbase_url = \"ftp://x\"\n";
    let table: Table = text.parse().unwrap();
    let environment = Environment::from_pairs([("HOME", "/home/ada")]);
    let mut findings = Findings::default();
    Config::read(&table, &environment, &mut findings);
    let told: Vec<String> = findings.problems.iter().map(ToString::to_string).collect();
    for place in [
        "providers[0].name",
        "providers[0].type",
        "providers[0].base_url",
    ] {
        assert!(
            told.iter().any(|line| line.starts_with(place)),
            "{place} in {told:?}"
        );
    }
}

#[test]
fn what_can_be_configured_can_be_served() {
    let configurable = bridge_control::api::ProviderType::ALL.map(|kind| kind.as_str());
    let servable = bridge_api::ProviderType::ALL.map(|kind| kind.as_str());
    assert_eq!(configurable, servable);
}
