//! The content of the database, and the invariants that hold after any interruption.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use operator::core::audit::Audit;
use operator::store::Store;
use rusqlite::{Connection, Row};
use serde_json::Value;

use crate::home::Home;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecisionRow {
    id: i64,
    first_at: i64,
    times: i64,
    key: String,
    priority: String,
    occasion: Option<String>,
    decision: String,
    channels: BTreeSet<String>,
    digest: Option<i64>,
}

impl DecisionRow {
    fn is_sent(&self) -> bool {
        ["deliver", "coalesce"].contains(&self.decision.as_str())
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Incident {
    open: bool,
    entry: i64,
    body: Value,
}

const SEEN: &str = "SELECT log.key, max(outbox.created_at) FROM notification_log AS log JOIN outbox USING (batch_id) GROUP BY batch_id, log.key";

/// A row of the outbox: kind, key or digest, channel, time.
type Message = (String, String, String, i64);

/// All rows that decisions depend on.
#[derive(Debug, Default)]
pub(crate) struct DatabaseState {
    pub(crate) runs: u64,
    total: u64,
    pub(crate) entries: Vec<DecisionRow>,
    incidents: BTreeMap<String, Incident>,
    outbox: BTreeSet<Message>,
    /// The keys that were or may have been seen, with the time of the newest row of their message.
    seen: Vec<(String, i64)>,
    state_file: Option<Vec<u8>>,
    integrity: String,
    /// The self-audit of the database that a killed process left.
    audit: Option<Audit>,
}

fn all<T>(db: &Connection, sql: &str, read: impl Fn(&Row) -> rusqlite::Result<T>) -> Vec<T> {
    let mut rows = db.prepare(sql).expect(sql);
    rows.query_map([], |row| read(row)).expect(sql).collect::<Result<_, _>>().expect(sql)
}

/// A copy of the files that a killed process left; the next process recovers the original.
fn copy(home: &Home) -> PathBuf {
    let (state, copy) = (home.path("state"), home.path("tmp/copy"));
    let _ = fs::remove_dir_all(&copy);
    fs::create_dir(&copy).expect("a folder");
    for name in ["operator.db", "operator.db-wal"] {
        if state.join(name).exists() {
            fs::copy(state.join(name), copy.join(name)).expect("a copy");
        }
    }
    copy.join("operator.db")
}

/// `None` before the first migration.
pub(crate) fn open_copy(home: &Home) -> Option<Connection> {
    let path = copy(home);
    let db = path.exists().then(|| Connection::open(path).expect("the database opens"))?;
    let made: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("its layout");
    (made > 0).then_some(db)
}

impl DatabaseState {
    /// The database that a killed process left.
    pub(crate) fn after_exit(home: &Home) -> Self {
        let copy = copy(home);
        let state = Self::read(&copy, &home.path("state"));
        let store = Store::open_read_only(&copy).expect("the database opens");
        Self { audit: store.map(|store| store.audit(Timestamp::UNIX_EPOCH).expect("it can be audited")), ..state }
    }

    /// The database of an engine that may be running.
    pub(crate) fn while_running(home: &Home) -> Self {
        let state = home.path("state");
        Self::read(&state.join("operator.db"), &state)
    }

    fn read(path: &Path, state_dir: &Path) -> Self {
        if !path.exists() {
            return Self { integrity: "ok".into(), ..Self::default() };
        }
        let db = Connection::open(path).expect("the database opens");
        db.busy_timeout(std::time::Duration::from_secs(10)).expect("a timeout");
        let integrity = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it can be checked");
        let made: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("its layout");
        if made == 0 {
            return Self { integrity, ..Self::default() };
        }
        // One snapshot, because an engine may be writing.
        let db = db.unchecked_transaction().expect("a transaction");
        let counters: Option<String> =
            all(&db, "SELECT value FROM settings WHERE name = 'counters'", |row| row.get(0)).pop();
        let counters: Value = counters.map_or(Value::Null, |text| serde_json::from_str(&text).expect("counters"));
        let number = |name: &str| counters[name].as_u64().unwrap_or(0);
        Self {
            runs: number("run_count"),
            total: number("total_alerts"),
            entries: all(&db, "SELECT * FROM journal ORDER BY id", entry),
            incidents: all(&db, "SELECT * FROM incidents", incident).into_iter().collect(),
            outbox: all(&db, "SELECT * FROM outbox WHERE kind IN ('alert', 'digest')", message).into_iter().collect(),
            seen: all(&db, SEEN, |row| Ok((row.get(0)?, row.get(1)?))),
            state_file: fs::read(state_dir.join("operator_state.json")).ok(),
            integrity,
            audit: None,
        }
    }

    /// Whether no check was recorded in between.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        (self.runs, self.total) == (other.runs, other.total)
            && self.entries == other.entries
            && self.incidents == other.incidents
            && self.outbox == other.outbox
    }

    /// The keys of the open alerts about overdue tasks.
    pub(crate) fn open_overdue(&self) -> BTreeSet<String> {
        let open = self.incidents.iter().filter(|(_, incident)| incident.open).map(|(key, _)| key.clone());
        open.filter(|key| key.starts_with("task:deadline_overdue:")).collect()
    }

    pub(crate) fn nothing_held(&self) -> bool {
        self.incidents.values().all(|incident| incident.body["held"] == false)
    }

    /// All invariants; `when` names the moment in a failure.
    pub(crate) fn assert_consistent(&self, when: &str) {
        assert_eq!(self.integrity, "ok", "{when}");
        if let Some(audit) = &self.audit {
            assert!(audit.is_consistent(), "{when}: {audit:?}");
        }
        let sent = self.entries.iter().filter(|entry| entry.is_sent()).count();
        assert_eq!(self.total, sent as u64, "{when}: the counter and the journal");
        assert_eq!(self.outbox, self.messages_of_the_journal(), "{when}: messages and decisions");
        for (key, incident) in &self.incidents {
            self.check_incident(key, incident, when);
        }
        self.check_no_repeats(when);
        if let Some(file) = &self.state_file {
            let state: Result<Value, _> = serde_json::from_slice(file);
            assert!(state.is_ok_and(|state| state["run_count"].is_u64()), "{when}: operator_state.json");
        }
    }

    /// The messages that the decisions ask for.
    fn messages_of_the_journal(&self) -> BTreeSet<Message> {
        let mut messages = BTreeSet::new();
        for entry in self.entries.iter().filter(|entry| entry.is_sent()) {
            let (kind, subject) = match entry.digest {
                Some(digest) => ("digest", digest.to_string()),
                None => ("alert", entry.key.clone()),
            };
            assert_eq!(entry.decision == "coalesce", entry.digest.is_some(), "{entry:?}");
            for channel in entry.channels.iter().filter(|channel| *channel != "journal") {
                messages.insert((kind.into(), subject.clone(), channel.clone(), entry.first_at));
            }
        }
        messages
    }

    /// An incident points at its last decision, and its last notification is that of the journal.
    fn check_incident(&self, key: &str, incident: &Incident, when: &str) {
        let of_key = || self.entries.iter().filter(|entry| entry.key == key);
        let last = of_key().next_back().unwrap_or_else(|| panic!("{when}: {key} has no entry"));
        assert_eq!(incident.entry, last.id, "{when}: {key} points at its last decision");
        assert_eq!(incident.open, last.decision != "resolve", "{when}: {key}");
        assert_eq!(incident.body["open"], incident.open, "{when}: {key}");
        let announced = incident.body["announced"]["at"].as_str().map(|at| at.parse::<Timestamp>().expect("a moment"));
        let sent = of_key().fold(None, |sent, entry| match entry.is_sent() {
            true => Some(entry),
            false => sent.filter(|sent| !self.is_reset_by(sent, entry)),
        });
        let sent = sent.map(|entry| entry.first_at);
        assert_eq!(announced.map(Timestamp::as_millisecond), sent, "{when}: {key}");
        let is_lost = incident.open && sent.is_none() && incident.body["held"] != true;
        assert!(!is_lost, "{when}: {key} is open, was never sent, and is not held");
    }

    /// Whether a resolve makes an alert new again: it was to be sent to a channel, and no channel has shown it.
    fn is_reset_by(&self, sent: &DecisionRow, resolve: &DecisionRow) -> bool {
        // An alert that may have been seen counts as shown: in these tests no update takes it back.
        let is_seen = || self.seen.iter().any(|(key, at)| *key == sent.key && *at < resolve.first_at);
        resolve.decision == "resolve" && sent.channels.len() > 1 && !is_seen()
    }

    /// No alert is repeated within its window unless its priority rose; a reminder comes once a slot.
    fn check_no_repeats(&self, when: &str) {
        let mut last: BTreeMap<&str, &DecisionRow> = BTreeMap::new();
        for entry in &self.entries {
            if !entry.is_sent() {
                if last.get(entry.key.as_str()).is_some_and(|sent| self.is_reset_by(sent, entry)) {
                    last.remove(entry.key.as_str());
                }
                continue;
            }
            let Some(before) = last.insert(&entry.key, entry) else { continue };
            let apart = entry.first_at - before.first_at;
            let is_new = match &entry.occasion {
                Some(_) => entry.occasion != before.occasion && apart >= 3_600_000,
                None => apart >= window(entry) || urgency(entry) > urgency(before),
            };
            assert!(is_new, "{when}: sent twice: {before:?} and {entry:?}");
        }
    }
}

/// The milliseconds in which an alert is a duplicate.
fn window(entry: &DecisionRow) -> i64 {
    let hours = match (entry.priority.as_str(), entry.key.split(':').next()) {
        ("critical", _) => 1,
        (_, Some("health")) => 4,
        (_, Some("pattern")) => 24 * 7,
        _ => 24,
    };
    hours * 3_600_000
}

fn urgency(entry: &DecisionRow) -> usize {
    let scale = ["low", "medium", "high", "critical"];
    scale.iter().position(|word| *word == entry.priority).expect("a priority")
}

fn entry(row: &Row) -> rusqlite::Result<DecisionRow> {
    Ok(DecisionRow {
        id: row.get("id")?,
        first_at: row.get("first_at")?,
        times: row.get("times")?,
        key: row.get("key")?,
        priority: row.get("priority")?,
        occasion: row.get("occasion")?,
        decision: row.get("decision")?,
        channels: serde_json::from_str(&row.get::<_, String>("channels")?).expect("a list"),
        digest: row.get("digest")?,
    })
}

fn incident(row: &Row) -> rusqlite::Result<(String, Incident)> {
    let body = serde_json::from_str(&row.get::<_, String>("body")?).expect("a body");
    Ok((row.get("key")?, Incident { open: row.get("open")?, entry: row.get("journal_id")?, body }))
}

fn message(row: &Row) -> rusqlite::Result<Message> {
    let subject = match row.get::<_, Option<i64>>("digest")? {
        Some(digest) => digest.to_string(),
        None => row.get("key")?,
    };
    Ok((row.get("kind")?, subject, row.get("channel")?, row.get("created_at")?))
}
