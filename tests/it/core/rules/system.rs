//! A source that has not answered for long.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use operator::core::alert::Priority;
use operator::core::circuit::{CallOutcome, Cause, Circuit, CircuitSettings};
use operator::core::rules::Evaluation;
use operator::core::rules::system::evaluate;
use rstest::rstest;

use crate::support::facts::at;

const OPEN_FOR: SignedDuration = SignedDuration::from_hours(1);

fn opened(since: Timestamp, cause: Cause) -> Circuit {
    let mut circuit = Circuit::default();
    let settings = CircuitSettings { failure_threshold: 1, timeout_seconds: 7200, ..CircuitSettings::default() };
    let permit = circuit.acquire(since).unwrap();
    circuit.record(permit, CallOutcome::Failure { cause, retry_after: None }, since, &settings, 0.5);
    circuit
}

fn judged(source: &str, circuit: Circuit, now: &str) -> Evaluation {
    evaluate(&BTreeMap::from([(source.to_owned(), circuit)]), OPEN_FOR, &at(now))
}

#[rstest]
#[case(59 * 60 + 59, false)]
#[case(3600, true)]
#[case(3601, true)]
fn outage_of_an_hour_fires(#[case] seconds: i64, #[case] expected: bool) {
    let now = "2026-11-20T09:00[America/Chicago]";
    let since = at(now).timestamp() - SignedDuration::from_secs(seconds);
    let evaluation = judged("workos", opened(since, Cause::Transient), now);
    assert_eq!(evaluation.alerts.len(), usize::from(expected));
    assert!(evaluation.evaluated.contains("system:source_unavailable"));
}

#[test]
fn closed_circuit_is_evaluated() {
    let evaluation = judged("workos", Circuit::default(), "2026-11-20T09:00[America/Chicago]");
    assert!(evaluation.alerts.is_empty());
    assert!(evaluation.can_resolve(&"system:source_unavailable:workos".parse().unwrap()));
}

#[test]
fn half_open_circuit_is_still_an_outage() {
    let now = at("2026-11-20T12:00[America/Chicago]");
    let mut circuit = opened(now.timestamp() - SignedDuration::from_hours(3), Cause::Transient);
    circuit.acquire(now.timestamp()).unwrap();
    assert_eq!(judged("workos", circuit, "2026-11-20T12:00[America/Chicago]").alerts.len(), 1);
}

#[rstest]
#[case::outage(
    Cause::Transient,
    "2026-11-20T09:00[America/Chicago]",
    "WorkOS is unavailable",
    "WorkOS has not worked since 07:30 (1 h ago). It may recover without you. Next try in 30 min."
)]
#[case::needs_user(
    Cause::ActionRequired,
    "2026-11-20T09:00[America/Chicago]",
    "WorkOS needs you",
    "WorkOS has not worked since 07:30 (1 h ago). It will not work until you change something: see the log. \
     Next try in 30 min."
)]
#[case::since_yesterday(
    Cause::Transient,
    "2026-11-21T08:00[America/Chicago]",
    "WorkOS is unavailable",
    "WorkOS has not worked since 2026-11-20 07:30 (1 day ago). It may recover without you. Next try at \
     the next check."
)]
fn message_has_start_and_hint(#[case] cause: Cause, #[case] now: &str, #[case] title: &str, #[case] message: &str) {
    let since = at("2026-11-20T07:30[America/Chicago]").timestamp();
    let evaluation = judged("workos", opened(since, cause), now);
    let alert = &evaluation.alerts[0];
    assert_eq!((alert.key.as_str(), alert.priority), ("system:source_unavailable:workos", Priority::Medium));
    assert_eq!((alert.title.as_str(), alert.message.as_str()), (title, message));
    assert_eq!(alert.facts["since"], since.to_string());
    assert_eq!(alert.facts["needs_user"], cause == Cause::ActionRequired);
}
