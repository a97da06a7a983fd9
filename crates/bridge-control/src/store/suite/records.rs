//! What is remembered of interceptions.

use futures_util::future::try_join_all;
use uuid::Uuid;

use super::Case;
use super::sample::{Sample, at, first_page, keep, kept_user, started};
use crate::api::{InterceptionDetail, InterceptionStatus, TokenSums};
use crate::record::{Ended, NewRecord, RecordEvent, Started};
use crate::store::{InterceptionFilter, Store, StoreError};

async fn detail(store: &dyn Store, sample: Sample) -> Result<InterceptionDetail, StoreError> {
    match store.interception(sample.id).await? {
        Some(detail) => Ok(detail),
        None => panic!("the interception is not kept"),
    }
}

fn whole(sample: Sample, start: Started) -> Vec<NewRecord> {
    vec![
        sample.started(start),
        sample.tokens(10),
        sample.tokens(20),
        sample.prompt("how are you?"),
        sample.tool("call-1"),
        sample.thought(),
        sample.ended(InterceptionStatus::Completed),
    ]
}

const SUMS: TokenSums = TokenSums {
    input: 30,
    output: 4,
    cache_read: 6,
    cache_write: 8,
};

/// All of it, with its sums.
pub async fn a_whole_interception_is_kept(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let sample = Sample::new(10);
    keep(store, whole(sample, started(ada))).await?;
    let detail = detail(store, sample).await?;
    let row = &detail.interception;
    assert_eq!((row.user.id, row.user.username.as_str()), (ada, "ada"));
    assert_eq!(
        (row.provider.as_str(), row.provider_name.as_str()),
        ("anthropic", "main")
    );
    assert_eq!(
        (row.model.as_str(), row.client.as_str()),
        ("model-one", "Claude Code")
    );
    assert_eq!((row.route.as_str(), row.streaming), ("/v1/messages", true));
    assert_eq!(row.session_id, sample.id.to_string());
    assert_eq!(row.status, InterceptionStatus::Completed);
    assert_eq!((row.started_at, row.ended_at), (at(10), Some(at(12))));
    assert_eq!(row.duration_ms, Some(2_000));
    assert_eq!(row.usage, SUMS);
    assert_eq!(row.prompt.as_deref(), Some("how are you?"));
    assert_eq!((row.tool_calls, row.provider_status), (1, Some(200)));
    assert_eq!(detail.agent_firewall_sequence_number, Some(-1));
    assert_eq!(
        (detail.thread_parent_id, detail.thread_root_id),
        (None, None)
    );
    let inputs: Vec<_> = detail
        .tokens
        .iter()
        .map(|tokens| tokens.usage.input)
        .collect();
    assert_eq!(inputs, [10, 20]);
    let extra = detail
        .tokens
        .iter()
        .all(|tokens| tokens.extra.get("reasoning") == Some(&1));
    assert!(extra);
    assert_eq!(detail.prompts.len(), 1);
    let calls: Vec<_> = detail
        .tools
        .iter()
        .map(|tool| tool.call_id.as_deref())
        .collect();
    assert_eq!(calls, [Some("call-1")]);
    let thoughts: Vec<_> = detail
        .thoughts
        .iter()
        .map(|thought| thought.content.as_str())
        .collect();
    assert_eq!(thoughts, ["well"]);

    let list = store
        .interceptions(InterceptionFilter::default(), first_page())
        .await?;
    assert_eq!(list.items, [detail.interception]);
    assert_eq!(store.interception(Uuid::nil()).await?, None);
    Ok(())
}

/// A call of an injected tool keeps whose tool it was and how long it took.
pub async fn injected_calls_are_kept(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let sample = Sample::new(10);
    let call = sample.injected_tool(i64::MAX.unsigned_abs());
    keep(
        store,
        vec![sample.started(started(ada)), sample.tool("own-1"), call],
    )
    .await?;
    let tools = detail(store, sample).await?.tools;
    let told: Vec<_> = tools
        .iter()
        .map(|tool| {
            let failed = tool.invocation_error.as_deref();
            let server = tool.server.as_deref();
            (tool.injected, server, tool.duration_ms, failed)
        })
        .collect();
    let longest = i64::MAX.unsigned_abs();
    let injected = (true, Some("docs"), Some(longest), Some("no such page"));
    assert_eq!(told, [(false, None, None, None), injected]);
    Ok(())
}

/// However often, in one batch or in several.
pub async fn repeats_change_nothing(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let sample = Sample::new(10);
    let records = whole(sample, started(ada));
    keep(store, records.clone()).await?;
    let once = detail(store, sample).await?;
    let sessions = store.sessions(Default::default(), first_page()).await?;
    keep(store, [records.clone(), records.clone()].concat()).await?;
    for record in records {
        keep(store, vec![record]).await?;
    }
    assert_eq!(detail(store, sample).await?, once);
    assert_eq!(
        store.sessions(Default::default(), first_page()).await?,
        sessions
    );
    Ok(())
}

/// A later one, also a different one, is taken and changes nothing.
pub async fn only_the_first_end_counts(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let sample = Sample::new(10);
    keep(store, vec![sample.started(started(ada))]).await?;
    let running = detail(store, sample).await?.interception;
    assert_eq!(running.status, InterceptionStatus::Running);
    assert_eq!((running.ended_at, running.duration_ms), (None, None));
    keep(store, vec![sample.ended(InterceptionStatus::Aborted)]).await?;
    let first = detail(store, sample).await?;
    assert_eq!(first.interception.status, InterceptionStatus::Aborted);
    keep(store, vec![sample.ended(InterceptionStatus::Completed)]).await?;
    assert_eq!(detail(store, sample).await?, first);
    Ok(())
}

