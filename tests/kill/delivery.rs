//! Kills the program while it sends, and compares what two servers saw with what was decided.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use jiff::ToSpan;
use jiff::civil::date;
use rusqlite::Connection;
use serde_json::json;

use crate::home::{Home, eventually};
use crate::ledger::copied;
use crate::life::Dice;
use crate::post_office::{Letter, PostOffice, Trap};
use crate::{ask_to_run, dice, kills, start};

const CHANNELS: [&str; 2] = ["webhook", "telegram"];

/// The kinds of moments that were hit.
#[derive(Debug, Default)]
struct Hits {
    before_a_message_was_sent: u32,
    under_way: u32,
    answered_and_not_written_down: u32,
    written_down: u32,
    too_late: u32,
}

/// A message of our database, by channel and number.
type Number = (&'static str, String);

/// A person whose tasks come due and are done, with two channels.
struct Desk {
    home: Home,
    office: PostOffice,
    dice: Dice,
    /// The open ones, and whether they are critical.
    tasks: BTreeMap<u32, bool>,
    next: u32,
    /// What each run left in doubt.
    doubts: BTreeMap<u32, BTreeSet<Number>>,
    hits: Hits,
}

impl Desk {
    fn new(home: Home) -> Self {
        let office = PostOffice::open();
        home.tasks("DELETE FROM tasks; DELETE FROM commitments;");
        home.set(json!({
            "quiet_hours": {"enabled": false},
            "deduplication": {"max_alerts_per_run": 3},
            "monitors": {"health": {"enabled": false}, "patterns": {"enabled": false}},
            "intervals": {"task_check": 86_400},
            "alerters": {
                "notification": {"enabled": false},
                "webhook": {"enabled": true, "min_priority": "low", "url": format!("{}/hook", office.url)},
                "telegram": {"enabled": true, "token": "1:a", "chat_id": "7", "api_url": office.url},
            },
        }));
        Self {
            home,
            office,
            dice: dice(),
            tasks: BTreeMap::new(),
            next: 0,
            doubts: BTreeMap::new(),
            hits: Hits::default(),
        }
    }

    /// Some are done, some become critical, some are new.
    fn live(&mut self) {
        let mut sql = String::from("PRAGMA synchronous = OFF; BEGIN;");
        for (task, critical) in std::mem::take(&mut self.tasks) {
            match self.dice.below(10) {
                0..3 => sql += &format!("UPDATE tasks SET status = 'done' WHERE id = 't{task}';"),
                3 => drop(self.tasks.insert(task, true)),
                _ => drop(self.tasks.insert(task, critical)),
            }
        }
        for _ in 0..=self.dice.below(4) {
            self.tasks.insert(self.next, self.dice.below(5) == 0);
            self.next += 1;
        }
        for (task, critical) in &self.tasks {
            let metadata = if *critical { r#"'{"value_tier": "milestone"}'"# } else { "NULL" };
            sql += &format!(
                "INSERT OR REPLACE INTO tasks (id, title, status, due_date, metadata, domain, source)
                 VALUES ('t{task}', 'Task t{task}', 'active', '2026-01-01', {metadata}, 'work', 'manual');"
            );
        }
        self.home.tasks(&(sql + "COMMIT"));
    }

    /// Most fall into the sending, from the arrival of one of the first messages on.
    fn set_trap(&mut self, run: u32, child: Child) -> Arc<Mutex<Child>> {
        let victim = Arc::new(Mutex::new(child));
        let channel = CHANNELS[self.dice.below(2) as usize];
        let trap = Trap {
            channel,
            passes: self.dice.below(if channel == "webhook" { 3 } else { 8 }) % 6 % 3,
            at_answer: self.dice.below(3) > 0,
            delay: Duration::from_micros(
                [0, self.dice.below(400), self.dice.below(4_000)][self.dice.below(3) as usize],
            ),
            victim: Arc::clone(&victim),
        };
        let mut books = self.office.books();
        books.trap = (run % 8 != 0).then_some(trap);
        victim
    }

    /// From here on everything belongs to this run.
    fn begin(&mut self, run: u32) {
        let thinks = Duration::from_micros(self.dice.below(2_000));
        let mut books = self.office.books();
        (books.run, books.thinks, books.killed, books.trap) = (run, thinks, None, None);
    }

    /// Wait for its end; whether the signal found it alive.
    fn bury(&self, victim: &Mutex<Child>) -> bool {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = victim.lock().expect("the victim").try_wait().expect("its state") {
                self.office.books().trap = None;
                return status.code().is_none();
            }
            assert!(Instant::now() < patience, "it hangs");
            thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// See what the run left, and how far it had come with its last message when it was killed.
    fn look_at_what_is_left(&mut self, run: u32, killed: bool) {
        let left = copied(&self.home);
        let doubt = |db: &Connection| -> BTreeSet<Number> {
            let mark: String = db
                .query_row("SELECT value FROM settings WHERE name = 'mark'", [], |row| row.get(0))
                .unwrap_or_default();
            let sql = "SELECT DISTINCT channel, parcel FROM outbox WHERE under_way = 1 OR in_doubt = 1";
            let mut rows = db.prepare(sql).expect("a query");
            let numbers =
                rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).expect("rows");
            let known = |name: String| CHANNELS.into_iter().find(|channel| *channel == name).expect("a channel");
            let id = |parcel: i64| format!("{}-{parcel}", mark.trim_matches('"'));
            numbers.map(|row| row.map(|(name, parcel)| (known(name), id(parcel))).expect("a row")).collect()
        };
        let doubt = left.as_ref().map(doubt).unwrap_or_default();
        let books = self.office.books();
        let last = books.letters.iter().rfind(|letter| letter.run == run).cloned();
        let at = books.killed.unwrap_or_else(Instant::now);
        drop(books);
        let hit = match last {
            _ if !killed => &mut self.hits.too_late,
            None => &mut self.hits.before_a_message_was_sent,
            Some(letter) if letter.received > at => &mut self.hits.before_a_message_was_sent,
            Some(letter) if letter.answered.is_none_or(|answered| answered > at) => &mut self.hits.under_way,
            Some(letter) if doubt.iter().any(|(channel, id)| letter.channel == *channel && letter.id == *id) => {
                &mut self.hits.answered_and_not_written_down
            }
            Some(_) => &mut self.hits.written_down,
        };
        *hit += 1;
        self.doubts.insert(run, doubt);
    }

    /// The whole story: what was decided beside what was seen.
    fn compare(&self) {
        let letters = self.office.books().letters.clone();
        let db = self.home.database();
        let waits: i64 = db
            .query_row("SELECT count(*) FROM outbox WHERE state = 'pending' OR state = 'failed'", [], |row| row.get(0))
            .expect("a number");
        assert_eq!(waits, 0, "nothing waits and nothing failed");
        let mut tellings: BTreeMap<(String, &str), usize> = BTreeMap::new();
        let mut last: BTreeMap<(String, &str), bool> = BTreeMap::new();
        let mut rows = db
            .prepare("SELECT key, decision, channels FROM journal WHERE decision IN ('deliver', 'coalesce', 'resolve') ORDER BY id")
            .expect("a query");
        let mut rows = rows.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let (key, decision, on): (String, String, String) =
                (row.get(0).expect("a key"), row.get(1).expect("a decision"), row.get(2).expect("channels"));
            for channel in CHANNELS {
                let told = decision != "resolve";
                // Of a text only the titles of tasks are read.
                if !on.contains(channel) || channel == "telegram" && !key.starts_with("task:deadline_overdue:") {
                    continue;
                }
                if told {
                    *tellings.entry((key.clone(), channel)).or_default() += 1;
                }
                last.insert((key.clone(), channel), told);
            }
        }
        for channel in CHANNELS {
            let of: Vec<&Letter> = letters.iter().filter(|letter| letter.channel == channel).collect();
            let screen = Screen::after(&of);
            for ((key, _), told) in last.iter().filter(|((_, known), _)| *known == channel) {
                // What was over before anybody saw it was never shown.
                let stands = screen.stands(key);
                let is_true = stands == Some(*told) || !told && stands.is_none();
                assert!(
                    is_true,
                    "{channel}: {key} was decided {told}, is shown {stands:?}\n{}",
                    self.story(&db, channel, key)
                );
            }
            for (key, times) in screen.told {
                let decided = tellings.get(&(key.clone(), channel)).copied().unwrap_or(0);
                assert!(times.len() <= decided, "{channel}: {key} was told as {times:?}, decided {decided} times");
            }
            self.repetitions_are_excused(channel, &of);
        }
    }

    /// All that concerns a key on a channel, for whoever looks for the mistake.
    fn story(&self, db: &Connection, channel: &str, key: &str) -> String {
        let letters = self.office.books().letters.clone();
        let letters = letters.iter().filter(|letter| letter.channel == channel && letter.items.contains_key(key));
        let seen =
            letters.map(|letter| format!("run {} {} in {}: {:?}", letter.run, letter.id, letter.place, letter.items));
        let mut rows = db
            .prepare(
                "SELECT id || ' ' || kind || ' ' || state || ' parcel ' || ifnull(parcel, '') || ' ' || ifnull(reason, '') || ' '
                   || ifnull(external_id, '') || ' ' || created_at || ' ' || done_at FROM outbox
                 WHERE channel = ?2 AND (key = ?1 OR digest IN (SELECT digest FROM journal WHERE key = ?1))
                 UNION ALL SELECT 'told in ' || parcel || ' ' || state FROM told WHERE channel = ?2 AND key = ?1",
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

/// The default is for every day; the whole number is for when it matters.
fn rounds() -> u32 {
    if std::env::var_os("OPERATOR_KILLS").is_some() { kills() } else { 40 }
}

#[test]
fn a_kill_while_sending_loses_no_message_and_doubles_none_that_has_a_key() {
    let mut desk = Desk::new(Home::on(date(2026, 11, 2), "UTC"));
    let morning: jiff::Timestamp = desk.home.at("06:00").parse().expect("a moment");
    let rounds = rounds();
    for run in 0..rounds {
        desk.live();
        desk.begin(run);
        let at = (morning + (20 * i64::from(run)).minutes()).to_string();
        let victim = start(&desk.home, &["--once", "--at", &at]);
        let victim = desk.set_trap(run, victim);
        if run % 8 == 0 {
            let delay = Duration::from_micros(desk.dice.below(60_000));
            crate::wait(delay);
            let _ = victim.lock().expect("the victim").kill();
        }
        let killed = desk.bury(&victim);
        desk.look_at_what_is_left(run, killed);
    }
    let mut moment = i64::from(rounds);
    desk.live();
    for run in rounds..rounds + 3 {
        desk.begin(run);
        desk.home.check(&(morning + (20 * moment).minutes()).to_string());
        desk.doubts.insert(run, BTreeSet::new());
        moment += 1;
    }
    desk.compare();
    eprintln!("{:?}", desk.hits);
}

#[test]
fn a_killed_engine_loses_no_message_either() {
    let mut desk = Desk::new(Home::new());
    let rounds = rounds().div_ceil(4);
    for run in 0..rounds {
        desk.begin(run);
        let engine = start(&desk.home, &["--headless"]);
        desk.live();
        let victim = desk.set_trap(run, engine);
        let asked = eventually("the socket", || {
            let over = victim.lock().expect("the victim").try_wait().expect("its state").is_some();
            if over { Some(None) } else { ask_to_run(&desk.home).map(Some) }
        });
        if run % 8 == 0 {
            let delay = Duration::from_micros(desk.dice.below(60_000));
            crate::wait(delay);
            let _ = victim.lock().expect("the victim").kill();
        }
        let killed = desk.bury(&victim);
        drop(asked);
        desk.look_at_what_is_left(run, killed);
    }
    for run in rounds..rounds + 3 {
        desk.begin(run);
        desk.home.run(&["--once"]).ok();
        desk.doubts.insert(run, BTreeSet::new());
    }
    desk.compare();
    eprintln!("{:?}", desk.hits);
}
