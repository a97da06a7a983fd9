//! What the `list` commands say, for people and as JSON.

use std::io::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::operator::Operator;
use super::{CommandError, say, say_json, table};

/// A list of the operator's API, and how people read it.
#[derive(Debug)]
pub(crate) struct Listing<T: 'static> {
    /// Where it is.
    pub(crate) path: &'static str,
    /// What stands above the columns.
    pub(crate) header: &'static [&'static str],
    /// The columns of one item.
    pub(crate) row: fn(&T) -> Vec<String>,
    /// What is said instead of an empty table.
    pub(crate) nothing: &'static str,
}

impl<T: Serialize + DeserializeOwned> Listing<T> {
    /// Asks for at most `limit` items, and says them. Filters without a value
    /// are not sent.
    ///
    /// # Errors
    /// When the server does not answer or refuses, and when `out` cannot be written.
    pub(crate) async fn say(
        &self,
        operator: &Operator,
        filters: &[(&str, Option<&str>)],
        limit: usize,
        json: bool,
        out: &mut dyn Write,
    ) -> Result<(), CommandError> {
        let given = filters
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?)));
        let filters: Vec<_> = given.collect();
        let found = operator.api.list::<T>(self.path, &filters, limit).await?;
        if json {
            return say_json(out, &found.items);
        }
        say(
            out,
            &(self.table(&found.items) + table::more(found.has_more)),
        )
    }

    /// The items as a table.
    pub(crate) fn table(&self, items: &[T]) -> String {
        let rows = items.iter().map(self.row).collect();
        table::table(self.header, rows, self.nothing)
    }
}