/// The others of the batch are kept; the reason names a field.
pub async fn what_cannot_be_kept_is_rejected_alone(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let (good, orphan, stranger) = (Sample::new(1), Sample::new(2), Sample::new(3));
    let start = good.started(started(ada));
    let again = good.started(started(ada));
    let early = orphan.tokens(1);
    let unknown = stranger.started(started(Uuid::nil()));
    let after = stranger.ended(InterceptionStatus::Completed);
    let bad = [early, unknown, after, again];
    let batch = [bad.to_vec(), vec![start, good.tokens(5)]].concat();
    // The second start comes first here, so it is the one that counts.
    let rejections = store.store_records(batch).await?;
    let rejected: Vec<_> = rejections
        .iter()
        .map(|rejection| rejection.reason.split(':').next().unwrap_or_default())
        .collect();
    assert_eq!(
        rejected,
        ["interception_id", "initiator_id", "interception_id", "id"]
    );
    let ids = rejections
        .iter()
        .map(|rejection| rejection.record_id.clone());
    let expected = bad.iter().take(3).map(|record| record.id.to_string());
    assert!(ids.take(3).eq(expected));
    assert_eq!(detail(store, good).await?.interception.usage.input, 5);
    assert_eq!(store.interception(stranger.id).await?, None);
    Ok(())
}

fn answering(user: Uuid, call: &str) -> Started {
    Started {
        correlating_tool_call_id: Some(call.to_owned()),
        ..started(user)
    }
}

/// Parent, root and session follow the chain of calls.
pub async fn tool_results_continue_a_thread(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let [first, second, third, lost] = [1, 2, 3, 4].map(Sample::new);
    keep(
        store,
        vec![first.started(started(ada)), first.tool("call-1")],
    )
    .await?;
    keep(
        store,
        vec![
            second.started(answering(ada, "call-1")),
            second.tool("call-2"),
        ],
    )
    .await?;
    keep(store, vec![third.started(answering(ada, "call-2"))]).await?;
    keep(store, vec![lost.started(answering(ada, "call-9"))]).await?;

    let second_ = detail(store, second).await?;
    assert_eq!(
        (second_.thread_parent_id, second_.thread_root_id),
        (Some(first.id), Some(first.id))
    );
    let third_ = detail(store, third).await?;
    assert_eq!(
        (third_.thread_parent_id, third_.thread_root_id),
        (Some(second.id), Some(first.id))
    );
    assert_eq!(third_.interception.session_id, first.id.to_string());
    let lost_ = detail(store, lost).await?;
    assert_eq!((lost_.thread_parent_id, lost_.thread_root_id), (None, None));
    assert_eq!(lost_.interception.session_id, lost.id.to_string());
    Ok(())
}

/// Some providers count their calls from one.
pub async fn call_ids_of_others_are_no_lineage(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let bob = kept_user(store, "bob").await?;
    let [first, second, third] = [1, 2, 3].map(Sample::new);
    keep(
        store,
        vec![first.started(started(ada)), first.tool("call-1")],
    )
    .await?;
    keep(store, vec![second.started(answering(bob, "call-1"))]).await?;
    assert_eq!(detail(store, second).await?.thread_parent_id, None);

    let latest = Sample::new(9);
    keep(
        store,
        vec![latest.started(started(ada)), latest.tool("call-1")],
    )
    .await?;
    keep(store, vec![third.started(answering(ada, "call-1"))]).await?;
    assert_eq!(
        detail(store, third).await?.thread_parent_id,
        Some(latest.id)
    );
    Ok(())
}

/// The caller's own credential cannot have been exchanged for another.
pub async fn hints_change_for_central_keys_only(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    for (kind, hint, expected) in [
        ("centralized", "at-end", "at-end"),
        ("centralized", "", "at-start"),
        ("byok", "at-end", "at-start"),
    ] {
        let sample = Sample::new(1);
        let start = Started {
            credential_kind: kind,
            ..started(ada)
        };
        let end = RecordEvent::Ended(Ended {
            status: InterceptionStatus::Failed,
            credential_hint: hint.to_owned(),
            provider_status: None,
            error_type: Some("timeout"),
            error_message: Some("too slow".to_owned()),
        });
        keep(store, vec![sample.started(start), sample.record(end)]).await?;
        let detail = detail(store, sample).await?;
        assert_eq!(detail.credential_hint, expected, "{kind} {hint}");
        assert_eq!(detail.interception.error_type.as_deref(), Some("timeout"));
        assert_eq!(
            detail.interception.error_message.as_deref(),
            Some("too slow")
        );
    }
    Ok(())
}

/// Batches that arrive at once are kept one after the other.
pub async fn many_writers_lose_nothing(store: &dyn Store) -> Case {
    let ada = kept_user(store, "ada").await?;
    let session = Started {
        client_session_id: Some("talk".to_owned()),
        ..started(ada)
    };
    let writers = (0..32).map(|second| {
        let sample = Sample::new(second);
        keep(store, whole(sample, session.clone()))
    });
    try_join_all(writers).await?;
    let sessions = store.sessions(Default::default(), first_page()).await?;
    let sums: Vec<_> = sessions
        .items
        .iter()
        .map(|session| {
            (
                session.interceptions,
                session.thread_count,
                session.usage.input,
            )
        })
        .collect();
    assert_eq!(sums, [(32, 32, 960)]);
    Ok(())
}
