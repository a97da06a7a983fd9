//! The configuration as a whole.

use std::fs;
use std::time::Duration;

use bridge_auth::ActorHeader;
use tempfile::TempDir;

use super::*;

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

/// A folder with a good certificate and key, and what is written of them.
fn identity() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let certificate = write("cert.pem", made.cert.pem());
    let key = write("key.pem", made.signing_key.serialize_pem());
    let text =
        format!("control_certificate_file = {certificate:?}\ncontrol_private_key_file = {key:?}\n");
    (folder, text)
}

#[test]
fn a_control_plane_elsewhere_needs_a_gateway_key() {
    let given = || Given::file("[control]\nurl = \"https://control.example\"");
    let told = given().problems();
    let missing = "control.gateway_key: is missing: make one with `bridged gateway-key create";
    assert!(told.contains(missing), "{told}");
    let config = given()
        .with("BRIDGED_CONTROL_GATEWAY_KEY", "hidden")
        .config();
    let control = config.control.unwrap();
    assert_eq!(control.url.to_string(), "https://control.example:443");
    assert_eq!(control.gateway_key.expose(), "hidden");
    assert!(!control.gateway_name.is_empty());
    assert_eq!(Given::file("").config().control, None);
}

#[test]
fn a_flag_wins_over_variable_and_file() {
    let given = Given::file("[control]\nurl = \"https://a.example\"\ngateway_key = \"hidden\"");
    let environment = Environment::from_pairs(given.pairs);
    let load = |url: &str| {
        let environment = environment
            .clone()
            .with_flag("--control", "control.url", url.to_owned());
        Config::load(None, &environment)
    };
    let loaded = load("https://b.example").unwrap();
    let url = loaded.config.control.unwrap().url.to_string();
    assert_eq!(url, "https://b.example:443");
    let warnings = format!("{:?}", loaded.warnings);
    assert!(
        warnings.contains("control.gateway_key") && !warnings.contains("hidden"),
        "{warnings}"
    );
    let told = load("b.example").unwrap_err().to_string();
    assert!(
        told.contains("control.url (from --control): \"b.example\""),
        "{told}"
    );
}

#[test]
fn keys_and_prompts_do_not_travel_in_the_clear_by_mistake() {
    let key = "gateway_key = \"hidden\"\n";
    let url = |url: &str, more: &str| format!("[control]\nurl = {url:?}\n{key}{more}");
    for good in [
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://localhost:1",
        "https://h",
    ] {
        Given::file(&url(good, "")).config();
    }
    refused(
        &url("http://h:1", ""),
        &["control.url: sends keys", "control.plain_text = true"],
    );
    let allowed = Given::file(&url("http://h:1", "plain_text = true"))
        .load()
        .unwrap();
    assert!(format!("{:?}", allowed.warnings).contains("unencrypted"));

    let listen =
        |address: &str, more: &str| format!("[listen]\ncontrol_address = {address:?}\n{more}");
    Given::file(&listen("127.0.0.1:9", "")).config();
    refused(
        &listen("0.0.0.0:9", ""),
        &[
            "listen.control_address: can be reached",
            "control_certificate_file",
            "control_plain_text",
        ],
    );
    let allowed = Given::file(&listen("0.0.0.0:9", "control_plain_text = true"));
    assert!(format!("{:?}", allowed.load().unwrap().warnings).contains("unencrypted"));
    let (_folder, identity) = identity();
    let loaded = Given::file(&listen("0.0.0.0:9", &identity)).load().unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert!(loaded.config.listen.identity().unwrap().is_some());

    // A supervisor may hand over a socket of which the settings say nothing.
    let check = |text: &str, handed: &str, is_good: bool| {
        let listen = Given::file(&format!("[listen]\n{text}")).config().listen;
        let checked = listen.check_encryption(handed.parse().unwrap());
        assert_eq!(checked.is_ok(), is_good, "{text} {handed}: {checked:?}");
    };
    check("", "127.0.0.1:9", true);
    check("", "[::]:9", false);
    check("", "0.0.0.0:9", false);
    check("control_plain_text = true", "0.0.0.0:9", true);
    check(&identity, "0.0.0.0:9", true);
}

#[test]
fn certificate_and_key_are_checked_together() {
    let (folder, identity) = identity();
    let (certificate, key) = identity.split_once('\n').unwrap();
    let listen = |text: &str| format!("[listen]\n{text}");
    refused(
        &listen(certificate),
        &["listen.control_private_key_file: is missing: listen.control_certificate_file needs it"],
    );
    refused(
        &listen(key),
        &["listen.control_certificate_file: is missing"],
    );
    let taken = listen(&format!("{identity}control_address = \"127.0.0.1:4180\""));
    refused(
        &taken,
        &["listen.control_address: is the same as listen.address"],
    );
    fs::write(folder.path().join("key.pem"), "hidden garbage").unwrap();
    let told = Given::file(&listen(&identity)).problems();
    assert!(
        told.contains("listen.control_certificate_file: certificate and private key"),
        "{told}"
    );
    assert!(!told.contains("hidden"), "{told}");
    fs::remove_file(folder.path().join("key.pem")).unwrap();
    refused(
        &listen(&identity),
        &["listen.control_private_key_file: cannot read"],
    );
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
        include_str!("../../../../docs/reference/config.md").trim_end(),
        "write it anew: bridged print-config --markdown > docs/reference/config.md"
    );
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
