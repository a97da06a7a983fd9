//! The summary of a configuration, and the operator's token.

use super::answering::Answering;
use super::said;

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
