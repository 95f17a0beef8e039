//! From the outbox to messages: what goes out next on a channel, as one parcel, and what became of it.
//!
//! A parcel is marked as under way, durably, before it is handed over, and settled afterwards. What may have been seen, because
//! no answer came or the process ended, is in doubt: it goes out again under the same number and with the same members, so that
//! a channel that takes a key shows it once.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, params};

use crate::core::alert::{AlertKey, Priority};
use crate::core::channel::Channel;
use crate::core::delivery::channel_backoff::{ChannelBackoff, SendWindow};
use crate::core::delivery::failure::{Failure, FailureKind};
use crate::core::delivery::message::MessageKind;
use crate::store::outbox::batch_items::{self, BatchItem, BatchItems};
use crate::store::{Error, Result, Store, millis, optional, settings};

/// News that has waited for longer than this is late.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// More late news than this is told together: nobody wants to hear of an outage's backlog one by one.
const MOST_LATE: i64 = 3;

/// In a crowd, more critical alerts than this are told together too.
const MOST_CRITICAL: i64 = 2;

const TESTS: &str = "kind = 'test'";
const CRITICAL: &str = "kind IN ('alert', 'digest') AND priority = 'critical'";
const OTHERS: &str = "kind IN ('alert', 'digest') AND priority <> 'critical'";
const UPDATES: &str = "kind IN ('resolve', 'update')";
const RANK: &str = "CASE priority WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END";

/// One message on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxBatch {
    /// Its number: the same at every try.
    pub id: i64,
    /// Where it goes.
    pub channel: Channel,
    /// What it is for.
    pub kind: MessageKind,
    /// What it shows, the most urgent first; empty for a test.
    pub items: Vec<BatchItem>,
    /// How many more there are.
    pub omitted: usize,
    /// What the channel called the message that it takes the place of.
    pub replaces: Option<String>,
    /// News: everything that it tells of, shown or not. An update: everything that it takes back.
    keys: Vec<AlertKey>,
    /// The parcel that it brings up to date.
    target: Option<i64>,
}

/// What a channel may take now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimOptions {
    /// Which news.
    pub send_window: SendWindow,
    /// Whether only critical news that was not tried yet may be tried, for the lane is closed to everything else.
    pub urgent_only: bool,
    /// More news at once than this is told together.
    pub max_separate: u32,
}

/// What waits on a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PendingSummary {
    /// Anything that may be sent.
    pub any: bool,
    /// Critical news that was not tried yet.
    pub urgent: bool,
    /// A test.
    pub test: bool,
}

