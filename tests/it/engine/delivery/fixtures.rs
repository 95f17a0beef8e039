//! A home whose tasks come due and are done when the test wants.

use operator::core::channel::Channel;
use operator::core::status::{ChannelState, QueueDepth};
use serde_json::json;

use crate::support::engine_harness::EngineHarness;
use crate::support::home::Home;

pub(super) const MINUTE: u64 = 60;
pub(super) const HOUR: u64 = 60 * MINUTE;

/// A home that checks its tasks every minute and notifies the webhook only. Nothing is due yet.
pub(super) fn home() -> Home {
    let home = Home::new();
    home.tasks("DELETE FROM tasks; DELETE FROM commitments;");
    home.set(json!({
        "monitors": {"health": {"enabled": false}, "patterns": {"enabled": false}},
        "intervals": {"task_check": 60},
        "alerters": {
            "notification": {"enabled": false},
            "webhook": {"enabled": true, "min_priority": "low", "url": "http://127.0.0.1:9/"},
        },
    }));
    home
}

/// A task that is past due: high.
pub(super) fn overdue(home: &Home, id: &str) -> String {
    task(home, id, "2026-01-01", "NULL");
    format!("task:deadline_overdue:{id}")
}

/// A milestone that is past due: critical.
pub(super) fn critical(home: &Home, id: &str) -> String {
    task(home, id, "2026-01-01", r#"'{"value_tier": "milestone"}'"#);
    format!("task:deadline_overdue:{id}")
}

/// A task that is due today: medium, sent in the morning.
pub(super) fn due_today(home: &Home, id: &str) -> String {
    task(home, id, &home.today.to_string(), "NULL");
    format!("task:deadline_today:{id}")
}

pub(super) fn done(home: &Home, id: &str) {
    home.tasks(&format!("UPDATE tasks SET status = 'done' WHERE id = '{id}'"));
}

fn task(home: &Home, id: &str, due: &str, metadata: &str) {
    home.tasks(&format!(
        "INSERT OR REPLACE INTO tasks (id, title, status, due_date, metadata, domain, source)
         VALUES ('{id}', 'Task {id}', 'active', '{due}', {metadata}, 'work', 'manual')"
    ));
}

/// The status of the channel.
pub(super) fn shown(harness: &EngineHarness) -> (QueueDepth, ChannelState) {
    let status = harness.status();
    (status.outbox[&Channel::Webhook], status.channel_states[&Channel::Webhook].clone())
}

/// State, attempts and reason of a key's last message.
pub(super) fn outbox_row(home: &Home, key: &str) -> (String, i64, Option<String>) {
    let sql = "SELECT state, attempts, reason FROM outbox WHERE key = ?1 AND kind = 'alert' ORDER BY id DESC LIMIT 1";
    home.database().query_row(sql, [key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("its message")
}
