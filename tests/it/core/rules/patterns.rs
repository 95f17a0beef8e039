//! Every pattern rule at, just under and just over every limit.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use operator::core::alert::Priority::{self, High, Low, Medium};
use operator::core::facts::{Activity, FocusFile, HealthDay, Postponement, Task, TaskReading, Thought};
use operator::core::rules::Evaluation;
use operator::core::rules::patterns::{PatternFacts, evaluate};
use operator::core::rules::thresholds::PatternThresholds;
use rstest::rstest;

use crate::support::facts::{alert, at, date, days, keys, priority, readiness, slept, state_store, task, workos};

const NOW: &str = "2026-11-20T10:00[America/Chicago]";

fn now() -> ZonedDateTime {
    at(NOW)
}

fn hours_ago(hours: i64) -> Timestamp {
    now().timestamp() - SignedDuration::from_hours(hours)
}

fn today() -> Date {
    date("2026-11-20")
}

const NOTHING: PatternFacts<'static> =
    PatternFacts { days: &[], postponements: &[], readings: &[], complete: true, focus: None };

fn judged(facts: &PatternFacts<'_>) -> Evaluation {
    evaluate(facts, &PatternThresholds::default(), &now())
}

fn postponement(task_id: &str, at: Timestamp) -> Postponement {
    Postponement {
        source: "state_store".into(),
        task_id: task_id.into(),
        title: "Old title".into(),
        at,
        change: "due 2026-11-18 → 2026-11-21".into(),
    }
}

const PUT_OFF: &str = "pattern:procrastination:write_report";

#[rstest]
#[case::enough(3, &[1, 2, 3], true)]
#[case::too_few(3, &[1, 2], false)]
#[case::more(3, &[1, 1, 2, 3], true)]
#[case::just_inside(3, &[1, 2, 167], true)]
#[case::just_outside(3, &[1, 2, 168], false)]
#[case::now_counts(3, &[0, 2, 3], true)]
#[case::future_does_not(3, &[-1, 2, 3], false)]
#[case::a_lower_limit(2, &[1, 2], true)]
#[case::a_higher_limit(4, &[1, 2, 3], false)]
fn repeated_postponement_fires(#[case] limit: u32, #[case] hours: &[i64], #[case] expected: bool) {
    let events: Vec<_> = hours.iter().map(|hours| postponement("7", hours_ago(*hours))).collect();
    let readings = [state_store(now().timestamp(), vec![task("7", "Write report!")])];
    let limits = PatternThresholds { postponed_times: limit, ..PatternThresholds::default() };
    let facts = PatternFacts { postponements: &events, readings: &readings, ..NOTHING };
    let evaluation = evaluate(&facts, &limits, &now());
    assert_eq!(priority(&evaluation, PUT_OFF), expected.then_some(Medium));
    assert!(evaluation.evaluated.contains("pattern:procrastination"));
}

#[test]
fn postponements_count_for_open_tasks_only() {
    let mut events: Vec<_> = ["7", "7", "8"].iter().map(|id| postponement(id, hours_ago(1))).collect();
    events.push(Postponement { source: "workos".into(), ..postponement("7", hours_ago(1)) });
    events.extend(["9", "9", "9"].map(|id| postponement(id, hours_ago(1))));
    let tasks: Vec<Task> = ["7", "8"].iter().map(|id| task(id, "Write report")).collect();
    let readings = [state_store(now().timestamp(), tasks), workos(now().timestamp(), vec![task("7", "Other")])];
    assert!(judged(&PatternFacts { postponements: &events, readings: &readings, ..NOTHING }).alerts.is_empty());
}

#[test]
fn equal_slugs_become_one_alert() {
    let events: Vec<_> =
        ["7", "8", "9"].iter().flat_map(|id| [1, 2, 3].map(|h| postponement(id, hours_ago(h)))).collect();
    let tasks = vec![task("7", "Write report!"), task("8", "write REPORT"), task("9", "???")];
    let readings = [state_store(now().timestamp(), tasks)];
    let evaluation = judged(&PatternFacts { postponements: &events, readings: &readings, ..NOTHING });
    assert_eq!(keys(&evaluation), ["pattern:procrastination:9", PUT_OFF]);
}

