//! What stands in the menu and in the bar for every state that Operator can be in.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use operator::core::alert::Priority;
use operator::core::audit::Audit;
use operator::core::channel::Channel;
use operator::core::circuit::CircuitState;
use operator::core::status::{ChannelHealth, ChannelState, HttpState, OpenAlert, OuraConnection, SourceState, Status};
use operator::engine::commands::Command;
use operator::tray::Action;
use operator::tray::icon::Icon;
use operator::tray::menu::{Entry, MenuContext, TrayView};
use rstest::rstest;
use serde_json::json;

fn at(time: &str) -> Timestamp {
    format!("2026-11-20T{time}:00Z").parse().unwrap()
}

fn fine() -> Status {
    let source = |minutes| SourceState {
        circuit: CircuitState::Closed,
        as_of: Some(at("14:06") - jiff::SignedDuration::from_mins(minutes)),
        next_try: None,
        error: None,
    };
    let mut status: Status = serde_json::from_value(json!({
        "running": true, "pid": 1, "last_run": at("14:05"), "next_run": at("14:20"), "run_count": 1, "total_alerts": 0,
        "uptime_seconds": 60, "uptime_start": at("14:05"), "dry_run": false, "paused": false, "paused_until": null,
        "is_quiet_hours": false, "next_quiet_boundary": at("22:00"), "next_morning": "2026-11-21T07:00:00Z",
        "enabled_monitors": [], "monitor_states": {}, "circuit_states": {"oura": "closed", "workos": "closed"},
        "open_alerts": 0, "dedup_cache_size": 0, "outbox": {}, "config": {}, "warnings": [],
    }))
    .unwrap();
    status.sources = BTreeMap::from([("oura".into(), source(130)), ("workos".into(), source(1))]);
    status
}

fn alert(number: usize, priority: Priority, title: &str) -> OpenAlert {
    let key = format!("task:deadline_overdue:{number}").parse().unwrap();
    OpenAlert { key, priority, title: title.into(), since: at("09:00"), acknowledged: false, snoozed_until: None }
}

fn with_alerts(count: usize) -> Status {
    let open = (0..count.min(20)).map(|number| alert(number, Priority::High, &format!("Overdue: task {number}")));
    Status { open_alerts: count, unanswered_alerts: count, open: open.collect(), ..fine() }
}

fn workos_down() -> Status {
    let mut status = fine();
    status.circuit_states.insert("workos".into(), CircuitState::Open);
    let source = status.sources.get_mut("workos").unwrap();
    source.circuit = CircuitState::Open;
    source.next_try = Some(at("14:07"));
    source.error = Some("workos: connection refused (127.0.0.1:5432)".into());
    status
}

/// So many keys are unaccounted for.
fn unaccounted(count: u64) -> Status {
    Status { audit: Some(Audit { fired: count, unaccounted_count: count, ..Audit::default() }), ..fine() }
}

fn around() -> MenuContext {
    MenuContext { now: at("14:06"), zone: TimeZone::UTC, starts_at_login: Some(false) }
}

/// The menu as a user reads it: ticks, greyed lines in brackets, submenus indented.
fn drawn(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        match entry {
            Entry::Separator(_) => text.push_str("────\n"),
            Entry::Text { label, .. } => text.push_str(&format!("({label})\n")),
            Entry::Item { label, enabled, checked, .. } => {
                let tick = match checked {
                    Some(true) => "[x] ",
                    Some(false) => "[ ] ",
                    None => "",
                };
                let label = if *enabled { label.clone() } else { format!("({label})") };
                text.push_str(&format!("{tick}{label}\n"));
            }
            Entry::Submenu { label, entries, .. } => {
                text.push_str(&format!("{label} ▸\n"));
                text.extend(drawn(entries).lines().map(|line| format!("    {line}\n")));
            }
        }
    }
    text
}

fn view(status: &Status) -> TrayView {
    TrayView::from_status(status, &around())
}

#[test]
fn healthy_menu_is_complete() {
    let view = view(&fine());
    assert_eq!((view.icon, view.tooltip.as_str()), (Icon::Fine, "Operator – all is well"));
    assert_eq!(
        drawn(&view.menu),
        "\
(Operator – all is well)
(Last check 14:05 · next 14:20)
────
Run Now
[ ] Dry Run
Pause ▸
    For 1 hour
    Until tomorrow
    Until resumed
[ ] Quiet Hours
────
Sources ▸
    Oura – closed, synced 2 h ago ▸
        Reset
    WorkOS – closed, synced 1 min ago ▸
        Reset
Open Journal
Set Up…
Edit Configuration
[ ] Start at Login
Quit Operator
"
    );
}

