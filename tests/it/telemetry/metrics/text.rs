//! The text format: valid for Prometheus' own tool, and bounded.

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

fn decision_for(key: &str) -> PolicyDecision {
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

/// Metrics with a value in every family.
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
    metrics.count_check(&states, &[decision_for("task:deadline_overdue:diary"), decision_for("health:sleep_short")]);
    metrics.count_delivery(Channel::Telegram, None, Duration::from_millis(40));
    metrics.count_delivery(Channel::Webhook, Some(&Failure::permanent("answered 400", "")), Duration::from_secs(2));
    metrics
}

/// Runs `promtool check metrics`: whether the text passes, and the output.
pub(super) fn promtool(text: &str) -> (bool, String) {
    let mut tool = Command::new("promtool");
    tool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = tool.spawn().expect("promtool, which tests/run installs");
    running.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(printed).unwrap())
}

#[test]
fn promtool_accepts_the_text() {
    let text = busy().encode(Some(&status(full())), now());
    assert_eq!(promtool(&text), (true, String::new()), "{text}");
    let text = Metrics::new().encode(None, now());
    assert_eq!(promtool(&text), (true, String::new()), "{text}");
    assert!(!promtool("nameless 1\n").0, "promtool rejects a bad text");
}

#[test]
fn content_type_is_classic_text() {
    assert_eq!(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
}

#[test]
fn label_with_special_characters_is_escaped() {
    let odd = json!({"circuit_states": {"a\"b\\c\nd": "open"}});
    let text = Metrics::new().encode(Some(&status(odd)), now());
    let expected = r#"operator_circuit_state{source="a\"b\\c\nd",state="open"} 1"#;
    assert!(series(&text, "operator_circuit_state").contains(&expected), "{text}");
    assert_eq!(promtool(&text), (true, String::new()));
}

#[test]
fn many_entities_make_few_series() {
    let (metrics, other) = (Metrics::new(), Metrics::new());
    let things = |number: u32| decision_for(&format!("task:deadline_overdue:diary{number}"));
    // A database may hold rules that no longer exist.
    let strange = |number: u32| decision_for(&format!("task:diary{number}:{number}"));
    let few: Vec<PolicyDecision> = [things(0), strange(0)].into();
    let many: Vec<PolicyDecision> = (0..5_000).flat_map(|number| [things(number), strange(number)]).collect();
    metrics.count_check(&BTreeMap::new(), &many);
    other.count_check(&BTreeMap::new(), &few);
    let (text, short) = (metrics.encode(None, now()), other.encode(None, now()));
    assert_eq!(
        series(&text, "operator_alerts_total"),
        [
            r#"operator_alerts_total{rule="other",priority="high",decision="deliver",reason="first"} 5000"#,
            r#"operator_alerts_total{rule="task:deadline_overdue",priority="high",decision="deliver",reason="first"} 5000"#,
        ]
    );
    assert_eq!(text.lines().count(), short.lines().count());
    assert!(!text.contains("diary"));
}

#[test]
fn exec_alerts_share_one_rule_label() {
    let metrics = Metrics::new();
    metrics.expect_monitors(["exec:disk".parse().unwrap()]);
    let text = metrics.encode(None, now());
    assert!(text.contains(r#"operator_checks_total{monitor="exec:disk",status="failed"} 0"#), "{text}");
    let keys: Vec<PolicyDecision> = (0..100).map(|number| decision_for(&format!("exec:disk:{number}"))).collect();
    metrics.count_check(&BTreeMap::new(), &keys);
    let series_of_exec = r#"operator_alerts_total{rule="exec",priority="high",decision="deliver",reason="first"} 100"#;
    assert_eq!(series(&metrics.encode(None, now()), "operator_alerts_total"), [series_of_exec]);
}

/// `increase()` needs a zero before the first event.
#[test]
fn every_series_starts_at_zero() {
    let (before, metrics) = (Metrics::new().encode(None, now()), Metrics::new());
    let kinds = [
        FailureKind::Retryable { retry_after: None },
        FailureKind::Unconfirmed,
        FailureKind::Offline,
        FailureKind::NoTransport,
        FailureKind::Permanent,
    ];
    for channel in Channel::OUTSIDE {
        metrics.count_delivery(channel, None, Duration::ZERO);
        for kind in kinds {
            metrics.count_delivery(channel, Some(&Failure::new(kind, "")), Duration::ZERO);
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
        metrics.count_check(&Monitor::SCHEDULED.map(|monitor| (monitor, state(status))).into(), &[]);
    }
    let after = metrics.encode(None, now());
    let outcomes = 6;
    for (name, count) in
        [("operator_checks_total", 9), ("operator_deliveries_total", outcomes * Channel::OUTSIDE.len())]
    {
        let series_with = |text, value: &str| {
            let lines = series(text, name).into_iter();
            lines.map(|line| line.strip_suffix(value).expect(line).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(series_with(&before, " 0"), series_with(&after, " 1"));
        assert_eq!(series_with(&before, " 0").len(), count);
    }
}

#[test]
fn rule_names_list_every_rule() {
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
