//! Tool servers and their users' tokens.

use super::answering::Answering;

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