impl Store {
    /// What waits on a channel and may pass the gate.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn pending_summary(&self, channel: Channel, gate: SendWindow) -> Result<PendingSummary> {
        let read = || -> rusqlite::Result<PendingSummary> {
            if !any(&self.db, channel, "1")? {
                return Ok(PendingSummary::default());
            }
            let urgent =
                gate >= SendWindow::CriticalOnly && any(&self.db, channel, &format!("{CRITICAL} AND attempts = 0"))?;
            let test = any(&self.db, channel, TESTS)?;
            let news = any(&self.db, channel, news(gate))?;
            Ok(PendingSummary { any: test || news || any(&self.db, channel, UPDATES)?, urgent, test })
        };
        read().map_err(|error| self.wrap(error))
    }

    /// Take the next message of a channel: critical news first, other news by urgency, then what was told and has changed. It
    /// is under way until it is settled.
    ///
    /// # Errors
    /// When the database cannot be read or written; then nothing was taken.
    pub fn claim_next(
        &mut self,
        channel: Channel,
        access: ClaimOptions,
        now: Timestamp,
    ) -> Result<Option<OutboxBatch>> {
        let path = self.path.clone();
        let take = |db: &mut Connection| -> rusqlite::Result<Option<OutboxBatch>> {
            let transaction = db.transaction()?;
            let parcel = next(&transaction, channel, access, now)?;
            if let Some(parcel) = &parcel {
                let mut mark = transaction.prepare_cached(
                    "UPDATE outbox SET under_way = 1, attempts = attempts + 1 WHERE parcel = ?1 AND state = 'pending'",
                )?;
                mark.execute([parcel.id])?;
                log_attempt(&transaction, parcel)?;
            }
            transaction.commit()?;
            Ok(parcel)
        };
        take(&mut self.db).map_err(|error| Error::new(&path, error))
    }

    /// Write down what became of a message, and how its channel does since.
    ///
    /// # Errors
    /// When the database cannot be written; the message stays under way then.
    pub fn record_result(
        &mut self,
        parcel: &OutboxBatch,
        fate: &std::result::Result<Option<String>, Failure>,
        lane: &ChannelBackoff,
        now: Timestamp,
    ) -> Result<()> {
        let path = self.path.clone();
        let settle = |db: &mut Connection| -> rusqlite::Result<()> {
            let transaction = db.transaction()?;
            match fate {
                Ok(shown) => delivered(&transaction, parcel, shown.as_deref(), now)?,
                Err(failure) => failed(&transaction, parcel, failure, now)?,
            }
            settings::save_channel_backoff(&transaction, parcel.channel, lane)?;
            transaction.commit()
        };
        settle(&mut self.db).map_err(|error| Error::new(&path, error))
    }

    /// After a start: what was in doubt when the last process ended may have been seen; it goes out again. Tests do not, nor
    /// does news on channels that are switched off now.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn recover_outbox(&mut self, on: &[Channel], now: Timestamp) -> Result<()> {
        let path = self.path.clone();
        let recover = |db: &mut Connection| -> rusqlite::Result<()> {
            let transaction = db.transaction()?;
            recover(&transaction, now)?;
            for channel in Channel::OUTSIDE.iter().filter(|channel| !on.contains(channel)) {
                let mut off = transaction.prepare_cached(
                    "UPDATE outbox SET state = 'superseded', reason = 'the channel was switched off', done_at = ?2
                     WHERE channel = ?1 AND state = 'pending' AND kind IN ('alert', 'digest')",
                )?;
                off.execute(params![channel.as_str(), millis(now)])?;
            }
            transaction.commit()
        };
        recover(&mut self.db).map_err(|error| Error::new(&path, error))
    }

    /// The person changed how a channel sends: what it refused and what still holds is tried again.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn requeue_failed(&mut self, channel: Channel) -> Result<()> {
        let again = self.db.execute(
            "UPDATE outbox SET state = 'pending', reason = NULL, done_at = NULL
             WHERE channel = ?1 AND state = 'failed' AND (kind IN ('digest', 'resolve')
               OR kind = 'alert' AND key IN (SELECT key FROM incidents WHERE open = 1) AND id =
                 (SELECT max(id) FROM outbox AS newer WHERE newer.key = outbox.key AND newer.channel = ?1))",
            [channel.as_str()],
        );
        again.map(drop).map_err(|error| self.wrap(error))
    }

    /// Put a test on its way.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn queue_test(&mut self, channel: Channel, now: Timestamp) -> Result<()> {
        crate::store::outbox::insert(&self.db, channel, "test", None, None, Priority::High, now)
            .map_err(|error| self.wrap(error))
    }

    /// The keys that a message told of and that are open.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn open_keys_in_batch(&self, parcel: i64) -> Result<Vec<AlertKey>> {
        batch_items::told_and_open(&self.db, parcel).map_err(|error| self.wrap(error))
    }
}

fn any(db: &Connection, channel: Channel, which: &str) -> rusqlite::Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM outbox WHERE channel = ?1 AND state = 'pending' AND {which})");
    db.prepare_cached(&sql)?.query_row([channel.as_str()], |row| row.get(0))
}

/// The news that passes a gate.
const fn news(gate: SendWindow) -> &'static str {
    match gate {
        SendWindow::Closed => "0",
        SendWindow::CriticalOnly => CRITICAL,
        SendWindow::Open => "kind IN ('alert', 'digest')",
    }
}

/// The row that comes first among those that wait.
struct Head {
    id: i64,
    /// Set when it was handed over before, and nobody knows whether it was seen.
    parcel: Option<i64>,
}

