//! Reads the state store: open tasks, commitments and due dates.

use jiff::civil::date;
use jiff::{Timestamp, ZonedDateTime};
use operator::core::alert::Priority;
use operator::core::facts::{Activity, Due, Task, TaskReading, TaskStatus};
use operator::sources::ErrorKind;
use operator::sources::state_store::read_store;
use rstest::rstest;
use rusqlite::{Connection, ToSql};

use crate::support::files::{STATE_STORE, contents, database};

fn now() -> ZonedDateTime {
    "2026-11-20T09:05:00-06:00[America/Chicago]".parse().unwrap()
}

/// Fills a new store and reads it.
fn read_filled(fill: impl Fn(&Connection)) -> TaskReading {
    let (_folder, path, writer) = database("state.db", STATE_STORE);
    fill(&writer);
    read_store(&path, &now()).unwrap()
}

/// A task with one column set.
fn task(column: &str, value: &dyn ToSql) -> (Task, TaskReading) {
    let mut reading = read_filled(|writer| {
        let sql =
            format!("INSERT INTO tasks (id, title, domain, source, {column}) VALUES ('t', 'Tax', 'home', 'x', ?1)");
        writer.execute(&sql, [value]).unwrap();
    });
    (reading.tasks.remove(0), reading)
}

#[test]
fn task_columns_are_read() {
    let reading = read_filled(|writer| {
        writer
            .execute_batch(
                r#"INSERT INTO tasks (id, title, status, priority, due_date, due_time, domain, source, source_id, tags)
                   VALUES ('7', 'Ship', 'active', 'Critical', '2026-11-20', '17:30', 'work', 'workos', '42', '["Milestone"]');"#,
            )
            .unwrap();
    });
    assert_eq!(
        reading.tasks,
        [Task {
            id: "7".into(),
            title: "Ship".into(),
            status: TaskStatus::Active,
            priority: Some(Priority::Critical),
            due: Some(Due::At(date(2026, 11, 20).at(17, 30, 0, 0))),
            milestone: true,
            same_as: Some(("workos".into(), "42".into())),
        }]
    );
    assert_eq!((reading.source, reading.as_of, reading.has_dates), ("state_store", now().timestamp(), true));
    assert_eq!((reading.goal, &reading.thoughts), (None, &None));
    assert!(reading.notes.is_empty() && reading.unreadable.is_empty(), "{:?}", reading.notes);
}

#[rstest]
#[case(Some("pending"), Some(TaskStatus::Pending), 0)]
#[case(Some("active"), Some(TaskStatus::Active), 0)]
#[case(Some("Queued "), Some(TaskStatus::Queued), 0)]
#[case(Some("backlog"), Some(TaskStatus::Backlog), 0)]
#[case(None, Some(TaskStatus::Pending), 0)]
#[case(Some("waiting"), Some(TaskStatus::Pending), 1)]
#[case(Some("done"), None, 0)]
#[case(Some("cancelled"), None, 0)]
fn done_and_cancelled_tasks_are_skipped(
    #[case] word: Option<&str>,
    #[case] expected: Option<TaskStatus>,
    #[case] notes: usize,
) {
    let reading = read_filled(|writer| {
        let sql = "INSERT INTO tasks (id, title, domain, source, status) VALUES ('t', 'Tax', 'home', 'x', ?1)";
        writer.execute(sql, [word]).unwrap();
    });
    assert_eq!(reading.tasks.first().map(|task| task.status), expected);
    assert_eq!(reading.notes.len(), notes, "{:?}", reading.notes);
}

#[rstest]
#[case("metadata", r#"{"value_tier":"milestone"}"#, true)]
#[case("metadata", r#"{"value_tier":"progress"}"#, false)]
#[case("metadata", r#"{"value_tier":7}"#, false)]
#[case("metadata", "not json", false)]
#[case("tags", r#"["home","milestone"]"#, true)]
#[case("tags", "home, milestone", true)]
#[case("tags", r#"["no milestone yet"]"#, false)]
#[case("tags", r#"{"milestone":true}"#, false)]
fn metadata_or_tags_mark_a_milestone(#[case] column: &str, #[case] value: &str, #[case] expected: bool) {
    assert_eq!(task(column, &value).0.milestone, expected);
}

#[test]
fn invalid_due_date_keeps_the_task() {
    let (task, reading) = task("due_date", &"next week");
    assert_eq!((task.due, reading.unreadable), (None, vec!["t".to_owned()]));
    assert!(reading.notes[0].contains("Task t") && reading.notes[0].contains("next week"), "{:?}", reading.notes);
}

#[test]
fn due_time_with_offset_is_converted() {
    let (task, _) = task("due_date", &"2026-11-20T23:30:00Z");
    assert_eq!(task.due, Some(Due::At(date(2026, 11, 20).at(17, 30, 0, 0))));
}