#[test]
fn unreadable_task_is_not_resolved() {
    let events = [Postponement { title: "Write report!".into(), ..postponement("7", hours_ago(1)) }];
    let store = state_store(now().timestamp(), vec![]);
    let readings = [TaskReading { unreadable: vec!["7".into()], ..store.clone() }];
    let evaluation = judged(&PatternFacts { postponements: &events, readings: &readings, ..NOTHING });
    assert!(!evaluation.can_resolve(&PUT_OFF.parse().unwrap()));
    let evaluation = judged(&PatternFacts { postponements: &events, readings: &[store], ..NOTHING });
    assert!(evaluation.can_resolve(&PUT_OFF.parse().unwrap()));
}

fn thought(content: &str, hours: i64) -> Thought {
    Thought { content: content.into(), worry: false, processed: false, at: hours_ago(hours) }
}

fn with_thoughts(thoughts: Vec<Thought>) -> [TaskReading; 1] {
    [TaskReading { thoughts: Some(thoughts), ..workos(now().timestamp(), vec![]) }]
}

#[rstest]
#[case::enough(3, &["Call mum", "call mum!", " CALL  mum"], true)]
#[case::too_few(3, &["Call mum", "call mum!"], false)]
#[case::different(3, &["Call mum", "call mum!", "call dad"], false)]
#[case::a_lower_limit(2, &["Call mum", "call mum!"], true)]
#[case::a_higher_limit(4, &["Call mum", "call mum!", "call mum"], false)]
#[case::no_words(3, &["!!!", "???", "..."], false)]
fn repeated_thought_fires(#[case] limit: u32, #[case] texts: &[&str], #[case] expected: bool) {
    let readings = with_thoughts(texts.iter().map(|text| thought(text, 500)).collect());
    let limits = PatternThresholds { thought_times: limit, ..PatternThresholds::default() };
    let evaluation = evaluate(&PatternFacts { readings: &readings, ..NOTHING }, &limits, &now());
    assert_eq!(!evaluation.alerts.is_empty(), expected);
    assert_eq!(priority(&evaluation, "pattern:procrastination:call_mum"), expected.then_some(Medium));
}

#[test]
fn worry_text_is_not_shown() {
    let worries = [1, 2, 3].map(|hours| Thought { worry: true, ..thought("Am I ill", hours) });
    let found = judged(&PatternFacts { readings: &with_thoughts(worries.into()), ..NOTHING });
    let notified = found.alerts.iter().find(|alert| alert.key.rule() == "pattern:procrastination").unwrap();
    assert!(!format!("{} {} {:?}", notified.title, notified.message, notified.facts).contains("ill"), "{notified:?}");
}

#[test]
fn processed_thought_does_not_count() {
    let done = Thought { processed: true, ..thought("Call mum", 1) };
    let readings = with_thoughts(vec![done, thought("Call mum", 2), thought("Call mum", 3)]);
    assert!(judged(&PatternFacts { readings: &readings, ..NOTHING }).alerts.is_empty());
}

/// Means are over `last` (0 to 6 days ago) and `before` (7 to 13 days ago).
fn two_weeks(before: &[f64], last: &[f64]) -> Vec<HealthDay> {
    [days(today(), 7, before, readiness), days(today(), 0, last, readiness)].concat()
}

#[rstest]
#[case::at_20_percent(&[80.0; 7], &[64.0; 7], Some(High))]
#[case::just_under(&[80.0; 7], &[64.0, 64.0, 64.0, 64.0, 64.0, 64.0, 65.0], None)]
#[case::just_over(&[80.0; 7], &[64.0, 64.0, 64.0, 64.0, 64.0, 64.0, 63.0], Some(High))]
#[case::a_mean_that_is_not_whole(&[80.0, 80.0, 70.0, 70.0, 70.0, 70.0, 80.0], &[64.0, 64.0, 56.0, 56.0, 56.0, 56.0, 64.0], Some(High))]
#[case::four_days_each(&[80.0; 4], &[60.0; 4], Some(High))]
#[case::better(&[60.0; 7], &[80.0; 7], None)]
fn readiness_falls_from_week_to_week(#[case] before: &[f64], #[case] last: &[f64], #[case] expected: Option<Priority>) {
    let evaluation = judged(&PatternFacts { days: &two_weeks(before, last), ..NOTHING });
    assert_eq!(priority(&evaluation, "pattern:energy_decline"), expected);
    assert!(evaluation.evaluated.contains("pattern:energy_decline"));
}

