//! The task summary and its part of the dashboard.

use jiff::{SignedDuration, ToSpan};
use operator::core::facts::{Task, TaskReading};
use operator::core::tasks::summary::TaskSummary;
use operator::store::Store;
use operator::store::task_snapshots::SnapshotDiff;

use super::support::{calm, commit, now, part, real_week, render_page, words};
use crate::support::facts::{state_store, task, task_due, workos};

fn commit_reading(store: &mut Store, reading: &TaskReading) {
    let previous = store.task_snapshot(reading.source).unwrap();
    let update = SnapshotDiff::between(previous.as_ref(), reading);
    commit(store, reading.as_of, &[], &[], &[update]);
}

fn summary(readings: &[TaskReading]) -> TaskSummary {
    let mut store = Store::in_memory().unwrap();
    readings.iter().for_each(|reading| commit_reading(&mut store, reading));
    store.task_summary(&now()).unwrap()
}

fn numbers(tasks: &TaskSummary) -> [u64; 3] {
    [tasks.open, tasks.overdue, tasks.due_today]
}

#[test]
fn overdue_today_and_later_are_distinct() {
    let at = now().timestamp();
    let tasks = [
        task("1", "No date"),
        task_due("2", "2026-11-19"),
        task_due("3", "2026-11-20"),
        task_due("4", "2026-11-20T09:00"),
        task_due("5", "2026-11-20T16:30"),
        task_due("6", "2026-11-21"),
        task("7", "\"due\":{ and \"same_as\":["),
    ];
    let tasks = summary(&[state_store(at, tasks.into())]);
    assert_eq!(numbers(&tasks), [7, 2, 2]);
    assert_eq!(tasks.longest_overdue.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["2", "4"]);
    assert_eq!(tasks.read_at["state_store"], at);
}

#[test]
fn task_linked_in_two_sources_counts_once() {
    let at = now().timestamp();
    let copy = Task { same_as: Some(("workos".into(), "w".into())), ..task_due("s", "2026-11-01") };
    let gone = Task { same_as: Some(("workos".into(), "gone".into())), ..task_due("t", "2026-11-02") };
    let tasks = summary(&[workos(at, vec![task("w", "Both"), task("x", "One")]), state_store(at, vec![copy, gone])]);
    assert_eq!(numbers(&tasks), [3, 2, 0]);
    // Where only the original's source knows dates, it is the original that counts.
    let dated = TaskReading { source: "workos", ..state_store(at, vec![task_due("w", "2026-11-20")]) };
    let copy = Task { same_as: Some(("workos".into(), "w".into())), ..task_due("s", "2026-11-01") };
    let undated = TaskReading { source: "state_store", ..workos(at, vec![copy]) };
    assert_eq!(numbers(&summary(&[dated, undated])), [1, 0, 1]);
}

#[test]
fn task_equal_in_two_sources_counts_once() {
    let at = now().timestamp();
    let titled = |id: &str, title: &str, when: &str| Task { title: title.into(), ..task_due(id, when) };
    let todoist = |tasks| TaskReading { source: "todoist", commitments: None, ..state_store(at, tasks) };
    let mine = vec![titled("a", "Report", "2026-11-19"), titled("b", "Report", "2026-11-19"), task("c", "Call")];
    let theirs = vec![titled("d", "report ", "2026-11-19"), titled("e", "Letter", "2026-11-20"), task("f", "Call")];
    let summary = summary(&[state_store(at, mine), todoist(theirs)]);
    assert_eq!(numbers(&summary), [5, 2, 1], "without a date the two calls stay distinct");
}

#[test]
fn task_postponed_in_two_sources_is_named_once() {
    let mut store = Store::in_memory().unwrap();
    for (days, due) in [(3, "2026-11-18"), (2, "2026-11-22")] {
        let at = now().timestamp() - SignedDuration::from_hours(24 * days);
        let moved = |id: &str| vec![Task { title: "Report".into(), ..task_due(id, due) }];
        commit_reading(&mut store, &state_store(at, moved("s")));
        commit_reading(
            &mut store,
            &TaskReading { source: "todoist", commitments: None, ..state_store(at, moved("t")) },
        );
    }
    let named = store.task_summary(&now()).unwrap().most_postponed;
    assert_eq!(named.iter().map(|task| (task.id.as_str(), task.postponed)).collect::<Vec<_>>(), [("s", 1)]);
}

