//! What the program counts of itself, in the text that Prometheus reads. Nothing personal: no title, no entity, no message.
//!
//! The classic text format rather than OpenMetrics: every Prometheus takes it, and so does `promtool check metrics`.

mod gauges;

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::time::Duration;

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

/// Files are read in milliseconds, servers answer in seconds, and nothing is waited for much longer than a minute.
const SECONDS: [f64; 7] = [0.01, 0.05, 0.25, 1.0, 5.0, 20.0, 60.0];

/// What can become of a message: delivered, or the kind of its failure.
const OUTCOMES: [&str; 6] = ["delivered", "retryable", "unconfirmed", "offline", "unavailable", "refused"];

/// Counts since the process began. Their labels are words of ours and the names of the person's programs, so that there are never
/// more of them than can be listed here and in the configuration.
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
    class: &'static str,
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
    /// Nothing has happened yet.
    #[must_use]
    pub fn new() -> Self {
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        let mut metrics = Self {
            registry: Registry::default(),
            checks: Family::default(),
            check_seconds: Family::new_with_constructor(seconds),
            alerts: Family::default(),
            deliveries: Family::default(),
            delivery_seconds: Family::new_with_constructor(seconds),
        };
        metrics.begin_at_zero();
        metrics.register();
        metrics
    }

    /// A series that began with its first event would hide that event from whoever asks for the increase.
    fn begin_at_zero(&self) {
        self.expect(Monitor::SCHEDULED);
        for channel in Channel::OUTSIDE.map(Channel::as_str) {
            for outcome in OUTCOMES {
                drop(self.deliveries.get_or_create(&DeliveryLabels { channel, outcome }));
            }
        }
    }

    /// These monitors will be counted.
    pub fn expect(&self, monitors: impl IntoIterator<Item = Monitor>) {
        for monitor in monitors {
            for status in [RunStatus::Ok, RunStatus::Skipped, RunStatus::Failed].map(RunStatus::as_str) {
                drop(self.checks.get_or_create(&CheckLabels { monitor: monitor.to_string(), status }));
            }
        }
    }

    /// The names of counters lack the `_total`, and that of the build its `_info`: they get it in the text.
    fn register(&mut self) {
        let all = &mut self.registry;
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION")), ("os", OS), ("arch", ARCH)]);
        all.register("operator_build", "The program that runs", build);
        all.register("operator_checks", "Checks recorded, by monitor and how they ended", self.checks.clone());
        let help = "Time from a check's beginning until its monitor had all it needs";
        all.register("operator_check_duration_seconds", help, self.check_seconds.clone());
        let help = "Decisions recorded about alerts, one each time that a rule fires or ends";
        all.register("operator_alerts", help, self.alerts.clone());
        let help = "Tries to deliver a message, by what became of them";
        all.register("operator_deliveries", help, self.deliveries.clone());
        let help = "Time that one try to deliver a message took";
        all.register("operator_delivery_duration_seconds", help, self.delivery_seconds.clone());
    }

    /// A check, or a part of one, was recorded: what is only decided does not count. A program that was started as a dry run
    /// records in a copy, and counts; `operator_dry_run` tells.
    pub fn checked(&self, states: &BTreeMap<Monitor, MonitorState>, verdicts: &[PolicyDecision]) {
        for (monitor, state) in states {
            let (monitor, status) = (monitor.to_string(), state.status.as_str());
            let seconds = Duration::from_millis(state.duration_ms).as_secs_f64();
            self.checks.get_or_create(&CheckLabels { monitor: monitor.clone(), status }).inc();
            self.check_seconds.get_or_create(&MonitorLabel { monitor }).observe(seconds);
        }
        for PolicyDecision { alert, decision, reason, .. } in verdicts {
            let (class, priority) = (class_of(&alert.key), alert.priority.as_str());
            let (decision, reason) = (decision.as_str(), reason.as_str());
            self.alerts.get_or_create(&AlertLabels { class, priority, decision, reason }).inc();
        }
    }

    /// A message came back from its channel, a test too: delivered, or with a failure.
    pub fn sent(&self, channel: Channel, failure: Option<&Failure>, took: Duration) {
        let (channel, outcome) = (channel.as_str(), failure.map_or("delivered", |failure| failure.kind.as_str()));
        self.deliveries.get_or_create(&DeliveryLabels { channel, outcome }).inc();
        self.delivery_seconds.get_or_create(&ChannelLabel { channel }).observe(took.as_secs_f64());
    }

    /// The text that `GET /metrics` answers with, as `CONTENT_TYPE` says: the counters, and what the last snapshot tells at `now`.
    /// Without a snapshot its gauges are not there: unknown is not zero.
    #[must_use]
    pub fn encode(&self, status: Option<&Status>, now: Timestamp) -> String {
        let mut text = String::new();
        for registry in [&self.registry, &gauges::of(status, now)] {
            // A string takes whatever is written to it.
            let _ = prometheus_text::encode(&mut text, registry);
        }
        text
    }
}

/// The rule that a key comes from, without its entity; of the person's programs, only that it is one. What the database remembers
/// of a rule that is no longer known has no name here: it could be anything.
fn class_of(key: &AlertKey) -> &'static str {
    if key.category() == Category::Exec {
        return Category::Exec.as_str();
    }
    rules::NAMES.into_iter().find(|name| *name == key.rule()).unwrap_or("other")
}
