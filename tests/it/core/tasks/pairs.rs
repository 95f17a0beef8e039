//! What makes two rows one task, and what is notified of it.

use jiff::{SignedDuration, Timestamp};
use operator::core::alert::Priority;
use operator::core::facts::{Postponement, Task, TaskReading, TaskStatus};
use operator::core::rules::patterns::{self, PatternFacts};
use operator::core::rules::tasks::{TaskFacts, evaluate};
use operator::core::tasks::{Aliases, MergedTask, TaskIdentities, merge_tasks};
use rstest::rstest;

use crate::support::facts::{alert, at, due, keys, state_store, task, task_due, workos};

fn moment() -> Timestamp {
    "2026-11-20T15:00:00Z".parse().unwrap()
}

fn merged(readings: &[TaskReading]) -> Vec<MergedTask<'_>> {
    merge_tasks(readings, &TaskIdentities::default())
}

fn reading(source: &'static str, tasks: Vec<Task>) -> TaskReading {
    TaskReading { source, commitments: None, ..state_store(moment(), tasks) }
}

fn todoist(tasks: Vec<Task>) -> TaskReading {
    reading("todoist", tasks)
}

fn taskwarrior(tasks: Vec<Task>) -> TaskReading {
    reading("taskwarrior", tasks)
}

fn report(id: &str, title: &str, when: &str) -> Task {
    Task { due: (!when.is_empty()).then(|| due(when)), ..task(id, title) }
}

#[rstest]
#[case::the_same("Report", "2026-11-19", 1)]
#[case::in_other_case_and_spacing("  rEPORT\t", "2026-11-19", 1)]
#[case::at_a_time_of_that_day("Report", "2026-11-19T14:00", 1)]
#[case::on_another_day("Report", "2026-11-18", 2)]
#[case::another_title("Report!", "2026-11-19", 2)]
#[case::without_a_date("Report", "", 2)]
fn tasks_with_one_title_and_one_date_are_one(#[case] title: &str, #[case] when: &str, #[case] count: usize) {
    let readings = [todoist(vec![report("T", "Report", "2026-11-19")]), taskwarrior(vec![report("W", title, when)])];
    assert_eq!(merged(&readings).len(), count);
}

#[rstest]
#[case::no_dates("Report", "")]
#[case::no_titles(" ", "2026-11-19")]
#[case::stand_ins_for_titles(operator::core::facts::UNTITLED, "2026-11-19")]
fn tasks_that_say_too_little_are_not_the_same(#[case] title: &str, #[case] when: &str) {
    let readings = [todoist(vec![report("T", title, when)]), taskwarrior(vec![report("W", title, when)])];
    assert_eq!(merged(&readings).len(), 2);
}

#[test]
fn two_of_one_source_are_two_however_alike() {
    let twice = || vec![report("1", "Report", "2026-11-19"), report("2", "Report", "2026-11-19")];
    assert_eq!(merged(&[todoist(twice())]).len(), 2);
    assert_eq!(merged(&[todoist(twice()), taskwarrior(twice())]).len(), 2);
    assert_eq!(merged(&[todoist(twice()), taskwarrior(vec![report("9", "Report", "2026-11-19")])]).len(), 2);
}

#[test]
fn equal_times_are_matched_first() {
    let at = |id: &str, time: &str| report(id, "Stand-up", &format!("2026-11-19T{time}"));
    let readings =
        [todoist(vec![at("t1", "09:00"), at("t2", "17:00")]), taskwarrior(vec![at("w1", "17:00"), at("w2", "09:00")])];
    let merged = merged(&readings);
    let rows: Vec<Vec<&str>> = merged.iter().map(|task| task.rows.iter().map(|(_, id)| &**id).collect()).collect();
    assert_eq!(rows, [["w1", "t2"], ["w2", "t1"]]);
}