#[rstest]
#[case::last_week_short(&[80.0; 7], &[50.0; 3])]
#[case::week_before_short(&[80.0; 3], &[50.0; 7])]
#[case::unknown_scores(&[80.0, f64::NAN, 101.0, -1.0, 80.0, 80.0], &[50.0; 7])]
#[case::nothing_to_fall_from(&[0.0; 7], &[0.0; 7])]
fn too_few_days_are_not_judged(#[case] before: &[f64], #[case] last: &[f64]) {
    let evaluation = judged(&PatternFacts { days: &two_weeks(before, last), ..NOTHING });
    assert!(evaluation.alerts.is_empty() && !evaluation.evaluated.contains("pattern:energy_decline"));
}

#[test]
fn energy_weeks_have_seven_days() {
    let older = days(today(), 14, &[100.0; 7], readiness);
    let tomorrow = days(today(), -1, &[0.0], readiness);
    let weeks = [older, two_weeks(&[80.0; 7], &[72.0; 7]), tomorrow].concat();
    let facts = PatternFacts { days: &weeks, ..NOTHING };
    assert!(judged(&facts).alerts.is_empty());
    let limits = PatternThresholds { energy_decline_percent: 10.0, ..PatternThresholds::default() };
    let evaluation = evaluate(&facts, &limits, &now());
    assert_eq!(evaluation.alerts[0].facts["mean_readiness_before"], 80.0);
    let limits = PatternThresholds { energy_min_days: 3, ..PatternThresholds::default() };
    let short = two_weeks(&[80.0; 3], &[50.0; 3]);
    assert_eq!(evaluate(&PatternFacts { days: &short, ..NOTHING }, &limits, &now()).alerts.len(), 1);
}

#[rstest]
#[case::three_short(3, 7.0, &[Some(25_199); 3], Some(true))]
#[case::one_at_the_limit(3, 7.0, &[Some(25_199), Some(25_200), Some(25_199)], Some(false))]
#[case::tonight_unknown(3, 7.0, &[Some(20_000), Some(20_000), Some(20_000), None], None)]
#[case::one_unknown(3, 7.0, &[Some(20_000), None, Some(20_000)], None)]
#[case::an_impossible_one(3, 7.0, &[Some(20_000), Some(90_001), Some(20_000)], None)]
#[case::too_few(3, 7.0, &[Some(20_000); 2], None)]
#[case::older_ones_do_not_count(3, 7.0, &[Some(40_000), Some(20_000), Some(20_000), Some(20_000)], Some(true))]
#[case::two_nights(2, 7.0, &[Some(40_000), Some(20_000), Some(20_000)], Some(true))]
#[case::five_nights(5, 7.0, &[Some(20_000); 4], None)]
#[case::another_limit(3, 6.0, &[Some(21_600), Some(21_599), Some(21_599)], Some(false))]
#[case::another_limit_under(3, 6.0, &[Some(21_599); 3], Some(true))]
fn short_nights_in_a_row(
    #[case] nights: u32,
    #[case] under: f64,
    #[case] slept_s: &[Option<u32>],
    #[case] expected: Option<bool>,
) {
    let days = days(today(), 0, slept_s, slept);
    let limits =
        PatternThresholds { sleep_debt_nights: nights, sleep_debt_hours: under, ..PatternThresholds::default() };
    let evaluation = evaluate(&PatternFacts { days: &days, ..NOTHING }, &limits, &now());
    assert_eq!(evaluation.evaluated.contains("pattern:sleep_debt"), expected.is_some());
    assert_eq!(priority(&evaluation, "pattern:sleep_debt"), expected.filter(|fires| *fires).map(|_| High));
}

#[test]
fn sleep_debt_must_include_last_night() {
    let nights = days(today(), 0, &[Some(20_000); 3], slept);
    let facts = PatternFacts { days: &nights, ..NOTHING };
    let on = |now: &str| evaluate(&facts, &PatternThresholds::default(), &at(now)).alerts.len();
    assert_eq!(on("2026-11-20T09:00[America/Chicago]"), 1);
    assert_eq!(on("2026-11-20T20:30[Asia/Kolkata]"), 1);
    assert_eq!(on("2026-11-21T05:00[Pacific/Kiritimati]"), 0);
}

fn with_activity(created: u32, completed: u32, clients_today: Option<u32>) -> TaskReading {
    TaskReading { activity: Some(Activity { created, completed, clients_today }), ..workos(now().timestamp(), vec![]) }
}

