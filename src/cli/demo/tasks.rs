//! Sample tasks and commitments: a state store with the real schema.

use std::path::Path;

use jiff::ToSpan;
use jiff::civil::Date;
use rusqlite::{Connection, params};

/// The task that is postponed again and again.
const POSTPONED: &str = "report";

/// id, title, status, priority, due in days from today (None: no date), time, metadata.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<i64>,
    Option<&'static str>,
    Option<&'static str>,
);

const TASKS: [Row; 14] = [
    (POSTPONED, "Write the quarterly report", "active", Some("high"), Some(-5), None, None),
    ("passport", "Renew the passport", "active", Some("medium"), Some(-3), None, None),
    ("launch", "Ship the onboarding", "active", Some("high"), Some(-1), None, Some(r#"{"value_tier": "milestone"}"#)),
    ("dentist", "Call the dentist", "active", None, Some(0), Some("16:30"), None),
    ("invoice", "Send the November invoices", "active", Some("medium"), Some(0), None, None),
    ("slides", "Slides for Thursday", "active", Some("high"), Some(1), None, None),
    ("budget", "Budget for next year", "active", None, Some(9), None, None),
    ("hiring", "Read the applications", "active", None, None, None, None),
    ("garden", "Order bulbs for the garden", "active", Some("low"), None, None, None),
    ("backup", "Test the backups", "active", None, None, None, None),
    ("notes", "Sort the workshop notes", "active", None, None, None, None),
    ("bike", "Bring the bike to the shop", "queued", None, None, None, None),
    ("tax", "Collect receipts for the tax return", "backlog", None, Some(40), None, None),
    ("book", "Return the library books", "done", None, Some(-2), None, None),
];

/// id, title, person, due in days from today.
const COMMITMENTS: [(&str, &str, &str, i64); 3] = [
    ("draft", "Send the draft", "Maya", 0),
    ("review", "Review the proposal", "Jonas", -3),
    ("photos", "Share the photos", "Lena", 12),
];

/// Write the state store as of `today`.
pub fn write(path: &Path, today: Date) -> rusqlite::Result<()> {
    let mut db = Connection::open(path)?;
    let transaction = db.transaction()?;
    transaction.execute_batch(include_str!("../../../tests/fixtures/schema/state_store.sql"))?;
    for (index, task) in TASKS.iter().enumerate() {
        let age = i64::try_from(index).unwrap_or(0) / 2;
        write_task(&transaction, task, today, age)?;
    }
    for (id, title, person, days) in COMMITMENTS {
        transaction.execute(
            "INSERT INTO commitments (id, title, person, due_date, status) VALUES (?1, ?2, ?3, ?4, 'active')",
            params![id, title, person, today.saturating_add(days.days()).to_string()],
        )?;
    }
    transaction.commit()
}

fn write_task(db: &Connection, task: &Row, today: Date, age: i64) -> rusqlite::Result<()> {
    let (id, title, status, priority, due, time, metadata) = task;
    let due = due.map(|days| today.saturating_add(days.days()).to_string());
    let created = format!("{} 10:00:00", today.saturating_sub(age.days()));
    let completed = (*status == "done").then(|| format!("{} 18:00:00", today.saturating_sub(2.days())));
    db.execute(
        "INSERT INTO tasks (id, title, status, priority, due_date, due_time, domain, source, created_at, updated_at,
           completed_at, metadata) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'work', 'manual', ?7, ?7, ?8, ?9)",
        params![id, title, status, priority, due, time, created, completed, metadata],
    )
    .map(drop)
}

/// On the evening of `day`, postpone the report by three days, at most to the day after `today`.
pub fn postpone_report(path: &Path, day: Date, today: Date) -> rusqlite::Result<()> {
    let later = day.saturating_add(3.days()).min(today.saturating_add(1.day()));
    let db = Connection::open(path)?;
    db.execute("UPDATE tasks SET due_date = ?1 WHERE id = ?2", params![later.to_string(), POSTPONED]).map(drop)
}