fn next_row(db: &Transaction, channel: Channel, which: &str) -> rusqlite::Result<Option<Head>> {
    let sql = format!(
        "SELECT id, parcel FROM outbox WHERE channel = ?1 AND state = 'pending' AND {which} ORDER BY {RANK}, id LIMIT 1"
    );
    let mut first = db.prepare_cached(&sql)?;
    optional(first.query_row([channel.as_str()], |row| Ok(Head { id: row.get(0)?, parcel: row.get(1)? })))
}

fn next(
    db: &Transaction,
    channel: Channel,
    access: ClaimOptions,
    now: Timestamp,
) -> rusqlite::Result<Option<OutboxBatch>> {
    if let Some(head) = next_row(db, channel, TESTS)? {
        assign_batch(db, &head, "0", channel)?;
        return Ok(Some(OutboxBatch::new(head.parcel.unwrap_or(head.id), channel, MessageKind::Test)));
    }
    let critical = if access.urgent_only { format!("{CRITICAL} AND attempts = 0") } else { CRITICAL.to_owned() };
    let classes = [(SendWindow::CriticalOnly, critical.as_str()), (SendWindow::Open, OTHERS)];
    let open = classes.into_iter().filter(|(gate, _)| access.send_window >= *gate);
    for (gate, class) in open.take(if access.urgent_only { 1 } else { 2 }) {
        // What nobody needs to hear of any more is passed over.
        while let Some(head) = next_row(db, channel, class)? {
            assign_batch(db, &head, batch_filter(db, channel, class, gate, access, now)?, channel)?;
            if let Some(parcel) = news_of(db, &head, channel, now)? {
                return Ok(Some(parcel));
            }
        }
    }
    if access.urgent_only { Ok(None) } else { next_update(db, channel, now) }
}

/// What goes out in one message with the first of its class: the others of it when there is too much at once, too much too late,
/// or a digest; with a digest that ended a silence, all that waits beside it.
fn batch_filter<'a>(
    db: &Transaction,
    channel: Channel,
    class: &'a str,
    gate: SendWindow,
    access: ClaimOptions,
    now: Timestamp,
) -> rusqlite::Result<&'a str> {
    let late = millis(now.saturating_sub(LATE).unwrap_or(now));
    let count = |which: &str| -> rusqlite::Result<(i64, i64, i64)> {
        let sql = format!(
            "SELECT count(*), count(*) FILTER (WHERE created_at < ?2), count(*) FILTER (WHERE kind = 'digest') FROM outbox
             WHERE channel = ?1 AND state = 'pending' AND {which}"
        );
        let mut counts = db.prepare_cached(&sql)?;
        counts.query_row(params![channel.as_str(), late], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
    };
    let (all, late, _) = count(news(access.send_window))?;
    let (mine, _, digests) = count(class)?;
    let crowd = all > i64::from(access.max_separate) || late > MOST_LATE;
    Ok(match gate {
        SendWindow::CriticalOnly if digests > 0 && !access.urgent_only => news(access.send_window),
        SendWindow::CriticalOnly if digests > 0 || crowd && mine > MOST_CRITICAL => class,
        SendWindow::Open if digests > 0 || crowd => class,
        _ => "0",
    })
}

/// Give the head a number as a parcel, and the others of its class the same.
fn assign_batch(db: &Transaction, head: &Head, others: &str, channel: Channel) -> rusqlite::Result<()> {
    if head.parcel.is_some() {
        return Ok(());
    }
    let sql = format!(
        "UPDATE outbox SET parcel = ?1
         WHERE channel = ?2 AND state = 'pending' AND parcel IS NULL AND (id = ?1 OR {others})"
    );
    db.prepare_cached(&sql)?.execute(params![head.id, channel.as_str()]).map(drop)
}

/// None, and its rows are done with, when nothing of it is to be told any more.
fn news_of(db: &Transaction, head: &Head, channel: Channel, now: Timestamp) -> rusqlite::Result<Option<OutboxBatch>> {
    let id = head.parcel.unwrap_or(head.id);
    let BatchItems { shown, omitted, keys } = batch_items::of_news(db, id, now)?;
    if shown.is_empty() {
        supersede(db, id, "nothing of it holds any more", now)?;
        return Ok(None);
    }
    let replaces = match keys.as_slice() {
        [key] => batch_items::alone_in_its_message(db, channel, key)?,
        _ => None,
    };
    Ok(Some(OutboxBatch { items: shown, omitted, replaces, keys, ..OutboxBatch::new(id, channel, MessageKind::New) }))
}

