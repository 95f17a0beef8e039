//! Putting off tasks, writing down the same thing again and again, worrying.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::ZonedDateTime;

use super::PatternFacts;
use crate::core::alert::Priority;
use crate::core::facts::{Postponement, Task, TaskReading, Thought};
use crate::core::rules::calendar::in_last_week;
use crate::core::rules::draft::{AlertDraft, Collector, at_least};
use crate::core::rules::phrases::{origin, quoted, read};
use crate::core::rules::thresholds::PatternThresholds;
use crate::core::tasks::is_one_task;
use crate::core::text::{ago, slug};

pub(super) fn judge(found: &mut Collector, facts: &PatternFacts<'_>, limits: &PatternThresholds, now: &ZonedDateTime) {
    let known = facts.thoughts_known();
    let findings = postponed_tasks(facts, limits, now).into_iter().chain(repeated_thoughts(facts, limits, now));
    found.rule("pattern:procrastination", known, findings);
    found.except(unreadable_tasks(facts));
    let has_thoughts = facts.readings.iter().any(|reading| reading.thoughts.is_some());
    found.rule("pattern:recurring_worry", known && has_thoughts, recurring_worry(facts, limits, now));
}

/// A task that several sources know is put off in each of them: it counts as often as the source with the most saw it.
fn postponed_tasks(facts: &PatternFacts<'_>, limits: &PatternThresholds, now: &ZonedDateTime) -> Vec<AlertDraft> {
    let mut by_task: BTreeMap<(&str, &str), Vec<&Postponement>> = BTreeMap::new();
    for event in facts.postponements.iter().filter(|event| in_last_week(event.at, now)) {
        by_task.entry((&event.source, &event.task_id)).or_default().push(event);
    }
    let mut by_entity: BTreeMap<String, Vec<Postponed<'_>>> = BTreeMap::new();
    for (reading, task) in
        facts.readings.iter().flat_map(|reading| reading.tasks.iter().map(move |task| (reading, task)))
    {
        if let Some(events) = by_task.remove(&(reading.source, task.id.as_str())) {
            by_entity.entry(entity(&task.title, &task.id)).or_default().push(Postponed { reading, task, events });
        }
    }
    let findings = by_entity.into_iter().filter_map(|(entity, rows)| {
        let most = rows.iter().max_by_key(|row| (row.events.len(), Reverse((row.reading.source, &row.task.id))))?;
        at_least(most.events.len(), limits.postponed_times).then(|| postponed(entity, most, &rows, now))?
    });
    findings.collect()
}

/// A row that was put off.
struct Postponed<'a> {
    reading: &'a TaskReading,
    task: &'a Task,
    events: Vec<&'a Postponement>,
}

fn postponed(entity: String, most: &Postponed<'_>, rows: &[Postponed<'_>], now: &ZonedDateTime) -> Option<AlertDraft> {
    let (task, times) = (most.task, most.events.len());
    let last = most.events.iter().max_by_key(|event| (event.at, &event.change));
    let last =
        last.map_or_else(String::new, |event| format!(", last {}: {}", ago(now.timestamp(), event.at), event.change));
    let same = rows.iter().filter(|row| is_one_task(row.task, task) || std::ptr::eq(row.task, task));
    let (source, as_of) = origin(same.map(|row| row.reading))?;
    let message =
        format!("{} was put off {times} times in 7 days{last}. {}", quoted(&task.title), read(&source, as_of, now));
    let finding = AlertDraft::new(Priority::Medium, &format!("Put off {times} times: {}", task.title), message)
        .about(entity)
        .read_from(&source, Some(as_of))
        .fact("task", task.title.as_str())
        .fact("task_id", task.id.as_str())
        .fact("postponed", times);
    Some(finding)
}

/// The slug of the title; the id, if the title has neither letters nor digits.
fn entity(title: &str, id: &str) -> String {
    let slug = slug(title);
    if slug.is_empty() { id.to_owned() } else { slug }
}

/// Tasks that were put off and whose rows cannot be read now: they may well be open still.
fn unreadable_tasks(facts: &PatternFacts<'_>) -> Vec<String> {
    let is_unreadable = |event: &&Postponement| {
        facts.readings.iter().any(|reading| reading.source == event.source && reading.is_unreadable(&event.task_id))
    };
    facts.postponements.iter().filter(is_unreadable).map(|event| entity(&event.title, &event.task_id)).collect()
}

type RepeatedThought<'a> = (&'a TaskReading, &'a Thought);

fn thoughts<'a>(facts: &PatternFacts<'a>) -> impl Iterator<Item = RepeatedThought<'a>> {
    facts.readings.iter().flat_map(|reading| reading.thoughts.iter().flatten().map(move |thought| (reading, thought)))
}

/// The same words written down again and again count as one thought; one without letters or digits as none.
fn repeated_thoughts(facts: &PatternFacts<'_>, limits: &PatternThresholds, now: &ZonedDateTime) -> Vec<AlertDraft> {
    let mut by_slug: BTreeMap<String, Vec<RepeatedThought<'_>>> = BTreeMap::new();
    for noted in thoughts(facts).filter(|(_, thought)| !thought.processed) {
        by_slug.entry(slug(&noted.1.content)).or_default().push(noted);
    }
    by_slug.remove("");
    let often = by_slug.into_iter().filter(|(_, same)| at_least(same.len(), limits.thought_times));
    often.filter_map(|(slug, same)| repeated(slug, &same, now)).collect()
}

fn repeated(slug: String, same: &[RepeatedThought<'_>], now: &ZonedDateTime) -> Option<AlertDraft> {
    let (_, first) = same.iter().min_by_key(|(_, thought)| (thought.at, &thought.content))?;
    let (source, as_of) = origin(same.iter().map(|(reading, _)| *reading))?;
    let times = same.len();
    // What a worry says belongs on no banner.
    let worry = same.iter().any(|(_, thought)| thought.worry);
    let what = if worry { "A worry".into() } else { quoted(&first.content) };
    let message = format!(
        "{} has been written down {times} times and not dealt with, first {}. {}",
        what,
        ago(now.timestamp(), first.at),
        read(&source, as_of, now),
    );
    let title = if worry { "a worry" } else { &first.content };
    let finding = AlertDraft::new(Priority::Medium, &format!("Written down {times} times: {title}"), message);
    Some(finding.about(slug).read_from(&source, Some(as_of)).fact("times", times))
}

fn recurring_worry(facts: &PatternFacts<'_>, limits: &PatternThresholds, now: &ZonedDateTime) -> Option<AlertDraft> {
    let is_recent_worry = |(_, thought): &RepeatedThought<'_>| thought.worry && in_last_week(thought.at, now);
    let worries: Vec<RepeatedThought<'_>> = thoughts(facts).filter(is_recent_worry).collect();
    if !at_least(worries.len(), limits.worries) {
        return None;
    }
    let (source, as_of) = origin(worries.iter().map(|(reading, _)| *reading))?;
    let times = worries.len();
    // Not what they say: a banner is no place for that.
    let message = format!("{times} worries written down in 7 days. {}", read(&source, as_of, now));
    let finding = AlertDraft::new(Priority::Medium, &format!("{times} worries in 7 days"), message);
    Some(finding.read_from(&source, Some(as_of)).fact("worries", times).fact("limit", limits.worries))
}
