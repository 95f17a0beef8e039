//! Gauges of a snapshot, built at every scrape.

use std::fmt;

use jiff::Timestamp;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::core::audit::Audit;
use crate::core::circuit::CircuitState;
use crate::core::status::Status;

/// Values by label set, in a stable order.
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
pub(super) fn from_status(status: Option<&Status>, now: Timestamp) -> Registry {
    let mut gauges = Registry::default();
    gauges.register("process_resident_memory_bytes", "Resident memory", Gauge(unlabelled(resident_bytes())));
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
    gauges.register("operator_start_time_seconds", "Start of the engine, Unix time", Gauge(unlabelled(started)));
    let last = status.monitor_states.iter();
    let last = last.map(|(monitor, state)| (labels([("monitor", &monitor.to_string())]), state.last_check.as_second()));
    let help = "Last run of a monitor, Unix time";
    gauges.register("operator_last_check_timestamp_seconds", help, Gauge(last.collect()));
    gauges.register("operator_paused", "1 while notifications are paused", Gauge(flag(status.paused)));
    // Not quiet_hours: promtool takes hours for a unit.
    gauges.register("operator_quiet", "1 during quiet hours", Gauge(flag(status.is_quiet_hours)));
    let in_event = flag(status.in_event_until.is_some());
    gauges.register("operator_in_event", "1 during a calendar event that holds notifications", Gauge(in_event));
    gauges.register("operator_dry_run", "1 in a dry run", Gauge(flag(status.dry_run)));
}

fn sources(gauges: &mut Registry, status: &Status, now: Timestamp) {
    let states = [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen];
    let circuits = status.circuit_states.iter().flat_map(|(source, circuit)| {
        let is = move |state: CircuitState| i64::from(state == *circuit);
        states.map(move |state| (labels([("source", source), ("state", state.as_str())]), is(state)))
    });
    let help = "Circuit of a source: 1 for its state, 0 for the others";
    gauges.register("operator_circuit_state", help, Gauge(circuits.collect()));
    let ages = status.sources.iter().filter_map(|(source, state)| {
        let age = now.duration_since(state.as_of?).as_secs();
        Some((labels([("source", source)]), age))
    });
    let help = "Age of the last data of a source";
    gauges.register("operator_data_age_seconds", help, Gauge(ages.collect()));
}

fn alerts(gauges: &mut Registry, status: &Status) {
    gauges.register("operator_open_alerts", "Open alerts", Gauge(unlabelled(whole(status.open_alerts))));
    let help = "Open alerts that are neither acknowledged nor snoozed";
    gauges.register("operator_unacknowledged_alerts", help, Gauge(unlabelled(whole(status.unanswered_alerts))));
    let outbox = status.outbox.iter().flat_map(|(channel, depth)| {
        let labelled =
            |(state, count)| Some((labels([("channel", channel.as_str()), ("state", state)]), whole(count)?));
        [("pending", depth.pending), ("failed", depth.failed)].into_iter().filter_map(labelled)
    });
    let help = "Messages in the outbox: pending, or permanently failed";
    gauges.register("operator_outbox_messages", help, Gauge(outbox.collect()));
}

/// Fired alerts have a metric of their own, for comparison with the sum over the outcomes.
fn self_audit(gauges: &mut Registry, audit: &Audit) {
    let outcomes = [
        ("delivered", audit.delivered),
        ("pending", audit.pending),
        ("suppressed", audit.suppressed),
        ("held", audit.held),
        ("coalesced", audit.coalesced),
        ("failed", audit.failed),
    ];
    let labelled = |(outcome, count)| Some((labels([("outcome", outcome)]), whole(count)?));
    let help = "Alerts in the journal by outcome, counted by the last self-audit";
    gauges.register("operator_audit_alerts", help, Gauge(outcomes.into_iter().filter_map(labelled).collect()));
    let help = "Alerts in the journal, counted by the last self-audit";
    gauges.register("operator_audit_fired_alerts", help, Gauge(unlabelled(whole(audit.fired))));
    let help = "Keys the last self-audit could not account for";
    gauges.register("operator_audit_unaccounted_keys", help, Gauge(unlabelled(whole(audit.unaccounted_count))));
    let help = "1 if the last self-audit accounted for every fired alert";
    gauges.register("operator_audit_consistent", help, Gauge(flag(audit.is_consistent())));
}

fn labels<const N: usize>(labels: [(&'static str, &str); N]) -> Labels {
    labels.map(|(name, value)| (name, value.to_owned())).into()
}

/// A value without labels; empty if unknown.
fn unlabelled(value: Option<i64>) -> Vec<(Labels, i64)> {
    value.map(|value| (Labels::new(), value)).into_iter().collect()
}

fn flag(holds: bool) -> Vec<(Labels, i64)> {
    unlabelled(Some(i64::from(holds)))
}

fn whole(count: impl TryInto<i64>) -> Option<i64> {
    count.try_into().ok()
}

/// Read from /proc; unknown on macOS, where it would need a library.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?;
    kibibytes.parse::<i64>().ok()?.checked_mul(1024)
}
