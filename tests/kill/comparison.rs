//! Compares the messages that two servers received with the decisions of the journal.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use crate::fake_servers::ReceivedMessage;
use crate::home::Home;

pub(crate) const CHANNELS: [&str; 2] = ["webhook", "telegram"];

/// A message of the database: channel and id.
pub(crate) type MessageId = (&'static str, String);

/// The state after the last run.
pub(crate) struct Comparison<'a> {
    pub(crate) home: &'a Home,
    pub(crate) messages: Vec<ReceivedMessage>,
    /// The unconfirmed messages after each run.
    pub(crate) unconfirmed: &'a BTreeMap<u32, BTreeSet<MessageId>>,
}

impl Comparison<'_> {
    /// Fails on a lost, superfluous or repeated message.
    pub(crate) fn compare(&self) {
        let messages = &self.messages;
        let db = self.home.database();
        let unsent: i64 = db
            .query_row("SELECT count(*) FROM outbox WHERE state = 'pending' OR state = 'failed'", [], |row| row.get(0))
            .expect("a number");
        assert_eq!(unsent, 0, "pending or failed messages");
        let decided = decisions(&db);
        for channel in CHANNELS {
            let of: Vec<&ReceivedMessage> = messages.iter().filter(|message| message.channel == channel).collect();
            let mut view = ChannelView::after(&of);
            for ((_, key), Decisions { times, sent }) in decided.iter().filter(|((on, _), _)| *on == channel) {
                let (shown, ids) = (view.shows(key), view.sent.remove(key).unwrap_or_default());
                // An alert that resolved before its message was sent was never shown.
                let is_correct = shown == Some(*sent) || !sent && shown.is_none();
                assert!(
                    is_correct && ids.len() <= *times,
                    "{channel}: {key} was decided {times} times, at last {sent}; was sent as {ids:?}, is shown {shown:?}\n{}",
                    self.history_of(&db, channel, key)
                );
            }
            assert!(view.sent.is_empty(), "{channel}: sent without a decision: {:?}", view.sent);
            self.check_repeats(channel, &of);
        }
    }

    /// All rows and messages of a key on a channel, for the failure message.
    fn history_of(&self, db: &Connection, channel: &str, key: &str) -> String {
        let messages =
            self.messages.iter().filter(|message| message.channel == channel && message.items.contains_key(key));
        let seen = messages
            .map(|message| format!("run {} {} in {}: {:?}", message.run, message.id, message.place, message.items));
        let mut rows = db
            .prepare(
                "SELECT id || ' ' || kind || ' ' || state || ' batch ' || ifnull(batch_id, '') || ' ' || ifnull(reason, '') || ' '
                   || ifnull(external_id, '') || ' ' || created_at || ' ' || ifnull(finished_at, '') FROM outbox
                 WHERE channel = ?2 AND (key = ?1 OR digest IN (SELECT digest FROM journal WHERE key = ?1))
                 UNION ALL SELECT 'shown in ' || batch_id || ' ' || state FROM notification_log WHERE channel = ?2 AND key = ?1",
            )
            .expect("a query");
        let rows = rows.query_map([key, channel], |row| row.get::<_, String>(0)).expect("rows");
        seen.chain(rows.map(|row| row.expect("a row"))).collect::<Vec<_>>().join("\n")
    }

    /// Only another process repeats a message, and only one that the process before left unconfirmed.
    fn check_repeats(&self, channel: &'static str, messages: &[&ReceivedMessage]) {
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        let mut again: BTreeMap<u32, u32> = BTreeMap::new();
        for message in messages.iter().filter(|message| message.is_new) {
            let Some(before) = seen.insert(&message.id, message.run) else { continue };
            assert!(before < message.run, "{channel}: {} twice from one process", message.id);
            let doubted =
                (before..message.run).all(|run| self.unconfirmed[&run].contains(&(channel, message.id.clone())));
            assert!(doubted, "{channel}: {} was repeated, and it was confirmed", message.id);
            *again.entry(before).or_default() += 1;
        }
        assert!(
            again.values().all(|times| *times == 1),
            "{channel}: more than one message again after one kill: {again:?}"
        );
        eprintln!("{channel}: {} messages, {} of them repeated after a kill", messages.len(), again.len());
    }
}

/// The decisions about a key on a channel.
#[derive(Default)]
struct Decisions {
    /// How often it was to be sent.
    times: usize,
    /// Whether the last decision sent it, and did not resolve it.
    sent: bool,
}

fn decisions(db: &Connection) -> BTreeMap<MessageId, Decisions> {
    let mut all: BTreeMap<MessageId, Decisions> = BTreeMap::new();
    let sql =
        "SELECT key, decision, channels FROM journal WHERE decision IN ('deliver', 'coalesce', 'resolve') ORDER BY id";
    let mut rows = db.prepare(sql).expect("a query");
    let mut rows = rows.query([]).expect("rows");
    while let Some(row) = rows.next().expect("a row") {
        let text = |column| row.get::<_, String>(column).expect("a text");
        let (key, sent, on) = (text(0), text(1) != "resolve", text(2));
        for channel in CHANNELS.into_iter().filter(|channel| on.contains(channel)) {
            // The text of a message has the titles of tasks only.
            if channel == "webhook" || key.starts_with("task:deadline_overdue:") {
                let decided = all.entry((channel, key.clone())).or_default();
                (decided.times, decided.sent) = (decided.times + usize::from(sent), sent);
            }
        }
    }
    all
}

/// The messages that a channel shows.
struct ChannelView {
    /// In the order of their arrival, with their alerts.
    places: Vec<(String, BTreeMap<String, bool>)>,
    /// The ids of the messages that sent each key.
    sent: BTreeMap<String, BTreeSet<String>>,
}

impl ChannelView {
    fn after(messages: &[&ReceivedMessage]) -> Self {
        let mut view = Self { places: Vec::new(), sent: BTreeMap::new() };
        for message in messages {
            // A channel with idempotency keys shows a repetition once.
            let known = message.channel == "webhook"
                && messages.iter().any(|early| early.received < message.received && early.id == message.id);
            if known {
                continue;
            }
            let place = view.places.iter_mut().find(|(place, _)| *place == message.place);
            match place {
                Some((_, items)) => items.clone_from(&message.items),
                None => view.places.push((message.place.clone(), message.items.clone())),
            }
            for key in message.items.keys().filter(|_| message.is_new) {
                view.sent.entry(key.clone()).or_default().insert(message.id.clone());
            }
        }
        view
    }

    /// Whether the latest message with the key shows it as open; `None` without such a message.
    fn shows(&self, key: &str) -> Option<bool> {
        self.places.iter().rev().find_map(|(_, items)| items.get(key).copied())
    }
}