#[test]
fn recent_postponements_of_open_tasks_count() {
    let mut store = Store::in_memory().unwrap();
    let moved = |ago: i64, due: &str, others: Vec<Task>| {
        let at = now().timestamp() - SignedDuration::from_hours(24 * ago);
        state_store(at, [vec![task_due("a", due)], others].concat())
    };
    commit_reading(&mut store, &moved(40, "2026-10-01", vec![task_due("b", "2026-10-01")]));
    commit_reading(&mut store, &moved(35, "2026-10-05", vec![task_due("b", "2026-10-05")]));
    commit_reading(&mut store, &moved(20, "2026-11-05", vec![task_due("b", "2026-11-05")]));
    commit_reading(&mut store, &moved(10, "2026-11-15", vec![task_due("b", "2026-11-15")]));
    commit_reading(&mut store, &moved(1, "2026-11-15", Vec::new()));
    let tasks = store.task_summary(&now()).unwrap();
    assert_eq!(tasks.most_postponed.iter().map(|t| (t.id.as_str(), t.postponed)).collect::<Vec<_>>(), [("a", 2)]);
    assert_eq!(tasks.longest_overdue[0].postponed, 2);
    let shown = words(part(&render_page(&calm(), &store, "/"), "tasks"));
    assert!(shown.contains("Task a 5 days ago, Sun 15 Nov State store · postponed 2 times"), "{shown}");
    assert!(shown.contains("State store, read 1 day ago"), "{shown}");
}

#[test]
fn ten_thousand_open_tasks_are_counted() {
    let mut store = Store::in_memory().unwrap();
    let many = |number: i64| match number % 100 {
        0 => task_due(&format!("{number:05}"), &(now().date() - (1 + number / 100).days()).to_string()),
        1 => task_due(&format!("{number:05}"), "2026-11-20"),
        _ => task(&format!("{number:05}"), &format!("Call the workshop about order {number}")),
    };
    let at = now().timestamp();
    commit_reading(&mut store, &state_store(at, (0..20_000).map(|n| task(&format!("done {n}"), "Done")).collect()));
    commit_reading(&mut store, &state_store(at, (0..10_000).map(many).collect()));
    let tasks = store.task_summary(&now()).unwrap();
    assert_eq!((numbers(&tasks), tasks.longest_overdue.len()), ([10_000, 100, 100], 20));
    assert_eq!((tasks.longest_overdue[0].id.as_str(), tasks.longest_overdue[19].id.as_str()), ("09900", "08000"));
    let page = render_page(&calm(), &store, "/");
    let words = words(part(&page, "tasks"));
    assert!(words.starts_with("Tasks open 10 000 overdue 100 due today 100"), "{words}");
    assert!(words.contains("and 80 more") && page.len() < 100_000, "{} bytes: {words}", page.len());
}

#[test]
fn real_week_matches_the_rules() {
    let (_home, status, store) = real_week();
    let tasks = store.task_summary(&now()).unwrap();
    assert_eq!(numbers(&tasks), [13, 2, 2]);
    let titles: Vec<&str> = tasks.longest_overdue.iter().map(|task| task.title.as_str()).collect();
    assert_eq!(titles, ["Renew the passport", "Ship the onboarding"]);
    assert_eq!(tasks.most_postponed[0].postponed, 3);
    let overdue = |title: &&&str| status.open.iter().any(|alert| alert.title == format!("Overdue: {title}"));
    assert_eq!(titles.iter().filter(overdue).count(), 2, "each has an alert");
    let back: TaskSummary = serde_json::from_value(serde_json::to_value(&tasks).unwrap()).unwrap();
    assert_eq!(back, tasks);
}