#[rstest]
#[case::at_the_ratio(6, 4, None)]
#[case::over(7, 4, Some(Medium))]
#[case::too_few_created(4, 0, None)]
#[case::just_enough_created(5, 0, Some(Medium))]
#[case::five_and_three(5, 3, Some(Medium))]
#[case::five_and_four(5, 4, None)]
#[case::nothing_at_all(0, 0, None)]
fn more_is_created_than_completed(#[case] created: u32, #[case] completed: u32, #[case] expected: Option<Priority>) {
    let readings = [with_activity(created, completed, None)];
    let evaluation = judged(&PatternFacts { readings: &readings, ..NOTHING });
    assert_eq!(priority(&evaluation, "pattern:overcommitment"), expected);
    assert!(evaluation.evaluated.contains("pattern:overcommitment"));
}

#[test]
fn overcommitment_sums_all_sources() {
    let readings = [with_activity(3, 1, None), with_activity(3, 2, None)];
    let facts = PatternFacts { readings: &readings, ..NOTHING };
    assert_eq!(judged(&facts).alerts[0].facts["created"], 6);
    let strict = PatternThresholds { overcommitment_ratio: 2.0, ..PatternThresholds::default() };
    assert!(evaluate(&facts, &strict, &now()).alerts.is_empty());
    let many = PatternThresholds { overcommitment_min_created: 7, ..PatternThresholds::default() };
    assert!(evaluate(&facts, &many, &now()).alerts.is_empty());
}

fn worry(hours: i64) -> Thought {
    Thought { worry: true, processed: true, ..thought(&format!("worry {hours}"), hours) }
}

#[rstest]
#[case::five(5, &[1, 2, 3, 4, 5], Some(Medium))]
#[case::four(5, &[1, 2, 3, 4], None)]
#[case::just_inside(5, &[1, 2, 3, 4, 167], Some(Medium))]
#[case::just_outside(5, &[1, 2, 3, 4, 168], None)]
#[case::in_the_future(5, &[1, 2, 3, 4, -1], None)]
#[case::a_lower_limit(2, &[1, 2], Some(Medium))]
fn worries_recur(#[case] limit: u32, #[case] hours: &[i64], #[case] expected: Option<Priority>) {
    let mut thoughts: Vec<Thought> = hours.iter().map(|hours| worry(*hours)).collect();
    thoughts.push(thought("not a worry", 1));
    let readings = with_thoughts(thoughts);
    let limits = PatternThresholds { worries: limit, ..PatternThresholds::default() };
    let evaluation = evaluate(&PatternFacts { readings: &readings, ..NOTHING }, &limits, &now());
    assert_eq!(priority(&evaluation, "pattern:recurring_worry"), expected);
    let words = format!("{} worries written down in 7 days. WorkOS, just read.", hours.len());
    assert!(evaluation.alerts.iter().all(|alert| alert.message == words));
    assert!(evaluation.evaluated.contains("pattern:recurring_worry"));
}

#[rstest]
#[case(5, Some(5), Some(Low))]
#[case(5, Some(4), None)]
#[case(5, Some(9), Some(Low))]
#[case(3, Some(3), Some(Low))]
fn many_clients_in_a_day(#[case] limit: u32, #[case] clients: Option<u32>, #[case] expected: Option<Priority>) {
    let readings = [with_activity(0, 0, clients), with_activity(0, 0, None)];
    let limits = PatternThresholds { clients_in_a_day: limit, ..PatternThresholds::default() };
    let evaluation = evaluate(&PatternFacts { readings: &readings, ..NOTHING }, &limits, &now());
    assert_eq!(priority(&evaluation, "pattern:context_switching"), expected);
    assert!(evaluation.evaluated.contains("pattern:context_switching"));
}

#[test]
fn unknown_clients_are_not_judged() {
    let readings = [with_activity(0, 0, None)];
    let evaluation = judged(&PatternFacts { readings: &readings, ..NOTHING });
    assert!(!evaluation.evaluated.contains("pattern:context_switching"));
}

#[rstest]
#[case(7, 7 * 24, Some(Low))]
#[case(7, 7 * 24 - 1, None)]
#[case(7, -5, None)]
#[case(3, 3 * 24, Some(Low))]
fn untouched_focus_file_is_stale(#[case] limit: u32, #[case] hours: i64, #[case] expected: Option<Priority>) {
    let focus = FocusFile { name: "focus.md".into(), modified: hours_ago(hours) };
    let limits = PatternThresholds { stale_focus_days: limit, ..PatternThresholds::default() };
    let evaluation = evaluate(&PatternFacts { focus: Some(focus), ..NOTHING }, &limits, &now());
    assert_eq!(priority(&evaluation, "pattern:stale_focus"), expected);
    assert!(evaluation.evaluated.contains("pattern:stale_focus"));
}

