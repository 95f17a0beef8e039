//! Which of the tables and columns that we know this database has: older ones lack some.

use std::collections::{HashMap, HashSet};

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::SOURCE;
use super::failure::Failure;
use crate::sources::error::SourceError;

const TABLES: [&str; 3] = ["tasks", "daily_goals", "brain_dump"];

/// The columns that are there, by table.
pub(crate) struct Schema {
    tables: HashMap<String, HashSet<String>>,
}

impl Schema {
    /// Asks the catalogue.
    ///
    /// # Errors
    /// `NeedsUser` if there are no tasks to read.
    pub(crate) async fn ask(transaction: &Transaction<'_>) -> Result<Self, Failure> {
        let sql = "SELECT c.relname::text, a.attname::text FROM pg_catalog.pg_class c \
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
                   WHERE c.relname::text = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
                   AND pg_catalog.pg_table_is_visible(c.oid)";
        let mut tables: HashMap<String, HashSet<String>> = HashMap::new();
        for row in transaction.query_typed(sql, &[(&TABLES.as_slice(), Type::TEXT_ARRAY)]).await? {
            tables.entry(row.try_get(0)?).or_default().insert(row.try_get(1)?);
        }
        let schema = Self { tables };
        let missing: Vec<&str> =
            ["id", "title", "status"].into_iter().filter(|name| !schema.has("tasks", &[name])).collect();
        if missing.is_empty() {
            return Ok(schema);
        }
        let what = if schema.tables.contains_key("tasks") {
            format!("table tasks has no column {}", missing.join(", "))
        } else {
            "there is no table tasks in the database".into()
        };
        Err(SourceError::needs_user(SOURCE, what, "Check that sources.workos.url names the WorkOS database.").into())
    }

    /// Whether a table has all of these columns.
    pub(crate) fn has(&self, table: &str, columns: &[&str]) -> bool {
        self.tables.get(table).is_some_and(|found| columns.iter().all(|name| found.contains(*name)))
    }

    /// The column as it is, or a NULL of a type that fits.
    pub(crate) fn or_null<'a>(&self, table: &str, column: &'a str, null: &'a str) -> &'a str {
        if self.has(table, &[column]) { column } else { null }
    }

    /// What will be missing from the reading, in sentences.
    pub(crate) fn notes(&self) -> Vec<String> {
        let needs: [(&str, &[&str], &str); 6] = [
            ("tasks", &["value_tier"], "which tasks are milestones"),
            ("tasks", &["created_at", "completed_at"], "what came in and got done"),
            ("tasks", &["client_id", "updated_at"], "which clients were touched"),
            ("daily_goals", &["date"], "the goal of the day"),
            ("brain_dump", &["content", "created_at"], "what was written down"),
            ("brain_dump", &["category", "processed"], "which thoughts are worries or dealt with"),
        ];
        needs
            .iter()
            .filter(|(table, columns, _)| !self.has(table, columns))
            .map(|(table, columns, what)| format!("No {table}.{} here: {what} is not known.", columns.join(", ")))
            .collect()
    }
}
