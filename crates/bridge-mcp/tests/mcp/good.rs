//! Servers that behave.

use bridge_mcp::{Content, Outcome};

use crate::authority::{LONG, names, open};
use crate::server::ToolHall;

#[tokio::test]
async fn tools_are_listed_called_and_left() {
    let hall = ToolHall::start(&["b", "a"]).await;
    let (_told, house, catalogue) = open(&[("one", hall.url())]);
    assert!(names(&catalogue).is_empty() && hall.methods().is_empty());

    let shelf = catalogue.ready(LONG).await;
    assert_eq!(names(&catalogue), ["bmcp_one_a", "bmcp_one_b"]);
    // As the model wrote it: order, spelling of numbers, white space.
    let arguments = r#"{"z":1.0, "a":12345678901234567890123,"z ":"\u00e9"}"#;
    let tool = shelf.tool("bmcp_one_a").unwrap();
    let outcome = catalogue.call(tool, arguments, LONG).await.unwrap();
    let done = vec![Content::Text("done".to_owned())];
    assert_eq!(
        outcome,
        Outcome {
            content: done,
            is_error: false
        }
    );
    let call = hall.calls().remove(0);
    assert!(
        call.body.contains(&format!(r#""arguments":{arguments}"#)),
        "{}",
        call.body
    );
    assert!(call.body.contains(r#""name":"a""#), "{}", call.body);
    assert_eq!(call.header("mcp-session-id"), "session-1");
    assert_eq!(call.header("mcp-protocol-version"), "2025-06-18");
    assert_eq!(
        (call.target.as_str(), call.header("authorization")),
        ("/mcp", "")
    );

    drop(catalogue);
    hall.until("the session is deleted", |state| {
        state.sessions.lock().is_empty()
    })
    .await;
    house.close().await;
}
