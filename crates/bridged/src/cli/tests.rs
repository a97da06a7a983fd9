//! What can be said on the command line.

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Cli, ErrorKind> {
    Cli::try_parse_from(line.split_whitespace()).map_err(|error| error.kind())
}

#[test]
fn the_parser_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn commands_are_understood() {
    for line in [
        "bridged check-config",
        "bridged check-config --print",
        "bridged --config /a.toml check-config",
        "bridged check-config --config /a.toml",
        "bridged print-config --markdown",
        "bridged user create ada --email a@b --name Ada --json",
        "bridged user list --json --limit 3",
        "bridged user --admin-url http://h:1 list",
        "bridged user list --admin-url http://h:1 --admin-token-file /t",
        "bridged user suspend ada",
        "bridged user activate ada",
        "bridged user delete ada",
        "bridged key create ada --expires-in 90d --name laptop",
        "bridged key list --user ada",
        "bridged key delete abcdefghij",
        "bridged provider set work --type openai-compat --base-url https://h/v1 --key-env A --key-env B",
        "bridged provider set anthropic --type anthropic --key-stdin --disabled",
        "bridged provider show work",
        "bridged provider add-key work --key-file /k",
        "bridged provider delete-key work 1",
        "bridged interceptions list --user ada --outcome failed --after 2026-11-24T00:00:00Z",
        "bridged interceptions show 6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10 --json",
        "bridged sessions list --client Codex",
        "bridged sessions show one",
    ] {
        assert!(parse(line).is_ok(), "{line}: {:?}", parse(line));
    }
}

#[test]
fn mistakes_are_not_guessed_at() {
    for (line, kind) in [
        (
            "bridged",
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        ),
        ("bridged usr", ErrorKind::InvalidSubcommand),
        ("bridged user create", ErrorKind::MissingRequiredArgument),
        (
            "bridged key create ada --expires-in 90",
            ErrorKind::ValueValidation,
        ),
        (
            "bridged key create ada --expires-in 5ms",
            ErrorKind::ValueValidation,
        ),
        (
            "bridged provider set a --type gemini",
            ErrorKind::ValueValidation,
        ),
        (
            "bridged provider set a --type openai --key secret",
            ErrorKind::UnknownArgument,
        ),
        ("bridged interceptions show 7", ErrorKind::ValueValidation),
    ] {
        assert_eq!(parse(line).err(), Some(kind), "{line}");
    }
}

/// Runs a command with an environment of its own.
async fn said(line: &str, pairs: &[(&str, &str)]) -> Result<String, CommandError> {
    let environment = Environment::from_pairs(pairs.iter().copied());
    let mut out = Vec::new();
    run(parse(line).unwrap(), &environment, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn a_good_configuration_is_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let pairs = [
        ("BRIDGED_DATA_FOLDER", path.as_str()),
        ("OPENAI_API_KEY", "hidden-word"),
    ];
    let text = said("bridged check-config", &pairs).await.unwrap();
    assert!(text.contains("no configuration file"), "{text}");
    assert!(
        text.contains("provider openai (openai): https://api.openai.com/v1, 1 key"),
        "{text}"
    );
    assert!(!text.contains("hidden-word"), "{text}");
}

#[tokio::test]
async fn commands_without_a_token_say_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let pairs = [("BRIDGED_DATA_FOLDER", path.as_str())];
    let told = said("bridged user list", &pairs)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("bridged serve") && told.contains("--admin-token-file"),
        "{told}"
    );
}
