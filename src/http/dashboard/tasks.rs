//! The tasks: counts, the longest overdue and the most postponed.

use jiff::ZonedDateTime;

use super::text::{LocalClock, TimeLabel, group_thousands, short_date, short_title};
use crate::core::facts::Due;
use crate::core::tasks::summary::TaskSummaryItem;
use crate::core::text::source_name;
use crate::store::{self, Store};

pub(crate) struct TasksView {
    pub(crate) counts: [TaskCount; 3],
    pub(crate) overdue: Vec<TaskRow>,
    /// `and 80 more`, or empty.
    pub(crate) more_overdue: String,
    pub(crate) postponed: Vec<TaskRow>,
    /// The sources, with the time of their last reading.
    pub(crate) readings: Vec<(String, TimeLabel)>,
}

pub(crate) struct TaskCount {
    pub(crate) label: &'static str,
    pub(crate) number: String,
    pub(crate) class: &'static str,
}

pub(crate) struct TaskRow {
    pub(crate) title: String,
    pub(crate) source: String,
    pub(crate) due: String,
    /// `3 times`, or empty.
    pub(crate) postponed: String,
}

impl TasksView {
    pub(crate) fn load(store: &Store, clock: &LocalClock<'_>) -> Result<Self, store::Error> {
        let summary = store.task_summary(clock.now)?;
        let count = |label, number, class| TaskCount { label, number: group_thousands(number), class };
        let more = summary.overdue.saturating_sub(summary.longest_overdue.len() as u64);
        let rows = |tasks: &[TaskSummaryItem]| tasks.iter().map(|task| TaskRow::new(task, clock.now)).collect();
        Ok(Self {
            counts: [
                count("open", summary.open, ""),
                count("overdue", summary.overdue, if summary.overdue > 0 { "late" } else { "" }),
                count("due today", summary.due_today, ""),
            ],
            more_overdue: if more > 0 { format!("and {} more", group_thousands(more)) } else { String::new() },
            overdue: rows(&summary.longest_overdue),
            postponed: rows(&summary.most_postponed),
            readings: summary.read_at.iter().map(|(name, at)| (source_name(name), clock.relative(*at))).collect(),
        })
    }
}

impl TaskRow {
    fn new(task: &TaskSummaryItem, now: &ZonedDateTime) -> Self {
        let postponed = match task.postponed {
            0 => String::new(),
            1 => "once".into(),
            times => format!("{} times", group_thousands(times)),
        };
        Self {
            title: short_title(&task.title),
            source: source_name(&task.source),
            due: task.due.map_or_else(|| "no date".into(), |due| due_text(due, now)),
            postponed,
        }
    }
}

/// `today 16:30`, `yesterday`, `5 days ago, Sun 15 Nov`, `Sat 21 Nov`.
fn due_text(due: Due, now: &ZonedDateTime) -> String {
    let time = match due {
        Due::Day(_) => String::new(),
        Due::At(at) => format!(" {:02}:{:02}", at.hour(), at.minute()),
    };
    let date = due.date();
    let date_text = if date.year() == now.year() { short_date(date) } else { date.to_string() };
    match due.days_past(now.date()) {
        0 => format!("today{time}"),
        1 => format!("yesterday{time}"),
        -1 => format!("tomorrow{time}"),
        days @ 2.. => format!("{days} days ago, {date_text}{time}"),
        _ => format!("{date_text}{time}"),
    }
}
