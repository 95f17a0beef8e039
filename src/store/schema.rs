//! The schema of the database, and the migrations that bring an older one up to date.

use rusqlite::Connection;

/// `user_version` counts the migrations that were applied. Migrations are only ever appended.
const MIGRATIONS: [&str; 4] = ["
    -- Single values: counters, the pause.
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

    -- Every decision. Repeated suppressions and holds are one row with a count.
    CREATE TABLE journal (
      id INTEGER PRIMARY KEY, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, times INTEGER NOT NULL DEFAULT 1,
      key TEXT NOT NULL, priority TEXT NOT NULL, title TEXT NOT NULL, message TEXT NOT NULL, facts TEXT NOT NULL,
      monitor TEXT NOT NULL, occasion TEXT, decision TEXT NOT NULL, reason TEXT NOT NULL, channels TEXT NOT NULL,
      digest INTEGER) STRICT;
    CREATE INDEX journal_key ON journal(key, id);
    CREATE INDEX journal_last ON journal(last_at);
    CREATE INDEX journal_digest ON journal(digest) WHERE digest IS NOT NULL;

    -- The state of policy: one row a key.
    CREATE TABLE incidents (
      key TEXT PRIMARY KEY, open INTEGER NOT NULL, entry INTEGER NOT NULL, touched_at INTEGER NOT NULL,
      body TEXT NOT NULL) STRICT, WITHOUT ROWID;

    -- The messages of each channel and their results.
    CREATE TABLE outbox (
      id INTEGER PRIMARY KEY, channel TEXT NOT NULL, kind TEXT NOT NULL, key TEXT, digest INTEGER,
      priority TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0,
      created_at INTEGER NOT NULL, next_attempt_at INTEGER NOT NULL, done_at INTEGER, reason TEXT, external_id TEXT) STRICT;
    CREATE INDEX outbox_open ON outbox(channel, next_attempt_at) WHERE state = 'pending';
    CREATE INDEX outbox_failed ON outbox(channel) WHERE state = 'failed';
    CREATE INDEX outbox_created ON outbox(created_at);
    CREATE INDEX outbox_key ON outbox(key, channel) WHERE key IS NOT NULL;
    CREATE INDEX outbox_digest ON outbox(digest) WHERE digest IS NOT NULL;

    -- History: health data by day, tasks and commitments as last fetched, postponements.
    CREATE TABLE health_days (date TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE items (
      source TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, open INTEGER NOT NULL, seen_at INTEGER NOT NULL,
      body TEXT NOT NULL, PRIMARY KEY (source, kind, id)) STRICT, WITHOUT ROWID;
    CREATE INDEX items_open ON items(source) WHERE open = 1;
    CREATE INDEX items_closed ON items(seen_at) WHERE open = 0;
    CREATE TABLE readings (source TEXT PRIMARY KEY, read_at INTEGER NOT NULL, about TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE postponements (
      id INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
    CREATE INDEX postponements_at ON postponements(at);

    CREATE TABLE circuits (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE monitors (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
", "
    -- One message is made of one or several rows. They share the number of its first row.
    ALTER TABLE outbox ADD COLUMN parcel INTEGER;
    ALTER TABLE outbox ADD COLUMN under_way INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE outbox ADD COLUMN in_doubt INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX outbox_parcel ON outbox(parcel) WHERE parcel IS NOT NULL;
    CREATE INDEX outbox_under_way ON outbox(channel) WHERE under_way = 1;

    -- The alerts that each message shows.
    CREATE TABLE told (
      parcel INTEGER NOT NULL, key TEXT NOT NULL, channel TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'standing',
      PRIMARY KEY (parcel, key)) STRICT, WITHOUT ROWID;
    CREATE INDEX told_key ON told(key, channel);

    -- The backoff of each channel.
    CREATE TABLE lanes (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
", "
    -- How often each key fired, counted apart from the decisions: the journal must account for all of it.
    CREATE TABLE fired (key TEXT PRIMARY KEY, times INTEGER NOT NULL, last_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO fired SELECT key, sum(times), max(last_at) FROM journal WHERE decision <> 'resolve' GROUP BY key;

    -- Before this migration messages could be deleted before their decisions. Up to this decision the audit misses none.
    INSERT INTO settings (name, value) SELECT 'messages_kept_since', ifnull(max(id), 0) FROM journal;

    -- All columns that the self-audit reads.
    CREATE INDEX journal_fate ON journal(key, decision, first_at, times, channels, digest) WHERE decision <> 'resolve';
    CREATE INDEX outbox_fate ON outbox(key, created_at, kind, channel, state) WHERE kind = 'alert';
", "
    -- The names of the domain. A message in flight is 'sending', a shown alert 'active', 'resolved' or 'superseded'.
    CREATE TABLE notification_log (
      batch_id INTEGER NOT NULL, key TEXT NOT NULL, channel TEXT NOT NULL, state TEXT NOT NULL,
      PRIMARY KEY (batch_id, key)) STRICT, WITHOUT ROWID;
    INSERT INTO notification_log SELECT parcel, key, channel,
      CASE state WHEN 'handed' THEN 'sending' WHEN 'standing' THEN 'active' WHEN 'retold' THEN 'superseded' ELSE state END
      FROM told;
    DROP TABLE told;
    CREATE INDEX notification_log_key ON notification_log(key, channel);

    DROP INDEX outbox_open;
    DROP INDEX outbox_parcel;
    DROP INDEX outbox_under_way;
    DROP INDEX outbox_fate;
    ALTER TABLE outbox DROP COLUMN next_attempt_at;
    ALTER TABLE outbox RENAME COLUMN parcel TO batch_id;
    ALTER TABLE outbox RENAME COLUMN under_way TO in_flight;
    ALTER TABLE outbox RENAME COLUMN in_doubt TO unconfirmed;
    ALTER TABLE outbox RENAME COLUMN done_at TO finished_at;
    -- All columns that say whether a channel has anything to send.
    CREATE INDEX outbox_pending ON outbox(channel, kind, priority, attempts, state) WHERE state = 'pending';
    CREATE INDEX outbox_batch ON outbox(batch_id) WHERE batch_id IS NOT NULL;
    CREATE INDEX outbox_in_flight ON outbox(channel) WHERE in_flight = 1;
    CREATE INDEX outbox_audit ON outbox(key, created_at, kind, channel, state) WHERE kind = 'alert';

    DROP INDEX journal_fate;
    CREATE INDEX journal_audit ON journal(key, decision, first_at, times, channels, digest) WHERE decision <> 'resolve';

    ALTER TABLE fired RENAME TO fire_counts;
    ALTER TABLE fire_counts RENAME COLUMN times TO count;

    ALTER TABLE incidents RENAME COLUMN entry TO journal_id;
    ALTER TABLE incidents RENAME COLUMN touched_at TO updated_at;

    ALTER TABLE lanes RENAME TO channel_state;
    ALTER TABLE channel_state RENAME COLUMN name TO channel;
    UPDATE channel_state SET body = json_object(
        'failures', body -> '$.failures',
        'wait', body -> '$.wait',
        'no_transport', body -> '$.absent',
        'last_error', body -> '$.trouble',
        'delivered_at', body -> '$.delivered_at',
        'config_hash', body -> '$.settings')
      WHERE json_valid(body);
    UPDATE channel_state SET body = json_remove(
        json_set(body, '$.wait.server_requested', json(body -> '$.wait.asked')), '$.wait.asked')
      WHERE json_valid(body) AND json_type(body, '$.wait') = 'object';

    DROP INDEX items_open;
    DROP INDEX items_closed;
    ALTER TABLE items RENAME TO task_items;
    ALTER TABLE readings RENAME TO task_reads;
    ALTER TABLE task_reads RENAME COLUMN about TO metadata;
    CREATE INDEX task_items_open ON task_items(source) WHERE open = 1;
    CREATE INDEX task_items_closed ON task_items(seen_at) WHERE open = 0;

    UPDATE settings SET name = 'database_id' WHERE name = 'mark';
    UPDATE settings SET name = 'task_aliases' WHERE name = 'told_tasks';
    UPDATE settings SET name = 'cursor:' || substr(name, length('bookmark:') + 1) WHERE name LIKE 'bookmark:%';
"];

pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

pub(super) fn schema_version(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Applies the missing migrations, all or none.
pub(super) fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    let from = schema_version(db)?;
    let missing: Vec<&str> = MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = db.transaction()?;
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", NEWEST)?;
    transaction.commit()
}
