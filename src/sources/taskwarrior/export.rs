//! Parses the JSON of `task export`.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::core::alert::Priority;
use crate::core::facts::{Activity, Due, Task, TaskReading, TaskStatus};
use crate::sources::task_builder::{self, add_note};

/// The fields that Operator reads. A value of another type than text counts as absent.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ExportedTask {
    #[serde(deserialize_with = "text_or_none")]
    uuid: Option<String>,
    #[serde(deserialize_with = "text_or_none")]
    description: Option<String>,
    #[serde(deserialize_with = "text_or_none")]
    status: Option<String>,
    #[serde(deserialize_with = "text_or_none")]
    priority: Option<String>,
    #[serde(deserialize_with = "text_or_none")]
    due: Option<String>,
    #[serde(deserialize_with = "text_or_none")]
    wait: Option<String>,
    #[serde(deserialize_with = "text_or_none")]
    start: Option<String>,
    #[serde(deserialize_with = "text_or_none")]
    entry: Option<String>,
    #[serde(deserialize_with = "text_or_none")]
    end: Option<String>,
}

fn text_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum TextOrOther {
        Text(String),
        Other(IgnoredAny),
    }
    Ok(match TextOrOther::deserialize(deserializer)? {
        TextOrOther::Text(text) => Some(text),
        TextOrOther::Other(_) => None,
    })
}

/// Adds the open tasks, and the tasks created and completed in the last week, to the reading.
///
/// Due dates are in the zone of `now`. `system` is the zone of this machine, in which `task` parses dates.
pub(crate) fn parse_into(
    json: &str,
    now: &ZonedDateTime,
    system: &TimeZone,
    reading: &mut TaskReading,
) -> serde_json::Result<()> {
    let tasks: Vec<ExportedTask> = serde_json::from_str(json)?;
    let mut activity = Activity { clients_today: None, ..Activity::default() };
    for task in tasks {
        let is_recent =
            |at: &Option<String>| at.as_deref().and_then(parse_timestamp).is_some_and(|at| in_last_week(at, now));
        let status = task.status.as_deref().unwrap_or_default();
        // The template of a recurring task; its instances are the tasks.
        if status == "recurring" {
            continue;
        }
        activity.created += u32::from(status != "deleted" && is_recent(&task.entry));
        activity.completed += u32::from(status == "completed" && is_recent(&task.end));
        if matches!(status, "pending" | "waiting") {
            add_task(task, now, system, reading);
        }
    }
    reading.activity = Some(activity);
    Ok(())
}

fn add_task(task: ExportedTask, now: &ZonedDateTime, system: &TimeZone, reading: &mut TaskReading) {
    let Some(id) = task.uuid.filter(|id| !id.is_empty()) else {
        return add_note(&mut reading.notes, "A task without a UUID was skipped.".into());
    };
    let Ok(due) = task.due.as_deref().map(|due| parse_due(due, now.time_zone(), system).ok_or(())).transpose() else {
        add_note(&mut reading.notes, format!("Task {id} has an invalid due date."));
        return reading.unreadable.push(id);
    };
    let is_waiting = task.wait.as_deref().and_then(parse_timestamp).is_some_and(|until| until > now.timestamp());
    reading.tasks.push(Task {
        title: task_builder::title(&task.description.unwrap_or_default()),
        status: match (is_waiting, task.start.is_some()) {
            (true, _) => TaskStatus::Backlog,
            (false, true) => TaskStatus::Active,
            (false, false) => TaskStatus::Pending,
        },
        priority: match task.priority.as_deref() {
            Some("H") => Some(Priority::High),
            Some("M") => Some(Priority::Medium),
            Some("L") => Some(Priority::Low),
            _ => None,
        },
        due,
        milestone: false,
        same_as: None,
        id,
    });
}

/// `20261120T060000Z`, or with dashes and colons.
fn parse_timestamp(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let civil = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(civil.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp())
}

/// Taskwarrior stores a date as its midnight, and the end of a day as its last second.
fn parse_due(text: &str, user: &TimeZone, system: &TimeZone) -> Option<Due> {
    let at = parse_timestamp(text)?;
    let date = [user, system].into_iter().find_map(|zone| whole_day(at, zone));
    Some(date.map_or_else(|| Due::At(at.to_zoned_datetime(user.clone()).datetime()), Due::Day))
}

fn whole_day(at: Timestamp, zone: &TimeZone) -> Option<Date> {
    let at = at.to_zoned_datetime(zone.clone());
    let is_first = at.start_of_day().is_ok_and(|first| first == at);
    let is_last = at.time() == Time::constant(23, 59, 59, 0);
    (is_first || is_last).then(|| at.date())
}

