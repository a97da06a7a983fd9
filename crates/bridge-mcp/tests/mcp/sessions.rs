//! Sessions that are gone, and which calls are made again because of it.

use crate::authority::{LONG, arrive, open};
use crate::server::{Reply, ToolHall, tool};

#[tokio::test]
async fn an_expired_session_is_opened_anew_and_the_call_is_answered() {
    let hall = ToolHall::start(&["a"]).await;
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    let shelf = catalogue.ready(LONG).await;
    hall.state.sessions.lock().clear();
    *hall.state.tools.lock() = vec![tool("a"), tool("new")];

    let tool = shelf.tool("bmcp_one_a").unwrap();
    catalogue.call(tool, "{}", LONG).await.unwrap();
    let sessions: Vec<_> = hall
        .calls()
        .iter()
        .map(|seen| seen.header("mcp-session-id").to_owned())
        .collect();
    assert_eq!(sessions, ["session-1", "session-2"]);
    // Another session may have other tools.
    arrive(&catalogue, &["bmcp_one_a", "bmcp_one_new"]).await;
    // Of the shelf that was offered before, tools are still found.
    catalogue.call(tool, "{}", LONG).await.unwrap();
}

#[tokio::test]
async fn servers_that_say_400_of_a_session_that_is_gone_are_understood() {
    let hall = ToolHall::start(&["a"]).await;
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    let shelf = catalogue.ready(LONG).await;
    hall.script(|seen| {
        let gone = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"No valid Session ID"},
            "id":null}"#;
        let is_old = seen.header("mcp-session-id") == "session-1";
        is_old.then(|| Reply::Status(400, gone.to_owned()))
    });
    let tool = shelf.tool("bmcp_one_a").unwrap();
    catalogue.call(tool, "{}", LONG).await.unwrap();
    assert_eq!(
        hall.calls().last().unwrap().header("mcp-session-id"),
        "session-2"
    );
}

#[tokio::test]
async fn a_call_that_was_heard_is_not_made_again_whatever_status_says_so() {
    let hall = ToolHall::start(&["a"]).await;
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    let shelf = catalogue.ready(LONG).await;
    for (status, id, code, message, kind) in [
        (404, "ID", -32000, "no such record", "answered"),
        (
            400,
            "null",
            -32603,
            "a session of the database broke",
            "status",
        ),
    ] {
        let made = hall.calls().len();
        hall.script(move |seen| {
            let id = if id == "ID" { seen.id() } else { id.to_owned() };
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"{message}"}}}}"#
            );
            (seen.method() == "tools/call").then_some(Reply::Status(status, body))
        });
        let call = catalogue.call(&shelf.tools()[0], "{}", LONG).await;
        assert_eq!(call.unwrap_err().kind(), kind);
        assert_eq!(hall.calls().len(), made + 1, "{message}");
    }
    // A session may be gone with the id of the request.
    hall.script(|seen| {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32001,"message":"Session not found"}}}}"#,
            seen.id()
        );
        let is_old = seen.header("mcp-session-id") == "session-1";
        is_old.then_some(Reply::Status(404, body))
    });
    catalogue.call(&shelf.tools()[0], "{}", LONG).await.unwrap();
}
