//! Whatever happens to sources and tasks, what was notified of keeps its name, and there are as many alerts as tasks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, ZonedDateTime};
use operator::core::channel::Routing;
use operator::core::facts::{Due, Task, TaskReading};
use operator::core::policy::incident_state::IncidentState;
use operator::core::policy::{PolicyContext, decide};
use operator::core::rules::tasks::{TaskFacts, evaluate};
use operator::core::tasks::{self, Aliases, TaskIdentities, merge_tasks};
use proptest::prelude::*;

use crate::support::facts::{at, date, state_store, task};

const SOURCES: [&str; 3] = ["markdown", "taskwarrior", "todoist"];
const TITLES: [&str; 2] = ["Report", "Letter"];
const DATES: [&str; 3] = ["2026-11-18", "2026-11-19", "2026-12-24"];

/// Source and id, as numbers.
type Row = (usize, usize);
/// Title and date, as numbers.
type MatchKey = (usize, usize);

#[derive(Debug, Clone)]
enum Event {
    /// A source knows this task from now on, or has it changed.
    Put(Row, MatchKey),
    Drop(Row),
    /// Its reading fails, and there is no copy.
    Fail(usize, bool),
    /// It is configured, or no longer.
    Plug(usize, bool),
    Check,
}

/// A name as the test remembers it: with what it was last notified, and of which rows.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    likeness: MatchKey,
    rows: BTreeSet<Row>,
}

#[derive(Default)]
struct World {
    tasks: BTreeMap<Row, MatchKey>,
    failing: BTreeSet<usize>,
    unplugged: BTreeSet<usize>,
    memory: IncidentState,
    aliases: Aliases,
    known: BTreeMap<String, Known>,
}

fn now() -> ZonedDateTime {
    at("2026-11-20T10:05[UTC]")
}

fn id((source, number): Row) -> String {
    format!("{}{number}", &SOURCES[source][..2])
}

impl World {
    fn is_there(&self, (source, _): Row) -> bool {
        !self.failing.contains(&source) && !self.unplugged.contains(&source)
    }

    fn readings(&self) -> Vec<TaskReading> {
        let sources = (0..SOURCES.len()).filter(|source| self.is_there((*source, 0)));
        let readings = sources.map(|source| {
            let rows = self.tasks.iter().filter(|((of, _), _)| *of == source);
            let tasks = rows.map(|(row, (title, day))| Task {
                due: Some(Due::Day(date(DATES[*day]))),
                ..task(&id(*row), TITLES[*title])
            });
            TaskReading {
                source: SOURCES[source],
                commitments: None,
                ..state_store(now().timestamp(), tasks.collect())
            }
        });
        readings.collect()
    }

    fn open(&self) -> BTreeSet<String> {
        let open = self.memory.incidents.values().filter(|incident| incident.open);
        open.filter_map(|incident| Some(incident.alert.key.entity()?.to_owned())).collect()
    }

    /// What is open, with what the alerts say, as the store would read it.
    fn notified(&self) -> Vec<(String, Option<tasks::MatchKey>)> {
        let open = self.memory.incidents.values().filter(|incident| incident.open);
        let notified = open.map(|incident| {
            let fact = |name: &str| incident.alert.facts[name].as_str().unwrap().to_owned();
            let likeness = tasks::MatchKey::new(&fact("task"), Some(date(&fact("due"))));
            (incident.alert.key.entity().unwrap().to_owned(), likeness)
        });
        notified.collect()
    }

    /// One check through the rules, the policy and its memory.
    fn check(&mut self) -> Result<(), TestCaseError> {
        let now = now();
        let readings = self.readings();
        let complete = self.failing.is_subset(&self.unplugged);
        let before = self.open();
        let notified = TaskIdentities::new(self.notified(), self.aliases.clone());
        let facts = TaskFacts { readings: &readings, identities: &notified, complete, free_time: None };
        let evaluation = evaluate(&facts, &Default::default(), &now);
        let backwards: Vec<TaskReading> = readings.iter().rev().cloned().collect();
        let facts = TaskFacts { readings: &backwards, ..facts };
        prop_assert_eq!(
            &evaluate(&facts, &Default::default(), &now),
            &evaluation,
            "the order of sources changes something"
        );

        let merged = merge_tasks(&readings, &notified);
        let firing: BTreeSet<String> =
            evaluation.alerts.iter().map(|alert| alert.key.entity().unwrap().to_owned()).collect();
        self.aliases = notified.aliases_after(&merged, |name| firing.contains(name));
        let circumstances = PolicyContext {
            now: now.timestamp(),
            quiet: false,
            in_event: false,
            min_window: SignedDuration::from_mins(10),
            max_alerts: 100,
            disabled_monitors: &[],
            routing: &Routing(vec![]),
        };
        for verdict in decide(vec![evaluation], &self.memory, &circumstances) {
            let incident = self.memory.incident_after(&verdict, now.timestamp());
            self.memory.incidents.insert(verdict.alert.key.clone(), incident);
        }

        self.as_many_as_tasks(&firing, complete && !readings.is_empty())?;
        self.names_stay(&before, &firing)?;
        self.learn(&readings, &notified);
        Ok(())
    }

