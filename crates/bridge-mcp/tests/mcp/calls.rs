//! Calls: what comes back, what is cut off, and what is cancelled.

use std::time::Duration;

use bridge_mcp::{Content, McpConfig, McpError};
use serde_json::Value;

use crate::authority::{LONG, caller, house, open, quick};
use crate::server::{Reply, ToolHall};

fn on_call(hall: &ToolHall, answer: impl Fn(&str) -> Reply + Send + 'static) {
    hall.script(move |seen| (seen.method() == "tools/call").then(|| answer(&seen.id())));
}

#[tokio::test]
async fn an_answer_may_come_as_events() {
    let hall = ToolHall::start(&["a"]).await;
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    let shelf = catalogue.ready(LONG).await;
    let tool = &shelf.tools()[0];
    on_call(&hall, |id| {
        Reply::Events(vec![
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,
                "progress":1}}"#
                .to_owned(),
            r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#.to_owned(),
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text",
                "text":"x"}}],"isError":true}}}}"#
            ),
        ])
    });
    let outcome = catalogue.call(tool, "{}", LONG).await.unwrap();
    assert!(outcome.is_error && outcome.content == [Content::Text("x".to_owned())]);
}

#[tokio::test]
async fn each_way_to_fail_has_its_error() {
    let hall = ToolHall::start(&["a"]).await;
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    let shelf = catalogue.ready(LONG).await;
    let tool = &shelf.tools()[0];
    let failing = async |arguments: &str| catalogue.call(tool, arguments, LONG).await.unwrap_err();

    for bad in ["", "[]", "7", "{]", "{} {}", r#""{}""#] {
        assert_eq!(failing(bad).await.kind(), "arguments", "{bad}");
    }
    assert!(hall.calls().is_empty());

    on_call(&hall, |id| {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32602,"message":"no such tool"}}}}"#
        );
        Reply::Status(400, body)
    });
    let error = failing("{}").await;
    assert!(
        matches!(&error, McpError::Answered { code: -32602, message } if message == "no such tool")
    );
    for (answer, kind) in [
        (
            r#"{"jsonrpc":"2.0","id":ID,"error":{"code":1.5}}"#,
            "malformed",
        ),
        (r#"{"jsonrpc":"2.0","id":ID}"#, "malformed"),
        (r#"{"jsonrpc":"2.0","id":ID,"result":[]}"#, "malformed"),
        (
            r#"{"jsonrpc":"2.0","id":ID,"result":{"content":{}}}"#,
            "malformed",
        ),
        (
            r#"{"jsonrpc":"2.0","id":ID,"id":ID,"result":{}}"#,
            "malformed",
        ),
        (r#"{"jsonrpc":"2.0","id":ID,"result":{"#, "malformed"),
        (r#"[{"jsonrpc":"2.0","id":ID,"result":{}}]"#, "malformed"),
    ] {
        on_call(&hall, move |id| {
            Reply::Status(200, answer.replace("ID", id))
        });
        assert_eq!(failing("{}").await.kind(), kind, "{answer}");
        on_call(&hall, move |id| {
            Reply::Events(vec![answer.replace("ID", id)])
        });
        assert_eq!(failing("{}").await.kind(), kind, "{answer} as an event");
    }
    for stray in [
        r#"{"jsonrpc":"2.0","id":4711,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"4711","error":{"code":1,"message":"x"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#,
    ] {
        on_call(&hall, |_| Reply::Status(200, stray.to_owned()));
        assert_eq!(failing("{}").await.kind(), "malformed", "{stray}");
    }
    hall.behave();
    catalogue.call(tool, "{}", LONG).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_cut_off() {
    let hall = ToolHall::start(&["a"]).await;
    let (told, _house, _) = open(&[("one", hall.url())]);
    let small = McpConfig {
        answer_bytes: 10_000,
        ..quick()
    };
    let house = house(&told, small);
    let catalogue = house.catalogue(caller());
    let shelf = catalogue.ready(LONG).await;
    let large = |id: &str| {
        let text = "x".repeat(10_000);
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":"{text}"}}}}"#)
    };
    on_call(&hall, move |id| Reply::Status(200, large(id)));
    let error = catalogue
        .call(&shelf.tools()[0], "{}", LONG)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "too_large");
    on_call(&hall, move |id| Reply::Events(vec![large(id)]));
    let error = catalogue
        .call(&shelf.tools()[0], "{}", LONG)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "too_large");
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_cancelled() {
    let hall = ToolHall::start(&["a"]).await;
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    let shelf = catalogue.ready(LONG).await;
    let tool = &shelf.tools()[0];
    on_call(&hall, |_| Reply::Stall(b""));
    let cancelled = |expected: usize| {
        let hall = &hall;
        async move {
            hall.until("the server is told, and left", |state| {
                let seen = state.seen.lock();
                let told = seen
                    .iter()
                    .filter(|seen| seen.method() == "notifications/cancelled");
                told.count() == expected && *state.left.lock() == expected
            })
            .await;
            let seen = hall.state.seen.lock().clone();
            let mut told = seen.iter().rev();
            let told = told.find(|seen| seen.method() == "notifications/cancelled");
            let said: Value = serde_json::from_str(&told.unwrap().body).unwrap();
            let id: Value = serde_json::from_str(&hall.calls().last().unwrap().id()).unwrap();
            assert_eq!(said["params"]["requestId"], id);
        }
    };

    // Dropped.
    let call = catalogue.call(tool, "{}", LONG);
    tokio::select! {
        _ = call => panic!("it hangs"),
        () = hall.until("it is called", |_| hall.calls().len() == 1) => {}
    }
    cancelled(1).await;

    // Out of time.
    let within = Duration::from_millis(200);
    let error = catalogue.call(tool, "{}", within).await.unwrap_err();
    assert!(matches!(error, McpError::TimedOut { after } if after == within));
    cancelled(2).await;

    // The session is as good as before.
    hall.behave();
    catalogue.call(tool, "{}", LONG).await.unwrap();
    assert_eq!(hall.count("initialize"), 1);
}

#[tokio::test]
async fn calls_of_one_tool_run_side_by_side() {
    let hall = ToolHall::start(&["a"]).await;
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    let shelf = catalogue.ready(LONG).await;
    let tool = &shelf.tools()[0];
    let mut waiting = true;
    hall.script(move |seen| {
        let is_first = seen.method() == "tools/call" && std::mem::take(&mut waiting);
        is_first.then_some(Reply::Stall(b""))
    });
    let mut first = Box::pin(catalogue.call(tool, r#"{"n":1}"#, LONG));
    tokio::select! {
        _ = &mut first => panic!("it hangs"),
        () = hall.until("it is called", |_| hall.calls().len() == 1) => {}
    }
    for _ in 0..3 {
        catalogue.call(tool, r#"{"n":2}"#, LONG).await.unwrap();
    }
}

#[tokio::test]
async fn calls_that_hang_hold_up_no_others() {
    let hall = ToolHall::start(&["a"]).await;
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    let shelf = catalogue.ready(LONG).await;
    let tool = &shelf.tools()[0];
    on_call(&hall, |_| Reply::Stall(b""));
    let hanging = (0..40).map(|_| catalogue.call(tool, "{}", LONG));
    let mut hanging = std::pin::pin!(futures_util::future::join_all(hanging));
    tokio::select! {
        _ = &mut hanging => panic!("they hang"),
        () = hall.until("all are called", |_| hall.calls().len() == 40) => {}
    }
    hall.behave();
    catalogue.call(tool, "{}", LONG).await.unwrap();
}

#[tokio::test]
async fn an_answer_whose_stream_breaks_is_taken_up_where_it_broke() {
    let hall = ToolHall::start(&["a"]).await;
    let (_told, _house, catalogue) = open(&[("one", hall.url())]);
    let shelf = catalogue.ready(LONG).await;
    let mut id = String::new();
    hall.script(move |seen| {
        if seen.method() == "tools/call" {
            id = seen.id();
            let begun = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n\
                id: at-7\nretry: 10\ndata:\n\n";
            return Some(Reply::Raw(begun.as_bytes().to_vec()));
        }
        let is_it = seen.verb == "GET" && seen.header("last-event-id") == "at-7";
        let result = r#"{"content":[{"type":"text","text":"late"}]}"#;
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
        is_it.then_some(Reply::Events(vec![answer]))
    });
    let outcome = catalogue.call(&shelf.tools()[0], "{}", LONG).await.unwrap();
    assert_eq!(outcome.content, [Content::Text("late".to_owned())]);
    assert_eq!(hall.calls().len(), 1);

    // What broke in the middle of an event is taken up before that event.
    let mut id = String::new();
    hall.script(move |seen| {
        let result = r#"{"content":[{"type":"text","text":"whole"}]}"#;
        if seen.method() == "tools/call" {
            id = seen.id();
            let cut = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n\
                id: at-7\nretry: 10\ndata:\n\nid: at-8\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},"
            );
            return Some(Reply::Raw(cut.into_bytes()));
        }
        let is_it = seen.verb == "GET" && seen.header("last-event-id") == "at-7";
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
        is_it.then_some(Reply::Events(vec![answer]))
    });
    let outcome = catalogue.call(&shelf.tools()[0], "{}", LONG).await.unwrap();
    assert_eq!(outcome.content, [Content::Text("whole".to_owned())]);
    assert_eq!(hall.calls().len(), 2);

    // Without an id there is nothing to take up, and nothing is done twice.
    on_call(&hall, |_| {
        let begun = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata:\n\n";
        Reply::Raw(begun.as_bytes().to_vec())
    });
    let error = catalogue
        .call(&shelf.tools()[0], "{}", LONG)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "session_ended", "{error}");
    assert_eq!(hall.calls().len(), 3);
}
