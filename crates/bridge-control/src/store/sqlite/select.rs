//! A list's query: conditions that were asked for, an order, and one row more than the page holds.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use crate::api::Page;
use crate::store::StoreError;

/// A query that grows by conditions. Its texts are constants; values are bound.
#[derive(Debug)]
pub(super) struct Select {
    sql: String,
    values: Vec<Value>,
    has_condition: bool,
}

impl Select {
    pub(super) fn new(sql: &'static str) -> Self {
        Self {
            sql: sql.to_owned(),
            values: Vec::new(),
            has_condition: false,
        }
    }

    /// Adds a condition when there is a value for it. Each of its `?` is bound to the value.
    pub(super) fn and(&mut self, condition: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            let places = condition.matches('?').count();
            self.and_all(condition, vec![value.into(); places]);
        }
    }

    /// Adds a condition over several values.
    pub(super) fn and_all(&mut self, condition: &'static str, values: Vec<Value>) {
        self.sql.push_str(if self.has_condition {
            " AND "
        } else {
            " WHERE "
        });
        self.sql.push_str(condition);
        self.has_condition = true;
        self.values.extend(values);
    }

    /// Reads a page in this order; `cursor` says where it ends.
    pub(super) fn page<T>(
        mut self,
        connection: &Connection,
        order: &'static str,
        limit: u32,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
        cursor: impl FnOnce(&T) -> String,
    ) -> Result<Page<T>, StoreError> {
        self.sql.push_str(" ORDER BY ");
        self.sql.push_str(order);
        self.sql.push_str(" LIMIT ?");
        self.values.push(Value::Integer(i64::from(limit) + 1));
        let mut statement = connection.prepare_cached(&self.sql)?;
        let rows = statement.query_map(params_from_iter(self.values), read)?;
        let mut items = rows.collect::<rusqlite::Result<Vec<T>>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(cursor);
        Ok(Page { items, next })
    }
}
