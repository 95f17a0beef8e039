//! Converts reminders to tasks.

use jiff::ZonedDateTime;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::SOURCE;
use crate::core::alert::Priority;
use crate::core::facts::{Due, Task, TaskReading, TaskStatus};
use crate::sources::task_builder::{self, add_note, empty_reading};

/// An incomplete reminder, with the values of EventKit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reminder {
    /// Stable on this Mac.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) list: String,
    /// Year, month, day.
    pub(crate) date: Option<(i64, i64, i64)>,
    /// Hour and minute. `None` is due on the day.
    pub(crate) time: Option<(i64, i64)>,
    /// IANA name. `None` is the user's time zone.
    pub(crate) zone: Option<String>,
    /// RFC 5545: 1–4 high, 5 medium, 6–9 low, 0 none.
    pub(crate) priority: usize,
    /// A recurring reminder keeps its id when an occurrence is completed.
    pub(crate) is_recurring: bool,
}

/// The reminders of `lists`, or all without `lists`, with due dates in the zone of `now`.
pub(crate) fn to_reading(reminders: Vec<Reminder>, lists: &[String], now: &ZonedDateTime) -> TaskReading {
    let is_wanted = |reminder: &Reminder| lists.is_empty() || lists.contains(&reminder.list);
    let mut reading = empty_reading(SOURCE, now.timestamp());
    for list in lists.iter().filter(|list| !reminders.iter().any(|reminder| reminder.list == **list)) {
        add_note(&mut reading.notes, format!("There is no open reminder in a list named '{list}'."));
    }
    reading.tasks =
        reminders.into_iter().filter(is_wanted).map(|reminder| to_task(reminder, now.time_zone())).collect();
    reading
}

fn to_task(reminder: Reminder, zone: &TimeZone) -> Task {
    let due = parse_due(&reminder, zone);
    Task {
        id: if reminder.is_recurring { task_builder::occurrence_id(&reminder.id, due) } else { reminder.id },
        title: task_builder::title(&reminder.title),
        status: TaskStatus::Pending,
        due,
        priority: match reminder.priority {
            1..=4 => Some(Priority::High),
            5 => Some(Priority::Medium),
            6..=9 => Some(Priority::Low),
            _ => None,
        },
        milestone: false,
        same_as: None,
    }
}

/// The due date in `zone`. A date that does not exist is none.
fn parse_due(reminder: &Reminder, zone: &TimeZone) -> Option<Due> {
    let (year, month, day) = reminder.date?;
    let date = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let Some((hour, minute)) = reminder.time else { return Some(Due::Day(date)) };
    let time = Time::new(hour.try_into().ok()?, minute.try_into().ok()?, 0, 0).ok()?;
    Some(Due::At(convert_zone(date.to_datetime(time), reminder.zone.as_deref(), zone)))
}

/// From the zone named `from` to `to`. An unknown zone counts as `to`.
fn convert_zone(at: DateTime, from: Option<&str>, to: &TimeZone) -> DateTime {
    let from = from.and_then(|name| TimeZone::get(name).ok());
    let zoned = from.and_then(|from| at.to_zoned_datetime(from).ok());
    zoned.map_or(at, |zoned| zoned.with_time_zone(to.clone()).datetime())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rstest::rstest;

    use super::*;

    fn now() -> ZonedDateTime {
        "2026-11-20T09:00[America/Chicago]".parse().unwrap()
    }

    fn named(title: &str, list: &str) -> Reminder {
        Reminder { id: title.into(), title: title.into(), list: list.into(), ..Reminder::default() }
    }

    #[rstest]
    #[case::nothing(None, None, None, None)]
    #[case::a_day(Some((2026, 11, 20)), None, None, Some("2026-11-20"))]
    #[case::without_zone(Some((2026, 11, 20)), Some((17, 0)), None, Some("2026-11-20 17:00"))]
    #[case::in_the_same_zone(Some((2026, 11, 20)), Some((17, 0)), Some("America/Chicago"), Some("2026-11-20 17:00"))]
    #[case::in_another_zone(Some((2026, 11, 20)), Some((17, 0)), Some("Europe/Berlin"), Some("2026-11-20 10:00"))]
    #[case::the_day_before(Some((2026, 11, 20)), Some((3, 0)), Some("Asia/Tokyo"), Some("2026-11-19 12:00"))]
    #[case::in_an_unknown_zone(Some((2026, 11, 20)), Some((17, 0)), Some("Moon/Base"), Some("2026-11-20 17:00"))]
    #[case::no_such_day(Some((2026, 2, 30)), None, None, None)]
    #[case::no_such_time(Some((2026, 11, 20)), Some((25, 0)), None, None)]
    #[case::undefined(Some((i64::MAX, 1, 1)), None, None, None)]
    fn due_date_is_in_the_users_zone(
        #[case] date: Option<(i64, i64, i64)>,
        #[case] time: Option<(i64, i64)>,
        #[case] zone: Option<&str>,
        #[case] due: Option<&str>,
    ) {
        let reminder = Reminder { date, time, zone: zone.map(Into::into), ..named("Milk", "Home") };
        let reading = to_reading(vec![reminder], &[], &now());
        assert_eq!(reading.tasks[0].due.map(|due| due.to_string()).as_deref(), due);
    }

    #[test]
    fn priorities_follow_rfc_5545() {
        let priority = |priority| to_task(Reminder { priority, ..named("Milk", "Home") }, &TimeZone::UTC).priority;
        assert_eq!([0, 1, 4, 5, 6, 9, 10].map(priority), {
            use Priority::{High, Low, Medium};
            [None, Some(High), Some(High), Some(Medium), Some(Low), Some(Low), None]
        });
    }

    #[test]
    fn each_recurrence_is_its_own_task() {
        let on = |day| Reminder { date: Some((2026, 11, day)), is_recurring: true, ..named("Milk", "Home") };
        let ids = [20, 27].map(|day| to_task(on(day), &TimeZone::UTC).id);
        assert_eq!(ids, ["Milk@2026-11-20", "Milk@2026-11-27"]);
    }

    #[test]
    fn only_configured_lists_are_read() {
        let open = || vec![named("Milk", "Home"), named("Report", "Work")];
        assert_eq!(to_reading(open(), &[], &now()).tasks.len(), 2);
        let chosen = to_reading(open(), &["Work".into(), "Wrok".into()], &now());
        assert_eq!(chosen.tasks.iter().map(|task| task.title.as_str()).collect::<Vec<_>>(), ["Report"]);
        assert_eq!(chosen.notes, ["There is no open reminder in a list named 'Wrok'."]);
    }
}
