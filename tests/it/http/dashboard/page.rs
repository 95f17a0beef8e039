//! The head of the page, the open alerts, the sources, and hostile text.

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

use super::support::{
    between, calm, commit, now, open_alert, part, policy_decision, real_week, render_page, values, words,
};

fn head(status: &Status) -> String {
    let page = render_page(status, &Store::in_memory().unwrap(), "/");
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
#[case::one(Status { unanswered_alerts: 1, ..calm() }, "1 unanswered alert Last")]
#[case::many(Status { unanswered_alerts: 12_345, ..calm() }, "12 345 unanswered alerts Last")]
#[case::never(Status { last_run: None, next_run: None, ..calm() }, "Not checked yet No check yet ·")]
#[case::checking(Status { check_running: true, ..calm() }, "just now · checking now… · quiet hours from 22:00 Running…")]
#[case::quiet(Status { is_quiet_hours: true, ..calm() }, "quiet hours until 22:00")]
#[case::paused(Status { paused: true, paused_until: Some(at("10:05")), ..calm() }, "All is well Paused until 10:05 Last")]
#[case::until_resumed(Status { paused: true, ..calm() }, "Paused until you resume Last check just now · next 09:20 · quiet hours from 22:00 Run now Resume Pause")]
#[case::dry_run(Status { dry_run: true, ..calm() }, "Dry run: nothing is sent")]
#[case::warning(Status { warnings: vec!["the clock was set back".into()], ..calm() }, "The clock was set back")]
#[case::invalid_config(Status { config_error: Some("config.yaml:3:1: no".into()), ..calm() }, "the previous configuration stays active: config.yaml:3:1: no")]
#[case::disk_full(Status { database_error: Some("the disk is full".into()), ..calm() }, "The database fails: the disk is full")]
fn head_shows_the_state(#[case] status: Status, #[case] expected: &str) {
    let head = head(&status);
    assert!(head.contains(expected), "{head}");
}

#[test]
fn audit_is_shown_with_its_result() {
    let good = Audit { at: at("09:05"), fired: 1_003, delivered: 1_000, held: 3, ..Audit::default() };
    let bad =
        Audit { fired: 1_004, unaccounted: vec!["task:pileup".parse().unwrap()], unaccounted_count: 2, ..good.clone() };
    let sum = "fired = 1 000 notified + 0 in digests + 0 pending + 3 held + 0 not notified + 0 failed.";
    let head_text = head(&Status { audit: Some(good), ..calm() });
    assert!(head_text.contains(&format!("Self-audit consistent at 09:05 : 1 003 {sum}")), "{head_text}");
    let head_text = head(&Status { audit: Some(bad), ..calm() });
    let expected = format!("Self-audit inconsistent at 09:05 : 1 004 {sum} Unaccounted: task:pileup and 1 more");
    assert!(head_text.contains(&expected), "{head_text}");
}

#[test]
fn open_alert_has_its_actions() {
    let mut store = Store::in_memory().unwrap();
    let delivered = policy_decision("health:readiness_low", "Readiness is low: 48", Decision::Deliver, Reason::First);
    commit(&mut store, now().timestamp(), &[delivered], &[], &[]);
    let alert = open_alert("health:readiness_low", "Readiness is low: 48", Priority::High);
    let page = render_page(&Status { open: vec![alert], open_alerts: 1, ..calm() }, &store, "/");
    let card = between(&page, "<article", "</article>");
    assert_eq!(values(card, "data-key"), ["health:readiness_low"]);
    assert_eq!(values(card, "action"), ["/api/ack", "/api/snooze"]);
    let form_values: Vec<String> = values(card, "value");
    assert_eq!(form_values, ["health:readiness_low", "health:readiness_low", "1h", "2026-11-21T13:00:00Z"]);
    let words = words(card);
    assert!(
        words.contains("High since 2 h ago Readiness is low: 48 Readiness is low: 48 – your usual is 71–84."),
        "{words}"
    );
    assert!(words.contains("Not delivered yet: notification pending Acknowledge Snooze 1 hour"), "{words}");
    assert!(words.contains("09:05 Notified – new journal, notification"), "{words}");
}

#[rstest]
#[case::acknowledged(true, None, Decision::Deliver, Reason::First, "Acknowledged")]
#[case::snoozed(false, Some("10:05"), Decision::Deliver, Reason::First, "Snoozed until 10:05")]
#[case::held(false, None, Decision::Hold, Reason::QuietHours, "Held back: not critical, during quiet hours")]
#[case::paused(false, None, Decision::Hold, Reason::Paused, "Held back: you paused all alerts")]
fn alert_shows_why_it_was_not_sent(
    #[case] acknowledged: bool,
    #[case] snoozed: Option<&str>,
    #[case] decision: Decision,
    #[case] reason: Reason,
    #[case] expected: &str,
) {
    let mut store = Store::in_memory().unwrap();
    commit(&mut store, now().timestamp(), &[policy_decision("task:pileup", "Much", decision, reason)], &[], &[]);
    let mut alert = open_alert("task:pileup", "Much", Priority::Medium);
    (alert.acknowledged, alert.snoozed_until) = (acknowledged, snoozed.map(at));
    let page = render_page(&Status { open: vec![alert], open_alerts: 1, ..calm() }, &store, "/");
    assert!(words(part(&page, "today")).contains(expected), "{}", words(part(&page, "today")));
    assert_eq!(page.contains(">Acknowledge<"), !acknowledged);
}

#[test]
fn journal_only_notification_is_marked() {
    let mut store = Store::in_memory().unwrap();
    let delivered = policy_decision("task:pileup", "Much", Decision::Deliver, Reason::First);
    commit(
        &mut store,
        now().timestamp(),
        &[PolicyDecision { channels: vec![Channel::Journal], ..delivered }],
        &[],
        &[],
    );
    let open = vec![open_alert("task:pileup", "Much", Priority::Low)];
    let page = render_page(&Status { open, open_alerts: 499, ..calm() }, &store, "/");
    let today = words(part(&page, "today"));
    assert!(today.contains("Notified just now, in the journal only"), "{today}");
    assert!(today.contains("498 more are open"), "{today}");
}

#[test]
fn unavailable_source_can_be_reset() {
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
    let page = render_page(&status, &Store::in_memory().unwrap(), "/");
    let sources = words(part(&page, "sources"));
    assert!(
        sources.contains("Focus file Not connected Oura Available, data of 2 h ago WorkOS Unavailable"),
        "{sources}"
    );
    assert!(sources.contains("Next attempt 09:06 connection refused Reset Monitors"), "{sources}");
    assert!(sources.contains("Telegram Failing – 3 pending, 1 failed 401"), "{sources}");
    assert_eq!(page.matches("/api/reset-circuit").count(), 1);
    assert_eq!(values(part(&page, "sources"), "data-circuit"), ["closed", "closed", "open"]);
    assert!(head(&status).contains("All is well WorkOS is unavailable"));
}

#[test]
fn empty_page_says_what_to_do() {
    let unread = SourceState { circuit: CircuitState::Closed, as_of: None, next_try: None, error: None };
    let mut status = calm();
    status.sources.insert("oura".into(), unread);
    let page = render_page(&status, &Store::in_memory().unwrap(), "/");
    let words = words(&page);
    for expected in [
        "No open alerts. Operator notifies you when something needs your attention.",
        "No health data yet. Connect Oura in config.yaml ; operator check explains how.",
        "No tasks yet.",
        "No decision in this time.",
        "No source is connected yet. operator check finds local sources",
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
fn hostile_text_is_escaped(#[case] hostile: &str) {
    let mut store = Store::in_memory().unwrap();
    let key = format!("task:deadline_overdue:{}", hostile.replace(char::is_control, "_"));
    let mut delivered = policy_decision(&key, hostile, Decision::Deliver, Reason::First);
    delivered.alert.facts.insert(hostile.to_owned().into(), hostile.into());
    let late = crate::support::facts::state_store(
        now().timestamp(),
        vec![operator::core::facts::Task {
            title: hostile.into(),
            ..crate::support::facts::task_due("1", "2026-11-01")
        }],
    );
    let update = operator::store::task_snapshots::SnapshotDiff::between(None, &late);
    commit(&mut store, now().timestamp(), &[delivered], &[], &[update]);
    let failing = SourceState { circuit: CircuitState::Open, as_of: None, next_try: None, error: Some(hostile.into()) };
    let status = Status {
        open: vec![open_alert(&key, hostile, Priority::High)],
        open_alerts: 1,
        warnings: vec![hostile.into()],
        config_error: Some(hostile.into()),
        sources: [("oura".into(), failing)].into(),
        ..calm()
    };
    let page = render_page(&status, &store, "/?since=all");
    let plain = render_page(&calm(), &Store::in_memory().unwrap(), "/");
    assert_eq!(page.matches("<script").count(), plain.matches("<script").count());
    assert!(!page.contains(" onload=\"") && !page.contains("</title><"), "{page}");
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "no control characters");
    assert!(page.len() < 80_000, "{} bytes", page.len());
    let word = hostile.split(|c: char| !c.is_alphanumeric()).max_by_key(|word| word.len()).unwrap();
    let word: String = word.chars().take(20).collect();
    assert!(page.matches(word.as_str()).count() >= 6, "the text is shown");
    // Right-to-left text stays inside its own element.
    for (place, _) in page.match_indices('\u{202e}') {
        let before = &page[..place];
        let in_a_tag = before.rfind('<') > before.rfind('>');
        assert!(in_a_tag || before.rfind("<bdi>") > before.rfind("</bdi>"), "{}", &before[place - 200..]);
    }
}

#[test]
fn page_loads_only_its_own_files() {
    let (_home, status, store) = real_week();
    let page = render_page(&status, &store, "/?days=90&since=all");
    for (attribute, allowed) in [("src", &["/dashboard.js"] as &[&str]), ("style", &[]), ("onclick", &[])] {
        assert_eq!(values(&page, attribute), allowed, "{attribute}");
    }
    assert!(!page.contains("<style") && !page.contains("http://") && !page.contains("https://"));
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !SCRIPT.contains("innerHTML = "));
    let local = |address: &String| address.starts_with(['/', '#']) || address == "data:,";
    assert!(values(&page, "href").iter().all(local) && values(&page, "action").iter().all(local));
}

#[test]
fn ids_are_unique_and_references_resolve() {
    let (_home, status, store) = real_week();
    let page = render_page(&status, &store, "/?since=all");
    let mut ids = values(&page, "id");
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for attribute in ["aria-labelledby", "aria-describedby", "for"] {
        for id_reference in values(&page, attribute).iter().flat_map(|value| value.split(' ')) {
            assert!(ids.iter().any(|id| id == id_reference), "{attribute}={id_reference}");
        }
    }
    let parts = values(&page, "data-part");
    assert_eq!(parts, ["state", "today", "health", "tasks", "journal", "sources"]);
}

#[test]
fn same_facts_render_the_same_page() {
    let (_home, status, store) = real_week();
    let once = render_page(&status, &store, "/");
    assert_eq!(once, render_page(&status, &store, "/"), "an unchanged part is not replaced");
    assert!(once.starts_with("<!DOCTYPE html>") && once.trim_end().ends_with("</html>"));
}
