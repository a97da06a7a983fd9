//! Reading sessions from SQLite.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::column::{count, cursor, json, read_cursor, sums, time, user_ref, uuid};
use super::interceptions;
use super::select::Select;
use crate::api::{InterceptionView, Page, SessionDetail, SessionView, ThreadView, TokenSums};
use crate::store::{PageQuery, SessionFilter, StoreError};

/// Interceptions that a detail shows, the newest.
const SHOWN: u64 = 1_000;
const ROWS: &str = "SELECT s.*, u.username FROM sessions s JOIN users u ON u.id = s.user_id";

/// A session and the number that orders those of one moment.
struct Numbered {
    seq: i64,
    view: SessionView,
}

pub(super) fn list(
    connection: &Connection,
    filter: SessionFilter,
    page: &PageQuery,
) -> Result<Page<SessionView>, StoreError> {
    let mut select = Select::new(ROWS);
    select.and(
        "s.user_id = ?",
        filter.user.map(|id| id.as_bytes().to_vec()),
    );
    select.and("s.client = ?", filter.client);
    if let Some(after) = &page.after {
        let (at, seq) = read_cursor(after, |seq| seq.parse().ok())?;
        let values = vec![Value::Integer(at), Value::Integer(seq)];
        select.and_all("(s.started_at, s.seq) < (?, ?)", values);
    }
    let order = "s.started_at DESC, s.seq DESC";
    let page = select.page(connection, order, page.limit, read, |item| {
        cursor(item.view.started_at, item.seq)
    })?;
    Ok(Page {
        items: page.items.into_iter().map(|item| item.view).collect(),
        next: page.next,
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Numbered> {
    let last_active_at = time(row, "last_active_at")?;
    let is_running = row.get::<_, i64>("running")? > 0;
    let view = SessionView {
        session_id: row.get("session_id")?,
        user: user_ref(row)?,
        client: row.get("client")?,
        started_at: time(row, "started_at")?,
        ended_at: Some(last_active_at).filter(|_| !is_running),
        last_active_at,
        interceptions: count(row, "interceptions")?,
        thread_count: count(row, "threads")?,
        usage: sums(row)?,
        models: json(row, "models")?,
        last_prompt: row.get("last_prompt")?,
    };
    let seq = row.get("seq")?;
    Ok(Numbered { seq, view })
}

pub(super) fn detail(
    connection: &Connection,
    id: &str,
    user: Option<Uuid>,
) -> Result<Option<SessionDetail>, StoreError> {
    let mut select = Select::new(ROWS);
    select.and("s.session_id = ?", Some(id.to_owned()));
    select.and("s.user_id = ?", user.map(|id| id.as_bytes().to_vec()));
    let found = select.page(connection, "s.seq", 1, read, |_| String::new())?;
    if found.next.is_some() {
        return Err(StoreError::Ambiguous);
    }
    let Some(session) = found.items.into_iter().next() else {
        return Ok(None);
    };
    let threads = threads(connection, session.seq)?;
    Ok(Some(SessionDetail {
        truncated: session.view.interceptions > SHOWN,
        session: session.view,
        threads,
    }))
}

fn threads(connection: &Connection, session: i64) -> Result<Vec<ThreadView>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "{} WHERE i.session = ? ORDER BY i.started_at DESC, i.id DESC LIMIT ?",
        interceptions::ROWS
    ))?;
    let limit = SHOWN.cast_signed();
    let rows = statement.query_map(params![session, limit], |row| {
        Ok((uuid(row, "thread")?, interceptions::read(row)?))
    })?;
    let mut newest_first = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    newest_first.reverse();
    Ok(gather(newest_first))
}

/// Threads in the order of their first interception.
fn gather(oldest_first: Vec<(Uuid, InterceptionView)>) -> Vec<ThreadView> {
    let mut threads: Vec<ThreadView> = Vec::new();
    for (root, interception) in oldest_first {
        match threads.iter_mut().find(|thread| thread.root_id == root) {
            Some(thread) => extend(thread, interception),
            None => threads.push(begin(root, interception)),
        }
    }
    threads
}

fn begin(root_id: Uuid, first: InterceptionView) -> ThreadView {
    ThreadView {
        root_id,
        prompt: first.prompt.clone(),
        started_at: first.started_at,
        ended_at: first.ended_at,
        usage: first.usage,
        interceptions: vec![first],
    }
}

fn extend(thread: &mut ThreadView, next: InterceptionView) {
    let (left, right) = (thread.usage, next.usage);
    thread.usage = TokenSums {
        input: left.input.saturating_add(right.input),
        output: left.output.saturating_add(right.output),
        cache_read: left.cache_read.saturating_add(right.cache_read),
        cache_write: left.cache_write.saturating_add(right.cache_write),
    };
    let ends = thread.ended_at.zip(next.ended_at);
    thread.ended_at = ends.map(|(left, right)| left.max(right));
    if thread.prompt.is_none() {
        thread.prompt.clone_from(&next.prompt);
    }
    thread.interceptions.push(next);
}
