//! Parses the task documents of Todoist's API.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::core::alert::Priority;
use crate::core::facts::{Due, Task, TaskStatus};
use crate::sources::markdown_text::strip_markup;
use crate::sources::task_builder;

pub(crate) enum ParsedTask {
    Open(ProjectTask),
    /// Completed, deleted, or a heading.
    Ignored,
    Unreadable {
        id: Option<String>,
        /// A sentence about the problem.
        note: String,
    },
}

pub(crate) struct ProjectTask {
    pub(crate) task: Task,
    pub(crate) project_id: String,
    /// The assigned user, in a shared project.
    pub(crate) assignee_id: Option<String>,
}

pub(crate) fn parse_task(document: &Value, zone: &TimeZone) -> ParsedTask {
    let Some(id) = parse_id(&document["id"]) else {
        return ParsedTask::Unreadable { id: None, note: "A task without an id was skipped.".into() };
    };
    let is = |flag: &str| document[flag].as_bool().unwrap_or(false);
    let content = document["content"].as_str().unwrap_or_default();
    // A heading begins with an asterisk and has no checkbox.
    if is("checked") || is("is_deleted") || content.starts_with("* ") {
        return ParsedTask::Ignored;
    }
    let (Ok(due), Ok(deadline)) = (parse_due(&document["due"], zone), parse_deadline(&document["deadline"])) else {
        return ParsedTask::Unreadable { note: format!("Task {id} has an invalid date."), id: Some(id) };
    };
    let is_recurring = document["due"]["is_recurring"].as_bool().unwrap_or(false);
    let due = earlier(due, deadline);
    ParsedTask::Open(ProjectTask {
        project_id: parse_id(&document["project_id"]).unwrap_or_default(),
        assignee_id: parse_id(&document["responsible_uid"]),
        task: Task {
            id: if is_recurring { task_builder::occurrence_id(&id, due) } else { id },
            title: task_builder::title(&strip_markup(content)),
            status: TaskStatus::Pending,
            priority: parse_priority(&document["priority"]),
            due,
            milestone: false,
            same_as: None,
        },
    })
}

/// Text, or a number in older accounts.
pub(crate) fn parse_id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The API's 4 is p1 in the app. Its 1 is the default, and counts as no priority.
fn parse_priority(value: &Value) -> Option<Priority> {
    match value.as_u64()? {
        4 => Some(Priority::Critical),
        3 => Some(Priority::High),
        2 => Some(Priority::Medium),
        _ => None,
    }
}

/// A date, a floating time, or a fixed time.
fn parse_due(value: &Value, zone: &TimeZone) -> Result<Option<Due>, ()> {
    if value.is_null() {
        return Ok(None);
    }
    let text = value["datetime"].as_str().or_else(|| value["date"].as_str()).ok_or(())?;
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(Some(Due::At(instant.to_zoned_datetime(zone.clone()).datetime())));
    }
    if text.len() == "2026-11-20".len() {
        return text.parse().map(|date| Some(Due::Day(date))).map_err(drop);
    }
    text.parse::<DateTime>().map(|at| Some(Due::At(at))).map_err(drop)
}

fn parse_deadline(value: &Value) -> Result<Option<Date>, ()> {
    if value.is_null() {
        return Ok(None);
    }
    value["date"].as_str().and_then(|text| text.get(..10)?.parse().ok()).map(Some).ok_or(())
}