#[test]
fn menu_shows_alert_and_open_circuit() {
    let mut status = workos_down();
    (status.open_alerts, status.unanswered_alerts) = (1, 1);
    status.open = vec![alert(1, Priority::High, "3 tasks overdue")];
    let view = view(&status);
    assert_eq!((view.icon, view.tooltip.as_str()), (Icon::Down, "Operator – 1 alert, WorkOS unreachable"));
    let menu = drawn(&view.menu);
    assert!(
        menu.starts_with(
            "\
(Operator – 1 alert, WorkOS unreachable)
(Last check 14:05 · next 14:20)
────
High – 3 tasks overdue ▸
    Acknowledge
    Snooze 1 hour
    Snooze until tomorrow
    Why…
────
Run Now
"
        ),
        "{menu}"
    );
    assert!(
        menu.contains(
            "    WorkOS – open, next try 14:07 ▸\n        (workos: connection refused (127.0.0.1:5432))\n        Reset\n"
        ),
        "{menu}"
    );
}

#[rstest]
#[case::fine(fine(), Icon::Fine, "Operator – all is well")]
#[case::one_alert(with_alerts(1), Icon::Alerts, "Operator – 1 alert")]
#[case::nine_alerts(with_alerts(9), Icon::Alerts, "Operator – 9 alerts")]
#[case::a_storm(with_alerts(10_000), Icon::Alerts, "Operator – 10000 alerts")]
#[case::source_down(workos_down(), Icon::Down, "Operator – WorkOS unreachable")]
#[case::paused(Status { paused: true, ..with_alerts(2) }, Icon::Paused, "Operator – 2 alerts, paused")]
#[case::paused_for_a_time(
    Status { paused: true, paused_until: Some(at("15:06")), ..fine() }, Icon::Paused, "Operator – paused until 15:06"
)]
#[case::paused_until_tomorrow(
    Status { paused: true, paused_until: Some("2026-11-21T07:00:00Z".parse().unwrap()), ..fine() },
    Icon::Paused,
    "Operator – paused until Sat 07:00"
)]
#[case::quiet(Status { is_quiet_hours: true, ..fine() }, Icon::Quiet, "Operator – quiet hours")]
#[case::in_a_meeting(
    Status { in_event_until: Some(at("15:00")), ..fine() }, Icon::Quiet, "Operator – quiet until 15:00 (calendar event)"
)]
#[case::in_a_meeting_at_night(
    Status { in_event_until: Some(at("15:00")), is_quiet_hours: true, ..fine() }, Icon::Quiet, "Operator – quiet hours"
)]
#[case::quiet_with_alerts(
    Status { is_quiet_hours: true, ..with_alerts(1) }, Icon::Alerts, "Operator – 1 alert, quiet hours"
)]
#[case::unsound(unaccounted(1), Icon::Down, "Operator – 1 alert unaccounted")]
#[case::unsound_and_paused(
    Status { paused: true, unanswered_alerts: 2, ..unaccounted(30) }, Icon::Down, "Operator – 30 alerts unaccounted, 2 alerts, paused"
)]
#[case::no_database(
    Status { database_error: Some("full".into()), dry_run: true, ..fine() },
    Icon::Down,
    "Operator – database error, dry run"
)]
#[case::neither(
    Status { database_error: Some("full".into()), ..unaccounted(2) }, Icon::Down, "Operator – database error, 2 alerts unaccounted"
)]
#[case::sound(Status { audit: Some(Audit::default()), ..fine() }, Icon::Fine, "Operator – all is well")]
#[case::dry_run(Status { dry_run: true, ..fine() }, Icon::DryRun, "Operator – dry run")]
fn icon_and_summary_match_the_status(#[case] status: Status, #[case] icon: Icon, #[case] tooltip: &str) {
    let view = view(&status);
    assert_eq!((view.icon, view.tooltip.as_str()), (icon, tooltip));
    assert_eq!(drawn(&view.menu).lines().next(), Some(format!("({tooltip})").as_str()), "the menu says it too");
}

