//! To-dos as tasks.

use operator::core::alert::Priority;
use operator::core::facts::{Task, TaskStatus};
use rstest::rstest;

use crate::support::ical::{calendar, evaluate, todo};

const NOW: &str = "2026-11-20T09:00[Europe/Berlin]";

fn tasks(todos: &str) -> Vec<Task> {
    evaluate(&calendar(todos), NOW).tasks
}

fn due(lines: &str) -> Option<String> {
    let tasks = tasks(&todo(&format!("UID:a\nSUMMARY:Tax\n{lines}")));
    tasks.first().and_then(|task| task.due).map(|due| due.to_string())
}

#[rstest]
#[case::none("", None)]
#[case::day("DUE;VALUE=DATE:20261122", Some("2026-11-22"))]
#[case::floating("DUE:20261122T170000", Some("2026-11-22 17:00"))]
#[case::utc("DUE:20261122T170000Z", Some("2026-11-22 18:00"))]
#[case::other_zone("DUE;TZID=America/New_York:20261122T170000", Some("2026-11-22 23:00"))]
#[case::start_and_duration("DTSTART:20261122T100000\nDURATION:P1DT2H", Some("2026-11-23 12:00"))]
#[case::start_only("DTSTART:20261122T100000", None)]
fn due_date_is_parsed(#[case] lines: &str, #[case] expected: Option<&str>) {
    assert_eq!(due(lines).as_deref(), expected);
}

#[rstest]
#[case("", true)]
#[case("STATUS:NEEDS-ACTION", true)]
#[case("STATUS:IN-PROCESS\nPERCENT-COMPLETE:50", true)]
#[case("STATUS:COMPLETED", false)]
#[case("STATUS:CANCELLED", false)]
#[case("COMPLETED:20261101T100000Z", false)]
#[case("PERCENT-COMPLETE:100", false)]
fn closed_todo_is_not_a_task(#[case] lines: &str, #[case] open: bool) {
    assert_eq!(tasks(&todo(&format!("UID:a\n{lines}"))).len(), usize::from(open));
}

#[test]
fn title_priority_and_status_are_kept() {
    let all = tasks(
        &(todo("UID:a\nSUMMARY:Call Bob\\, then Eve\\nnow\nPRIORITY:1\nSTATUS:IN-PROCESS")
            + &todo("UID:b\nPRIORITY:5")
            + &todo("UID:c\nPRIORITY:9")
            + &todo("UID:d\nPRIORITY:0")),
    );
    let actual: Vec<_> =
        all.iter().map(|task| (task.id.as_str(), task.title.as_str(), task.priority, task.status)).collect();
    let expected = [
        ("a", "Call Bob, then Eve now", Some(Priority::High), TaskStatus::Active),
        ("b", "Untitled", Some(Priority::Medium), TaskStatus::Pending),
        ("c", "Untitled", Some(Priority::Low), TaskStatus::Pending),
        ("d", "Untitled", None, TaskStatus::Pending),
    ];
    assert_eq!(actual, expected);
}

const WEEKLY: &str = "UID:a\nSUMMARY:Bins\nDTSTART;VALUE=DATE:20261102\nDUE;VALUE=DATE:20261103\nRRULE:FREQ=WEEKLY";

#[rstest]
#[case::first("", "a@2026-11-02", "2026-11-03")]
#[case::excluded("EXDATE;VALUE=DATE:20261102", "a@2026-11-09", "2026-11-10")]
fn first_open_instance_is_the_task(#[case] line: &str, #[case] id: &str, #[case] due: &str) {
    let tasks = tasks(&todo(&format!("{WEEKLY}\n{line}")));
    let actual: Vec<_> = tasks.iter().map(|task| (task.id.clone(), task.due.unwrap().to_string())).collect();
    assert_eq!(actual, [(id.to_owned(), due.to_owned())]);
}

#[test]
fn overrides_complete_and_move_instances() {
    let done = |day: &str| todo(&format!("UID:a\nRECURRENCE-ID;VALUE=DATE:{day}\nSTATUS:COMPLETED"));
    let both = todo(WEEKLY) + &done("20261102") + &done("20261109");
    let next = tasks(&both);
    assert_eq!((next[0].id.as_str(), next[0].due.unwrap().to_string().as_str()), ("a@2026-11-16", "2026-11-17"));
    let moved = todo("UID:a\nRECURRENCE-ID;VALUE=DATE:20261116\nSUMMARY:Bins, the big ones\nDUE;VALUE=DATE:20261120");
    let next = tasks(&(both + &moved));
    assert_eq!((next[0].id.as_str(), next[0].title.as_str()), ("a@2026-11-16", "Bins, the big ones"));
    assert_eq!(next[0].due.unwrap().to_string(), "2026-11-20");
}

#[rstest]
#[case::hours("FREQ=HOURLY", "2026-11-20 08:00")]
#[case::minutes("FREQ=MINUTELY;INTERVAL=5", "2026-11-20 08:00")]
#[case::seconds("FREQ=SECONDLY;BYHOUR=10", "2026-11-20 10:00")]
fn sub_daily_todo_is_a_task(#[case] rule: &str, #[case] expected: &str) {
    let lines = format!("DTSTART:20261120T080000\nDUE:20261120T080000\nRRULE:{rule}");
    assert_eq!(due(&lines).as_deref(), Some(expected));
}

#[test]
fn todo_beyond_the_budget_is_unreadable() {
    let day = |number: i64| {
        let day = jiff::civil::date(2026, 11, 2) + jiff::ToSpan::days(number);
        day.strftime("%Y%m%d").to_string()
    };
    let excluded: String = (0..4990).map(|number| format!("\nEXDATE;VALUE=DATE:{}", day(number))).collect();
    let done =
        (4990..5010).map(|number| todo(&format!("UID:a\nRECURRENCE-ID;VALUE=DATE:{}\nSTATUS:COMPLETED", day(number))));
    let series = todo(&format!("{WEEKLY}{excluded}").replace("WEEKLY", "DAILY"));
    let reading = evaluate(&calendar(&(series + &done.collect::<String>())), NOW);
    assert_eq!((reading.tasks.len(), reading.unreadable), (0, vec!["a".to_owned()]));
}

#[test]
fn completed_series_is_not_a_task() {
    let ended = WEEKLY.to_owned() + ";COUNT=1";
    let done = todo("UID:a\nRECURRENCE-ID;VALUE=DATE:20261102\nSTATUS:COMPLETED");
    assert_eq!(tasks(&(todo(&ended) + &done)), []);
}
