//! When the event loop checks: intervals, clock jumps, quiet hours, pauses, commands, a hanging source.

use std::net::TcpListener;
use std::time::Duration;

use jiff::Timestamp;
use operator::core::alert::Monitor;
use operator::core::policy::incident_state::Pause;
use operator::engine::commands::Command;
use serde_json::json;
use tokio::time::timeout;

use crate::support::engine_harness::{EngineHarness, pass};
use crate::support::home::Home;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// A home whose monitors have intervals of ten, fifteen and thirty minutes.
fn home() -> Home {
    let home = Home::new();
    home.set(json!({"intervals": {"health_check": 600, "task_check": 900, "pattern_check": 1800}}));
    home
}

fn minutes(of: impl IntoIterator<Item = i64>) -> Vec<i64> {
    of.into_iter().map(|minute| minute * 60).collect()
}

#[tokio::test(start_paused = true)]
async fn monitors_run_at_their_own_interval() {
    let harness = EngineHarness::start(home(), "09:00");
    pass(3 * HOUR + 1).await;
    assert_eq!(harness.runs(Monitor::Health), minutes((0..=180).step_by(10)));
    assert_eq!(harness.runs(Monitor::Tasks), minutes((0..=180).step_by(15)));
    assert_eq!(harness.runs(Monitor::Patterns), minutes((0..=180).step_by(30)));
}

#[tokio::test(start_paused = true)]
async fn wake_from_sleep_checks_everything_once() {
    let harness = EngineHarness::start(home(), "08:00");
    pass(5 * MINUTE).await;
    harness.jump(8 * 3600);
    pass(9 * MINUTE).await;
    for ran in harness.all_runs() {
        assert_eq!(ran.len(), 2, "one to catch up, however much was missed: {ran:?}");
        let woke = ran[1] - 8 * 3600 - 300;
        assert!((0..=30).contains(&woke), "soon after waking: {woke} s");
    }
    pass(HOUR).await;
    let [health, tasks, patterns] = harness.all_runs();
    let steps = |ran: &[i64]| ran[1..].windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();
    assert_eq!(steps(&health), [600; 6]);
    assert_eq!(steps(&tasks), [900; 4]);
    assert_eq!(steps(&patterns), [1800; 2]);
}

