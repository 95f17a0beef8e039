//! What a message speaks of: the alerts behind its rows, as they stand now.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Deserialize;

use crate::core::alert::{AlertKey, Priority};
use crate::core::channel::Channel;
use crate::core::policy::incident_state::Incident;
use crate::store::optional;

/// A message shows at most so many; the journal has them all.
const SHOWN: usize = 50;

/// The keys of a parcel's rows, those of its digests included, unless a newer row tells them.
const KEYS: &str =
    "SELECT key FROM outbox WHERE parcel = ?1 AND kind = 'alert' AND (state = 'pending' OR under_way = 1)
     UNION SELECT entry.key FROM outbox JOIN journal AS entry USING (digest)
       WHERE outbox.parcel = ?1 AND outbox.kind = 'digest'
         AND NOT EXISTS (SELECT 1 FROM outbox AS newer WHERE newer.key = entry.key AND newer.channel = outbox.channel
                           AND newer.kind = 'alert' AND newer.id > outbox.id)
         AND NOT EXISTS (SELECT 1 FROM journal AS newer WHERE newer.key = entry.key AND newer.digest > entry.digest)";

/// One alert of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchItem {
    /// The condition.
    pub incident: Incident,
    /// Whether it holds no longer, as far as this message is concerned.
    pub resolved: bool,
}

/// The alerts of a message.
#[derive(Debug, Default)]
pub(crate) struct BatchItems {
    pub(crate) shown: Vec<BatchItem>,
    pub(crate) omitted: usize,
    pub(crate) keys: Vec<AlertKey>,
}

/// As much of an incident as decides whether and where it is shown.
#[derive(Deserialize)]
struct Brief {
    alert: BriefAlert,
    acknowledged: bool,
    snoozed_until: Option<Timestamp>,
}

#[derive(Deserialize)]
struct BriefAlert {
    key: AlertKey,
    priority: Priority,
}

/// What is still to be told: what is open, and neither acknowledged nor snoozed since it was queued.
pub(crate) fn of_news(db: &Connection, parcel: i64, now: Timestamp) -> rusqlite::Result<BatchItems> {
    let keys =
        open_keys(db, parcel, |brief| !brief.acknowledged && brief.snoozed_until.is_none_or(|until| until <= now))?;
    let mut shown = Vec::new();
    for key in keys.iter().take(SHOWN) {
        shown.extend(incident(db, key)?.map(|incident| BatchItem { incident, resolved: false }));
    }
    Ok(BatchItems { omitted: keys.len().saturating_sub(shown.len()), shown, keys })
}

/// What was in a parcel's message when it was handed over, of which nobody knows whether it was seen.
pub(crate) fn of_interrupted(db: &Connection, parcel: i64) -> rusqlite::Result<Vec<AlertKey>> {
    keys(db, "SELECT key FROM told WHERE parcel = ?1 AND state = 'handed'", parcel)
}

/// The open ones among a parcel's keys, the most urgent first.
fn open_keys(db: &Connection, parcel: i64, wanted: impl Fn(&Brief) -> bool) -> rusqlite::Result<Vec<AlertKey>> {
    let mut ranked: Vec<(Reverse<Priority>, AlertKey)> = Vec::new();
    let mut statement = db.prepare_cached(&format!("SELECT body FROM incidents WHERE open = 1 AND key IN ({KEYS})"))?;
    let mut rows = statement.query([parcel])?;
    while let Some(row) = rows.next()? {
        if let Ok(brief) = serde_json::from_str::<Brief>(row.get_ref(0)?.as_str()?)
            && wanted(&brief)
        {
            ranked.push((Reverse(brief.alert.priority), brief.alert.key));
        }
    }
    ranked.sort();
    Ok(ranked.into_iter().map(|(_, key)| key).collect())
}

