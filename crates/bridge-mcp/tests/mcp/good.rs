//! Servers that behave.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bridge_auth::ActorId;
use bridge_mcp::{Caller, Content, McpConfig, Outcome};

use crate::authority::{LONG, Told, caller, house, names, open, quick, spec};
use crate::server::{Reply, ToolHall};

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

#[tokio::test]
async fn a_caller_who_comes_back_soon_finds_everything_open() {
    let hall = ToolHall::start(&["a"]).await;
    let told = Arc::new(Told::default());
    told.grant(vec![(spec("one", &hall.url()), None)]);
    let lingering = McpConfig {
        linger: LONG * 10,
        ..quick()
    };
    let house = house(&told, lingering);
    let first = house.catalogue(caller());
    let second = house.catalogue(caller());
    assert_eq!(
        first.ready(LONG).await.version(),
        second.ready(LONG).await.version()
    );
    drop((first, second));
    let third = house.catalogue(caller());
    assert_eq!(third.current().tools().len(), 1);
    hall.until("the authority is asked again", |_| {
        told.asked.load(Ordering::SeqCst) == 2
    })
    .await;
    assert_eq!(
        (hall.count("initialize"), house.figures().catalogues),
        (1, 1)
    );

    // One who comes while somebody has it, too: what it was told may be old.
    let fourth = house.catalogue(caller());
    hall.until("the authority is asked once more", |_| {
        told.asked.load(Ordering::SeqCst) == 3
    })
    .await;
    drop(fourth);

    // Another key is another caller.
    let other = Caller {
        own_key: None,
        ..caller()
    };
    let other = house.catalogue(other);
    assert!(other.current().is_empty() && !other.ready(LONG).await.is_empty());
    assert_eq!(house.figures().catalogues, 2);
    drop((third, other));
    house.close().await;
    assert!(hall.state.sessions.lock().is_empty());
    assert_eq!(house.figures().catalogues, 0);
}

#[tokio::test]
async fn callers_who_are_gone_leave_nothing() {
    let (_told, house, _catalogue) = open(&[]);
    for n in 0..1_000_u128 {
        drop(house.catalogue(Caller {
            actor: ActorId::from_bytes(n.to_be_bytes()),
            ..caller()
        }));
    }
    let known = format!("{house:?}");
    let known: usize = known
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap();
    assert!(known < 100, "{known}");
    assert_eq!(house.figures().catalogues, 1);
}

#[tokio::test]
async fn no_more_servers_are_listened_to_than_there_may_be() {
    let hall = ToolHall::start(&["a"]).await;
    hall.script(|seen| (seen.verb == "GET").then_some(Reply::Status(202, String::new())));
    let told = Arc::new(Told::default());
    told.grant(vec![
        (spec("one", &hall.url()), None),
        (spec("two", &hall.url()), None),
    ]);
    let one_ear = McpConfig {
        listeners: 1,
        ..quick()
    };
    let house = house(&told, one_ear);
    let catalogue = house.catalogue(caller());
    assert_eq!(catalogue.ready(LONG).await.tools().len(), 2);
    hall.until("one is listened to", |_| house.figures().listened_to == 1)
        .await;
    for tool in catalogue.current().tools() {
        catalogue.call(tool, "{}", LONG).await.unwrap();
    }
    let gets = hall
        .state
        .seen
        .lock()
        .iter()
        .filter(|seen| seen.verb == "GET")
        .count();
    assert_eq!(gets, 1);
    drop(catalogue);
    hall.until("nobody is listened to", |_| {
        house.figures().listened_to == 0
    })
    .await;
}