#[tokio::test(start_paused = true)]
async fn short_sleep_is_detected() {
    let harness = EngineHarness::start(home(), "09:00");
    pass(MINUTE).await;
    harness.jump(180);
    pass(MINUTE).await;
    for ran in harness.all_runs() {
        assert!(ran.len() == 2 && (240..=270).contains(&ran[1]), "once, soon after waking: {ran:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn night_of_sleep_ends_with_one_digest() {
    let harness = EngineHarness::start(home(), "22:30");
    pass(MINUTE).await;
    assert_eq!(harness.digests(), 0);
    harness.jump(9 * 3600 + 1800);
    pass(MINUTE).await;
    assert_eq!(harness.all_runs().map(|ran| ran.len()), [2; 3], "quiet hours over and a jump: one check");
    assert_eq!(harness.digests(), 1);
}

#[tokio::test(start_paused = true)]
async fn clock_set_back_keeps_the_intervals() {
    let harness = EngineHarness::start(home(), "20:00");
    pass(5 * MINUTE).await;
    harness.jump(-3 * 3600);
    pass(40 * MINUTE).await;
    let back = |ran: Vec<i64>| ran.into_iter().filter(|at| *at < 0).map(|at| at + 3 * 3600 - 300).collect::<Vec<_>>();
    let [health, tasks, patterns] = harness.all_runs().map(back);
    let steps = |ran: &[i64]| ran.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();
    assert!((0..=30).contains(&health[0]), "it was noticed: {health:?}");
    assert_eq!((health[0], health[0]), (tasks[0], patterns[0]), "everything once");
    assert_eq!(steps(&health), [600; 3]);
    assert_eq!(steps(&tasks), [900; 2]);
    assert_eq!(steps(&patterns), [1800]);
}

#[tokio::test(start_paused = true)]
async fn clock_correction_of_seconds_is_no_jump() {
    let harness = EngineHarness::start(home(), "09:00");
    for correction in [20, -20, 25, -25] {
        pass(2 * MINUTE).await;
        harness.jump(correction);
    }
    pass(MINUTE).await;
    assert_eq!(harness.all_runs(), [[0], [0], [0]]);
    pass(MINUTE + 1).await;
    assert_eq!(harness.runs(Monitor::Health), [0, 600], "and the corrections have come to nothing");
}

#[tokio::test(start_paused = true)]
async fn quiet_hours_end_with_a_check_and_one_digest() {
    let harness = EngineHarness::start(home(), "06:58");
    pass(MINUTE).await;
    assert!(harness.status().is_quiet_hours);
    assert_eq!(harness.digests(), 0);
    pass(MINUTE + 1).await;
    assert!(!harness.status().is_quiet_hours);
    assert_eq!(harness.all_runs(), [[0, 120], [0, 120], [0, 120]]);
    assert_eq!(harness.digests(), 1, "one message");
    pass(2 * HOUR).await;
    assert_eq!(harness.digests(), 1);
    assert_eq!(harness.runs(Monitor::Health)[2], 120 + 600, "intervals begin anew");
}

#[tokio::test(start_paused = true)]
async fn start_of_quiet_hours_checks_nothing() {
    let harness = EngineHarness::start(home(), "21:58");
    pass(5 * MINUTE).await;
    assert!(harness.status().is_quiet_hours, "but it is shown");
    assert_eq!(harness.all_runs(), [[0], [0], [0]]);
}

#[tokio::test(start_paused = true)]
async fn timed_pause_ends_with_one_digest() {
    let home = home();
    let end: Timestamp = home.at("09:07").parse().unwrap();
    let harness =
        EngineHarness::start_prepared(home, "09:00", |store| store.set_pause(Some(Pause::Until(end))).unwrap());
    pass(6 * MINUTE).await;
    assert!(harness.status().paused);
    assert_eq!((harness.digests(), harness.all_runs()), (0, [vec![0], vec![0], vec![0]]));
    pass(MINUTE + 1).await;
    assert!(!harness.status().paused);
    assert_eq!(harness.all_runs(), [[0, 420], [0, 420], [0, 420]]);
    assert_eq!(harness.digests(), 1);
}

#[tokio::test(start_paused = true)]
async fn pause_ended_at_night_digests_in_the_morning() {
    let home = home();
    let end: Timestamp = home.at("06:58").parse().unwrap();
    let harness =
        EngineHarness::start_prepared(home, "06:55", |store| store.set_pause(Some(Pause::Until(end))).unwrap());
    pass(4 * MINUTE + 30).await;
    assert_eq!((harness.digests(), harness.all_runs()), (0, [vec![0], vec![0], vec![0]]), "still silent");
    pass(31).await;
    assert_eq!((harness.digests(), harness.runs(Monitor::Health)), (1, vec![0, 300]));
}

#[tokio::test(start_paused = true)]
async fn resume_checks_at_once() {
    let harness =
        EngineHarness::start_prepared(home(), "09:00", |store| store.set_pause(Some(Pause::UntilResumed)).unwrap());
    pass(4 * MINUTE).await;
    assert!(harness.request(Command::Resume).await.ok);
    pass(1).await;
    assert_eq!(harness.all_runs(), [[0, 240], [0, 240], [0, 240]]);
    assert_eq!(harness.digests(), 1);
}

#[tokio::test(start_paused = true)]
async fn snapshots_follow_commands() {
    let mut harness = EngineHarness::start(home(), "09:00");
    pass(1).await;
    let status = harness.status();
    assert_eq!((status.running, status.run_count, status.paused, status.dry_run), (true, 1, false, false));
    harness.snapshots.borrow_and_update();
    assert!(harness.request(Command::Pause { until: None }).await.ok);
    assert!(harness.snapshots.has_changed().unwrap(), "without a check in between");
    assert!(harness.status().paused);
    assert!(harness.request(Command::Resume).await.ok);
    assert!(!harness.status().paused);
    pass(1).await;
    let real = harness.status().run_count;
    assert!(harness.request(Command::DryRun { on: true }).await.ok);
    assert!(harness.status().dry_run);
    pass(HOUR).await;
    assert_eq!(harness.status().run_count, real, "a dry check is not counted");
    assert!(harness.request(Command::DryRun { on: false }).await.ok);
    pass(HOUR).await;
    assert!(harness.status().run_count > real);
    let unknown = harness.request(Command::Acknowledge { key: "health:nothing".parse().unwrap() }).await;
    assert!(!unknown.ok && unknown.message.contains("health:nothing"), "{unknown:?}");
    assert!(!harness.request(Command::ResetCircuit { name: "nothing".into() }).await.ok);
}

#[tokio::test(start_paused = true)]
async fn run_now_runs_all_and_restarts_intervals() {
    let harness = EngineHarness::start(home(), "09:00");
    pass(7 * MINUTE).await;
    let reply = harness.request(Command::RunNow).await;
    assert!(reply.ok, "{}", reply.message);
    for monitor in ["health", "tasks", "patterns"] {
        assert_eq!(reply.body["monitors"][monitor]["status"], "ok", "{:#}", reply.body);
    }
    pass(11 * MINUTE).await;
    assert_eq!(harness.all_runs(), [vec![0, 420, 1020], vec![0, 420], vec![0, 420]]);
}

/// A WorkOS server that accepts a connection and never answers.
fn hanging_workos(home: &Home) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://ada@{}/tasks", listener.local_addr().unwrap());
    home.set(json!({"sources": {"workos": {"url": url, "timeout_seconds": 300}}, "monitors": {"patterns": {"enabled": false}}}));
    home.set(json!({"intervals": {"health_check": 60, "task_check": 60}}));
    listener
}

#[tokio::test(start_paused = true)]
async fn hanging_source_delays_only_its_monitor() {
    let home = home();
    let _hanging = hanging_workos(&home);
    let harness = EngineHarness::start(home, "09:00");
    pass(290).await;
    assert_eq!(harness.runs(Monitor::Health), [0, 60, 120, 180, 240]);
    assert_eq!(harness.runs(Monitor::Tasks), [0; 0]);
    pass(20).await;
    assert_eq!(harness.runs(Monitor::Tasks), [0], "when its time was up, on what else there is");
    let reason = harness.status().monitor_states[&Monitor::Tasks].reason.clone().unwrap();
    assert!(reason.contains("workos") && reason.contains("300 s"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn stop_does_not_wait_for_a_hanging_source() {
    let home = home();
    let _hanging = hanging_workos(&home);
    let harness = EngineHarness::start(home, "09:00");
    pass(30).await;
    harness.stop.send(true).unwrap();
    timeout(Duration::from_secs(10), harness.engine).await.expect("within ten seconds").unwrap();
}

#[tokio::test(start_paused = true)]
async fn stop_lets_a_running_check_finish() {
    let harness = EngineHarness::start(home(), "09:00");
    // Before a single file was read.
    tokio::task::yield_now().await;
    harness.stop.send(true).unwrap();
    timeout(Duration::from_secs(10), harness.engine).await.expect("within ten seconds").unwrap();
    let entries: i64 = harness.home.database().query_row("SELECT count(*) FROM journal", [], |row| row.get(0)).unwrap();
    assert!(entries > 0, "the check under way was recorded");
}

#[tokio::test(start_paused = true)]
async fn failed_commit_is_retried_within_a_minute() {
    let home = home();
    home.set(json!({"intervals": {"health_check": 3600, "task_check": 3600, "pattern_check": 3600}}));
    let harness = EngineHarness::start_prepared(home, "09:00", |_| {});
    harness.home.database().execute_batch("ALTER TABLE journal RENAME TO elsewhere").unwrap();
    pass(30).await;
    assert_eq!(harness.all_runs(), [[0; 0]; 3], "nothing was recorded");
    let outbox_rows =
        || harness.home.database().query_row("SELECT count(*) FROM outbox", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(outbox_rows(), 0, "not half of it either");
    harness.home.database().execute_batch("ALTER TABLE elsewhere RENAME TO journal").unwrap();
    pass(31).await;
    assert_eq!(harness.all_runs(), [[60], [60], [60]]);
    assert!(outbox_rows() > 0);
    pass(HOUR - 60).await;
    assert_eq!(harness.all_runs(), [[60], [60], [60]], "and then at its interval again");
}

#[tokio::test(start_paused = true)]
async fn circuit_reset_fetches_its_source_at_once() {
    let harness = EngineHarness::start(home(), "09:00");
    pass(4 * MINUTE).await;
    assert!(harness.request(Command::ResetCircuit { name: "oura".into() }).await.ok);
    pass(1).await;
    assert_eq!(harness.all_runs(), [vec![0, 240], vec![0], vec![0, 240]], "what rests on it, and nothing else");
}

#[tokio::test(start_paused = true)]
async fn run_now_waits_for_running_checks() {
    let home = home();
    let _hanging = hanging_workos(&home);
    let harness = EngineHarness::start(home, "09:00");
    pass(30).await;
    let reply = harness.request(Command::RunNow).await;
    assert!(reply.body["monitors"]["health"].is_object() && reply.body["monitors"]["tasks"].is_object(), "{reply:?}");
    let keys: Vec<_> = reply.body["alerts"].as_array().unwrap().iter().map(|alert| alert["key"].clone()).collect();
    assert!(keys.iter().enumerate().all(|(i, key)| !keys[..i].contains(key)), "one entry a key: {keys:?}");
}

#[tokio::test(start_paused = true)]
async fn fetch_from_before_a_sleep_is_repeated() {
    let home = home();
    let _hanging = hanging_workos(&home);
    let harness = EngineHarness::start(home, "09:00");
    pass(30).await;
    harness.jump(8 * 3600);
    pass(299).await;
    assert_eq!(harness.runs(Monitor::Tasks), [0; 0], "the answer of the morning is not waited for");
    pass(30).await;
    let ran = harness.runs(Monitor::Tasks);
    assert_eq!(ran.len(), 1);
    assert!(ran[0] >= 8 * 3600, "judged by the time after the sleep: {ran:?}");
}

#[tokio::test(start_paused = true)]
async fn meeting_ends_with_one_digest() {
    let home = home();
    let day = home.today.strftime("%Y%m%d").to_string();
    let event = |from: &str, to: &str| {
        format!("BEGIN:VEVENT\r\nUID:{from}\r\nDTSTART:{day}T{from}00\r\nDTEND:{day}T{to}00\r\nEND:VEVENT\r\n")
    };
    let text = format!("BEGIN:VCALENDAR\r\n{}{}END:VCALENDAR\r\n", event("0900", "0907"), event("0907", "0917"));
    std::fs::write(home.path("work.ics"), text).expect("a calendar");
    let calendar = json!({"name": "work", "file": home.path("work.ics")});
    home.set(json!({"sources": {"calendars": [calendar]}, "quiet_hours": {"quiet_during_events": true}}));
    let harness = EngineHarness::start(home, "09:00");
    pass(MINUTE).await;
    let status = harness.status();
    assert_eq!(status.in_event_until, Some(harness.home.at("09:17").parse().unwrap()));
    assert!(!status.is_quiet_hours && harness.metrics_text().contains("operator_in_event 1"));
    pass(15 * MINUTE).await;
    assert_eq!(harness.digests(), 0);
    pass(MINUTE + 10).await;
    assert_eq!(harness.digests(), 1);
    assert_eq!((harness.runs(Monitor::Tasks), harness.status().in_event_until), (minutes([0, 15, 17]), None));
}

#[tokio::test(start_paused = true)]
async fn unavailable_calendar_counts_for_12_hours() {
    let home = home();
    let day = home.today.strftime("%Y%m%d").to_string();
    let text = format!(
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:{day}T100000\r\nDURATION:PT2H\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nUID:2\r\nDTSTART:{day}T210000\r\nDURATION:PT2H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    std::fs::write(home.path("work.ics"), text).expect("a calendar");
    let calendar = json!({"name": "work", "file": home.path("work.ics")});
    home.set(json!({
        "sources": {"calendars": [calendar]},
        "quiet_hours": {"quiet_during_events": true, "enabled": false},
    }));
    let harness = EngineHarness::start(home, "09:00");
    pass(MINUTE).await;
    std::fs::remove_file(harness.home.path("work.ics")).expect("it was there");
    harness.jump(2 * 3600);
    pass(MINUTE).await;
    assert!(harness.status().in_event_until.is_some(), "the last reading counts");
    harness.reload().await;
    pass(MINUTE).await;
    assert!(harness.status().in_event_until.is_some(), "a reload keeps it");
    harness.jump(11 * 3600);
    pass(MINUTE).await;
    assert!(harness.status().in_event_until.is_none(), "it expires");
}

#[tokio::test(start_paused = true)]
async fn calendar_is_fetched_at_the_task_interval() {
    let home = home();
    std::fs::write(home.path("work.ics"), "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n").expect("a calendar");
    let calendar = json!({"name": "work", "file": home.path("work.ics")});
    home.set(json!({
        "sources": {"calendars": [calendar]},
        "quiet_hours": {"quiet_during_events": true},
        "intervals": {"health_check": 60},
    }));
    let harness = EngineHarness::start(home, "09:00");
    let read_at = || harness.status().sources["calendar:work"].as_of.expect("it was read");
    pass(14 * MINUTE + 30).await;
    assert_eq!((harness.runs(Monitor::Health).len(), read_at()), (15, harness.home.at("09:00").parse().unwrap()));
    pass(MINUTE).await;
    assert_eq!(read_at(), harness.home.at("09:15").parse().unwrap());
    harness.home.set(json!({"monitors": {"tasks": {"enabled": false}, "patterns": {"enabled": false}}}));
    harness.reload().await;
    pass(HOUR).await;
    assert!(harness.now().duration_since(read_at()).as_mins() <= 15, "without the task monitor, the others fetch it");
}