/// All that changed in one message goes into one update of it.
fn next_update(db: &Transaction, channel: Channel, now: Timestamp) -> rusqlite::Result<Option<OutboxBatch>> {
    while let Some(head) = next_row(db, channel, UPDATES)? {
        let id = head.parcel.unwrap_or(head.id);
        let target: Option<i64> = optional(db.query_row(
            "SELECT told.parcel FROM told JOIN outbox USING (channel, key) WHERE outbox.id = ?1 AND told.state = 'standing'",
            [head.id],
            |row| row.get(0),
        ))?;
        let Some(target) = target else {
            assign_batch(db, &head, "0", channel)?;
            supersede(db, id, "what it speaks of does not stand there any more", now)?;
            continue;
        };
        let others =
            format!("{UPDATES} AND key IN (SELECT key FROM told WHERE parcel = {target} AND state = 'standing')");
        assign_batch(db, &head, &others, channel)?;
        let BatchItems { shown, omitted, keys } = batch_items::of_update(db, id, target, head.parcel.is_some())?;
        let replaces = batch_items::external_id(db, target)?;
        let parcel = OutboxBatch::new(id, channel, MessageKind::Update);
        return Ok(Some(OutboxBatch { items: shown, omitted, replaces, keys, target: Some(target), ..parcel }));
    }
    Ok(None)
}

fn supersede(db: &Transaction, parcel: i64, why: &str, now: Timestamp) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached(
        "UPDATE outbox SET state = 'superseded', reason = ?2, done_at = ?3
         WHERE parcel = ?1 AND state = 'pending'",
    )?;
    write.execute(params![parcel, why, millis(now)]).map(drop)
}

/// What was superseded while it was under way has been seen as well.
fn delivered(db: &Transaction, parcel: &OutboxBatch, shown: Option<&str>, now: Timestamp) -> rusqlite::Result<()> {
    let mut done = db.prepare_cached(
        "UPDATE outbox SET state = 'delivered', reason = NULL, done_at = ?2, external_id = ?3, in_doubt = 0,
           under_way = 0 WHERE parcel = ?1 AND under_way = 1",
    )?;
    done.execute(params![parcel.id, millis(now), shown])?;
    match (parcel.kind, parcel.target) {
        (MessageKind::New, _) => mark_active(db, parcel),
        (MessageKind::Update, Some(target)) => {
            if let Some(shown) = shown {
                db.execute("UPDATE outbox SET external_id = ?2 WHERE parcel = ?1", params![target, shown])?;
            }
            let mut over = db.prepare_cached("UPDATE told SET state = 'resolved' WHERE parcel = ?1 AND key = ?2")?;
            parcel.keys.iter().try_for_each(|key| over.execute(params![target, key.as_str()]).map(drop))
        }
        _ => Ok(()),
    }
}

/// What is in a message is written down before it goes: after a crash nobody could say any more, for what is acknowledged or
/// resolved by then may have been in it or not.
fn log_attempt(db: &Transaction, parcel: &OutboxBatch) -> rusqlite::Result<()> {
    if parcel.kind != MessageKind::New {
        return Ok(());
    }
    let mut write = db.prepare_cached(
        "INSERT INTO told (key, channel, parcel, state) VALUES (?1, ?2, ?3, 'handed')
         ON CONFLICT DO UPDATE SET state = excluded.state WHERE state <> 'standing'",
    )?;
    let channel = parcel.channel.as_str();
    parcel.keys.iter().try_for_each(|key| write.execute(params![key.as_str(), channel, parcel.id]).map(drop))
}