fn in_last_week(at: Timestamp, now: &ZonedDateTime) -> bool {
    let elapsed = now.timestamp().duration_since(at);
    elapsed >= SignedDuration::ZERO && elapsed < SignedDuration::from_hours(7 * 24)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::sources::task_builder::empty_reading;

    fn now() -> ZonedDateTime {
        let zone = TimeZone::get("America/Chicago").unwrap_or(TimeZone::UTC);
        "2026-11-20T15:05:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH).to_zoned_datetime(zone)
    }

    fn parse(json: &str) -> Option<TaskReading> {
        let system = TimeZone::get("Asia/Tokyo").unwrap_or(TimeZone::UTC);
        let mut reading = empty_reading("taskwarrior", now().timestamp());
        parse_into(json, &now(), &system, &mut reading).ok().map(|()| reading)
    }

    fn one(more: &str) -> Option<Task> {
        let json = format!(r#"[{{"uuid":"u1","description":"Pay rent","status":"pending"{more}}}]"#);
        parse(&json)?.tasks.pop()
    }

    #[rstest]
    #[case::local_midnight_is_a_date("20261120T060000Z", "2026-11-20")]
    #[case::last_second_is_a_date("20261121T055959Z", "2026-11-20")]
    #[case::a_time("20261120T203000Z", "2026-11-20 14:30")]
    #[case::utc_midnight_is_a_time_here("20261121T000000Z", "2026-11-20 18:00")]
    #[case::in_summer("20260701T050000Z", "2026-07-01")]
    #[case::midnight_on_this_machine("20261120T150000Z", "2026-11-21")]
    #[case::with_dashes("2026-11-20T20:30:00Z", "2026-11-20 14:30")]
    fn due_dates_are_local(#[case] written: &str, #[case] expected: &str) {
        let task = one(&format!(r#","due":"{written}""#));
        assert_eq!(task.and_then(|task| task.due).map(|due| due.to_string()).as_deref(), Some(expected));
    }

    #[rstest]
    #[case("", TaskStatus::Pending)]
    #[case(r#","start":"20261120T120000Z""#, TaskStatus::Active)]
    #[case(r#","wait":"20261121T120000Z""#, TaskStatus::Backlog)]
    #[case(r#","wait":"20261119T120000Z""#, TaskStatus::Pending)]
    fn status_follows_start_and_wait(#[case] more: &str, #[case] expected: TaskStatus) {
        assert_eq!(one(more).map(|task| task.status), Some(expected));
    }

    #[rstest]
    #[case(r#""H""#, Some(Priority::High))]
    #[case(r#""M""#, Some(Priority::Medium))]
    #[case(r#""L""#, Some(Priority::Low))]
    #[case(r#""A""#, None)]
    #[case("3", None)]
    fn priorities_are_letters(#[case] written: &str, #[case] expected: Option<Priority>) {
        assert_eq!(one(&format!(r#","priority":{written}"#)).map(|task| task.priority), Some(expected));
    }

    #[test]
    fn templates_are_skipped_and_the_week_counted() {
        let reading = parse(
            r#"[{"uuid":"a","status":"recurring","due":"20261120T060000Z","entry":"20261119T060000Z"},
                {"uuid":"b","status":"completed","entry":"20261101T060000Z","end":"20261118T060000Z"},
                {"uuid":"c","status":"deleted","entry":"20261119T060000Z","end":"20261119T060000Z"},
                {"uuid":"d","status":"waiting","description":"Later","entry":"20261119T060000Z"},
                {"uuid":"e","status":"pending","entry":"20261001T060000Z"}]"#,
        );
        let ids = |reading: &TaskReading| reading.tasks.iter().map(|task| task.id.clone()).collect::<Vec<_>>();
        assert_eq!(reading.as_ref().map(ids), Some(vec!["d".into(), "e".into()]));
        let week = Activity { created: 1, completed: 1, clients_today: None };
        assert_eq!(reading.and_then(|reading| reading.activity), Some(week));
    }

    #[test]
    fn invalid_tasks_are_noted_as_unreadable() {
        let json =
            r#"[{"uuid":"a","status":"pending","due":"soon"},{"status":"pending"},{"uuid":"b","status":"pending"}]"#;
        let reading = parse(json);
        assert_eq!(reading.as_ref().map(|reading| reading.unreadable.clone()), Some(vec!["a".into()]));
        assert_eq!(reading.map(|reading| (reading.tasks.len(), reading.notes.len())), Some((1, 2)));
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(json in any::<String>(), due in "[0-9TZ:-]{0,20}", title in "\\PC{0,20}") {
            let _ = parse(&json);
            let json = serde_json::json!([{"uuid": "u", "status": "pending", "due": due, "description": title}]);
            let reading = parse(&json.to_string());
            prop_assert_eq!(reading.map(|reading| reading.tasks.len() + reading.unreadable.len()), Some(1));
        }
    }
}
