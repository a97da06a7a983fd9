//! Sessions, filters and pages.

use uuid::Uuid;

use super::Case;
use super::sample::{Sample, at, first_page, keep, kept_user, page, started};
use crate::api::InterceptionStatus;
use crate::record::Started;
use crate::store::{InterceptionFilter, SessionFilter, Store, StoreError};

fn in_session(user: Uuid, session: &str) -> Started {
    Started {
        client_session_id: Some(session.to_owned()),
        ..started(user)
    }
}

/// One client session, two threads, three interceptions.
pub async fn sessions_gather_interceptions(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let [first, second, third] = [1, 5, 9].map(Sample::new);
    let follow = Started {
        correlating_tool_call_id: Some("call-1".to_owned()),
        ..in_session(ada, "talk/1")
    };
    let other_model = Started {
        model: "model-two".to_owned(),
        ..in_session(ada, "talk/1")
    };
    let done = InterceptionStatus::Completed;
    keep(
        store,
        vec![
            first.started(in_session(ada, "talk/1")),
            first.prompt("one"),
            first.tool("call-1"),
            first.tokens(1),
            first.ended(done),
            second.started(follow),
            second.tokens(10),
            second.ended(done),
            third.started(other_model),
            third.prompt(&"é".repeat(300)),
        ],
    )
    .await?;

    let list = store
        .sessions(SessionFilter::default(), first_page())
        .await?;
    let [session] = list.items.as_slice() else {
        panic!("one session is expected: {:?}", list.items);
    };
    assert_eq!(session.session_id, "talk/1");
    assert_eq!((session.interceptions, session.thread_count), (3, 2));
    assert_eq!((session.started_at, session.ended_at), (at(1), None));
    assert_eq!(session.usage.input, 11);
    assert_eq!(session.models, ["model-one", "model-two"]);
    assert_eq!(session.last_prompt, Some("é".repeat(200)));

    keep(store, vec![third.ended(done)]).await?;
    let detail = store.session("talk/1", None).await?;
    let Some(detail) = detail else {
        panic!("the session is not found");
    };
    assert_eq!(detail.session.ended_at, Some(at(11)));
    assert!(!detail.truncated);
    let threads: Vec<_> = detail
        .threads
        .iter()
        .map(|thread| {
            let ids: Vec<_> = thread.interceptions.iter().map(|row| row.id).collect();
            (thread.root_id, ids, thread.usage.input, thread.ended_at)
        })
        .collect();
    assert_eq!(
        threads,
        [
            (first.id, vec![first.id, second.id], 11, Some(at(7))),
            (third.id, vec![third.id], 0, Some(at(11))),
        ]
    );
    assert_eq!(store.session("talk", None).await?, None);
    Ok(())
}

/// Two users may use the same id; then the user must be named.
pub async fn sessions_of_two_users_do_not_merge(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let bob = kept_user(store, "bob").await?;
    for (user, second) in [(ada, 1), (bob, 2), (bob, 3)] {
        keep(
            store,
            vec![Sample::new(second).started(in_session(user, "same"))],
        )
        .await?;
    }
    let list = store
        .sessions(SessionFilter::default(), first_page())
        .await?;
    let rows: Vec<_> = list
        .items
        .iter()
        .map(|session| (session.user.username.as_str(), session.interceptions))
        .collect();
    assert_eq!(rows, [("bob", 2), ("ada", 1)]);
    let ambiguous = store.session("same", None).await;
    assert!(matches!(ambiguous, Err(StoreError::Ambiguous)));
    let found = store.session("same", Some(ada)).await?;
    assert_eq!(found.map(|found| found.session.user.id), Some(ada));

    let filter = SessionFilter {
        user: Some(ada),
        client: Some("Claude Code".to_owned()),
    };
    let list = store.sessions(filter, first_page()).await?;
    assert_eq!(list.items.len(), 1);
    Ok(())
}

