//! The head of the page, today at a glance, the sources, and what outside texts may not do.

use jiff::SignedDuration;
use operator::core::alert::Priority;
use operator::core::audit::Audit;
use operator::core::channel::Channel;
use operator::core::circuit::CircuitState;
use operator::core::policy::decision::{Decision, PolicyDecision, Reason};
use operator::core::status::{ChannelHealth, ChannelState, QueueDepth, SourceState, Status};
use operator::http::dashboard::{SCRIPT, STYLE};
use operator::store::Store;
use rstest::rstest;

use super::kit::{between, calm, commit, lived, now, open, part, shown, values, verdict, words};

fn head(status: &Status) -> String {
    let page = shown(status, &Store::in_memory().unwrap(), "/");
    words(between(&page, "<header class=\"top\">", "</header>"))
}

fn at(time: &str) -> jiff::Timestamp {
    format!("2026-11-20T{time}:00-06:00").parse().unwrap()
}

#[rstest]
#[case::fine(
    calm(),
    "All is well Last check just now · next 09:20 · quiet hours from 22:00 Run now Pause 1 hour Until tomorrow Until resumed"
)]
#[case::one(Status { unanswered_alerts: 1, ..calm() }, "1 alert waits for you Last")]
#[case::many(Status { unanswered_alerts: 12_345, ..calm() }, "12 345 alerts wait for you Last")]
#[case::never(Status { last_run: None, next_run: None, ..calm() }, "Nothing was checked yet No check yet ·")]
#[case::checking(Status { check_running: true, ..calm() }, "just now · checking now… · quiet hours from 22:00 Running…")]
#[case::quiet(Status { is_quiet_hours: true, ..calm() }, "quiet hours until 22:00")]
#[case::paused(Status { paused: true, paused_until: Some(at("10:05")), ..calm() }, "All is well Paused until 10:05 Last")]
#[case::until_resumed(Status { paused: true, ..calm() }, "Paused until you resume Last check just now · next 09:20 · quiet hours from 22:00 Run now Resume Pause")]
#[case::dry(Status { dry_run: true, ..calm() }, "Dry run: decided and shown, nothing is sent")]
#[case::warned(Status { warnings: vec!["the clock was set back".into()], ..calm() }, "The clock was set back")]
#[case::mistaken(Status { config_error: Some("config.yaml:3:1: no".into()), ..calm() }, "the old one stays in force: config.yaml:3:1: no")]
#[case::full(Status { database_error: Some("the disk is full".into()), ..calm() }, "The database fails: the disk is full")]
fn the_head_says_how_it_stands(#[case] status: Status, #[case] expected: &str) {
    let head = head(&status);
    assert!(head.contains(expected), "{head}");
}

#[test]
fn the_audit_is_told_whether_it_adds_up_or_not() {
    let good = Audit { at: at("09:05"), fired: 1_003, delivered: 1_000, held: 3, ..Audit::default() };
    let bad =
        Audit { fired: 1_004, unaccounted: vec!["task:pileup".parse().unwrap()], unaccounted_count: 2, ..good.clone() };
    let sum = "fired = 1 000 told + 0 in digests + 0 under way + 3 held + 0 not told + 0 failed.";
    let told = head(&Status { audit: Some(good), ..calm() });
    assert!(told.contains(&format!("Self-audit 09:05 : 1 003 {sum} It adds up.")), "{told}");
    let told = head(&Status { audit: Some(bad), ..calm() });
    assert!(told.contains(&format!("1 004 {sum} It does not add up. Astray: task:pileup and 1 more")), "{told}");
}

#[test]
fn every_open_alert_can_be_answered() {
    let mut store = Store::in_memory().unwrap();
    let told = verdict("health:readiness_low", "Readiness is low: 48", Decision::Deliver, Reason::First);
    commit(&mut store, now().timestamp(), &[told], &[], &[]);
    let alert = open("health:readiness_low", "Readiness is low: 48", Priority::High);
    let page = shown(&Status { open: vec![alert], open_alerts: 1, ..calm() }, &store, "/");
    let shown = between(&page, "<article", "</article>");
    assert_eq!(values(shown, "data-key"), ["health:readiness_low"]);
    assert_eq!(values(shown, "action"), ["/api/ack", "/api/snooze"]);
    let given: Vec<String> = values(shown, "value");
    assert_eq!(given, ["health:readiness_low", "health:readiness_low", "1h", "2026-11-21T13:00:00Z"]);
    let words = words(shown);
    assert!(
        words.contains("High since 2 h ago Readiness is low: 48 Readiness is low: 48 – your usual is 71–84."),
        "{words}"
    );
    assert!(words.contains("Not arrived yet: notification waits Acknowledge Snooze 1 hour"), "{words}");
    assert!(words.contains("09:05 Notified – news journal, notification"), "{words}");
}

