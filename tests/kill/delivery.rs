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

use crate::evidence::{CHANNELS, Evidence, Number};
use crate::home::{Home, eventually};
use crate::ledger::copied;
use crate::life::Dice;
use crate::post_office::{PostOffice, Trap};
use crate::{ask_to_run, dice, kills, start};

/// The kinds of moments that were hit.
#[derive(Debug, Default)]
struct Hits {
    before_a_message_was_sent: u32,
    under_way: u32,
    answered_and_not_written_down: u32,
    written_down: u32,
    too_late: u32,
}

impl Hits {
    fn add(&mut self, more: &Self) {
        self.before_a_message_was_sent += more.before_a_message_was_sent;
        self.under_way += more.under_way;
        self.answered_and_not_written_down += more.answered_and_not_written_down;
        self.written_down += more.written_down;
        self.too_late += more.too_late;
    }
}

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
    fn new(home: Home, dice: Dice) -> Self {
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
        Self { home, office, dice, tasks: BTreeMap::new(), next: 0, doubts: BTreeMap::new(), hits: Hits::default() }
    }

    /// Some are done, some become critical, some are new.
    fn live(&mut self) {
        let mut sql = String::from("PRAGMA synchronous = OFF; BEGIN;");
        for (task, critical) in std::mem::take(&mut self.tasks) {
            match self.dice.below(10) {
                0..2 => sql += &format!("UPDATE tasks SET status = 'done' WHERE id = 't{task}';"),
                2 => drop(self.tasks.insert(task, true)),
                _ => drop(self.tasks.insert(task, critical)),
            }
        }
        for _ in 0..=self.dice.below(2) {
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
        books.trap = (!run.is_multiple_of(8)).then_some(trap);
        victim
    }

    /// From here on everything belongs to this run.
    fn begin(&mut self, run: u32) {
        let thinks = Duration::from_micros(self.dice.below(2_000));
        let mut books = self.office.books();
        (books.run, books.thinks, books.killed, books.trap) = (run, thinks, None, None);
    }

    /// Wait for its end, and end it when too few messages came to set off the trap; whether a signal found it alive.
    fn bury(&self, victim: &Mutex<Child>) -> bool {
        let patience = Instant::now() + Duration::from_secs(5);
        loop {
            let mut child = victim.lock().expect("the victim");
            if let Some(status) = child.try_wait().expect("its state") {
                drop(child);
                self.office.read_to_the_end();
                self.office.books().trap = None;
                return status.code().is_none();
            }
            if Instant::now() > patience {
                let _ = child.kill();
            }
            drop(child);
            thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// See what the run left, and how far it had come with its last message when it was killed.
    fn look_at_what_is_left(&mut self, run: u32, killed: bool) {
        let left = copied(&self.home);
        let doubt = |db: &Connection| -> BTreeSet<Number> {
            let mark: String = db
                .query_row("SELECT value FROM settings WHERE name = 'database_id'", [], |row| row.get(0))
                .unwrap_or_default();
            let sql = "SELECT DISTINCT channel, batch_id FROM outbox WHERE in_flight = 1 OR unconfirmed = 1";
            let mut rows = db.prepare(sql).expect("a query");
            let numbers =
                rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).expect("rows");
            let known = |name: String| CHANNELS.into_iter().find(|channel| *channel == name).expect("a channel");
            let id = |batch: i64| format!("{}-{batch}", mark.trim_matches('"'));
            numbers.map(|row| row.map(|(name, batch)| (known(name), id(batch))).expect("a row")).collect()
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

    /// Some are killed whatever they do.
    fn kill_at_any_time(&mut self, run: u32, victim: &Mutex<Child>) {
        if run.is_multiple_of(8) {
            crate::wait(Duration::from_micros(self.dice.below(60_000)));
            let _ = victim.lock().expect("the victim").kill();
        }
    }

    /// Undisturbed, until nothing waits.
    fn end(mut self, rounds: u32, check: impl Fn(&Home, u32)) -> Hits {
        let waits = "SELECT count(*) FROM outbox WHERE state = 'pending'";
        for run in rounds..rounds + 20 {
            self.begin(run);
            check(&self.home, run);
            self.doubts.insert(run, BTreeSet::new());
            if self.home.database().query_row(waits, [], |row| row.get(0)) == Ok(0) {
                break;
            }
        }
        let letters = self.office.books().letters.clone();
        Evidence { home: &self.home, letters, doubts: &self.doubts }.compare();
        self.hits
    }
}

/// So many kills make a life: what they leave behind goes out at its end, a message a second.
const LIFE: u32 = 25;

/// The default is for every day; the whole number is for when it matters.
fn rounds() -> u32 {
    if std::env::var_os("OPERATOR_KILLS").is_some() { kills() } else { 40 }
}

/// Live as many lives as there are kills for, some at a time: most of a life is waiting.
fn live_all(kills: u32, live: impl Fn(Dice, u32) -> Hits + Sync) {
    let mut dice = dice();
    let mut lives: Vec<(Dice, u32)> = Vec::new();
    for begun in (0..kills).step_by(LIFE as usize) {
        lives.push((Dice::new(dice.below(1 << 40)), LIFE.min(kills - begun)));
    }
    let (lives, hits) = (Mutex::new(lives), Mutex::new(Hits::default()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let next = || lives.lock().expect("the lives").pop();
                while let Some((dice, rounds)) = next() {
                    let more = live(dice, rounds);
                    hits.lock().expect("the hits").add(&more);
                }
            });
        }
    });
    eprintln!("{:?}", hits.into_inner().expect("the hits"));
}

#[test]
fn kill_while_sending_loses_and_doubles_nothing() {
    live_all(rounds(), |dice, rounds| {
        let mut desk = Desk::new(Home::on(date(2026, 11, 2), "UTC"), dice);
        let morning: jiff::Timestamp = desk.home.at("06:00").parse().expect("a moment");
        let at = |run: u32| (morning + (20 * i64::from(run)).minutes()).to_string();
        for run in 0..rounds {
            desk.live();
            desk.begin(run);
            let victim = start(&desk.home, &["--once", "--at", &at(run)]);
            let victim = desk.set_trap(run, victim);
            desk.kill_at_any_time(run, &victim);
            let killed = desk.bury(&victim);
            desk.look_at_what_is_left(run, killed);
        }
        desk.live();
        desk.end(rounds, |home, run| drop(home.check(&at(run))))
    });
}

#[test]
fn killed_engine_loses_no_message() {
    live_all(rounds().div_ceil(4), |dice, rounds| {
        let mut desk = Desk::new(Home::new(), dice);
        for run in 0..rounds {
            desk.begin(run);
            let engine = start(&desk.home, &["--headless"]);
            desk.live();
            let victim = desk.set_trap(run, engine);
            let asked = eventually("the socket", || {
                let over = victim.lock().expect("the victim").try_wait().expect("its state").is_some();
                if over { Some(None) } else { ask_to_run(&desk.home).map(Some) }
            });
            desk.kill_at_any_time(run, &victim);
            let killed = desk.bury(&victim);
            drop(asked);
            desk.look_at_what_is_left(run, killed);
        }
        desk.end(rounds, |home, _| drop(home.run(&["--once"]).ok()))
    });
}