/// What an earlier parcel told, as it stands now: first what holds, then what this update takes back, then the rest. The keys
/// are those that it takes back: of one that is sent again, no more than the first time, for a channel that knows its number
/// looks at it no more.
pub(crate) fn of_update(db: &Connection, update: i64, target: i64, again: bool) -> rusqlite::Result<BatchItems> {
    let resolves = keys(db, "SELECT key FROM outbox WHERE parcel = ?1 AND kind = 'resolve'", update)?;
    let resolves: BTreeSet<AlertKey> = resolves.into_iter().collect();
    let standing = keys(db, "SELECT key FROM told WHERE parcel = ?1 AND state = 'standing'", target)?;
    let over = keys(db, "SELECT key FROM told WHERE parcel = ?1 AND state = 'resolved'", target)?;
    let all = standing.len() + over.len();
    let (mut holding, mut ending) = (Vec::new(), Vec::new());
    for key in standing {
        let Some(incident) = incident(db, &key)? else { continue };
        let resolved = resolves.contains(&key) || !incident.open;
        if resolved { ending.push(key) } else { holding.push((Reverse(incident.alert.priority), key)) }
    }
    holding.sort();
    let mut shown = Vec::new();
    for (_, key) in holding.iter().take(SHOWN) {
        shown.extend(incident(db, key)?.map(|incident| BatchItem { incident, resolved: false }));
    }
    for key in ending.iter().chain(&over).take(SHOWN) {
        shown.extend(incident(db, key)?.map(|incident| BatchItem { incident, resolved: true }));
    }
    let omitted = all.saturating_sub(shown.len());
    ending.retain(|key| !again || resolves.contains(key));
    Ok(BatchItems { omitted, shown, keys: ending })
}

/// What a message told of and what is open of it: what an answer to it is about.
pub(crate) fn told_and_open(db: &Connection, parcel: i64) -> rusqlite::Result<Vec<AlertKey>> {
    keys(db, "SELECT key FROM told JOIN incidents USING (key) WHERE parcel = ?1 AND open = 1", parcel)
}

/// The number of the row by which a parcel tells a key: the later it was decided to tell, the higher.
pub(crate) fn row_that_tells(db: &Connection, key: &AlertKey, parcel: i64) -> rusqlite::Result<i64> {
    let mut row = db.prepare_cached(
        "SELECT max(id) FROM (
           SELECT id FROM outbox WHERE key = ?1 AND parcel = ?2 AND kind = 'alert'
           UNION ALL SELECT id FROM outbox WHERE parcel = ?2
             AND digest IN (SELECT digest FROM journal WHERE key = ?1 AND digest IS NOT NULL))",
    )?;
    Ok(row.query_row(params![key.as_str(), parcel], |row| row.get::<_, Option<i64>>(0))?.unwrap_or(0))
}

/// The message that told this key last, if it told nothing else.
pub(crate) fn alone_in_its_message(
    db: &Connection,
    channel: Channel,
    key: &AlertKey,
) -> rusqlite::Result<Option<String>> {
    let mut last = db.prepare_cached(
        "SELECT parcel FROM told WHERE key = ?1 AND channel = ?2
           AND (SELECT count(*) FROM told AS beside WHERE beside.parcel = told.parcel) = 1 ORDER BY parcel DESC LIMIT 1",
    )?;
    let parcel = optional(last.query_row(params![key.as_str(), channel.as_str()], |row| row.get(0)))?;
    parcel.map_or(Ok(None), |parcel| external_id(db, parcel))
}

/// What the channel called a parcel.
pub(crate) fn external_id(db: &Connection, parcel: i64) -> rusqlite::Result<Option<String>> {
    let mut id =
        db.prepare_cached("SELECT external_id FROM outbox WHERE parcel = ?1 AND external_id IS NOT NULL LIMIT 1")?;
    optional(id.query_row([parcel], |row| row.get(0)))
}

pub(crate) fn incident(db: &Connection, key: &AlertKey) -> rusqlite::Result<Option<Incident>> {
    let mut body = db.prepare_cached("SELECT body FROM incidents WHERE key = ?1")?;
    let body: Option<String> = optional(body.query_row([key.as_str()], |row| row.get(0)))?;
    Ok(body.and_then(|body| serde_json::from_str(&body).ok()))
}

fn keys(db: &Connection, sql: &str, parcel: i64) -> rusqlite::Result<Vec<AlertKey>> {
    let mut rows = db.prepare_cached(sql)?;
    let keys = rows.query_map([parcel], |row| row.get::<_, String>(0))?;
    // Keys are ours: one that does not parse was not written by us, and tells nobody anything.
    keys.filter_map(|key| key.map(|key| key.parse().ok()).transpose()).collect()
}
