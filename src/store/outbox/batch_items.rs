//! The alerts of a message, as they are now.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;

use crate::core::alert::{AlertKey, Priority};
use crate::core::channel::Channel;
use crate::core::delivery::batching::{self, Candidate, DigestEntry, MAX_ITEMS, ShownAlert};
use crate::core::delivery::lifecycle::NotificationState;
use crate::core::policy::incident_state::Incident;

/// One alert of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchItem {
    pub incident: Incident,
    /// The message shows it as resolved.
    pub resolved: bool,
}

#[derive(Debug, Default)]
pub(super) struct BatchItems {
    pub(super) items: Vec<BatchItem>,
    pub(super) omitted: usize,
    pub(super) keys: Vec<AlertKey>,
}

/// The alerts of a batch. A digest lists the entries of the journal with its number.
const CANDIDATES: &str = "
    SELECT incidents.body, outbox.id, NULL, NULL, NULL FROM outbox JOIN incidents USING (key)
      WHERE batch_id = ?1 AND kind = 'alert' AND state = 'pending'
    UNION ALL
    SELECT incidents.body, outbox.id, journal.digest,
        (SELECT max(newer.id) FROM outbox AS newer
         WHERE newer.key = journal.key AND newer.channel = outbox.channel AND newer.kind = 'alert'),
        (SELECT max(newer.digest) FROM journal AS newer WHERE newer.key = journal.key)
      FROM outbox JOIN journal ON journal.digest = outbox.digest JOIN incidents ON incidents.key = journal.key
      WHERE batch_id = ?1 AND kind = 'digest' AND state = 'pending'";

/// The fields of an incident that decide whether and where it is listed.
#[derive(Deserialize)]
struct IncidentBrief {
    alert: AlertBrief,
    open: bool,
    acknowledged: bool,
    snoozed_until: Option<Timestamp>,
}

#[derive(Deserialize)]
struct AlertBrief {
    key: AlertKey,
    priority: Priority,
}

pub(super) fn new_alerts(db: &Connection, batch_id: i64, now: Timestamp) -> rusqlite::Result<BatchItems> {
    let keys = batching::keys_to_send(candidates(db, batch_id)?, now);
    let items = items(db, &keys, false)?;
    Ok(BatchItems { omitted: keys.len().saturating_sub(items.len()), items, keys })
}

/// The alerts of the message of `target` after the update.
pub(super) fn updated_alerts(
    db: &Connection,
    update: i64,
    target: i64,
    is_repeat: bool,
) -> rusqlite::Result<BatchItems> {
    let resolving: BTreeSet<AlertKey> =
        keys(db, "SELECT key FROM outbox WHERE batch_id = ?1 AND kind = 'resolve'", update)?.into_iter().collect();
    let (shown, shown_count) = shown_alerts(db, target)?;
    let content = batching::update_content(shown, &resolving, is_repeat);
    let mut listed = items(db, &content.open, false)?;
    listed.extend(items(db, &content.resolved, true)?);
    let omitted = shown_count.saturating_sub(listed.len());
    Ok(BatchItems { items: listed, omitted, keys: content.newly_resolved })
}

fn candidates(db: &Connection, batch_id: i64) -> rusqlite::Result<Vec<Candidate>> {
    let mut statement = db.prepare_cached(CANDIDATES)?;
    let mut rows = statement.query([batch_id])?;
    let mut candidates = Vec::new();
    while let Some(row) = rows.next()? {
        let Ok(incident) = serde_json::from_str::<IncidentBrief>(row.get_ref(0)?.as_str()?) else { continue };
        let digest = match row.get(2)? {
            Some(number) => {
                let (newest_alert_row, newest_number) = (row.get(3)?, row.get(4)?);
                Some(DigestEntry { row_id: row.get(1)?, number, newest_alert_row, newest_number })
            }
            None => None,
        };
        candidates.push(Candidate {
            key: incident.alert.key,
            priority: incident.alert.priority,
            open: incident.open,
            acknowledged: incident.acknowledged,
            snoozed_until: incident.snoozed_until,
            digest,
        });
    }
    Ok(candidates)
}

/// The alerts that a message shows, and how many they are with those whose incident was deleted.
fn shown_alerts(db: &Connection, batch_id: i64) -> rusqlite::Result<(Vec<ShownAlert>, usize)> {
    let mut statement = db.prepare_cached(
        "SELECT incidents.body, state FROM notification_log LEFT JOIN incidents USING (key)
         WHERE batch_id = ?1 AND state IN ('active', 'resolved') ORDER BY key",
    )?;
    let mut rows = statement.query([batch_id])?;
    let (mut shown, mut count) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        count += 1;
        let body = row.get_ref(0)?.as_str_or_null()?.unwrap_or_default();
        let Ok(incident) = serde_json::from_str::<IncidentBrief>(body) else { continue };
        shown.push(ShownAlert {
            key: incident.alert.key,
            priority: incident.alert.priority,
            open: incident.open,
            shown_as_resolved: row.get::<_, NotificationState>(1)? == NotificationState::Resolved,
        });
    }
    Ok((shown, count))
}

