//! Queries of the WorkOS database. Its times are UTC without zone, so the session is UTC too.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};

use super::QueryTimes;
use super::error::Error;
use super::schema::Schema;
use crate::core::facts::{Activity, Goal, Task, Thought};
use crate::sources::task_builder::{StatusParser, title};

/// The target of a goal without one (points).
const DEFAULT_TARGET_POINTS: f64 = 18.0;

/// Set the time zone and the statement timeout, both until the end of the transaction.
pub(crate) async fn configure_session(transaction: &Transaction<'_>, timeout: Duration) -> Result<(), Error> {
    let sql = "SELECT set_config('statement_timeout', $1, true), set_config('TimeZone', 'UTC', true)";
    let milliseconds = timeout.as_millis().max(1).to_string();
    transaction.query_typed(sql, &[(&milliseconds, Type::TEXT)]).await?;
    Ok(())
}

pub(crate) async fn tasks(
    transaction: &Transaction<'_>,
    schema: &Schema,
    notes: &mut Vec<String>,
) -> Result<Vec<Task>, Error> {
    let tier = schema.or_null("tasks", "value_tier", "NULL");
    let sql = format!(
        "SELECT id::text, left(title::text, 500), lower(trim(coalesce(status::text, ''))),
                coalesce(lower({tier}::text) = 'milestone', false)
         FROM tasks WHERE lower(trim(coalesce(status::text, ''))) NOT IN ('done', 'cancelled') ORDER BY id"
    );
    let mut statuses = StatusParser::default();
    let mut tasks = Vec::new();
    for row in transaction.query_typed(&sql, &[]).await? {
        let Some(id) = row.try_get::<_, Option<String>>(0)? else { continue };
        tasks.push(Task {
            id,
            title: title(row.try_get::<_, Option<&str>>(1)?.unwrap_or_default()),
            status: statuses.parse(row.try_get(2)?),
            priority: None,
            due: None,
            milestone: row.try_get(3)?,
            same_as: None,
        });
    }
    statuses.add_notes(notes);
    Ok(tasks)
}

/// The goal of the local date. Earned points that it lacks are the sum of today's completed tasks.
pub(crate) async fn goal(
    transaction: &Transaction<'_>,
    schema: &Schema,
    times: &QueryTimes,
) -> Result<Option<Goal>, Error> {
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
    let today = times.today.to_string();
    let Some(row) = transaction.query_typed(&sql, &[(&today, Type::TEXT)]).await?.into_iter().next() else {
        // Without a goal for today, yesterday's alert resolves.
        return Ok(Some(Goal { date: times.today, target: 0.0, earned: 0.0 }));
    };
    let target = row.try_get::<_, Option<f64>>(0)?.unwrap_or(DEFAULT_TARGET_POINTS);
    let earned = match row.try_get(1)? {
        Some(earned) => earned,
        None => earned_since(transaction, schema, times.midnight).await?,
    };
    Ok(Some(Goal { date: times.today, target, earned }))
}

/// The points of tasks completed since then: final points, else by tier, else the guess, else the effort, else 2.
async fn earned_since(transaction: &Transaction<'_>, schema: &Schema, since: Timestamp) -> Result<f64, Error> {
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
    Ok(transaction.query_typed_one(&sql, &[(&system_time(since), Type::TIMESTAMPTZ)]).await?.try_get(0)?)
}

/// Thoughts that are unprocessed or at most 7 days old; the newest 5,000.
pub(crate) async fn thoughts(
    transaction: &Transaction<'_>,
    schema: &Schema,
    times: &QueryTimes,
) -> Result<Option<Vec<Thought>>, Error> {
    if !schema.has("brain_dump", &["content", "created_at"]) {
        return Ok(None);
    }
    // `processed` is 0 or 1 in some databases and a boolean in others.
    let processed = schema.or_null("brain_dump", "processed", "NULL");
    let category = schema.or_null("brain_dump", "category", "NULL");
    let sql = format!(
        "SELECT left(content::text, 2000), coalesce(lower({category}::text) = 'worry', false),
                coalesce({processed}::text, '0') IN ('1', 'true'), extract(epoch FROM created_at)::float8
         FROM brain_dump
         WHERE coalesce({processed}::text, '0') NOT IN ('1', 'true') OR created_at >= $1
         ORDER BY created_at DESC NULLS LAST LIMIT 5000"
    );
    let rows = transaction.query_typed(&sql, &[(&system_time(times.week_ago), Type::TIMESTAMPTZ)]).await?;
    let thoughts: Result<Vec<_>, _> = rows.iter().filter_map(|row| parse_thought(row).transpose()).collect();
    Ok(Some(thoughts?))
}

/// `None` without text, or with a time outside the range of timestamps.
fn parse_thought(row: &Row) -> Result<Option<Thought>, tokio_postgres::Error> {
    let (Some(content), Some(seconds)) = (row.try_get(0)?, row.try_get::<_, Option<f64>>(3)?) else { return Ok(None) };
    // The cast saturates; the constructor then refuses the value.
    let Ok(at) = Timestamp::from_millisecond((seconds * 1000.0) as i64) else { return Ok(None) };
    Ok(Some(Thought { content, worry: row.try_get(1)?, processed: row.try_get(2)?, at }))
}

/// Tasks created and completed in the last 7 days, and clients with a task updated today.
pub(crate) async fn activity(
    transaction: &Transaction<'_>,
    schema: &Schema,
    times: &QueryTimes,
) -> Result<Option<Activity>, Error> {
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
    let bounds = [system_time(times.week_ago), system_time(times.midnight)];
    let row =
        transaction.query_typed_one(&sql, &[(&bounds[0], Type::TIMESTAMPTZ), (&bounds[1], Type::TIMESTAMPTZ)]).await?;
    let clients: Option<i64> = row.try_get(2)?;
    Ok(Some(Activity {
        created: saturating_u32(row.try_get(0)?),
        completed: saturating_u32(row.try_get(1)?),
        clients_today: clients.map(saturating_u32),
    }))
}

fn saturating_u32(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The driver's type for a timestamp.
fn system_time(timestamp: Timestamp) -> SystemTime {
    SystemTime::try_from(timestamp).unwrap_or(SystemTime::UNIX_EPOCH)
}
