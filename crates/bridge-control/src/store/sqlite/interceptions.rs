//! Reading interceptions from SQLite.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::column::{
    count, count_if, cursor, json, read_cursor, read_uuid, sums, time, time_if, user_ref, uuid,
    uuid_if, word,
};
use super::select::Select;
use crate::api::{
    InterceptionDetail, InterceptionStatus, InterceptionView, Page, PromptView, ThoughtView,
    TokenView, ToolView,
};
use crate::store::{InterceptionFilter, PageQuery, StoreError};

/// Every column of an interception, its user's name and its session's id.
pub(super) const ROWS: &str = "SELECT i.*, u.username, s.session_id
    FROM interceptions i JOIN users u ON u.id = i.user_id JOIN sessions s ON s.seq = i.session";

pub(super) fn list(
    connection: &Connection,
    filter: InterceptionFilter,
    page: &PageQuery,
) -> Result<Page<InterceptionView>, StoreError> {
    let mut select = Select::new(ROWS);
    let micros = |at: Timestamp| at.as_microsecond();
    select.and(
        "i.user_id = ?",
        filter.user.map(|id| id.as_bytes().to_vec()),
    );
    select.and("(i.provider_name = ? OR i.provider = ?)", filter.provider);
    select.and("i.model = ?", filter.model);
    select.and("i.client = ?", filter.client);
    select.and("s.session_id = ?", filter.session);
    let status = filter.status.map(|status| status.as_str().to_owned());
    select.and("i.status = ?", status);
    select.and("i.started_at >= ?", filter.started_after.map(micros));
    select.and("i.started_at < ?", filter.started_before.map(micros));
    if let Some(after) = &page.after {
        let (at, id) = read_cursor(after, read_uuid)?;
        let values = vec![Value::Integer(at), Value::Blob(id.as_bytes().to_vec())];
        select.and_all("(i.started_at, i.id) < (?, ?)", values);
    }
    let order = "i.started_at DESC, i.id DESC";
    select.page(connection, order, page.limit, read, |item| {
        cursor(item.started_at, item.id)
    })
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<InterceptionView> {
    let started_at = time(row, "started_at")?;
    let ended_at = time_if(row, "ended_at")?;
    Ok(InterceptionView {
        id: uuid(row, "id")?,
        user: user_ref(row)?,
        provider: row.get("provider")?,
        provider_name: row.get("provider_name")?,
        model: row.get("model")?,
        client: row.get("client")?,
        route: row.get("route")?,
        streaming: row.get("streaming")?,
        credential_kind: row.get("credential_kind")?,
        session_id: row.get("session_id")?,
        client_session_id: row.get("client_session_id")?,
        client_agent_id: row.get("client_agent_id")?,
        status: word(row, "status", InterceptionStatus::from_name)?,
        started_at,
        ended_at,
        duration_ms: ended_at.map(|ended_at| milliseconds(started_at, ended_at)),
        usage: sums(row)?,
        prompt: row.get("prompt")?,
        tool_calls: count(row, "tool_calls")?,
        provider_status: row.get("provider_status")?,
        error_type: row.get("error_type")?,
        error_message: row.get("error_message")?,
    })
}

/// Clocks of gateways may step back: an end before the start took no time.
fn milliseconds(from: Timestamp, to: Timestamp) -> u64 {
    let micros = to.as_microsecond().saturating_sub(from.as_microsecond());
    u64::try_from(micros / 1_000).unwrap_or(0)
}

pub(super) fn detail(
    connection: &Connection,
    id: Uuid,
) -> Result<Option<InterceptionDetail>, StoreError> {
    let found = connection
        .prepare_cached(&format!("{ROWS} WHERE i.id = ?"))?
        .query_row([id.as_bytes()], |row| {
            Ok((row.get("seq")?, read_detail(row)?))
        })
        .optional()?;
    let Some((seq, mut detail)) = found else {
        return Ok(None);
    };
    detail.tokens = children(connection, "token_usages", seq, read_tokens)?;
    detail.prompts = children(connection, "prompts", seq, read_prompt)?;
    detail.tools = children(connection, "tool_usages", seq, read_tool)?;
    detail.thoughts = children(connection, "thoughts", seq, read_thought)?;
    Ok(Some(detail))
}

fn read_detail(row: &Row<'_>) -> rusqlite::Result<InterceptionDetail> {
    let interception = read(row)?;
    let thread = uuid(row, "thread")?;
    Ok(InterceptionDetail {
        api_key_id: row.get("api_key_id")?,
        user_agent: row.get("user_agent")?,
        credential_hint: row.get("credential_hint")?,
        workspace_id: row.get("workspace_id")?,
        thread_parent_id: uuid_if(row, "parent")?,
        thread_root_id: Some(thread).filter(|thread| *thread != interception.id),
        correlating_tool_call_id: row.get("correlating_tool_call_id")?,
        agent_firewall_session_id: row.get("agent_firewall_session_id")?,
        agent_firewall_sequence_number: row.get("agent_firewall_sequence_number")?,
        source: row.get("source")?,
        correlation_id: row.get("correlation_id")?,
        metadata: json(row, "metadata")?,
        interception,
        tokens: Vec::new(),
        prompts: Vec::new(),
        tools: Vec::new(),
        thoughts: Vec::new(),
    })
}

fn children<T>(
    connection: &Connection,
    table: &'static str,
    interception: i64,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT * FROM {table} WHERE interception = ? ORDER BY created_at, rowid"
    ))?;
    let rows = statement.query_map([interception], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read_tokens(row: &Row<'_>) -> rusqlite::Result<TokenView> {
    Ok(TokenView {
        response_id: row.get("response_id")?,
        usage: sums(row)?,
        extra: json(row, "extra")?,
        metadata: json(row, "metadata")?,
        created_at: time(row, "created_at")?,
    })
}

fn read_prompt(row: &Row<'_>) -> rusqlite::Result<PromptView> {
    Ok(PromptView {
        response_id: row.get("response_id")?,
        prompt: row.get("prompt")?,
        metadata: json(row, "metadata")?,
        created_at: time(row, "created_at")?,
    })
}

fn read_tool(row: &Row<'_>) -> rusqlite::Result<ToolView> {
    Ok(ToolView {
        response_id: row.get("response_id")?,
        kind: row.get("kind")?,
        tool: row.get("tool")?,
        namespace: row.get("namespace")?,
        call_id: row.get("call_id")?,
        item_id: row.get("item_id")?,
        input: row.get("input")?,
        injected: row.get("injected")?,
        server: row.get("server")?,
        server_url: row.get("server_url")?,
        invocation_error: row.get("invocation_error")?,
        duration_ms: count_if(row, "duration_ms")?,
        metadata: json(row, "metadata")?,
        created_at: time(row, "created_at")?,
    })
}

fn read_thought(row: &Row<'_>) -> rusqlite::Result<ThoughtView> {
    Ok(ThoughtView {
        response_id: row.get("response_id")?,
        content: row.get("content")?,
        source: row.get("source")?,
        metadata: json(row, "metadata")?,
        created_at: time(row, "created_at")?,
    })
}
