//! Providers, for people and as JSON.

use std::io::Write;
use std::time::Duration;

use bridge_control::api::{BedrockView, ProviderType, ProviderView, UpstreamView};

use super::super::listing::Listing;
use super::super::{CommandError, say, say_json, table};

/// All of them.
pub(super) const LISTING: Listing<ProviderView> = Listing {
    path: "/providers",
    header: &["PROVIDER", "TYPE", "ADDRESS", "ENABLED", "KEYS"],
    row,
    nothing: "There are no providers: bridged provider create NAME --type TYPE",
};

fn row(provider: &ProviderView) -> Vec<String> {
    let hints: Vec<_> = provider
        .keys
        .iter()
        .map(|key| table::line(&key.hint))
        .collect();
    vec![
        table::line(&provider.name),
        provider.kind.as_str().to_owned(),
        address(provider),
        yes_or_no(provider.enabled).to_owned(),
        if provider.kind == ProviderType::Bedrock {
            "AWS credentials".to_owned()
        } else if hints.is_empty() {
            "none: callers bring their own".to_owned()
        } else {
            hints.join(", ")
        },
    ]
}

pub(super) fn show(
    provider: &ProviderView,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    if json {
        return say_json(out, provider);
    }
    let given = |text: &str| (!text.is_empty()).then(|| table::line(text));
    let mut text = table::facts(&[
        ("provider", Some(table::line(&provider.name))),
        ("name for people", given(&provider.display_name)),
        ("id", Some(provider.id.to_string())),
        ("type", Some(provider.kind.as_str().to_owned())),
        ("address", Some(address(provider))),
        ("enabled", Some(yes_or_no(provider.enabled).to_owned())),
        ("made", Some(table::time(provider.created_at))),
        ("changed", Some(table::time(provider.updated_at))),
    ]);
    if let Some(settings) = &provider.settings {
        text.push_str(&bedrock(settings));
    }
    if let Some(settings) = &provider.upstream {
        text.push_str(&upstream(settings));
    }
    if !provider.kind.takes_keys() {
        return say(out, &text);
    }
    let rows = provider.keys.iter().map(|key| {
        vec![
            table::line(&key.hint),
            key.id.to_string(),
            table::time(key.created_at),
        ]
    });
    let nothing = "No keys: callers bring their own.";
    text.push_str(&table::table(
        &["KEY", "ID", "GIVEN"],
        rows.collect(),
        nothing,
    ));
    say(out, &text)
}

pub(crate) fn yes_or_no(answer: bool) -> &'static str {
    if answer { "yes" } else { "no" }
}

fn address(provider: &ProviderView) -> String {
    match &provider.settings {
        Some(settings) if provider.base_url.is_empty() => {
            format!("that of {}", table::line(&settings.region))
        }
        Some(_) | None => table::line(&provider.base_url),
    }
}

fn bedrock(settings: &BedrockView) -> String {
    let line = |text: &Option<String>| text.as_deref().map(table::line);
    let session = settings.has_session_token.then(|| "given".to_owned());
    let of_machine = || Some("those of the gateway's machine".to_owned());
    table::facts(&[
        ("region", Some(table::line(&settings.region))),
        ("protocol", Some(table::line(&settings.protocol))),
        ("model", line(&settings.model)),
        ("small fast model", line(&settings.small_fast_model)),
        (
            "credentials",
            line(&settings.access_key_masked).or_else(of_machine),
        ),
        ("session token", session),
        ("profile", line(&settings.profile)),
        ("role", line(&settings.role_arn)),
        ("external id", line(&settings.external_id)),
    ])
}

/// How something is connected to.
pub(crate) fn upstream(settings: &UpstreamView) -> String {
    let span = |ms: Option<u64>| ms.map(|ms| format!("{:?}", Duration::from_millis(ms)));
    let total = match settings.total_timeout_ms {
        Some(0) => Some("no limit".to_owned()),
        other => span(other),
    };
    let line = |text: &Option<String>| text.as_deref().map(table::line);
    let ranges = &settings.allowed_private;
    table::facts(&[
        ("connect timeout", span(settings.connect_timeout_ms)),
        ("first byte timeout", span(settings.first_byte_timeout_ms)),
        ("idle timeout", span(settings.idle_timeout_ms)),
        ("total timeout", total),
        (
            "retries",
            settings.max_retries.map(|count| count.to_string()),
        ),
        ("proxy", line(&settings.proxy)),
        (
            "own certificates",
            settings.ca_pem.as_ref().map(|_| "yes".to_owned()),
        ),
        ("http version", line(&settings.http_version)),
        (
            "private addresses",
            (!ranges.is_empty()).then(|| table::line(&ranges.join(", "))),
        ),
    ])
}
