//! What can be said on the command line.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bridge_auth::Secret;
use bridge_control::api::{GatewayKeyView, KeyView, ProviderView};
use bridge_control::store::SqliteStore;
use bridge_control::{ControlConfig, ControlServer, SealingKey};
use bridge_telemetry::{Metrics, discard, task};
use clap::CommandFactory;
use clap::error::ErrorKind;
use tokio::net::TcpListener;

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

/// Runs a command with an environment of its own.
pub(super) async fn said(line: &str, pairs: &[(&str, &str)]) -> Result<String, CommandError> {
    let environment = Environment::from_pairs(pairs.iter().copied());
    let mut out = Vec::new();
    let inherited = Inherited::default();
    run(parse(line).unwrap(), &environment, &inherited, &mut out).await?;
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

    let pairs = [
        ("BRIDGED_DATA_FOLDER", path.as_str()),
        ("BRIDGED_CONTROL_GATEWAY_KEY", "hidden-word"),
    ];
    let line = "bridged check-config --control https://control.example";
    let text = said(line, &pairs).await.unwrap();
    assert!(
        text.contains("control plane https://control.example:443"),
        "{text}"
    );
    assert!(
        !text.contains("provider openai"),
        "it has no use for them: {text}"
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

/// A control plane that answers, and the environment of an operator who may call it.
struct Answering {
    pairs: Vec<(String, String)>,
    _folder: tempfile::TempDir,
    _serving: task::Task<()>,
}

impl Answering {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("test.sqlite")).unwrap();
        let config = ControlConfig {
            sealing_key: SealingKey::File(folder.path().join("sealing.key")),
            ..ControlConfig::new(Secret::new("operator-key".to_owned()))
        };
        let control = ControlServer::new(Arc::new(store), config, Metrics::default(), &discard());
        Self::with(control.rest(), folder).await
    }

    async fn with(router: Router, folder: tempfile::TempDir) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = task::spawn(&discard(), "server", async move {
            axum::serve(listener, router).await.unwrap();
        });
        let path = folder.path().display().to_string();
        let pairs = [
            ("BRIDGED_DATA_FOLDER", path),
            ("BRIDGED_LISTEN_OPERATOR_ADDRESS", address),
            ("BRIDGED_ADMIN_TOKEN", "operator-key".to_owned()),
            ("WORK_KEY", "hidden-provider-key".to_owned()),
        ];
        Self {
            pairs: pairs.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            _folder: folder,
            _serving: serving,
        }
    }

    async fn said(&self, line: &str) -> Result<String, CommandError> {
        let pairs: Vec<_> = self
            .pairs
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        said(line, &pairs).await
    }

    /// What a command says, which has to hold all these parts.
    async fn check(&self, line: &str, parts: &[&str]) -> String {
        let text = self
            .said(line)
            .await
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        for part in parts {
            assert!(text.contains(part), "{line}: {part:?} is not in\n{text}");
        }
        assert!(
            !text.contains("hidden"),
            "{line}: a provider's key is in\n{text}"
        );
        text
    }

    async fn refused(&self, line: &str, part: &str) {
        let told = self.said(line).await.expect_err(line).to_string();
        assert!(told.contains(part), "{line}: {part:?} is not in {told}");
    }
}

#[tokio::test]
async fn users_and_keys_are_managed_against_a_real_control_plane() {
    let server = Answering::start().await;
    server
        .check("bridged user list", &["There are no users"])
        .await;
    server
        .check(
            "bridged user create ada --email a@b.example",
            &["bridged key create ada"],
        )
        .await;
    server
        .refused("bridged user create ada", "username: is taken")
        .await;
    server
        .check("bridged user list", &["ada", "a@b.example", "active"])
        .await;
    server
        .check("bridged user suspend ada", &["ada is suspended"])
        .await;
    server.check("bridged user show ada", &["suspended"]).await;
    server
        .check("bridged user activate ada", &["ada is active"])
        .await;

    let text = server
        .check(
            "bridged key create ada --name laptop --expires-in 90d",
            &["good until"],
        )
        .await;
    assert!(text.contains("There is no provider yet"), "{text}");
    let listed = server
        .said("bridged key list --user ada --json")
        .await
        .unwrap();
    let keys: Vec<KeyView> = serde_json::from_str(&listed).unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].name.as_deref(), Some("laptop"));
    assert!(text.contains(&format!("{}-", keys[0].id)), "{text}");
    server
        .check("bridged key list", &[&keys[0].id, "laptop"])
        .await;
    server
        .check(
            &format!("bridged key delete {}", keys[0].id),
            &["is revoked"],
        )
        .await;
    server.refused("bridged key create bob", "bob").await;

    server
        .check("bridged user delete ada", &["ada is deleted"])
        .await;
    server.refused("bridged user show nobody", "nobody").await;
}

