#![allow(clippy::unwrap_used)]

use rstest::rstest;

use super::*;
use crate::core::alert::{Alert, AlertKey, Category, Facts, Monitor, Priority};
use crate::core::policy::decision::Reason;

const CHANNELS: &[Channel] = &[Channel::Journal, Channel::Ntfy, Channel::Email];

fn decision(decision: Decision) -> PolicyDecision {
    let alert = Alert {
        key: AlertKey::new(Category::Task, "pileup"),
        priority: Priority::High,
        title: String::new(),
        message: String::new(),
        facts: Facts::new(),
        monitor: Monitor::Tasks,
        at: jiff::Timestamp::UNIX_EPOCH,
        occasion: None,
    };
    PolicyDecision { alert, decision, reason: Reason::First, channels: CHANNELS.to_vec() }
}

const QUEUED: [QueuedRow; 4] = [
    QueuedRow { id: 1, channel: Channel::Ntfy, kind: OutboxKind::Alert },
    QueuedRow { id: 2, channel: Channel::Telegram, kind: OutboxKind::Alert },
    QueuedRow { id: 3, channel: Channel::Ntfy, kind: OutboxKind::Resolve },
    QueuedRow { id: 4, channel: Channel::Telegram, kind: OutboxKind::Update },
];

#[rstest]
#[case::suppress(Decision::Suppress, &[], &[])]
#[case::hold(Decision::Hold, &[], &[])]
#[case::coalesce(
    Decision::Coalesce,
    &[(1, SupersedeReason::InDigest), (2, SupersedeReason::InDigest), (3, SupersedeReason::FiredAgain)],
    &[],
)]
#[case::deliver(
    Decision::Deliver,
    &[(1, SupersedeReason::Newer), (2, SupersedeReason::Newer), (3, SupersedeReason::FiredAgain)],
    &[(Channel::Ntfy, OutboxKind::Alert), (Channel::Email, OutboxKind::Alert)],
)]
#[case::resolve(
    Decision::Resolve,
    &[
        (1, SupersedeReason::Resolved),
        (2, SupersedeReason::Resolved),
        (3, SupersedeReason::Resolved),
        (4, SupersedeReason::Resolved),
    ],
    &[(Channel::Webhook, OutboxKind::Resolve)],
)]
fn decision_changes_the_queue(
    #[case] made: Decision,
    #[case] supersede: &[(i64, SupersedeReason)],
    #[case] insert: &[(Channel, OutboxKind)],
) {
    let change = queue_decision(&decision(made), &QUEUED, &[Channel::Webhook]);
    assert_eq!((change.supersede.as_slice(), change.insert.as_slice()), (supersede, insert));
}

#[test]
fn answer_keeps_pending_resolves() {
    let change = queue_answer(&QUEUED, &[Channel::Webhook]);
    assert_eq!(change.supersede, [1, 2, 4].map(|id| (id, SupersedeReason::Answered)));
    assert_eq!(change.insert, [(Channel::Webhook, OutboxKind::Update)]);
}

#[test]
fn digest_is_outdated_without_open_alerts() {
    let digests = [QueuedDigest { id: 1, open_alerts: 0 }, QueuedDigest { id: 2, open_alerts: 1 }];
    assert_eq!(outdated_digests(&digests), [(1, SupersedeReason::AllResolved)]);
}

fn in_flight(state: OutboxState) -> RowStatus {
    RowStatus { state, attempts: 2, unconfirmed: false, reason: Some("before".into()) }
}

#[rstest]
#[case::pending(OutboxState::Pending)]
#[case::superseded_in_flight(OutboxState::Superseded)]
fn success_delivers_the_row(#[case] state: OutboxState) {
    let row = RowStatus { unconfirmed: true, ..in_flight(state) };
    let status = RowStatus { state: OutboxState::Delivered, attempts: 2, unconfirmed: false, reason: None };
    let expected = RowResult { status, keeps_batch: true, finished: true };
    assert_eq!(row_after_send(row, MessageKind::New, Ok(())), expected);
}

#[rstest]
#[case::retryable(FailureKind::Retryable { retry_after: None }, OutboxState::Pending, 2, false, false)]
#[case::unconfirmed(FailureKind::Unconfirmed, OutboxState::Pending, 2, true, false)]
#[case::offline_is_no_attempt(FailureKind::Offline, OutboxState::Pending, 1, false, false)]
#[case::no_transport(FailureKind::NoTransport, OutboxState::Pending, 2, false, false)]
#[case::permanent(FailureKind::Permanent, OutboxState::Failed, 2, true, true)]
fn failure_changes_the_row(
    #[case] kind: FailureKind,
    #[case] state: OutboxState,
    #[case] attempts: u32,
    #[case] keeps_batch: bool,
    #[case] finished: bool,
) {
    let failure = Failure::new(kind, "no");
    let result = row_after_send(in_flight(OutboxState::Pending), MessageKind::New, Err(&failure));
    let RowStatus { reason, .. } = &result.status;
    assert_eq!((result.status.state, result.status.attempts, reason.as_deref()), (state, attempts, Some("no")));
    assert_eq!((result.keeps_batch, result.finished), (keeps_batch, finished));
    assert_eq!(result.status.unconfirmed, kind == FailureKind::Unconfirmed);
}