fn items(db: &Connection, keys: &[AlertKey], resolved: bool) -> rusqlite::Result<Vec<BatchItem>> {
    let mut items = Vec::new();
    for key in keys.iter().take(MAX_ITEMS) {
        items.extend(incident(db, key)?.map(|incident| BatchItem { incident, resolved }));
    }
    Ok(items)
}

/// The alerts of a message that was in flight when the last process ended.
pub(super) fn keys_in_flight(db: &Connection, batch_id: i64) -> rusqlite::Result<Vec<AlertKey>> {
    keys(db, "SELECT key FROM notification_log WHERE batch_id = ?1 AND state = 'sending'", batch_id)
}

pub(super) fn open_keys(db: &Connection, batch_id: i64) -> rusqlite::Result<Vec<AlertKey>> {
    keys(db, "SELECT key FROM notification_log JOIN incidents USING (key) WHERE batch_id = ?1 AND open = 1", batch_id)
}

pub(super) fn notification_state(
    db: &Connection,
    batch_id: i64,
    key: &AlertKey,
) -> rusqlite::Result<Option<NotificationState>> {
    let mut state = db.prepare_cached("SELECT state FROM notification_log WHERE batch_id = ?1 AND key = ?2")?;
    state.query_row(params![batch_id, key], |row| row.get(0)).optional()
}

pub(super) fn batches_showing(db: &Connection, key: &AlertKey, channel: Channel) -> rusqlite::Result<Vec<i64>> {
    let mut rows = db
        .prepare_cached("SELECT batch_id FROM notification_log WHERE key = ?1 AND channel = ?2 AND state = 'active'")?;
    rows.query_map(params![key, channel], |row| row.get(0))?.collect()
}

/// The id of the newest row that put a key into a batch; 0 if there is none.
///
/// The unary plus keeps SQLite from the index on `batch_id`: a batch can have 10,000 rows, and this runs once per key.
pub(super) fn row_of_key(db: &Connection, key: &AlertKey, batch_id: i64) -> rusqlite::Result<i64> {
    let mut row = db.prepare_cached(
        "SELECT ifnull(max(id), 0) FROM (
           SELECT id FROM outbox WHERE key = ?1 AND +batch_id = ?2 AND kind = 'alert'
           UNION ALL SELECT id FROM outbox WHERE +batch_id = ?2
             AND digest IN (SELECT digest FROM journal WHERE key = ?1 AND digest IS NOT NULL))",
    )?;
    row.query_row(params![key, batch_id], |row| row.get(0))
}

/// The channel's id of the latest message that shows the key and no other.
pub(super) fn message_with_only(db: &Connection, channel: Channel, key: &AlertKey) -> rusqlite::Result<Option<String>> {
    let mut latest = db.prepare_cached(
        "SELECT batch_id FROM notification_log AS log WHERE key = ?1 AND channel = ?2
           AND (SELECT count(*) FROM notification_log AS same WHERE same.batch_id = log.batch_id) = 1
         ORDER BY batch_id DESC LIMIT 1",
    )?;
    let batch_id = latest.query_row(params![key, channel], |row| row.get(0)).optional()?;
    batch_id.map_or(Ok(None), |batch_id| external_id(db, batch_id))
}

/// The channel's id of a message.
pub(super) fn external_id(db: &Connection, batch_id: i64) -> rusqlite::Result<Option<String>> {
    let mut id =
        db.prepare_cached("SELECT external_id FROM outbox WHERE batch_id = ?1 AND external_id IS NOT NULL LIMIT 1")?;
    id.query_row([batch_id], |row| row.get(0)).optional()
}

/// `None` if the key is unknown or its body invalid.
pub(crate) fn incident(db: &Connection, key: &AlertKey) -> rusqlite::Result<Option<Incident>> {
    let mut statement = db.prepare_cached("SELECT body FROM incidents WHERE key = ?1")?;
    let body: Option<String> = statement.query_row([key], |row| row.get(0)).optional()?;
    Ok(body.and_then(|body| serde_json::from_str(&body).ok()))
}

fn keys(db: &Connection, sql: &str, batch_id: i64) -> rusqlite::Result<Vec<AlertKey>> {
    db.prepare_cached(sql)?.query_map([batch_id], |row| row.get(0))?.collect()
}
