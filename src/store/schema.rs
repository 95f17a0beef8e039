//! The layout of the database, and how an older one becomes the newest.

use rusqlite::Connection;

/// One step a layout: `user_version` counts the steps that were taken. Steps are only ever added.
const MIGRATIONS: [&str; 3] = ["
    -- Single values: counters, the pause.
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

    -- Every decision. The same one over and over (a duplicate, a hold) is one row with a count.
    CREATE TABLE journal (
      id INTEGER PRIMARY KEY, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, times INTEGER NOT NULL DEFAULT 1,
      key TEXT NOT NULL, priority TEXT NOT NULL, title TEXT NOT NULL, message TEXT NOT NULL, facts TEXT NOT NULL,
      monitor TEXT NOT NULL, occasion TEXT, decision TEXT NOT NULL, reason TEXT NOT NULL, channels TEXT NOT NULL,
      digest INTEGER) STRICT;
    CREATE INDEX journal_key ON journal(key, id);
    CREATE INDEX journal_last ON journal(last_at);
    CREATE INDEX journal_digest ON journal(digest) WHERE digest IS NOT NULL;

    -- The memory of policy: one row a key, body as core::policy::memory::Incident.
    CREATE TABLE incidents (
      key TEXT PRIMARY KEY, open INTEGER NOT NULL, entry INTEGER NOT NULL, touched_at INTEGER NOT NULL,
      body TEXT NOT NULL) STRICT, WITHOUT ROWID;

    -- What is to be told on each channel, and what became of it.
    CREATE TABLE outbox (
      id INTEGER PRIMARY KEY, channel TEXT NOT NULL, kind TEXT NOT NULL, key TEXT, digest INTEGER,
      priority TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0,
      created_at INTEGER NOT NULL, next_attempt_at INTEGER NOT NULL, done_at INTEGER, reason TEXT, external_id TEXT) STRICT;
    CREATE INDEX outbox_open ON outbox(channel, next_attempt_at) WHERE state = 'pending';
    CREATE INDEX outbox_failed ON outbox(channel) WHERE state = 'failed';
    CREATE INDEX outbox_created ON outbox(created_at);
    CREATE INDEX outbox_key ON outbox(key, channel) WHERE key IS NOT NULL;
    CREATE INDEX outbox_digest ON outbox(digest) WHERE digest IS NOT NULL;

    -- History: the body by day, tasks and promises as last read, what was put off.
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
    -- Messages are made of one row or of several: a parcel goes by the number of its first row. Under way is what an alerter has
    -- in hand; in doubt, what an earlier try may have shown already.
    ALTER TABLE outbox ADD COLUMN parcel INTEGER;
    ALTER TABLE outbox ADD COLUMN under_way INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE outbox ADD COLUMN in_doubt INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX outbox_parcel ON outbox(parcel) WHERE parcel IS NOT NULL;
    CREATE INDEX outbox_under_way ON outbox(channel) WHERE under_way = 1;

    -- What each parcel told: handed over ('handed') until its fate is known, then it stands until its resolve was shown there ('resolved'), or the key
    -- was told again ('retold').
    CREATE TABLE told (
      parcel INTEGER NOT NULL, key TEXT NOT NULL, channel TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'standing',
      PRIMARY KEY (parcel, key)) STRICT, WITHOUT ROWID;
    CREATE INDEX told_key ON told(key, channel);

    -- How each channel does, body as core::delivery::lane::ChannelBackoff.
    CREATE TABLE lanes (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
", "
    -- What the rules found, counted by key apart from what was decided of it: the journal must account for all of it.
    CREATE TABLE fired (key TEXT PRIMARY KEY, times INTEGER NOT NULL, last_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO fired SELECT key, sum(times), max(last_at) FROM journal WHERE decision <> 'resolve' GROUP BY key;

    -- Until now messages could be forgotten before their decisions were: of these nobody can say whether one is missing.
    INSERT INTO settings (name, value) SELECT 'messages_kept_since', ifnull(max(id), 0) FROM journal;

    -- All that the self-audit reads, so that it need not go through what the entries say.
    CREATE INDEX journal_fate ON journal(key, decision, first_at, times, channels, digest) WHERE decision <> 'resolve';
    CREATE INDEX outbox_fate ON outbox(key, created_at, kind, channel, state) WHERE kind = 'alert';
"];

/// The newest layout.
pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// The layout that a database has.
pub(super) fn schema_version(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Take the steps that are missing, all or none.
pub(super) fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    let from = schema_version(db)?;
    let missing: Vec<&str> = MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = db.transaction()?;
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", NEWEST)?;
    transaction.commit()
}