#[tokio::test]
async fn gateway_keys_are_managed_against_a_real_control_plane() {
    let server = Answering::start().await;
    let none = ["There are no gateway keys: bridged gateway-key create NAME"];
    server.check("bridged gateway-key list", &none).await;
    let text = server
        .check(
            "bridged gateway-key create north",
            &[
                "shown this once",
                "BRIDGED_CONTROL_GATEWAY_KEY_FILE",
                "--control",
            ],
        )
        .await;
    server
        .refused("bridged gateway-key create north", "name: is taken")
        .await;
    server
        .refused("bridged gateway-key create North_1", "lower-case")
        .await;
    let listed = server
        .said("bridged gateway-key list --json")
        .await
        .unwrap();
    let keys: Vec<GatewayKeyView> = serde_json::from_str(&listed).unwrap();
    assert_eq!((keys.len(), keys[0].name.as_str()), (1, "north"));
    assert!(text.contains(&keys[0].id), "{text}");
    server
        .check("bridged gateway-key list", &["north", &keys[0].id])
        .await;
    server
        .check("bridged gateway-key delete north", &["north is deleted"])
        .await;
    server
        .refused("bridged gateway-key delete north", "north")
        .await;
}

#[tokio::test]
async fn providers_are_managed_against_a_real_control_plane() {
    let server = Answering::start().await;
    server
        .check("bridged provider list", &["There are no providers"])
        .await;
    server
        .check(
            "bridged provider set anthropic --type anthropic --key-env WORK_KEY",
            &["https://api.anthropic.com", "yes"],
        )
        .await;
    server
        .refused(
            "bridged provider set work --type azure",
            "need a --base-url",
        )
        .await;
    server
        .check(
            "bridged provider set work --type openai-compat --base-url https://h.example/v1 --disabled",
            &["No keys: callers bring their own", "no"],
        )
        .await;
    server
        .check(
            "bridged provider add-key work --key-env WORK_KEY",
            &["is added as"],
        )
        .await;
    server
        .refused("bridged provider add-key work", "--key-stdin")
        .await;
    let shown = server
        .said("bridged provider show work --json")
        .await
        .unwrap();
    let provider: ProviderView = serde_json::from_str(&shown).unwrap();
    assert_eq!((provider.enabled, provider.keys.len()), (false, 1));
    let id = provider.keys[0].id;
    server
        .check(
            &format!("bridged provider delete-key work {id}"),
            &["is deleted"],
        )
        .await;
    server
        .check(
            "bridged provider list",
            &["anthropic", "work", "openai-compat"],
        )
        .await;

    server.check("bridged user create ada", &[]).await;
    server
        .check(
            "bridged key create ada --gateway-url https://gate.example/",
            &[
                "export ANTHROPIC_BASE_URL=https://gate.example/anthropic\n",
                "x-coder-ai-governance-token: ",
            ],
        )
        .await;
    server
        .check("bridged provider delete work", &["work is deleted"])
        .await;
    server.refused("bridged provider show work", "work").await;
}

