//! Which pending outbox rows go out next on a channel, which of them share one message, and which alerts it lists.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::channel_backoff::SendWindow;
use super::lifecycle::{OutboxKind, SupersedeReason};
use super::message::MessageKind;
use crate::core::alert::{AlertKey, Priority};

/// A row that has been pending for longer is late.
const LATE_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// More late rows than this share one message: the backlog of an outage arrives as one digest.
const MAX_LATE_SEPARATE: usize = 3;

/// Of a crowd, more critical rows than this share one message too.
const MAX_CRITICAL_SEPARATE: usize = 2;

/// A message lists at most this many alerts of one kind; the journal has all of them.
pub const MAX_ITEMS: usize = 50;

/// A row that waits on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingRow {
    pub id: i64,
    pub kind: OutboxKind,
    pub priority: Priority,
    pub created_at: Timestamp,
    pub attempts: u32,
    /// Set while the row is in flight, and while an earlier attempt is unconfirmed.
    pub batch_id: Option<i64>,
    pub in_flight: bool,
    /// For an update: the batch whose message shows its alert.
    pub shown_in: Option<i64>,
}

/// What a channel may take now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimOptions {
    pub send_window: SendWindow,
    /// Take only critical alerts without an attempt: the channel waits or is busy.
    pub urgent_only: bool,
    /// More alerts than this share one message.
    pub max_separate: u32,
}

/// The next step with the queue of a channel.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    Send(BatchPlan),
    Supersede(Vec<i64>, SupersedeReason),
}

/// The rows of the next message.
#[derive(Debug, PartialEq, Eq)]
pub struct BatchPlan {
    /// The id of the first row, the same at every attempt while a result is unconfirmed.
    pub id: i64,
    pub kind: MessageKind,
    pub rows: Vec<i64>,
    /// For an update: the batch whose message it updates.
    pub target: Option<i64>,
    /// The same rows were sent before, and the result is unconfirmed.
    pub is_repeat: bool,
}

/// A test first, then critical alerts, other alerts by priority, and updates. `rows` are all pending rows of one channel.
#[must_use]
pub fn next_batch(rows: &[PendingRow], options: ClaimOptions, now: Timestamp) -> Option<Plan> {
    let waiting = |row: &&PendingRow| !row.in_flight;
    let tests = rows.iter().filter(waiting).filter(|row| row.kind == OutboxKind::Test);
    if let Some(test) = first(tests) {
        return Some(Plan::Send(BatchPlan::new(rows, test, vec![test.id])));
    }
    let is_new = |row: &&PendingRow| row.kind.message_kind() == MessageKind::New;
    let allowed: Vec<&PendingRow> =
        rows.iter().filter(is_new).filter(|row| options.send_window.allows(row.priority)).collect();
    let (critical, other): (Vec<&PendingRow>, Vec<&PendingRow>) =
        allowed.iter().copied().partition(|row| row.priority == Priority::Critical);
    let class = if options.urgent_only {
        critical.into_iter().filter(|row| row.attempts == 0).collect()
    } else if critical.is_empty() {
        other
    } else {
        critical
    };
    if let Some(next) = first(class.iter().copied().filter(waiting)) {
        let company = company(&allowed, &class, next, options, now);
        return Some(Plan::Send(BatchPlan::new(rows, next, company)));
    }
    if options.urgent_only { None } else { next_update(rows) }
}

/// The most urgent row, and of these the oldest.
fn first<'a>(rows: impl Iterator<Item = &'a PendingRow>) -> Option<&'a PendingRow> {
    rows.min_by_key(|row| (Reverse(row.priority), row.id))
}

/// The rows that share a message with `next`, itself included: its whole class when there is a digest among it or too much at
/// once or too much too late; with a critical digest, which ends a silence, everything.
fn company(
    allowed: &[&PendingRow],
    class: &[&PendingRow],
    next: &PendingRow,
    options: ClaimOptions,
    now: Timestamp,
) -> Vec<i64> {
    let late_before = now.saturating_sub(LATE_AFTER).unwrap_or(now);
    let late = allowed.iter().filter(|row| row.created_at < late_before).count();
    let is_crowd = allowed.len() > options.max_separate as usize || late > MAX_LATE_SEPARATE;
    let has_digest = class.iter().any(|row| row.kind == OutboxKind::Digest);
    let others: &[&PendingRow] = match next.priority {
        Priority::Critical if has_digest && !options.urgent_only => allowed,
        Priority::Critical if has_digest || is_crowd && class.len() > MAX_CRITICAL_SEPARATE => class,
        Priority::Critical => &[],
        _ if has_digest || is_crowd => class,
        _ => &[],
    };
    let others = others.iter().filter(|row| row.batch_id.is_none() && row.id != next.id).map(|row| row.id);
    std::iter::once(next.id).chain(others).collect()
}

