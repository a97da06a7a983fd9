//! What is presented to servers, and when the authority is asked again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bridge_auth::Secret;
use bridge_mcp::{Caller, Credential, Renewal, UserToken};
use bridge_telemetry::wall_clock;

use crate::authority::{LONG, Told, arrive, caller, house, names, open, quick, spec, token};
use crate::server::{Reply, ToolHall, until};

fn users(url: &str) -> bridge_mcp::ServerSpec {
    let mut spec = spec("one", url);
    spec.credential = Credential::Users;
    spec
}

#[tokio::test]
async fn every_request_carries_what_the_server_wants() {
    for (credential, expected) in [
        (
            Credential::Token(Secret::new("fixed".to_owned())),
            "Bearer fixed",
        ),
        (Credential::CallersKey, "Bearer callers-own-key"),
        (Credential::Users, "Bearer the-users"),
        (Credential::None, ""),
    ] {
        let hall = ToolHall::start(&["a"]).await;
        let told = Arc::new(Told::default());
        let mut spec = spec("one", &hall.url());
        spec.credential = credential;
        spec.headers = vec![("X-Team".to_owned(), Secret::new("blue".to_owned()))];
        told.grant(vec![(spec, Some(token("the-users")))]);
        let house = house(&told, quick());
        let catalogue = house.catalogue(caller());
        let shelf = catalogue.ready(LONG).await;
        catalogue.call(&shelf.tools()[0], "{}", LONG).await.unwrap();
        drop(catalogue);
        hall.until("the session is deleted", |state| {
            state.sessions.lock().is_empty()
        })
        .await;
        let seen = hall.state.seen.lock().clone();
        assert!(seen.iter().any(|seen| seen.verb == "DELETE"));
        for seen in &seen {
            assert_eq!(seen.header("authorization"), expected, "{seen:?}");
            assert_eq!(seen.header("x-team"), "blue", "{seen:?}");
        }
    }
}

#[tokio::test]
async fn without_something_to_present_a_server_is_left_out() {
    let hall = ToolHall::start(&["a"]).await;
    let told = Arc::new(Told::default());
    let mut keyed = spec("keyed", &hall.url());
    keyed.credential = Credential::CallersKey;
    told.grant(vec![
        (keyed, None),
        (users(&hall.url()), None),
        (spec("three", &hall.url()), None),
    ]);
    let house = house(&told, quick());
    let vouched = Caller {
        own_key: None,
        ..caller()
    };
    let catalogue = house.catalogue(vouched);
    catalogue.ready(LONG).await;
    assert_eq!(names(&catalogue), ["bmcp_three_a"]);
    assert_eq!(house.figures().servers[0].without_credential, 1);

    // The user has a token now, and the gateway is told.
    told.grant(vec![(users(&hall.url()), Some(token("the-users")))]);
    house.ask_again(&caller().actor);
    let never = tokio::sync::Notify::new();
    until("it has the tools", &never, || {
        names(&catalogue) == ["bmcp_one_a"]
    })
    .await;
}

#[tokio::test]
async fn a_refused_token_is_asked_for_again_once() {
    let hall = ToolHall::start(&["a"]).await;
    *hall.state.token.lock() = Some("first".to_owned());
    let told = Arc::new(Told::default());
    told.grant(vec![(users(&hall.url()), Some(token("first")))]);
    let house = house(&told, quick());
    let catalogue = house.catalogue(caller());
    let shelf = catalogue.ready(LONG).await;

    *hall.state.token.lock() = Some("second".to_owned());
    told.renewed.lock().push(token("second"));
    catalogue.call(&shelf.tools()[0], "{}", LONG).await.unwrap();
    assert_eq!(*told.renewals.lock(), [Renewal::Refused]);

    // There is nothing newer: the call fails, and so does the server, until there is.
    *hall.state.token.lock() = Some("third".to_owned());
    let error = catalogue
        .call(&shelf.tools()[0], "{}", LONG)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "refused", "{error}");
    let never = tokio::sync::Notify::new();
    until("its tools are gone", &never, || {
        names(&catalogue).is_empty()
    })
    .await;
    told.grant(vec![(users(&hall.url()), Some(token("third")))]);
    house.all_ask_again();
    until("they are back", &never, || !names(&catalogue).is_empty()).await;
}