#[test]
fn most_urgent_source_wins() {
    let low =
        Task { priority: Some(Priority::Low), status: TaskStatus::Pending, ..report("W", "report", "2026-11-20") };
    let high = Task {
        priority: Some(Priority::Critical),
        milestone: true,
        status: TaskStatus::Active,
        ..report("T", "Report", "2026-11-20T14:00")
    };
    let older = moment() - SignedDuration::from_hours(2);
    let readings = [TaskReading { as_of: older, ..todoist(vec![high]) }, taskwarrior(vec![low])];
    let merged = merged(&readings);
    let [one] = &*merged else { panic!("{merged:?}") };
    assert_eq!((&*one.name, one.sources().as_str(), one.as_of), ("W", "taskwarrior, todoist", older));
    assert_eq!((one.task.due, one.task.priority), (Some(due("2026-11-20T14:00")), Some(Priority::Critical)));
    assert_eq!((one.task.milestone, one.task.status, one.task.title.as_str()), (true, TaskStatus::Active, "report"));
}

#[test]
fn merged_task_fires_once_with_both_sources() {
    let readings = [
        todoist(vec![report("T", "Report", "2026-11-19")]),
        taskwarrior(vec![report("W", "report", "2026-11-19"), report("X", "Other", "2026-11-19")]),
    ];
    let facts =
        TaskFacts { readings: &readings, identities: &TaskIdentities::default(), complete: true, free_time: None };
    let evaluation = evaluate(&facts, &Default::default(), &at("2026-11-20T09:05[America/Chicago]"));
    assert_eq!(keys(&evaluation), ["task:deadline_overdue:W", "task:deadline_overdue:X"]);
    let notified = alert(&evaluation, "task:deadline_overdue:W").unwrap();
    assert!(notified.message.ends_with("Taskwarrior and Todoist, just read."), "{notified:?}");
    assert_eq!(notified.facts["source"], "taskwarrior, todoist");
}

#[test]
fn unreadable_row_resolves_no_alias() {
    let both =
        [todoist(vec![report("T", "Report", "2026-11-19")]), taskwarrior(vec![report("W", "Report", "2026-11-19")])];
    let aliases = TaskIdentities::default().aliases_after(&merged(&both), |name| name == "W");
    let notified = TaskIdentities::new([("W".to_owned(), None)], aliases);
    let unreadable = [TaskReading { unreadable: vec!["T".into()], ..todoist(vec![]) }, taskwarrior(vec![])];
    let facts = TaskFacts { readings: &unreadable, identities: &notified, complete: true, free_time: None };
    let evaluation = evaluate(&facts, &Default::default(), &at("2026-11-20T09:05[America/Chicago]"));
    assert!(evaluation.evaluated.contains("task:deadline_overdue"));
    assert!(!evaluation.can_resolve(&"task:deadline_overdue:W".parse().unwrap()));
}

#[test]
fn unreadable_row_resolves_no_occurrence() {
    let odd = [TaskReading { unreadable: vec!["8".into()], ..todoist(vec![]) }];
    let open = ["8", "8@2026-11-26", "88@2026-11-26"];
    let notified = TaskIdentities::new(open.map(|name| (name.to_owned(), None)), Aliases::new());
    let facts = TaskFacts { readings: &odd, identities: &notified, complete: true, free_time: None };
    let evaluation = evaluate(&facts, &Default::default(), &at("2026-11-20T09:05[America/Chicago]"));
    let over = open.map(|name| evaluation.can_resolve(&format!("task:deadline_overdue:{name}").parse().unwrap()));
    assert_eq!(over, [false, false, true]);
}

#[test]
fn unreadable_note_resolves_nothing() {
    let closed = reading("markdown", vec![]);
    let closed = [TaskReading { unreadable: vec!["a.md#".into(), "Old/".into()], ..closed }];
    let open = ["a.md#rent", "ab.md#rent", "Old/c.md#rent", "Older/c.md#rent"];
    let notified = TaskIdentities::new(open.map(|name| (name.to_owned(), None)), Aliases::new());
    let facts = TaskFacts { readings: &closed, identities: &notified, complete: true, free_time: None };
    let evaluation = evaluate(&facts, &Default::default(), &at("2026-11-20T09:05[America/Chicago]"));
    let over = open.map(|name| evaluation.can_resolve(&format!("task:deadline_overdue:{name}").parse().unwrap()));
    assert_eq!(over, [false, true, false, true]);
}

