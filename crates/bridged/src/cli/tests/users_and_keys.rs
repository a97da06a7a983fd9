//! Users, their keys, and the keys of gateways.

use bridge_control::api::{GatewayKeyView, KeyView};

use super::answering::Answering;

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
