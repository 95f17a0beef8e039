//! Too many tasks at once, and too few points for the hour.

use jiff::ZonedDateTime;

use super::TaskFacts;
use crate::core::alert::Priority;
use crate::core::facts::{Goal, TaskReading, TaskStatus};
use crate::core::rules::calendar::occasion;
use crate::core::rules::draft::{AlertDraft, Collector, at_least};
use crate::core::rules::phrases::{origin, read};
use crate::core::rules::thresholds::TaskThresholds;
use crate::core::tasks::MergedTask;
use crate::core::text::{count, number};

pub(super) fn judge(
    found: &mut Collector,
    facts: &TaskFacts<'_>,
    tasks: &[MergedTask<'_>],
    limits: &TaskThresholds,
    now: &ZonedDateTime,
) {
    let active = tasks.iter().filter(|merged| merged.task.status == TaskStatus::Active).count();
    let reached = at_least(active, limits.pileup_tasks);
    let judged = reached || (facts.complete && !facts.readings.is_empty());
    found.rule("task:pileup", judged, pileup(facts, active, limits, now).filter(|_| reached));
    found.verdict("task:goal_behind", goal_behind(facts, limits, now));
}

fn pileup(facts: &TaskFacts<'_>, active: usize, limits: &TaskThresholds, now: &ZonedDateTime) -> Option<AlertDraft> {
    let slot = occasion(&[limits.pileup_hour], now)?;
    let (source, as_of) = origin(facts.readings)?;
    let title = format!("{} active at once", count(active, "task"));
    let limit = limits.pileup_tasks;
    let message =
        format!("{} for today; {limit} or more are a pile. {}", count(active, "task"), read(&source, as_of, now));
    let finding = AlertDraft::new(Priority::Medium, &title, message).read_from(&source, Some(as_of)).on(&slot);
    Some(finding.fact("active", active).fact("limit", limit))
}

fn goal_behind(facts: &TaskFacts<'_>, limits: &TaskThresholds, now: &ZonedDateTime) -> Option<Option<AlertDraft>> {
    let (reading, goal) = todays_goal(facts.readings, now)?;
    let share = 100.0 * goal.earned / goal.target;
    let from = |hour: u8| now.hour().unsigned_abs() >= hour;
    let mark = |priority, hour: u8, percent: f64| {
        behind(priority, goal, &format!("expected at least {} % by {hour}:00", number(percent)), reading, now)
            .fact("limit_percent", percent)
    };
    let finding = if goal.target <= 0.0 {
        None // a day off
    } else if from(limits.goal_late_hour) && share < limits.goal_late_percent {
        Some(mark(Priority::High, limits.goal_late_hour, limits.goal_late_percent))
    } else if from(limits.goal_half_hour) && share < limits.goal_half_percent {
        Some(mark(Priority::Medium, limits.goal_half_hour, limits.goal_half_percent))
    } else if from(limits.goal_none_hour) && goal.earned <= 0.0 {
        let expected = format!("expected some by {}:00", limits.goal_none_hour);
        Some(behind(Priority::Medium, goal, &expected, reading, now))
    } else {
        None
    };
    Some(finding)
}

/// The first goal of today that asks for points; failing that, one that says it is a day off.
fn todays_goal<'a>(readings: &'a [TaskReading], now: &ZonedDateTime) -> Option<(&'a TaskReading, Goal)> {
    let possible =
        |goal: &Goal| goal.target.is_finite() && goal.target >= 0.0 && goal.earned.is_finite() && goal.earned >= 0.0;
    let today = |goal: &Goal| goal.date == now.date() && possible(goal);
    let goals = || readings.iter().filter_map(|reading| Some((reading, reading.goal.filter(today)?)));
    goals().find(|(_, goal)| goal.target > 0.0).or_else(|| goals().next())
}

fn behind(priority: Priority, goal: Goal, expected: &str, reading: &TaskReading, now: &ZonedDateTime) -> AlertDraft {
    let share = 100.0 * goal.earned / goal.target;
    let title = format!("Behind on today's goal: {share:.0} %");
    let points = format!("{} of {} points", number(goal.earned), number(goal.target));
    let message = format!("{points} so far ({share:.0} %), {expected}. {}", read(reading.source, reading.as_of, now));
    AlertDraft::new(priority, &title, message)
        .read_from(reading.source, Some(reading.as_of))
        .fact("earned", goal.earned)
        .fact("target", goal.target)
        .fact("share_percent", share)
}
