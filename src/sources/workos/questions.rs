//! What is asked of the WorkOS database. Its times are UTC without zone; so is the session, so that they compare right.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};

use super::When;
use super::failure::Failure;
use super::schema::Schema;
use crate::core::facts::{Activity, Goal, Task, TaskStatus, Thought};

/// Points aimed at when a goal does not say.
const DEFAULT_TARGET: f64 = 18.0;

/// Sets the session's zone and bounds each statement; both end with the transaction.
pub(crate) async fn settle(transaction: &Transaction<'_>, timeout: Duration) -> Result<(), Failure> {
    let sql = "SELECT set_config('statement_timeout', $1, true), set_config('TimeZone', 'UTC', true)";
    let milliseconds = timeout.as_millis().max(1).to_string();
    transaction.query_typed(sql, &[(&milliseconds, Type::TEXT)]).await?;
    Ok(())
}

/// The open tasks.
pub(crate) async fn tasks(
    transaction: &Transaction<'_>,
    schema: &Schema,
    notes: &mut Vec<String>,
) -> Result<Vec<Task>, Failure> {
    let tier = schema.or_null("tasks", "value_tier", "NULL");
    let sql = format!(
        "SELECT id::text, left(title::text, 500), lower(trim(coalesce(status::text, ''))),
                coalesce(lower({tier}::text) = 'milestone', false)
         FROM tasks WHERE lower(trim(coalesce(status::text, ''))) NOT IN ('done', 'cancelled') ORDER BY id"
    );
    let mut unknown = BTreeSet::new();
    let mut tasks = Vec::new();
    for row in transaction.query_typed(&sql, &[]).await? {
        let Some(id) = row.try_get::<_, Option<String>>(0)? else { continue };
        let word: String = row.try_get(2)?;
        let status = match word.as_str() {
            "active" => TaskStatus::Active,
            "queued" => TaskStatus::Queued,
            "backlog" => TaskStatus::Backlog,
            _ => TaskStatus::Pending,
        };
        if status == TaskStatus::Pending && !matches!(word.as_str(), "" | "pending") {
            unknown.insert(word);
        }
        tasks.push(Task {
            id,
            title: title(row.try_get(1)?),
            status,
            priority: None,
            due: None,
            milestone: row.try_get(3)?,
            same_as: None,
        });
    }
    notes.extend(unknown.iter().take(10).map(|word| format!("Unknown task status '{word}' is taken as pending.")));
    Ok(tasks)
}

fn title(text: Option<String>) -> String {
    text.filter(|title| !title.trim().is_empty()).unwrap_or_else(|| "(untitled)".into())
}

/// The goal of the local date, a day off if none is set; points that it does not tell are summed up from today's tasks.
pub(crate) async fn goal(transaction: &Transaction<'_>, schema: &Schema, when: &When) -> Result<Option<Goal>, Failure> {
    if !schema.has("daily_goals", &["date"]) {
        return Ok(None);
    }
    let column = |name| schema.or_null("daily_goals", name, "NULL");
    let sql = format!(
        "SELECT coalesce({adjusted}, {target})::float8, {earned}::float8 FROM daily_goals WHERE date = $1::text::date",
        adjusted = column("adjusted_target_points"),
        target = column("target_points"),
        earned = column("earned_points"),
    );
    let today = when.today.to_string();
    let Some(row) = transaction.query_typed(&sql, &[(&today, Type::TEXT)]).await?.into_iter().next() else {
        // No goal was set for today: there is nothing to be behind of, and yesterday's alert is over.
        return Ok(Some(Goal { date: when.today, target: 0.0, earned: 0.0 }));
    };
    let target = row.try_get::<_, Option<f64>>(0)?.unwrap_or(DEFAULT_TARGET);
    let earned = match row.try_get(1)? {
        Some(earned) => earned,
        None => earned_since(transaction, schema, when.midnight).await?,
    };
    Ok(Some(Goal { date: when.today, target, earned }))
}

