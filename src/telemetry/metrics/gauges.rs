//! The snapshot as gauges, made anew at every scrape.

use std::fmt;

use jiff::Timestamp;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::core::audit::Audit;
use crate::core::circuit::CircuitState;
use crate::core::status::Status;

/// A value for each set of labels, in an order that stays.
#[derive(Debug)]
struct Gauge(Vec<(Labels, i64)>);

type Labels = Vec<(&'static str, String)>;

impl EncodeMetric for Gauge {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(labels, value)| encoder.encode_family(labels)?.encode_gauge(value))
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is known at `now`; a gauge of which nothing is known is left out.
pub(super) fn of(status: Option<&Status>, now: Timestamp) -> Registry {
    let mut gauges = Registry::default();
    gauges.register("process_resident_memory_bytes", "Resident memory", Gauge(one(resident_bytes())));
    if let Some(status) = status {
        engine(&mut gauges, status);
        sources(&mut gauges, status, now);
        alerts(&mut gauges, status);
    }
    if let Some(audit) = status.and_then(|status| status.audit.as_ref()) {
        self_audit(&mut gauges, audit);
    }
    gauges
}

fn engine(gauges: &mut Registry, status: &Status) {
    let started = status.uptime_start.map(Timestamp::as_second);
    gauges.register("operator_start_time_seconds", "When the engine began, since the epoch", Gauge(one(started)));
    let last = status.monitor_states.iter();
    let last = last.map(|(monitor, state)| (labels([("monitor", &monitor.to_string())]), state.last_check.as_second()));
    let help = "When a monitor last ran, since the epoch";
    gauges.register("operator_last_check_timestamp_seconds", help, Gauge(last.collect()));
    gauges.register("operator_paused", "Whether alerts wait until resumed", Gauge(flag(status.paused)));
    // Not quiet_hours: promtool takes hours for a unit.
    gauges.register("operator_quiet", "Whether quiet hours are in force", Gauge(flag(status.is_quiet_hours)));
    let in_event = flag(status.in_event_until.is_some());
    gauges.register("operator_in_event", "Whether alerts wait for the end of a meeting", Gauge(in_event));
    gauges.register("operator_dry_run", "Whether it only decides and reports", Gauge(flag(status.dry_run)));
}

fn sources(gauges: &mut Registry, status: &Status, now: Timestamp) {
    let states = [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen];
    let circuits = status.circuit_states.iter().flat_map(|(source, circuit)| {
        let is = move |state: CircuitState| i64::from(state == *circuit);
        states.map(move |state| (labels([("source", source), ("state", state.as_str())]), is(state)))
    });
    let help = "The circuit of a source: 1 for the state that it has, 0 for the others";
    gauges.register("operator_circuit_state", help, Gauge(circuits.collect()));
    let ages = status.sources.iter().filter_map(|(source, state)| {
        let age = now.duration_since(state.as_of?).as_secs();
        Some((labels([("source", source)]), age))
    });
    let help = "Age of what a source told last: since it was synced or read";
    gauges.register("operator_data_age_seconds", help, Gauge(ages.collect()));
}

fn alerts(gauges: &mut Registry, status: &Status) {
    gauges.register("operator_open_alerts", "Alerts that are open", Gauge(one(whole(status.open_alerts))));
    let help = "Open alerts that are neither acknowledged nor snoozed";
    gauges.register("operator_waiting_alerts", help, Gauge(one(whole(status.unanswered_alerts))));
    let outbox = status.outbox.iter().flat_map(|(channel, depth)| {
        let of = |(state, count)| Some((labels([("channel", channel.as_str()), ("state", state)]), whole(count)?));
        [("pending", depth.pending), ("failed", depth.failed)].into_iter().filter_map(of)
    });
    let help = "Messages in the outbox: still to be sent, or refused for good";
    gauges.register("operator_outbox_messages", help, Gauge(outbox.collect()));
}

/// What fired stands apart from what became of it: so the sum over the fates says something.
fn self_audit(gauges: &mut Registry, audit: &Audit) {
    let fates = [
        ("delivered", audit.delivered),
        ("pending", audit.pending),
        ("suppressed", audit.suppressed),
        ("held", audit.held),
        ("coalesced", audit.coalesced),
        ("failed", audit.failed),
    ];
    let of = |(fate, count)| Some((labels([("fate", fate)]), whole(count)?));
    let help = "Alerts in the journal by what became of them, as the last self-audit counted them";
    gauges.register("operator_audit_alerts", help, Gauge(fates.into_iter().filter_map(of).collect()));
    let help = "Alerts in the journal, as the last self-audit counted them";
    gauges.register("operator_audit_fired_alerts", help, Gauge(one(whole(audit.fired))));
    let help = "Keys of which the last self-audit missed something";
    gauges.register("operator_audit_astray_keys", help, Gauge(one(whole(audit.unaccounted_count))));
    let help = "Whether the last self-audit found every alert that fired";
    gauges.register("operator_audit_adds_up", help, Gauge(flag(audit.is_consistent())));
}

fn labels<const N: usize>(labels: [(&'static str, &str); N]) -> Labels {
    labels.map(|(name, value)| (name, value.to_owned())).into()
}

/// A value without labels, if it is known.
fn one(value: Option<i64>) -> Vec<(Labels, i64)> {
    value.map(|value| (Labels::new(), value)).into_iter().collect()
}

fn flag(holds: bool) -> Vec<(Labels, i64)> {
    one(Some(i64::from(holds)))
}

/// No database counts so far that it does not fit.
fn whole(count: impl TryInto<i64>) -> Option<i64> {
    count.try_into().ok()
}

/// As the kernel tells it; elsewhere than on Linux it is not known without a library.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?;
    kibibytes.parse::<i64>().ok()?.checked_mul(1024)
}
