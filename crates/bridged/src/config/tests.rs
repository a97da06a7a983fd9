//! The configuration as a whole.

use std::fs;
use std::time::Duration;

use bridge_auth::ActorHeader;
use tempfile::TempDir;

use super::*;

mod control;
mod provider;
mod sample;

struct Given {
    folder: TempDir,
    pairs: Vec<(String, String)>,
}

impl Given {
    fn file(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("bridged.toml"), text).unwrap();
        let pairs = vec![(
            "BRIDGED_DATA_FOLDER".to_owned(),
            folder.path().display().to_string(),
        )];
        Self { folder, pairs }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }

    fn load(&self) -> Result<Loaded<Config>, ConfigError> {
        Config::load(None, &Environment::from_pairs(self.pairs.clone()))
    }

    fn config(&self) -> Config {
        self.load().unwrap_or_else(|error| panic!("{error}")).config
    }

    fn problems(&self) -> String {
        self.load()
            .expect_err("the configuration was accepted")
            .to_string()
    }
}

fn refused(text: &str, parts: &[&str]) {
    let told = Given::file(text).problems();
    for part in parts {
        assert!(told.contains(part), "{text}: {part:?} is not in {told}");
    }
}

#[test]
fn five_mistakes_are_reported_at_once() {
    let text = r#"
        version = 1
        [listen]
        address = "foo"
        adress = "127.0.0.1:1"
        [gateway]
        body_silence = "60"
        connections = 0
        [[providers]]
        name = "anthropic"
        type = "anthropic"
        api_key_env = "NOT_THERE"
    "#;
    refused(
        text,
        &[
            "\n  listen.address: \"foo\" is not an address: give one like 127.0.0.1:4180",
            "\n  listen.adress: is not a setting: did you mean address?",
            "\n  gateway.body_silence: \"60\" is not a duration: give one like 500ms",
            "\n  gateway.connections: 0 is not a count",
            "\n  providers[0].api_key_env: the variable NOT_THERE is not set",
        ],
    );
    assert_eq!(Given::file(text).problems().lines().count(), 6);
}

#[test]
fn single_mistakes_are_explained() {
    let provider =
        |more: &str| format!("[[providers]]\nname = \"a\"\ntype = \"anthropic\"\n{more}");
    refused(
        "version = 2",
        &["version: 2 is not known: this program reads version 1"],
    );
    refused(
        "lisen = 1",
        &["lisen: is not a setting: did you mean listen?"],
    );
    refused("listen = 1", &["listen: is not a section"]);
    refused(
        "data_dir = \"/a\"",
        &["data_dir: is not a setting", "[data]"],
    );
    refused(
        "[listen]\nport = 80",
        &["listen.port: is not a setting: give address and port together"],
    );
    refused(
        "[listen]\naddress = [1]",
        &["listen.address: a list is not an address"],
    );
    refused(
        "[listen]\naddress = \"127.0.0.1:9\"\noperator_address = \"127.0.0.1:9\"",
        &["listen.operator_address: is the same as listen.address"],
    );
    refused(
        "[log]\nlevel = \"loud\"",
        &["log.level: \"loud\" is not a level"],
    );
    refused(
        "[headers]\ntoken = \"Authorization\"",
        &["headers: `authorization` is reserved"],
    );
    refused(
        "[headers]\ntoken = \"a b\"",
        &["headers.token: \"a b\" is not a header name"],
    );
    refused(
        "[admin]\ntoken_file = \"/not/there\"",
        &["admin.token_file: cannot read /not/there"],
    );
    refused(
        "[admin]\ntoken = \"a\"\ntoken_file = \"/b\"",
        &["admin.token: is given beside admin.token_file"],
    );
    refused("providers = 3", &["providers: is not a list"]);
    refused(
        "providers = [3]",
        &[
            "providers[0]: is not a section",
            "providers[0].name: is missing",
        ],
    );
    refused(
        &provider("api_key = \"hidden\""),
        &["providers[0].api_key: is not a setting", "api_key_env"],
    );
    refused(
        &provider("base_url = \"h\""),
        &["providers[0].base_url: \"h\" is not an absolute URL"],
    );
    refused(
        &provider("api_key_file = \"/not/there\""),
        &["providers[0].api_key_file: cannot read"],
    );
    refused(
        &provider("base_url = \"http://127.0.0.1:4180/anthropic\""),
        &["providers[0].base_url: ", "is this gateway itself"],
    );
    refused(
        &[provider(""), provider("")].join("\n"),
        &["providers[1].name: \"a\" is the name of another provider"],
    );
    refused(
        "[[providers]]\nname = \"A b\"\ntype = \"azure\"",
        &[
            "providers[0].name: \"A b\" is not a name",
            "providers[0].base_url: is missing",
        ],
    );
    refused(
        &provider("api_keys = [\"1\", \"2\", \"3\", \"4\", \"5\", \"6\"]"),
        &["providers[0]: has 6 keys: 5 are the most"],
    );
}

