//! The states of outbox rows and of the alerts that a channel shows, and every transition between them.

use serde::{Deserialize, Serialize};

use super::failure::{Failure, FailureKind};
use super::message::MessageKind;
use crate::core::channel::Channel;
use crate::core::policy::decision::{Decision, PolicyDecision};

/// The purpose of an outbox row.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str, parse_err_ty = String, parse_err_fn = unknown_kind)]
pub enum OutboxKind {
    Alert,
    /// All alerts that one check put into a digest.
    Digest,
    /// Shows in place that an alert is over.
    Resolve,
    /// Shows in place that the user acknowledged or snoozed an alert.
    Update,
    Test,
}

/// The state of an outbox row.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str, parse_err_ty = String, parse_err_fn = unknown_state)]
pub enum OutboxState {
    Pending,
    Delivered,
    /// The service refused the message for good.
    Failed,
    /// There is no longer a reason to send it.
    Superseded,
}

/// Whether a message shows an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str, parse_err_ty = String, parse_err_fn = unknown_state)]
pub enum NotificationState {
    /// The alerter has the message; the result is not known yet.
    Sending,
    /// The channel shows the alert as open, or may show it.
    Active,
    /// The channel shows the alert as resolved.
    Resolved,
    /// A later message shows the alert.
    Superseded,
}

/// Why a pending row is not sent. The database stores the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr)]
#[strum(const_into_str)]
pub enum SupersedeReason {
    #[strum(serialize = "sent in a digest instead")]
    InDigest,
    #[strum(serialize = "a newer message replaces it")]
    Newer,
    #[strum(serialize = "the alert fired again")]
    FiredAgain,
    #[strum(serialize = "resolved before it was sent")]
    Resolved,
    #[strum(serialize = "all of its alerts resolved before it was sent")]
    AllResolved,
    #[strum(serialize = "acknowledged or snoozed before it was sent")]
    Answered,
    #[strum(serialize = "none of its alerts needs a notification any more")]
    NothingToSend,
    #[strum(serialize = "no message on the channel shows its alert any more")]
    NotShown,
    #[strum(serialize = "Operator stopped before it was sent")]
    Stopped,
    #[strum(serialize = "the channel was disabled")]
    ChannelDisabled,
}

fn unknown_kind(word: &str) -> String {
    format!("'{word}' is not a kind of outbox row")
}

fn unknown_state(word: &str) -> String {
    format!("'{word}' is not a state of a message")
}

impl OutboxKind {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    pub const fn message_kind(self) -> MessageKind {
        match self {
            Self::Alert | Self::Digest => MessageKind::New,
            Self::Resolve | Self::Update => MessageKind::Update,
            Self::Test => MessageKind::Test,
        }
    }
}

impl OutboxState {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl NotificationState {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl SupersedeReason {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

// Decisions and answers of the user change the outbox.

/// A pending row of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuedRow {
    pub id: i64,
    pub channel: Channel,
    pub kind: OutboxKind,
}

/// A pending digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuedDigest {
    pub id: i64,
    /// How many of its alerts are open.
    pub open_alerts: u64,
}

/// What a decision or an answer changes in the outbox, for one key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct QueueChange {
    pub supersede: Vec<(i64, SupersedeReason)>,
    pub insert: Vec<(Channel, OutboxKind)>,
}

/// `queued` are the pending rows of the decision's key, `shown_on` the channels that show or may show the key.
#[must_use]
pub fn queue_decision(decision: &PolicyDecision, queued: &[QueuedRow], shown_on: &[Channel]) -> QueueChange {
    let replaced = |alerts: SupersedeReason| {
        let reason = |row: &QueuedRow| match row.kind {
            OutboxKind::Alert => Some((row.id, alerts)),
            // A pending resolve of an alert that fired again would be wrong.
            _ => decision.channels.contains(&row.channel).then_some((row.id, SupersedeReason::FiredAgain)),
        };
        queued.iter().filter_map(reason).collect()
    };
    match decision.decision {
        Decision::Suppress | Decision::Hold => QueueChange::default(),
        Decision::Coalesce => QueueChange { supersede: replaced(SupersedeReason::InDigest), insert: Vec::new() },
        Decision::Deliver => QueueChange {
            supersede: replaced(SupersedeReason::Newer),
            insert: message_channels(&decision.channels).map(|channel| (channel, OutboxKind::Alert)).collect(),
        },
        Decision::Resolve => QueueChange {
            supersede: queued.iter().map(|row| (row.id, SupersedeReason::Resolved)).collect(),
            insert: shown_on.iter().map(|channel| (*channel, OutboxKind::Resolve)).collect(),
        },
    }
}

/// The user acknowledged or snoozed the key.
#[must_use]
pub fn queue_answer(queued: &[QueuedRow], shown_on: &[Channel]) -> QueueChange {
    let outdated = queued.iter().filter(|row| row.kind != OutboxKind::Resolve);
    QueueChange {
        supersede: outdated.map(|row| (row.id, SupersedeReason::Answered)).collect(),
        insert: shown_on.iter().map(|channel| (*channel, OutboxKind::Update)).collect(),
    }
}

/// The digests that have nothing left to report after an alert of theirs resolved.
#[must_use]
pub fn outdated_digests(digests: &[QueuedDigest]) -> Vec<(i64, SupersedeReason)> {
    let over = digests.iter().filter(|digest| digest.open_alerts == 0);
    over.map(|digest| (digest.id, SupersedeReason::AllResolved)).collect()
}

