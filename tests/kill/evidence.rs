//! What two servers saw beside what was decided.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use crate::home::Home;
use crate::post_office::Letter;

pub(crate) const CHANNELS: [&str; 2] = ["webhook", "telegram"];

/// A message of our database, by channel and number.
pub(crate) type Number = (&'static str, String);

/// All that can be known afterwards.
pub(crate) struct Evidence<'a> {
    pub(crate) home: &'a Home,
    pub(crate) letters: Vec<Letter>,
    /// What each run left in doubt.
    pub(crate) doubts: &'a BTreeMap<u32, BTreeSet<Number>>,
}

impl Evidence<'_> {
    /// The whole story: what was decided beside what was seen.
    pub(crate) fn compare(&self) {
        let letters = &self.letters;
        let db = self.home.database();
        let waits: i64 = db
            .query_row("SELECT count(*) FROM outbox WHERE state = 'pending' OR state = 'failed'", [], |row| row.get(0))
            .expect("a number");
        assert_eq!(waits, 0, "nothing waits and nothing failed");
        let decided = decided(&db);
        for channel in CHANNELS {
            let of: Vec<&Letter> = letters.iter().filter(|letter| letter.channel == channel).collect();
            let mut screen = Screen::after(&of);
            for ((_, key), Decided { times, told }) in decided.iter().filter(|((on, _), _)| *on == channel) {
                let (stands, numbers) = (screen.stands(key), screen.told.remove(key).unwrap_or_default());
                // What was over before anybody saw it was never shown.
                let is_true = stands == Some(*told) || !told && stands.is_none();
                assert!(
                    is_true && numbers.len() <= *times,
                    "{channel}: {key} was decided {times} times, at last {told}; was told as {numbers:?}, is shown {stands:?}\n{}",
                    self.story(&db, channel, key)
                );
            }
            assert!(screen.told.is_empty(), "{channel}: told and never decided: {:?}", screen.told);
            self.repetitions_are_excused(channel, &of);
        }
    }

    /// All that concerns a key on a channel, for whoever looks for the mistake.
    fn story(&self, db: &Connection, channel: &str, key: &str) -> String {
        let letters = self.letters.iter().filter(|letter| letter.channel == channel && letter.items.contains_key(key));
        let seen =
            letters.map(|letter| format!("run {} {} in {}: {:?}", letter.run, letter.id, letter.place, letter.items));
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

    /// The same message again only from another process, and only where the one before had left it in doubt.
    fn repetitions_are_excused(&self, channel: &'static str, letters: &[&Letter]) {
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        let mut again: BTreeMap<u32, u32> = BTreeMap::new();
        for letter in letters.iter().filter(|letter| letter.is_news) {
            let Some(before) = seen.insert(&letter.id, letter.run) else { continue };
            assert!(before < letter.run, "{channel}: {} twice from one process", letter.id);
            let doubted = (before..letter.run).all(|run| self.doubts[&run].contains(&(channel, letter.id.clone())));
            assert!(doubted, "{channel}: {} came again, and there was no doubt", letter.id);
            *again.entry(before).or_default() += 1;
        }
        assert!(
            again.values().all(|times| *times == 1),
            "{channel}: more than one message again after one kill: {again:?}"
        );
        eprintln!("{channel}: {} messages, {} of them again after a kill", letters.len(), again.len());
    }
}

/// What the journal says of a key on a channel.
#[derive(Default)]
struct Decided {
    /// How often it was to be told.
    times: usize,
    /// Whether that was the last decision, and not its end.
    told: bool,
}

fn decided(db: &Connection) -> BTreeMap<Number, Decided> {
    let mut all: BTreeMap<Number, Decided> = BTreeMap::new();
    let sql =
        "SELECT key, decision, channels FROM journal WHERE decision IN ('deliver', 'coalesce', 'resolve') ORDER BY id";
    let mut rows = db.prepare(sql).expect("a query");
    let mut rows = rows.query([]).expect("rows");
    while let Some(row) = rows.next().expect("a row") {
        let text = |column| row.get::<_, String>(column).expect("a text");
        let (key, told, on) = (text(0), text(1) != "resolve", text(2));
        for channel in CHANNELS.into_iter().filter(|channel| on.contains(channel)) {
            // Of a text only the titles of tasks are read.
            if channel == "webhook" || key.starts_with("task:deadline_overdue:") {
                let decided = all.entry((channel, key.clone())).or_default();
                (decided.times, decided.told) = (decided.times + usize::from(told), told);
            }
        }
    }
    all
}

/// What stands on a channel's screen.
struct Screen {
    /// Messages in the order in which they came, with what they show.
    places: Vec<(String, BTreeMap<String, bool>)>,
    /// The numbers under which each key was told.
    told: BTreeMap<String, BTreeSet<String>>,
}

impl Screen {
    fn after(letters: &[&Letter]) -> Self {
        let mut screen = Self { places: Vec::new(), told: BTreeMap::new() };
        for letter in letters {
            // A channel that takes a key shows a repetition once.
            let known = letter.channel == "webhook"
                && letters.iter().any(|early| early.received < letter.received && early.id == letter.id);
            if known {
                continue;
            }
            let place = screen.places.iter_mut().find(|(place, _)| *place == letter.place);
            match place {
                Some((_, items)) => items.clone_from(&letter.items),
                None => screen.places.push((letter.place.clone(), letter.items.clone())),
            }
            for key in letter.items.keys().filter(|_| letter.is_news) {
                screen.told.entry(key.clone()).or_default().insert(letter.id.clone());
            }
        }
        screen
    }

    /// Whether a key is shown as open where it was told last; none: nowhere.
    fn stands(&self, key: &str) -> Option<bool> {
        self.places.iter().rev().find_map(|(_, items)| items.get(key).copied())
    }
}
