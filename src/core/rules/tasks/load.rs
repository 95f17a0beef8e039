//! Too many active tasks, and too few points for the hour.

use jiff::ZonedDateTime;

use super::TaskFacts;
use crate::core::alert::Priority;
use crate::core::facts::{Goal, TaskReading, TaskStatus};
use crate::core::rules::calendar::reminder_slot;
use crate::core::rules::draft::{AlertDraft, Collector, RuleResult, at_least};
use crate::core::rules::phrases::{origin, provenance};
use crate::core::rules::thresholds::TaskThresholds;
use crate::core::tasks::MergedTask;
use crate::core::text::{count, number};

pub(super) fn evaluate(
    collector: &mut Collector,
    facts: &TaskFacts<'_>,
    tasks: &[MergedTask<'_>],
    limits: &TaskThresholds,
    now: &ZonedDateTime,
) {
    let active = tasks.iter().filter(|merged| merged.task.status == TaskStatus::Active).count();
    let reached = at_least(active, limits.pileup_tasks);
    let evaluated = reached || (facts.complete && !facts.readings.is_empty());
    collector.add("task:pileup", evaluated, pileup(facts, active, limits, now).filter(|_| reached));
    collector.add_result("task:goal_behind", goal_behind(facts, limits, now));
}

fn pileup(facts: &TaskFacts<'_>, active: usize, limits: &TaskThresholds, now: &ZonedDateTime) -> Option<AlertDraft> {
    let slot = reminder_slot(&[limits.pileup_hour], now)?;
    let (source, as_of) = origin(facts.readings)?;
    let (tasks, limit) = (count(active, "task"), limits.pileup_tasks);
    let provenance = provenance(&source, as_of, now);
    let message = format!("{tasks} for today; {limit} or more are a pile. {provenance}");
    let draft = AlertDraft::new(Priority::Medium, &format!("{tasks} active at once"), message);
    Some(draft.source(&source, Some(as_of)).occasion(&slot).fact("active", active).fact("limit", limit))
}

fn goal_behind(facts: &TaskFacts<'_>, limits: &TaskThresholds, now: &ZonedDateTime) -> RuleResult {
    let (reading, goal) = todays_goal(facts.readings, now)?;
    let share = 100.0 * goal.earned / goal.target;
    let from = |hour: u8| now.hour().unsigned_abs() >= hour;
    let below = |priority, hour: u8, percent: f64| {
        let expected = format!("expected at least {} % by {hour}:00", number(percent));
        draft(priority, goal, &expected, reading, now).fact("limit_percent", percent)
    };
    let draft = if goal.target <= 0.0 {
        None // a day off
    } else if from(limits.goal_late_hour) && share < limits.goal_late_percent {
        Some(below(Priority::High, limits.goal_late_hour, limits.goal_late_percent))
    } else if from(limits.goal_half_hour) && share < limits.goal_half_percent {
        Some(below(Priority::Medium, limits.goal_half_hour, limits.goal_half_percent))
    } else if from(limits.goal_none_hour) && goal.earned <= 0.0 {
        let expected = format!("expected some by {}:00", limits.goal_none_hour);
        Some(draft(Priority::Medium, goal, &expected, reading, now))
    } else {
        None
    };
    Some(draft)
}

/// The first goal of today with a target, else one that says that today is a day off.
fn todays_goal<'a>(readings: &'a [TaskReading], now: &ZonedDateTime) -> Option<(&'a TaskReading, Goal)> {
    let is_valid =
        |goal: &Goal| goal.target.is_finite() && goal.target >= 0.0 && goal.earned.is_finite() && goal.earned >= 0.0;
    let is_today = |goal: &Goal| goal.date == now.date() && is_valid(goal);
    let goals = || readings.iter().filter_map(|reading| Some((reading, reading.goal.filter(is_today)?)));
    goals().find(|(_, goal)| goal.target > 0.0).or_else(|| goals().next())
}

fn draft(priority: Priority, goal: Goal, expected: &str, reading: &TaskReading, now: &ZonedDateTime) -> AlertDraft {
    let share = 100.0 * goal.earned / goal.target;
    let title = format!("Behind on today's goal: {share:.0} %");
    let points = format!("{} of {} points", number(goal.earned), number(goal.target));
    let provenance = provenance(reading.source, reading.as_of, now);
    let message = format!("{points} so far ({share:.0} %), {expected}. {provenance}");
    AlertDraft::new(priority, &title, message)
        .source(reading.source, Some(reading.as_of))
        .fact("earned", goal.earned)
        .fact("target", goal.target)
        .fact("share_percent", share)
}
