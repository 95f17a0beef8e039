//! Procrastination: tasks postponed again and again, thoughts written down again and again, recurring worries.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::ZonedDateTime;

use super::PatternFacts;
use crate::core::alert::Priority;
use crate::core::facts::{Postponement, Task, TaskReading, Thought};
use crate::core::rules::calendar::in_last_week;
use crate::core::rules::draft::{AlertDraft, Collector, at_least};
use crate::core::rules::phrases::{origin, provenance, quoted};
use crate::core::rules::thresholds::PatternThresholds;
use crate::core::tasks::is_same_task;
use crate::core::text::{relative, slug};

pub(super) fn evaluate(
    collector: &mut Collector,
    facts: &PatternFacts<'_>,
    limits: &PatternThresholds,
    now: &ZonedDateTime,
) {
    let known = facts.thoughts_known();
    let drafts = postponed_tasks(facts, limits, now).into_iter().chain(repeated_thoughts(facts, limits, now));
    collector.add("pattern:procrastination", known, drafts);
    collector.add_unknown_entities(unreadable_tasks(facts));
    let has_thoughts = facts.readings.iter().any(|reading| reading.thoughts.is_some());
    collector.add("pattern:recurring_worry", known && has_thoughts, recurring_worry(facts, limits, now));
}

/// A postponed row of a task source.
struct Postponed<'a> {
    reading: &'a TaskReading,
    task: &'a Task,
    events: Vec<&'a Postponement>,
}

/// A task of several sources is postponed in each of them: the highest count of one source counts.
fn postponed_tasks(facts: &PatternFacts<'_>, limits: &PatternThresholds, now: &ZonedDateTime) -> Vec<AlertDraft> {
    let mut by_task: BTreeMap<(&str, &str), Vec<&Postponement>> = BTreeMap::new();
    for event in facts.postponements.iter().filter(|event| in_last_week(event.at, now)) {
        by_task.entry((&event.source, &event.task_id)).or_default().push(event);
    }
    let mut by_entity: BTreeMap<String, Vec<Postponed<'_>>> = BTreeMap::new();
    let rows = facts.readings.iter().flat_map(|reading| reading.tasks.iter().map(move |task| (reading, task)));
    for (reading, task) in rows {
        if let Some(events) = by_task.remove(&(reading.source, task.id.as_str())) {
            by_entity.entry(entity(&task.title, &task.id)).or_default().push(Postponed { reading, task, events });
        }
    }
    let drafts = by_entity.into_iter().filter_map(|(entity, rows)| {
        let most = rows.iter().max_by_key(|row| (row.events.len(), Reverse((row.reading.source, &row.task.id))))?;
        at_least(most.events.len(), limits.postponed_times).then(|| postponed_draft(entity, most, &rows, now))?
    });
    drafts.collect()
}

fn postponed_draft(
    entity: String,
    most: &Postponed<'_>,
    rows: &[Postponed<'_>],
    now: &ZonedDateTime,
) -> Option<AlertDraft> {
    let (task, times) = (most.task, most.events.len());
    let last = most.events.iter().max_by_key(|event| (event.at, &event.change));
    let last = last
        .map_or_else(String::new, |event| format!(", last {}: {}", relative(now.timestamp(), event.at), event.change));
    let same = rows.iter().filter(|row| is_same_task(row.task, task) || std::ptr::eq(row.task, task));
    let (source, as_of) = origin(same.map(|row| row.reading))?;
    let provenance = provenance(&source, as_of, now);
    let message = format!("{} was put off {times} times in 7 days{last}. {provenance}", quoted(&task.title));
    let draft = AlertDraft::new(Priority::Medium, &format!("Put off {times} times: {}", task.title), message)
        .entity(entity)
        .source(&source, Some(as_of))
        .fact("task", task.title.as_str())
        .fact("task_id", task.id.as_str())
        .fact("postponed", times);
    Some(draft)
}

/// The slug of the title, or the id if the title has neither letters nor digits.
fn entity(title: &str, id: &str) -> String {
    let slug = slug(title);
    if slug.is_empty() { id.to_owned() } else { slug }
}

/// Postponed tasks whose rows are unreadable now: they may still be open.
fn unreadable_tasks(facts: &PatternFacts<'_>) -> Vec<String> {
    let is_unreadable = |event: &&Postponement| {
        facts.readings.iter().any(|reading| reading.source == event.source && reading.is_unreadable(&event.task_id))
    };
    facts.postponements.iter().filter(is_unreadable).map(|event| entity(&event.title, &event.task_id)).collect()
}

/// One of several thoughts with the same slug.
type RepeatedThought<'a> = (&'a TaskReading, &'a Thought);

fn thoughts<'a>(facts: &PatternFacts<'a>) -> impl Iterator<Item = RepeatedThought<'a>> {
    facts.readings.iter().flat_map(|reading| reading.thoughts.iter().flatten().map(move |thought| (reading, thought)))
}

/// Unprocessed thoughts by slug. A thought without letters and digits does not count.
fn repeated_thoughts(facts: &PatternFacts<'_>, limits: &PatternThresholds, now: &ZonedDateTime) -> Vec<AlertDraft> {
    let mut by_slug: BTreeMap<String, Vec<RepeatedThought<'_>>> = BTreeMap::new();
    for thought in thoughts(facts).filter(|(_, thought)| !thought.processed) {
        by_slug.entry(slug(&thought.1.content)).or_default().push(thought);
    }
    by_slug.remove("");
    let repeated = by_slug.into_iter().filter(|(_, same)| at_least(same.len(), limits.thought_times));
    repeated.filter_map(|(slug, same)| repeated_draft(slug, &same, now)).collect()
}

fn repeated_draft(slug: String, same: &[RepeatedThought<'_>], now: &ZonedDateTime) -> Option<AlertDraft> {
    let (_, first) = same.iter().min_by_key(|(_, thought)| (thought.at, &thought.content))?;
    let (source, as_of) = origin(same.iter().map(|(reading, _)| *reading))?;
    let times = same.len();
    // The content of a worry is private: it must not appear in a banner.
    let worry = same.iter().any(|(_, thought)| thought.worry);
    let subject = if worry { "A worry".into() } else { quoted(&first.content) };
    let message = format!(
        "{subject} has been written down {times} times and not dealt with, first {}. {}",
        relative(now.timestamp(), first.at),
        provenance(&source, as_of, now),
    );
    let title = if worry { "a worry" } else { &first.content };
    let draft = AlertDraft::new(Priority::Medium, &format!("Written down {times} times: {title}"), message);
    Some(draft.entity(slug).source(&source, Some(as_of)).fact("times", times))
}

fn recurring_worry(facts: &PatternFacts<'_>, limits: &PatternThresholds, now: &ZonedDateTime) -> Option<AlertDraft> {
    let is_recent_worry = |(_, thought): &RepeatedThought<'_>| thought.worry && in_last_week(thought.at, now);
    let worries: Vec<RepeatedThought<'_>> = thoughts(facts).filter(is_recent_worry).collect();
    if !at_least(worries.len(), limits.worries) {
        return None;
    }
    let (source, as_of) = origin(worries.iter().map(|(reading, _)| *reading))?;
    let times = worries.len();
    let message = format!("{times} worries written down in 7 days. {}", provenance(&source, as_of, now));
    let draft = AlertDraft::new(Priority::Medium, &format!("{times} worries in 7 days"), message);
    Some(draft.source(&source, Some(as_of)).fact("worries", times).fact("limit", limits.worries))
}
