//! Metrics in Prometheus' text format. Invariant: no label holds personal text (title, entity, message).
//!
//! The classic text format, because `promtool check metrics` and every Prometheus read it.

mod gauges;

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::time::Duration;
use strum::VariantArray;

use jiff::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::core::alert::{AlertKey, Category, Monitor};
use crate::core::channel::Channel;
use crate::core::delivery::failure::Failure;
use crate::core::policy::decision::PolicyDecision;
use crate::core::rules;
use crate::core::status::{MonitorState, RunStatus, Status};

pub use prometheus_text::CONTENT_TYPE;

/// Histogram buckets in seconds: files take milliseconds, servers seconds, no send more than a minute.
const BUCKETS: [f64; 7] = [0.01, 0.05, 0.25, 1.0, 5.0, 20.0, 60.0];

/// `delivered`, or the kind of the failure.
const OUTCOMES: [&str; 6] = ["delivered", "retryable", "unconfirmed", "offline", "no_transport", "permanent"];

/// Counters since the process started. Labels are our own words and names from the configuration, which bounds their number.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    checks: Family<CheckLabels, Counter>,
    check_seconds: Family<MonitorLabel, Histogram>,
    alerts: Family<AlertLabels, Counter>,
    deliveries: Family<DeliveryLabels, Counter>,
    delivery_seconds: Family<ChannelLabel, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckLabels {
    monitor: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MonitorLabel {
    monitor: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlertLabels {
    rule: &'static str,
    priority: &'static str,
    decision: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    channel: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabel {
    channel: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    #[must_use]
    pub fn new() -> Self {
        let seconds: fn() -> Histogram = || Histogram::new(BUCKETS);
        let mut metrics = Self {
            registry: Registry::default(),
            checks: Family::default(),
            check_seconds: Family::new_with_constructor(seconds),
            alerts: Family::default(),
            deliveries: Family::default(),
            delivery_seconds: Family::new_with_constructor(seconds),
        };
        metrics.create_zero_series();
        metrics.register();
        metrics
    }

    /// `increase()` misses the first event of a series that does not start at zero.
    fn create_zero_series(&self) {
        self.expect_monitors(Monitor::SCHEDULED);
        for channel in Channel::OUTSIDE.map(Channel::as_str) {
            for outcome in OUTCOMES {
                drop(self.deliveries.get_or_create(&DeliveryLabels { channel, outcome }));
            }
        }
    }

    /// Create the zero series of these monitors.
    pub fn expect_monitors(&self, monitors: impl IntoIterator<Item = Monitor>) {
        for monitor in monitors {
            for status in RunStatus::VARIANTS.iter().map(|status| status.as_str()) {
                drop(self.checks.get_or_create(&CheckLabels { monitor: monitor.to_string(), status }));
            }
        }
    }

    /// The encoder appends `_total` to counters and `_info` to the build.
    fn register(&mut self) {
        let all = &mut self.registry;
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION")), ("os", OS), ("arch", ARCH)]);
        all.register("operator_build", "Version, operating system and architecture", build);
        all.register("operator_checks", "Recorded checks by monitor and status", self.checks.clone());
        let help = "Time from the start of a check until its monitor has its facts";
        all.register("operator_check_duration_seconds", help, self.check_seconds.clone());
        let help = "Recorded decisions, one each time a rule fires or ends";
        all.register("operator_alerts", help, self.alerts.clone());
        let help = "Delivery attempts by outcome";
        all.register("operator_deliveries", help, self.deliveries.clone());
        let help = "Duration of one delivery attempt";
        all.register("operator_delivery_duration_seconds", help, self.delivery_seconds.clone());
    }

    /// Count a recorded check. A program started as a dry run records in a copy and counts too: see `operator_dry_run`.
    pub fn count_check(&self, states: &BTreeMap<Monitor, MonitorState>, decisions: &[PolicyDecision]) {
        for (monitor, state) in states {
            let (monitor, status) = (monitor.to_string(), state.status.as_str());
            let seconds = Duration::from_millis(state.duration_ms).as_secs_f64();
            self.checks.get_or_create(&CheckLabels { monitor: monitor.clone(), status }).inc();
            self.check_seconds.get_or_create(&MonitorLabel { monitor }).observe(seconds);
        }
        for PolicyDecision { alert, decision, reason, .. } in decisions {
            let (rule, priority) = (rule_label(&alert.key), alert.priority.as_str());
            let (decision, reason) = (decision.as_str(), reason.as_str());
            self.alerts.get_or_create(&AlertLabels { rule, priority, decision, reason }).inc();
        }
    }

    /// Count one delivery attempt, tests included.
    pub fn count_delivery(&self, channel: Channel, failure: Option<&Failure>, took: Duration) {
        let (channel, outcome) = (channel.as_str(), failure.map_or("delivered", |failure| failure.kind.as_str()));
        self.deliveries.get_or_create(&DeliveryLabels { channel, outcome }).inc();
        self.delivery_seconds.get_or_create(&ChannelLabel { channel }).observe(took.as_secs_f64());
    }

    /// The body of `GET /metrics`: counters, and gauges of the last snapshot at `now`. Without a snapshot its gauges are missing,
    /// because unknown is not zero.
    #[must_use]
    pub fn encode(&self, status: Option<&Status>, now: Timestamp) -> String {
        let mut text = String::new();
        for registry in [&self.registry, &gauges::from_status(status, now)] {
            // Writing to a String cannot fail.
            let _ = prometheus_text::encode(&mut text, registry);
        }
        text
    }
}

/// The rule of a key without its entity; `exec` for every exec plugin, `other` for rules this version does not know.
fn rule_label(key: &AlertKey) -> &'static str {
    if key.category() == Category::Exec {
        return Category::Exec.as_str();
    }
    rules::NAMES.into_iter().find(|name| *name == key.rule()).unwrap_or("other")
}