/// Each filter alone, and two together.
pub async fn filters_choose(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let bob = kept_user(store, "bob").await?;
    let [one, two, three] = [10, 20, 30].map(Sample::new);
    let other = Started {
        provider: "openai".to_owned(),
        provider_name: "second".to_owned(),
        model: "model-two".to_owned(),
        client: "Codex".to_owned(),
        ..in_session(bob, "talk")
    };
    keep(
        store,
        vec![
            one.started(started(ada)),
            one.ended(InterceptionStatus::Failed),
            two.started(other),
            three.started(started(bob)),
        ],
    )
    .await?;
    let text = |text: &str| Some(text.to_owned());
    let any = InterceptionFilter::default;
    let rows = [
        (any(), vec![three, two, one]),
        (
            InterceptionFilter {
                user: Some(bob),
                ..any()
            },
            vec![three, two],
        ),
        (
            InterceptionFilter {
                user: Some(Uuid::nil()),
                ..any()
            },
            vec![],
        ),
        (
            InterceptionFilter {
                provider: text("second"),
                ..any()
            },
            vec![two],
        ),
        (
            InterceptionFilter {
                provider: text("anthropic"),
                ..any()
            },
            vec![three, one],
        ),
        (
            InterceptionFilter {
                model: text("model-two"),
                ..any()
            },
            vec![two],
        ),
        (
            InterceptionFilter {
                model: text("model"),
                ..any()
            },
            vec![],
        ),
        (
            InterceptionFilter {
                client: text("Codex"),
                ..any()
            },
            vec![two],
        ),
        (
            InterceptionFilter {
                session: text("talk"),
                ..any()
            },
            vec![two],
        ),
        (
            InterceptionFilter {
                status: Some(InterceptionStatus::Failed),
                ..any()
            },
            vec![one],
        ),
        (
            InterceptionFilter {
                status: Some(InterceptionStatus::Running),
                ..any()
            },
            vec![three, two],
        ),
        (
            InterceptionFilter {
                started_after: Some(at(20)),
                ..any()
            },
            vec![three, two],
        ),
        (
            InterceptionFilter {
                started_before: Some(at(20)),
                ..any()
            },
            vec![one],
        ),
        (
            InterceptionFilter {
                user: Some(bob),
                client: text("Claude Code"),
                ..any()
            },
            vec![three],
        ),
        (
            InterceptionFilter {
                user: Some(ada),
                client: text("Codex"),
                ..any()
            },
            vec![],
        ),
    ];
    for (filter, expected) in rows {
        let list = store.interceptions(filter.clone(), first_page()).await?;
        let found: Vec<_> = list.items.iter().map(|item| item.id).collect();
        let expected: Vec<_> = expected.iter().map(|sample| sample.id).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    Ok(())
}

/// Rows that are there when the list begins come once each, also those of one moment; later ones
/// do not push them.
pub async fn pages_hold_while_records_arrive(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let mut expected = Vec::new();
    for second in [1, 2, 2, 2, 2, 3, 4] {
        let sample = Sample::new(second);
        expected.push(sample.id);
        keep(store, vec![sample.started(started(ada))]).await?;
    }
    expected.reverse();
    let (mut rows, mut sessions) = (Vec::new(), Vec::new());
    let (mut after, mut after_session) = (None, None);
    for round in 0..4 {
        let list = page(2, after);
        let list = store
            .interceptions(InterceptionFilter::default(), list)
            .await?;
        rows.extend(list.items.into_iter().map(|row| row.id));
        after = list.next;
        let list = page(2, after_session);
        let list = store.sessions(SessionFilter::default(), list).await?;
        sessions.extend(list.items.into_iter().map(|session| session.session_id));
        after_session = list.next;
        assert_eq!(
            (after.is_none(), after_session.is_none()),
            (round == 3, round == 3)
        );
        keep(store, vec![Sample::new(100 + round).started(started(ada))]).await?;
    }
    assert_eq!(rows, expected);
    let expected: Vec<_> = expected.iter().map(Uuid::to_string).collect();
    assert_eq!(sessions, expected);
    Ok(())
}

/// Whatever else is given as a cursor is an error, not a panic and not a page.
pub async fn wrong_cursors_are_refused(store: &dyn Store) -> Case {
    for cursor in [
        "",
        ".",
        "1",
        "1.",
        "x.y",
        "1.x",
        ".00000000-0000-0000-0000-000000000000",
    ] {
        let query = || page(1, Some(cursor.to_owned()));
        let users = store.users(query()).await.err();
        let rows = store
            .interceptions(InterceptionFilter::default(), query())
            .await
            .err();
        let sessions = store
            .sessions(SessionFilter::default(), query())
            .await
            .err();
        for error in [users, rows, sessions] {
            assert!(
                matches!(error, Some(StoreError::BadCursor)),
                "{cursor:?}: {error:?}"
            );
        }
    }
    Ok(())
}
