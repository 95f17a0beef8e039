//! From a reminder to a task.

use jiff::ZonedDateTime;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::SOURCE;
use crate::core::alert::Priority;
use crate::core::facts::{Due, Task, TaskReading, TaskStatus};
use crate::sources::task_builder;

/// A reminder that is not ticked off, as EventKit tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reminder {
    /// Stays the same while the reminder lives on this Mac.
    pub(crate) id: String,
    pub(crate) title: String,
    /// The list that it is in.
    pub(crate) list: String,
    /// Year, month, day.
    pub(crate) date: Option<(i64, i64, i64)>,
    /// Hour and minute, where it is due at a time.
    pub(crate) time: Option<(i64, i64)>,
    /// The IANA name of the zone that the time is meant in; none: wherever the person is.
    pub(crate) zone: Option<String>,
    /// RFC 5545's scale: 1–4 high, 5 medium, 6–9 low, 0 none.
    pub(crate) priority: usize,
    /// Whether it comes again when it is ticked off: it keeps its id then.
    pub(crate) recurs: bool,
}

/// All that are in `lists`, or all if none is named, with their dates in the zone of `now`.
pub(crate) fn reading(open: Vec<Reminder>, lists: &[String], now: &ZonedDateTime) -> TaskReading {
    let wanted = |reminder: &Reminder| lists.is_empty() || lists.contains(&reminder.list);
    let mut reading = task_builder::reading(SOURCE, now.timestamp());
    for list in lists.iter().filter(|list| !open.iter().any(|reminder| reminder.list == **list)) {
        task_builder::note(&mut reading, format!("there is no open reminder in a list named '{list}'"));
    }
    reading.tasks = open.into_iter().filter(wanted).map(|reminder| task(reminder, now.time_zone())).collect();
    reading
}

fn task(reminder: Reminder, zone: &TimeZone) -> Task {
    let due = due(&reminder, zone);
    Task {
        id: if reminder.recurs { task_builder::occurrence(&reminder.id, due) } else { reminder.id },
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

/// In the person's zone. A date that does not exist is none.
fn due(reminder: &Reminder, zone: &TimeZone) -> Option<Due> {
    let (year, month, day) = reminder.date?;
    let date = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let Some((hour, minute)) = reminder.time else { return Some(Due::Day(date)) };
    let time = Time::new(hour.try_into().ok()?, minute.try_into().ok()?, 0, 0).ok()?;
    Some(Due::At(in_zone(date.to_datetime(time), reminder.zone.as_deref(), zone)))
}

/// A zone that nobody knows is taken for the person's.
fn in_zone(at: DateTime, meant: Option<&str>, zone: &TimeZone) -> DateTime {
    let meant = meant.and_then(|name| TimeZone::get(name).ok());
    let there = meant.and_then(|meant| at.to_zoned_datetime(meant).ok());
    there.map_or(at, |there| there.with_time_zone(zone.clone()).datetime())
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
    #[case::wherever_the_person_is(Some((2026, 11, 20)), Some((17, 0)), None, Some("2026-11-20 17:00"))]
    #[case::in_the_same_zone(Some((2026, 11, 20)), Some((17, 0)), Some("America/Chicago"), Some("2026-11-20 17:00"))]
    #[case::in_another(Some((2026, 11, 20)), Some((17, 0)), Some("Europe/Berlin"), Some("2026-11-20 10:00"))]
    #[case::the_day_before(Some((2026, 11, 20)), Some((3, 0)), Some("Asia/Tokyo"), Some("2026-11-19 12:00"))]
    #[case::in_an_unknown_one(Some((2026, 11, 20)), Some((17, 0)), Some("Moon/Base"), Some("2026-11-20 17:00"))]
    #[case::no_such_day(Some((2026, 2, 30)), None, None, None)]
    #[case::no_such_time(Some((2026, 11, 20)), Some((25, 0)), None, None)]
    #[case::undefined(Some((i64::MAX, 1, 1)), None, None, None)]
    fn a_due_date_is_the_persons(
        #[case] date: Option<(i64, i64, i64)>,
        #[case] time: Option<(i64, i64)>,
        #[case] zone: Option<&str>,
        #[case] due: Option<&str>,
    ) {
        let reminder = Reminder { date, time, zone: zone.map(Into::into), ..named("Milk", "Home") };
        let reading = reading(vec![reminder], &[], &now());
        assert_eq!(reading.tasks[0].due.map(|due| due.to_string()).as_deref(), due);
    }

    #[test]
    fn priorities_follow_the_scale_of_calendars() {
        let of = |priority| task(Reminder { priority, ..named("Milk", "Home") }, &TimeZone::UTC).priority;
        assert_eq!([0, 1, 4, 5, 6, 9, 10].map(of), {
            use Priority::{High, Low, Medium};
            [None, Some(High), Some(High), Some(Medium), Some(Low), Some(Low), None]
        });
    }

    #[test]
    fn each_time_that_a_reminder_comes_is_a_task() {
        let on = |day| Reminder { date: Some((2026, 11, day)), recurs: true, ..named("Milk", "Home") };
        let ids = [20, 27].map(|day| task(on(day), &TimeZone::UTC).id);
        assert_eq!(ids, ["Milk@2026-11-20", "Milk@2026-11-27"]);
    }

    #[test]
    fn only_the_lists_that_are_named_are_read_and_a_name_without_reminders_is_told() {
        let open = || vec![named("Milk", "Home"), named("Report", "Work")];
        assert_eq!(reading(open(), &[], &now()).tasks.len(), 2);
        let chosen = reading(open(), &["Work".into(), "Wrok".into()], &now());
        assert_eq!(chosen.tasks.iter().map(|task| task.title.as_str()).collect::<Vec<_>>(), ["Report"]);
        assert_eq!(chosen.notes, ["there is no open reminder in a list named 'Wrok'"]);
    }
}
