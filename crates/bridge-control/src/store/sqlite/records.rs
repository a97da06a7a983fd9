//! Records in SQLite: each is kept once, and the sums beside it grow with it.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::column::uuid;
use super::started;
use crate::record::{Ended, NewRecord, Prompt, RecordEvent, Rejection, Thought, Tokens, Tool, cut};
use crate::store::StoreError;

/// Characters of a prompt that lists show.
const SHOWN: usize = 200;

/// Where an interception and its session are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) interception: i64,
    pub(super) session: i64,
}

/// Places found so far: the records of an interception often come together.
type Known = HashMap<Uuid, Place>;

/// Whether a record was kept, or why it never can be. The reason names fields only.
type Kept = Result<(), &'static str>;

pub(super) fn store(
    connection: &Connection,
    records: &[NewRecord],
) -> Result<Vec<Rejection>, StoreError> {
    let mut known = Known::new();
    let mut rejections = Vec::new();
    for record in records {
        if let Err(reason) = keep(connection, record, &mut known)? {
            rejections.push(Rejection {
                record_id: record.id.to_string(),
                reason: reason.to_owned(),
            });
        }
    }
    Ok(rejections)
}

fn keep(
    connection: &Connection,
    record: &NewRecord,
    known: &mut Known,
) -> Result<Kept, StoreError> {
    if let RecordEvent::Started(start) = &record.event {
        let place = started::keep(connection, record, start)?;
        return Ok(place.map(|place| {
            known.insert(record.interception, place);
        }));
    }
    let Some(place) = place(connection, record.interception, known)? else {
        return Ok(Err("interception_id: no such interception was started"));
    };
    match &record.event {
        RecordEvent::Started(_) => {}
        RecordEvent::Tokens(tokens) => keep_tokens(connection, record, place, tokens)?,
        RecordEvent::Prompt(prompt) => keep_prompt(connection, record, place, prompt)?,
        RecordEvent::Tool(tool) => keep_tool(connection, record, place, tool)?,
        RecordEvent::Thought(thought) => keep_thought(connection, record, place, thought)?,
        RecordEvent::Ended(ended) => keep_ended(connection, record.at, place, ended)?,
    }
    Ok(Ok(()))
}

fn place(
    connection: &Connection,
    interception: Uuid,
    known: &mut Known,
) -> Result<Option<Place>, StoreError> {
    if let Some(place) = known.get(&interception) {
        return Ok(Some(*place));
    }
    let found = find(connection, interception)?.map(|(place, _)| place);
    if let Some(place) = found {
        known.insert(interception, place);
    }
    Ok(found)
}

/// The place of an interception and the record that started it.
pub(super) fn find(
    connection: &Connection,
    interception: Uuid,
) -> Result<Option<(Place, Uuid)>, StoreError> {
    let found = connection
        .prepare_cached("SELECT seq, session, record_id FROM interceptions WHERE id = ?")?
        .query_row([interception.as_bytes()], |row| {
            let place = Place {
                interception: row.get(0)?,
                session: row.get(1)?,
            };
            Ok((place, uuid(row, 2)?))
        })
        .optional()?;
    Ok(found)
}

fn keep_tokens(
    connection: &Connection,
    record: &NewRecord,
    place: Place,
    tokens: &Tokens,
) -> Result<(), StoreError> {
    let [input, output, cache_read, cache_write] = [
        tokens.usage.input,
        tokens.usage.output,
        tokens.usage.cache_read,
        tokens.usage.cache_write,
    ]
    .map(u64::cast_signed);
    let is_new = connection
        .prepare_cached(
            "INSERT INTO token_usages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            record.id.as_bytes(),
            place.interception,
            tokens.response_id,
            input,
            output,
            cache_read,
            cache_write,
            serde_json::to_string(&tokens.extra)?,
            serde_json::to_string(&tokens.metadata)?,
            record.at.as_microsecond(),
        ])?;
    if is_new == 0 {
        return Ok(());
    }
    for (sql, seq) in [
        (ADD_TO_INTERCEPTION, place.interception),
        (ADD_TO_SESSION, place.session),
    ] {
        connection.prepare_cached(sql)?.execute(params![
            seq,
            input,
            output,
            cache_read,
            cache_write
        ])?;
    }
    Ok(())
}