#[rstest]
#[case::acknowledged(true, None, Decision::Deliver, Reason::First, "Acknowledged: you said that you know")]
#[case::snoozed(false, Some("10:05"), Decision::Deliver, Reason::First, "Snoozed until 10:05")]
#[case::held(false, None, Decision::Hold, Reason::QuietHours, "Held back: it is not critical, and it was quiet hours")]
#[case::paused(false, None, Decision::Hold, Reason::Paused, "Held back: you paused all alerts")]
fn an_alert_says_why_it_was_not_told(
    #[case] acknowledged: bool,
    #[case] snoozed: Option<&str>,
    #[case] decision: Decision,
    #[case] reason: Reason,
    #[case] expected: &str,
) {
    let mut store = Store::in_memory().unwrap();
    commit(&mut store, now().timestamp(), &[verdict("task:pileup", "Much", decision, reason)], &[], &[]);
    let mut alert = open("task:pileup", "Much", Priority::Medium);
    (alert.acknowledged, alert.snoozed_until) = (acknowledged, snoozed.map(at));
    let page = shown(&Status { open: vec![alert], open_alerts: 1, ..calm() }, &store, "/");
    assert!(words(part(&page, "today")).contains(expected), "{}", words(part(&page, "today")));
    assert_eq!(page.contains(">Acknowledge<"), !acknowledged);
}

#[test]
fn what_is_told_in_the_journal_alone_is_said_so() {
    let mut store = Store::in_memory().unwrap();
    let told = verdict("task:pileup", "Much", Decision::Deliver, Reason::First);
    commit(&mut store, now().timestamp(), &[PolicyDecision { channels: vec![Channel::Journal], ..told }], &[], &[]);
    let open = vec![open("task:pileup", "Much", Priority::Low)];
    let page = shown(&Status { open, open_alerts: 499, ..calm() }, &store, "/");
    let today = words(part(&page, "today"));
    assert!(today.contains("Notified just now, in the journal alone"), "{today}");
    assert!(today.contains("498 more are open"), "{today}");
}

#[test]
fn a_source_that_is_down_can_be_reset() {
    let state = |circuit, minutes: Option<i64>| SourceState {
        circuit,
        as_of: minutes.map(|minutes| now().timestamp() - SignedDuration::from_mins(minutes)),
        next_try: (circuit != CircuitState::Closed).then(|| at("09:06")),
        error: (circuit != CircuitState::Closed).then(|| "connection refused".into()),
    };
    let mut status = calm();
    status.sources.insert("oura".into(), state(CircuitState::Closed, Some(130)));
    status.sources.insert("workos".into(), state(CircuitState::Open, None));
    status.circuit_states.insert("workos".into(), CircuitState::Open);
    status.sources.insert("focus_file".into(), state(CircuitState::Closed, None));
    let failing = ChannelState { state: ChannelHealth::Failing, reason: Some("401".into()), ..ChannelState::default() };
    status.channel_states.insert(Channel::Telegram, failing);
    status.outbox.insert(Channel::Telegram, QueueDepth { pending: 3, failed: 1 });
    let page = shown(&status, &Store::in_memory().unwrap(), "/");
    let shown = words(part(&page, "sources"));
    assert!(shown.contains("Focus file Not connected Oura Answers, data of 2 h ago WorkOS Does not answer"), "{shown}");
    assert!(shown.contains("Next try 09:06 connection refused Reset Monitors"), "{shown}");
    assert!(shown.contains("Telegram Nothing gets through – 3 pending, 1 failed 401"), "{shown}");
    assert_eq!(page.matches("/api/reset-circuit").count(), 1);
    assert_eq!(values(part(&page, "sources"), "data-circuit"), ["closed", "closed", "open"]);
    assert!(head(&status).contains("All is well WorkOS does not answer"));
}

#[test]
fn a_page_without_anything_says_what_to_do() {
    let unasked = SourceState { circuit: CircuitState::Closed, as_of: None, next_try: None, error: None };
    let mut status = calm();
    status.sources.insert("oura".into(), unasked);
    let page = shown(&status, &Store::in_memory().unwrap(), "/");
    let words = words(&page);
    for expected in [
        "Nothing is open. Operator speaks up when something needs you.",
        "No day is known yet. Connect Oura in config.yaml ; operator check says how.",
        "No task was ever read.",
        "Nothing was decided in this time.",
        "Nothing is connected yet. operator check looks for what is there",
    ] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
}

