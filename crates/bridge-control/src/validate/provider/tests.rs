use super::*;

fn check_text(rule: impl Fn(&str) -> bool, good: &[&str], bad: &[&str]) {
    for text in good {
        assert!(rule(text), "{text:?}");
    }
    for text in bad {
        assert!(!rule(text), "{text:?}");
    }
}

#[test]
fn base_urls() {
    let long = format!("https://a/{}", "b".repeat(2_048));
    check_text(
        |text| base_url(ProviderType::OpenAi, text).is_ok(),
        &[
            "https://api.example.com/v1/",
            "http://127.0.0.1:8080",
            "HTTPS://[::1]/v1",
            "https://xn--bcher-kva.example",
        ],
        &[
            "",
            "api.example.com",
            "/v1",
            "ftp://a",
            "https://",
            "https:///a",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "https://u:p@a",
            "https://a b",
            "data:text/plain,a",
            // A gateway takes none of these, and an older one would refuse the whole set for it.
            "https:a",
            "https:/a",
            "https:\\\\a\\b",
            "https://a\\b",
            "https:a/://b",
            "https://b\u{fc}cher.example",
            &long,
        ],
    );
    check_text(
        |text| base_url(ProviderType::Azure, text).is_ok(),
        &["https://a/openai/v1", "https://a/x?api-version=2024-10-21"],
        &["https://a?b#c", "https://u@a?b"],
    );
}

#[test]
fn provider_key_lists() {
    let keys = |texts: &[&str]| -> Vec<SecretText> {
        let texts = texts.iter();
        texts
            .map(|text| SecretText::new((*text).to_owned()))
            .collect()
    };
    let check = |kind, texts: &[&str], is_good| {
        let found = provider_keys(kind, &keys(texts));
        assert_eq!(found.is_ok(), is_good, "{kind:?} {texts:?}");
    };
    use ProviderType::{Bedrock, ChatGpt, Copilot, OpenAi};
    check(OpenAi, &[], true);
    check(OpenAi, &["a", "b", "c", "d", "e"], true);
    check(OpenAi, &["a", "b", "c", "d", "e", "f"], false);
    check(OpenAi, &["a", "a"], false);
    check(OpenAi, &[""], false);
    check(OpenAi, &[" a"], false);
    check(OpenAi, &["a b"], false);
    check(OpenAi, &["a\n"], false);
    for kind in [Copilot, Bedrock, ChatGpt] {
        check(kind, &["a"], false);
        check(kind, &[], true);
    }
}

#[test]
fn roles() {
    let long = format!("arn:aws:iam::123456789012:role/{}", "a".repeat(620));
    check_text(
        is_role_arn,
        &[
            "arn:aws:iam::123456789012:role/gateway",
            "arn:aws-cn:iam::123456789012:role/some/path/gateway",
        ],
        &[
            "",
            "gateway",
            "arn:aws:iam::123456789012:user/ada",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::12345678901:role/gateway",
            "arn:aws:iam::12345678901x:role/gateway",
            "arn:aws:sts::123456789012:role/gateway",
            "arn:aws:iam:eu-central-1:123456789012:role/gateway",
            "arn:other:iam::123456789012:role/gateway",
            "arn:aws:iam::123456789012:role/gate way",
            &long,
        ],
    );
}

#[test]
fn ranges() {
    check_text(
        is_range,
        &[
            "10.0.0.0/8",
            "127.0.0.1/32",
            "fd00::/8",
            "::1/128",
            "0.0.0.0/0",
        ],
        &[
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "fd00::/129",
            "ten/8",
            "10.0.0.0/-1",
            "10.0.0.0/ 8",
        ],
    );
}

#[test]
fn proxies() {
    check_text(
        is_proxy,
        &["", "http://proxy:3128", "https://user:word@proxy.example"],
        &["proxy:3128", "socks5://proxy", "http://", "/proxy"],
    );
}

fn refused(field: &str, found: Checked) {
    match found {
        Err(ControlError::Invalid { field: at, .. }) => assert_eq!(at, field),
        other => panic!("{field}: {other:?}"),
    }
}

#[test]
fn settings_of_bedrock() {
    let secret = |text: &str| Some(SecretText::new(text.to_owned()));
    let usual = || Bedrock {
        region: "eu-central-1".to_owned(),
        ..Bedrock::default()
    };
    let with = |change: &dyn Fn(&mut Bedrock)| {
        let mut settings = usual();
        change(&mut settings);
        bedrock(&settings)
    };
    with(&|_| ()).unwrap();
    with(&|to| {
        to.access_key_id = secret("id");
        to.secret_access_key = secret("key");
        to.session_token = secret("token");
        to.protocol = Some("mantle".to_owned());
        to.role_arn = Some("arn:aws:iam::123456789012:role/gateway".to_owned());
    })
    .unwrap();
    refused("settings.region", with(&|to| to.region = String::new()));
    refused(
        "settings.region",
        with(&|to| to.region = "eu.example/".to_owned()),
    );
    let word = || Some("http".to_owned());
    refused("settings.protocol", with(&|to| to.protocol = word()));
    refused("settings.role_arn", with(&|to| to.role_arn = word()));
    refused(
        "settings.model",
        with(&|to| to.model = Some("a b".to_owned())),
    );
    let alone = "settings.secret_access_key";
    refused(alone, with(&|to| to.access_key_id = secret("id")));
    refused(alone, with(&|to| to.secret_access_key = secret("key")));
    refused(
        "settings.session_token",
        with(&|to| to.session_token = secret("token")),
    );
    refused(
        "settings.access_key_id",
        with(&|to| to.access_key_id = secret("")),
    );
    let two_ways = with(&|to| {
        to.access_key_id = secret("id");
        to.secret_access_key = secret("key");
        to.profile = Some("office".to_owned());
    });
    refused("settings.profile", two_ways);
}

#[test]
fn settings_of_connections() {
    let with = |change: &dyn Fn(&mut Upstream)| {
        let mut settings = Upstream::default();
        change(&mut settings);
        upstream(&settings)
    };
    with(&|_| ()).unwrap();
    with(&|to| to.total_timeout_ms = Some(0)).unwrap();
    let zero = Some(0);
    refused(
        "upstream.connect_timeout_ms",
        with(&|to| to.connect_timeout_ms = zero),
    );
    refused(
        "upstream.first_byte_timeout_ms",
        with(&|to| to.first_byte_timeout_ms = zero),
    );
    refused(
        "upstream.idle_timeout_ms",
        with(&|to| to.idle_timeout_ms = zero),
    );
    refused(
        "upstream.idle_timeout_ms",
        with(&|to| to.idle_timeout_ms = Some(u64::MAX)),
    );
    refused(
        "upstream.max_retries",
        with(&|to| to.max_retries = Some(11)),
    );
    let word = || Some("3".to_owned());
    refused(
        "upstream.http_version",
        with(&|to| to.http_version = word()),
    );
    refused("upstream.ca_pem", with(&|to| to.ca_pem = word()));
    let ranges = |count: usize| vec!["10.0.0.0/8".to_owned(); count];
    with(&|to| to.allowed_private = ranges(32)).unwrap();
    refused(
        "upstream.allowed_private",
        with(&|to| to.allowed_private = ranges(33)),
    );
}