#[test]
fn text_columns_may_hold_any_type() {
    for column in ["priority", "due_date", "due_time", "source_id", "tags", "metadata", "status", "created_at"] {
        for value in [&1i64 as &dyn ToSql, &2.5f64, &vec![0xFFu8, 0x00], &rusqlite::types::Null, &"", &"\u{0}"] {
            assert_eq!(task(column, value).0.title, "Tax", "{column}");
        }
    }
    let reading = read_filled(|writer| {
        let sql = "INSERT INTO tasks (id, title, domain, source) VALUES (?1, ?2, '', '')";
        writer.execute(sql, (rusqlite::types::Null, "no id")).unwrap();
        writer.execute(sql, (5, vec![0x41u8, 0xFF])).unwrap();
        writer.execute(sql, ("long", "x".repeat(2_000_000))).unwrap();
    });
    let found: Vec<_> = reading.tasks.iter().map(|task| (task.id.as_str(), task.title.chars().count())).collect();
    assert_eq!(found, [("5", 2), ("long", 500)]);
    assert_eq!(reading.notes.len(), 1);
}

#[test]
fn active_commitments_are_read() {
    let reading = read_filled(|writer| {
        let sql = "INSERT INTO commitments (id, title, person, due_date, due_time, status) VALUES (?1, 'Call', ?2, ?3, ?4, ?5)";
        writer.execute(sql, ("a", "Ann", "2026-11-20", "12:00", "active")).unwrap();
        writer.execute(sql, ("b", "", "2026-11-21", rusqlite::types::Null, rusqlite::types::Null)).unwrap();
        writer.execute(sql, ("c", "Cy", "some day", "", "active")).unwrap();
        for status in ["completed", "broken", "renegotiated", "cancelled"] {
            writer.execute(sql, (status, "Dee", "2026-11-20", "", status)).unwrap();
        }
    });
    let commitments = reading.commitments.unwrap();
    let found: Vec<_> = commitments.iter().map(|p| (p.id.as_str(), p.person.as_str(), p.due)).collect();
    let noon = Due::At(date(2026, 11, 20).at(12, 0, 0, 0));
    assert_eq!(
        found,
        [("a", "Ann", Some(noon)), ("b", "someone", Some(Due::Day(date(2026, 11, 21)))), ("c", "Cy", None)]
    );
    assert_eq!(reading.unreadable, ["c"]);
}

#[test]
fn activity_is_counted_in_utc_over_seven_days() {
    // Now is 15:05 UTC, so the seven days begin on the 13th at 15:05 UTC.
    let reading = read_filled(|writer| {
        let sql = "INSERT INTO tasks (id, title, domain, source, status, created_at, completed_at) VALUES (?1, '', '', '', 'done', ?2, ?3)";
        let old = "2026-01-01 00:00:00";
        writer.execute(sql, ("in", "2026-11-13 15:05:00", "2026-11-20 15:00:00")).unwrap();
        writer.execute(sql, ("out", "2026-11-13 15:04:59", old)).unwrap();
        writer.execute(sql, ("zoned in", "2026-11-13T10:05:00-06:00", old)).unwrap();
        writer.execute(sql, ("zoned out", "2026-11-13T16:00:00+01:00", old)).unwrap();
        writer.execute(sql, ("iso", "2026-11-14T00:00:00.123456Z", old)).unwrap();
        writer.execute(sql, ("garbage", "last week", "")).unwrap();
    });
    assert_eq!(reading.activity, Some(Activity { created: 3, completed: 1, clients_today: None }));
    assert!(reading.tasks.is_empty());
}

#[test]
fn older_store_lacks_columns_and_commitments() {
    let (_folder, path, writer) =
        database("old.db", "CREATE TABLE tasks (ID TEXT, Title TEXT, STATUS TEXT, due_date);");
    writer.execute_batch("INSERT INTO tasks VALUES ('1', 'Tax', 'active', '2026-11-20')").unwrap();
    let reading = read_store(&path, &now()).unwrap();
    assert_eq!(reading.tasks[0].due, Some(Due::Day(date(2026, 11, 20))));
    assert_eq!((reading.commitments, reading.activity), (None, None));
    assert_eq!(reading.notes.len(), 2, "{:?}", reading.notes);
}

#[test]
fn missing_tasks_table_needs_the_user() {
    let (_folder, path, _writer) = database("x.db", "CREATE TABLE commitments (id, title, status, due_date);");
    let error = read_store(&path, &now()).unwrap_err();
    assert_eq!((error.source, error.kind), ("state_store", ErrorKind::ActionRequired));
}

#[test]
fn hundred_thousand_tasks_are_read() {
    let (folder, path, writer) = database("state.db", STATE_STORE);
    writer
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
             INSERT INTO tasks (id, title, status, due_date, domain, source, created_at)
             SELECT printf('t%06d', i), 'Task ' || i, CASE WHEN i % 10 = 0 THEN 'active' ELSE 'done' END,
                    '2026-11-20', 'work', 'x', '2026-11-19 00:00:00' FROM n",
        )
        .unwrap();
    drop(writer);
    let before = contents(folder.path());
    let reading = read_store(&path, &now()).unwrap();
    assert_eq!(reading.tasks.len(), 10_000);
    assert_eq!(reading.tasks[0].id, "t000010");
    assert_eq!(reading.activity.unwrap().created, 100_000);
    assert_eq!(reading.as_of, "2026-11-20T15:05:00Z".parse::<Timestamp>().unwrap());
    assert!(contents(folder.path()) == before);
}
