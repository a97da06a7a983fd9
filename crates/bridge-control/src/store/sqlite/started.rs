//! The start of an interception: which thread and session it belongs to.
//!
//! A request that carries the result of a tool call continues the thread of the interception whose
//! answer asked for that call. Call ids of some providers are small numbers, so only calls of the
//! same user are looked at. The session is the client's conversation if it named one, else the
//! thread.

use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::column::{json, uuid};
use super::records::{Place, find};
use crate::record::{NewRecord, Started};
use crate::store::StoreError;

/// Models that a session names.
const MODELS: usize = 32;

pub(super) fn keep(
    connection: &Connection,
    record: &NewRecord,
    start: &Started,
) -> Result<Result<Place, &'static str>, StoreError> {
    if let Some((place, started_by)) = find(connection, record.interception)? {
        return Ok(if started_by == record.id {
            Ok(place)
        } else {
            Err("id: the interception was started by another record")
        });
    }
    if !is_user(connection, start.user)? {
        return Ok(Err("initiator_id: no such user"));
    }
    let lineage = lineage(connection, start)?;
    let thread = lineage
        .as_ref()
        .map_or(record.interception, |line| line.thread);
    let session_id = start
        .client_session_id
        .clone()
        .unwrap_or_else(|| thread.to_string());
    let session = Session::find_or_make(connection, &session_id, record, start)?;
    let begins_thread = !has_thread(connection, session.seq, thread)?;
    let row = Row {
        record,
        start,
        session: session.seq,
        thread,
        parent: lineage.map(|line| line.parent),
    };
    let place = Place {
        interception: row.insert(connection)?,
        session: session.seq,
    };
    session.grow(connection, record, start, begins_thread)?;
    Ok(Ok(place))
}

fn is_user(connection: &Connection, id: Uuid) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM users WHERE id = ?")?;
    Ok(statement.exists([id.as_bytes()])?)
}

struct Lineage {
    parent: Uuid,
    thread: Uuid,
}

fn lineage(connection: &Connection, start: &Started) -> Result<Option<Lineage>, StoreError> {
    let Some(call) = &start.correlating_tool_call_id else {
        return Ok(None);
    };
    let found = connection
        .prepare_cached(
            "SELECT i.id, i.thread FROM tool_usages t JOIN interceptions i ON i.seq = t.interception
             WHERE t.call_id = ? AND i.user_id = ? ORDER BY t.created_at DESC LIMIT 1",
        )?
        .query_row(params![call, start.user.as_bytes()], |row| {
            Ok(Lineage {
                parent: uuid(row, 0)?,
                thread: uuid(row, 1)?,
            })
        })
        .optional()?;
    Ok(found)
}

fn has_thread(connection: &Connection, session: i64, thread: Uuid) -> Result<bool, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM interceptions WHERE session = ? AND thread = ? LIMIT 1")?;
    Ok(statement.exists(params![session, thread.as_bytes()])?)
}

struct Session {
    seq: i64,
    models: Vec<String>,
}

impl Session {
    fn find_or_make(
        connection: &Connection,
        session_id: &str,
        record: &NewRecord,
        start: &Started,
    ) -> Result<Self, StoreError> {
        let found = connection
            .prepare_cached(
                "SELECT seq, models FROM sessions WHERE session_id = ? AND user_id = ?",
            )?
            .query_row(params![session_id, start.user.as_bytes()], |row| {
                Ok(Self {
                    seq: row.get(0)?,
                    models: json(row, 1)?,
                })
            })
            .optional()?;
        if let Some(found) = found {
            return Ok(found);
        }
        let at = record.at.as_microsecond();
        let seq = connection
            .prepare_cached(
                "INSERT INTO sessions (session_id, user_id, client, started_at, last_active_at)
                 VALUES (?1, ?2, ?3, ?4, ?4)",
            )?
            .insert(params![session_id, start.user.as_bytes(), start.client, at])?;
        Ok(Self {
            seq,
            models: Vec::new(),
        })
    }

    fn grow(
        mut self,
        connection: &Connection,
        record: &NewRecord,
        start: &Started,
        begins_thread: bool,
    ) -> Result<(), StoreError> {
        if self.models.len() < MODELS && !self.models.contains(&start.model) {
            self.models.push(start.model.clone());
        }
        connection
            .prepare_cached(
                "UPDATE sessions SET interceptions = interceptions + 1, running = running + 1,
                     threads = threads + ?2, models = ?3, started_at = min(started_at, ?4),
                     last_active_at = max(last_active_at, ?4)
                 WHERE seq = ?1",
            )?
            .execute(params![
                self.seq,
                begins_thread,
                serde_json::to_string(&self.models)?,
                record.at.as_microsecond(),
            ])?;
        Ok(())
    }
}

struct Row<'a> {
    record: &'a NewRecord,
    start: &'a Started,
    session: i64,
    thread: Uuid,
    parent: Option<Uuid>,
}

impl Row<'_> {
    fn insert(&self, connection: &Connection) -> Result<i64, StoreError> {
        let start = self.start;
        let seq = connection
            .prepare_cached(
                "INSERT INTO interceptions (id, record_id, session, thread, parent, user_id,
                     api_key_id, provider, provider_name, model, route, streaming, client,
                     user_agent, client_session_id, client_agent_id, correlating_tool_call_id,
                     credential_kind, credential_hint, workspace_id, agent_firewall_session_id,
                     agent_firewall_sequence_number, source, correlation_id, metadata, started_at,
                     status)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
                     ?, 'running')",
            )?
            .insert(params![
                self.record.interception.as_bytes(),
                self.record.id.as_bytes(),
                self.session,
                self.thread.as_bytes(),
                self.parent.map(Uuid::into_bytes),
                start.user.as_bytes(),
                start.api_key_id,
                start.provider,
                start.provider_name,
                start.model,
                start.route,
                start.streaming,
                start.client,
                start.user_agent,
                start.client_session_id,
                start.client_agent_id,
                start.correlating_tool_call_id,
                start.credential_kind,
                start.credential_hint,
                start.workspace_id,
                start.agent_firewall_session_id,
                start.agent_firewall_sequence_number,
                start.source,
                start.correlation_id,
                serde_json::to_string(&start.metadata)?,
                self.record.at.as_microsecond(),
            ])?;
        Ok(seq)
    }
}
