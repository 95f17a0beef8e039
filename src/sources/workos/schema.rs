//! The tables and columns that a WorkOS database has: older ones lack some.

use std::collections::{HashMap, HashSet};

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::SOURCE;
use super::error::Error;
use crate::sources;

const TABLES: [&str; 3] = ["tasks", "daily_goals", "brain_dump"];

/// Columns by table.
pub(crate) struct Schema {
    tables: HashMap<String, HashSet<String>>,
}

impl Schema {
    /// Error if the table of tasks is missing or lacks a required column.
    pub(crate) async fn query(transaction: &Transaction<'_>) -> Result<Self, Error> {
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
        let message = if schema.tables.contains_key("tasks") {
            format!("table tasks has no column {}", missing.join(", "))
        } else {
            "there is no table tasks in the database".into()
        };
        Err(sources::Error::action_required(
            SOURCE,
            message,
            "Check that sources.workos.url names the WorkOS database.",
        )
        .into())
    }

    pub(crate) fn has(&self, table: &str, columns: &[&str]) -> bool {
        self.tables.get(table).is_some_and(|found| columns.iter().all(|name| found.contains(*name)))
    }

    /// The column's name, or `null`: a NULL with a cast to the right type.
    pub(crate) fn or_null<'a>(&self, table: &str, column: &'a str, null: &'a str) -> &'a str {
        if self.has(table, &[column]) { column } else { null }
    }

    /// Sentences about what the reading will lack.
    pub(crate) fn notes(&self) -> Vec<String> {
        let optional: [(&str, &[&str], &str); 6] = [
            ("tasks", &["value_tier"], "milestones are"),
            ("tasks", &["created_at", "completed_at"], "created and completed tasks are"),
            ("tasks", &["client_id", "updated_at"], "clients touched today are"),
            ("daily_goals", &["date"], "the goal of the day is"),
            ("brain_dump", &["content", "created_at"], "thoughts are"),
            ("brain_dump", &["category", "processed"], "worries and processed thoughts are"),
        ];
        optional
            .iter()
            .filter(|(table, columns, _)| !self.has(table, columns))
            .map(|(table, columns, lacking)| format!("There is no {table}.{}: {lacking} unknown.", columns.join(", ")))
            .collect()
    }
}