#[test]
fn nothing_known_is_nothing_judged() {
    assert_eq!(judged(&NOTHING), Evaluation::default());
}

#[test]
fn stored_copy_has_no_thoughts() {
    let copy = TaskReading { thoughts: None, activity: None, ..workos(now().timestamp(), vec![]) };
    let readings = [copy, state_store(now().timestamp(), vec![])];
    assert!(judged(&PatternFacts { readings: &readings, ..NOTHING }).evaluated.is_empty());
}

#[test]
fn missing_source_resolves_no_pattern() {
    let thoughts = [thought("Call mum", 1), thought("Call mum", 2), thought("Call mum", 3)];
    let reading = TaskReading {
        thoughts: Some(thoughts.into_iter().chain([1, 2, 3, 4, 5].map(worry)).collect()),
        ..with_activity(20, 1, Some(9))
    };
    let evaluation = judged(&PatternFacts { readings: &[reading], complete: false, ..NOTHING });
    let fired = ["pattern:procrastination:call_mum", "pattern:recurring_worry", "pattern:context_switching"];
    assert_eq!(keys(&evaluation), fired);
    assert!(evaluation.evaluated.is_empty());
}

#[test]
fn patterns_are_rendered_in_words() {
    let events = [1, 2, 3].map(|hours| postponement("7", hours_ago(hours)));
    let copy = TaskReading { as_of: hours_ago(2), ..state_store(hours_ago(2), vec![task("7", "Write report!")]) };
    let noted = TaskReading {
        thoughts: Some([72, 2, 3].map(|hours| thought("Call mum", hours)).to_vec()),
        ..with_activity(14, 6, Some(6))
    };
    let synced = |mut day: HealthDay| {
        day.as_of = Some(hours_ago(2));
        day
    };
    let body = days(today(), 0, &[(76.0, 27_000); 14], |date, (score, slept_s)| {
        let recent = date > self::date("2026-11-13");
        HealthDay {
            slept_s: Some(if recent { 22_200 } else { slept_s }),
            ..readiness(date, if recent { 57.0 } else { score })
        }
    });
    let body: Vec<HealthDay> = body.into_iter().map(synced).collect();
    let facts = PatternFacts {
        days: &body,
        postponements: &events,
        readings: &[copy, noted],
        complete: true,
        focus: Some(FocusFile { name: "focus.md".into(), modified: hours_ago(9 * 24) }),
    };
    let evaluation = judged(&facts);
    let notified = |key: &str| {
        let alert = alert(&evaluation, key).unwrap();
        format!("{} | {}", alert.title, alert.message)
    };
    assert_eq!(
        notified(PUT_OFF),
        "Put off 3 times: Write report! | “Write report!” was put off 3 times in 7 days, last 1 h ago: due 2026-11-18 → \
         2026-11-21. State store, as of 2 h ago."
    );
    assert_eq!(
        notified("pattern:procrastination:call_mum"),
        "Written down 3 times: Call mum | “Call mum” has been written down 3 times and not dealt with, first 3 days ago. \
         WorkOS, just read."
    );
    assert_eq!(
        notified("pattern:energy_decline"),
        "Energy is down 25 % from the week before | Mean readiness 57 over 7 days, 25 % under the 76 of the 7 days before \
         (7 and 7 days with a score). Oura, synced 2 h ago."
    );
    assert_eq!(
        notified("pattern:sleep_debt"),
        "3 nights running under 7 h | Slept 6 h 10, 6 h 10, 6 h 10 in the last 3 nights, each under 7 h – your usual is 6 h \
         10–7 h 30. Oura, synced 2 h ago."
    );
    assert_eq!(
        notified("pattern:overcommitment"),
        "Taking on more than gets done | 14 tasks created and 6 completed in 7 days, 2.3 new ones for each one done. State \
         store and WorkOS, as of 2 h ago."
    );
    assert_eq!(
        notified("pattern:context_switching"),
        "6 clients in one day | 6 clients have a task touched today; 5 or more scatter a day. WorkOS, just read."
    );
    assert_eq!(notified("pattern:stale_focus"), "Focus untouched for 9 days | focus.md was last changed 9 days ago.");
}