#[test]
fn merged_task_is_postponed_once() {
    let readings =
        [todoist(vec![report("T", "Report", "2026-11-24")]), taskwarrior(vec![report("W", "report", "2026-11-24")])];
    let event = |source: &str, id: &str, hours: i64| Postponement {
        source: source.into(),
        task_id: id.into(),
        title: "Report".into(),
        at: moment() - SignedDuration::from_hours(hours),
        change: format!("due, {hours} h ago"),
    };
    let judged = |events: &[Postponement]| {
        let facts = PatternFacts { days: &[], postponements: events, readings: &readings, complete: true, focus: None };
        patterns::evaluate(&facts, &Default::default(), &moment().to_zoned_datetime(jiff::tz::TimeZone::UTC))
    };
    let twice = [
        event("todoist", "T", 3),
        event("taskwarrior", "W", 3),
        event("todoist", "T", 2),
        event("taskwarrior", "W", 2),
    ];
    assert_eq!(keys(&judged(&twice)), [""; 0]);
    let thrice = [&twice[..], &[event("todoist", "T", 1), event("taskwarrior", "W", 1)]].concat();
    let evaluation = judged(&thrice);
    assert_eq!(keys(&evaluation), ["pattern:procrastination:report"]);
    assert_eq!(evaluation.alerts[0].facts["postponed"], 3);
    assert_eq!(evaluation.alerts[0].facts["source"], "taskwarrior, todoist");
}

#[test]
fn bonds_are_kept_only_for_what_is_told_of() {
    let readings =
        [todoist(vec![report("T", "Report", "2026-11-24")]), taskwarrior(vec![report("W", "Report", "2026-11-24")])];
    assert_eq!(TaskIdentities::default().aliases_after(&merged(&readings), |_| false), Aliases::new());
    let alone = [todoist(vec![report("T", "Report", "2026-11-24")])];
    assert_eq!(
        TaskIdentities::default().aliases_after(&merged(&alone), |_| true),
        Aliases::new(),
        "its name says it all"
    );
}

// === Copies that one source keeps of another's tasks ===

#[test]
fn copy_and_original_are_one_task() {
    let later = moment() + SignedDuration::from_mins(5);
    let original = Task {
        status: TaskStatus::Backlog,
        milestone: true,
        priority: Some(Priority::Low),
        ..task("11", "As WorkOS calls it")
    };
    let copy = Task {
        title: "As the store calls it".into(),
        priority: Some(Priority::Critical),
        same_as: Some(("workos".into(), "11".into())),
        ..task_due("t-11", "2026-11-20")
    };
    let readings = [workos(moment(), vec![original, task("12", "Alone")]), state_store(later, vec![copy.clone()])];
    let merged = merged(&readings);
    assert_eq!(merged.len(), 2);
    assert_eq!((merged[0].source, merged[0].as_of), ("state_store", moment()));
    assert_eq!(*merged[0].task, Task { status: TaskStatus::Backlog, milestone: true, ..copy });
    assert_eq!((merged[1].source, merged[1].task.id.as_str()), ("workos", "12"));
}

#[test]
fn copy_without_original_stays_alone() {
    let copy = |id: &str| Task { same_as: Some(("workos".into(), id.into())), ..task_due("t-1", "2026-11-20") };
    let alone = [state_store(moment(), vec![copy("1")])];
    assert_eq!(*merged(&alone)[0].task, copy("1"));
    let other = [workos(moment(), vec![task("2", "Other")]), state_store(moment(), vec![copy("1")])];
    assert_eq!(merged(&other).len(), 2);
}

#[test]
fn same_id_in_two_sources_is_two_tasks() {
    let readings = [workos(moment(), vec![task("1", "A")]), state_store(moment(), vec![task("1", "B")])];
    assert_eq!(merged(&readings).len(), 2);
}

#[test]
fn self_reference_is_kept() {
    let odd = Task { same_as: Some(("workos".into(), "1".into())), ..task("1", "A") };
    assert_eq!(*merged(&[workos(moment(), vec![odd.clone()])])[0].task, odd);
}