#[rstest]
#[case::markup("</title><script>alert(1)</script>")]
#[case::quotes("\"' onload=\"x\" x='")]
#[case::right_to_left("\u{202e}evil \u{5e9}\u{5dc}\u{5d5}\u{5dd}")]
#[case::long(&"x".repeat(10_000))]
#[case::controls("a\u{0}b\u{7}c\nd\u{1b}[31m")]
#[case::template("{{ today }} {% endif %}")]
fn texts_from_outside_are_only_texts(#[case] hostile: &str) {
    let mut store = Store::in_memory().unwrap();
    let key = format!("task:deadline_overdue:{}", hostile.replace(char::is_control, "_"));
    let mut told = verdict(&key, hostile, Decision::Deliver, Reason::First);
    told.alert.facts.insert(hostile.to_owned().into(), hostile.into());
    let late = crate::support::facts::state_store(
        now().timestamp(),
        vec![operator::core::facts::Task {
            title: hostile.into(),
            ..crate::support::facts::task_due("1", "2026-11-01")
        }],
    );
    let update = operator::store::task_snapshots::SnapshotDiff::between(None, &late);
    commit(&mut store, now().timestamp(), &[told], &[], &[update]);
    let trouble = SourceState { circuit: CircuitState::Open, as_of: None, next_try: None, error: Some(hostile.into()) };
    let status = Status {
        open: vec![open(&key, hostile, Priority::High)],
        open_alerts: 1,
        warnings: vec![hostile.into()],
        config_error: Some(hostile.into()),
        sources: [("oura".into(), trouble)].into(),
        ..calm()
    };
    let page = shown(&status, &store, "/?since=all");
    let plain = shown(&calm(), &Store::in_memory().unwrap(), "/");
    assert_eq!(page.matches("<script").count(), plain.matches("<script").count());
    assert!(!page.contains(" onload=\"") && !page.contains("</title><"), "{page}");
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "no control characters");
    assert!(page.len() < 80_000, "{} bytes", page.len());
    let about = hostile.split(|c: char| !c.is_alphanumeric()).max_by_key(|word| word.len()).unwrap();
    let about: String = about.chars().take(20).collect();
    assert!(page.matches(about.as_str()).count() >= 6, "it is shown all the same");
    // What reads the other way round stays in its own element.
    for (place, _) in page.match_indices('\u{202e}') {
        let before = &page[..place];
        let in_a_tag = before.rfind('<') > before.rfind('>');
        assert!(in_a_tag || before.rfind("<bdi>") > before.rfind("</bdi>"), "{}", &before[place - 200..]);
    }
}

#[test]
fn nothing_on_the_page_needs_more_than_its_own_files() {
    let (_home, status, store) = lived();
    let page = shown(&status, &store, "/?days=90&since=all");
    for (attribute, allowed) in [("src", &["/dashboard.js"] as &[&str]), ("style", &[]), ("onclick", &[])] {
        assert_eq!(values(&page, attribute), allowed, "{attribute}");
    }
    assert!(!page.contains("<style") && !page.contains("http://") && !page.contains("https://"));
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !SCRIPT.contains("innerHTML = "));
    let local = |address: &String| address.starts_with(['/', '#']) || address == "data:,";
    assert!(values(&page, "href").iter().all(local) && values(&page, "action").iter().all(local));
}

#[test]
fn ids_are_unique_and_what_points_at_them_finds_them() {
    let (_home, status, store) = lived();
    let page = shown(&status, &store, "/?since=all");
    let mut ids = values(&page, "id");
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for attribute in ["aria-labelledby", "aria-describedby", "for"] {
        for pointed in values(&page, attribute).iter().flat_map(|value| value.split(' ')) {
            assert!(ids.iter().any(|id| id == pointed), "{attribute}={pointed}");
        }
    }
    let parts = values(&page, "data-part");
    assert_eq!(parts, ["state", "today", "body", "tasks", "journal", "sources"]);
}

#[test]
fn the_same_facts_give_the_same_page() {
    let (_home, status, store) = lived();
    let once = shown(&status, &store, "/");
    assert_eq!(once, shown(&status, &store, "/"), "what has not changed is not painted again");
    assert!(once.starts_with("<!DOCTYPE html>") && once.trim_end().ends_with("</html>"));
}