#[test]
fn unconfirmed_row_keeps_its_batch() {
    let row = RowStatus { unconfirmed: true, ..in_flight(OutboxState::Pending) };
    let result = row_after_send(row, MessageKind::Update, Err(&Failure::retryable("down")));
    assert!(result.keeps_batch && result.status.unconfirmed);
}

#[test]
fn superseded_row_keeps_state_and_reason() {
    let result = row_after_send(in_flight(OutboxState::Superseded), MessageKind::New, Err(&Failure::retryable("down")));
    assert_eq!((result.status.state, result.status.reason.as_deref()), (OutboxState::Superseded, Some("before")));
    let refused =
        row_after_send(in_flight(OutboxState::Superseded), MessageKind::New, Err(&Failure::permanent("no", "")));
    assert_eq!(refused.status.state, OutboxState::Superseded);
}

#[test]
fn test_message_is_never_retried() {
    let result = row_after_send(in_flight(OutboxState::Pending), MessageKind::Test, Err(&Failure::retryable("down")));
    assert!(result.finished && result.status.state == OutboxState::Failed);
}

#[test]
fn only_confirmed_failures_are_invisible() {
    assert!(may_be_visible(Ok(())));
    assert!(may_be_visible(Err(&Failure::new(FailureKind::Unconfirmed, ""))));
    assert!(!may_be_visible(Err(&Failure::retryable(""))));
    assert!(!may_be_visible(Err(&Failure::permanent("", ""))));
}

#[rstest]
#[case::first(&[], NotificationState::Active, &[])]
#[case::later_decision(&[3], NotificationState::Active, &[13])]
#[case::overtaken(&[9], NotificationState::Superseded, &[])]
#[case::same_row(&[7], NotificationState::Active, &[17])]
#[case::between(&[3, 9], NotificationState::Superseded, &[13])]
fn latest_decision_shows_the_alert(
    #[case] others: &[i64],
    #[case] state: NotificationState,
    #[case] supersedes: &[i64],
) {
    let others: Vec<ActiveBatch> = others.iter().map(|row| ActiveBatch { batch_id: row + 10, row_id: *row }).collect();
    assert_eq!(activate(7, &others), Activation { state, supersedes: supersedes.to_vec() });
}

#[rstest]
#[case::new(None, NotificationState::Sending)]
#[case::sent_before(Some(NotificationState::Active), NotificationState::Active)]
#[case::resolved_before(Some(NotificationState::Resolved), NotificationState::Sending)]
fn sending_keeps_a_visible_alert_active(
    #[case] current: Option<NotificationState>,
    #[case] expected: NotificationState,
) {
    assert_eq!(state_while_sending(current), expected);
}

#[rstest]
#[case::pending(OutboxKind::Alert, OutboxState::Pending, false, true, None)]
#[case::in_flight(OutboxKind::Digest, OutboxState::Pending, true, true, None)]
#[case::disabled(OutboxKind::Alert, OutboxState::Pending, true, false, Some(SupersedeReason::ChannelDisabled))]
#[case::update_of_disabled(OutboxKind::Resolve, OutboxState::Pending, false, false, None)]
#[case::test(OutboxKind::Test, OutboxState::Pending, true, true, Some(SupersedeReason::Stopped))]
#[case::superseded_in_flight(OutboxKind::Alert, OutboxState::Superseded, true, false, None)]
fn restart_recovers_rows(
    #[case] kind: OutboxKind,
    #[case] state: OutboxState,
    #[case] in_flight: bool,
    #[case] channel_enabled: bool,
    #[case] supersede: Option<SupersedeReason>,
) {
    let row = LeftRow { id: 1, kind, state, in_flight, channel_enabled };
    assert_eq!(recover(row), Recovery { unconfirmed: in_flight, supersede });
}

#[rstest]
#[case::newest_open_alert(OutboxKind::Alert, true, true, true)]
#[case::closed_alert(OutboxKind::Alert, false, true, false)]
#[case::older_alert(OutboxKind::Alert, true, false, false)]
#[case::digest(OutboxKind::Digest, false, false, true)]
#[case::resolve(OutboxKind::Resolve, false, false, true)]
#[case::update(OutboxKind::Update, true, true, false)]
#[case::test(OutboxKind::Test, true, true, false)]
fn new_configuration_retries(
    #[case] kind: OutboxKind,
    #[case] is_open: bool,
    #[case] is_newest: bool,
    #[case] expected: bool,
) {
    assert_eq!(is_retried(FailedRow { id: 1, kind, is_open, is_newest }), expected);
}

#[test]
fn words_survive_the_database() {
    for kind in [OutboxKind::Alert, OutboxKind::Digest, OutboxKind::Resolve, OutboxKind::Update, OutboxKind::Test] {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    assert_eq!("sent".parse::<OutboxState>(), Err("'sent' is not a state of a message".into()));
}