#[test]
fn answered_alerts_are_only_counted() {
    let mut status = with_alerts(2);
    status.open[0].acknowledged = true;
    status.open[1].snoozed_until = Some(at("15:00"));
    status.unanswered_alerts = 0;
    let view = view(&status);
    assert_eq!((view.icon, view.tooltip.as_str()), (Icon::Fine, "Operator – all is well"));
    let menu = drawn(&view.menu);
    assert!(menu.contains("────\n(2 acknowledged or snoozed)\n────\n"), "{menu}");
}

#[test]
fn tenth_alert_is_only_counted() {
    let named = |count| drawn(&view(&with_alerts(count)).menu).matches("High – ").count();
    assert_eq!([named(8), named(9), named(10), named(500)], [8, 9, 9, 9]);
    assert!(drawn(&view(&with_alerts(500)).menu).contains("\n(and 491 more alerts)\n"));
    assert!(drawn(&view(&with_alerts(10)).menu).contains("\n(and 1 more alert)\n"));
    assert!(!drawn(&view(&with_alerts(9)).menu).contains("more alert"));
}

#[test]
fn long_title_is_truncated() {
    let mut status = with_alerts(2);
    status.open[0].title = "word ".repeat(100);
    status.open[1].title = "Bed & Breakfast <b> \"x\"\nSecond line".into();
    let menu = drawn(&view(&status).menu);
    assert!(menu.lines().all(|line| line.chars().count() <= 80), "{menu}");
    assert!(menu.contains("High – Bed & Breakfast <b> \"x\" Second line ▸"), "{menu}");
}

#[test]
fn run_now_is_disabled_during_a_check() {
    let menu = drawn(&view(&Status { check_running: true, ..fine() }).menu);
    assert!(menu.contains("\n(Running…)\n") && !menu.contains("Run Now"), "{menu}");
}

#[test]
fn menu_shows_failing_channels_and_config() {
    let failing = || ChannelState { state: ChannelHealth::Failing, ..ChannelState::default() };
    let mut status = fine();
    status.channel_states = BTreeMap::from([(Channel::Notification, failing()), (Channel::Telegram, failing())]);
    status.config_error = Some("config.yaml:3:1: no".into());
    let menu = drawn(&view(&status).menu);
    assert!(
        menu.contains(
            "\
(Last check 14:05 · next 14:20)
Notifications are off – open System Settings
(Delivery failing: telegram)
(Error in config.yaml: the old configuration stays in use)
────
"
        ),
        "{menu}"
    );
}

#[test]
fn unhealthy_menu_names_the_status_command() {
    let line = "\n(Operator is unhealthy – see `operator --status`)\n";
    for status in [unaccounted(1), Status { database_error: Some("full".into()), ..fine() }] {
        let menu = drawn(&view(&status).menu);
        assert!(menu.contains(line), "{menu}");
    }
    assert!(!drawn(&view(&fine()).menu).contains("rely"));
}

#[test]
fn paused_menu_offers_resume() {
    let menu = drawn(&view(&Status { paused: true, paused_until: Some(at("15:06")), ..fine() }).menu);
    let entries = "Pause ▸\n    For 1 hour\n    Until tomorrow\n    Until resumed\n    Resume\n";
    assert!(menu.contains(entries), "{menu}");
}

#[test]
fn unconfigured_menu_offers_set_up() {
    let mut status = fine();
    status.sources.values_mut().for_each(|source| source.as_of = None);
    let menu = drawn(&view(&status).menu);
    assert!(menu.contains("\n(Nothing is connected yet – choose Set Up…)\n"), "{menu}");
    assert!(menu.contains("    Oura – not connected ▸\n") && menu.contains("    WorkOS – not connected ▸\n"), "{menu}");
    // Before the first check nobody knows.
    status.last_run = None;
    assert!(!drawn(&view(&status).menu).contains("connected"));
    status.sources.get_mut("oura").unwrap().as_of = Some(at("14:00"));
    assert!(!drawn(&view(&status).menu).contains("Nothing is connected"));
}