/// The journal needs no message: the decision itself is its entry.
pub fn message_channels(channels: &[Channel]) -> impl Iterator<Item = Channel> {
    channels.iter().copied().filter(|channel| *channel != Channel::Journal)
}

// The result of a send changes its rows.

/// One outbox row in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowStatus {
    pub state: OutboxState,
    pub attempts: u32,
    /// An earlier attempt may have been shown.
    pub unconfirmed: bool,
    /// The last error, or why the row was superseded.
    pub reason: Option<String>,
}

/// One outbox row after its send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowResult {
    pub status: RowStatus,
    /// The row stays in its batch. Otherwise the next batch may combine it with other rows.
    pub keeps_batch: bool,
    /// Nothing more will be sent.
    pub finished: bool,
}

/// A message that never arrived may be combined differently next time. A message that may have arrived keeps its id and its
/// content, because the channel may recognise a repeated id.
#[must_use]
pub fn row_after_send(row: RowStatus, kind: MessageKind, result: Result<(), &Failure>) -> RowResult {
    let Err(failure) = result else {
        // The channel shows the message, also when a row of it was superseded while it was in flight.
        let status = RowStatus { state: OutboxState::Delivered, unconfirmed: false, reason: None, ..row };
        return RowResult { status, keeps_batch: true, finished: true };
    };
    let is_pending = row.state == OutboxState::Pending;
    if kind == MessageKind::Test || failure.kind == FailureKind::Permanent {
        let state = if is_pending { OutboxState::Failed } else { row.state };
        let status = RowStatus { state, reason: Some(failure.to_string()), ..row };
        return RowResult { status, keeps_batch: true, finished: true };
    }
    let status = RowStatus {
        // Without a network there was no attempt.
        attempts: row.attempts.saturating_sub(u32::from(failure.kind == FailureKind::Offline)),
        unconfirmed: row.unconfirmed || failure.kind == FailureKind::Unconfirmed,
        reason: if is_pending { Some(failure.to_string()) } else { row.reason },
        state: row.state,
    };
    RowResult { keeps_batch: status.unconfirmed, status, finished: false }
}

// The alerts that a channel shows.

/// The state while a batch is in flight; `current` is the state that an earlier attempt of the same batch left.
#[must_use]
pub fn state_while_sending(current: Option<NotificationState>) -> NotificationState {
    match current {
        Some(NotificationState::Active) => NotificationState::Active,
        _ => NotificationState::Sending,
    }
}

/// Whether the user may see a message after this result.
#[must_use]
pub fn may_be_visible(result: Result<(), &Failure>) -> bool {
    result.err().is_none_or(|failure| failure.kind == FailureKind::Unconfirmed)
}

/// Another batch that shows the same key on the same channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveBatch {
    pub batch_id: i64,
    /// The outbox row that put the key into the batch. A later decision has a higher id.
    pub row_id: i64,
}

/// A key that became visible.
#[derive(Debug, PartialEq, Eq)]
pub struct Activation {
    pub state: NotificationState,
    /// The batches that no longer show the key.
    pub supersedes: Vec<i64>,
}

/// The latest decision wins, not the latest result: an earlier message may return later when a critical one overtook it.
#[must_use]
pub fn activate(row_id: i64, others: &[ActiveBatch]) -> Activation {
    let is_outdated = others.iter().any(|other| other.row_id > row_id);
    Activation {
        state: if is_outdated { NotificationState::Superseded } else { NotificationState::Active },
        supersedes: others.iter().filter(|other| other.row_id <= row_id).map(|other| other.batch_id).collect(),
    }
}

// A new process takes over what the last one left, and a new configuration retries what failed.

/// A row that was pending or in flight when the last process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftRow {
    pub id: i64,
    pub kind: OutboxKind,
    pub state: OutboxState,
    pub in_flight: bool,
    pub channel_enabled: bool,
}

/// What happens to a row after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The row was in flight: the channel may show it.
    pub unconfirmed: bool,
    pub supersede: Option<SupersedeReason>,
}

#[must_use]
pub fn recover(row: LeftRow) -> Recovery {
    let supersede = match (row.state, row.kind.message_kind()) {
        (OutboxState::Pending, MessageKind::Test) => Some(SupersedeReason::Stopped),
        // An update stays: the channel may be enabled again, and it still shows the alert.
        (OutboxState::Pending, MessageKind::New) if !row.channel_enabled => Some(SupersedeReason::ChannelDisabled),
        _ => None,
    };
    Recovery { unconfirmed: row.in_flight, supersede }
}

/// A row that a channel refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedRow {
    pub id: i64,
    pub kind: OutboxKind,
    /// Whether the condition of its alert still holds.
    pub is_open: bool,
    /// Whether it is the newest row of its key on its channel.
    pub is_newest: bool,
}

/// Whether a row goes back to the queue after the user changed the configuration of its channel.
#[must_use]
pub fn is_retried(row: FailedRow) -> bool {
    match row.kind {
        OutboxKind::Digest | OutboxKind::Resolve => true,
        OutboxKind::Alert => row.is_open && row.is_newest,
        OutboxKind::Update | OutboxKind::Test => false,
    }
}

/// Whether the user has not seen anything about a key that now resolves. The next alert about it is new then.
#[must_use]
pub fn is_unseen(has_pending_message: bool, shown_on: &[Channel]) -> bool {
    has_pending_message && shown_on.is_empty()
}

#[cfg(test)]
mod tests;
