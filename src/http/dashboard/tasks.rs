//! The tasks: how many, what is late, what is put off.

use jiff::ZonedDateTime;

use super::words::{Clock, Moment, day, thousands, title};
use crate::core::facts::Due;
use crate::core::tasks::summary::{TaskSummary, TaskSummaryItem};
use crate::core::text::source_name;
use crate::store::{self, Store};

/// The tasks at a glance.
pub(crate) struct Tasks {
    pub(crate) counts: [Count; 3],
    pub(crate) overdue: Vec<Task>,
    pub(crate) more_overdue: String,
    pub(crate) postponed: Vec<Task>,
    pub(crate) readings: Vec<(String, Moment)>,
}

/// A number with its name.
pub(crate) struct Count {
    pub(crate) name: &'static str,
    pub(crate) number: String,
    pub(crate) class: &'static str,
}

/// One task.
pub(crate) struct Task {
    pub(crate) title: String,
    pub(crate) source: String,
    pub(crate) due: String,
    /// `3 times`; empty for never.
    pub(crate) postponed: String,
}

impl Tasks {
    pub(crate) fn read(store: &Store, clock: &Clock<'_>) -> Result<Self, store::Error> {
        let overview = store.task_summary(clock.now)?;
        let more = overview.overdue.saturating_sub(overview.longest_overdue.len() as u64);
        Ok(Self {
            counts: counts(&overview),
            more_overdue: if more > 0 { format!("and {} more", thousands(more)) } else { String::new() },
            overdue: overview.longest_overdue.iter().map(|task| Task::of(task, clock.now)).collect(),
            postponed: overview.most_postponed.iter().map(|task| Task::of(task, clock.now)).collect(),
            readings: overview.read_at.iter().map(|(name, at)| (source_name(name), clock.ago(*at))).collect(),
        })
    }
}

fn counts(overview: &TaskSummary) -> [Count; 3] {
    let late = if overview.overdue > 0 { "late" } else { "" };
    [
        Count { name: "open", number: thousands(overview.open), class: "" },
        Count { name: "overdue", number: thousands(overview.overdue), class: late },
        Count { name: "due today", number: thousands(overview.due_today), class: "" },
    ]
}

impl Task {
    fn of(task: &TaskSummaryItem, now: &ZonedDateTime) -> Self {
        let postponed = match task.postponed {
            0 => String::new(),
            1 => "once".into(),
            times => format!("{} times", thousands(times)),
        };
        Self {
            title: title(&task.title),
            source: source_name(&task.source),
            due: task.due.map_or_else(|| "no date".into(), |due| due_in_words(due, now)),
            postponed,
        }
    }
}

/// `today 16:30`, `yesterday`, `5 days ago, Sun 15 Nov`, `Sat 21 Nov`.
fn due_in_words(due: Due, now: &ZonedDateTime) -> String {
    let time = match due {
        Due::Day(_) => String::new(),
        Due::At(at) => format!(" {:02}:{:02}", at.hour(), at.minute()),
    };
    let date = due.date();
    match due.days_past(now.date()) {
        0 => format!("today{time}"),
        1 => format!("yesterday{time}"),
        -1 => format!("tomorrow{time}"),
        days @ 2.. if date.year() == now.year() => format!("{days} days ago, {}{time}", day(date)),
        days @ 2.. => format!("{days} days ago, {date}{time}"),
        _ if date.year() == now.year() => format!("{}{time}", day(date)),
        _ => format!("{date}{time}"),
    }
}
