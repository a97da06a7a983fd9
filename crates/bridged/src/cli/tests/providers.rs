//! Providers, their keys and settings.

use bridge_control::api::ProviderView;

use super::answering::Answering;

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