    /// The rows that were read, by what they share.
    fn alike(&self) -> BTreeMap<MatchKey, Vec<Row>> {
        let mut alike: BTreeMap<MatchKey, Vec<Row>> = BTreeMap::new();
        for (row, likeness) in self.tasks.iter().filter(|(row, _)| self.is_there(**row)) {
            alike.entry(*likeness).or_default().push(*row);
        }
        alike
    }

    fn as_many_as_tasks(&self, firing: &BTreeSet<String>, evaluated: bool) -> Result<(), TestCaseError> {
        let late = self.alike().into_iter().filter(|(likeness, _)| is_late(*likeness));
        let expected: usize = late.map(|(_, rows)| most_of_one_source(&rows)).sum();
        prop_assert_eq!(firing.len(), expected, "{:?} fire", firing);
        if evaluated {
            prop_assert_eq!(&self.open(), firing, "open is what fires");
        } else {
            prop_assert!(self.open().is_superset(firing));
        }
        Ok(())
    }

    /// A name goes on as long as one of its rows holds, and is given up only where there are more names than tasks.
    fn names_stay(&self, before: &BTreeSet<String>, firing: &BTreeSet<String>) -> Result<(), TestCaseError> {
        let late = self.alike().into_iter().filter(|(likeness, _)| is_late(*likeness));
        for (likeness, rows) in late {
            let holds = |name: &&String| {
                let known = self.known.get(*name);
                known.is_some_and(|known| known.likeness == likeness && rows.iter().any(|row| known.rows.contains(row)))
            };
            let held: Vec<&String> = before.iter().filter(holds).collect();
            let kept = held.iter().filter(|name| firing.contains(**name)).count();
            prop_assert_eq!(
                kept,
                held.len().min(most_of_one_source(&rows)),
                "of {:?} at {:?} these fire: {:?}",
                held,
                likeness,
                firing
            );
        }
        Ok(())
    }

    fn learn(&mut self, readings: &[TaskReading], identities: &TaskIdentities) {
        let row_of = |source: &str, id: &str| -> Row {
            (SOURCES.iter().position(|name| *name == source).unwrap(), id[2..].parse().unwrap())
        };
        let present: BTreeSet<Row> = self.tasks.keys().copied().filter(|row| self.is_there(*row)).collect();
        let open = self.open();
        self.known.retain(|name, _| open.contains(name));
        self.known.values_mut().for_each(|known| known.rows.retain(|row| !present.contains(row)));
        for task in merge_tasks(readings, identities).iter().filter(|task| open.contains(&*task.name)) {
            let rows: BTreeSet<Row> = task.rows.iter().map(|(source, id)| row_of(source, id)).collect();
            let likeness = self.tasks[rows.first().unwrap()];
            let known =
                self.known.entry(task.name.clone().into_owned()).or_insert(Known { likeness, rows: rows.clone() });
            if is_late(likeness) {
                known.likeness = likeness;
            }
            known.rows.extend(rows);
        }
    }

    fn happen(&mut self, event: &Event) -> Result<(), TestCaseError> {
        let put =
            |set: &mut BTreeSet<usize>, source, inside| if inside { set.insert(source) } else { set.remove(&source) };
        match *event {
            Event::Put(row, likeness) => drop(self.tasks.insert(row, likeness)),
            Event::Drop(row) => drop(self.tasks.remove(&row)),
            Event::Fail(source, fails) => drop(put(&mut self.failing, source, fails)),
            Event::Plug(source, plugged) => drop(put(&mut self.unplugged, source, !plugged)),
            Event::Check => self.check()?,
        }
        Ok(())
    }

    /// The same again: nothing is notified, nothing is over, and what is over is forgotten.
    fn is_at_rest(&mut self) -> Result<(), TestCaseError> {
        let memory = self.memory.clone();
        self.check()?;
        prop_assert_eq!(&self.memory, &memory);
        let aliases = self.aliases.clone();
        self.check()?;
        prop_assert_eq!(&self.memory, &memory);
        prop_assert_eq!(&self.aliases, &aliases);
        Ok(())
    }
}

fn is_late((_, day): MatchKey) -> bool {
    day < 2
}

fn most_of_one_source(rows: &[Row]) -> usize {
    (0..SOURCES.len()).map(|source| rows.iter().filter(|(of, _)| *of == source).count()).max().unwrap()
}

fn event() -> impl Strategy<Value = Event> {
    let row = || (0..SOURCES.len(), 0..3_usize);
    let likeness =
        (prop_oneof![3 => Just(0_usize), 1 => Just(1)], prop_oneof![3 => Just(0_usize), 2 => Just(1), 1 => Just(2)]);
    prop_oneof![
        6 => (row(), likeness).prop_map(|(row, likeness)| Event::Put(row, likeness)),
        3 => row().prop_map(Event::Drop),
        1 => (0..SOURCES.len(), any::<bool>()).prop_map(|(source, fails)| Event::Fail(source, fails)),
        1 => (0..SOURCES.len(), any::<bool>()).prop_map(|(source, plugged)| Event::Plug(source, plugged)),
        8 => Just(Event::Check),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn notified_task_keeps_its_name(events in prop::collection::vec(event(), 1..60)) {
        let mut world = World::default();
        for event in &events {
            world.happen(event)?;
        }
        world.check()?;
        world.is_at_rest()?;
        // In the end all is done.
        world.tasks.clear();
        world.failing.clear();
        world.unplugged.clear();
        world.check()?;
        prop_assert_eq!(world.open(), BTreeSet::new());
    }
}
