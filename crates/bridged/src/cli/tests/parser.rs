//! What is understood, and what is not.

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::{Cli, parse};

#[test]
fn the_parser_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn commands_are_understood() {
    for line in [
        "bridged simulate --listen 127.0.0.1:0 --pace 20ms --seed 7",
        "bridged simulate --check-signatures",
        "bridged simulate --tool-server 127.0.0.1:0",
        "bridged check-config",
        "bridged check-config --print",
        "bridged --config /a.toml check-config",
        "bridged check-config --config /a.toml",
        "bridged print-config --markdown",
        "bridged print-metrics",
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
        "bridged tool-server create wiki --url https://h/mcp --allow ^read --deny secret --credential user --token-url https://l/t --client-id b --client-secret-env S --client-auth post --scope a --scope b",
        "bridged tool-server create desk --url https://h/mcp --header-env x-tenant=T --header-file x-a=/f --token-stdin --ca-file /ca --disabled",
        "bridged tool-server update wiki --rename pages --disable --remove-header x-tenant --clear oauth --clear allow",
        "bridged tool-server list --json",
        "bridged tool-server show wiki --json",
        "bridged tool-server delete wiki",
        "bridged tool-server token set wiki ada --token-env T --refresh-token-file /r --expires-in 1h",
        "bridged tool-server token remove wiki ada",
        "bridged tool-server token list --server wiki --user ada --limit 3 --json",
        "bridged interceptions list --user ada --outcome failed --after 2026-11-24T00:00:00Z",
        "bridged interceptions show 6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10 --json",
        "bridged sessions list --client Codex",
        "bridged sessions show one",
        "bridged journal status --json",
        "bridged journal verify --folder /j",
        "bridged journal export --unacknowledged --without-damaged",
        "bridged journal export --interception 6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10",
        "bridged journal replay /j/damaged/00000000000000000001.log",
        "bridged turns",
        "bridged reload",
        "bridged reload --json --admin-token-file /t",
        "bridged turns --json --admin-url http://h:1",
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