#[tokio::test]
async fn tool_servers_and_tokens_are_managed_against_a_real_control_plane() {
    let server = Answering::start().await;
    let nothing = "There are no tool servers: bridged tool-server create NAME --url URL";
    server.check("bridged tool-server list", &[nothing]).await;
    let create = "bridged tool-server create wiki --url https://wiki.example/mcp --allow ^read_ \
                  --header-env x-tenant=WORK_KEY --token-env WORK_KEY";
    let parts = [
        "wiki",
        "https://wiki.example/mcp",
        "^read_",
        "x-tenant",
        "token",
    ];
    server.check(create, &parts).await;
    server.refused(create, "name: is taken").await;
    let update = "bridged tool-server update wiki --rename pages --clear allow --deny secret \
                  --remove-header x-tenant --credential user \
                  --token-url https://login.example/t --client-id bridged \
                  --client-secret-env WORK_KEY --scope read";
    let parts = [
        "pages",
        "secret",
        "a token of each user",
        "https://login.example/t",
        "bridged",
    ];
    let text = server.check(update, &parts).await;
    assert!(
        !text.contains("x-tenant") && !text.contains("^read_"),
        "{text}"
    );
    for (said, part) in [
        ("update pages", "say what is to change"),
        ("update pages --allow a --clear allow", "--clear allow"),
        ("update pages --scope a --clear scopes", "--clear scopes"),
        ("update pages --clear scopes --clear oauth", "--clear oauth"),
        ("update pages --header-env x=NONE", "NONE is not set"),
        (
            "update pages --header-env x=WORK_KEY --remove-header x",
            "do not go together",
        ),
        (
            "create b --url https://b --allow (",
            "is no regular expression",
        ),
        (
            "create b --url https://b --credential token",
            "token: is needed",
        ),
        ("show wiki", "no tool server named"),
        ("token set pages eve --token-env WORK_KEY", "no user named"),
        ("token set pages eve", "say where the token is"),
    ] {
        server
            .refused(&format!("bridged tool-server {said}"), part)
            .await;
    }
    server.check("bridged user create ada", &["ada"]).await;
    let none = "There are no tokens: bridged tool-server token set SERVER USER";
    server
        .check("bridged tool-server token list", &[none])
        .await;
    let set = "bridged tool-server token set pages ada --token-env WORK_KEY \
               --refresh-token-env WORK_KEY --expires-in 1h";
    server
        .check(set, &["The token of ada for pages is set, good until"])
        .await;
    let list = "bridged tool-server token list --user ada --server pages";
    server
        .check(list, &["pages", "ada", "good", "when needed"])
        .await;
    let remove = "bridged tool-server token remove pages ada";
    server
        .check(remove, &["The token of ada for pages is removed."])
        .await;
    server.refused(remove, "no token of user").await;
    server
        .check("bridged tool-server delete pages", &["pages is deleted"])
        .await;
}

#[tokio::test]
async fn settings_of_providers_are_given_changed_and_taken_away() {
    let server = Answering::start().await;
    let create = "bridged provider create aws --type bedrock --region eu-central-1 \
                  --access-key-id an-id-of-an-access-key --secret-access-key-env WORK_KEY \
                  --role-arn arn:aws:iam::123456789012:role/gateway --idle-timeout 90s";
    let told = [
        "that of eu-central-1",
        "an-i...-key",
        "external id",
        "90s",
        "invoke",
    ];
    server.check(create, &told).await;
    server.refused(create, "is taken").await;
    let shown = server.said("bridged provider show aws").await.unwrap();
    assert!(!shown.contains("hidden-provider-key"), "{shown}");
    server
        .check(
            "bridged provider update aws --model large --clear credentials --clear idle-timeout",
            &["large", "those of the gateway's machine"],
        )
        .await;
    let shown = server.said("bridged provider show aws").await.unwrap();
    assert!(!shown.contains("idle timeout"), "{shown}");
    for (said, part) in [
        ("update aws", "say what is to change"),
        ("update aws --region x/y", "region"),
        ("update aws --key-env WORK_KEY", "takes no keys"),
        ("create new --type bedrock", "settings"),
        ("create new --type openai --region eu-central-1", "settings"),
        (
            "create new --type openai --copilot-plan business",
            "copilot",
        ),
    ] {
        server
            .refused(&format!("bridged provider {said}"), part)
            .await;
    }
    server
        .check(
            "bridged provider create pilot --type copilot --copilot-plan business",
            &["https://api.business.githubcopilot.com"],
        )
        .await;
    server
        .check(
            "bridged provider create main --type openai --key-env WORK_KEY",
            &["https://api.openai.com/v1"],
        )
        .await;
    let main = server.said("bridged provider show main --json").await;
    let main: ProviderView = serde_json::from_str(&main.unwrap()).unwrap();
    let kept = main.keys[0].id;
    let update = format!("bridged provider update main --rename first --keep-key {kept} --disable");
    server
        .check(&update, &["first", &kept.to_string(), "no"])
        .await;
    server
        .check("bridged provider update first --clear-keys", &["No keys"])
        .await;
}

#[tokio::test]
async fn records_are_listed_against_a_real_control_plane() {
    let server = Answering::start().await;
    let nothing = ["Nothing is recorded yet."];
    server.check("bridged interceptions list", &nothing).await;
    server
        .check(
            "bridged interceptions list --outcome failed --after 2026-11-24T00:00:00Z",
            &nothing,
        )
        .await;
    server
        .check("bridged sessions list --client Codex", &nothing)
        .await;
    server
        .refused("bridged interceptions list --outcome odd", "outcome")
        .await;
    server
        .refused(
            "bridged interceptions show 6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10",
            "6f1c0a52",
        )
        .await;
    server.refused("bridged sessions show one", "one").await;
}