/// The due date, but never after the deadline.
fn earlier(due: Option<Due>, deadline: Option<Date>) -> Option<Due> {
    match (due, deadline) {
        (Some(due), Some(deadline)) if due.date() <= deadline => Some(due),
        (_, Some(deadline)) => Some(Due::Day(deadline)),
        (due, None) => due,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn zone() -> TimeZone {
        TimeZone::get("America/Chicago").unwrap_or(TimeZone::UTC)
    }

    fn task(more: Value) -> Option<Task> {
        let mut document = json!({"id": "6X7", "content": "Pay rent", "checked": false, "priority": 1, "due": null});
        document.as_object_mut()?.extend(more.as_object()?.clone());
        match parse_task(&document, &zone()) {
            ParsedTask::Open(open) => Some(open.task),
            _ => None,
        }
    }

    #[rstest]
    #[case::a_day(json!({"date": "2026-11-20"}), "2026-11-20")]
    #[case::a_floating_time(json!({"date": "2026-11-20T14:00:00"}), "2026-11-20 14:00")]
    #[case::midnight_is_a_time(json!({"date": "2026-11-20T00:00:00"}), "2026-11-20 00:00")]
    #[case::a_fixed_time(json!({"date": "2026-11-20T23:30:00Z", "timezone": "Europe/Berlin"}), "2026-11-20 17:30")]
    #[case::another_day_there(json!({"date": "2026-11-21T02:00:00.000000Z"}), "2026-11-20 20:00")]
    #[case::an_older_shape(json!({"date": "2026-11-20", "datetime": "2026-11-20T14:00:00"}), "2026-11-20 14:00")]
    fn due_date_is_in_the_users_zone(#[case] due: Value, #[case] expected: &str) {
        let due = task(json!({"due": due})).and_then(|task| task.due);
        assert_eq!(due.map(|due| due.to_string()).as_deref(), Some(expected));
    }

    #[rstest]
    #[case::alone(Value::Null, "2026-11-20", "2026-11-20")]
    #[case::before_it(json!({"date": "2026-11-18T09:00:00"}), "2026-11-20", "2026-11-18 09:00")]
    #[case::on_it(json!({"date": "2026-11-20T09:00:00"}), "2026-11-20", "2026-11-20 09:00")]
    #[case::planned_too_late(json!({"date": "2026-11-22"}), "2026-11-20", "2026-11-20")]
    fn deadline_limits_the_due_date(#[case] due: Value, #[case] deadline: &str, #[case] expected: &str) {
        let task = task(json!({"due": due, "deadline": {"date": deadline, "lang": "en"}}));
        assert_eq!(task.and_then(|task| task.due).map(|due| due.to_string()).as_deref(), Some(expected));
    }

    #[test]
    fn each_recurrence_is_its_own_task() {
        let due = json!({"date": "2026-11-20", "is_recurring": true, "string": "every day"});
        assert_eq!(task(json!({"due": due})).map(|task| task.id).as_deref(), Some("6X7@2026-11-20"));
    }

    #[rstest]
    #[case(4, Some(Priority::Critical))]
    #[case(3, Some(Priority::High))]
    #[case(2, Some(Priority::Medium))]
    #[case(1, None)]
    #[case(9, None)]
    fn highest_number_is_highest_priority(#[case] number: u64, #[case] expected: Option<Priority>) {
        assert_eq!(task(json!({"priority": number})).and_then(|task| task.priority), expected);
    }

    #[rstest]
    #[case(json!({"checked": true}))]
    #[case(json!({"is_deleted": true}))]
    #[case(json!({"content": "* A heading"}))]
    #[case(json!({"due": {"date": "soon"}}))]
    #[case(json!({"due": {"string": "every day"}}))]
    #[case(json!({"deadline": {"date": 20_261_120}}))]
    #[case(json!({"id": null}))]
    fn other_documents_are_no_open_task(#[case] more: Value) {
        assert!(task(more).is_none());
    }

    #[test]
    fn title_has_no_markup() {
        let task = task(json!({"content": "Pay **rent** at [the bank](https://bank.example/pay?x=1)"}));
        assert_eq!(task.map(|task| task.title).as_deref(), Some("Pay rent at the bank"));
    }

    proptest! {
        #[test]
        fn any_document_parses_or_is_skipped(date in "[0-9TZ:+.-]{0,25}", content in any::<String>(), number in any::<i64>()) {
            let document = json!({"id": number, "content": content, "priority": number, "due": {"date": date}});
            if let ParsedTask::Open(open) = parse_task(&document, &zone()) {
                prop_assert!(open.task.due.is_some() && open.task.title.chars().count() <= 500);
            }
        }
    }
}