#[tokio::test]
async fn a_token_is_replaced_before_it_expires() {
    let hall = ToolHall::start(&["a"]).await;
    let told = Arc::new(Told::default());
    let expiring = UserToken {
        secret: Secret::new("old".to_owned()),
        revision: 1,
        expires_at: Some(wall_clock() + Duration::from_secs(5)),
    };
    told.grant(vec![(users(&hall.url()), Some(expiring))]);
    told.renewed.lock().push(UserToken {
        secret: Secret::new("new".to_owned()),
        revision: 2,
        expires_at: Some(wall_clock() + Duration::from_secs(3_600)),
    });
    let house = house(&told, quick());
    let catalogue = house.catalogue(caller());
    catalogue.ready(LONG).await;
    assert_eq!(*told.renewals.lock(), [Renewal::Expiring]);
    let seen = hall.state.seen.lock();
    assert!(
        seen.iter()
            .all(|seen| seen.header("authorization") == "Bearer new")
    );
}

#[tokio::test]
async fn an_authority_that_is_away_costs_no_waiting_and_is_asked_again() {
    let hall = ToolHall::start(&["a"]).await;
    let told = Arc::new(Told::default());
    told.grant(vec![(spec("one", &hall.url()), None)]);
    *told.is_away.lock() = true;
    let house = house(&told, quick());
    let catalogue = house.catalogue(caller());
    assert!(catalogue.ready(LONG).await.is_empty());
    *told.is_away.lock() = false;
    let never = tokio::sync::Notify::new();
    until("it has the tools", &never, || {
        names(&catalogue) == ["bmcp_one_a"]
    })
    .await;
    assert!(told.asked.load(Ordering::SeqCst) >= 2);
}

#[tokio::test]
async fn who_is_refused_has_nothing_any_more_and_who_is_let_in_again_has_it_back() {
    let hall = ToolHall::start(&["a"]).await;
    let (told, house, catalogue) = open(&[("one", hall.url())]);
    catalogue.ready(LONG).await;
    *told.refuses.lock() = true;
    house.all_ask_again();
    arrive(&catalogue, &[]).await;
    hall.until("the session is ended", |state| {
        state.sessions.lock().is_empty()
    })
    .await;
    // Nobody waits for anything either.
    assert!(catalogue.ready(LONG).await.is_empty());
    *told.refuses.lock() = false;
    arrive(&catalogue, &["bmcp_one_a"]).await;
}

#[tokio::test]
async fn servers_of_a_catalogue_that_was_just_dropped_are_told_as_well() {
    let hall = ToolHall::start(&["a"]).await;
    let (_told, house, catalogue) = open(&[("one", hall.url())]);
    assert!(!catalogue.ready(LONG).await.is_empty());
    drop(catalogue);
    house.close().await;
    assert!(hall.state.sessions.lock().is_empty());
}

#[tokio::test]
async fn a_closed_house_has_told_its_servers_and_is_empty() {
    let hall = ToolHall::start(&["a"]).await;
    let hanging = ToolHall::start(&["b"]).await;
    hanging.script(|_| Some(Reply::Stall(b"")));
    let told = Arc::new(Told::default());
    told.grant(vec![
        (spec("one", &hall.url()), None),
        (spec("two", &hanging.url()), None),
    ]);
    let house = house(&told, quick());
    let catalogue = house.catalogue(caller());
    let shelf = catalogue.ready(Duration::from_millis(200)).await;
    house.close().await;
    assert!(hall.state.sessions.lock().is_empty());
    assert!(catalogue.ready(LONG).await.is_empty());
    let error = catalogue
        .call(&shelf.tools()[0], "{}", LONG)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "not_open");
    hanging
        .until("what was being opened is given up", |state| {
            *state.left.lock() == 1
        })
        .await;
    let late = house.catalogue(caller());
    assert!(late.ready(Duration::from_millis(50)).await.is_empty());
}