#[tokio::test]
async fn a_wrong_token_is_said_to_be_wrong() {
    let mut server = Answering::start().await;
    for (name, value) in &mut server.pairs {
        if name == "BRIDGED_ADMIN_TOKEN" {
            "another-word".clone_into(value);
        }
    }
    server
        .refused("bridged user list", "refuses the admin token")
        .await;
}

/// A recorded request as the operator's API tells it.
const DETAIL: &str = r#"{
    "id": "6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10",
    "user": { "id": "6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f11", "username": "ada" },
    "provider": "anthropic", "provider_name": "anthropic", "model": "claude-sonnet-4-5",
    "client": "Claude Code", "route": "/v1/messages", "streaming": true,
    "credential_kind": "centralized", "session_id": "s-1", "client_session_id": "s-1",
    "client_agent_id": null, "status": "failed", "started_at": "2026-11-24T12:00:00Z",
    "ended_at": "2026-11-24T12:00:01Z", "duration_ms": 1000,
    "usage": { "input": 7, "output": 9, "cache_read": 5, "cache_write": 3 },
    "prompt": "fix it", "tool_calls": 1, "provider_status": 529,
    "error_type": "overloaded", "error_message": "try later",
    "api_key_id": "abcdefghij", "user_agent": "claude-cli/2", "credential_hint": "op...ey",
    "workspace_id": null, "thread_parent_id": null, "thread_root_id": null,
    "correlating_tool_call_id": null, "agent_firewall_session_id": null,
    "agent_firewall_sequence_number": null, "source": null, "correlation_id": null,
    "metadata": { "authorization": "grace" },
    "tokens": [{ "response_id": "r", "input": 7, "output": 9, "cache_read": 5, "cache_write": 3,
        "extra": {}, "metadata": { "partial": true, "estimated": true },
        "created_at": "2026-11-24T12:00:00Z" }],
    "prompts": [{ "response_id": "r", "prompt": "fix it\nand \u001b[2J test it",
        "metadata": {}, "created_at": "2026-11-24T12:00:00Z" }],
    "tools": [{ "response_id": "r", "kind": "function", "tool": "Bash", "namespace": null,
        "call_id": "c", "item_id": null, "input": "{\"command\":\"ls\"}", "injected": false,
        "server": null, "server_url": null, "invocation_error": null, "duration_ms": null,
        "metadata": {}, "created_at": "2026-11-24T12:00:00Z" },
        { "response_id": "r", "kind": "function", "tool": "search", "namespace": null,
        "call_id": "d", "item_id": null, "input": "{\"page\":7}", "injected": true,
        "server": "docs", "server_url": "https://docs.example/mcp",
        "invocation_error": "no page\n\u001b[2J 7", "duration_ms": 1250,
        "metadata": {}, "created_at": "2026-11-24T12:00:00Z" }],
    "thoughts": [{ "response_id": "r", "content": "it is broken", "source": "thinking",
        "metadata": {}, "created_at": "2026-11-24T12:00:00Z" }]
}"#;

#[tokio::test]
async fn one_record_is_shown_whole_and_harmless() {
    let page = format!(r#"{{ "items": [{DETAIL}], "next": "more" }}"#);
    let router = Router::new()
        .route("/api/v1/interceptions", get(move || async move { page }))
        .route("/api/v1/interceptions/{id}", get(|| async { DETAIL }));
    let server = Answering::with(router, tempfile::tempdir().unwrap()).await;
    let text = server
        .check(
            "bridged interceptions show 6f1c0a52-2d39-4f38-9d3e-3a8f6f6f3f10",
            &[
                "Claude Code",
                "claude-sonnet-4-5",
                "/v1/messages (stream)",
                "grace",
                "overloaded",
                "try later",
                "7 in, 9 out, 5 read from cache, 3 written to cache (partial, output estimated)",
                "  fix it\n",
                "thinking\n  it is broken",
                "tool call: Bash (function)\n  {\"command\":\"ls\"}",
                "injected tool call: search (function) of docs, 1250 ms\n  \
                 at https://docs.example/mcp\n  failed: no page \u{fffd}[2J 7\n  {\"page\":7}",
            ],
        )
        .await;
    assert!(!text.contains('\u{1b}'), "{text}");
    server
        .check(
            "bridged interceptions list --limit 1",
            &["There are more: raise --limit.", "fix it"],
        )
        .await;
}