/// All changes of one message go into one update.
fn next_update(rows: &[PendingRow]) -> Option<Plan> {
    let updates = || rows.iter().filter(|row| !row.in_flight && row.kind.message_kind() == MessageKind::Update);
    let next = first(updates())?;
    if next.shown_in.is_none() {
        let rows = BatchPlan::new(rows, next, vec![next.id]).rows;
        return Some(Plan::Supersede(rows, SupersedeReason::NotShown));
    }
    let same = updates().filter(|row| row.batch_id.is_none() && row.shown_in == next.shown_in);
    Some(Plan::Send(BatchPlan::new(rows, next, same.map(|row| row.id).collect())))
}

impl BatchPlan {
    /// A row whose earlier attempt is unconfirmed goes out with the same rows as before, and not with `fresh`.
    fn new(rows: &[PendingRow], next: &PendingRow, fresh: Vec<i64>) -> Self {
        let same_batch = |id| rows.iter().filter(move |row| row.batch_id == Some(id)).map(|row| row.id).collect();
        Self {
            id: next.batch_id.unwrap_or(next.id),
            kind: next.kind.message_kind(),
            rows: next.batch_id.map_or(fresh, same_batch),
            target: next.shown_in,
            is_repeat: next.batch_id.is_some(),
        }
    }
}

/// Rows of a channel that agree in all that decides whether something can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingGroup {
    pub kind: OutboxKind,
    pub priority: Priority,
    pub is_untried: bool,
}

/// What waits on a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PendingSummary {
    /// Anything that may be sent.
    pub any: bool,
    /// A critical alert without an attempt.
    pub urgent: bool,
    pub test: bool,
}

#[must_use]
pub fn summarize(groups: &[PendingGroup], window: SendWindow) -> PendingSummary {
    let is_new = |group: &PendingGroup| group.kind.message_kind() == MessageKind::New && window.allows(group.priority);
    PendingSummary {
        any: groups.iter().any(|group| group.kind.message_kind() != MessageKind::New || is_new(group)),
        urgent: groups.iter().any(|group| is_new(group) && group.is_untried && group.priority == Priority::Critical),
        test: groups.iter().any(|group| group.kind == OutboxKind::Test),
    }
}

/// An alert that a batch may list.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub key: AlertKey,
    pub priority: Priority,
    pub open: bool,
    pub acknowledged: bool,
    pub snoozed_until: Option<Timestamp>,
    /// Set when a digest put it into the batch.
    pub digest: Option<DigestEntry>,
}

/// An alert of a digest, and what the database has about it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigestEntry {
    /// The outbox row of the digest.
    pub row_id: i64,
    pub number: i64,
    /// The newest row that sends the alert by itself on the same channel.
    pub newest_alert_row: Option<i64>,
    /// The newest digest with the alert.
    pub newest_number: Option<i64>,
}

impl DigestEntry {
    fn is_outdated(self) -> bool {
        self.newest_alert_row.is_some_and(|newest| newest > self.row_id)
            || self.newest_number.is_some_and(|newest| newest > self.number)
    }
}

/// The alerts that still need a notification, the most urgent first, each once.
#[must_use]
pub fn keys_to_send(candidates: Vec<Candidate>, now: Timestamp) -> Vec<AlertKey> {
    let is_needed = |alert: &Candidate| {
        alert.open
            && !alert.acknowledged
            && alert.snoozed_until.is_none_or(|until| until <= now)
            && !alert.digest.is_some_and(DigestEntry::is_outdated)
    };
    let ranked: BTreeSet<(Reverse<Priority>, AlertKey)> =
        candidates.into_iter().filter(is_needed).map(|alert| (Reverse(alert.priority), alert.key)).collect();
    ranked.into_iter().map(|(_, key)| key).collect()
}

/// An alert in a message that an update changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownAlert {
    pub key: AlertKey,
    pub priority: Priority,
    pub open: bool,
    /// An earlier update showed it as resolved.
    pub shown_as_resolved: bool,
}

/// What a message shows after an update.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct UpdateContent {
    /// The most urgent first.
    pub open: Vec<AlertKey>,
    /// First those that this update resolves.
    pub resolved: Vec<AlertKey>,
    /// The keys that count as resolved once the update is delivered.
    pub newly_resolved: Vec<AlertKey>,
}

/// `resolving` are the keys of the update's resolve rows. A repeated update resolves no more keys than its first attempt,
/// because a channel that recognises its id ignores the new content.
#[must_use]
pub fn update_content(shown: Vec<ShownAlert>, resolving: &BTreeSet<AlertKey>, is_repeat: bool) -> UpdateContent {
    let mut content = UpdateContent::default();
    let (before, mut active): (Vec<ShownAlert>, Vec<ShownAlert>) =
        shown.into_iter().partition(|alert| alert.shown_as_resolved);
    active.sort_by(|a, b| (Reverse(a.priority), &a.key).cmp(&(Reverse(b.priority), &b.key)));
    for alert in active {
        if alert.open && !resolving.contains(&alert.key) {
            content.open.push(alert.key);
        } else {
            content.newly_resolved.push(alert.key);
        }
    }
    content.newly_resolved.sort();
    content.resolved =
        content.newly_resolved.iter().cloned().chain(before.into_iter().map(|alert| alert.key)).collect();
    content.newly_resolved.retain(|key| !is_repeat || resolving.contains(key));
    content
}

#[cfg(test)]
mod tests;