/// Of the menu about Oura: what stands at the top, and what beside the source.
#[rstest]
#[case::not_known(None, true, None, None)]
#[case::not_connected(Some(OuraConnection::Off), true, None, Some("Connect Oura…"))]
#[case::nothing_is_connected(Some(OuraConnection::Off), false, Some("Connect Oura…"), None)]
#[case::by_a_token(Some(OuraConnection::Token), true, None, None)]
#[case::connected(Some(OuraConnection::Connected), true, None, Some("Disconnect Oura"))]
#[case::lapsed(Some(OuraConnection::Revoked), true, Some("Connect Oura Again…"), Some("Disconnect Oura"))]
fn oura_entry_follows_the_connection(
    #[case] link: Option<OuraConnection>,
    #[case] something_is_connected: bool,
    #[case] top: Option<&str>,
    #[case] beside: Option<&str>,
) {
    let mut status = Status { oura_connection: link, ..fine() };
    if !something_is_connected {
        status.sources.values_mut().for_each(|source| source.as_of = None);
    }
    let menu = drawn(&view(&status).menu);
    let found = |indent: &str| {
        let lines = menu.lines().filter_map(|line| line.strip_prefix(indent));
        let mut lines = lines.filter(|line| line.starts_with("Connect Oura") || line.starts_with("Disconnect Oura"));
        let line = lines.next().map(str::to_owned);
        assert_eq!(lines.next(), None, "{menu}");
        line
    };
    assert_eq!((found("").as_deref(), found("        ").as_deref()), (top, beside), "{menu}");
}

#[test]
fn missing_login_item_is_not_offered() {
    let menu = TrayView::from_status(&fine(), &MenuContext { starts_at_login: None, ..around() }).menu;
    assert!(!drawn(&menu).contains("Start at Login"));
}

#[test]
fn dashboard_entry_needs_a_server() {
    let with = |address: Option<&str>, trouble: Option<&str>| {
        let http = HttpState { address: address.map(Into::into), error: trouble.map(Into::into) };
        drawn(&view(&Status { http, ..fine() }).menu)
    };
    let served = with(Some("127.0.0.1:8765"), None);
    assert!(
        served.contains("        Reset\nOpen Dashboard\nOpen Journal\n") && !served.contains("No dashboard"),
        "{served}"
    );
    let off = with(None, None);
    assert!(!off.contains("ashboard"), "switched off is no trouble: {off}");
    let taken = with(None, Some("port 8765 is taken by another program; end that, or set http.port to a free one"));
    assert!(!taken.contains("Open Dashboard"), "{taken}");
    assert!(taken.contains("\n(No dashboard: port 8765 is taken by another program"), "{taken}");
}

#[test]
fn entry_ids_are_unique_actions() {
    fn names(entries: &[Entry]) {
        let mut known = std::collections::BTreeSet::new();
        for entry in entries {
            assert!(known.insert(entry.id()), "{} twice", entry.id());
            match entry {
                Entry::Item { action, .. } => assert_eq!(Action::parse(&entry.id()).as_ref(), Some(action)),
                Entry::Submenu { entries, .. } => names(entries),
                _ => assert_eq!(Action::parse(&entry.id()), None),
            }
        }
    }
    let http = HttpState { address: Some("127.0.0.1:8765".into()), error: Some("none".into()) };
    names(&view(&Status { paused: true, http, ..with_alerts(30) }).menu);
}

#[rstest]
#[case(Action::RunNow, Some(Command::RunNow))]
#[case(Action::DryRun, Some(Command::DryRun { on: true }))]
#[case(Action::PauseForAnHour, Some(Command::Pause { until: Some(at("15:06")) }))]
#[case(Action::PauseUntilTomorrow, Some(Command::Pause { until: Some("2026-11-21T07:00:00Z".parse().unwrap()) }))]
#[case(Action::Pause, Some(Command::Pause { until: None }))]
#[case(Action::Resume, Some(Command::Resume))]
#[case(Action::QuietHours, Some(Command::QuietHours { quiet: true, until: at("22:00") }))]
#[case(Action::ResetCircuit("oura".into()), Some(Command::ResetCircuit { name: "oura".into() }))]
#[case(Action::Quit, None)]
#[case(Action::OpenJournal, None)]
#[case(Action::OpenDashboard, None)]
fn click_toggles_the_current_state(#[case] action: Action, #[case] command: Option<Command>) {
    assert_eq!(action.command(&fine(), at("14:06")), command);
}