/// From now on the keys stand told by this parcel, and by no earlier one. One that was written earlier may come back later, when
/// something critical went beside it: it takes nothing over then.
fn mark_active(db: &Transaction, parcel: &OutboxBatch) -> rusqlite::Result<()> {
    let mut others = db.prepare_cached(
        "SELECT parcel FROM told WHERE key = ?1 AND channel = ?2 AND state = 'standing' AND parcel <> ?3",
    )?;
    let mut before = db.prepare_cached("UPDATE told SET state = 'retold' WHERE key = ?1 AND parcel = ?2")?;
    let mut write = db.prepare_cached(
        "INSERT INTO told (key, channel, parcel, state) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET state = excluded.state",
    )?;
    for key in &parcel.keys {
        let (name, channel) = (key.as_str(), parcel.channel.as_str());
        let others: Vec<i64> =
            others.query_map(params![name, channel, parcel.id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let mut state = "standing";
        for other in others {
            if batch_items::row_that_tells(db, key, other)? > batch_items::row_that_tells(db, key, parcel.id)? {
                state = "retold";
            } else {
                before.execute(params![name, other])?;
            }
        }
        write.execute(params![name, channel, parcel.id, state])?;
    }
    Ok(())
}

fn failed(db: &Transaction, parcel: &OutboxBatch, failure: &Failure, now: Timestamp) -> rusqlite::Result<()> {
    let why = failure.to_string();
    let unsure = failure.kind == FailureKind::Unconfirmed;
    if unsure && parcel.kind == MessageKind::New {
        mark_active(db, parcel)?;
    }
    // The rest surely was not seen.
    db.prepare_cached("DELETE FROM told WHERE parcel = ?1 AND state = 'handed'")?.execute([parcel.id])?;
    if parcel.kind == MessageKind::Test || failure.kind == FailureKind::Permanent {
        let mut park = db.prepare_cached(
            "UPDATE outbox SET state = CASE state WHEN 'pending' THEN 'failed' ELSE state END, reason = ?2, done_at = ?3,
               under_way = 0 WHERE parcel = ?1 AND under_way = 1",
        )?;
        return park.execute(params![parcel.id, why, millis(now)]).map(drop);
    }
    let uncounted = i64::from(failure.kind == FailureKind::Offline);
    // What surely never arrived may be told otherwise next time, together with others for example; what may have arrived keeps
    // its number and its content, so that a channel that takes a key knows it again.
    let mut wait = db.prepare_cached(
        "UPDATE outbox SET under_way = 0, attempts = attempts - ?3, in_doubt = max(in_doubt, ?4),
           reason = CASE state WHEN 'pending' THEN ?2 ELSE reason END,
           parcel = CASE max(in_doubt, ?4) WHEN 1 THEN parcel END
         WHERE parcel = ?1 AND under_way = 1",
    )?;
    wait.execute(params![parcel.id, why, uncounted, unsure]).map(drop)
}

fn recover(db: &Transaction, now: Timestamp) -> rusqlite::Result<()> {
    let mut interrupted = db.prepare_cached(
        "SELECT DISTINCT channel, parcel FROM outbox WHERE under_way = 1 AND kind IN ('alert', 'digest')",
    )?;
    let parcels: Vec<(String, i64)> =
        interrupted.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    for (name, id) in parcels {
        let Ok(channel) = name.parse() else { continue };
        let keys = batch_items::of_interrupted(db, id)?;
        mark_active(db, &OutboxBatch { keys, ..OutboxBatch::new(id, channel, MessageKind::New) })?;
    }
    db.execute("UPDATE outbox SET in_doubt = 1, under_way = 0 WHERE under_way = 1", [])?;
    db.execute(
        "UPDATE outbox SET state = 'superseded', reason = 'Operator stopped before it was sent', done_at = ?1
         WHERE state = 'pending' AND kind = 'test'",
        [millis(now)],
    )
    .map(drop)
}

impl OutboxBatch {
    /// The number of the parcel that it brings up to date.
    #[must_use]
    pub const fn target(&self) -> Option<i64> {
        self.target
    }

    fn new(id: i64, channel: Channel, kind: MessageKind) -> Self {
        Self { id, channel, kind, items: Vec::new(), omitted: 0, replaces: None, keys: Vec::new(), target: None }
    }
}
