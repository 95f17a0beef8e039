//! The text: Prometheus' own tool has nothing to complain of, and it never grows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use operator::core::alert::{Alert, AlertKey, Facts, Monitor, Priority};
use operator::core::channel::Channel;
use operator::core::delivery::failure::{Failure, FailureKind};
use operator::core::policy::decision::{Decision, PolicyDecision, Reason};
use operator::core::rules;
use operator::core::status::{MonitorState, RunStatus};
use operator::telemetry::metrics::{CONTENT_TYPE, Metrics};
use serde_json::json;

use super::gauges::{full, status};
use super::series;

fn now() -> jiff::Timestamp {
    "2026-11-20T14:06:00Z".parse().unwrap()
}

fn verdict(key: &str) -> PolicyDecision {
    let alert = Alert {
        key: key.parse().unwrap(),
        priority: Priority::High,
        title: "Overdue: the diary".into(),
        message: "“The diary” was due yesterday.".into(),
        facts: Facts::new(),
        monitor: Monitor::Tasks,
        at: now(),
        occasion: None,
    };
    PolicyDecision { alert, decision: Decision::Deliver, reason: Reason::First, channels: vec![Channel::Journal] }
}

/// Something of everything has happened.
fn busy() -> Metrics {
    let metrics = Metrics::new();
    let state = |status, duration_ms| MonitorState {
        last_check: now(),
        duration_ms,
        alerts_generated: 1,
        status,
        source: None,
        reason: None,
    };
    let states = BTreeMap::from([
        (Monitor::Health, state(RunStatus::Skipped, 0)),
        (Monitor::Tasks, state(RunStatus::Ok, 1_500)),
        (Monitor::Patterns, state(RunStatus::Failed, 999_999)),
    ]);
    metrics.checked(&states, &[verdict("task:deadline_overdue:diary"), verdict("health:sleep_short")]);
    metrics.sent(Channel::Telegram, None, Duration::from_millis(40));
    metrics.sent(Channel::Webhook, Some(&Failure::permanent("answered 400", "")), Duration::from_secs(2));
    metrics
}

/// What `promtool check metrics` says of a text: whether it passes, and its complaints.
pub(super) fn promtool(text: &str) -> (bool, String) {
    let mut tool = Command::new("promtool");
    tool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = tool.spawn().expect("promtool, which tests/run installs");
    running.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn promtool_has_nothing_to_complain_of() {
    let text = busy().encode(Some(&status(full())), now());
    assert_eq!(promtool(&text), (true, String::new()), "{text}");
    let text = Metrics::new().encode(None, now());
    assert_eq!(promtool(&text), (true, String::new()), "{text}");
    assert!(!promtool("nameless 1\n").0, "and it would complain");
}

#[test]
fn the_content_type_is_that_of_the_classic_text_format() {
    assert_eq!(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
}

#[test]
fn quotes_backslashes_and_line_breaks_in_a_label_are_escaped() {
    let odd = json!({"circuit_states": {"a\"b\\c\nd": "open"}});
    let text = Metrics::new().encode(Some(&status(odd)), now());
    let expected = r#"operator_circuit_state{source="a\"b\\c\nd",state="open"} 1"#;
    assert!(series(&text, "operator_circuit_state").contains(&expected), "{text}");
    assert_eq!(promtool(&text), (true, String::new()));
}

#[test]
fn ten_thousand_alerts_of_ten_thousand_things_are_few_series() {
    let (metrics, other) = (Metrics::new(), Metrics::new());
    let things = |number: u32| verdict(&format!("task:deadline_overdue:diary{number}"));
    // A database may remember rules that no longer exist, or that somebody wrote into it.
    let strange = |number: u32| verdict(&format!("task:diary{number}:{number}"));
    let few: Vec<PolicyDecision> = [things(0), strange(0)].into();
    let many: Vec<PolicyDecision> = (0..5_000).flat_map(|number| [things(number), strange(number)]).collect();
    metrics.checked(&BTreeMap::new(), &many);
    other.checked(&BTreeMap::new(), &few);
    let (text, short) = (metrics.encode(None, now()), other.encode(None, now()));
    assert_eq!(
        series(&text, "operator_alerts_total"),
        [
            r#"operator_alerts_total{class="other",priority="high",decision="deliver",reason="first"} 5000"#,
            r#"operator_alerts_total{class="task:deadline_overdue",priority="high",decision="deliver",reason="first"} 5000"#,
        ]
    );
    assert_eq!(text.lines().count(), short.lines().count());
    assert!(!text.contains("diary"));
}

#[test]
fn a_program_is_a_monitor_of_its_name_and_its_alerts_are_of_one_class() {
    let metrics = Metrics::new();
    metrics.expect(["exec:disk".parse().unwrap()]);
    let text = metrics.encode(None, now());
    assert!(text.contains(r#"operator_checks_total{monitor="exec:disk",status="failed"} 0"#), "{text}");
    let keys: Vec<PolicyDecision> = (0..100).map(|number| verdict(&format!("exec:disk:{number}"))).collect();
    metrics.checked(&BTreeMap::new(), &keys);
    let class = r#"operator_alerts_total{class="exec",priority="high",decision="deliver",reason="first"} 100"#;
    assert_eq!(series(&metrics.encode(None, now()), "operator_alerts_total"), [class]);
}

/// So that whoever asks for the increase of one sees the first event too.
#[test]
fn every_series_of_checks_and_deliveries_is_there_before_it_counts() {
    let (before, metrics) = (Metrics::new().encode(None, now()), Metrics::new());
    let kinds = [
        FailureKind::Retryable { retry_after: None },
        FailureKind::Unconfirmed,
        FailureKind::Offline,
        FailureKind::NoTransport,
        FailureKind::Permanent,
    ];
    for channel in Channel::OUTSIDE {
        metrics.sent(channel, None, Duration::ZERO);
        for kind in kinds {
            metrics.sent(channel, Some(&Failure::new(kind, "")), Duration::ZERO);
        }
    }
    let state = |status| MonitorState {
        last_check: now(),
        duration_ms: 0,
        alerts_generated: 0,
        status,
        source: None,
        reason: None,
    };
    for status in [RunStatus::Ok, RunStatus::Skipped, RunStatus::Failed] {
        metrics.checked(&Monitor::SCHEDULED.map(|monitor| (monitor, state(status))).into(), &[]);
    }
    let after = metrics.encode(None, now());
    let outcomes = 6;
    for (name, count) in
        [("operator_checks_total", 9), ("operator_deliveries_total", outcomes * Channel::OUTSIDE.len())]
    {
        let of = |text, value: &str| {
            let lines = series(text, name).into_iter();
            lines.map(|line| line.strip_suffix(value).expect(line).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of(&before, " 0"), of(&after, " 1"));
        assert_eq!(of(&before, " 0").len(), count);
    }
}

#[test]
fn every_rule_has_a_class_of_its_own() {
    let mut written = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/core/rules");
    let files = [folder.clone(), folder.join("tasks"), folder.join("patterns")];
    for entry in files.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        if path.is_file() && path != folder.join("mod.rs") {
            let code = fs::read_to_string(path).unwrap();
            let is_rule = |text: &&str| {
                let plain = text.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b':'));
                plain && text.parse::<AlertKey>().is_ok()
            };
            written.extend(code.split('"').filter(is_rule).map(str::to_owned));
        }
    }
    assert_eq!(written, rules::NAMES.map(str::to_owned).into());
}