/// Points of the tasks completed since then: the final ones, else by tier, else the guess, else the effort, else 2.
async fn earned_since(transaction: &Transaction<'_>, schema: &Schema, since: Timestamp) -> Result<f64, Failure> {
    if !schema.has("tasks", &["completed_at"]) {
        return Ok(0.0);
    }
    let column = |name| schema.or_null("tasks", name, "NULL");
    let sql = format!(
        "SELECT coalesce(sum(coalesce({points_final}::float8,
             CASE lower({tier}::text) WHEN 'checkbox' THEN 1 WHEN 'progress' THEN 2
                                      WHEN 'deliverable' THEN 4 WHEN 'milestone' THEN 7 END,
             {guess}::float8, {effort}::float8, 2)), 0)::float8
         FROM tasks WHERE completed_at >= $1",
        points_final = column("points_final"),
        tier = column("value_tier"),
        guess = column("points_ai_guess"),
        effort = column("effort_estimate"),
    );
    Ok(transaction.query_typed_one(&sql, &[(&instant(since), Type::TIMESTAMPTZ)]).await?.try_get(0)?)
}

/// What was written down and is not dealt with, or was written in the last 7 days; the newest 5,000.
pub(crate) async fn thoughts(
    transaction: &Transaction<'_>,
    schema: &Schema,
    when: &When,
) -> Result<Option<Vec<Thought>>, Failure> {
    if !schema.has("brain_dump", &["content", "created_at"]) {
        return Ok(None);
    }
    // `processed` is 0 or 1; a boolean is taken too.
    let processed = schema.or_null("brain_dump", "processed", "NULL");
    let category = schema.or_null("brain_dump", "category", "NULL");
    let sql = format!(
        "SELECT left(content::text, 2000), coalesce(lower({category}::text) = 'worry', false),
                coalesce({processed}::text, '0') IN ('1', 'true'), extract(epoch FROM created_at)::float8
         FROM brain_dump
         WHERE coalesce({processed}::text, '0') NOT IN ('1', 'true') OR created_at >= $1
         ORDER BY created_at DESC NULLS LAST LIMIT 5000"
    );
    let rows = transaction.query_typed(&sql, &[(&instant(when.week_ago), Type::TIMESTAMPTZ)]).await?;
    let thoughts: Result<Vec<_>, _> = rows.iter().filter_map(|row| thought(row).transpose()).collect();
    Ok(Some(thoughts?))
}

/// None for a row without text or with a time outside the calendar.
fn thought(row: &Row) -> Result<Option<Thought>, tokio_postgres::Error> {
    let (Some(content), Some(seconds)) = (row.try_get(0)?, row.try_get::<_, Option<f64>>(3)?) else { return Ok(None) };
    // The cast saturates; a time so far out is then refused.
    let Ok(at) = Timestamp::from_millisecond((seconds * 1000.0) as i64) else { return Ok(None) };
    Ok(Some(Thought { content, worry: row.try_get(1)?, processed: row.try_get(2)?, at }))
}

/// How much came in and got done in 7 days, and how many clients were touched today.
pub(crate) async fn activity(
    transaction: &Transaction<'_>,
    schema: &Schema,
    when: &When,
) -> Result<Option<Activity>, Failure> {
    if !schema.has("tasks", &["created_at", "completed_at"]) {
        return Ok(None);
    }
    let clients = if schema.has("tasks", &["client_id", "updated_at"]) {
        "count(DISTINCT client_id) FILTER (WHERE updated_at >= $2)"
    } else {
        "NULL::int8"
    };
    let sql = format!(
        "SELECT count(*) FILTER (WHERE created_at >= $1), count(*) FILTER (WHERE completed_at >= $1), {clients} FROM tasks"
    );
    let moments = [instant(when.week_ago), instant(when.midnight)];
    let row = transaction
        .query_typed_one(&sql, &[(&moments[0], Type::TIMESTAMPTZ), (&moments[1], Type::TIMESTAMPTZ)])
        .await?;
    let clients: Option<i64> = row.try_get(2)?;
    Ok(Some(Activity {
        created: count(row.try_get(0)?),
        completed: count(row.try_get(1)?),
        clients_today: clients.map(count),
    }))
}

fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The driver's own type for an instant.
fn instant(timestamp: Timestamp) -> SystemTime {
    SystemTime::try_from(timestamp).unwrap_or(SystemTime::UNIX_EPOCH)
}