#[test]
fn text_that_is_not_toml_is_placed_and_not_repeated() {
    let told = Given::file("version = 1\n[admin]\ntoken = hidden-word\n").problems();
    assert!(told.contains("bridged.toml, line 3, column"), "{told}");
    assert!(!told.contains("hidden-word"), "{told}");
}

#[test]
fn a_named_file_must_be_there() {
    let nowhere = Path::new("/not/there.toml");
    let error = Config::load(Some(nowhere), &Environment::default()).unwrap_err();
    assert!(error.to_string().contains("/not/there.toml"), "{error}");
}

#[test]
fn variables_win_over_the_file() {
    let given = Given::file("[listen]\naddress = \"127.0.0.1:1\"\n[log]\nlevel = \"debug\"")
        .with("BRIDGED_LISTEN_ADDRESS", "127.0.0.1:2")
        .with("BRIDGED_GATEWAY_BODY_BYTES", "1MiB")
        .with("BRIDGED_GATEWAY_ALLOW_OWN_KEYS", "false")
        .with("BRIDGED_AUTH_CACHE", "off")
        .with("BRIDGED_LOG_FORMAT", "");
    let config = given.config();
    assert_eq!(config.listen.address.port(), 2);
    assert_eq!(config.gateway.body_bytes.0, 1 << 20);
    assert!(!config.gateway.allow_own_keys);
    assert_eq!(config.auth.cache.0, None);
    assert_eq!(config.log.level, slog::Level::Debug);
}

#[test]
fn problems_of_variables_name_the_variable() {
    let told = Given::file("")
        .with("BRIDGED_LISTEN_ADDRESS", "foo")
        .problems();
    let wanted = "listen.address (from BRIDGED_LISTEN_ADDRESS): \"foo\" is not an address";
    assert!(told.contains(wanted), "{told}");
}

#[test]
fn without_a_word_there_are_defaults_and_two_providers() {
    let loaded = Given::file("").load().unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let config = loaded.config;
    assert_eq!(config.listen.address.to_string(), "127.0.0.1:4180");
    assert_eq!(config.listen.operator_address.to_string(), "127.0.0.1:4181");
    assert_eq!(config.drain.patience, Duration::from_secs(300));
    assert_eq!(config.admin_token, None);
    let providers: Vec<_> = config
        .providers
        .iter()
        .map(|provider| {
            (
                provider.name.as_str(),
                provider.base_url.as_str(),
                provider.keys.len(),
            )
        })
        .collect();
    assert_eq!(
        providers,
        [
            ("anthropic", "https://api.anthropic.com", 0),
            ("openai", "https://api.openai.com/v1", 0)
        ]
    );
}

#[test]
fn what_should_be_changed_is_said() {
    let given = Given::file("[admin]\ntoken = \"operator-key\"")
        .with("BRIDGED_LISTEN_ADRESS", "127.0.0.1:1")
        .with("BRIDGED_LISTEN_OPERATOR_ADDRESS", "0.0.0.0:4181")
        .with("BRIDGED_SERVICE_HOST", "10.0.0.1");
    let warnings = given.load().unwrap().warnings;
    let text: Vec<_> = warnings.iter().map(Problem::to_string).collect();
    let text = text.join("\n");
    assert_eq!(warnings.len(), 3, "{text}");
    assert!(text.contains("BRIDGED_LISTEN_ADRESS: ") && text.contains("BRIDGED_LISTEN_ADDRESS?"));
    assert!(
        text.contains("admin.token: ") && !text.contains("operator-key"),
        "{text}"
    );
}

#[test]
fn a_token_from_the_environment_is_what_is_wanted() {
    let given = Given::file("").with("BRIDGED_ADMIN_TOKEN", "operator-key");
    let loaded = given.load().unwrap();
    assert_eq!(
        loaded.config.admin_token,
        Some(Secret::new("operator-key".to_owned()))
    );
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn commands_need_only_their_own_sections() {
    let given =
        Given::file("[log]\nlevel = \"loud\"\n[listen]\noperator_address = \"127.0.0.1:7\"");
    let environment = Environment::from_pairs(given.pairs);
    let loaded = OperatorConfig::load(None, &environment).unwrap();
    assert_eq!(loaded.config.listen.operator_address.port(), 7);
}

#[test]
fn actor_headers_have_names_of_their_own_or_none() {
    let text =
        "[headers]\nactor_id = \"X-User\"\nactor_username = \"\"\nactor_email = \"prefixed\"";
    let headers = Given::file(text).config().headers;
    assert_eq!(headers.actor_id, ActorHeader::Named("X-User".to_owned()));
    assert_eq!(headers.actor_username, ActorHeader::Off);
    assert_eq!(headers.actor_email, ActorHeader::Prefixed);
    headers.policy().unwrap();
    refused(
        "[headers]\nactor_id = \"Authorization\"",
        &["headers: `authorization` is reserved"],
    );
    refused(
        "[headers]\nactor_id = \"X-User\"\nactor_email = \"x-user\"",
        &["headers: `x-user` is used twice"],
    );
    refused(
        "[headers]\nactor_email = \"two words\"",
        &["headers.actor_email: \"two words\" is not a header name"],
    );
}