const ADD_TO_INTERCEPTION: &str = "UPDATE interceptions SET
    input_tokens = input_tokens + ?2, output_tokens = output_tokens + ?3,
    cache_read_tokens = cache_read_tokens + ?4, cache_write_tokens = cache_write_tokens + ?5
    WHERE seq = ?1";
const ADD_TO_SESSION: &str = "UPDATE sessions SET
    input_tokens = input_tokens + ?2, output_tokens = output_tokens + ?3,
    cache_read_tokens = cache_read_tokens + ?4, cache_write_tokens = cache_write_tokens + ?5
    WHERE seq = ?1";

fn keep_prompt(
    connection: &Connection,
    record: &NewRecord,
    place: Place,
    prompt: &Prompt,
) -> Result<(), StoreError> {
    let at = record.at.as_microsecond();
    let is_new = connection
        .prepare_cached(
            "INSERT INTO prompts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            record.id.as_bytes(),
            place.interception,
            prompt.response_id,
            prompt.prompt,
            serde_json::to_string(&prompt.metadata)?,
            at,
        ])?;
    if is_new == 0 {
        return Ok(());
    }
    let shown = cut(prompt.prompt.clone(), SHOWN);
    connection
        .prepare_cached("UPDATE interceptions SET prompt = coalesce(prompt, ?2) WHERE seq = ?1")?
        .execute(params![place.interception, shown])?;
    connection
        .prepare_cached(
            "UPDATE sessions SET last_prompt = ?2, last_prompt_at = ?3
             WHERE seq = ?1 AND coalesce(last_prompt_at, 0) <= ?3",
        )?
        .execute(params![place.session, shown, at])?;
    Ok(())
}

fn keep_tool(
    connection: &Connection,
    record: &NewRecord,
    place: Place,
    tool: &Tool,
) -> Result<(), StoreError> {
    let is_new = connection
        .prepare_cached(
            "INSERT INTO tool_usages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            record.id.as_bytes(),
            place.interception,
            tool.response_id,
            tool.kind,
            tool.tool,
            tool.namespace,
            tool.call_id,
            tool.item_id,
            tool.input,
            tool.injected,
            tool.server_url,
            tool.invocation_error,
            serde_json::to_string(&tool.metadata)?,
            record.at.as_microsecond(),
            tool.server,
            tool.duration_ms.map(u64::cast_signed),
        ])?;
    if is_new > 0 {
        connection
            .prepare_cached("UPDATE interceptions SET tool_calls = tool_calls + 1 WHERE seq = ?")?
            .execute([place.interception])?;
    }
    Ok(())
}

fn keep_thought(
    connection: &Connection,
    record: &NewRecord,
    place: Place,
    thought: &Thought,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO thoughts VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            record.id.as_bytes(),
            place.interception,
            thought.response_id,
            thought.content,
            thought.source,
            serde_json::to_string(&thought.metadata)?,
            record.at.as_microsecond(),
        ])?;
    Ok(())
}

/// Only the first end counts, so a repeat finds nothing to change. The hint of a caller's own
/// credential stays what it was at the start: no other key can have taken its place.
fn keep_ended(
    connection: &Connection,
    at: Timestamp,
    place: Place,
    ended: &Ended,
) -> Result<(), StoreError> {
    let at = at.as_microsecond();
    let is_first = connection
        .prepare_cached(
            "UPDATE interceptions SET ended_at = ?2, status = ?3, provider_status = ?4,
                 error_type = ?5, error_message = ?6,
                 credential_hint = CASE WHEN credential_kind = 'centralized' AND ?7 <> ''
                                        THEN ?7 ELSE credential_hint END
             WHERE seq = ?1 AND ended_at IS NULL",
        )?
        .execute(params![
            place.interception,
            at,
            ended.status.as_str(),
            ended.provider_status,
            ended.error_type,
            ended.error_message,
            ended.credential_hint,
        ])?;
    if is_first > 0 {
        connection
            .prepare_cached(
                "UPDATE sessions SET running = running - 1,
                     last_active_at = max(last_active_at, ?2) WHERE seq = ?1",
            )?
            .execute(params![place.session, at])?;
    }
    Ok(())
}
