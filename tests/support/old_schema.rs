//! Databases of older versions, made from a current one.

use rusqlite::Connection;

const UNDO: [(i64, &str); 3] = [
    (
        4,
        "CREATE TABLE told (
           parcel INTEGER NOT NULL, key TEXT NOT NULL, channel TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'standing',
           PRIMARY KEY (parcel, key)) STRICT, WITHOUT ROWID;
         INSERT INTO told SELECT batch_id, key, channel,
           CASE state WHEN 'sending' THEN 'handed' WHEN 'active' THEN 'standing' WHEN 'superseded' THEN 'retold' ELSE state END
           FROM notification_log;
         DROP TABLE notification_log;
         CREATE INDEX told_key ON told(key, channel);
         DROP INDEX outbox_pending; DROP INDEX outbox_batch; DROP INDEX outbox_in_flight; DROP INDEX outbox_audit;
         ALTER TABLE outbox ADD COLUMN next_attempt_at INTEGER NOT NULL DEFAULT 0;
         UPDATE outbox SET next_attempt_at = created_at;
         ALTER TABLE outbox RENAME COLUMN batch_id TO parcel;
         ALTER TABLE outbox RENAME COLUMN in_flight TO under_way;
         ALTER TABLE outbox RENAME COLUMN unconfirmed TO in_doubt;
         ALTER TABLE outbox RENAME COLUMN finished_at TO done_at;
         CREATE INDEX outbox_open ON outbox(channel, next_attempt_at) WHERE state = 'pending';
         CREATE INDEX outbox_parcel ON outbox(parcel) WHERE parcel IS NOT NULL;
         CREATE INDEX outbox_under_way ON outbox(channel) WHERE under_way = 1;
         CREATE INDEX outbox_fate ON outbox(key, created_at, kind, channel, state) WHERE kind = 'alert';
         DROP INDEX journal_audit;
         CREATE INDEX journal_fate ON journal(key, decision, first_at, times, channels, digest) WHERE decision <> 'resolve';
         ALTER TABLE fire_counts RENAME COLUMN count TO times;
         ALTER TABLE fire_counts RENAME TO fired;
         ALTER TABLE incidents RENAME COLUMN journal_id TO entry;
         ALTER TABLE incidents RENAME COLUMN updated_at TO touched_at;
         ALTER TABLE channel_state RENAME COLUMN channel TO name;
         ALTER TABLE channel_state RENAME TO lanes;
         UPDATE lanes SET body = json_object('failures', body -> '$.failures', 'wait', body -> '$.wait',
           'absent', body -> '$.no_transport', 'trouble', body -> '$.last_error',
           'delivered_at', body -> '$.delivered_at', 'settings', body -> '$.config_hash');
         UPDATE lanes SET body = json_remove(
             json_set(body, '$.wait.asked', json(body -> '$.wait.server_requested')), '$.wait.server_requested')
           WHERE json_type(body, '$.wait') = 'object';
         DROP INDEX task_items_open; DROP INDEX task_items_closed;
         ALTER TABLE task_items RENAME TO items;
         ALTER TABLE task_reads RENAME COLUMN metadata TO about;
         ALTER TABLE task_reads RENAME TO readings;
         CREATE INDEX items_open ON items(source) WHERE open = 1;
         CREATE INDEX items_closed ON items(seen_at) WHERE open = 0;
         UPDATE settings SET name = 'mark' WHERE name = 'database_id';
         UPDATE settings SET name = 'told_tasks' WHERE name = 'task_aliases';
         UPDATE settings SET name = replace(name, 'cursor:', 'bookmark:') WHERE name LIKE 'cursor:%';",
    ),
    (
        3,
        "DROP TABLE fired; DROP INDEX journal_fate; DROP INDEX outbox_fate;
         DELETE FROM settings WHERE name = 'messages_kept_since';",
    ),
    (
        2,
        "DROP INDEX outbox_parcel; DROP INDEX outbox_under_way; DROP TABLE told; DROP TABLE lanes;
         ALTER TABLE outbox DROP COLUMN parcel; ALTER TABLE outbox DROP COLUMN under_way;
         ALTER TABLE outbox DROP COLUMN in_doubt;",
    ),
];

/// Undoes the migrations after `version`.
pub(crate) fn downgrade(db: &Connection, version: i64) {
    for (migration, undo) in UNDO.into_iter().filter(|(migration, _)| *migration > version) {
        db.execute_batch(undo).unwrap_or_else(|error| panic!("undo {migration}: {error}"));
    }
    db.pragma_update(None, "user_version", version).expect("the version");
}
